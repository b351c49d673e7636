// Gentle and abrupt ends.
#include "support.hpp"

using namespace check;

TEST("drain-01", "drain of a subscription delivers what was under way; the connection stays") {
  nats::Connection nc = dial();
  Latch handled;
  auto sub = nc.subscribe("cpp.drain.1", [&](const nats::Message &) { handled.add(); });
  for (int i = 0; i < 1000; ++i) nc.publish("cpp.drain.1", "x");
  nc.flush(patience);
  sub.drain(patience);
  EXPECT_EQ(handled.count(), 1000);
  nc.publish("cpp.drain.1", "late");
  nc.flush(patience);
  EXPECT_EQ(handled.count(), 1000);
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CONNECTED);
}

TEST("drain-02", "drain of the connection delivers, lets callbacks answer, sends, then closes") {
  nats::Connection nc = dial(), other = dial();
  nats::Subscription answers = other.subscribe("cpp.drain.2.answers");
  other.flush(patience);
  nats::Subscription service = nc.subscribe("cpp.drain.2", echo);
  for (int i = 0; i < 500; ++i) {
    nc.publish_msg("cpp.drain.2", "cpp.drain.2.answers", nullptr, std::to_string(i));
  }
  nc.flush(patience);
  nc.drain(patience);
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CLOSED);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(next_text(answers), std::to_string(i));
}

TEST("drain-03", "while draining, new subscriptions are refused; afterwards everything is") {
  Events events;
  nats::Connection nc = events.dial(plain_server().url());
  nats::Subscription sub = nc.subscribe("cpp.drain.3");
  nats::Queue queue;
  bool drained = false;
  nc.publish("cpp.drain.3", "keeps the drain waiting");
  nc.flush(patience);
  nc.drain_async(queue, [&](nats::Result<void> result) { drained = result.ok(); });
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DRAINING));
  EXPECT_THROWS(NATS_ERR_CONNECTION_DRAINING, nc.subscribe("a"));
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_DRAINING_SUBS);
  EXPECT_EQ(next_text(sub), "keeps the drain waiting");
  EXPECT(poll_until(queue, [&] { return drained; }));
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.subscribe("a"));
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.publish("a", ""));
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.flush(patience));
}

TEST("drain-04", "a drain whose consumer does not take ends by its timeout, closed") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.drain.4"), other = nc.subscribe("cpp.drain.4");
  nc.publish("cpp.drain.4", "x");
  nc.flush(patience);
  EXPECT_THROWS(NATS_ERR_TIMEOUT, other.drain(50ms));
  Timer timer;
  EXPECT_THROWS(NATS_ERR_TIMEOUT, nc.drain(100ms));
  EXPECT(timer.elapsed() >= 99ms && timer.elapsed() < patience);
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CLOSED);
}

TEST("drain-05", "close ends every waiting call with CONNECTION_CLOSED; twice is harmless") {
  Remote fake = Remote::fake(R"(["handshake","silence"])");  // answers no PING: all wait
  nats::Connection nc = dial(fake.url());
  nats::Subscription sub = nc.subscribe("a");
  nats::Queue queue;
  nats_status completed = NATS_OK;
  std::future<nats_status> waiting[] = {
      background([&] { return sub.try_next(60s).code(); }),
      background([&] { return sub.try_take(1, 60s).code(); }),
      background([&] { return nc.try_request("c", "", 60s).code(); }),
      background([&] { return nc.try_flush(60s).code(); }),
  };
  nc.request_async(queue, "b", nullptr, "", 60s,
                   [&](nats::Result<nats::Message> result) { completed = result.code(); });
  fake.tell("wait_text", R"({"text":"PUB b"})");
  fake.tell("wait_text", R"({"text":"PUB c"})");
  Timer timer;
  nc.close();
  nc.close();
  for (auto &wait : waiting) EXPECT_EQ(wait.get(), NATS_ERR_CONNECTION_CLOSED);
  EXPECT(poll_until(queue, [&] { return completed != NATS_OK; }));
  EXPECT_EQ(completed, NATS_ERR_CONNECTION_CLOSED);
  EXPECT(timer.elapsed() < patience);
}
