/* Gentle and abrupt ends. */
#include "check.h"

static void count_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  OK(nats_msg_free(msg));
  latch_add(user);
}

static int32_t state_of(nats_connection *nc) {
  int32_t state = -1;
  OK(nats_connection_state(nc, &state, E));
  return state;
}

TEST("drain-01", "drain of a subscription delivers what was under way; the connection stays") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = NULL;
  static struct latch count = LATCH;
  OK(nats_subscribe(nc, S("c.drain.1"), count_message, &count, NULL, &sub, E));
  for (int i = 0; i < 1000; ++i) send_text(nc, "c.drain.1", "x");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_subscription_drain(sub, WAIT_MS, E));
  EXPECT_INT(latch_count(&count), 1000);
  send_text(nc, "c.drain.1", "late");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  EXPECT_INT(latch_count(&count), 1000);
  OK(nats_subscription_free(sub));
  EXPECT_INT(state_of(nc), NATS_CONNECTION_STATE_CONNECTED);
  hang_up(nc);
}

static void pass_on(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
  OK(nats_msg_free(msg));
}

TEST("drain-02", "drain of the connection delivers, lets callbacks answer, sends, then closes") {
  nats_connection *nc = dial_plain(), *other = dial_plain();
  nats_subscription *answers = listen_to(other, "c.drain.2.answers", NULL);
  OK(nats_connection_flush(other, WAIT_MS, E));
  OK(nats_subscribe(nc, S("c.drain.2"), pass_on, NULL, NULL, NULL, E));
  for (int i = 0; i < 500; ++i) {
    OK(nats_publish_msg(nc, S("c.drain.2"), S("c.drain.2.answers"), NULL, B("x"), E));
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_drain(nc, WAIT_MS, E));
  EXPECT_INT(state_of(nc), NATS_CONNECTION_STATE_CLOSED);
  for (int i = 0; i < 500; ++i) receive_text(answers, "x");
  OK(nats_connection_free(nc));
  OK(nats_subscription_free(answers));
  hang_up(other);
}

TEST("drain-03", "while draining, new subscriptions are refused; afterwards everything is") {
  static struct events events;
  nats_connection *nc = dial_watched(plain_server(), NULL, &events);
  nats_queue *queue = NULL;
  nats_subscription *sub = listen_to(nc, "c.drain.3", NULL), *other = NULL;
  nats_event event;
  size_t count = 0;
  OK(nats_queue_new(&queue, E));
  send_text(nc, "c.drain.3", "keeps the drain waiting");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_drain_async(nc, queue, 1, E));
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_DRAINING, 1));
  FAILS(NATS_ERR_CONNECTION_DRAINING,
        nats_subscribe_with(nc, S("a"), NONE, NULL, NULL, NULL, &other, E));
  EXPECT_INT(state_of(nc), NATS_CONNECTION_STATE_DRAINING_SUBS);
  receive_text(sub, "keeps the drain waiting");
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_OK);
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_subscribe_with(nc, S("a"), NONE, NULL, NULL, NULL, &other, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_publish(nc, S("a"), B(""), E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_subscription_free(sub));
  OK(nats_queue_free(queue));
  hang_up_watched(nc, &events);
}

TEST("drain-04", "a drain whose consumer does not take ends by its timeout, closed") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.drain.4", NULL);
  nats_subscription *other = listen_to(nc, "c.drain.4", NULL);
  send_text(nc, "c.drain.4", "x");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_drain(other, 50, E));
  int64_t start = now_ms();
  FAILS(NATS_ERR_TIMEOUT, nats_connection_drain(nc, 100, E));
  EXPECT(now_ms() - start >= 99 && now_ms() - start < WAIT_MS);
  EXPECT_INT(state_of(nc), NATS_CONNECTION_STATE_CLOSED);
  OK(nats_subscription_free(sub));
  OK(nats_subscription_free(other));
  OK(nats_connection_free(nc));
}

struct waiting {
  nats_connection *nc;
  nats_subscription *sub;
  nats_queue *queue;
};

static void *wait_in_next(void *arg) {
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_subscription_next(((struct waiting *)arg)->sub, 60000, &msg, E));
  return NULL;
}

static void *wait_in_take(void *arg) {
  nats_msg *msg = NULL;
  size_t count = 0;
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_subscription_take(((struct waiting *)arg)->sub, &msg, 1, 60000, &count, E));
  return NULL;
}

static void *wait_in_request(void *arg) {
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_request(((struct waiting *)arg)->nc, S("a"), B(""), 60000, &msg, E));
  return NULL;
}

static void *wait_in_flush(void *arg) {
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_connection_flush(((struct waiting *)arg)->nc, 60000, E));
  return NULL;
}

TEST("drain-05", "close ends every waiting call with CONNECTION_CLOSED; twice is harmless") {
  struct remote fake = fake_start("[\"handshake\",\"silence\"]"); /* answers no PING: all wait */
  static struct waiting waiting;
  waiting.nc = dial(fake.url, NULL);
  waiting.sub = listen_to(waiting.nc, "a", NULL);
  OK(nats_queue_new(&waiting.queue, E));
  void *(*waits[])(void *) = {wait_in_next, wait_in_take, wait_in_request, wait_in_flush};
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) EXPECT(!pthread_create(&threads[i], NULL, waits[i], &waiting));
  OK(nats_request_async(waiting.nc, S("b"), NULL, B(""), 60000, 0, waiting.queue, 1, E));
  tell(fake, "wait_text", "\"connection\":0,\"text\":\"PUB b\"");
  int64_t start = now_ms();
  OK(nats_connection_close(waiting.nc, E));
  OK(nats_connection_close(waiting.nc, E));
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  nats_event event;
  size_t count = 0;
  OK(nats_queue_poll(waiting.queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_ERR_CONNECTION_CLOSED);
  OK(nats_error_free(event.value));
  EXPECT(now_ms() - start < WAIT_MS);
  OK(nats_queue_free(waiting.queue));
  OK(nats_subscription_free(waiting.sub));
  OK(nats_connection_free(waiting.nc));
}
