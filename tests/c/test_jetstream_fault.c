/* What JetStream refuses: by itself, and before it is asked. */
#include "jetstream.h"

TEST("js-fault-01", "names that are none are refused before anything is sent") {
  struct rig rig = rig_on(fake_start("[\"handshake\"]"), "");
  const char *const bad[] = {"", "a.b", "a b", "a\\tb", "a\\r\\nb", "a*", ">", "a/b", "a\\\\b"};
  char input[512];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    snprintf(input, sizeof input, "{\"name\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_create, input, NATS_ERR_INVALID_NAME);
    snprintf(input, sizeof input, "{\"stream\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_info, input, NATS_ERR_INVALID_NAME);
    refused(rig.js, nats_stream_delete, input, NATS_ERR_INVALID_NAME);
    refused(rig.js, nats_consumer_names, input, NATS_ERR_INVALID_NAME);
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"consumer\":\"%s\"}", bad[i]);
    refused(rig.js, nats_consumer_info, input, NATS_ERR_INVALID_NAME);
    refused(rig.js, nats_consumer_delete, input, NATS_ERR_INVALID_NAME);
    if (!*bad[i]) continue;
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"config\":{\"name\":\"%s\"}}", bad[i]);
    refused(rig.js, nats_consumer_create, input, NATS_ERR_INVALID_NAME);
  }
  memset(input, 'x', 300), input[300] = 0;
  nats_msg *msg = NULL;
  size_t count = 9;
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_fetch(rig.js, S(input), S("c"), NONE, &msg, 1, &count, E));
  SAYS("255");
  EXPECT(strlen(check_last_text()) < 200);
  EXPECT(msg == NULL && count == 9);
  expect_unasked(&rig);
  rig_free(&rig);
}

TEST("js-fault-02", "subjects that are none are refused before anything is sent") {
  struct rig rig = rig_on(fake_start("[\"handshake\"]"), "");
  const char *const bad[] = {"a..b", ".a", "a.", "a b", "a\\r\\nPUB x 0"};
  char input[256];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"config\":{\"filter_subject\":\"%s\"}}",
             bad[i]);
    refused(rig.js, nats_consumer_create, input, NATS_ERR_INVALID_SUBJECT);
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"filter\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_purge, input, NATS_ERR_INVALID_SUBJECT);
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"subjects_filter\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_info, input, NATS_ERR_INVALID_SUBJECT);
    snprintf(input, sizeof input, "{\"subject\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_names, input, NATS_ERR_INVALID_SUBJECT);
    refused(rig.js, nats_stream_by_subject, input, NATS_ERR_INVALID_SUBJECT);
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"last_by_subj\":\"%s\"}", bad[i]);
    refused(rig.js, nats_stream_get_message, input, NATS_ERR_INVALID_SUBJECT);
  }
  const char *const literal[] = {"a..b", "a.", "a b", "a\r\nPUB x 0", "a.*", ">"};
  for (size_t i = 0; i < sizeof literal / sizeof *literal; ++i) {
    FAILS(NATS_ERR_INVALID_SUBJECT, store(rig.js, literal[i], "x", "", E));
  }
  expect_unasked(&rig);
  rig_free(&rig);
}

TEST("js-fault-03", "a document that is wrong is refused, and the place in it is named") {
  struct rig rig = rig_on(fake_start("[\"handshake\"]"), "");
  const struct {
    Op op;
    const char *input, *named;
  } bad[] = {
      {nats_stream_create, "{\"name\":\"S\",\"max_msgs\":\"many\"}", "max_msgs"},
      {nats_stream_create, "{\"name\":\"S\",\"subjects\":\"s\"}", "subjects"},
      {nats_stream_create, "{\"name\":\"S\",\"subjects\":[\"s\",7]}", "subjects[1]"},
      {nats_stream_create, "{\"name\":\"S\",\"placement\":{\"tags\":[1]}}", "placement.tags[0]"},
      {nats_stream_create, "{\"name\":\"S\",\"sources\":[{\"name\":{}}]}", "sources[0].name"},
      {nats_stream_create, "{\"name\":\"S\",\"max_age\":1.5}", "max_age"},
      {nats_stream_update, "{\"name\":7}", "name"},
      {nats_consumer_create, "{\"stream\":\"S\",\"config\":7}", "config"},
      {nats_consumer_create, "{\"stream\":\"S\",\"config\":{\"backoff\":[\"1s\"]}}",
       "config.backoff[0]"},
      {nats_consumer_create, "{\"config\":{}}", "stream"},
      {nats_stream_info, "{\"strem\":\"S\"}", "strem"},
      {nats_stream_purge, "{\"stream\":\"S\",\"keep\":-1}", "keep"},
      {nats_stream_get_message, "{\"stream\":\"S\",\"seq\":\"1\"}", "seq"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    refused(rig.js, bad[i].op, bad[i].input, NATS_ERR_INVALID_JSON);
    SAYS(bad[i].named);
  }
  const char *const none[] = {"{", "[", "hello", "{\"a\":1}}", "{'stream':'S'}", "\xff"};
  for (size_t i = 0; i < sizeof none / sizeof *none; ++i) {
    nats_doc *out = NULL;
    FAILS(NATS_ERR_INVALID_JSON, nats_stream_info(rig.js, S(none[i]), &out, E));
  }
  expect_unasked(&rig);
  rig_free(&rig);
}

TEST("js-fault-04", "options that exclude each other are refused before anything is sent") {
  struct rig rig = rig_on(fake_start("[\"handshake\"]"), "");
  refused(rig.js, nats_stream_purge, "{\"stream\":\"S\",\"seq\":1,\"keep\":1}",
          NATS_ERR_INVALID_ARGUMENT);
  SAYS("keep");
  const char *const consumers[][2] = {
      {"\"name\":\"a\",\"durable_name\":\"b\"", "durable_name"},
      {"\"filter_subject\":\"a\",\"filter_subjects\":[\"b\"]", "filter_subjects"},
      {"\"opt_start_seq\":5", "opt_start_seq"},
      {"\"deliver_policy\":\"by_start_time\"", "opt_start_time"},
      {"\"deliver_group\":\"g\"", "deliver_group"},
  };
  char input[256];
  for (size_t i = 0; i < sizeof consumers / sizeof *consumers; ++i) {
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"config\":{%s}}", consumers[i][0]);
    refused(rig.js, nats_consumer_create, input, NATS_ERR_INVALID_ARGUMENT);
    SAYS(consumers[i][1]);
  }
  refused(rig.js, nats_stream_get_message, "{\"stream\":\"S\",\"seq\":1,\"last_by_subj\":\"a\"}",
          NATS_ERR_INVALID_ARGUMENT);
  nats_jetstream *both = NULL;
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_new(rig.nc, S("{\"domain\":\"d\",\"api_prefix\":\"x\"}"), &both, E));
  nats_msg *msg = NULL;
  size_t count = 0;
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_fetch(rig.js, S("S"), S("c"), S("{\"expires_ms\":0}"), &msg, 1, &count, E));
  expect_unasked(&rig);
  rig_free(&rig);
}

TEST("js-fault-05", "what a server is too old for is refused, with the version that it takes") {
  struct remote old = fake_start("[{\"handshake\":{\"version\":\"2.10.26\",\"headers\":true,"
                                 "\"max_payload\":1048576}}]");
  struct rig rig = rig_on(old, "");
  const struct {
    Op op;
    const char *input, *needed;
  } needs[] = {
      {nats_stream_create, "{\"name\":\"S\",\"allow_msg_ttl\":true}",
       "allow_msg_ttl needs server 2.11"},
      {nats_stream_create, "{\"name\":\"S\",\"allow_atomic\":true}",
       "allow_atomic needs server 2.12"},
      {nats_stream_update, "{\"name\":\"S\",\"allow_batched\":true}",
       "allow_batched needs server 2.14"},
      {nats_consumer_create, "{\"stream\":\"S\",\"config\":{\"priority_groups\":[\"g\"]}}",
       "priority_groups needs server 2.11"},
      {nats_consumer_pause,
       "{\"stream\":\"S\",\"consumer\":\"c\",\"pause_until\":\"2100-01-01T00:00:00Z\"}",
       "needs server 2.11"},
      {nats_consumer_reset, "{\"stream\":\"S\",\"consumer\":\"c\"}", "needs server 2.14"},
      {nats_stream_get_message, "{\"stream\":\"S\",\"seq\":1,\"no_hdr\":true}",
       "no_headers needs server 2.12"},
  };
  for (size_t i = 0; i < sizeof needs / sizeof *needs; ++i) {
    refused(rig.js, needs[i].op, needs[i].input, NATS_ERR_UNSUPPORTED);
    SAYS(needs[i].needed);
    SAYS("2.10.26");
  }
  FAILS(NATS_ERR_UNSUPPORTED, store(rig.js, "s.a", "x", "{\"ttl_ms\":60000}", E));
  SAYS("ttl needs server 2.11");
  nats_msg *msg = NULL;
  size_t count = 0;
  FAILS(NATS_ERR_UNSUPPORTED, nats_jetstream_fetch(rig.js, S("S"), S("c"), S("{\"group\":\"g\"}"),
                                                   &msg, 1, &count, E));
  SAYS("group needs server 2.11");
  expect_unasked(&rig);
  rig_free(&rig);
}

TEST("js-fault-06", "a server without JetStream") {
  struct rig rig = rig_on(server_start("plain", NULL), "");
  nats_doc *out = NULL;
  nats_msg *msg = NULL;
  size_t count = 0;
  FAILS(NATS_ERR_JETSTREAM_NOT_ENABLED, nats_account_info(rig.js, &out, E));
  refused(rig.js, nats_stream_create, STREAM, NATS_ERR_JETSTREAM_NOT_ENABLED);
  refused(rig.js, nats_stream_names, "", NATS_ERR_JETSTREAM_NOT_ENABLED);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "s.a", "x", ONCE, E));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(rig.js, S("S"), S("c"), NONE, &msg, 1, &count, E));
  rig_free(&rig);
}

TEST("js-fault-07", "an account without JetStream") {
  struct remote server = server_start(
      "jetstream", "accounts { A: {users: [{user: a, password: a}]}, "
                   "B: {jetstream: enabled, users: [{user: b, password: b}]} }");
  nats_connection *nc = dial(server.url, "{\"user\":\"a\",\"password\":\"a\"}");
  nats_jetstream *js = js_on(nc, "");
  nats_doc *out = NULL;
  nats_error *err = NULL;
  EXPECT_INT(nats_account_info(js, &out, &err), NATS_ERR_JETSTREAM_NOT_ENABLED);
  EXPECT_INT(nats_error_api_err_code(err), 10039);
  OK(nats_error_free(err));
  OK(nats_jetstream_free(js));
  hang_up(nc);
  nc = dial(server.url, "{\"user\":\"b\",\"password\":\"b\"}");
  js = js_on(nc, "");
  done(js, nats_stream_create, STREAM);
  OK(nats_jetstream_free(js));
  hang_up(nc);
}

TEST("js-fault-13", "a real server's refusals keep their numbers and texts") {
  struct rig rig = filled();
  const struct {
    Op op;
    const char *input;
    int code;
    const char *name;
  } refusals[] = {
      {nats_stream_info, "{\"stream\":\"NONE\"}", 404, "STREAM_NOT_FOUND"},
      {nats_consumer_info, "{\"stream\":\"S\",\"consumer\":\"none\"}", 404, "CONSUMER_NOT_FOUND"},
      {nats_stream_get_message, "{\"stream\":\"S\",\"seq\":99}", 404, "NO_MESSAGE_FOUND"},
      {nats_stream_create, "{\"name\":\"T\",\"subjects\":[\"s.a\"]}", 400,
       "STREAM_SUBJECT_OVERLAP"},
      {nats_stream_create, "{\"name\":\"S\",\"subjects\":[\"other\"]}", 400, "STREAM_NAME_EXIST"},
      {nats_stream_create, "{\"name\":\"M\",\"subjects\":[\"m\"],\"mirror\":{\"name\":\"S\"}}", 400,
       "MIRROR_WITH_SUBJECTS"},
      {nats_stream_create, "{\"name\":\"R\",\"subjects\":[\"r\"],\"num_replicas\":3}", 500,
       "STREAM_REPLICAS_NOT_SUPPORTED"},
  };
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; ++i) {
    nats_error *err = NULL;
    nats_doc *out = NULL;
    EXPECT(refusals[i].op(rig.js, S(refusals[i].input), &out, &err) != NATS_OK);
    EXPECT_INT(nats_error_api_code(err), refusals[i].code);
    EXPECT_TEXT(nats_jetstream_err_code_name(nats_error_api_err_code(err)), refusals[i].name);
    EXPECT(nats_error_api_description(err).len > 0);
    OK(nats_error_free(err));
  }
  rig_free(&rig);
}

static int64_t sent(nats_connection *nc) {
  nats_doc *stats = NULL;
  int64_t messages = 0;
  OK(nats_connection_stats_doc(nc, &stats, E));
  OK(nats_doc_get_int(stats, S("out_messages"), &messages, E));
  OK(nats_doc_free(stats));
  return messages;
}

TEST("js-fault-16", "a publish that no stream takes is tried again, and then refused") {
  struct rig rig = filled();
  int64_t before = sent(rig.nc);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "nobody", "x", "{\"retry_wait_ms\":1}", E));
  SAYS("nobody");
  EXPECT_INT(sent(rig.nc) - before, 3);
  rig_free(&rig);
}

TEST("js-fault-17", "a publish that the stream refuses is not stored") {
  struct rig rig = rig_on(server_start("jetstream", NULL), "");
  done(rig.js, nats_stream_create,
       "{\"name\":\"FULL\",\"subjects\":[\"full\"],\"storage\":\"memory\",\"max_msgs\":1,"
       "\"max_msg_size\":100,\"discard\":\"new\"}");
  OK(store(rig.js, "full", "x", "", E));
  char large[128];
  memset(large, 'x', sizeof large - 1), large[sizeof large - 1] = 0;
  const struct {
    const char *text, *options;
    int err_code;
  } refusals[] = {
      {"y", "", 10077}, {large, "", 10054}, {"z", "{\"expected_stream\":\"OTHER\"}", 10060}};
  for (size_t i = 0; i < 3; ++i) {
    nats_error *err = NULL;
    nats_status status = store(rig.js, "full", refusals[i].text, refusals[i].options, &err);
    EXPECT_INT(status, NATS_ERR_JETSTREAM);
    EXPECT_INT(nats_error_api_err_code(err), refusals[i].err_code);
    OK(nats_error_free(err));
  }
  nats_doc *info = NULL;
  int64_t messages = 0;
  OK(nats_stream_info(rig.js, S("{\"stream\":\"FULL\"}"), &info, E));
  OK(nats_doc_get_int(info, S("state.messages"), &messages, E));
  EXPECT_INT(messages, 1);
  OK(nats_doc_free(info));
  rig_free(&rig);
}

TEST("js-fault-20", "a message is acknowledged once; others cannot be") {
  struct rig rig = filled();
  nats_msg *msg = NULL;
  size_t count = 0;
  OK(store(rig.js, "s.a", "1", "", E));
  OK(nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, E));
  OK(nats_jetstream_ack_sync(rig.js, msg, WAIT_MS, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_ack(msg, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_nak(msg, 0, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_in_progress(msg, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_term(msg, NONE, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msgs_ack(&msg, 1, E));
  OK(nats_msg_free(msg));
  nats_subscription *sub = listen_to(rig.nc, "plain", NULL);
  send_text(rig.nc, "plain", "x");
  msg = receive(sub);
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_ack(msg, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  rig_free(&rig);
}
