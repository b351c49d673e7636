/* How services end. */
#include "service.h"

static nats_queue *queue_new(void) {
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  return queue;
}

/* The completion under this token, which must have this status. */
static void completes(nats_queue *queue, uint64_t token, nats_status status) {
  nats_event event;
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.kind, NATS_EVENT_COMPLETION);
  EXPECT_INT(event.token, token);
  EXPECT_INT(event.status, status);
  OK(nats_error_free(event.value));
}

/* No more requests come. */
static void no_more(nats_subscription *endpoint) {
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, nats_subscription_next(endpoint, WAIT_MS, &msg, E));
}

TEST("service-20", "a stop waits for the answers to requests that have come, and takes no more") {
  struct place at = serve(NULL);
  nats_connection *asker = dial(at.server.url, NULL);
  nats_subscription *answers = listen_to(asker, "answers", NULL);
  nats_queue *queue = queue_new();
  char expected[100][16];
  for (int i = 0; i < 100; ++i) {
    snprintf(expected[i], sizeof expected[i], "%d", i);
    OK(nats_publish_msg(asker, S("e"), S("answers"), NULL, B(expected[i]), E));
  }
  flush(asker);
  nats_msg *first = receive(at.endpoint);
  OK(nats_service_stop_async(at.service, queue, 7, E));
  for (int i = 1; i < 100; ++i) {
    nats_msg *msg = receive(at.endpoint);
    OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
    OK(nats_msg_free(msg));
  }
  no_more(at.endpoint);
  FAILS(NATS_ERR_TIMEOUT, nats_service_stopped(at.service, 0, E));
  OK(nats_msg_respond(first, nats_msg_payload(first), E));
  completes(queue, 7, NATS_OK);
  OK(nats_msg_free(first));
  flush(at.nc);
  for (int i = 1; i < 100; ++i) receive_text(answers, expected[i]);
  receive_text(answers, expected[0]);
  const char *subjects[] = {"e", "$SRV.PING", "$SRV.INFO.s", "$SRV.STATS.s"};
  for (int i = 0; i < 4; ++i) nobody_at(asker, subjects[i]);
  expect_counted(at.service, 100);
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(answers));
  hang_up(asker);
  leave(at);
}

TEST("service-21", "a stop whose requests are not answered in time gives TIMEOUT") {
  struct place at = serve(NULL);
  ask_later(at.nc, "one");
  ask_later(at.nc, "two");
  flush(at.nc);
  nats_msg *held = receive(at.endpoint);
  FAILS(NATS_ERR_TIMEOUT, nats_service_stop(at.service, 100, E));
  SAYS("2 requests were not handled after 100 ms");
  OK(nats_service_stopped(at.service, WAIT_MS, E));
  receive_text(at.endpoint, "two");
  no_more(at.endpoint);
  OK(nats_msg_free(held));
  leave(at);
}

/* Stops its service in its own callback, and answers then. */
static void stop_and_answer(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                            void *user) {
  OK(nats_service_stop(*(nats_service **)user, WAIT_MS, E));
  echo(nc, sub, msg, user);
}

TEST("service-22", "of several stops the first one decides; nothing can be added then") {
  struct place at = serve(NULL);
  nats_queue *queue = queue_new();
  ask_later(at.nc, "held");
  nats_msg *held = receive(at.endpoint);
  OK(nats_service_stop_async(at.service, queue, 1, E));
  no_more(at.endpoint);
  OK(nats_service_stop_async(at.service, queue, 1, E));
  nats_subscription *late = NULL;
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, nats_service_add_endpoint(at.service, S(NAMED), NULL, NULL,
                                                                NULL, &late, E));
  OK(nats_msg_respond(held, B(""), E));
  OK(nats_msg_free(held));
  completes(queue, 1, NATS_OK);
  completes(queue, 1, NATS_OK);
  OK(nats_service_stop(at.service, WAIT_MS, E));
  OK(nats_service_stopped(at.service, 0, E));
  leave(at);
  /* A handler may stop its own service: that waits for the handler, and not the other way round. */
  at = serve(NULL);
  nats_subscription *stopper = NULL;
  OK(nats_service_add_endpoint(at.service, S(J({"name" : "stop"})), stop_and_answer, &at.service,
                               NULL, &stopper, E));
  flush(at.nc);
  answered(at.nc, "stop", "yes", "yes");
  OK(nats_service_stopped(at.service, WAIT_MS, E));
  OK(nats_subscription_free(stopper));
  OK(nats_queue_free(queue));
  leave(at);
}

struct end {
  struct latch told, gone;
  nats_status reason;
  char text[128];
};

static void on_end(nats_status reason, nats_str text, void *user) {
  struct end *end = user;
  end->reason = reason;
  snprintf(end->text, sizeof end->text, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
  latch_add(&end->told);
}

static void forget_end(void *user) { latch_add(&((struct end *)user)->gone); }

TEST("service-23", "the end of a service is told to whoever waits for it") {
  static struct end ends[2];
  struct place at = serve(NULL);
  nats_queue *queue = queue_new();
  for (int i = 0; i < 2; ++i) ends[i] = (struct end){LATCH, LATCH, -1, ""};
  OK(nats_service_on_stopped(at.service, on_end, &ends[0], forget_end, E));
  OK(nats_service_stopped_async(at.service, queue, 3, E));
  FAILS(NATS_ERR_TIMEOUT, nats_service_stopped(at.service, 0, E));
  EXPECT_INT(latch_count(&ends[0].told), 0);
  OK(nats_service_stop(at.service, 0, E));
  completes(queue, 3, NATS_OK);
  OK(nats_service_on_stopped(at.service, on_end, &ends[1], forget_end, E));
  for (int i = 0; i < 2; ++i) {
    EXPECT(latch_wait(&ends[i].gone, 1, WAIT_MS));
    EXPECT_INT(latch_count(&ends[i].told), 1);
    EXPECT_INT(ends[i].reason, NATS_OK);
  }
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_service_on_stopped(at.service, NULL, &ends[0], forget_end, E));
  EXPECT_INT(latch_count(&ends[0].gone), 2);
  OK(nats_queue_free(queue));
  leave(at);
}

TEST("service-33", "a closed connection ends its services, and adds none") {
  static struct end end;
  struct place at = serve(NULL);
  end = (struct end){LATCH, LATCH, -1, ""};
  OK(nats_service_on_stopped(at.service, on_end, &end, forget_end, E));
  OK(nats_connection_close(at.nc, E));
  EXPECT(latch_wait(&end.gone, 1, WAIT_MS));
  EXPECT_INT(end.reason, NATS_ERR_CONNECTION_CLOSED);
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_service_stopped(at.service, WAIT_MS, E));
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_subscription_next(at.endpoint, WAIT_MS, &msg, E));
  OK(nats_service_stop(at.service, WAIT_MS, E));
  nats_service *another = NULL;
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_service_new(at.nc, S(PLAIN), &another, E));
  leave(at);
}

TEST("service-34", "a connection that drains answers what has come") {
  struct place at = serve(NULL);
  nats_connection *asker = dial(at.server.url, NULL);
  nats_subscription *answers = listen_to(asker, "answers", NULL);
  nats_queue *queue = queue_new();
  char expected[100][16];
  for (int i = 0; i < 100; ++i) {
    snprintf(expected[i], sizeof expected[i], "%d", i);
    OK(nats_publish_msg(asker, S("e"), S("answers"), NULL, B(expected[i]), E));
  }
  flush(asker);
  flush(at.nc);
  OK(nats_connection_drain_async(at.nc, queue, 5, E));
  nats_service *another = NULL;
  FAILS(NATS_ERR_CONNECTION_DRAINING, nats_service_new(at.nc, S(PLAIN), &another, E));
  nats_msg *held = receive(at.endpoint);
  for (int i = 1; i < 100; ++i) {
    nats_msg *msg = receive(at.endpoint);
    OK(nats_msg_respond(msg, nats_msg_payload(msg), E));
    OK(nats_msg_free(msg));
  }
  for (int i = 1; i < 100; ++i) receive_text(answers, expected[i]);
  /* What is with a handler is waited for. */
  nats_event event;
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, 0, &count, E));
  EXPECT_INT(count, 0);
  OK(nats_msg_respond(held, nats_msg_payload(held), E));
  OK(nats_msg_free(held));
  completes(queue, 5, NATS_OK);
  receive_text(answers, expected[0]);
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_service_stopped(at.service, WAIT_MS, E));
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(answers));
  hang_up(asker);
  leave(at);
}

TEST("c-service-01", "a service that is freed ends, whatever is left of it") {
  struct place at = serve(NULL);
  struct latch gone = LATCH;
  nats_connection *asker = dial(at.server.url, NULL);
  OK(nats_service_add_endpoint(at.service, S(J({"name" : "own"})), echo, &gone,
                               latch_destroy_hook, NULL, E));
  flush(at.nc);
  answered(asker, "own", "x", "x");
  ask_later(asker, "held");
  nats_msg *held = receive(at.endpoint);
  OK(nats_service_free(at.service));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_service_stop(at.service, 0, E));
  no_more(at.endpoint);
  EXPECT(latch_wait(&gone, 1, WAIT_MS));
  flush(at.nc);
  nobody_at(asker, "$SRV.PING");
  nobody_at(asker, "own");
  /* What was taken can still be answered. */
  OK(nats_msg_respond(held, B("late"), E));
  OK(nats_msg_free(held));
  at.service = NULL;
  hang_up(asker);
  leave(at);
}
