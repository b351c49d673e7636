/* JetStream: messages of consumers over lost connections, killed servers, and silence. */
#include "stream.h"

#define SHORT "{\"expires_ms\":2000,\"heartbeat_ms\":500}"
#define TELLS(what) "\"what\":\"" what "\""
#define OF_WORKER "\"consumer\":\"DISK.worker\""

/* A durable consumer on disk; `more`: further members of its configuration. */
static void make_durable(nats_jetstream *js, const char *more) {
  char input[256];
  make_disk(js);
  snprintf(input, sizeof input,
           "{\"stream\":\"DISK\",\"config\":{\"durable_name\":\"worker\"%s}}", more);
  do_js(js, nats_consumer_create, input);
}

static nats_subscription *consume_durable(nats_jetstream *js) {
  nats_subscription *sub = NULL;
  OK(nats_jetstream_consume(js, S("DISK"), S("worker"), S(SHORT), NULL, NULL, NULL, &sub, E));
  return sub;
}

static void pass(nats_jetstream *js, nats_subscription *sub, int number) {
  store_surely(js, number);
  take_until(sub, number);
}

TEST("js-consume-18",
     "messages go on after a lost connection and a killed server, and an event tells") {
  static struct events events;
  struct place at = start_heard(&events);
  make_durable(at.js, "");
  nats_subscription *sub = consume_durable(at.js);
  pass(at.js, sub, 1);
  EXPECT(!events_told(&events, TELLS("disconnected"), OF_WORKER));
  OK(nats_connection_force_reconnect(at.nc, E));
  pass(at.js, sub, 2);
  events_await(&events, TELLS("disconnected"), OF_WORKER);
  restart(at.server);
  pass(at.js, sub, 3);
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

TEST("js-consume-19", "messages go on after a server that was silent, and an event tells") {
  static struct events events;
  struct place at = start_heard(&events);
  make_durable(at.js, "");
  nats_subscription *sub = consume_durable(at.js);
  pass(at.js, sub, 1);
  EXPECT(!events_told(&events, TELLS("heartbeat_missed"), OF_WORKER));
  tell(at.server, "pause", NULL);
  events_await(&events, TELLS("heartbeat_missed"), OF_WORKER);
  tell(at.server, "resume", NULL);
  pass(at.js, sub, 2);
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

TEST("js-consume-27",
     "pushed messages go on after a lost connection, a killed server and silence") {
  static struct events events;
  struct place at = start_heard(&events);
  nats_subscription *sub = NULL;
  make_durable(at.js, ",\"deliver_subject\":\"pushed.here\",\"idle_heartbeat\":200000000");
  OK(nats_jetstream_consume_pushed(at.js, S("DISK"), S("worker"), NONE, NULL, NULL, NULL, &sub, E));
  pass(at.js, sub, 1);
  OK(nats_connection_force_reconnect(at.nc, E));
  pass(at.js, sub, 2);
  events_await(&events, TELLS("disconnected"), OF_WORKER);
  restart(at.server);
  pass(at.js, sub, 3);
  tell(at.server, "pause", NULL);
  events_await(&events, TELLS("heartbeat_missed"), OF_WORKER);
  tell(at.server, "resume", NULL);
  pass(at.js, sub, 4);
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

#define RESET_BY(name) "\"name\":\"" name "\"", TELLS("reset")

static void survives(const char *options) {
  static struct events events;
  struct place at = start_heard(&events);
  nats_subscription *sub = NULL;
  make_disk(at.js);
  OK(nats_jetstream_consume_ordered(at.js, S("DISK"), S(options), NULL, NULL, NULL, &sub, E));
  store_surely(at.js, 1);
  take_numbers(sub, 1, 1, false);
  OK(nats_connection_force_reconnect(at.nc, E));
  store_surely(at.js, 2);
  take_numbers(sub, 2, 2, false);
  events_await(&events, RESET_BY("CONNECTION_LOST"));
  /* The consumer is in memory: the server has forgotten it. */
  restart(at.server);
  store_surely(at.js, 3);
  take_numbers(sub, 3, 3, false);
  int64_t end = now_ms() + 2 * WAIT_MS;
  while (!events_told(&events, RESET_BY("HEARTBEAT_MISSED"))) {
    EXPECT(now_ms() < end);
    tell(at.server, "pause", NULL);
    nothing(sub, 1800);
    /* Otherwise another consumer was still being made. */
    tell(at.server, "resume", NULL);
    nothing(sub, 300);
  }
  store_surely(at.js, 4);
  take_numbers(sub, 4, 4, false);
  nothing(sub, 0);
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

TEST("js-consume-32", "an ordered consumer goes on: each message once and in order") {
  survives("{\"expires_ms\":2000,\"heartbeat_ms\":300}");
  survives("{\"push\":true,\"heartbeat_ms\":300}");
}
