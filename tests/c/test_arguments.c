/* Arguments that are not acceptable, and the edges of those that are. */
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EACH(i, array) for (size_t i = 0; i < COUNT(array); ++i)

static const char *const BAD[] = {"",  ".",     "a..b",  ".a",   "a.",   "a b",
                                  " ", "a\tb",  "a\rb",  "a\nb", "a\r\nPUB x 0\r\n", "a\xff"};

static void refuse_publish(nats_connection *nc, nats_str subject) {
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_INVALID_SUBJECT, nats_publish(nc, subject, B("x"), E));
  FAILS(NATS_ERR_INVALID_SUBJECT, nats_publish_msg(nc, subject, NONE, NULL, B("x"), E));
  FAILS(NATS_ERR_INVALID_SUBJECT, nats_request(nc, subject, B("x"), 100, &msg, E));
  if (!subject.ptr[0]) return; /* an empty reply is no reply */
  FAILS(NATS_ERR_INVALID_SUBJECT, nats_publish_msg(nc, S("a"), subject, NULL, B("x"), E));
}

static void refuse_subscribe(nats_connection *nc, nats_str subject) {
  nats_subscription *sub = NULL;
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_subscribe_with(nc, subject, NONE, NULL, NULL, NULL, &sub, E));
  EXPECT(sub == NULL);
}

TEST("arguments-01", "subjects to publish to, reply to and request that are none") {
  struct remote fake = fake_start("[\"handshake\",\"serve\"]");
  nats_connection *nc = dial(fake.url, NULL);
  const char *wild[] = {"*", ">", "a.*", "a.>", "a.*.b"};
  nats_str with_nul = {"a\0b", 3};
  EACH(i, BAD) refuse_publish(nc, S(BAD[i]));
  EACH(i, wild) refuse_publish(nc, S(wild[i]));
  refuse_publish(nc, with_nul);
  OK(nats_publish(nc, S("good"), B("x"), E));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  tell(fake, "received", "\"connection\":0");
  const char *sent = strstr(answer_text("text"), "PUB ");
  EXPECT(sent && !strncmp(sent, "PUB good 1\r\n", 12) && !strstr(sent + 4, "PUB"));
  hang_up(nc);
}

TEST("arguments-02", "subjects to subscribe to, and queue groups, that are none") {
  nats_connection *nc = dial_plain();
  const char *queues[] = {"{\"queue\":\"a b\"}", "{\"queue\":\"a\\r\\nPING\"}",
                          "{\"queue\":\"a\\tb\"}", "{\"queue\":\"a\\u0000b\"}"};
  nats_str with_nul = {"a\0b", 3};
  EACH(i, BAD) refuse_subscribe(nc, S(BAD[i]));
  refuse_subscribe(nc, S("a.>.b"));
  refuse_subscribe(nc, S(">.a"));
  refuse_subscribe(nc, with_nul);
  EACH(i, queues) {
    nats_subscription *sub = NULL;
    FAILS(NATS_ERR_INVALID_QUEUE_GROUP,
          nats_subscribe_with(nc, S("a"), S(queues[i]), NULL, NULL, NULL, &sub, E));
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  hang_up(nc);
}

TEST("arguments-03", "closed connections say CONNECTION_CLOSED, freed ones INVALID_HANDLE") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.args.3", NULL), *other = NULL;
  nats_msg *msg = NULL;
  int64_t rtt = 0;
  OK(nats_connection_close(nc, E));
  for (int i = 0; i < 2; ++i) {
    nats_status gone = i ? NATS_ERR_INVALID_HANDLE : NATS_ERR_CONNECTION_CLOSED;
    FAILS(gone, nats_publish(nc, S("a"), B(""), E));
    FAILS(gone, nats_publish_msg(nc, S("a"), NONE, NULL, B(""), E));
    FAILS(gone, nats_request(nc, S("a"), B(""), 100, &msg, E));
    FAILS(gone, nats_request_many(nc, S("a"), NULL, B(""), NONE, &other, E));
    FAILS(gone, nats_subscribe_with(nc, S("a"), NONE, NULL, NULL, NULL, &other, E));
    FAILS(gone, nats_connection_flush(nc, 100, E));
    FAILS(gone, nats_connection_rtt(nc, 100, &rtt, E));
    FAILS(gone, nats_connection_drain(nc, 100, E));
    FAILS(gone, nats_connection_force_reconnect(nc, E));
    FAILS(NATS_ERR_CONNECTION_CLOSED, nats_subscription_next(sub, 100, &msg, E));
    if (!i) OK(nats_connection_free(nc));
  }
  FAILS(NATS_ERR_INVALID_HANDLE, nats_connection_free(nc));
  OK(nats_subscription_free(sub));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_subscription_next(sub, 100, &msg, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_subscription_free(sub));
}

TEST("arguments-04", "a subject longer than a control line is refused, nothing is written") {
  nats_connection *nc = dial_plain();
  static char longest[8192];
  memset(longest, 'a', sizeof longest - 1);
  refuse_publish(nc, S(longest));
  refuse_subscribe(nc, S(longest));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  nats_stats stats;
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT(stats.out_messages == 0 && stats.reconnects == 0);
  hang_up(nc);
}

TEST("c-arguments-01", "lenient subjects: wildcards pass, what breaks the protocol does not") {
  nats_connection *nc = dial(plain_server(), "{\"lenient_subjects\":true}");
  OK(nats_publish(nc, S("a.*"), B("x"), E));
  const char *bad[] = {"", "a b", "a\tb", "a\r\nPING"};
  EACH(i, bad) refuse_publish(nc, S(bad[i]));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  hang_up(nc);
}

TEST("c-arguments-02", "unknown keys of subscribe and request-many options are named") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_subscribe_with(nc, S("a"), S("{\"que\":\"x\"}"), NULL, NULL,
                                                     NULL, &sub, E));
  SAYS("queue");
  FAILS(NATS_ERR_INVALID_OPTION, nats_subscribe_with(nc, S("a"), S("{\"pending_messages\":-1}"),
                                                     NULL, NULL, NULL, &sub, E));
  SAYS("pending_messages");
  FAILS(NATS_ERR_INVALID_OPTION, nats_request_many(nc, S("a"), NULL, B(""), S("{\"stal_ms\":1}"),
                                                   &sub, E));
  SAYS("stall_ms");
  hang_up(nc);
}

TEST("c-arguments-03", "NULL with a length, and impossible lengths") {
  nats_connection *nc = dial_plain();
  nats_bytes null_with_length = {NULL, 5}, huge = {(const uint8_t *)"x", SIZE_MAX};
  nats_str null_text = {NULL, 5}, huge_text = {"x", SIZE_MAX - 1};
  OK(nats_publish(nc, S("a"), nats_bytes_of(NULL, 0), E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publish(nc, S("a"), null_with_length, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publish(nc, S("a"), huge, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publish(nc, null_text, B("x"), E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publish(nc, huge_text, B("x"), E));
  hang_up(nc);
}

TEST("c-arguments-04", "strings: the length wins, NATS_ZSTR asks for the terminator") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.args.12", NULL);
  nats_str by_length = {"c.args.12.and.more", 9};
  OK(nats_publish(nc, by_length, B("length"), E));
  OK(nats_publish(nc, NATS_STR("c.args.12"), B("macro"), E));
  OK(nats_publish(nc, nats_zstr("c.args.12"), B("zero"), E));
  receive_text(sub, "length");
  receive_text(sub, "macro");
  receive_text(sub, "zero");
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("c-arguments-05", "negative timeouts are refused, the largest one does not overflow") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.args.13", NULL);
  nats_msg *msg = NULL;
  int64_t rtt = 0;
  const int64_t bad[] = {-1, INT64_MIN};
  EACH(i, bad) {
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_flush(nc, bad[i], E));
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_rtt(nc, bad[i], &rtt, E));
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_drain(nc, bad[i], E));
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_drain(sub, bad[i], E));
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_next(sub, bad[i], &msg, E));
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_library_shutdown(bad[i], E));
  }
  OK(nats_connection_flush(nc, INT64_MAX, E));
  OK(nats_connection_rtt(nc, INT64_MAX, &rtt, E));
  send_text(nc, "c.args.13", "x");
  OK(nats_subscription_next(sub, INT64_MAX, &msg, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_drain(sub, INT64_MAX, E));
  OK(nats_subscription_free(sub));
  OK(nats_connection_drain(nc, INT64_MAX, E));
  OK(nats_connection_free(nc));
}

TEST("c-arguments-06", "outputs that are needed may not be NULL; the error output may") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.args.14", NULL);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connect(S(plain_server()), NULL, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_request(nc, S("c.nobody"), B(""), 100, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_next(sub, 0, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_take(sub, NULL, 4, 0, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_state(nc, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_stats(nc, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_rtt(nc, WAIT_MS, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_queue_new(NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_doc_new(NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_headers_new(NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_options_new(NONE, NULL, E));
  EXPECT_INT(nats_publish(nc, S("a b"), B(""), NULL), NATS_ERR_INVALID_SUBJECT);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("c-doc-01", "documents: paths, types and broken text") {
  nats_doc *doc = NULL;
  nats_str text;
  int64_t number = 0;
  double real = 0;
  int32_t flag = 77;
  size_t len = 0;
  FAILS(NATS_ERR_INVALID_JSON, nats_doc_parse(S("{\"a\":"), &doc, E));
  OK(nats_doc_parse(S("{\"a\":{\"b\":[1,\"two\",2.5,true]}}"), &doc, E));
  OK(nats_doc_get_int(doc, S("a.b.0"), &number, E));
  EXPECT_INT(number, 1);
  OK(nats_doc_get_str(doc, S("a.b.1"), &text, E));
  EXPECT_TEXT(text, "two");
  OK(nats_doc_get_double(doc, S("a.b.2"), &real, E));
  EXPECT(real > 2.4 && real < 2.6);
  OK(nats_doc_get_bool(doc, S("a.b.3"), &flag, E));
  EXPECT_INT(flag, 1);
  OK(nats_doc_len(doc, S("a.b"), &len, E));
  EXPECT_INT(len, 4);
  nats_doc *part = NULL;
  OK(nats_doc_get_doc(doc, S("a.b"), &part, E));
  OK(nats_doc_json(part, &text, E));
  EXPECT_TEXT(text, "[1,\"two\",2.5,true]");
  OK(nats_doc_free(part));
  FAILS(NATS_ERR_NOT_FOUND, nats_doc_get_doc(doc, S("a.c"), &part, E));
  FAILS(NATS_ERR_WRONG_TYPE, nats_doc_get_int(doc, S("a.b.1"), &number, E));
  SAYS("a.b.1");
  FAILS(NATS_ERR_NOT_FOUND, nats_doc_get_int(doc, S("a.b.9"), &number, E));
  SAYS("a.b.9");
  FAILS(NATS_ERR_INVALID_JSON, nats_doc_set_json(doc, S("a"), S("{"), E));
  OK(nats_doc_set_json(doc, S("a.b"), S("[]"), E));
  OK(nats_doc_append_json(doc, S("a.b"), S("{\"c\":null}"), E));
  OK(nats_doc_set_str(doc, S("new.path"), S("x"), E));
  OK(nats_doc_json(doc, &text, E));
  EXPECT_TEXT(text, "{\"a\":{\"b\":[{\"c\":null}]},\"new\":{\"path\":\"x\"}}");
  OK(nats_doc_free(doc));
}

TEST("c-arguments-07", "statuses have names and texts, also those that do not exist") {
  EXPECT_TEXT(nats_status_name(NATS_ERR_TIMEOUT), "TIMEOUT");
  EXPECT(nats_status_text(NATS_ERR_TIMEOUT).len > 0);
  EXPECT(nats_status_name(123456).len > 0 && nats_status_name(-1).len > 0);
  EXPECT(nats_status_name(NATS_OK).len > 0);
  EXPECT_INT(nats_abi_version(), NATS_ABI_VERSION);
  EXPECT(nats_version().len >= 5);
}
