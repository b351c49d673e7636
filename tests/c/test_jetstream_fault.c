/* What JetStream refuses, answers that are none, and what happens when it goes away. */
#include "check.h"

static nats_jetstream *js_on(nats_connection *nc, const char *options) {
  nats_jetstream *js = NULL;
  OK(nats_jetstream_new(nc, S(options), &js, E));
  return js;
}

struct rig {
  struct remote server;
  nats_connection *nc;
  nats_jetstream *js;
};

static struct rig rig_on(struct remote server, const char *options) {
  struct rig rig = {server, dial(server.url, "{\"reconnect_delay_max_ms\":100}"), NULL};
  rig.js = js_on(rig.nc, options);
  return rig;
}

static void rig_free(struct rig *rig) {
  OK(nats_jetstream_free(rig->js));
  hang_up(rig->nc);
}

typedef nats_status (*Op)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

static void done(nats_jetstream *js, Op op, const char *input) {
  nats_doc *out = NULL;
  OK(op(js, S(input), &out, E));
  OK(nats_doc_free(out));
}

static void refused(nats_jetstream *js, Op op, const char *input, nats_status code) {
  nats_doc *out = NULL;
  FAILS(code, op(js, S(input), &out, E));
  EXPECT(out == NULL);
}

#define STREAM "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"memory\"}"
#define WORKER "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\"}}"
#define THE_WORKER "{\"stream\":\"S\",\"consumer\":\"worker\"}"
#define ONCE "{\"retries\":0}"

static nats_status store(nats_jetstream *js, const char *subject, const char *text,
                         const char *options, nats_error **err) {
  return nats_jetstream_publish(js, S(subject), NULL, B(text), S(options), NULL, NULL, err);
}

/* A server with a stream in memory, and a consumer. */
static struct rig filled(void) {
  struct rig rig = rig_on(server_start("jetstream", NULL), "");
  done(rig.js, nats_stream_create, STREAM);
  done(rig.js, nats_consumer_create, WORKER);
  return rig;
}

/* ---- A fake server in the place of JetStream ---- */

/* Writes a text as the inside of a JSON string. */
static size_t escape(char *to, size_t cap, const char *text) {
  size_t len = 0;
  for (; *text && len + 2 < cap; ++text) {
    if (*text == '"' || *text == '\\') to[len++] = '\\';
    to[len++] = *text;
  }
  to[len] = 0;
  return len;
}

/* One that answers each request with the next of these texts. */
static struct rig answering(const char *const *answers, size_t count) {
  enum { CAP = 64 * 1024 };
  char *script = malloc(CAP);
  size_t len = (size_t)snprintf(script, CAP, "[\"handshake\"");
  for (size_t i = 0; i < count; ++i) {
    len += (size_t)snprintf(script + len, CAP - len,
                            ",{\"expect\":\"PUB \"},{\"reply\":\"MSG {2} {SUB.2} %zu\\r\\n\"},"
                            "{\"send\":\"",
                            strlen(answers[i]));
    len += escape(script + len, CAP - len, answers[i]);
    len += (size_t)snprintf(script + len, CAP - len, "\\r\\n\"}");
  }
  snprintf(script + len, CAP - len, "]");
  struct rig rig = rig_on(fake_start(script), "");
  free(script);
  return rig;
}

/* It has been asked nothing of the API. */
static void expect_unasked(struct rig *rig) {
  OK(nats_connection_flush(rig->nc, WAIT_MS, E));
  tell(rig->server, "received", NULL);
  const char *received = answer_text("text");
  if (strstr(received, "$JS.API")) check_fail(__FILE__, __LINE__, "it was asked: %s", received);
}

static const struct ask {
  const char *name;
  Op op;
  const char *input;
} ASKS[] = {
    {"stream_create", nats_stream_create, STREAM},
    {"stream_update", nats_stream_update, STREAM},
    {"stream_info", nats_stream_info, "{\"stream\":\"S\"}"},
    {"stream_names", nats_stream_names, ""},
    {"stream_list", nats_stream_list, ""},
    {"stream_purge", nats_stream_purge, "{\"stream\":\"S\"}"},
    {"stream_delete", nats_stream_delete, "{\"stream\":\"S\"}"},
    {"stream_get_message", nats_stream_get_message, "{\"stream\":\"S\",\"seq\":1}"},
    {"stream_delete_message", nats_stream_delete_message, "{\"stream\":\"S\",\"seq\":1}"},
    {"consumer_create", nats_consumer_create, WORKER},
    {"consumer_info", nats_consumer_info, THE_WORKER},
    {"consumer_names", nats_consumer_names, "{\"stream\":\"S\"}"},
    {"consumer_list", nats_consumer_list, "{\"stream\":\"S\"}"},
    {"consumer_delete", nats_consumer_delete, THE_WORKER},
};
enum { ASK_COUNT = sizeof ASKS / sizeof *ASKS };

/* Every operation gives PROTOCOL for each of these, and the connection goes on. */
static void expect_protocol(const char *const *answers, size_t count) {
  for (size_t ask = 0; ask < ASK_COUNT; ++ask) {
    struct rig rig = answering(answers, count);
    for (size_t i = 0; i < count; ++i) {
      refused(rig.js, ASKS[ask].op, ASKS[ask].input, NATS_ERR_PROTOCOL);
      SAYS("cannot be read");
    }
    OK(nats_connection_flush(rig.nc, WAIT_MS, E));
    rig_free(&rig);
    remotes_clear();
  }
}

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
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"config\":{\"filter_subject\":\"%s\"}}", bad[i]);
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
      {nats_stream_create, "{\"name\":\"S\",\"allow_msg_ttl\":true}", "allow_msg_ttl needs server 2.11"},
      {nats_stream_create, "{\"name\":\"S\",\"allow_atomic\":true}", "allow_atomic needs server 2.12"},
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

TEST("js-fault-08", "an API that does not answer") {
  struct rig rig = rig_on(fake_start("[\"handshake\"]"), "{\"timeout_ms\":100}");
  nats_msg *msg = NULL;
  size_t count = 9;
  for (size_t i = 0; i < ASK_COUNT; ++i) {
    refused(rig.js, ASKS[i].op, ASKS[i].input, NATS_ERR_TIMEOUT);
    SAYS("$JS.API.");
  }
  FAILS(NATS_ERR_TIMEOUT, store(rig.js, "s.a", "x", "", E));
  OK(nats_jetstream_fetch(rig.js, S("S"), S("c"), S("{\"no_wait\":true}"), &msg, 1, &count, E));
  EXPECT_INT(count, 0);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  rig_free(&rig);
}

TEST("js-fault-09", "answers that are no JSON, empty or cut are PROTOCOL") {
  const char *const bad[] = {"",     "+OK", "hello", "{",     "{\"type\":\"t\",\"config\":{\"name\":\"S",
                             "null", "7",   "[]",    "\"x\"", "{}{}"};
  expect_protocol(bad, sizeof bad / sizeof *bad);
}

TEST("js-fault-10", "answers with wrong types, or without what is to be there, are PROTOCOL") {
  const char *const bad[] = {"{}", "{\"type\":5}", "{\"type\":\"t\"}",
                             "{\"config\":{\"name\":\"S\"},\"total\":0,\"success\":true}"};
  expect_protocol(bad, sizeof bad / sizeof *bad);
  const char *const wrong[] = {"{\"type\":\"t\",\"config\":{\"name\":\"S\",\"max_msgs\":\"x\"}}",
                               "{\"type\":\"t\",\"config\":{\"name\":\"OTHER\"}}"};
  struct rig rig = answering(wrong, 2);
  refused(rig.js, nats_stream_info, "{\"stream\":\"S\"}", NATS_ERR_PROTOCOL);
  SAYS("config.max_msgs");
  refused(rig.js, nats_stream_info, "{\"stream\":\"S\"}", NATS_ERR_PROTOCOL);
  SAYS("OTHER");
  rig_free(&rig);
}

TEST("js-fault-11", "an error member that is none is PROTOCOL") {
  const char *const bad[] = {"{\"error\":5}", "{\"type\":\"t\",\"error\":\"no\"}",
                             "{\"type\":\"t\",\"error\":[]}",
                             "{\"type\":\"t\",\"error\":{\"code\":\"404\"}}",
                             "{\"type\":\"t\",\"error\":{\"code\":404,\"err_code\":1000059}}"};
  expect_protocol(bad, sizeof bad / sizeof *bad);
}

TEST("js-fault-12", "numbers of refusals have names; unknown ones are passed on") {
  const struct {
    int err_code;
    const char *name;
  } codes[] = {{10002, "ACCOUNT_RESOURCES_EXCEEDED"}, {10008, "CLUSTER_NOT_AVAIL"},
               {10059, "STREAM_NOT_FOUND"},           {10071, "STREAM_WRONG_LAST_SEQUENCE"},
               {10226, "STREAM_RECONFIGURE_IN_PROGRESS"}, {10001, ""}, {19999, ""}, {1, ""}};
  enum { COUNT = sizeof codes / sizeof *codes };
  static char texts[COUNT][128];
  const char *answers[COUNT];
  for (size_t i = 0; i < COUNT; ++i) {
    snprintf(texts[i], sizeof texts[i],
             "{\"type\":\"t\",\"error\":{\"code\":400,\"err_code\":%d,\"description\":\"why\"}}",
             codes[i].err_code);
    answers[i] = texts[i];
  }
  struct rig rig = answering(answers, COUNT);
  for (size_t i = 0; i < COUNT; ++i) {
    nats_error *err = NULL;
    nats_doc *out = NULL;
    EXPECT(nats_account_info(rig.js, &out, &err) != NATS_OK);
    EXPECT_INT(nats_error_api_code(err), 400);
    EXPECT_INT(nats_error_api_err_code(err), codes[i].err_code);
    EXPECT_TEXT(nats_error_api_description(err), "why");
    EXPECT_TEXT(nats_jetstream_err_code_name(codes[i].err_code), codes[i].name);
    OK(nats_error_free(err));
  }
  rig_free(&rig);
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
      {nats_stream_create, "{\"name\":\"T\",\"subjects\":[\"s.a\"]}", 400, "STREAM_SUBJECT_OVERLAP"},
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

TEST("js-fault-14", "lists without end are left") {
#define PAGE "{\"type\":\"t\",\"total\":1000,\"offset\":0,\"streams\":[\"A\",\"B\"]}"
#define LISTED "{\"type\":\"t\",\"total\":1000,\"streams\":[{\"config\":{\"name\":\"A\"}}]}"
  const char *const pages[] = {PAGE, PAGE, LISTED, LISTED};
  struct rig rig = answering(pages, 4);
  refused(rig.js, nats_stream_names, "", NATS_ERR_PROTOCOL);
  SAYS("no end");
  refused(rig.js, nats_stream_list, "", NATS_ERR_PROTOCOL);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  rig_free(&rig);
}

TEST("js-fault-15", "acknowledgements of publishes that are none are PROTOCOL") {
  const char *const bad[] = {"",
                             "+OK",
                             "{}",
                             "[]",
                             "{\"stream\":\"S\"",
                             "{\"stream\":\"S\"}",
                             "{\"seq\":1}",
                             "{\"stream\":\"S\",\"seq\":0}",
                             "{\"stream\":\"S\",\"seq\":\"1\"}",
                             "{\"stream\":7,\"seq\":1}"};
  enum { COUNT = sizeof bad / sizeof *bad };
  struct rig rig = answering(bad, COUNT);
  for (size_t i = 0; i < COUNT; ++i) {
    uint64_t sequence = 77;
    nats_doc *ack = NULL;
    FAILS(NATS_ERR_PROTOCOL,
          nats_jetstream_publish(rig.js, S("s.a"), NULL, B("x"), NONE, &sequence, &ack, E));
    EXPECT(sequence == 77 && ack == NULL);
  }
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
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

TEST("js-fault-18", "a publish whose acknowledgement is lost is published again by its id") {
  struct remote fake = fake_start(
      "[\"handshake\",{\"expect\":\"HPUB \"},{\"expect\":\"HPUB \"},"
      "{\"reply\":\"MSG {2} {SUB.2} 39\\r\\n\"},"
      "{\"send\":\"{\\\"stream\\\":\\\"S\\\",\\\"seq\\\":1,\\\"duplicate\\\":true}\\r\\n\"}]");
  struct rig rig = rig_on(fake, "");
  uint64_t sequence = 0;
  nats_doc *ack = NULL;
  int32_t duplicate = 0;
  FAILS(NATS_ERR_TIMEOUT, store(rig.js, "s.a", "x", "{\"msg_id\":\"one\",\"timeout_ms\":100}", E));
  OK(nats_jetstream_publish(rig.js, S("s.a"), NULL, B("x"), S("{\"msg_id\":\"one\"}"), &sequence,
                            &ack, E));
  OK(nats_doc_get_bool(ack, S("duplicate"), &duplicate, E));
  EXPECT(sequence == 1 && duplicate);
  OK(nats_doc_free(ack));
  rig_free(&rig);
}

TEST("js-fault-19", "deliveries with a reply subject that is none") {
  struct remote fake = fake_start(
      "[\"handshake\",{\"expect\":\"PUB \"},"
      "{\"reply\":\"MSG s.a {SUB.2} _INBOX.else 1\\r\\nx\\r\\n\"},"
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK 1\\r\\nx\\r\\n\"},"
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK.S.C.1.2.3.4 1\\r\\nx\\r\\n\"},"
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK.S.C.one.2.3.4.5 1\\r\\nx\\r\\n\"},"
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK......... 1\\r\\nx\\r\\n\"},"
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK.S.C.1.99999999999999999999999.3.4.5 1\\r\\nx\\r\\n\"}]");
  enum { COUNT = 6 };
  struct rig rig = rig_on(fake, "");
  nats_msg *msgs[COUNT];
  nats_metadata about;
  size_t count = 0;
  OK(nats_jetstream_fetch(rig.js, S("S"), S("c"), NONE, msgs, COUNT, &count, E));
  EXPECT_INT(count, COUNT);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_TEXT(as_text(nats_msg_payload(msgs[i])), "x");
    FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_metadata(msgs[i], &about, E));
  }
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_ack(msgs[0], E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_nak(msgs[1], 0, E));
  OK(nats_msgs_free(msgs, count));
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
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

TEST("js-fault-21", "a status that is not known ends a fetch and is told") {
  const struct {
    const char *line;
    nats_status code;
  } lines[] = {{"499 Something New", NATS_ERR_PULL_REFUSED},
               {"409 Something New", NATS_ERR_PULL_REFUSED},
               {"599 Broken", NATS_ERR_PULL_REFUSED},
               {"400 Bad Request", NATS_ERR_PULL_REFUSED},
               {"409 Leadership Change", NATS_ERR_PULL_REFUSED},
               {"404 No Messages", NATS_OK},
               {"408 Request Timeout", NATS_OK}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
    char script[512];
    size_t block = strlen("NATS/1.0 \r\n\r\n") + strlen(lines[i].line);
    snprintf(script, sizeof script,
             "[\"handshake\",{\"expect\":\"PUB \"},{\"reply\":\"HMSG {2} {SUB.2} %zu %zu\\r\\n"
             "NATS/1.0 %s\\r\\n\\r\\n\\r\\n\"}]",
             block, block, lines[i].line);
    struct rig rig = rig_on(fake_start(script), "");
    nats_msg *msg = NULL;
    size_t count = 0;
    nats_status status = nats_jetstream_fetch(rig.js, S("S"), S("c"), NONE, &msg, 1, &count, E);
    check_status(__FILE__, __LINE__, lines[i].line, lines[i].code, status);
    if (lines[i].code) SAYS(lines[i].line);
    EXPECT_INT(count, 0);
    OK(nats_connection_flush(rig.nc, WAIT_MS, E));
    rig_free(&rig);
  }
}

/* ---- Faults while a thread waits for messages ---- */

struct fetch {
  pthread_t thread;
  nats_jetstream *js;
  nats_status status;
};

static void *fetching(void *user) {
  struct fetch *fetch = user;
  nats_msg *msg = NULL;
  size_t count = 0;
  nats_str options = S("{\"expires_ms\":30000,\"heartbeat_ms\":300}");
  fetch->status = nats_jetstream_fetch(fetch->js, S("S"), S("worker"), options, &msg, 1, &count, NULL);
  return NULL;
}

/* Begins to fetch, and returns when the server has noted it. */
static void fetch_begin(struct fetch *fetch, struct rig *rig) {
  int64_t waiting = 0;
  *fetch = (struct fetch){.js = rig->js, .status = NATS_OK};
  pthread_create(&fetch->thread, NULL, fetching, fetch);
  while (waiting == 0) {
    nats_doc *info = NULL;
    OK(nats_consumer_info(rig->js, S(THE_WORKER), &info, E));
    OK(nats_doc_get_int(info, S("num_waiting"), &waiting, E));
    OK(nats_doc_free(info));
  }
}

static nats_status fetch_end(struct fetch *fetch) {
  pthread_join(fetch->thread, NULL);
  return fetch->status;
}

TEST("js-fault-22", "the consumer is deleted while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_msg *msg = NULL;
  size_t count = 0;
  fetch_begin(&fetch, &rig);
  done(rig.js, nats_consumer_delete, THE_WORKER);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONSUMER_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, E));
  rig_free(&rig);
}

TEST("js-fault-23", "the stream is deleted while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  fetch_begin(&fetch, &rig);
  done(rig.js, nats_stream_delete, "{\"stream\":\"S\"}");
  nats_status status = fetch_end(&fetch);
  EXPECT(status == NATS_ERR_STREAM_NOT_FOUND || status == NATS_ERR_CONSUMER_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "s.a", "x", ONCE, E));
  rig_free(&rig);
}

TEST("js-fault-24", "a stream in memory is gone when its server was killed") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_msg *msg = NULL;
  size_t count = 0;
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  fetch_begin(&fetch, &rig);
  tell(rig.server, "restart", NULL);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_LOST);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  refused(rig.js, nats_stream_info, "{\"stream\":\"S\"}", NATS_ERR_STREAM_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "s.a", "x", ONCE, E));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, E));
  done(rig.js, nats_stream_create, STREAM);
  OK(store(rig.js, "s.a", "x", "", E));
  rig_free(&rig);
}

TEST("js-fault-25", "the connection is lost, or closed, while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_doc *out = NULL;
  fetch_begin(&fetch, &rig);
  OK(nats_connection_force_reconnect(rig.nc, E));
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_LOST);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  fetch_begin(&fetch, &rig);
  OK(nats_connection_close(rig.nc, E));
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_CLOSED);
  FAILS(NATS_ERR_CONNECTION_CLOSED, store(rig.js, "s.a", "x", "", E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_account_info(rig.js, &out, E));
  OK(nats_jetstream_free(rig.js));
  OK(nats_connection_free(rig.nc));
}

TEST("js-fault-26", "a server that is silent is noticed by its heartbeats") {
  struct rig rig = filled();
  struct fetch fetch;
  fetch_begin(&fetch, &rig);
  tell(rig.server, "pause", NULL);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_HEARTBEAT_MISSED);
  tell(rig.server, "resume", NULL);
  OK(store(rig.js, "s.a", "x", "", E));
  rig_free(&rig);
}

TEST("js-fault-27", "without a quorum calls end in time, and all goes on when it is back") {
  struct rig rig = rig_on(server_start("cluster-jetstream", NULL), "{\"timeout_ms\":3000}");
  nats_msg *msg = NULL;
  size_t count = 9;
  done(rig.js, nats_stream_create,
       "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"file\",\"num_replicas\":3}");
  done(rig.js, nats_consumer_create, WORKER);
  for (int node = 1; node <= 2; ++node) tell(rig.server, "kill", "\"node\":%d", node);
  nats_status status = store(rig.js, "s.a", "1", "{\"msg_id\":\"1\"}", NULL);
  EXPECT(status == NATS_ERR_TIMEOUT || status == NATS_ERR_NO_RESPONDERS ||
         status == NATS_ERR_JETSTREAM);
  status = nats_jetstream_fetch(rig.js, S("S"), S("worker"),
                                S("{\"expires_ms\":3000,\"heartbeat_ms\":1000}"), &msg, 1, &count,
                                NULL);
  EXPECT(status != NATS_OK || count == 0);
  for (int node = 1; node <= 2; ++node) tell(rig.server, "restart", "\"node\":%d", node);
  tell(rig.server, "wait_ready", NULL);
  int64_t deadline = now_ms() + 3 * WAIT_MS;
  do {
    status = store(rig.js, "s.a", "1", "{\"msg_id\":\"1\"}", NULL);
  } while (status != NATS_OK && now_ms() < deadline);
  EXPECT_INT(status, NATS_OK);
  do {
    status = nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, NULL);
  } while (status != NATS_OK && now_ms() < deadline);
  EXPECT(status == NATS_OK && count == 1);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "1");
  OK(nats_msg_free(msg));
  rig_free(&rig);
}
