// The queue of asynchronous results.
#include <poll.h>

#include <stdexcept>
#include <thread>

#include "support.hpp"

using namespace check;

TEST("cpp-queue-01", "completions run in poll, on its thread") {
  nats::Connection nc = dial();
  nats::Subscription service = nc.subscribe("cpp.async", echo);
  nats::Queue queue;
  std::thread::id ran;
  std::string answer;
  nats_status nobody = NATS_OK;
  bool flushed = false;
  nc.request_async(queue, "cpp.async", nullptr, "hi", patience, [&](nats::Result<nats::Message> r) {
    ran = std::this_thread::get_id();
    answer = r.value().payload().str();
  });
  nc.request_async(queue, "cpp.nobody", nullptr, "", patience,
                   [&](nats::Result<nats::Message> r) { nobody = r.code(); });
  nc.flush_async(queue, [&](nats::Result<void> r) { flushed = r.ok(); });
  EXPECT(poll_until(queue, [&] { return !answer.empty() && nobody && flushed; }));
  EXPECT_EQ(answer, "hi");
  EXPECT_EQ(nobody, NATS_ERR_NO_RESPONDERS);
  EXPECT(ran == std::this_thread::get_id());
}

TEST("cpp-queue-02", "connects, and drains, asynchronously") {
  nats::Queue queue;
  nats::Connection nc;
  nats::connect_async(queue, plain_server().url(), nullptr,
                      [&](nats::Result<nats::Connection> r) { nc = std::move(r).value(); });
  EXPECT(poll_until(queue, [&] { return nc.get() != nullptr; }));
  nats::Subscription sub = nc.subscribe("cpp.async.drain");
  int drained = 0;
  sub.drain_async(queue, [&](nats::Result<void> r) { drained += r.ok(); });
  EXPECT(poll_until(queue, [&] { return drained == 1; }));
  nc.drain_async(queue, [&](nats::Result<void> r) { drained += r.ok(); });
  EXPECT(poll_until(queue, [&] { return drained == 2; }));
}

TEST("cpp-queue-03", "readiness and the file descriptor") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.ready");
  nats::Queue queue;
  std::uint64_t pending = 0;
  sub.watch(queue, [&](std::uint64_t now) { pending = now; });
  nc.publish("cpp.ready", "x");
  pollfd wait{queue.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 20000), 1);
  EXPECT_EQ(queue.poll(0ms), 1);
  EXPECT_EQ(pending, 1);
  EXPECT_EQ(sub.next(0ms).payload().text(), "x");
}

TEST("cpp-queue-04", "events of a connection arrive as documents") {
  nats::Connection nc = dial();
  nats::Queue queue;
  std::string event;
  nc.watch(queue, [&](std::int32_t kind, const nats::Doc &details) {
    if (kind == NATS_CONNECTION_EVENT_RECONNECTED) event = details.get_str("event");
  });
  nc.force_reconnect();
  EXPECT(poll_until(queue, [&] { return !event.empty(); }));
  EXPECT_EQ(event, "reconnected");
}

TEST("cpp-queue-05", "an exception leaves poll after the batch") {
  nats::Connection nc = dial();
  nats::Queue queue;
  auto woken = std::make_shared<Latch>();  // a wake may be under way when the queue goes
  queue.on_wake([woken] { woken->add(); });
  int ran = 0, caught = 0;
  for (int i = 0; i < 2; ++i) {
    nc.flush_async(queue, [&, i](nats::Result<void>) {
      ++ran;
      if (i == 0) throw std::runtime_error("from a completion");
    });
  }
  for (Timer timer; ran < 2 && timer.elapsed() < patience;) {
    try {
      queue.poll(100ms);
    } catch (const std::runtime_error &) {
      ++caught;
    }
  }
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(caught, 1);
  EXPECT(woken->wait(1));
}

TEST("cpp-queue-06", "an interruption ends a wait, and unpolled results are freed") {
  nats::Connection nc = dial();
  nats::Queue queue;
  auto interrupter = background([&] { queue.interrupt(); });
  EXPECT_EQ(queue.poll(patience), 0);
  interrupter.get();
  auto held = std::make_shared<int>(1);
  nc.flush_async(queue, [held](nats::Result<void>) {});
  EXPECT_EQ(held.use_count(), 2);
  { nats::Queue gone = std::move(queue); }
  EXPECT_EQ(held.use_count(), 1);
}
