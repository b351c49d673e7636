/* JetStream: messages as streams keep them, batches of them, counters, schedules. */
#include "js.h"

static const char *STREAM =
    J({"name":"S","subjects":["s.>"],"storage":"memory","allow_direct":true});

/* Ten messages under two subjects, the first with headers. */
static void fill(nats_jetstream *js, const char *config) {
  nats_headers *headers = NULL;
  char text[16];
  do_js(js, nats_stream_create, config);
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Own"), S("kept"), E));
  OK(nats_jetstream_publish(js, S("s.1"), headers, B("1"), NONE, NULL, NULL, E));
  OK(nats_headers_free(headers));
  for (int i = 2; i <= 10; ++i) {
    snprintf(text, sizeof text, "%d", i);
    store(js, i % 2 ? "s.1" : "s.0", text);
  }
}

/* The message is the one with this number. */
static void is_message(nats_msg *msg, int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), text);
  EXPECT_TEXT(nats_msg_subject(msg), number % 2 ? "s.1" : "s.0");
  EXPECT_TEXT(header_of(msg, "Nats-Sequence"), text);
  EXPECT(header_of(msg, "Nats-Time-Stamp").len > 20);
}

static void got(nats_jetstream *js, const char *which, bool direct, int number) {
  char input[200];
  nats_msg *msg = NULL;
  snprintf(input, sizeof input, "{\"stream\":\"S\",\"direct\":%s,%s}", direct ? "true" : "false", which);
  OK(nats_jetstream_get(js, S(input), &msg, E));
  is_message(msg, number);
  if (number == 1) EXPECT_TEXT(header_of(msg, "Own"), "kept");
  OK(nats_msg_free(msg));
  nats_doc *doc = ask_js(js, nats_stream_get_message, input);
  expect_int(doc, "seq", number);
  OK(nats_doc_free(doc));
}

static void gets(bool direct) {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  fill(js, STREAM);
  got(js, "\"seq\":1", direct, 1);
  got(js, "\"last_by_subj\":\"s.1\"", direct, 9);
  got(js, "\"last_by_subj\":\"s.*\"", direct, 10);
  got(js, "\"next_by_subj\":\"s.0\",\"seq\":3", direct, 4);
  close_js(js, nc);
}

TEST("js-manage-13", "a message by sequence, the last and the next of a subject") { gets(false); }

TEST("js-manage-14", "messages that are not there, and none or two that are asked for") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msg = NULL;
  fill(js, STREAM);
  for (int direct = 0; direct < 2; ++direct) {
    const char *missing[] = {"\"seq\":11", "\"last_by_subj\":\"s.7\"",
                             "\"next_by_subj\":\"s.0\",\"seq\":11"};
    const char *bad[] = {"\"no_hdr\":false", "\"seq\":1,\"last_by_subj\":\"s.1\"", "\"seq\":0"};
    char input[200];
    for (int i = 0; i < 3; ++i) {
      const char *format = "{\"stream\":\"S\",\"direct\":%s,%s}";
      snprintf(input, sizeof input, format, direct ? "true" : "false", missing[i]);
      FAILS(NATS_ERR_MESSAGE_NOT_FOUND, nats_jetstream_get(js, S(input), &msg, E));
      refuse_js(js, nats_stream_get_message, input, NATS_ERR_MESSAGE_NOT_FOUND);
      snprintf(input, sizeof input, format, direct ? "true" : "false", bad[i]);
      FAILS(NATS_ERR_INVALID_ARGUMENT, nats_jetstream_get(js, S(input), &msg, E));
    }
  }
  close_js(js, nc);
}

TEST("js-manage-15", "direct gets give the same messages") { gets(true); }

TEST("js-manage-16", "direct gets that are not allowed") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msg = NULL;
  fill(js, J({"name":"S","subjects":["s.>"]}));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_get(js, S(J({"stream":"S","seq":1,"direct":true})), &msg, E));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_get(js, S(J({"stream":"NONE","seq":1,"direct":true})), &msg, E));
  close_js(js, nc);
}

TEST("js-manage-17", "a deleted message is gone") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  fill(js, STREAM);
  const char *inputs[] = {J({"stream":"S","seq":4}), J({"stream":"S","seq":5,"no_erase":true})};
  for (int i = 0; i < 2; ++i) {
    do_js(js, nats_stream_delete_message, inputs[i]);
    refuse_js(js, nats_stream_delete_message, inputs[i], NATS_ERR_MESSAGE_NOT_FOUND);
  }
  refuse_js(js, nats_stream_get_message, J({"stream":"S","seq":4}), NATS_ERR_MESSAGE_NOT_FOUND);
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"S"}));
  expect_int(info, "state.messages", 8);
  expect_int(info, "state.last_seq", 10);
  OK(nats_doc_free(info));
  close_js(js, nc);
}

enum { CAP = 16 };

/* A batch of the stream S brings these messages; what the server tells at its end. */
static nats_doc *batch(nats_jetstream *js, const char *input, size_t cap, const int *numbers,
                       size_t expected) {
  nats_msg *msgs[CAP];
  nats_doc *end = NULL;
  size_t count = 99;
  OK(nats_jetstream_get_batch(js, S("S"), S(input), msgs, cap, &count, &end, E));
  EXPECT_INT(count, expected);
  for (size_t i = 0; i < count && i < expected; ++i) is_message(msgs[i], numbers[i]);
  OK(nats_msgs_free(msgs, count));
  return end;
}

static void batch_is(nats_jetstream *js, const char *input, const int *numbers, size_t expected) {
  OK(nats_doc_free(batch(js, input, CAP, numbers, expected)));
}

/* The server of the stream S knows batches. */
static bool knows_batches(nats_jetstream *js, nats_connection *nc) {
  nats_msg *msgs[1];
  size_t count = 0;
  if (!NEEDS(nc, 2, 11, "a batch of direct gets",
             nats_jetstream_get_batch(js, S("S"), NONE, msgs, 1, &count, NULL, E))) {
    return false;
  }
  OK(nats_msgs_free(msgs, count));
  return true;
}

/* A server with ten messages; NULL: it knows no batches, and is left. */
static nats_jetstream *start_batching(nats_connection **nc) {
  nats_jetstream *js = start_js(nc);
  fill(js, STREAM);
  if (knows_batches(js, *nc)) return js;
  close_js(js, *nc);
  return NULL;
}

TEST("js-manage-18", "a batch from a sequence on, and the next one") {
  nats_connection *nc;
  nats_jetstream *js = start_batching(&nc);
  if (!js) return;
  nats_doc *end = batch(js, J({"seq":3}), 4, (int[]){3, 4, 5, 6}, 4);
  expect_int(end, "pending", 4);
  expect_int(end, "last_seq", 6);
  OK(nats_doc_free(end));
  end = batch(js, J({"seq":7,"batch":100}), 4, (int[]){7, 8, 9, 10}, 4);
  expect_int(end, "pending", 0);
  OK(nats_doc_free(end));
  batch_is(js, "", (int[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 10);
  nats_doc *doc = ask_js(js, nats_stream_get_batch, J({"stream":"S","seq":3,"batch":2}));
  expect_len(doc, "messages", 2);
  expect_int(doc, "messages.1.seq", 4);
  expect_str(doc, "messages.1.data", "NA==");
  expect_int(doc, "pending", 6);
  OK(nats_doc_free(doc));
  close_js(js, nc);
}

TEST("js-manage-19", "batches by time, subject and bytes, and without headers") {
  nats_connection *nc;
  nats_jetstream *js = start_batching(&nc);
  if (!js) return;
  char input[128];
  nats_str time = NONE;
  nats_doc *eight = ask_js(js, nats_stream_get_message, J({"stream":"S","seq":8}));
  OK(nats_doc_get_str(eight, S("time"), &time, E));
  snprintf(input, sizeof input, "{\"start_time\":\"%.*s\"}", (int)time.len, time.ptr);
  batch_is(js, input, (int[]){8, 9, 10}, 3);
  OK(nats_doc_free(eight));
  batch_is(js, J({"next_by_subj":"s.0"}), (int[]){2, 4, 6, 8, 10}, 5);
  nats_msg *msgs[CAP];
  size_t count = 0;
  OK(nats_jetstream_get_batch(js, S("S"), S(J({"max_bytes":1})), msgs, CAP, &count, NULL, E));
  EXPECT_INT(count, 1);
  is_message(msgs[0], 1);
  OK(nats_msgs_free(msgs, count));
  nats_str bare = S(J({"no_hdr":true}));
  if (NEEDS(nc, 2, 12, "no_headers",
            nats_jetstream_get_batch(js, S("S"), bare, msgs, 1, &count, NULL, E))) {
    EXPECT_INT(count, 1);
    EXPECT_TEXT(as_text(nats_msg_payload(msgs[0])), "1");
    EXPECT_INT(header_of(msgs[0], "Own").len, 0);
    OK(nats_msgs_free(msgs, count));
  }
  close_js(js, nc);
}

TEST("js-manage-20", "the last messages of many subjects, now and then") {
  nats_connection *nc;
  nats_jetstream *js = start_batching(&nc);
  if (!js) return;
  char input[128];
  nats_str time = NONE;
  nats_doc *end = batch(js, J({"multi_last":["s.0","s.1","s.7"]}), CAP, (int[]){9, 10}, 2);
  expect_int(end, "up_to_seq", 10);
  OK(nats_doc_free(end));
  batch_is(js, J({"multi_last":["s.>"],"up_to_seq":5}), (int[]){4, 5}, 2);
  nats_doc *one = ask_js(js, nats_stream_get_message, J({"stream":"S","seq":1}));
  OK(nats_doc_get_str(one, S("time"), &time, E));
  snprintf(input, sizeof input, "{\"multi_last\":[\"s.0\"],\"up_to_time\":\"%.*s\"}", (int)time.len,
           time.ptr);
  batch_is(js, input, NULL, 0);
  OK(nats_doc_free(one));
  end = batch(js, J({"multi_last":["s.>"]}), 1, (int[]){9}, 1);
  /* Servers before 2.12 do not count those that they leave. */
  expect_int(end, "pending", is_at_least(nc, 2, 12) ? 1 : 0);
  OK(nats_doc_free(end));
  close_js(js, nc);
}

TEST("js-manage-21", "batches of nothing, and of streams that allow none") {
  nats_connection *nc;
  nats_jetstream *js = start_batching(&nc);
  if (!js) return;
  nats_msg *msgs[CAP];
  size_t count = 0;
  batch_is(js, J({"seq":100}), NULL, 0);
  batch_is(js, J({"multi_last":["s.7"]}), NULL, 0);
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_get_batch(js, S("NONE"), NONE, msgs, CAP, &count, NULL, E));
  refuse_js(js, nats_stream_get_batch, J({"stream":"NONE"}), NATS_ERR_NO_RESPONDERS);
  close_js(js, nc);
}

TEST("js-manage-22", "batches that cannot be") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[CAP];
  size_t count = 0;
  char subject[16];
  const char *bad[] = {
      J({"seq":1,"start_time":"2030-01-01T00:00:00Z"}),
      J({"up_to_seq":1}),
      J({"multi_last":["a"],"next_by_subj":"a"}),
      J({"multi_last":["a"],"start_time":"2030-01-01T00:00:00Z"}),
      J({"multi_last":["a"],"up_to_seq":1,"up_to_time":"2030-01-01T00:00:00Z"}),
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    FAILS(NATS_ERR_INVALID_ARGUMENT,
          nats_jetstream_get_batch(js, S("S"), S(bad[i]), msgs, CAP, &count, NULL, E));
  }
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_get_batch(js, S("S"), NONE, msgs, 0, &count, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_get_batch(js, S("S"), NONE, NULL, 1, &count, NULL, E));
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_jetstream_get_batch(js, S("S"), S(J({"multi_last":["a b"]})), msgs, CAP, &count, NULL, E));
  FAILS(NATS_ERR_INVALID_JSON,
        nats_jetstream_get_batch(js, S("S"), S(J({"sequence":1})), msgs, CAP, &count, NULL, E));
  SAYS("sequence");
  do_js(js, nats_stream_create, STREAM);
  if (!knows_batches(js, nc)) {
    close_js(js, nc);
    return;
  }
  for (int i = 0; i < 1025; ++i) {
    snprintf(subject, sizeof subject, "s.%d", i);
    store(js, subject, "x");
  }
  nats_error *err = NULL;
  nats_status status = nats_jetstream_get_batch(js, S("S"), S(J({"multi_last":["s.>"]})), msgs, CAP,
                                                &count, NULL, &err);
  EXPECT_INT(status, NATS_ERR_JETSTREAM);
  EXPECT_INT(nats_error_api_code(err), 413);
  OK(nats_error_free(err));
  close_js(js, nc);
}

static void add(nats_jetstream *js, const char *input, const char *value) {
  nats_doc *sum = ask_js(js, nats_counter_add, input);
  expect_str(sum, "val", value);
  OK(nats_doc_free(sum));
}

static nats_jetstream *start_counts(nats_connection **nc) {
  return start_newer_js(nc, 12, "allow_msg_counter",
                        J({"name":"C","subjects":["c.>"],"storage":"memory",
                           "allow_direct":true,"allow_msg_counter":true}));
}

TEST("js-manage-23", "a counter is added to and taken from, beyond 64 bits") {
  nats_connection *nc;
  nats_jetstream *js = start_counts(&nc);
  if (!js) return;
  add(js, J({"subject":"c.a","incr":5}), "5");
  add(js, J({"subject":"c.a","incr":-7}), "-2");
  add(js, J({"subject":"c.a","incr":"100000000000000000000"}), "99999999999999999998");
  nats_doc *count = ask_js(js, nats_counter_get, J({"stream":"C","subject":"c.a"}));
  expect_str(count, "val", "99999999999999999998");
  expect_str(count, "incr", "+100000000000000000000");
  expect_int(count, "seq", 3);
  OK(nats_doc_free(count));
  close_js(js, nc);
}

static bool is_thirteen(nats_doc *doc, const void *about) {
  nats_str value = NONE;
  (void)about;
  return nats_doc_get_str(doc, S("val"), &value, E) == NATS_OK && value.len == 2 &&
         !strncmp(value.ptr, "13", 2);
}

TEST("js-manage-24", "many counters, with what other streams have contributed") {
  nats_connection *nc;
  nats_jetstream *js =
      start_newer_js(&nc, 12, "allow_msg_counter",
                     J({"name":"EU","subjects":["eu.>"],"allow_msg_counter":true}));
  if (!js) return;
  do_js(js, nats_stream_create, J({"name":"US","subjects":["us.>"],"allow_msg_counter":true}));
  do_js(js, nats_stream_create,
        J({"name":"ALL","allow_msg_counter":true,"allow_direct":true,"sources":[
            {"name":"EU","subject_transforms":[{"src":"eu.*","dest":"all.$1"}]},
            {"name":"US","subject_transforms":[{"src":"us.*","dest":"all.$1"}]}]}));
  add(js, J({"subject":"eu.a","incr":3}), "3");
  add(js, J({"subject":"us.a","incr":10}), "10");
  nats_doc *sum =
      until_js(js, nats_counter_get, J({"stream":"ALL","subject":"all.a"}), is_thirteen, NULL);
  expect_str(sum, "sources.EU.eu\\.a", "3");
  expect_str(sum, "sources.US.us\\.a", "10");
  OK(nats_doc_free(sum));
  nats_doc *all = ask_js(js, nats_counter_get_many, J({"stream":"ALL","subjects":["all.>"]}));
  expect_len(all, "counters", 1);
  expect_str(all, "counters.0.subject", "all.a");
  expect_str(all, "counters.0.val", "13");
  OK(nats_doc_free(all));
  close_js(js, nc);
}

TEST("js-manage-25", "what cannot be counted") {
  nats_connection *nc;
  nats_jetstream *js = start_counts(&nc);
  if (!js) return;
  do_js(js, nats_stream_create, STREAM);
  const char *bad[] = {J({"subject":"c.a","incr":1.5}), J({"subject":"c.a","incr":"1e3"}),
                       J({"subject":"c.a","incr":""}), J({"subject":"c.a","incr":null})};
  for (int i = 0; i < 4; ++i) refuse_js(js, nats_counter_add, bad[i], NATS_ERR_INVALID_ARGUMENT);
  refuse_js(js, nats_counter_add, J({"subject":"s.a","incr":1}), NATS_ERR_JETSTREAM);
  refuse_js(js, nats_counter_get, J({"stream":"C","subject":"c.a"}), NATS_ERR_MESSAGE_NOT_FOUND);
  refuse_js(js, nats_counter_get_many, J({"stream":"C","subjects":[]}), NATS_ERR_INVALID_ARGUMENT);
  close_js(js, nc);
}

/* `more`: further members of the stream's configuration, each behind a comma. */
static nats_jetstream *start_plans(nats_connection **nc, const char *more) {
  char config[256];
  snprintf(config, sizeof config,
           "{\"name\":\"S\",\"subjects\":[\"plan.>\",\"out.>\",\"in.>\"],"
           "\"storage\":\"memory\",\"allow_msg_schedules\":true%s}", more);
  return start_newer_js(nc, 12, "allow_msg_schedules", config);
}

static nats_doc *published(nats_jetstream *js) {
  return until_js(js, nats_stream_get_message, J({"stream":"S","last_by_subj":"out.1"}), is_there, NULL);
}

TEST("js-manage-26", "a message is published at a time") {
  nats_connection *nc;
  nats_jetstream *js = start_plans(&nc, "");
  if (!js) return;
  nats_doc *ack = ask_js(js, nats_schedule_create,
                         J({"subject":"plan.1","schedule":"@at 2020-01-01T00:00:00Z","target":"out.1",
                            "text":"later","hdrs":{"Own":["kept"]}}));
  expect_str(ack, "stream", "S");
  OK(nats_doc_free(ack));
  nats_doc *msg = published(js);
  expect_str(msg, "data", "bGF0ZXI=");
  expect_str(msg, "hdrs.Own.0", "kept");
  expect_str(msg, "hdrs.Nats-Scheduler.0", "plan.1");
  OK(nats_doc_free(msg));
  close_js(js, nc);
}

static bool has_three(nats_doc *doc, const void *about) {
  (void)about;
  return int_of(doc, "state.messages") >= 3;
}

TEST("js-manage-27", "a message is published again and again, until that is cancelled") {
  nats_connection *nc;
  nats_jetstream *js = start_plans(&nc, "");
  if (!js) return;
  bool repeats = do_newer(
      js, nc, 14, "a schedule that repeats", nats_schedule_create,
      J({"subject":"plan.1","schedule":"@every 1s","target":"out.1","data":"bGF0ZXI="}));
  if (repeats) {
    OK(nats_doc_free(until_js(js, nats_stream_info, J({"stream":"S"}), has_three, NULL)));
  }
  for (int there = repeats; there >= 0; --there) {
    nats_doc *done = ask_js(js, nats_schedule_cancel, J({"stream":"S","subject":"plan.1"}));
    expect_bool(done, "cancelled", there);
    OK(nats_doc_free(done));
  }
  refuse_js(js, nats_schedule_cancel, J({"stream":"S","subject":"plan.*"}), NATS_ERR_INVALID_SUBJECT);
  close_js(js, nc);
}

TEST("js-manage-28", "a schedule samples another subject") {
  nats_connection *nc;
  nats_jetstream *js = start_plans(&nc, ",\"allow_msg_ttl\":true,\"allow_rollup_hdrs\":true");
  if (!js) return;
  store(js, "in.1", "sampled");
  if (!do_newer(js, nc, 14, "source", nats_schedule_create,
                J({"subject":"plan.1","schedule":"@every 1s","target":"out.1","source":"in.1",
                   "ttl_ms":300000,"rollup":true}))) {
    close_js(js, nc);
    return;
  }
  nats_doc *msg = published(js);
  expect_str(msg, "data", "c2FtcGxlZA==");
  expect_str(msg, "hdrs.Nats-TTL.0", "300s");
  expect_str(msg, "hdrs.Nats-Rollup.0", "sub");
  OK(nats_doc_free(msg));
  do_js(js, nats_schedule_create,
        J({"subject":"plan.2","schedule":"0 0 5 * * mon","target":"out.2","time_zone":"Europe/Berlin"}));
  close_js(js, nc);
}

TEST("js-manage-29", "schedules that cannot be are refused before they are sent") {
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, NULL, NULL, 0);
  const char *bad[] = {
      J({"subject":"p","schedule":"* * * * *","target":"o"}),
      J({"subject":"p","schedule":"@sometimes","target":"o"}),
      J({"subject":"p","schedule":"@at tomorrow","target":"o"}),
      J({"subject":"p","schedule":"@every 999ms","target":"o"}),
      J({"subject":"p","schedule":"@daily","target":"p"}),
      J({"subject":"p","schedule":"@daily","target":"o","source":"p"}),
      J({"subject":"p","schedule":"@daily","target":"o","time_zone":"UTC"}),
      J({"subject":"p","schedule":"@daily","target":"o","ttl_ms":999}),
      J({"subject":"p","schedule":"@daily","target":"o","text":"a","data":"YQ=="}),
      J({"subject":"p","schedule":"@daily","target":"o","data":"?"}),
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    refuse_js(js, nats_schedule_create, bad[i], NATS_ERR_INVALID_ARGUMENT);
  }
  refuse_js(js, nats_schedule_create, J({"subject":"p","schedule":"@daily","target":"o.*"}),
            NATS_ERR_INVALID_SUBJECT);
  refuse_js(js, nats_schedule_create, J({"subject":"p","schedule":"@daily","target":"o","source":">"}),
            NATS_ERR_INVALID_SUBJECT);
  EXPECT(!strstr(received(fake), "PUB"));
  close_js(js, nc);
}
