/* The queue: completions, readiness, connection events, wake-ups. */
#include <poll.h>

#include "check.h"

static nats_queue *new_queue(void) {
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  return queue;
}

/* The next event, which must come and carry this token and kind. */
static nats_event next_event(nats_queue *queue, uint64_t token, int kind) {
  nats_event event;
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.token, token);
  EXPECT_INT(event.kind, kind);
  return event;
}

static void expect_empty(nats_queue *queue) {
  nats_event event;
  size_t count = 77;
  OK(nats_queue_poll(queue, &event, 1, 0, &count, E));
  EXPECT_INT(count, 0);
}

static void expect_error(nats_event event, nats_status status) {
  EXPECT_INT(event.status, status);
  EXPECT_INT(nats_error_code(event.value), status);
  EXPECT(nats_error_text(event.value).len > 0);
  OK(nats_error_free(event.value));
}

static bool readable(nats_queue *queue, int timeout_ms) {
  int fd = -1;
  OK(nats_queue_fd(queue, &fd, E));
  struct pollfd wait = {fd, POLLIN, 0};
  return poll(&wait, 1, timeout_ms) == 1;
}

static void echo(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
  OK(nats_msg_free(msg));
}

TEST("c-queue-01", "a request completes with its token and the answer") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *service = NULL;
  OK(nats_subscribe(nc, S("c.queue.1"), echo, NULL, NULL, &service, E));
  OK(nats_request_async(nc, S("c.queue.1"), NULL, B("hi"), WAIT_MS, 0, queue, 4711, E));
  nats_event event = next_event(queue, 4711, NATS_EVENT_COMPLETION);
  EXPECT_INT(event.status, NATS_OK);
  EXPECT_TEXT(as_text(nats_msg_payload(event.value)), "hi");
  OK(nats_msg_free(event.value));
  expect_empty(queue);
  OK(nats_subscription_free(service));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

TEST("c-queue-02", "failures complete with an error object") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *silent = listen_to(nc, "c.queue.2", NULL);
  OK(nats_request_async(nc, S("c.nobody"), NULL, B(""), WAIT_MS, 0, queue, 1, E));
  expect_error(next_event(queue, 1, NATS_EVENT_COMPLETION), NATS_ERR_NO_RESPONDERS);
  OK(nats_request_async(nc, S("c.queue.2"), NULL, B(""), 20, 0, queue, 2, E));
  expect_error(next_event(queue, 2, NATS_EVENT_COMPLETION), NATS_ERR_TIMEOUT);
  OK(nats_request_async(nc, S("c.queue.2"), NULL, B(""), 60000, 0, queue, 3, E));
  OK(nats_connection_close(nc, E));
  expect_error(next_event(queue, 3, NATS_EVENT_COMPLETION), NATS_ERR_CONNECTION_CLOSED);
  OK(nats_subscription_free(silent));
  OK(nats_queue_free(queue));
  OK(nats_connection_free(nc));
}

TEST("c-queue-03", "connect, flush and drain complete") {
  nats_queue *queue = new_queue();
  OK(nats_connect_async(S(plain_server()), NULL, queue, 1, E));
  nats_event event = next_event(queue, 1, NATS_EVENT_COMPLETION);
  EXPECT_INT(event.status, NATS_OK);
  nats_connection *nc = event.value;
  nats_subscription *sub = listen_to(nc, "c.queue.3", NULL);
  OK(nats_connection_flush_async(nc, queue, 2, E));
  event = next_event(queue, 2, NATS_EVENT_COMPLETION);
  EXPECT(event.status == NATS_OK && event.value == NULL);
  OK(nats_subscription_drain_async(sub, queue, 3, E));
  EXPECT_INT(next_event(queue, 3, NATS_EVENT_COMPLETION).status, NATS_OK);
  OK(nats_connection_drain_async(nc, queue, 4, E));
  EXPECT_INT(next_event(queue, 4, NATS_EVENT_COMPLETION).status, NATS_OK);
  OK(nats_subscription_free(sub));
  OK(nats_connection_free(nc));
  OK(nats_connect_async(S("nats://127.0.0.1:1"), NULL, queue, 5, E));
  expect_error(next_event(queue, 5, NATS_EVENT_COMPLETION), NATS_ERR_NO_SERVERS);
  OK(nats_queue_free(queue));
}

TEST("c-queue-04", "readiness comes once, and again after the subscription was found empty") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *sub = listen_to(nc, "c.queue.4", NULL);
  nats_msg *msg = NULL;
  OK(nats_subscription_watch(sub, queue, 9, E));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) send_text(nc, "c.queue.4", "x");
    OK(nats_connection_flush(nc, WAIT_MS, E));
    nats_event event = next_event(queue, 9, NATS_EVENT_READY);
    EXPECT(event.arg >= 1 && event.arg <= 10 && event.value == NULL);
    expect_empty(queue);
    for (int i = 0; i < 10; ++i) receive_text(sub, "x");
    FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, &msg, E));
  }
  OK(nats_subscription_unsubscribe(sub, E));
  (void)next_event(queue, 9, NATS_EVENT_READY); /* its end is something to look at, too */
  OK(nats_subscription_free(sub));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

TEST("c-queue-05", "watching what has messages already is ready at once") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *sub = listen_to(nc, "c.queue.5", NULL);
  send_text(nc, "c.queue.5", "x");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_subscription_watch(sub, queue, 1, E));
  EXPECT_INT(next_event(queue, 1, NATS_EVENT_READY).arg, 1);
  OK(nats_subscription_free(sub));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

TEST("c-queue-06", "connection events come with a document") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  OK(nats_connection_watch(nc, queue, 5, E));
  OK(nats_connection_close(nc, E));
  nats_event event;
  do {
    event = next_event(queue, 5, NATS_EVENT_CONNECTION);
    nats_str name;
    OK(nats_doc_get_str(event.value, S("event"), &name, E));
    EXPECT(name.len > 0);
    OK(nats_doc_free(event.value));
  } while (event.arg != NATS_CONNECTION_EVENT_CLOSED);
  OK(nats_queue_free(queue));
  OK(nats_connection_free(nc));
}

TEST("c-queue-07", "the file descriptor is readable exactly while there are events") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  EXPECT(!readable(queue, 0));
  OK(nats_connection_flush_async(nc, queue, 1, E));
  OK(nats_connection_flush_async(nc, queue, 2, E));
  EXPECT(readable(queue, WAIT_MS));
  nats_event event;
  size_t count = 0;
  for (int got = 0; got < 2; got += (int)count) {
    EXPECT(readable(queue, 0) || readable(queue, WAIT_MS));
    OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
    EXPECT(count == 1 && event.status == NATS_OK);
  }
  EXPECT(!readable(queue, 0));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

static void woken(void *user) { latch_add(user); }

TEST("c-queue-08", "the wake hook runs when the queue stops being empty, and is destroyed") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  static struct latch wakes = LATCH, gone = LATCH;
  OK(nats_queue_on_wake(queue, woken, &wakes, NULL, E));
  for (int i = 1; i <= 3; ++i) {
    OK(nats_connection_flush_async(nc, queue, (uint64_t)i, E));
    EXPECT(latch_wait(&wakes, i, WAIT_MS));
    (void)next_event(queue, (uint64_t)i, NATS_EVENT_COMPLETION);
  }
  EXPECT_INT(latch_count(&wakes), 3);
  OK(nats_queue_on_wake(queue, woken, &gone, latch_destroy_hook, E));
  OK(nats_queue_on_wake(queue, NULL, NULL, NULL, E));
  EXPECT_INT(latch_count(&gone), 1);
  OK(nats_queue_free(queue));
  hang_up(nc);
}

static void *poll_until_interrupted(void *queue) {
  nats_event event;
  size_t count = 77;
  OK(nats_queue_poll(queue, &event, 1, 60000, &count, E));
  EXPECT_INT(count, 0);
  return NULL;
}

static void *poll_until_freed(void *queue) {
  nats_event event;
  size_t count = 77;
  nats_status status;
  do status = nats_queue_poll(queue, &event, 1, 60000, &count, NULL);
  while (status == NATS_OK && count == 0);
  EXPECT(status == NATS_ERR_QUEUE_CLOSED || status == NATS_ERR_INVALID_HANDLE);
  return NULL;
}

TEST("c-queue-09", "interrupt and free end a poll that waits") {
  nats_queue *queue = new_queue();
  pthread_t thread;
  EXPECT(!pthread_create(&thread, NULL, poll_until_interrupted, queue));
  OK(nats_queue_interrupt(queue, E));
  pthread_join(thread, NULL);
  EXPECT(!pthread_create(&thread, NULL, poll_until_freed, queue));
  OK(nats_queue_free(queue));
  pthread_join(thread, NULL);
}

TEST("c-queue-10", "poll waits as long as told, and checks its arguments") {
  nats_queue *queue = new_queue();
  nats_event event;
  size_t count = 77;
  int64_t start = now_ms();
  OK(nats_queue_poll(queue, &event, 1, 50, &count, E));
  EXPECT(now_ms() - start >= 49 && count == 0);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_queue_poll(queue, &event, 1, -1, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_queue_poll(queue, &event, 0, 0, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_queue_poll(queue, NULL, 1, 0, &count, E));
  OK(nats_queue_free(queue));
}

TEST("c-queue-11", "values that nobody polled are freed with the queue") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *service = NULL;
  OK(nats_subscribe(nc, S("c.queue.11"), echo, NULL, NULL, &service, E));
  OK(nats_request_async(nc, S("c.queue.11"), NULL, B("hi"), WAIT_MS, 0, queue, 1, E));
  OK(nats_request_async(nc, S("c.nobody"), NULL, B("hi"), WAIT_MS, 0, queue, 2, E));
  OK(nats_connect_async(S(plain_server()), NULL, queue, 3, E));
  OK(nats_connection_watch(nc, queue, 4, E));
  EXPECT(readable(queue, WAIT_MS));
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(service));
  hang_up(nc); /* the rig compares the number of handles; ASan and valgrind find messages */
}

TEST("c-queue-12", "completions of many operations: one each") {
  enum { MANY = 1000 };
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *service = NULL;
  static unsigned char seen[MANY];
  memset(seen, 0, sizeof seen);
  OK(nats_subscribe(nc, S("c.queue.12"), echo, NULL, NULL, &service, E));
  for (uint64_t i = 0; i < MANY; ++i) {
    OK(nats_request_async(nc, S("c.queue.12"), NULL, B("x"), WAIT_MS, 0, queue, i, E));
  }
  for (int got = 0; got < MANY;) {
    nats_event events[64];
    size_t count = 0;
    OK(nats_queue_poll(queue, events, 64, WAIT_MS, &count, E));
    EXPECT(count > 0);
    for (size_t i = 0; i < count; ++i, ++got) {
      EXPECT(events[i].status == NATS_OK && events[i].token < MANY && !seen[events[i].token]++);
      OK(nats_msg_free(events[i].value));
    }
  }
  expect_empty(queue);
  OK(nats_subscription_free(service));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

TEST("c-queue-cancel", "a cancelled operation completes once; bad arguments are told at once") {
  nats_connection *nc = dial_plain();
  nats_queue *queue = new_queue();
  nats_subscription *silent = listen_to(nc, "c.queue.cancel", NULL);
  OK(nats_request_async(nc, S("c.queue.cancel"), NULL, B("1"), 60000, 0, queue, 1, E));
  OK(nats_queue_cancel(queue, 1, E));
  expect_error(next_event(queue, 1, NATS_EVENT_COMPLETION), NATS_ERR_CANCELLED);
  OK(nats_queue_cancel(queue, 1, E));
  OK(nats_queue_cancel(queue, 99, E));
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_request_async(nc, S("c..bad"), NULL, B(""), WAIT_MS, 0, queue, 2, E));
  expect_empty(queue);
  /* A request is sent in its call, and so before what is published behind it. */
  OK(nats_request_async(nc, S("c.queue.cancel"), NULL, B("2"), 60000, 0, queue, 3, E));
  send_text(nc, "c.queue.cancel", "3");
  receive_text(silent, "1");
  receive_text(silent, "2");
  receive_text(silent, "3");
  OK(nats_connection_close(nc, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_request_async(nc, S("c.queue.cancel"), NULL, B(""), WAIT_MS, 0, queue, 4, E));
  OK(nats_subscription_free(silent));
  OK(nats_queue_free(queue));
  OK(nats_connection_free(nc));
}
