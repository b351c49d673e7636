/* JetStream: publishing to streams, each message with its acknowledgement. */
#include "stream.h"

/* A publish to s.a; its sequence. */
static uint64_t put(nats_jetstream *js, const char *options) {
  uint64_t sequence = 0;
  OK(nats_jetstream_publish(js, S("s.a"), NULL, B("x"), S(options), &sequence, NULL, E));
  return sequence;
}

static nats_status try_put(nats_jetstream *js, const char *subject, const char *options) {
  return nats_jetstream_publish(js, S(subject), NULL, B("x"), S(options), NULL, NULL, E);
}

/* A publish on another thread. */
struct putting {
  nats_jetstream *js;
  const char *options;
  nats_status expected;
  uint64_t sequence;
};

static void *put_there(void *argument) {
  struct putting *putting = argument;
  FAILS(putting->expected,
        nats_jetstream_publish(putting->js, S("s.a"), NULL, B("x"), S(putting->options),
                               &putting->sequence, NULL, E));
  return NULL;
}

TEST("js-publish-01", "a publish is acknowledged, and stored with payload and headers") {
  struct place at = start_stream("");
  static const char payload[] = "one\r\n\0two";
  nats_headers *headers = own_header();
  uint64_t sequence = 0;
  nats_doc *ack = NULL;
  OK(nats_jetstream_publish(at.js, S("s.a"), headers, nats_bytes_of(payload, sizeof payload), NONE,
                            &sequence, &ack, E));
  EXPECT_INT(sequence, 1);
  expect_str(ack, "stream", "S");
  expect_int(ack, "seq", 1);
  OK(nats_doc_free(ack));
  OK(nats_headers_free(headers));
  nats_msg *msg = message_at(at.js, 1);
  nats_bytes got = nats_msg_payload(msg);
  EXPECT_TEXT(nats_msg_subject(msg), "s.a");
  EXPECT(got.len == sizeof payload && !memcmp(got.ptr, payload, got.len));
  EXPECT_TEXT(header_of(msg, "Own"), "kept");
  OK(nats_msg_free(msg));
  leave(at);
}

TEST("js-publish-02", "a message id that the stream knows gives the sequence of then") {
  struct place at = start_stream("");
  nats_str id = S("{\"msg_id\":\"id\"}");
  EXPECT_INT(put(at.js, ""), 1);
  for (int again = 0; again < 2; ++again) {
    uint64_t sequence = 0;
    nats_doc *ack = NULL;
    int32_t duplicate = 0;
    nats_error *err = NULL;
    OK(nats_jetstream_publish(at.js, S("s.a"), NULL, B("x"), id, &sequence, &ack, E));
    EXPECT_INT(sequence, 2);
    nats_doc_get_bool(ack, S("duplicate"), &duplicate, &err);
    nats_error_free(err);
    EXPECT_INT(duplicate, again);
    OK(nats_doc_free(ack));
    put(at.js, "");
  }
  EXPECT_INT(stored(at.js), 4);
  leave(at);
}

TEST("js-publish-03", "a message is stored when what it expects is so, and not otherwise") {
  struct place at = start_stream("");
  char options[128];
  static const char *const formats[] = {
      "{\"expected_last_sequence\":%d}",
      "{\"expected_last_subject_sequence\":%d}",
      "{\"expected_last_subject_sequence\":%d,\"expected_last_subject\":\"s.>\"}",
  };
  put(at.js, "{\"msg_id\":\"last\"}");
  put(at.js, "{\"expected_last_msg_id\":\"last\"}");
  int last = (int)put(at.js, "{\"expected_stream\":\"S\"}");
  EXPECT_INT(last, 3);
  const char *never =
      J({"expected_last_subject_sequence":0,"expected_last_subject":"s.never"});
  bool by_subject = NEEDS(at.nc, 2, 11, "expected_last_subject", try_put(at.js, "s.a", never));
  int count = by_subject ? 3 : 2;
  last += by_subject;
  for (int i = 0; i < count; ++i) {
    snprintf(options, sizeof options, formats[i], last);
    last = (int)put(at.js, options);
  }
  EXPECT_INT(last, by_subject ? 7 : 5);
  for (int i = 0; i < count; ++i) {
    snprintf(options, sizeof options, formats[i], last + 7);
    FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, try_put(at.js, "s.a", options));
  }
  FAILS(NATS_ERR_JETSTREAM, try_put(at.js, "s.a", "{\"expected_stream\":\"T\"}"));
  NUMBERED(10060);
  FAILS(NATS_ERR_JETSTREAM, try_put(at.js, "s.a", "{\"expected_last_msg_id\":\"last\"}"));
  NUMBERED(10070);
  EXPECT_INT(stored(at.js), last);
  FAILS(NATS_ERR_INVALID_OPTION, try_put(at.js, "s.a", "{\"msgid\":\"x\"}"));
  SAYS("msg_id");
  leave(at);
}

TEST("js-publish-04", "a time to live is kept with the message, which goes when it is over") {
  struct place at;
  if (!start_newer(&at, 11, "allow_msg_ttl", ",\"allow_msg_ttl\":true")) return;
  nats_msg *msg = message_at(at.js, put(at.js, "{\"ttl_ms\":3600000}"));
  EXPECT_TEXT(header_of(msg, "Nats-TTL"), "3600s");
  OK(nats_msg_free(msg));
  FAILS(NATS_ERR_INVALID_OPTION, try_put(at.js, "s.a", "{\"ttl_ms\":999}"));
  SAYS("ttl_ms");
  EXPECT_INT(put(at.js, "{\"ttl_ms\":1000}"), 2);
  until_int(at.js, nats_stream_info, J({"stream":"S"}), "state.messages", 1);
  leave(at);
}

static uint64_t sent(nats_connection *nc) {
  nats_stats stats;
  OK(nats_connection_stats(nc, &stats, E));
  return stats.out_messages;
}

TEST("js-publish-05", "a subject that no stream has is tried as often as was set") {
  struct place at = start_place();
  uint64_t before = sent(at.nc);
  FAILS(NATS_ERR_NO_RESPONDERS, try_put(at.js, "s.a", "{\"retries\":1,\"retry_wait_ms\":10}"));
  EXPECT_INT(sent(at.nc) - before, 2);
  before = sent(at.nc);
  struct putting putting = {at.js, "{\"retries\":1000,\"retry_wait_ms\":10}", NATS_OK, 0};
  pthread_t thread = begin(put_there, &putting);
  int64_t end = now_ms() + WAIT_MS;
  while (sent(at.nc) - before < 2) EXPECT(now_ms() < end);
  make_stream(at.js, "");
  pthread_join(thread, NULL);
  EXPECT_INT(putting.sequence, 1);
  leave(at);
}

TEST("js-publish-06", "a message that the stream refuses") {
  struct place at = start_stream(",\"max_msg_size\":100");
  uint8_t payload[101] = {0};
  nats_error *err = NULL;
  nats_status status = nats_jetstream_publish(
      at.js, S("s.a"), NULL, nats_bytes_of(payload, sizeof payload), NONE, NULL, NULL, &err);
  EXPECT_INT(status, NATS_ERR_JETSTREAM);
  EXPECT_INT(nats_error_api_code(err), 400);
  EXPECT_INT(nats_error_api_err_code(err), 10054);
  EXPECT_TEXT(nats_jetstream_err_code_name(10054), "STREAM_MESSAGE_EXCEEDS_MAXIMUM");
  char text[256];
  nats_str told = nats_error_text(err);
  snprintf(text, sizeof text, "%.*s", (int)told.len, told.ptr);
  EXPECT(strstr(text, "STREAM_MESSAGE_EXCEEDS_MAXIMUM"));
  OK(nats_error_free(err));
  EXPECT_INT(stored(at.js), 0);
  leave(at);
}

TEST("js-publish-07", "a publish that nobody answers ends after the time that was set") {
  nats_connection *nc;
  nats_jetstream *js = open_js(plain_server(), &nc);
  nats_subscription *silent = listen_to(nc, "plain", NULL);
  int64_t begin = now_ms();
  FAILS(NATS_ERR_TIMEOUT, try_put(js, "plain", "{\"timeout_ms\":300}"));
  EXPECT(now_ms() - begin >= 290);
  OK(nats_subscription_free(silent));
  close_js(js, nc);
}

TEST("js-publish-08",
     "an answer that is lost with the connection; published again it is stored once") {
  struct place at = start_stream("");
  struct remote proxy = proxy_start(at.server);
  nats_connection *nc;
  nats_jetstream *lossy = open_js(proxy.url, &nc);
  /* What the server says is swallowed: nobody knows whether the message is stored. */
  tell(proxy, "black_hole", "\"direction\":\"to_client\"");
  struct putting putting = {lossy, "{\"msg_id\":\"id\",\"timeout_ms\":60000}",
                            NATS_ERR_CONNECTION_LOST, 0};
  pthread_t thread = begin(put_there, &putting);
  until_int(at.js, nats_stream_info, J({"stream":"S"}), "state.messages", 1);
  tell(proxy, "cut_now", "\"cut\":\"rst\"");
  tell(proxy, "resume", NULL);
  pthread_join(thread, NULL);
  uint64_t sequence = 0;
  nats_doc *ack = NULL;
  OK(nats_jetstream_publish(lossy, S("s.a"), NULL, B("x"), S(putting.options), &sequence, &ack, E));
  EXPECT_INT(sequence, 1);
  expect_bool(ack, "duplicate", true);
  OK(nats_doc_free(ack));
  EXPECT_INT(stored(at.js), 1);
  close_js(lossy, nc);
  leave(at);
}

TEST("js-publish-09", "what is not acceptable is refused before anything is sent") {
  struct place at = start_stream("");
  static const char *const subjects[] = {"", "s..a", "s.*", "s.>", "s. a", "s.\r\n"};
  uint64_t before = sent(at.nc);
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; ++i) {
    FAILS(NATS_ERR_INVALID_SUBJECT, try_put(at.js, subjects[i], ""));
  }
  FAILS(NATS_ERR_INVALID_HEADER, try_put(at.js, "s.a", "{\"msg_id\":\"a\\r\\nb\"}"));
  FAILS(NATS_ERR_INVALID_HEADER, try_put(at.js, "s.a", "{\"msg_id\":\"a\\u0000b\"}"));
  size_t most = 0;
  OK(nats_connection_max_payload(at.nc, &most, E));
  uint8_t *large = calloc(most + 1, 1);
  nats_bytes payload = nats_bytes_of(large, most + 1);
  FAILS(NATS_ERR_MAX_PAYLOAD,
        nats_jetstream_publish(at.js, S("s.a"), NULL, payload, NONE, NULL, NULL, E));
  free(large);
  EXPECT_INT(sent(at.nc), before);
  OK(nats_connection_close(at.nc, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, try_put(at.js, "s.a", ""));
  leave(at);
}

static void answer(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *text) {
  (void)nc, (void)sub;
  OK(nats_msg_respond(msg, B(text), E));
  OK(nats_msg_free(msg));
}

TEST("js-publish-10", "an answer that is no acknowledgement") {
  nats_connection *nc;
  nats_jetstream *js = open_js(plain_server(), &nc);
  static const char *const answers[] = {
      "", "+OK", "{", "[]", "{}", J({"stream":"","seq":1}), J({"stream":"S","seq":-1})};
  for (size_t i = 0; i < sizeof answers / sizeof *answers; ++i) {
    nats_subscription *sub = NULL;
    OK(nats_subscribe(nc, S("plain"), answer, (void *)(uintptr_t)answers[i], NULL, &sub, E));
    FAILS(NATS_ERR_PROTOCOL, try_put(js, "plain", ""));
    OK(nats_subscription_free(sub));
  }
  close_js(js, nc);
}
