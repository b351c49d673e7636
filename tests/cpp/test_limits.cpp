// Slow consumers: bounded subscriptions and what happens beyond the bound.
#include "support.hpp"

using namespace check;

// Publishes the numbers from `first` to `last` and waits until they have arrived.
static void publish_numbers(const nats::Connection &nc, const char *subject, int first, int last) {
  for (int i = first; i <= last; ++i) nc.publish(subject, std::to_string(i));
  nc.flush(patience);
}

// Receives exactly the numbers from `first` to `last`.
static void receive_numbers(const nats::Subscription &sub, int first, int last) {
  for (int i = first; i <= last; ++i) EXPECT_EQ(next_text(sub), std::to_string(i));
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.next(0ms));
}

TEST("limits-01", "drop newest: the first ones stay, the rest is counted, the reader goes on") {
  nats::Connection nc = dial();
  for (const char *options : {R"({"pending_messages":4})",
                              R"({"pending_messages":4,"overflow":"drop_newest"})"}) {
    nats::Subscription sub = nc.subscribe("cpp.limits.1", options);
    publish_numbers(nc, "cpp.limits.1", 0, 9);
    EXPECT_EQ(sub.stats().dropped, 6);
    EXPECT_EQ(sub.stats().pending_messages, 4);
    EXPECT_EQ(sub.stats().max_pending_messages, 4);
    receive_numbers(sub, 0, 3);
    publish_numbers(nc, "cpp.limits.1", 10, 11);
    receive_numbers(sub, 10, 11);
    EXPECT_EQ(sub.stats().delivered, 6);
  }
}

TEST("limits-02", "one slow-consumer event per episode, naming the subscription") {
  constexpr auto slow = NATS_CONNECTION_EVENT_SLOW_CONSUMER;
  Events events;
  nats::Connection nc = events.dial(plain_server().url());
  nats::Subscription sub = nc.subscribe("cpp.limits.2", R"({"pending_messages":4})");
  for (int episode = 1; episode <= 3; ++episode) {
    publish_numbers(nc, "cpp.limits.2", 0, 19);
    EXPECT(events.wait(slow, episode));
    EXPECT_HAS(events.last(slow), R"("cpp.limits.2")");
    receive_numbers(sub, 0, 3);
  }
  nc.close();
  nc = {};
  EXPECT(events.wait_gone());
  EXPECT_EQ(events.count(slow), 3);
}

TEST("limits-03", "drop oldest: the last ones stay") {
  nats::Connection nc = dial();
  nats::Subscription sub =
      nc.subscribe("cpp.limits.3", R"({"pending_messages":4,"overflow":"drop_oldest"})");
  publish_numbers(nc, "cpp.limits.3", 0, 9);
  EXPECT_EQ(sub.stats().dropped, 6);
  receive_numbers(sub, 6, 9);
}

TEST("limits-04", "policy error: what fits is delivered, then SLOW_CONSUMER") {
  nats::Connection nc = dial();
  nats::Subscription sub =
      nc.subscribe("cpp.limits.4", R"({"pending_messages":4,"overflow":"error"})");
  publish_numbers(nc, "cpp.limits.4", 0, 9);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next_text(sub), std::to_string(i));
  EXPECT_EQ(end_of(sub), NATS_ERR_SLOW_CONSUMER);
  nats::Subscription other = nc.subscribe("cpp.limits.4");
  publish_numbers(nc, "cpp.limits.4", 1, 1);
  receive_numbers(other, 1, 1);
}

TEST("limits-05", "the bound by bytes; 0 is no bound") {
  nats::Connection nc = dial(plain_server().url(), R"({"pending_messages":4})");
  {
    nats::Subscription sub =
        nc.subscribe("cpp.limits.5", R"({"pending_messages":100,"pending_bytes":3000})");
    for (int i = 0; i < 10; ++i) nc.publish("cpp.limits.5", std::string(1000, 'x'));
    nc.flush(patience);
    nats::SubscriptionStats stats = sub.stats();
    EXPECT(stats.dropped >= 7);
    EXPECT_EQ(stats.pending_messages + stats.dropped, 10);
    EXPECT(stats.pending_messages >= 1 && stats.max_pending_bytes <= 3000);
  }
  {
    nats::Subscription sub = nc.subscribe("cpp.limits.5");  // the connection's own bound
    publish_numbers(nc, "cpp.limits.5", 0, 9);
    EXPECT_EQ(sub.stats().dropped, 6);
  }
  nats::Subscription sub =
      nc.subscribe("cpp.limits.5", R"({"pending_messages":0,"pending_bytes":0})");
  publish_numbers(nc, "cpp.limits.5", 0, 99999);
  EXPECT_EQ(sub.stats().pending_messages, 100000);
  EXPECT_EQ(sub.stats().dropped, 0);
}

TEST("limits-06", "a slow subscription does not delay another one") {
  nats::Connection nc = dial();
  nats::Subscription slow = nc.subscribe("cpp.limits.6", R"({"pending_messages":2})");
  nats::Subscription quick = nc.subscribe("cpp.limits.6");
  publish_numbers(nc, "cpp.limits.6", 0, 999);
  receive_numbers(quick, 0, 999);
  EXPECT_EQ(slow.stats().pending_messages, 2);
}
