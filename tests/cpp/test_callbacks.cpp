// What callables may do, and when they are destroyed.
#include <atomic>
#include <stdexcept>

#include "support.hpp"

using namespace check;

TEST("callbacks-01", "a callback may publish, request and flush") {
  nats::Connection nc = dial();
  nats::Subscription done = nc.subscribe("cpp.call.1.done");
  nats::Subscription service = nc.subscribe("cpp.call.1.echo", echo);
  // More subscriptions than there are delivery threads, all of them waiting for the echo.
  std::vector<nats::Subscription> subs;
  for (int i = 0; i < 16; ++i) {
    subs.push_back(nc.subscribe("cpp.call.1", [&](const nats::Message &) {
      nc.flush(patience);
      EXPECT(nc.rtt(patience) > 0ns);
      nats::Message answer = nc.request("cpp.call.1.echo", "y", patience);
      nc.publish("cpp.call.1.done", answer.payload());
    }));
  }
  for (int i = 0; i < 5; ++i) nc.publish("cpp.call.1", "x");
  for (int i = 0; i < 80; ++i) EXPECT_EQ(next_text(done), "y");
  nc.drain(patience);
}

// Has a callback end its own subscription, which must then be over: nothing comes any more.
template <class End>
static void ends_itself(const char *subject, End end) {
  nats::Connection nc = dial();
  nats::Subscription sub;
  Latch called, gone;
  std::mutex making;
  std::unique_lock<std::mutex> made(making);
  sub = nc.subscribe(subject, [&, token = canary(gone)](const nats::Message &) {
    std::lock_guard<std::mutex> wait(making);  // for `sub` to be there
    end(sub);
    called.add();
  });
  made.unlock();
  nc.publish(subject, "x");
  EXPECT(gone.wait(1));
  nc.publish(subject, "y");
  nc.flush(patience);
  nc.close();
  EXPECT_EQ(called.count(), 1);
}

TEST("callbacks-02", "a callback may unsubscribe, drain or free its own subscription") {
  ends_itself("cpp.call.2.unsubscribe", [](nats::Subscription &sub) { sub.unsubscribe(); });
  ends_itself("cpp.call.2.drain", [](nats::Subscription &sub) { sub.drain(patience); });
  ends_itself("cpp.call.2.free", [](nats::Subscription &sub) { sub = {}; });
}

// Has a callback end its own connection.
template <class End>
static void ends_connection(End end) {
  Events events;
  nats::Connection nc = events.dial(plain_server().url()), other = dial();
  Latch called, gone;
  nats::Subscription sub =
      nc.subscribe("cpp.call.3", [&, token = canary(gone)](const nats::Message &) {
        end(nc);
        called.add();
      });
  nc.flush(patience);
  other.publish("cpp.call.3", "x");
  EXPECT(gone.wait(1));
  EXPECT_EQ(called.count(), 1);
  EXPECT(events.wait(NATS_CONNECTION_EVENT_CLOSED));
  nats_status code = nc.try_publish("cpp.call.3", "y").code();
  EXPECT_EQ(code, nc.get() ? NATS_ERR_CONNECTION_CLOSED : NATS_ERR_INVALID_HANDLE);
}

TEST("callbacks-03", "a callback may close, drain or free its own connection") {
  ends_connection([](nats::Connection &nc) { nc.close(); });
  ends_connection([](nats::Connection &nc) { nc.drain(patience); });
  ends_connection([](nats::Connection &nc) { nc = {}; });
}

TEST("callbacks-04", "callbacks that block stall their own subscriptions only") {
  constexpr int blocked = 16;
  nats::Connection nc = dial();
  Latch entered, opened, other;
  std::vector<nats::Subscription> subs;
  for (int i = 0; i < blocked; ++i) {
    subs.push_back(nc.subscribe("cpp.call.4", [&](const nats::Message &) {
      entered.add();
      EXPECT(opened.wait(1));
    }));
  }
  subs.push_back(nc.subscribe("cpp.call.4.other", [&](const nats::Message &) { other.add(); }));
  nc.publish("cpp.call.4", "x");
  EXPECT(entered.wait(blocked));
  nc.publish("cpp.call.4.other", "y");
  bool reached = other.wait(1);
  nc.flush(patience);
  opened.add();
  EXPECT(reached);
  nc.drain(patience);
}

// What one callable has noticed of its life.
struct Life {
  std::atomic<int> running{0}, destroyed{0}, late{0};
  Latch gone;

  // Runs as the callable.
  void run() {
    ++running;
    if (destroyed) ++late;
    --running;
  }

  // Is destroyed with the callable.
  std::shared_ptr<void> token() {
    return std::shared_ptr<void>(nullptr, [this](void *) {
      if (running) ++late;
      ++destroyed;
      gone.add();
    });
  }
};

TEST("callbacks-05", "a callable is destroyed once, after its last run, also on failure") {
  nats::Connection nc = dial(), other = dial();
  std::atomic<bool> enough{false};
  // In bursts with a round trip between them, so that the server can keep up.
  auto publisher = background([&] {
    while (!enough) {
      for (int i = 0; i < 50; ++i) other.publish("cpp.call.5", "x");
      other.flush(patience);
    }
  });
  std::array<Life, 100> lives;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    auto run = [life = &lives[i], token = lives[i].token()](const nats::Message &) {
      life->run();
    };
    nats::Subscription sub = nc.subscribe("cpp.call.5", std::move(run));
    nc.flush(patience);
    if (i % 2) sub.unsubscribe();
  }
  bool all = true;
  for (Life &life : lives) all = life.gone.wait(1) && all;
  enough = true;
  publisher.get();
  EXPECT(all);
  nc.close();
  for (Life &life : lives) EXPECT(life.destroyed == 1 && life.late == 0);

  Life refused;
  auto never = [token = refused.token()](const nats::Message &) {};
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.subscribe("a", std::move(never)));
  EXPECT_EQ(refused.gone.count(), 1);
  auto again = [token = refused.token()](const nats::Message &) {};
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, other.subscribe("a b", std::move(again)));
  EXPECT_EQ(refused.gone.count(), 2);
}

TEST("cpp-callbacks-01", "captures are moved in, and need no copy") {
  nats::Connection nc = dial();
  Latch got;
  auto move_only = std::make_unique<int>(7);
  auto sub = nc.subscribe("cpp.move", [&got, held = std::move(move_only)](nats::Message) {
    for (int i = 0; i < *held; ++i) got.add();
  });
  nc.publish("cpp.move", "x");
  EXPECT(got.wait(7));
}

TEST("cpp-callbacks-02", "an exception goes to the handler, and delivery goes on") {
  nats::Connection nc = dial();
  Latch got;
  std::string said;
  nats::set_exception_handler([&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::runtime_error &error) {
      said = error.what();
    }
  });
  nats::Subscription sub = nc.subscribe("cpp.throws", [&](const nats::Message &msg) {
    if (msg.payload() != "go on") throw std::runtime_error("thrown in a callback");
    got.add();
  });
  nc.publish("cpp.throws", "throw");
  nc.publish("cpp.throws", "go on");
  bool went_on = got.wait(1);
  catch_exceptions();
  EXPECT(went_on);
  EXPECT_EQ(said, "thrown in a callback");
}

TEST("cpp-callbacks-03", "an event callable may close its own connection, and goes with it") {
  Latch closed, gone;
  nats::Connection nc;
  std::mutex making;
  std::unique_lock<std::mutex> made(making);
  {
    nats::Options options;
    options.on_event([&, token = canary(gone)](const nats::ConnectionEvent &event) {
      if (event.kind == NATS_CONNECTION_EVENT_CONNECTED) {
        std::lock_guard<std::mutex> wait(making);  // for `nc` to be there
        nc.close();
      }
      if (event.kind == NATS_CONNECTION_EVENT_CLOSED) closed.add();
    });
    nc = nats::connect(plain_server().url(), options);
  }
  made.unlock();
  EXPECT(closed.wait(1));
  nc = {};
  EXPECT(gone.wait(1));
}
