/* Answers that no real server gives: a fake one gives them. */
#include "jetstream.h"

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
  const char *const bad[] = {"",
                             "+OK",
                             "hello",
                             "{",
                             "{\"type\":\"t\",\"config\":{\"name\":\"S",
                             "null",
                             "7",
                             "[]",
                             "\"x\"",
                             "{}{}"};
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
      "{\"reply\":\"MSG s.a {SUB.2} $JS.ACK.S.C.1.99999999999999999999.3.4.5 1\\r\\nx\\r\\n\"}]");
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
