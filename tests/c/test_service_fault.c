/* Services and what goes wrong around them. */
#include "service.h"

/* A server whose user "u" may not subscribe to something. */
#define WITHOUT(subject)                                                                 \
  "authorization { users: [{user: u, password: p, permissions: {subscribe: {deny: '" subject \
  "'}}}] }"
#define USER "{\"user\":\"u\",\"password\":\"p\"}"

static void lose(struct place at, struct events *events) {
  tell(at.server, "kill", NULL);
  EXPECT(events_wait(events, NATS_CONNECTION_EVENT_DISCONNECTED, 1));
}

static void regain(struct place at, struct events *events) {
  tell(at.server, "restart", NULL);
  EXPECT(events_wait(events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
}

/* serve() with events. */
static struct place serve_watched(nats_msg_cb cb, const char *endpoint, struct events *events) {
  struct place at = {server_start("plain", NULL), NULL, NULL, NULL};
  at.nc = dial_watched(at.server.url, "{\"reconnect_delay_max_ms\":20}", events);
  at.service = add_service(at.nc, PLAIN);
  at.endpoint = add_endpoint(at.service, endpoint, cb);
  flush(at.nc);
  return at;
}

static void leave_watched(struct place at, struct events *events) {
  OK(nats_subscription_free(at.endpoint));
  OK(nats_service_free(at.service));
  hang_up_watched(at.nc, events);
}

TEST("service-25", "pending limits are the endpoint's own; what is beyond them is dropped") {
  static struct events events;
  struct place at =
      serve_watched(NULL, J({"name" : "e", "pending_messages" : 2}), &events);
  for (int i = 0; i < 5; ++i) send_text(at.nc, "e", "x");
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_SLOW_CONSUMER, 1));
  flush(at.nc);
  nats_sub_stats stats;
  OK(nats_subscription_stats(at.endpoint, &stats, E));
  EXPECT_INT(stats.pending_messages, 2);
  EXPECT_INT(stats.dropped, 3);
  FAILS(NATS_ERR_TIMEOUT, nats_service_stopped(at.service, 0, E));
  leave_watched(at, &events);
}

TEST("service-26", "an endpoint whose limits are an error ends its service with SLOW_CONSUMER") {
  static struct events events;
  struct place at = serve_watched(
      NULL, J({"name" : "strict", "pending_messages" : 2, "overflow" : "error"}), &events);
  for (int i = 0; i < 3; ++i) send_text(at.nc, "strict", "x");
  flush(at.nc);
  for (int i = 0; i < 2; ++i) receive_text(at.endpoint, "x");
  FAILS(NATS_ERR_SLOW_CONSUMER, nats_service_stopped(at.service, WAIT_MS, E));
  SAYS("endpoint strict: ");
  leave_watched(at, &events);
}

TEST("service-28", "a handler that never answers holds up nobody but who has asked") {
  struct place at = serve(NULL);
  OK(nats_service_add_endpoint(at.service, S(J({"name" : "other"})), echo, NULL, NULL, NULL, E));
  flush(at.nc);
  nats_msg *answer = NULL;
  FAILS(NATS_ERR_TIMEOUT, nats_request(at.nc, S("e"), B(""), 100, &answer, E));
  nats_msg *held = receive(at.endpoint);
  answered(at.nc, "other", "goes on", "goes on");
  nats_doc *stats = monitored(at.nc, "$SRV.STATS.s");
  EXPECT_INT(number(stats, "endpoints.0.num_requests"), 0);
  OK(nats_doc_free(stats));
  OK(nats_msg_free(held));
  leave(at);
}

TEST("service-29", "after a restart of the server requests are answered again") {
  static struct events events;
  struct place at = serve_watched(echo, NAMED, &events);
  answered(at.nc, "e", "before", "before");
  lose(at, &events);
  regain(at, &events);
  nats_connection *asker = dial(at.server.url, NULL);
  answered(asker, "e", "after", "after");
  expect_counted(at.service, 2);
  nats_doc *stats = monitored(asker, "$SRV.STATS.s");
  EXPECT_INT(number(stats, "endpoints.0.num_requests"), 2);
  OK(nats_doc_free(stats));
  hang_up(asker);
  leave_watched(at, &events);
}

TEST("service-30", "a stop without a server waits for what was taken, and leaves nothing") {
  static struct events events;
  struct place at = serve_watched(NULL, NAMED, &events);
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  OK(nats_queue_new(&queue, E));
  ask_later(at.nc, "1");
  nats_msg *held = receive(at.endpoint);
  lose(at, &events);
  OK(nats_service_stop_async(at.service, queue, 1, E));
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, nats_subscription_next(at.endpoint, WAIT_MS, &msg, E));
  FAILS(NATS_ERR_TIMEOUT, nats_service_stopped(at.service, 0, E));
  OK(nats_msg_free(held));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_OK);
  regain(at, &events);
  flush(at.nc);
  nobody_at(at.nc, "e");
  nobody_at(at.nc, "$SRV.PING");
  OK(nats_queue_free(queue));
  leave_watched(at, &events);
}

TEST("service-31", "an endpoint that the user may not subscribe to ends its service") {
  struct remote server = server_start("plain", WITHOUT("denied"));
  nats_connection *nc = dial(server.url, USER);
  nats_service *service = add_service(nc, PLAIN);
  nats_subscription *fine = add_endpoint(service, NAMED, NULL);
  nats_subscription *denied = add_endpoint(service, J({"name" : "denied"}), NULL);
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_PERMISSION, nats_service_stopped(service, WAIT_MS, E));
  SAYS("endpoint denied: ");
  FAILS(NATS_ERR_PERMISSION, nats_subscription_next(denied, WAIT_MS, &msg, E));
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, nats_subscription_next(fine, WAIT_MS, &msg, E));
  OK(nats_service_stop(service, WAIT_MS, E));
  OK(nats_subscription_free(fine));
  OK(nats_subscription_free(denied));
  OK(nats_service_free(service));
  works(nc);
}

TEST("service-32", "a service that cannot be found ends with PERMISSION") {
  struct remote server = server_start("plain", WITHOUT("$SRV.STATS.s"));
  const char *configs[] = {PLAIN, J({"name" : "s", "version" : "1.0.0", "own_stats" : true})};
  nats_connection *nc = dial(server.url, USER);
  for (int i = 0; i < 2; ++i) {
    nats_service *service = add_service(nc, configs[i]);
    FAILS(NATS_ERR_PERMISSION, nats_service_stopped(service, WAIT_MS, E));
    OK(nats_service_free(service));
  }
  hang_up(nc);
}
