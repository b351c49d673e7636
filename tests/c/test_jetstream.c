/* JetStream: streams and consumers, publishing with acknowledgement, fetching, acknowledging. */
#include "check.h"

static nats_jetstream *open_js(const char *url, nats_connection **nc) {
  nats_jetstream *js = NULL;
  *nc = dial(url, NULL);
  OK(nats_jetstream_new(*nc, NONE, &js, E));
  return js;
}

static nats_jetstream *start_js(nats_connection **nc) {
  struct remote server = server_start("jetstream", NULL);
  return open_js(server.url, nc);
}

static void close_js(nats_jetstream *js, nats_connection *nc) {
  OK(nats_jetstream_free(js));
  hang_up(nc);
}

typedef nats_status (*Op)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

/* The operation's answer, to be freed. */
static nats_doc *ask_js(nats_jetstream *js, Op op, const char *input) {
  nats_doc *out = NULL;
  OK(op(js, S(input), &out, E));
  return out;
}

static void do_js(nats_jetstream *js, Op op, const char *input) {
  OK(nats_doc_free(ask_js(js, op, input)));
}

static void refuse_js(nats_jetstream *js, Op op, const char *input, nats_status code) {
  nats_doc *out = NULL;
  FAILS(code, op(js, S(input), &out, E));
  EXPECT(out == NULL);
}

static void expect_int(nats_doc *doc, const char *path, int64_t expected) {
  int64_t got = -1;
  OK(nats_doc_get_int(doc, S(path), &got, E));
  EXPECT_INT(got, expected);
}

static void expect_str(nats_doc *doc, const char *path, const char *expected) {
  nats_str got = NONE;
  OK(nats_doc_get_str(doc, S(path), &got, E));
  EXPECT_TEXT(got, expected);
}

static uint64_t store(nats_jetstream *js, const char *subject, const char *text) {
  uint64_t sequence = 0;
  OK(nats_jetstream_publish(js, S(subject), NULL, B(text), NONE, &sequence, NULL, E));
  return sequence;
}

#define STREAM "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"memory\"}"
#define WORKER "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\"}}"

TEST("c-jetstream-01", "streams by documents: made, changed, listed, emptied, deleted") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *info = ask_js(js, nats_stream_create, STREAM);
  expect_str(info, "config.name", "S");
  expect_str(info, "config.retention", "limits");
  OK(nats_doc_set_int(info, S("config.max_msgs"), 5, E));
  /* The configuration as the server has told it, changed. */
  nats_doc *config = NULL;
  nats_str json = NONE;
  OK(nats_doc_get_doc(info, S("config"), &config, E));
  OK(nats_doc_json(config, &json, E));
  nats_doc *updated = NULL;
  OK(nats_stream_update(js, json, &updated, E));
  expect_int(updated, "config.max_msgs", 5);
  OK(nats_doc_free(updated));
  OK(nats_doc_free(config));
  OK(nats_doc_free(info));
  refuse_js(js, nats_stream_create, STREAM, NATS_ERR_STREAM_EXISTS);
  do_js(js, nats_stream_create_or_update, "{\"name\":\"T\",\"subjects\":[\"t\"]}");
  nats_doc *names = ask_js(js, nats_stream_names, "");
  expect_str(names, "streams.1", "T");
  OK(nats_doc_free(names));
  nats_doc *list = ask_js(js, nats_stream_list, "{\"subject\":\"t\"}");
  expect_str(list, "streams.0.config.name", "T");
  OK(nats_doc_free(list));
  nats_doc *found = ask_js(js, nats_stream_by_subject, "{\"subject\":\"s.1\"}");
  expect_str(found, "stream", "S");
  OK(nats_doc_free(found));
  for (int i = 0; i < 3; ++i) store(js, i ? "s.b" : "s.a", "x");
  info = ask_js(js, nats_stream_info, "{\"stream\":\"S\",\"subjects_filter\":\">\"}");
  expect_int(info, "state.messages", 3);
  expect_int(info, "state.subjects.s\\.b", 2);
  OK(nats_doc_free(info));
  do_js(js, nats_stream_delete_message, "{\"stream\":\"S\",\"seq\":2}");
  nats_doc *purged = ask_js(js, nats_stream_purge, "{\"stream\":\"S\",\"filter\":\"s.b\"}");
  expect_int(purged, "purged", 1);
  OK(nats_doc_free(purged));
  nats_doc *got = ask_js(js, nats_stream_get_message, "{\"stream\":\"S\",\"last_by_subj\":\"s.a\"}");
  expect_int(got, "seq", 1);
  expect_str(got, "data", "eA==");
  OK(nats_doc_free(got));
  nats_doc *account = NULL;
  OK(nats_account_info(js, &account, E));
  expect_int(account, "streams", 2);
  OK(nats_doc_free(account));
  do_js(js, nats_stream_delete, "{\"stream\":\"T\"}");
  close_js(js, nc);
}

TEST("c-jetstream-02", "what JetStream refuses: code, number, its name and the server's text") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *out = NULL;
  nats_error *err = NULL;
  nats_status status = nats_stream_info(js, S("{\"stream\":\"NONE\"}"), &out, &err);
  EXPECT_INT(status, NATS_ERR_STREAM_NOT_FOUND);
  EXPECT_INT(nats_error_api_code(err), 404);
  EXPECT_INT(nats_error_api_err_code(err), 10059);
  EXPECT_TEXT(nats_error_api_description(err), "stream not found");
  EXPECT_TEXT(nats_jetstream_err_code_name(10059), "STREAM_NOT_FOUND");
  OK(nats_error_free(err));
  EXPECT_INT(nats_error_api_code(NULL), 0);
  EXPECT_INT(nats_jetstream_err_code_name(-1).len, 0);
  EXPECT_INT(nats_jetstream_err_code_name(70000).len, 0);
  refuse_js(js, nats_stream_info, "{\"stream\":\"a.b\"}", NATS_ERR_INVALID_NAME);
  SAYS("a.b");
  refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"max_msgs\":\"many\"}", NATS_ERR_INVALID_JSON);
  SAYS("max_msgs");
  refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"placement\":{\"tags\":[1]}}",
            NATS_ERR_INVALID_JSON);
  SAYS("placement.tags[0]");
  refuse_js(js, nats_stream_create, "{", NATS_ERR_INVALID_JSON);
  refuse_js(js, nats_stream_info, "{\"strem\":\"S\"}", NATS_ERR_INVALID_JSON);
  SAYS("strem");
  /* What the library does not know is the server's to judge; before 2.12 it overlooks it. */
  if (is_at_least(nc, 2, 12)) {
    refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"not_known\":1}", NATS_ERR_JETSTREAM);
    SAYS("not_known");
  } else {
    do_js(js, nats_stream_create, "{\"name\":\"S\",\"not_known\":1}");
  }
  nats_jetstream *bad = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(nc, S("{\"domian\":\"x\"}"), &bad, E));
  SAYS("domain");
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(nc, S("{\"domain\":\"a b\"}"), &bad, E));
  struct remote plain = server_start("plain", NULL);
  nats_connection *other;
  nats_jetstream *none = open_js(plain.url, &other);
  FAILS(NATS_ERR_JETSTREAM_NOT_ENABLED, nats_account_info(none, &out, E));
  close_js(none, other);
  close_js(js, nc);
}

TEST("c-jetstream-03", "a publish is stored, once by its id, and only when what it expects is so") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  uint64_t sequence = 0;
  nats_doc *ack = NULL;
  nats_headers *headers = NULL;
  do_js(js, nats_stream_create, STREAM);
  EXPECT_INT(store(js, "s.a", "one"), 1);
  nats_str id = S("{\"msg_id\":\"m\"}");
  for (int i = 0; i < 2; ++i) {
    int32_t duplicate = -1;
    OK(nats_jetstream_publish(js, S("s.a"), NULL, B("two"), id, &sequence, &ack, E));
    EXPECT_INT(sequence, 2);
    expect_str(ack, "stream", "S");
    if (i) {
      OK(nats_doc_get_bool(ack, S("duplicate"), &duplicate, E));
      EXPECT_INT(duplicate, 1);
    }
    OK(nats_doc_free(ack));
  }
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE,
        nats_jetstream_publish(js, S("s.a"), NULL, B("x"), S("{\"expected_last_sequence\":7}"),
                               NULL, NULL, E));
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Own"), S("kept"), E));
  OK(nats_jetstream_publish(js, S("s.h"), headers, B("x"), S("{\"expected_last_sequence\":2}"),
                            &sequence, NULL, E));
  OK(nats_headers_free(headers));
  nats_doc *got = ask_js(js, nats_stream_get_message, "{\"stream\":\"S\",\"seq\":3}");
  expect_str(got, "hdrs.Own.0", "kept");
  OK(nats_doc_free(got));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_publish(js, S("nobody"), NULL, B("x"), S("{\"retries\":0}"), NULL, NULL, E));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_publish(js, S("s.a"), NULL, B("x"), S("{\"msgid\":\"x\"}"), NULL, NULL, E));
  SAYS("msg_id");
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_jetstream_publish(js, S("s..a"), NULL, B("x"), NONE, NULL, NULL, E));
  close_js(js, nc);
}

TEST("c-jetstream-04", "messages are fetched; what is said of them decides whether they come again") {
  enum { CAP = 10 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[CAP];
  nats_metadata about;
  size_t count = 99;
  char text[16];
  do_js(js, nats_stream_create, STREAM);
  for (int i = 1; i <= 12; ++i) {
    snprintf(text, sizeof text, "%d", i);
    store(js, "s.n", text);
  }
  /* Of what is there when it is made, a consumer knows at once how much it is. */
  do_js(js, nats_consumer_create, WORKER);
  OK(nats_jetstream_fetch(js, S("S"), S("worker"), NONE, msgs, CAP, &count, E));
  EXPECT_INT(count, CAP);
  EXPECT_TEXT(as_text(nats_msg_payload(msgs[9])), "10");
  OK(nats_msg_metadata(msgs[9], &about, E));
  EXPECT_TEXT(about.stream, "S");
  EXPECT_TEXT(about.consumer, "worker");
  EXPECT_INT(about.domain.len, 0);
  EXPECT(about.stream_sequence == 10 && about.consumer_sequence == 10 && about.delivered == 1);
  EXPECT(about.pending == 2 && about.timestamp_ns > 1700000000000000000);
  OK(nats_msg_in_progress(msgs[0], E));
  OK(nats_msg_nak(msgs[0], 0, E));
  OK(nats_msg_nak(msgs[1], 100, E));
  OK(nats_msg_term(msgs[2], S("never"), E));
  OK(nats_jetstream_ack_sync(js, msgs[3], WAIT_MS, E));
  OK(nats_msg_ack(msgs[4], E));
  OK(nats_msgs_ack(msgs + 5, CAP - 5, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_ack(msgs[4], E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_in_progress(msgs[2], E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_jetstream_ack_sync(js, msgs[0], WAIT_MS, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msgs_ack(msgs, CAP, E));
  SAYS("message 0");
  OK(nats_msgs_free(msgs, count));
  /* Two that are left, and two again. */
  for (int left = 4; left > 0; left -= (int)count) {
    OK(nats_jetstream_fetch(js, S("S"), S("worker"), NONE, msgs, 1, &count, E));
    EXPECT_INT(count, 1);
    OK(nats_jetstream_ack_sync(js, msgs[0], WAIT_MS, E));
    OK(nats_msg_free(msgs[0]));
  }
  nats_doc *info = ask_js(js, nats_consumer_info, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  expect_int(info, "num_ack_pending", 0);
  OK(nats_doc_free(info));
  OK(nats_jetstream_fetch(js, S("S"), S("worker"), S("{\"no_wait\":true}"), msgs, CAP, &count, E));
  EXPECT_INT(count, 0);
  close_js(js, nc);
}

TEST("c-jetstream-05", "messages that are not from JetStream, consumers that are not there") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[2] = {NULL, NULL};
  nats_metadata about;
  size_t count = 0;
  nats_subscription *sub = listen_to(nc, "plain", NULL);
  send_text(nc, "plain", "x");
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_metadata(msg, &about, E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_ack(msg, E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_jetstream_ack_sync(js, msg, WAIT_MS, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_msg_ack(NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_nak(msg, -1, E));
  OK(nats_msgs_ack(msgs, 2, E)); /* NULL elements */
  OK(nats_msgs_ack(NULL, 0, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msgs_ack(NULL, 1, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  do_js(js, nats_stream_create, STREAM);
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(js, S("S"), S("none"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_fetch(js, S("S"), S("a b"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(js, S("S"), S("c"), NONE, msgs, 0, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(js, S("S"), S("c"), NONE, NULL, 2, &count, E));
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_fetch(js, S("S"), S("c"), S("{\"max_messages\":0}"),
                                                      msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info((nats_jetstream *)nc, &(nats_doc *){NULL}, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_publish((nats_connection *)js, S("a"), B(""), E));
  nats_jetstream *gone = js;
  close_js(js, nc);
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_jetstream_fetch(gone, S("S"), S("c"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info(gone, &(nats_doc *){NULL}, E));
  EXPECT_INT(nats_jetstream_free(gone), NATS_ERR_INVALID_HANDLE);
  EXPECT_INT(nats_jetstream_free(NULL), NATS_OK);
}

TEST("c-jetstream-06", "consumers by documents, and operations on a queue") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  do_js(js, nats_stream_create, STREAM);
  OK(nats_queue_new(&queue, E));
  OK(nats_consumer_create_async(js, S(WORKER), queue, 7, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 7 && event.status == NATS_OK);
  expect_str(event.value, "name", "worker");
  OK(nats_doc_free(event.value));
  OK(nats_consumer_info_async(js, S("{\"stream\":\"S\",\"consumer\":\"x\"}"), queue, 8, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_ERR_CONSUMER_NOT_FOUND);
  EXPECT_INT(nats_error_api_err_code(event.value), 10014);
  OK(nats_error_free(event.value));
  OK(nats_queue_free(queue));
  do_js(js, nats_consumer_update,
        "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\",\"description\":\"d\"}}");
  refuse_js(js, nats_consumer_create, WORKER, NATS_ERR_CONSUMER_EXISTS);
  do_js(js, nats_consumer_create_or_update,
        "{\"stream\":\"S\",\"config\":{\"name\":\"other\",\"inactive_threshold\":60000000000}}");
  nats_doc *names = ask_js(js, nats_consumer_names, "{\"stream\":\"S\"}");
  size_t len = 0;
  OK(nats_doc_len(names, S("consumers"), &len, E));
  EXPECT_INT(len, 2);
  OK(nats_doc_free(names));
  nats_doc *told = NULL;
  nats_str until = S("{\"stream\":\"S\",\"consumer\":\"worker\","
                     "\"pause_until\":\"2100-01-01T00:00:00Z\"}");
  if (NEEDS(nc, 2, 11, "pausing a consumer", nats_consumer_pause(js, until, &told, E))) {
    int32_t is_paused = 0;
    OK(nats_doc_get_bool(told, S("paused"), &is_paused, E));
    EXPECT_INT(is_paused, 1);
    OK(nats_doc_free(told));
    do_js(js, nats_consumer_resume, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  }
  nats_str worker = S("{\"stream\":\"S\",\"consumer\":\"worker\"}");
  if (NEEDS(nc, 2, 14, "resetting a consumer", nats_consumer_reset(js, worker, &told, E))) {
    OK(nats_doc_free(told));
  }
  do_js(js, nats_consumer_delete, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  nats_doc *list = ask_js(js, nats_consumer_list, "{\"stream\":\"S\"}");
  expect_str(list, "consumers.0.name", "other");
  OK(nats_doc_free(list));
  close_js(js, nc);
}
