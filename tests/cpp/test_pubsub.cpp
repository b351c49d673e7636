// Publishing, subscribing, and the ends of subscriptions.
#include <algorithm>
#include <cstring>

#include "support.hpp"

using namespace check;

TEST("pubsub-01", "payloads arrive byte for byte: empty, binary, 64 KiB, max_payload") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.1");
  std::vector<std::uint8_t> bytes(nc.max_payload());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
  }
  const nats::bytes_view payloads[] = {{}, {"a\0b\r\nMSG x 1 0\r\n\r\n", 18}, {bytes.data(), 65536},
                                       bytes};
  for (nats::bytes_view payload : payloads) {
    nc.publish("cpp.pubsub.1", payload);
    nats::Message msg = sub.next(patience);
    EXPECT_EQ(msg.subject(), "cpp.pubsub.1");
    EXPECT(msg.payload() == payload);
    EXPECT(msg.reply().empty());
    EXPECT_EQ(msg.status(), 0);
    msg.check();
  }
}

TEST("pubsub-02", "100,000 messages of one publisher arrive in order") {
  constexpr std::uint32_t many = 100000;
  nats::Connection nc = dial(), other = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.2", R"({"pending_messages":0})");
  nc.flush(patience);
  auto publisher = background([&] {
    for (std::uint32_t i = 0; i < many; ++i) other.publish("cpp.pubsub.2", {&i, sizeof i});
  });
  for (std::uint32_t next = 0; next < many;) {
    for (const nats::Message &msg : sub.take(512, patience)) {
      EXPECT(msg.payload() == nats::bytes_view(&next, sizeof next));
      ++next;
    }
  }
  publisher.get();
}

TEST("pubsub-03", "wildcards match tokens and tails") {
  nats::Connection nc = dial();
  nats::Subscription star = nc.subscribe("cpp.pubsub.3.*.end");
  nats::Subscription tail = nc.subscribe("cpp.pubsub.3.>");
  nc.publish("cpp.pubsub.3", "none");
  nc.publish("cpp.pubsub.3.a.end", "both");
  nc.publish("cpp.pubsub.3.a.b.end", "tail");
  EXPECT_EQ(next_text(star), "both");
  EXPECT_EQ(next_text(tail), "both");
  EXPECT_EQ(next_text(tail), "tail");
  nc.flush(patience);
  EXPECT_THROWS(NATS_ERR_TIMEOUT, star.next(0ms));
  EXPECT_THROWS(NATS_ERR_TIMEOUT, tail.next(0ms));
}

TEST("pubsub-04", "each message reaches one member of a queue group, and all get some") {
  nats::Connection nc = dial();
  Latch one, two, alone;
  const char *group = R"({"queue":"workers"})";
  auto first = nc.subscribe("cpp.pubsub.4", [&](nats::Message) { one.add(); }, group);
  auto second = nc.subscribe("cpp.pubsub.4", [&](nats::Message) { two.add(); }, group);
  auto third = nc.subscribe("cpp.pubsub.4", [&](nats::Message) { alone.add(); });
  for (int i = 0; i < 200; ++i) nc.publish("cpp.pubsub.4", "x");
  EXPECT(alone.wait(200));
  nc.flush(patience);
  nc.drain(patience);
  EXPECT_EQ(one.count() + two.count(), 200);
  EXPECT(one.count() > 0 && two.count() > 0);
}

TEST("pubsub-05", "a reply subject is delivered and answered; without one respond is NO_REPLY") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.5");
  nats::Subscription answers = nc.subscribe("cpp.pubsub.5.answers");
  nc.publish_msg("cpp.pubsub.5", "cpp.pubsub.5.answers", nullptr, "x");
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.reply(), "cpp.pubsub.5.answers");
  msg.respond("answer");
  EXPECT_EQ(next_text(answers), "answer");
  nc.publish("cpp.pubsub.5", "x");
  EXPECT_THROWS(NATS_ERR_NO_REPLY, sub.next(patience).respond("y"));
}

TEST("pubsub-06", "unsubscribe ends delivery, twice is harmless") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.6");
  nc.publish("cpp.pubsub.6", "x");
  nc.flush(patience);
  sub.unsubscribe();
  sub.unsubscribe();
  nc.publish("cpp.pubsub.6", "y");
  nc.flush(patience);
  EXPECT_EQ(end_of(sub), NATS_ERR_SUBSCRIPTION_CLOSED);
}

TEST("pubsub-07", "max_messages: exactly so many are delivered, then it has ended") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.7", R"({"max_messages":3})");
  for (int i = 0; i < 10; ++i) nc.publish("cpp.pubsub.7", std::to_string(i));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next_text(sub), std::to_string(i));
  EXPECT_EQ(end_of(sub), NATS_ERR_SUBSCRIPTION_ENDED);
}

TEST("pubsub-08", "unsubscribe_after counts what was received before") {
  nats::Connection nc = dial();
  for (int max : {1, 3}) {
    nats::Subscription sub = nc.subscribe("cpp.pubsub.8");
    for (int i = 0; i < 2; ++i) nc.publish("cpp.pubsub.8", "x");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(next_text(sub), "x");
    sub.unsubscribe_after(static_cast<std::uint64_t>(max));
    for (int i = 0; i < 5; ++i) nc.publish("cpp.pubsub.8", "y");
    if (max == 3) EXPECT_EQ(next_text(sub), "y");
    EXPECT_EQ(end_of(sub), NATS_ERR_SUBSCRIPTION_ENDED);
  }
}

TEST("pubsub-09", "max_messages counts across a reconnect") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), R"({"reconnect_delay_max_ms":20})");
  nats::Subscription sub = nc.subscribe("cpp.pubsub.9", R"({"max_messages":3})");
  for (int i = 0; i < 2; ++i) nc.publish("cpp.pubsub.9", "x");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(next_text(sub), "x");
  server.tell("kill");
  server.tell("restart");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  for (int i = 0; i < 5; ++i) nc.publish("cpp.pubsub.9", "y");
  EXPECT_EQ(next_text(sub), "y");
  EXPECT_EQ(end_of(sub), NATS_ERR_SUBSCRIPTION_ENDED);
}

TEST("pubsub-10", "more than max_payload is refused before it is sent, headers counted") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.10");
  nats::Headers headers{{"A", "b"}};
  std::string large(nc.max_payload(), 'x');
  EXPECT_THROWS(NATS_ERR_MAX_PAYLOAD, nc.publish("cpp.pubsub.10", large + "x"));
  EXPECT_THROWS(NATS_ERR_MAX_PAYLOAD, nc.publish_msg("cpp.pubsub.10", "", &headers, large));
  EXPECT_EQ(nc.stats().out_messages, 0);
  nc.publish("cpp.pubsub.10", "still works");
  EXPECT_EQ(next_text(sub), "still works");
  EXPECT_EQ(nc.stats().reconnects, 0);
}

TEST("pubsub-11", "a max_payload that the server lowers holds for the next publish") {
  Remote fake = Remote::fake(R"(["handshake",{"expect":"SUB "},
      {"send":"INFO {\"headers\":true,\"max_payload\":100}\r\n"},"serve"])");
  nats::Connection nc = dial(fake.url());
  nc.publish("a", std::string(101, 'x'));
  nats::Subscription sub = nc.subscribe("x");  // to which the server reacts
  nc.flush(patience);
  nc.publish("a", std::string(100, 'x'));
  EXPECT_THROWS(NATS_ERR_MAX_PAYLOAD, nc.publish("a", std::string(101, 'x')));
}

TEST("pubsub-12", "next waits as long as told") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.12");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.next(0ms));
  Timer timer;
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.next(50ms));
  EXPECT(timer.elapsed() >= 49ms);
  nc.publish("cpp.pubsub.12", "x");
  EXPECT_EQ(next_text(sub), "x");
}

TEST("pubsub-13", "take delivers what is there, in order, up to the room it is given") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.13");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.take(8, 0ms));
  for (int i = 0; i < 10; ++i) nc.publish("cpp.pubsub.13", std::to_string(i));
  nc.flush(patience);
  int next = 0;
  for (std::size_t expected : {8, 2}) {
    std::vector<nats::Message> batch = sub.take(8, patience);
    EXPECT_EQ(batch.size(), expected);
    for (const nats::Message &msg : batch) {
      EXPECT_EQ(msg.payload().text(), std::to_string(next++));
    }
  }
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, sub.take(0, 0ms));
}

TEST("pubsub-14", "eight threads take from one subscription: each message reaches one of them") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.14", R"({"max_messages":1000})");
  auto publish = [&](int first, int last) {
    for (int i = first; i < last; ++i) nc.publish("cpp.pubsub.14", std::to_string(i));
  };
  auto take = [&] {
    std::vector<int> seen;
    nats::Result<nats::Message> msg = sub.try_next(patience);
    for (; msg.ok(); msg = sub.try_next(patience)) {
      seen.push_back(std::stoi(msg->payload().str()));
    }
    EXPECT_EQ(msg.code(), NATS_ERR_SUBSCRIPTION_ENDED);
    return seen;
  };
  publish(0, 500);
  std::vector<std::future<std::vector<int>>> takers;
  for (int i = 0; i < 8; ++i) takers.push_back(background(take));
  publish(500, 1000);
  std::vector<int> all;
  for (auto &taker : takers) {
    for (int number : taker.get()) all.push_back(number);
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), 1000);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], i);
}

// What publisher `number` sends as its message `i`.
static std::string share_of(int number, int i) {
  return std::to_string(number) + ":" + std::to_string(i) + ":" +
         std::string(static_cast<std::size_t>(i % 195), static_cast<char>('a' + number));
}

TEST("pubsub-15", "eight threads publish over one connection: nothing is lost or torn") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.pubsub.15");
  std::vector<std::future<void>> publishers;
  for (int number = 0; number < 8; ++number) {
    publishers.push_back(background([&nc, number] {
      for (int i = 0; i < 1000; ++i) nc.publish("cpp.pubsub.15", share_of(number, i));
    }));
  }
  for (auto &publisher : publishers) publisher.get();
  std::array<int, 8> next{};
  for (int got = 0; got < 8000; ++got) {
    std::string text = next_text(sub);
    int number = text.at(0) - '0';
    EXPECT(number >= 0 && number < 8);
    EXPECT_EQ(text, share_of(number, next[static_cast<std::size_t>(number)]++));
  }
}

TEST("pubsub-16", "flush returns when the server has everything; rtt measures") {
  nats::Connection nc = dial(), other = dial();
  nats::Subscription sub = other.subscribe("cpp.pubsub.16");
  other.flush();
  for (int i = 0; i < 1000; ++i) nc.publish("cpp.pubsub.16", "x");
  nc.flush(patience);
  other.flush(patience);  // so what the server had is here now
  EXPECT_EQ(sub.stats().pending_messages, 1000);
  EXPECT(nc.rtt(patience) > 0ns);
  EXPECT(nc.rtt(patience) < patience);
}

TEST("pubsub-17", "ten thousand subscriptions each get their message") {
  nats::Connection nc = dial();
  auto subject = [](std::size_t i) { return "cpp.pubsub.17." + std::to_string(i); };
  std::vector<nats::Subscription> subs;
  for (std::size_t i = 0; i < 10000; ++i) subs.push_back(nc.subscribe(subject(i)));
  for (std::size_t i = 0; i < subs.size(); ++i) nc.publish(subject(i), subject(i));
  for (std::size_t i = 0; i < subs.size(); ++i) EXPECT_EQ(next_text(subs[i]), subject(i));
}
