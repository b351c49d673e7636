// Events, statistics, errors of a connection.
#include "support.hpp"

using namespace check;

TEST("events-01", "connected, disconnected, reconnecting, reconnected, closed: in this order") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), R"({"reconnect_delay_max_ms":20})");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_CONNECTED));
  EXPECT_HAS(events.last(NATS_CONNECTION_EVENT_CONNECTED), R"("event":"connected")");
  EXPECT_HAS(events.last(NATS_CONNECTION_EVENT_CONNECTED), server.address());
  server.tell("kill");
  server.tell("restart");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  EXPECT_HAS(events.last(NATS_CONNECTION_EVENT_DISCONNECTED), R"("error":")");
  nc.close();
  nc = {};
  EXPECT(events.wait_gone());
  std::vector<int> kinds;
  for (int kind : events.order()) {
    // Attempts that fail while the server starts are told as server errors and repeated.
    bool repeated = kind == NATS_CONNECTION_EVENT_RECONNECTING && kinds.back() == kind;
    if (kind != NATS_CONNECTION_EVENT_SERVER_ERROR && !repeated) kinds.push_back(kind);
  }
  EXPECT(kinds == std::vector<int>({NATS_CONNECTION_EVENT_CONNECTED,
                                    NATS_CONNECTION_EVENT_DISCONNECTED,
                                    NATS_CONNECTION_EVENT_RECONNECTING,
                                    NATS_CONNECTION_EVENT_RECONNECTED,
                                    NATS_CONNECTION_EVENT_CLOSED}));
}

TEST("events-02", "a denied publish is an event with the subject; the connection stays") {
  constexpr auto server_error = NATS_CONNECTION_EVENT_SERVER_ERROR;
  Remote server = Remote::server("users");
  Events events;
  nats::Connection nc = events.dial(server.url(), limited_user);
  nats::Subscription sub = nc.subscribe("public.1");
  nc.publish("private.1", "x");
  EXPECT(events.wait(server_error));
  EXPECT_HAS(events.last(server_error), "private.1");
  EXPECT_HAS(events.last(server_error), R"("PERMISSION")");
  nc.publish("public.1", "still works");
  EXPECT_EQ(next_text(sub), "still works");
  EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_DISCONNECTED), 0);
}

TEST("events-03", "a denied subscription ends with PERMISSION; others stay") {
  Remote server = Remote::server("users");
  Events events;
  nats::Connection nc = events.dial(server.url(), limited_user);
  nats::Subscription allowed = nc.subscribe("public.1");
  nats::Subscription denied = nc.subscribe("private.1");
  nats::Subscription member = nc.subscribe("private.1", R"({"queue":"q"})");
  nats::Result<nats::Message> none = denied.try_next(patience);
  EXPECT_EQ(none.code(), NATS_ERR_PERMISSION);
  EXPECT_HAS(none.error().text(), "private.1");
  EXPECT_EQ(end_of(member), NATS_ERR_PERMISSION);
  EXPECT(events.wait(NATS_CONNECTION_EVENT_SERVER_ERROR, 2));
  nc.publish("public.1", "still works");
  EXPECT_EQ(next_text(allowed), "still works");
}

TEST("events-04", "lame duck mode and discovered servers are told") {
  constexpr auto discovered = NATS_CONNECTION_EVENT_DISCOVERED_SERVERS;
  Remote cluster = Remote::server("cluster");
  Events events;
  cluster.tell("wait_ready");
  nats::Connection nc = events.dial(cluster.url(), R"({"max_reconnects":-1})");
  EXPECT(events.wait(discovered));
  EXPECT_HAS(events.last(discovered), R"("urls":[)");
  cluster.tell("lame_duck");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_LAME_DUCK));
}

TEST("life-08", "a server in lame-duck mode is left without a disconnect") {
  Remote cluster = Remote::server("cluster");
  Events events;
  cluster.tell("wait_ready");
  nats::Connection nc = events.dial(cluster.url(), R"({"max_reconnects":-1})");
  nats::Subscription sub = nc.subscribe("cpp.duck");
  nc.flush(patience);
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DISCOVERED_SERVERS));
  cluster.tell("lame_duck");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_MIGRATED));
  EXPECT_LACKS(events.last(NATS_CONNECTION_EVENT_MIGRATED), cluster.address());
  nc.publish("cpp.duck", "here");
  EXPECT_EQ(next_text(sub), "here");
  EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_DISCONNECTED), 0);
}

TEST("events-05", "statistics count messages, bytes, reconnects and drops") {
  Events events;
  nats::Connection nc = events.dial(plain_server().url());
  nats::Subscription sub = nc.subscribe("cpp.events.5", R"({"pending_messages":3})");
  for (int i = 0; i < 5; ++i) nc.publish("cpp.events.5", "12345");
  nc.flush(patience);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next_text(sub), "12345");
  nats_stats stats = nc.stats();
  EXPECT_EQ(stats.out_messages, 5);
  EXPECT_EQ(stats.in_messages, 5);
  EXPECT(stats.out_bytes >= 25 && stats.out_bytes < 500);
  EXPECT(stats.in_bytes >= 25 && stats.in_bytes < 500);
  EXPECT_EQ(stats.dropped_in, 2);
  EXPECT_EQ(stats.reconnects, 0);
  EXPECT_EQ(stats.outbound_pending, 0);
  nc.force_reconnect();
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  EXPECT_EQ(nc.stats().reconnects, 1);
}

TEST("events-06", "the last error is readable and holds no secret") {
  Remote server = Remote::server("auth");
  Events events;
  nats::Connection nc =
      events.dial("nats://alice:secret@" + server.address(), R"({"max_reconnects":-1})");
  EXPECT(!nc.last_error());
  server.tell("kill");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DISCONNECTED));
  std::optional<nats::Error> last = nc.last_error();
  EXPECT(last && last->code() > 0 && !last->text().empty());
  EXPECT_LACKS(last->what(), "secret");
  EXPECT_LACKS(events.last(NATS_CONNECTION_EVENT_DISCONNECTED), "secret");
  EXPECT_LACKS(events.last(NATS_CONNECTION_EVENT_CONNECTED), "secret");
}
