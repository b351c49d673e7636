/* Requests and answers. */
#include "check.h"

static void echo(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
  OK(nats_msg_free(msg));
}

static nats_subscription *serve(nats_connection *nc, const char *subject, nats_msg_cb service) {
  nats_subscription *sub = NULL;
  OK(nats_subscribe(nc, S(subject), service, NULL, NULL, &sub, E));
  return sub;
}

static void expect_answer(nats_msg *answer, const char *text) {
  EXPECT_TEXT(as_text(nats_msg_payload(answer)), text);
  OK(nats_msg_free(answer));
}

static void answer_with_headers(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                                void *user) {
  (void)nc, (void)sub, (void)user;
  nats_headers *headers = NULL;
  OK(nats_msg_headers(msg, &headers, E));
  OK(nats_headers_append(headers, S("Answer"), S("yes"), E));
  OK(nats_msg_respond_msg(msg, headers, nats_msg_payload(msg), E));
  OK(nats_headers_free(headers));
  OK(nats_msg_free(msg));
}

TEST("request-01", "a request is answered, with headers both ways") {
  nats_connection *nc = dial_plain(), *other = dial_plain();
  nats_subscription *service = serve(other, "c.request.1", answer_with_headers);
  nats_headers *headers = NULL;
  nats_msg *answer = NULL;
  nats_str value;
  OK(nats_connection_flush(other, WAIT_MS, E));
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_append(headers, S("Question"), S("why"), E));
  for (int i = 0; i < 100; ++i) {
    OK(nats_request_msg(nc, S("c.request.1"), headers, B("x"), WAIT_MS, 0, &answer, E));
    OK(nats_msg_header(answer, S("Question"), &value, E));
    EXPECT_TEXT(value, "why");
    OK(nats_msg_header(answer, S("Answer"), &value, E));
    EXPECT_TEXT(value, "yes");
    expect_answer(answer, "x");
  }
  expect_answer(ask(nc, "c.request.1", "plain"), "plain");
  OK(nats_headers_free(headers));
  OK(nats_subscription_free(service));
  hang_up(other);
  hang_up(nc);
}

TEST("request-02", "nobody listens: the error comes at once") {
  nats_connection *nc = dial_plain();
  nats_msg *answer = NULL;
  int64_t start = now_ms();
  FAILS(NATS_ERR_NO_RESPONDERS, nats_request(nc, S("c.request.2"), B(""), 60000, &answer, E));
  EXPECT(now_ms() - start < WAIT_MS && answer == NULL);
  hang_up(nc);
}

TEST("request-03", "a silent responder: TIMEOUT; its late answer goes to nobody") {
  nats_connection *nc = dial_plain();
  nats_subscription *silent = listen_to(nc, "c.request.3", NULL);
  nats_subscription *service = serve(nc, "c.request.3.quick", echo);
  nats_msg *answer = NULL;
  int64_t start = now_ms();
  FAILS(NATS_ERR_TIMEOUT, nats_request(nc, S("c.request.3"), B("slow"), 50, &answer, E));
  EXPECT(now_ms() - start >= 49 && answer == NULL);
  nats_msg *late = receive(silent);
  for (int i = 0; i < 10; ++i) {
    OK(nats_msg_respond(late, B("too late"), E));
    expect_answer(ask(nc, "c.request.3.quick", "quick"), "quick");
  }
  OK(nats_msg_free(late));
  OK(nats_subscription_free(silent));
  OK(nats_subscription_free(service));
  hang_up(nc);
}

TEST("request-04", "a request with an inbox of its own: answer, no responders, timeout") {
  nats_connection *nc = dial_plain();
  nats_subscription *service = serve(nc, "c.request.4", echo);
  nats_subscription *silent = listen_to(nc, "c.request.4.silent", NULL);
  nats_msg *msg = NULL;
  const uint32_t own = NATS_REQUEST_OWN_INBOX;
  for (int i = 0; i < 10; ++i) {
    OK(nats_request_msg(nc, S("c.request.4"), NULL, B("own"), WAIT_MS, own, &msg, E));
    expect_answer(msg, "own");
  }
  msg = NULL;
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_request_msg(nc, S("c.nobody"), NULL, B(""), 60000, own, &msg, E));
  FAILS(NATS_ERR_TIMEOUT,
        nats_request_msg(nc, S("c.request.4.silent"), NULL, B(""), 30, own, &msg, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_request_msg(nc, S("c.request.4"), NULL, B(""), WAIT_MS, 1u << 30, &msg, E));
  EXPECT(msg == NULL);
  OK(nats_subscription_free(silent));
  OK(nats_subscription_free(service));
  hang_up(nc);
}

struct asker {
  nats_connection *nc;
  int number;
};

static void *ask_own(void *arg) {
  struct asker *asker = arg;
  char text[16];
  nats_msg *answer = NULL;
  snprintf(text, sizeof text, "%d", asker->number);
  OK(nats_request(asker->nc, S("c.request.5"), B(text), WAIT_MS, &answer, E));
  EXPECT_TEXT(as_text(nats_msg_payload(answer)), text);
  OK(nats_msg_free(answer));
  return NULL;
}

TEST("request-05", "64 requests in flight each get their own answer") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.request.5", NULL);
  static struct asker askers[64];
  pthread_t threads[64];
  nats_msg *questions[64];
  for (int i = 0; i < 64; ++i) {
    askers[i] = (struct asker){nc, i};
    EXPECT(!pthread_create(&threads[i], NULL, ask_own, &askers[i]));
  }
  for (int i = 0; i < 64; ++i) questions[i] = receive(sub);
  for (int i = 63; i >= 0; --i) { /* in another order than they were asked in */
    OK(nats_msg_respond(questions[i], nats_msg_payload(questions[i]), E));
    OK(nats_msg_free(questions[i]));
  }
  for (int i = 0; i < 64; ++i) pthread_join(threads[i], NULL);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

static void ask_many(nats_connection *nc, const char *subject, const char *options, int expected) {
  nats_subscription *answers = NULL;
  nats_msg *msg = NULL;
  OK(nats_request_many(nc, S(subject), NULL, B("x"), S(options), &answers, E));
  for (int i = 0; i < expected; ++i) receive_text(answers, "x");
  FAILS(NATS_ERR_SUBSCRIPTION_ENDED, nats_subscription_next(answers, WAIT_MS, &msg, E));
  OK(nats_subscription_free(answers));
}

TEST("request-06", "many answers: ends after max_messages") {
  nats_connection *nc = dial_plain();
  nats_subscription *services[3];
  for (int i = 0; i < 3; ++i) services[i] = serve(nc, "c.request.6", echo);
  ask_many(nc, "c.request.6", "{\"max_messages\":2}", 2);
  ask_many(nc, "c.request.6", "{\"max_messages\":3}", 3);
  for (int i = 0; i < 3; ++i) OK(nats_subscription_free(services[i]));
  hang_up(nc);
}

TEST("request-07", "many answers: ends after a gap, and after the total wait") {
  nats_connection *nc = dial_plain();
  nats_subscription *services[3];
  for (int i = 0; i < 3; ++i) services[i] = serve(nc, "c.request.7", echo);
  ask_many(nc, "c.request.7", "{\"stall_ms\":300}", 3);
  int64_t start = now_ms();
  ask_many(nc, "c.request.7", "{\"max_wait_ms\":500}", 3);
  EXPECT(now_ms() - start >= 499);
  for (int i = 0; i < 3; ++i) OK(nats_subscription_free(services[i]));
  hang_up(nc);
}

static void answer_in_parts(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                            void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, B("x"), E));
  OK(nats_msg_respond(msg, B("x"), E));
  OK(nats_msg_respond(msg, B(""), E));
  OK(nats_msg_respond(msg, B("behind the end"), E));
  OK(nats_msg_free(msg));
}

TEST("request-08", "many answers: an empty one ends them when asked for, and is not delivered") {
  nats_connection *nc = dial_plain();
  nats_subscription *service = serve(nc, "c.request.8", answer_in_parts);
  ask_many(nc, "c.request.8", "{\"sentinel\":true}", 2);
  OK(nats_subscription_free(service));
  hang_up(nc);
}

TEST("request-09", "many answers: nobody listens") {
  nats_connection *nc = dial_plain();
  nats_subscription *answers = NULL;
  nats_msg *msg = NULL;
  OK(nats_request_many(nc, S("c.request.9"), NULL, B("x"), NONE, &answers, E));
  FAILS(NATS_ERR_NO_RESPONDERS, nats_subscription_next(answers, WAIT_MS, &msg, E));
  OK(nats_subscription_free(answers));
  hang_up(nc);
}

struct waiter {
  nats_connection *nc;
  const char *subject;
  nats_status expected;
};

static void *request_that_waits(void *arg) {
  struct waiter *waiter = arg;
  nats_msg *answer = NULL;
  FAILS(waiter->expected, nats_request(waiter->nc, S(waiter->subject), B(""), 60000, &answer, E));
  return NULL;
}

TEST("request-10", "close ends a request that waits, at once") {
  nats_connection *nc = dial_plain(), *other = dial_plain();
  nats_subscription *silent = listen_to(other, "c.request.10", NULL);
  OK(nats_connection_flush(other, WAIT_MS, E));
  static struct waiter waiter;
  waiter = (struct waiter){nc, "c.request.10", NATS_ERR_CONNECTION_CLOSED};
  pthread_t thread;
  EXPECT(!pthread_create(&thread, NULL, request_that_waits, &waiter));
  OK(nats_msg_free(receive(silent))); /* so the request waits */
  int64_t start = now_ms();
  OK(nats_connection_close(nc, E));
  pthread_join(thread, NULL);
  EXPECT(now_ms() - start < WAIT_MS);
  OK(nats_connection_free(nc));
  OK(nats_subscription_free(silent));
  hang_up(other);
}

TEST("request-11", "a request in flight when the server dies ends; the next one succeeds") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, "{\"reconnect_delay_max_ms\":20}", &events);
  nats_subscription *silent = listen_to(nc, "c.request.11", NULL);
  nats_subscription *service = serve(nc, "c.request.11.echo", echo);
  static struct waiter waiter;
  waiter = (struct waiter){nc, "c.request.11", NATS_ERR_CONNECTION_LOST};
  pthread_t thread;
  EXPECT(!pthread_create(&thread, NULL, request_that_waits, &waiter));
  OK(nats_msg_free(receive(silent)));
  int64_t start = now_ms();
  tell(server, "kill", NULL);
  pthread_join(thread, NULL);
  EXPECT(now_ms() - start < WAIT_MS);
  tell(server, "restart", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  expect_answer(ask(nc, "c.request.11.echo", "again"), "again");
  OK(nats_subscription_free(silent));
  OK(nats_subscription_free(service));
  hang_up_watched(nc, &events);
}

TEST("request-12", "timeout 0 is the option's default, negative is refused, immense is fine") {
  nats_connection *nc = dial(plain_server(), "{\"request_timeout_ms\":60}");
  nats_subscription *silent = listen_to(nc, "c.request.12", NULL);
  nats_subscription *service = serve(nc, "c.request.12.echo", echo);
  nats_msg *answer = NULL;
  int64_t start = now_ms();
  FAILS(NATS_ERR_TIMEOUT, nats_request(nc, S("c.request.12"), B(""), 0, &answer, E));
  EXPECT(now_ms() - start >= 59);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_request(nc, S("c.request.12"), B(""), -1, &answer, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_request(nc, S("c.request.12"), B(""), INT64_MIN, &answer, E));
  OK(nats_request(nc, S("c.request.12.echo"), B("x"), INT64_MAX, &answer, E));
  expect_answer(answer, "x");
  OK(nats_subscription_free(silent));
  OK(nats_subscription_free(service));
  hang_up(nc);
}

TEST("request-13", "the inbox prefix of the options is used, and checked") {
  nats_connection *nc = dial(plain_server(), "{\"inbox_prefix\":\"_MINE.c\"}");
  nats_subscription *service = serve(nc, "c.request.13", echo);
  nats_subscription *all = listen_to(nc, "_MINE.c.>", NULL);
  expect_answer(ask(nc, "c.request.13", "x"), "x");
  receive_text(all, "x");
  char inbox[128], again[128];
  size_t len = 0;
  OK(nats_connection_new_inbox(nc, inbox, sizeof inbox, &len, E));
  OK(nats_connection_new_inbox(nc, again, sizeof again, NULL, E));
  EXPECT(len == strlen(inbox) && !memcmp(inbox, "_MINE.c.", 8) && strcmp(inbox, again));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_connection_new_inbox(nc, inbox, len, NULL, E));
  OK(nats_subscription_free(service));
  OK(nats_subscription_free(all));
  hang_up(nc);
  const char *bad[] = {"{\"inbox_prefix\":\"a b\"}", "{\"inbox_prefix\":\"a.*\"}",
                       "{\"inbox_prefix\":\"a.\"}", "{\"inbox_prefix\":\"a\\r\\nPING\"}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    nats_options *options = NULL;
    nats_status status = nats_options_new(S(bad[i]), &options, NULL);
    if (!status) status = nats_connect(S(plain_server()), options, &nc, NULL);
    EXPECT_INT(status, NATS_ERR_INVALID_OPTION);
    OK(nats_options_free(options));
  }
}

TEST("request-14", "a request to a denied subject fails with PERMISSION, not with its timeout") {
  struct remote server = server_start("users", NULL);
  nats_connection *nc = dial(server.url, LIMITED_USER);
  nats_msg *answer = NULL;
  int64_t start = now_ms();
  FAILS(NATS_ERR_PERMISSION, nats_request(nc, S("private.x"), B(""), 60000, &answer, E));
  EXPECT(now_ms() - start < WAIT_MS && answer == NULL);
  hang_up(nc);
}
