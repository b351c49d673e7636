/* Headers that the program adds to whatever it publishes, and message tracing. */
#include "check.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* The functions run within calls of the library, which no failed expectation may jump out of. */
#define WITHIN(injector, call) ((injector)->faults += (call) != NATS_OK)

struct injector {
  int faults;
  struct latch calls, gone;
  pthread_t thread;
  nats_headers *seen;
};

static void add_trace(nats_headers *headers, void *user) {
  struct injector *injector = user;
  char number[24];
  latch_add(&injector->calls);
  snprintf(number, sizeof number, "%lld", (long long)latch_count(&injector->calls));
  WITHIN(injector, nats_headers_set(headers, S("traceparent"), S(TRACEPARENT), NULL));
  WITHIN(injector, nats_headers_append(headers, S("Number"), S(number), NULL));
  injector->thread = pthread_self();
  injector->seen = headers;
}

static void injector_gone(void *user) { latch_add(&((struct injector *)user)->gone); }

typedef void (*inject_cb)(nats_headers *, void *);

static nats_connection *dial_injecting(const char *json, inject_cb cb, struct injector *injector) {
  nats_options *options = NULL;
  injector->calls = injector->gone = (struct latch)LATCH;
  injector->faults = 0;
  OK(nats_options_new(S(json), &options, E));
  OK(nats_options_on_inject(options, cb, injector, injector_gone, E));
  return dial_with(plain_server(), options);
}

static void expect_header(nats_msg *msg, const char *name, const char *expected) {
  nats_str value;
  OK(nats_msg_header(msg, S(name), &value, E));
  EXPECT_TEXT(value, expected);
}

static void hang_up_injecting(nats_connection *nc, struct injector *injector) {
  hang_up(nc);
  EXPECT(latch_wait(&injector->gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&injector->gone), 1);
  EXPECT_INT(injector->faults, 0);
}

TEST("c-inject-01", "each publish asks once, on its thread; what the caller gave stays as it is") {
  static struct injector injector;
  nats_connection *nc = dial_injecting("", add_trace, &injector), *plain = dial_plain();
  nats_subscription *sub = listen_to(plain, "c.inject.1", NULL);
  nats_headers *own = NULL;
  nats_str value;
  size_t count = 0;
  OK(nats_connection_flush(plain, WAIT_MS, E));
  OK(nats_headers_new(&own, E));
  OK(nats_headers_set(own, S("Own"), S("yes"), E));
  send_text(nc, "c.inject.1", "1");
  for (int i = 0; i < 4; ++i) {
    OK(nats_publish_msg(nc, S("c.inject.1"), NONE, own, B("x"), E));
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  send_text(plain, "c.inject.1", "plain");
  EXPECT(pthread_equal(injector.thread, pthread_self()));
  char number[16] = "1";
  for (int i = 1; i <= 5; ++i) {
    nats_msg *msg = receive(sub);
    snprintf(number, sizeof number, "%d", i);
    expect_header(msg, "Number", number);
    expect_header(msg, "traceparent", TRACEPARENT);
    if (i > 1) expect_header(msg, "Own", "yes");
    OK(nats_msg_free(msg));
  }
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_NOT_FOUND, nats_msg_header(msg, S("Number"), &value, E));
  OK(nats_msg_free(msg));
  OK(nats_headers_count(own, &count, E));
  EXPECT_INT(count, 1);
  FAILS(NATS_ERR_INVALID_HANDLE, nats_headers_count(injector.seen, &count, E));
  OK(nats_headers_free(own));
  OK(nats_subscription_free(sub));
  hang_up(plain);
  hang_up_injecting(nc, &injector);
  EXPECT_INT(latch_count(&injector.calls), 5);
}

static void echo_number(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  nats_str number = NONE;
  nats_bytes payload;
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_header(msg, S("Number"), &number, E));
  payload = nats_bytes_of(number.ptr, number.len);
  OK(nats_msg_respond(msg, payload, E));
  OK(nats_msg_free(msg));
}

TEST("c-inject-02", "requests of every kind ask once, and so do answers") {
  static struct injector asking, answering;
  nats_connection *nc = dial_injecting("", add_trace, &asking);
  nats_connection *service = dial_injecting("", add_trace, &answering);
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  nats_msg *answers[5];
  nats_subscription *many = NULL;
  OK(nats_subscribe(service, S("c.inject.2"), echo_number, NULL, NULL, NULL, E));
  OK(nats_connection_flush(service, WAIT_MS, E));
  OK(nats_queue_new(&queue, E));
  answers[0] = ask(nc, "c.inject.2", "");
  OK(nats_request_msg(nc, S("c.inject.2"), NULL, B(""), WAIT_MS, NATS_REQUEST_OWN_INBOX,
                      &answers[1], E));
  for (int i = 2; i < 4; ++i) {
    uint32_t flags = i == 2 ? 0 : NATS_REQUEST_OWN_INBOX;
    OK(nats_request_async(nc, S("c.inject.2"), NULL, B(""), WAIT_MS, flags, queue, 1, E));
    EXPECT(pthread_equal(asking.thread, pthread_self()));
    OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
    EXPECT(count == 1 && event.status == NATS_OK);
    answers[i] = event.value;
  }
  OK(nats_request_many(nc, S("c.inject.2"), NULL, B(""), S("{\"max_messages\":1}"), &many, E));
  answers[4] = receive(many);
  for (int i = 0; i < 5; ++i) {
    char number[16];
    snprintf(number, sizeof number, "%d", i + 1);
    EXPECT_TEXT(as_text(nats_msg_payload(answers[i])), number);
    expect_header(answers[i], "Number", number);
    OK(nats_msg_free(answers[i]));
  }
  OK(nats_subscription_free(many));
  OK(nats_queue_free(queue));
  hang_up_injecting(nc, &asking);
  hang_up_injecting(service, &answering);
  EXPECT_INT(latch_count(&asking.calls), 5);
  EXPECT_INT(latch_count(&answering.calls), 5);
}

static nats_connection *inner;
static nats_headers *callers;

/* Publishes, changes the headers that the caller gave, and frees what it was given. */
static void misbehave(nats_headers *headers, void *user) {
  struct injector *injector = user;
  latch_add(&injector->calls);
  WITHIN(injector, nats_headers_set(headers, S("Lost"), S("yes"), NULL));
  WITHIN(injector, nats_publish_msg(inner, S("c.inject.3.inner"), NONE, headers, B("x"), NULL));
  WITHIN(injector, nats_connection_flush(inner, WAIT_MS, NULL));
  WITHIN(injector, nats_headers_append(callers, S("Late"), S("yes"), NULL));
  WITHIN(injector, nats_headers_append(headers, S("bad name"), S("x"), NULL) !=
                       NATS_ERR_INVALID_HEADER);
  WITHIN(injector, nats_headers_free(headers));
}

TEST("c-inject-03", "a function that publishes, changes the caller's headers, frees its own") {
  static struct injector injector;
  nats_connection *nc = dial_injecting("", misbehave, &injector);
  nats_subscription *sub = listen_to(nc, "c.inject.3", NULL);
  nats_subscription *within = listen_to(nc, "c.inject.3.inner", NULL);
  nats_str value;
  inner = nc;
  OK(nats_headers_new(&callers, E));
  for (int i = 0; i < 3; ++i) {
    OK(nats_publish_msg(nc, S("c.inject.3"), NONE, callers, B("x"), E));
    nats_msg *msg = receive(sub);
    FAILS(NATS_ERR_NOT_FOUND, nats_msg_header(msg, S("Lost"), &value, E));
    OK(nats_msg_free(msg));
    msg = receive(within);
    expect_header(msg, "Lost", "yes");
    OK(nats_msg_free(msg));
  }
  EXPECT_INT(latch_count(&injector.calls), 3);
  OK(nats_headers_free(callers));
  callers = NULL;
  OK(nats_subscription_free(sub));
  OK(nats_subscription_free(within));
  hang_up_injecting(nc, &injector);
}

TEST("c-inject-04", "destroy runs once: refused, replaced, removed, after the connection's end") {
  static struct injector injector;
  nats_options *options = NULL;
  nats_connection *nc = NULL;
  injector.calls = injector.gone = (struct latch)LATCH;
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_options_on_inject(NULL, add_trace, &injector, injector_gone, E));
  EXPECT_INT(latch_count(&injector.gone), 1);
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_inject(options, NULL, &injector, injector_gone, E));
  EXPECT_INT(latch_count(&injector.gone), 2);
  OK(nats_options_on_inject(options, add_trace, &injector, injector_gone, E));
  OK(nats_options_on_inject(options, add_trace, &injector, injector_gone, E));
  EXPECT_INT(latch_count(&injector.gone), 3);
  OK(nats_connect(S(plain_server()), options, &nc, E));
  OK(nats_options_free(options));
  send_text(nc, "c.inject.4", "x");
  EXPECT_INT(latch_count(&injector.gone), 3);
  OK(nats_connection_free(nc));
  EXPECT(latch_wait(&injector.gone, 4, WAIT_MS));
  EXPECT_INT(latch_count(&injector.gone), 4);
  EXPECT_INT(latch_count(&injector.calls), 1);
}

static void *publish_many(void *nc) {
  for (int i = 0; i < 500; ++i) {
    nats_status status = nats_publish(nc, S("c.inject.5"), B("x"), NULL);
    if (status) return (void *)(intptr_t)status;
  }
  return NULL;
}

TEST("c-inject-05", "threads publish, each with its own headers, while the connection is freed") {
  static struct injector injector;
  enum { THREADS = 8 };
  pthread_t threads[THREADS];
  nats_connection *nc = dial_injecting("", add_trace, &injector);
  for (int i = 0; i < THREADS; ++i) {
    EXPECT(!pthread_create(&threads[i], NULL, publish_many, nc));
  }
  EXPECT(latch_wait(&injector.calls, 200, WAIT_MS));
  OK(nats_connection_free(nc));
  for (int i = 0; i < THREADS; ++i) {
    void *status = NULL;
    pthread_join(threads[i], &status);
    EXPECT(!status || (intptr_t)status == NATS_ERR_CONNECTION_CLOSED ||
           (intptr_t)status == NATS_ERR_INVALID_HANDLE);
  }
  EXPECT(latch_wait(&injector.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&injector.gone), 1);
}

TEST("c-trace-01", "message tracing: the server's events arrive where the header says") {
  nats_connection *nc = dial_plain();
  nats_subscription *events = listen_to(nc, "c.trace.events", NULL);
  nats_subscription *sub = listen_to(nc, "c.trace.1", NULL);
  nats_headers *headers = NULL;
  nats_doc *event = NULL;
  nats_str text;
  size_t count = 0;
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Nats-Trace-Dest"), S("c.trace.events"), E));
  for (int only = 0; only < 2; ++only) {
    if (only) OK(nats_headers_set(headers, S("Nats-Trace-Only"), S("true"), E));
    OK(nats_publish_msg(nc, S("c.trace.1"), NONE, headers, B(only ? "unseen" : "seen"), E));
    nats_msg *msg = receive(events);
    text = as_text(nats_msg_payload(msg));
    OK(nats_doc_parse(text, &event, E));
    OK(nats_doc_get_str(event, S("request.header.Nats-Trace-Dest.0"), &text, E));
    EXPECT_TEXT(text, "c.trace.events");
    OK(nats_doc_len(event, S("events"), &count, E));
    EXPECT_INT(count, 2); /* it came in, and it went out to one subscription */
    OK(nats_doc_get_str(event, S("events.0.type"), &text, E));
    EXPECT_TEXT(text, "in");
    OK(nats_doc_free(event));
    OK(nats_msg_free(msg));
  }
  receive_text(sub, "seen");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  nats_msg *none = NULL;
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, &none, E));
  OK(nats_headers_free(headers));
  OK(nats_subscription_free(sub));
  OK(nats_subscription_free(events));
  hang_up(nc);
}
