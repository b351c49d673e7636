/* JetStream in C: names of errors, documents, queues, callbacks, handles. */
#include <stdatomic.h>

#include "stream.h"

TEST("c-jetstream-01", "what JetStream refuses, and what is wrong with documents and options") {
  struct place at = start_stream("");
  EXPECT_INT(nats_error_api_code(NULL), 0);
  EXPECT_INT(nats_jetstream_err_code_name(-1).len, 0);
  EXPECT_INT(nats_jetstream_err_code_name(70000).len, 0);
  refuse_js(at.js, nats_stream_info, "{\"stream\":\"a.b\"}", NATS_ERR_INVALID_NAME);
  SAYS("a.b");
  refuse_js(at.js, nats_stream_create, "{\"name\":\"T\",\"max_msgs\":\"many\"}",
            NATS_ERR_INVALID_JSON);
  SAYS("max_msgs");
  refuse_js(at.js, nats_stream_create, "{\"name\":\"T\",\"placement\":{\"tags\":[1]}}",
            NATS_ERR_INVALID_JSON);
  SAYS("placement.tags[0]");
  refuse_js(at.js, nats_stream_create, "{", NATS_ERR_INVALID_JSON);
  refuse_js(at.js, nats_stream_info, "{\"strem\":\"S\"}", NATS_ERR_INVALID_JSON);
  SAYS("strem");
  /* What the library does not know is the server's to judge; before 2.12 it overlooks it. */
  if (is_at_least(at.nc, 2, 12)) {
    refuse_js(at.js, nats_stream_create, "{\"name\":\"T\",\"not_known\":1}", NATS_ERR_JETSTREAM);
    SAYS("not_known");
  }
  nats_jetstream *bad = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(at.nc, S("{\"domian\":\"x\"}"), &bad, E));
  SAYS("domain");
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(at.nc, S("{\"domain\":\"a b\"}"), &bad, E));
  leave(at);
}

/* The next event of the queue, which is for this token. */
static nats_event event_of(nats_queue *queue, uint64_t token) {
  nats_event event;
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.token, token);
  return event;
}

TEST("c-jetstream-02", "operations on a queue") {
  struct place at = start_stream("");
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  OK(nats_consumer_create_async(at.js, S(J({"stream":"S","config":{"durable_name":"worker"}})),
                                queue, 7, E));
  nats_event event = event_of(queue, 7);
  EXPECT_INT(event.status, NATS_OK);
  expect_str(event.value, "name", "worker");
  OK(nats_doc_free(event.value));
  OK(nats_consumer_info_async(at.js, S(J({"stream":"S","consumer":"x"})), queue, 8, E));
  event = event_of(queue, 8);
  EXPECT_INT(event.status, NATS_ERR_CONSUMER_NOT_FOUND);
  EXPECT_INT(nats_error_api_err_code(event.value), 10014);
  OK(nats_error_free(event.value));
  OK(nats_queue_free(queue));
  leave(at);
}

TEST("c-jetstream-03", "handles of another type, and of a JetStream that was freed") {
  struct place at = start_stream("");
  nats_doc *out = NULL;
  nats_msg *msg = NULL;
  size_t count = 0;
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info((nats_jetstream *)at.nc, &out, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_publish((nats_connection *)at.js, S("a"), B(""), E));
  nats_jetstream *gone = at.js;
  leave(at);
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_jetstream_fetch(gone, S("S"), S("c"), NONE, &msg, 1, &count, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info(gone, &out, E));
  EXPECT_INT(nats_jetstream_free(gone), NATS_ERR_INVALID_HANDLE);
  EXPECT_INT(nats_jetstream_free(NULL), NATS_OK);
}

TEST("c-jetstream-04",
     "messages without end: many at once, awaited on a queue, by their own rules") {
  struct place at = start_stream("");
  nats_msg *msgs[8];
  size_t count = 0;
  nats_queue *queue = NULL;
  make_worker(at.js, "");
  store_numbers(at.js, 1, 20);
  nats_subscription *sub = consume(at.js, "{\"max_messages\":5}");
  for (int taken = 0; taken < 20; taken += (int)count) {
    OK(nats_subscription_take(sub, msgs, 8, WAIT_MS, &count, E));
    EXPECT(count <= 5);
    for (size_t i = 0; i < count; ++i) EXPECT_INT(number_of(msgs[i]), taken + (int)i + 1);
    OK(nats_msgs_ack(msgs, count, E));
    OK(nats_msgs_free(msgs, count));
  }
  nothing(sub, 0);
  OK(nats_queue_new(&queue, E));
  OK(nats_subscription_watch(sub, queue, 7, E));
  store_numbers(at.js, 21, 21);
  /* What the server says of requests is no message, but makes the subscription ready. */
  nats_error *err = NULL;
  do {
    nats_error_free(err);
    EXPECT_INT(event_of(queue, 7).kind, NATS_EVENT_READY);
  } while (nats_subscription_next(sub, 0, msgs, &err) != NATS_OK);
  EXPECT_INT(number_of(msgs[0]), 21);
  OK(nats_msg_free(msgs[0]));
  OK(nats_queue_free(queue));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_unsubscribe_after(sub, 3, E));
  OK(nats_subscription_free(sub));
  leave(at);
}

static void publish(nats_publisher *publisher, uint64_t token) {
  OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), NONE, token, E));
}

static _Atomic uint64_t told;

static void note_outcomes(nats_publisher *publisher, const nats_outcome *outcomes, size_t count,
                          void *user) {
  (void)publisher;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_INT(outcomes[i].status, NATS_OK);
    atomic_fetch_add(&told, outcomes[i].token);
    latch_add(user);
  }
}

TEST("c-jetstream-05", "a publisher: awaited on a queue, by a callback, its end told") {
  struct place at = start_stream("");
  nats_publisher *publisher = NULL;
  nats_queue *queue = NULL;
  nats_outcome outcomes[4];
  size_t count = 0;
  OK(nats_publisher_new(at.js, NONE, NULL, NULL, NULL, &publisher, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publisher_take(publisher, outcomes, 0, 0, &count, E));
  OK(nats_queue_new(&queue, E));
  OK(nats_publisher_watch(publisher, queue, 5, E));
  publish(publisher, 1);
  EXPECT_INT(event_of(queue, 5).kind, NATS_EVENT_READY);
  OK(nats_publisher_take(publisher, outcomes, 4, WAIT_MS, &count, E));
  EXPECT(count == 1 && outcomes[0].token == 1 && outcomes[0].sequence == 1);
  publish(publisher, NATS_NO_TOKEN);
  OK(nats_publisher_complete_async(publisher, WAIT_MS, queue, 6, E));
  EXPECT_INT(event_of(queue, 6).status, NATS_OK);
  EXPECT_INT(stored(at.js), 2);
  OK(nats_queue_free(queue));
  OK(nats_publisher_free(publisher));

  struct latch called = LATCH, gone = LATCH;
  OK(nats_publisher_new(at.js, NONE, note_outcomes, &called, NULL, &publisher, E));
  for (uint64_t i = 1; i <= 100; ++i) publish(publisher, i);
  EXPECT(latch_wait(&called, 100, WAIT_MS));
  EXPECT_INT(atomic_load(&told), 5050);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publisher_take(publisher, outcomes, 4, 0, &count, E));
  OK(nats_publisher_free(publisher));
  OK(nats_publisher_new(at.js, NONE, note_outcomes, &gone, latch_destroy_hook, &publisher, E));
  OK(nats_publisher_free(publisher));
  EXPECT(latch_wait(&gone, 1, WAIT_MS));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_publisher_new(at.js, S("{\"window\":0}"), NULL, NULL, NULL, &publisher, E));
  leave(at);
}

static struct latch traced = LATCH, trace_gone = LATCH;

static void note_trace(nats_str subject, nats_bytes document, void *user) {
  (void)user;
  EXPECT_TEXT(subject, "$JS.API.STREAM.INFO.NONE");
  char text[256];
  snprintf(text, sizeof text, "%.*s", (int)document.len, (const char *)document.ptr);
  /* The answer tells the error. */
  if (latch_count(&traced) == 1) EXPECT(strstr(text, "10059"));
  latch_add(&traced);
}

static void note_trace_gone(void *user) {
  (void)user;
  latch_add(&trace_gone);
}

TEST("c-jetstream-09", "what is asked of the API and what it answers is told to a function") {
  struct place at = start_stream("");
  nats_jetstream *js = NULL;
  OK(nats_jetstream_new_traced(at.nc, NONE, note_trace, NULL, note_trace_gone, &js, E));
  refuse_js(js, nats_stream_info, J({"stream":"NONE"}), NATS_ERR_STREAM_NOT_FOUND);
  EXPECT(latch_wait(&traced, 2, WAIT_MS));
  OK(nats_jetstream_free(js));
  EXPECT(latch_wait(&trace_gone, 1, WAIT_MS));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_new_traced(at.nc, NONE, NULL, NULL, NULL, &js, E));
  SAYS("cb");
  leave(at);
}
