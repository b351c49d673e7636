// Subscriptions, messages, headers and callables.
#include <atomic>
#include <stdexcept>

#include "check.hpp"

using namespace check;

TEST("message: a copy is one more reference") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.copy");
  nc.publish("cpp.copy", "kept");
  nats::Message copy;
  EXPECT(!copy);
  {
    nats::Message msg = sub.next(patience);
    copy = msg;
    EXPECT(copy.get() != nullptr);
    EXPECT(copy.payload().data() == msg.payload().data());
  }
  EXPECT_EQ(copy.payload().text(), "kept");
  nats::Message moved = std::move(copy);
  EXPECT(!copy);
  EXPECT_EQ(moved.subject(), "cpp.copy");
}

TEST("message: payloads from text, vectors and nothing") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.bytes");
  nc.publish("cpp.bytes", std::vector<std::uint8_t>{0, 1, 255});
  nc.publish("cpp.bytes", std::string("text\0more", 9));
  nc.publish("cpp.bytes", {});
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.payload().size(), 3u);
  EXPECT_EQ(int{msg.payload()[2]}, 255);
  EXPECT_EQ(sub.next(patience).payload().size(), 9u);
  EXPECT(sub.next(patience).payload().empty());
}

TEST("headers: order, case and several values survive the journey") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.headers");
  nats::Headers headers{{"One", "1"}, {"Two", "2"}, {"One", "3"}};
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers.at(2).second, "3");
  nc.publish_msg("cpp.headers", "cpp.reply", &headers, "x");
  nats::Message msg = sub.next(patience);
  std::string seen;
  for (const auto &[name, value] : msg.headers()) {
    seen.append(name).append("=").append(value).append(";");
  }
  EXPECT_EQ(seen, "One=1;Two=2;One=3;");
  EXPECT_EQ(msg.reply(), "cpp.reply");
  EXPECT_EQ(msg.header("Two"), "2");
  EXPECT_EQ(msg.header_ignore_case("tWO"), "2");
  EXPECT_EQ(msg.try_header("two").code(), NATS_ERR_NOT_FOUND);
  EXPECT_EQ(msg.status(), 0);
  nats::Headers copy = msg.copy_headers();
  copy.set("One", "only");
  EXPECT_EQ(copy.size(), 2u);
  EXPECT_EQ(copy.get("One"), "only");
  EXPECT_EQ(copy.remove("Two"), 1u);
  EXPECT_EQ(copy.try_get("Two").code(), NATS_ERR_NOT_FOUND);
}

TEST("headers: what would break the protocol is refused") {
  nats::Headers headers;
  EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.append("a:b", "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.append("", "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.append("a", "x\r\ny"));
  EXPECT_EQ(headers.size(), 0u);
}

TEST("headers: a message without headers has none") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.bare");
  nc.publish("cpp.bare", "x");
  nats::Message msg = sub.next(patience);
  EXPECT(msg.headers().begin() == msg.headers().end());
  msg.check();
}

TEST("subscription: next times out, take returns what is there") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.take");
  EXPECT_EQ(sub.try_next(0ms).code(), NATS_ERR_TIMEOUT);
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.next(1ms));
  for (int i = 0; i < 5; ++i) nc.publish("cpp.take", std::to_string(i));
  std::vector<nats::Message> messages;
  while (messages.size() < 5) {
    for (nats::Message &msg : sub.take(3, patience)) messages.push_back(std::move(msg));
  }
  EXPECT_EQ(messages[4].payload().text(), "4");
  EXPECT_EQ(sub.stats().delivered, 5u);
}

TEST("subscription: its end has a reason") {
  nats::Connection nc = dial();
  nats::Subscription limited = nc.subscribe("cpp.end", R"({"max_messages":1})");
  nats::Subscription ended = nc.subscribe("cpp.end");
  nats::Subscription none;
  nc.publish("cpp.end", "x");
  limited.next(patience);
  EXPECT_THROWS(NATS_ERR_SUBSCRIPTION_ENDED, limited.next(patience));
  ended.unsubscribe();
  EXPECT_THROWS(NATS_ERR_SUBSCRIPTION_CLOSED, ended.next(patience));
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, none.next(patience));
}

TEST("subscription: drain hands over what has arrived") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.subdrain", [](const nats::Message &) {});
  nc.publish("cpp.subdrain", "x");
  nc.flush();
  sub.drain();
  EXPECT_EQ(sub.stats().delivered, 1u);
}

TEST("callable: captures are moved in and destroyed once") {
  nats::Connection nc = dial();
  Latch got, gone;
  struct Canary {
    Latch *gone;
    explicit Canary(Latch *gone) : gone(gone) {}
    ~Canary() { gone->add(); }
  };
  {
    auto move_only = std::make_unique<Canary>(&gone);
    nats::Subscription sub = nc.subscribe(
        "cpp.callable", [&got, held = std::move(move_only)](nats::Message) { got.add(); });
    nc.publish("cpp.callable", "x");
    EXPECT(got.wait(1));
    EXPECT_EQ(gone.count(), 0);
  }
  EXPECT(gone.wait(1));
  auto refused = std::make_unique<Canary>(&gone);
  EXPECT_EQ(nc.try_subscribe("not valid", [held = std::move(refused)](nats::Message) {}).code(),
            NATS_ERR_INVALID_SUBJECT);
  EXPECT_EQ(gone.count(), 2);
}

TEST("callable: an exception goes to the handler, and delivery goes on") {
  nats::Connection nc = dial();
  Latch caught, got;
  std::atomic<bool> same{false};
  nats::set_exception_handler([&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::runtime_error &error) {
      same = std::string(error.what()) == "thrown in a callback";
    }
    caught.add();
  });
  nats::Subscription sub = nc.subscribe("cpp.throws", [&](const nats::Message &msg) {
    if (msg.payload() != nats::bytes_view("go on")) {
      throw std::runtime_error("thrown in a callback");
    }
    got.add();
  });
  nc.publish("cpp.throws", "throw");
  nc.publish("cpp.throws", "go on");
  bool handled = caught.wait(1) && got.wait(1);
  nats::set_exception_handler({});
  EXPECT(handled);
  EXPECT(same.load());
}

TEST("callable: may end its own subscription") {
  nats::Connection nc = dial();
  Latch ended;
  nats::Subscription sub;
  std::mutex made;
  std::unique_lock<std::mutex> making(made);
  sub = nc.subscribe("cpp.own", [&](const nats::Message &) {
    {
      std::lock_guard<std::mutex> wait(made);
      sub.unsubscribe();
    }
    ended.add();
  });
  making.unlock();
  nc.publish("cpp.own", "x");
  EXPECT(ended.wait(1));
}
