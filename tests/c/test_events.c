/* Events, statistics, errors of a connection. */
#include "check.h"

#define EVENT(name) NATS_CONNECTION_EVENT_##name

TEST("events-01", "connected, disconnected, reconnecting, reconnected, closed: in this order") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, "{\"reconnect_delay_max_ms\":20}", &events);
  EXPECT(events_wait(&events, EVENT(CONNECTED), 1));
  EXPECT(strstr(events.last[EVENT(CONNECTED)], "\"event\":\"connected\""));
  EXPECT(strstr(events.last[EVENT(CONNECTED)], server.address));
  tell(server, "kill", NULL);
  tell(server, "restart", NULL);
  EXPECT(events_wait(&events, EVENT(RECONNECTED), 1));
  EXPECT(strstr(events.last[EVENT(DISCONNECTED)], "\"error\":\""));
  hang_up_watched(nc, &events);
  int at = 0;
  EXPECT_INT(events.order[at++], EVENT(CONNECTED));
  EXPECT_INT(events.order[at++], EVENT(DISCONNECTED));
  EXPECT_INT(events.order[at++], EVENT(RECONNECTING));
  /* Attempts that fail while the server starts are told as server errors. */
  while (events.order[at] == EVENT(RECONNECTING) || events.order[at] == EVENT(SERVER_ERROR)) ++at;
  EXPECT_INT(events.order[at++], EVENT(RECONNECTED));
  EXPECT_INT(events.order[at++], EVENT(CLOSED));
  EXPECT_INT(at, events.ordered);
}

TEST("events-02", "a denied publish is an event with the subject; the connection stays") {
  struct remote server = server_start("users", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, LIMITED_USER, &events);
  nats_subscription *sub = listen_to(nc, "public.1", NULL);
  send_text(nc, "private.1", "x");
  EXPECT(events_wait(&events, EVENT(SERVER_ERROR), 1));
  EXPECT(strstr(events.last[EVENT(SERVER_ERROR)], "private.1"));
  EXPECT(strstr(events.last[EVENT(SERVER_ERROR)], "\"PERMISSION\""));
  send_text(nc, "public.1", "still works");
  receive_text(sub, "still works");
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("events-03", "a denied subscription ends with PERMISSION; others stay") {
  struct remote server = server_start("users", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, LIMITED_USER, &events);
  nats_subscription *allowed = listen_to(nc, "public.1", NULL);
  nats_subscription *denied = listen_to(nc, "private.1", NULL);
  nats_subscription *member = listen_to(nc, "private.1", "{\"queue\":\"q\"}");
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_PERMISSION, nats_subscription_next(denied, WAIT_MS, &msg, E));
  SAYS("private.1");
  FAILS(NATS_ERR_PERMISSION, nats_subscription_next(member, WAIT_MS, &msg, E));
  EXPECT(events_wait(&events, EVENT(SERVER_ERROR), 2));
  send_text(nc, "public.1", "still works");
  receive_text(allowed, "still works");
  OK(nats_subscription_free(allowed));
  OK(nats_subscription_free(denied));
  OK(nats_subscription_free(member));
  hang_up_watched(nc, &events);
}

TEST("events-04", "lame duck mode and discovered servers are told") {
  struct remote cluster = server_start("cluster", NULL);
  static struct events events;
  tell(cluster, "wait_ready", NULL);
  nats_connection *nc = dial_watched(cluster.url, "{\"max_reconnects\":-1}", &events);
  EXPECT(events_wait(&events, EVENT(DISCOVERED_SERVERS), 1));
  EXPECT(strstr(events.last[EVENT(DISCOVERED_SERVERS)], "\"urls\":["));
  tell(cluster, "lame_duck", NULL);
  EXPECT(events_wait(&events, EVENT(LAME_DUCK), 1));
  hang_up_watched(nc, &events);
}

TEST("life-08", "a server in lame-duck mode is left without a disconnect") {
  struct remote cluster = server_start("cluster", NULL);
  static struct events events;
  tell(cluster, "wait_ready", NULL);
  nats_connection *nc = dial_watched(cluster.url, "{\"max_reconnects\":-1}", &events);
  nats_subscription *sub = listen_to(nc, "c.duck", NULL);
  OK(nats_connection_flush(nc, WAIT_MS, E));
  EXPECT(events_wait(&events, EVENT(DISCOVERED_SERVERS), 1));
  tell(cluster, "lame_duck", NULL);
  EXPECT(events_wait(&events, EVENT(MIGRATED), 1));
  EXPECT(!strstr(events.last[EVENT(MIGRATED)], cluster.address));
  send_text(nc, "c.duck", "here");
  receive_text(sub, "here");
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("events-05", "statistics count messages, bytes, reconnects and drops") {
  static struct events events;
  nats_connection *nc = dial_watched(plain_server(), NULL, &events);
  nats_subscription *sub = listen_to(nc, "c.events.5", "{\"pending_messages\":3}");
  nats_stats stats;
  for (int i = 0; i < 5; ++i) send_text(nc, "c.events.5", "12345");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  for (int i = 0; i < 3; ++i) receive_text(sub, "12345");
  memset(&stats, 0xff, sizeof stats);
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT_INT(stats.out_messages, 5);
  EXPECT_INT(stats.in_messages, 5);
  EXPECT(stats.out_bytes >= 25 && stats.out_bytes < 500);
  EXPECT(stats.in_bytes >= 25 && stats.in_bytes < 500);
  EXPECT_INT(stats.dropped_in, 2);
  EXPECT_INT(stats.reconnects, 0);
  EXPECT_INT(stats.outbound_pending, 0);
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(events_wait(&events, EVENT(RECONNECTED), 1));
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT_INT(stats.reconnects, 1);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("events-06", "the last error is readable and holds no secret") {
  struct remote server = server_start("auth", NULL);
  static struct events events;
  char url[200];
  snprintf(url, sizeof url, "nats://alice:secret@%s", server.address);
  nats_connection *nc = dial_watched(url, "{\"max_reconnects\":-1}", &events);
  nats_error *last = NULL;
  OK(nats_connection_last_error(nc, &last));
  EXPECT(last == NULL);
  tell(server, "kill", NULL);
  EXPECT(events_wait(&events, EVENT(DISCONNECTED), 1));
  OK(nats_connection_last_error(nc, &last));
  EXPECT(last && nats_error_code(last) > 0 && nats_error_text(last).len > 0);
  char text[512];
  snprintf(text, sizeof text, "%.*s", (int)nats_error_text(last).len, nats_error_text(last).ptr);
  EXPECT(!strstr(text, "secret") && !strstr(events.last[EVENT(DISCONNECTED)], "secret"));
  EXPECT(!strstr(events.last[EVENT(CONNECTED)], "secret"));
  OK(nats_error_free(last));
  hang_up_watched(nc, &events);
}
