/* What callbacks may do, and when their destroy hooks run. */
#include <stdatomic.h>

#include "check.h"

struct called {
  struct latch count, gone;
};

static void called_gone(void *user) { latch_add(&((struct called *)user)->gone); }

static void call_everything(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                            void *user) {
  (void)sub;
  nats_msg *answer = NULL;
  int64_t rtt = 0;
  OK(nats_msg_free(msg));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_rtt(nc, WAIT_MS, &rtt, E));
  OK(nats_request(nc, S("c.call.1.echo"), B("x"), WAIT_MS, &answer, E));
  OK(nats_msg_free(answer));
  OK(nats_publish(nc, S("c.call.1.done"), B("y"), E));
  latch_add(&((struct called *)user)->count);
}

static void echo(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
  OK(nats_msg_free(msg));
}

TEST("callbacks-01", "a callback may publish, request and flush") {
  nats_connection *nc = dial_plain();
  static struct called called = {LATCH, LATCH};
  nats_subscription *done = listen_to(nc, "c.call.1.done", NULL);
  OK(nats_subscribe(nc, S("c.call.1.echo"), echo, NULL, NULL, NULL, E));
  /* More subscriptions than there are delivery threads, all of them waiting for the echo. */
  for (int i = 0; i < 16; ++i) {
    OK(nats_subscribe(nc, S("c.call.1"), call_everything, &called, NULL, NULL, E));
  }
  for (int i = 0; i < 5; ++i) send_text(nc, "c.call.1", "x");
  for (int i = 0; i < 80; ++i) receive_text(done, "y");
  EXPECT(latch_wait(&called.count, 80, WAIT_MS));
  OK(nats_subscription_free(done));
  hang_up(nc);
}

static void unsubscribe_itself(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                               void *user) {
  (void)nc;
  OK(nats_msg_free(msg));
  OK(nats_subscription_unsubscribe(sub, E));
  latch_add(&((struct called *)user)->count);
}

static void drain_itself(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc;
  OK(nats_msg_free(msg));
  OK(nats_subscription_drain(sub, WAIT_MS, E));
  latch_add(&((struct called *)user)->count);
}

static void free_itself(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc;
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  latch_add(&((struct called *)user)->count);
}

TEST("callbacks-02", "a callback may unsubscribe, drain or free its own subscription") {
  nats_msg_cb ends[] = {unsubscribe_itself, drain_itself, free_itself};
  for (int i = 0; i < 3; ++i) {
    nats_connection *nc = dial_plain();
    static struct called all[3] = {{LATCH, LATCH}, {LATCH, LATCH}, {LATCH, LATCH}};
    nats_subscription *sub = NULL;
    OK(nats_subscribe(nc, S("c.call.2"), ends[i], &all[i], called_gone, &sub, E));
    send_text(nc, "c.call.2", "x");
    EXPECT(latch_wait(&all[i].gone, 1, WAIT_MS));
    EXPECT_INT(latch_count(&all[i].count), 1);
    send_text(nc, "c.call.2", "y");
    OK(nats_connection_flush(nc, WAIT_MS, E));
    if (ends[i] == free_itself) FAILS(NATS_ERR_INVALID_HANDLE, nats_subscription_free(sub));
    else OK(nats_subscription_free(sub));
    hang_up(nc);
    EXPECT_INT(latch_count(&all[i].count), 1);
  }
}

static void close_connection(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                             void *user) {
  (void)sub;
  OK(nats_msg_free(msg));
  OK(nats_connection_close(nc, E));
  latch_add(&((struct called *)user)->count);
}

static void free_connection(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                            void *user) {
  (void)sub;
  OK(nats_msg_free(msg));
  OK(nats_connection_free(nc));
  latch_add(&((struct called *)user)->count);
}

static void drain_connection(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                             void *user) {
  (void)sub;
  OK(nats_msg_free(msg));
  OK(nats_connection_drain(nc, WAIT_MS, E));
  latch_add(&((struct called *)user)->count);
}

TEST("callbacks-03", "a callback may close, drain or free its own connection") {
  nats_msg_cb ends[] = {close_connection, drain_connection, free_connection};
  for (int i = 0; i < 3; ++i) {
    nats_connection *nc = dial_plain();
    static struct called all[3] = {{LATCH, LATCH}, {LATCH, LATCH}, {LATCH, LATCH}};
    OK(nats_subscribe(nc, S("c.call.3"), ends[i], &all[i], called_gone, NULL, E));
    send_text(nc, "c.call.3", "x");
    EXPECT(latch_wait(&all[i].gone, 1, WAIT_MS));
    EXPECT_INT(latch_count(&all[i].count), 1);
    bool freed = ends[i] == free_connection;
    FAILS(freed ? NATS_ERR_INVALID_HANDLE : NATS_OK, nats_connection_free(nc));
  }
}

struct gate {
  struct latch entered, opened;
};

static void wait_at_gate(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  struct gate *gate = user;
  (void)nc, (void)sub;
  latch_add(&gate->entered);
  latch_wait(&gate->opened, 1, WAIT_MS);
  OK(nats_msg_free(msg));
}

static void count_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  OK(nats_msg_free(msg));
  latch_add(&((struct called *)user)->count);
}

TEST("callbacks-04", "callbacks that block stall their own subscriptions only") {
  enum { BLOCKED = 16 };
  nats_connection *nc = dial_plain();
  static struct gate gate = {LATCH, LATCH};
  static struct called other = {LATCH, LATCH};
  for (int i = 0; i < BLOCKED; ++i) {
    OK(nats_subscribe(nc, S("c.call.4"), wait_at_gate, &gate, NULL, NULL, E));
  }
  OK(nats_subscribe(nc, S("c.call.4.other"), count_message, &other, NULL, NULL, E));
  send_text(nc, "c.call.4", "x");
  EXPECT(latch_wait(&gate.entered, BLOCKED, WAIT_MS));
  send_text(nc, "c.call.4.other", "y");
  EXPECT(latch_wait(&other.count, 1, WAIT_MS));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  latch_add(&gate.opened);
  OK(nats_connection_drain(nc, WAIT_MS, E));
  OK(nats_connection_free(nc));
}

struct watched {
  atomic_int running, destroyed, late;
  struct latch gone;
};

static void note_late(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  struct watched *watched = user;
  (void)nc, (void)sub;
  atomic_fetch_add(&watched->running, 1);
  if (atomic_load(&watched->destroyed)) atomic_fetch_add(&watched->late, 1);
  OK(nats_msg_free(msg));
  atomic_fetch_sub(&watched->running, 1);
}

static void note_destroyed(void *user) {
  struct watched *watched = user;
  if (atomic_load(&watched->running)) atomic_fetch_add(&watched->late, 1);
  atomic_fetch_add(&watched->destroyed, 1);
  latch_add(&watched->gone);
}

static atomic_bool enough;

/* In bursts with a round trip between them, so that the server can keep up. */
static void *publish_until_enough(void *nc) {
  nats_status status = NATS_OK;
  while (!atomic_load(&enough) && !status) {
    for (int i = 0; i < 50; ++i) nats_publish(nc, S("c.call.5"), B("x"), NULL);
    status = nats_connection_flush(nc, WAIT_MS, NULL);
  }
  EXPECT_INT(status, NATS_OK);
  return NULL;
}

TEST("callbacks-05", "destroy runs exactly once, after the last callback, also on failure") {
  enum { ROUNDS = 100 };
  nats_connection *nc = dial_plain(), *other = dial_plain();
  static struct watched all[ROUNDS];
  nats_subscription *sub = NULL;
  pthread_t thread;
  EXPECT(!pthread_create(&thread, NULL, publish_until_enough, other));
  for (int i = 0; i < ROUNDS; ++i) {
    all[i].gone = (struct latch)LATCH;
    OK(nats_subscribe(nc, S("c.call.5"), note_late, &all[i], note_destroyed, &sub, E));
    OK(nats_connection_flush(nc, WAIT_MS, E));
    if (i % 2) OK(nats_subscription_unsubscribe(sub, E));
    OK(nats_subscription_free(sub));
  }
  for (int i = 0; i < ROUNDS; ++i) EXPECT(latch_wait(&all[i].gone, 1, WAIT_MS));
  atomic_store(&enough, true);
  pthread_join(thread, NULL);
  hang_up(nc);
  hang_up(other);
  for (int i = 0; i < ROUNDS; ++i) {
    EXPECT(atomic_load(&all[i].destroyed) == 1 && atomic_load(&all[i].late) == 0);
  }
  static struct called refused = {LATCH, LATCH};
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_subscribe(nc, S("a"), count_message, &refused, called_gone, &sub, E));
  EXPECT_INT(latch_count(&refused.gone), 1);
  nc = dial_plain();
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_subscribe(nc, S("a b"), count_message, &refused, called_gone, &sub, E));
  EXPECT_INT(latch_count(&refused.gone), 2);
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_subscribe(nc, S("a"), NULL, &refused, called_gone, &sub, E));
  EXPECT_INT(latch_count(&refused.gone), 3);
  hang_up(nc);
}

static void close_in_event(nats_connection *nc, int32_t kind, nats_str json, void *user) {
  (void)json;
  if (kind == NATS_CONNECTION_EVENT_CONNECTED) OK(nats_connection_close(nc, E));
  if (kind == NATS_CONNECTION_EVENT_CLOSED) latch_add(&((struct called *)user)->count);
}

TEST("c-callbacks-01", "an event callback may close its own connection") {
  static struct called called = {LATCH, LATCH};
  nats_options *options = NULL;
  nats_connection *nc = NULL;
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_event(options, close_in_event, &called, called_gone, E));
  OK(nats_connect(S(plain_server()), options, &nc, E));
  EXPECT(latch_wait(&called.count, 1, WAIT_MS));
  EXPECT_INT(latch_count(&called.gone), 0);
  OK(nats_options_free(options));
  OK(nats_connection_free(nc));
  EXPECT(latch_wait(&called.gone, 1, WAIT_MS));
}

TEST("c-callbacks-02", "a callback subscription cannot be polled") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = NULL;
  nats_queue *queue = NULL;
  nats_msg *msg = NULL;
  size_t count = 0;
  OK(nats_subscribe(nc, S("c.call.6"), echo, NULL, NULL, &sub, E));
  OK(nats_queue_new(&queue, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_next(sub, 0, &msg, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_take(sub, &msg, 1, 0, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_watch(sub, queue, 1, E));
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}
