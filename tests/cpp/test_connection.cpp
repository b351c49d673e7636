// Connections: life, moves, errors in both forms, state, asynchronous results.
#include <thread>

#include "check.hpp"

using namespace check;

static_assert(!std::is_copy_constructible_v<nats::Connection>, "connections are moved");
static_assert(std::is_nothrow_move_constructible_v<nats::Connection>, "moves do not throw");
static_assert(!std::is_copy_constructible_v<nats::Subscription>, "subscriptions are moved");
static_assert(!std::is_copy_constructible_v<nats::Queue>, "queues are moved");
static_assert(std::is_copy_constructible_v<nats::Message>, "messages are shared");

TEST("connection: publishes to itself") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.self");
  nc.publish("cpp.self", "hello");
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.subject(), "cpp.self");
  EXPECT_EQ(msg.payload().text(), "hello");
  EXPECT(msg.reply().empty());
}

TEST("connection: a moved-from object is empty and harmless") {
  nats::Connection nc = dial();
  nats::Connection other = std::move(nc);
  EXPECT(nc.get() == nullptr);
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nc.publish("cpp.moved", ""));
  other.flush();
  nc = std::move(other);
  nc.flush();
}

TEST("connection: an object that goes frees its handle") {
  std::size_t before = nats_library_handles();
  {
    nats::Connection nc = dial();
    EXPECT(nats_library_handles() > before);
  }
  EXPECT_EQ(nats_library_handles(), before);
}

TEST("connection: a failed connect throws, or is a result") {
  const char *nobody = "nats://127.0.0.1:1";
  nats::Options options(R"({"connect_timeout_ms":2000})");
  nats::Result<nats::Connection> result = nats::try_connect(nobody, &options);
  EXPECT(!result.ok());
  EXPECT_EQ(result.code(), NATS_ERR_NO_SERVERS);
  EXPECT_EQ(result.error().name(), "NO_SERVERS");
  EXPECT(std::string(result.error().what()).find("NO_SERVERS: ") == 0);
  EXPECT(!result.error().text().empty());
  EXPECT_THROWS(NATS_ERR_NO_SERVERS, nats::connect(nobody, options));
  EXPECT_THROWS(NATS_ERR_INVALID_URL, nats::connect("nats://[::1"));
}

TEST("connection: an unknown option names itself and its neighbour") {
  nats::Result<nats::Options> options = nats::Options::try_make(R"({"connect_timeot_ms":1})");
  EXPECT_EQ(options.code(), NATS_ERR_INVALID_OPTION);
  EXPECT(options.error().text().find("connect_timeot_ms") != std::string_view::npos);
  EXPECT(options.error().text().find("connect_timeout_ms") != std::string_view::npos);
}

TEST("connection: state, statistics, server information") {
  nats::Connection nc = dial();
  nc.publish("cpp.state", "12345");
  nc.flush();
  EXPECT_EQ(nc.stats().out_messages, 1u);
  EXPECT_EQ(nc.stats().out_bytes >= 5, true);
  EXPECT(nc.max_payload() >= 1024u);
  EXPECT(nc.rtt() > std::chrono::nanoseconds(0));
  EXPECT(!nc.server_info().get_str("server_id").empty());
  EXPECT(nc.servers().get_str("connected").find("nats://") == 0);
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CONNECTED);
  EXPECT(nc.new_inbox() != nc.new_inbox());
  nc.close();
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CLOSED);
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.publish("cpp.state", ""));
}

TEST("connection: bad arguments are errors of the right kind") {
  nats::Connection nc = dial();
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish("", "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish("a b", "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish(std::string_view("a\0b", 3), "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nc.flush(-1ms));
  std::vector<std::uint8_t> large(nc.max_payload() + 1);
  EXPECT_THROWS(NATS_ERR_MAX_PAYLOAD, nc.publish("cpp.large", large));
}

TEST("connection: events reach the callable, which is destroyed") {
  Latch connected, gone;
  auto token = std::shared_ptr<void>(nullptr, [&](void *) { gone.add(); });
  {
    nats::Options options;
    options.on_event([&, token](const nats::ConnectionEvent &event) {
      if (event.kind == NATS_CONNECTION_EVENT_CONNECTED && !event.details.empty()) connected.add();
    });
    token.reset();
    nats::Connection nc = nats::connect(std::getenv("NATS_URL"), options);
    EXPECT(connected.wait(1));
    EXPECT_EQ(gone.count(), 0);
    nc.close();
  }
  EXPECT(gone.wait(1));
}

TEST("connection: drain delivers everything first") {
  nats::Connection nc = dial();
  Latch handled;
  nats::Subscription sub = nc.subscribe("cpp.drain", [&](const nats::Message &) { handled.add(); });
  for (int i = 0; i < 500; ++i) nc.publish("cpp.drain", "x");
  nc.flush();
  nc.drain();
  EXPECT_EQ(handled.count(), 500);
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.publish("cpp.drain", "x"));
}

TEST("connection: forced reconnect resubscribes") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.again");
  nats::Queue queue;
  bool back = false;
  nc.watch(queue, [&](std::int32_t kind, const nats::Doc &details) {
    if (kind == NATS_CONNECTION_EVENT_RECONNECTED) back = !details.json().empty();
  });
  nc.force_reconnect();
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!back && std::chrono::steady_clock::now() < deadline) queue.poll(100ms);
  EXPECT(back);
  nc.publish("cpp.again", "x");
  EXPECT_EQ(sub.next(patience).payload().text(), "x");
}

TEST("connection: many threads share one object") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.threads");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) nc.publish("cpp.threads", "x");
    });
  }
  for (std::thread &thread : threads) thread.join();
  std::size_t got = 0;
  while (got < 800) got += sub.take(100, patience).size();
  EXPECT_EQ(got, 800u);
}
