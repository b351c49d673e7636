// Headers that the program adds to whatever it publishes, and message tracing.
#include <atomic>
#include <thread>

#include "support.hpp"

using namespace check;

constexpr const char *parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST("cpp-inject-01", "each publish, request and answer asks once, on its thread") {
  Latch gone;
  std::atomic<int> calls{0};
  std::thread::id thread;
  nats::Options options;
  options.on_inject([&, token = canary(gone)](nats::Headers &headers) {
    thread = std::this_thread::get_id();
    headers.set("traceparent", parent);
    headers.append("Number", std::to_string(++calls));
  });
  nats::Connection nc = nats::connect(plain_server().url(), options), plain = dial();
  nats::Subscription sub = nc.subscribe("cpp.inject.1");
  nats::Subscription service = plain.subscribe("cpp.inject.1.echo", [](const nats::Message &msg) {
    msg.respond(msg.header("Number"));
  });
  plain.flush(patience);
  nats::Headers own{{"Own", "yes"}};
  nc.publish_msg("cpp.inject.1", "", &own, "x");
  EXPECT(thread == std::this_thread::get_id());
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.header("Own"), "yes");
  EXPECT_EQ(msg.header("traceparent"), parent);
  EXPECT_EQ(own.size(), 1);
  EXPECT_EQ(nc.request("cpp.inject.1.echo", "", patience).payload().text(), "2");
  options = nats::Options();
  msg = {};
  sub = {};
  nc = {};
  EXPECT(gone.wait(1));
  EXPECT_EQ(calls.load(), 2);
}

TEST("cpp-inject-02", "an exception goes to the handler; the message goes with what was added") {
  Latch thrown;
  nats::set_exception_handler([&](std::exception_ptr) { thrown.add(); });
  nats::Options options;
  options.on_inject([](nats::Headers &headers) {
    headers.set("Added", "yes");
    headers.set("bad name", "x");
  });
  nats::Connection nc = nats::connect(plain_server().url(), options);
  nats::Subscription sub = nc.subscribe("cpp.inject.2");
  nc.publish("cpp.inject.2", "x");
  EXPECT_EQ(sub.next(patience).header("Added"), "yes");
  EXPECT_EQ(thrown.count(), 1);
  catch_exceptions();
}

TEST("cpp-trace-01", "message tracing: the server's events arrive where the header says") {
  nats::Connection nc = dial();
  nats::Subscription events = nc.subscribe("cpp.trace.events"), sub = nc.subscribe("cpp.trace.1");
  nats::Headers headers{{"Nats-Trace-Dest", "cpp.trace.events"}, {"Nats-Trace-Only", "true"}};
  nc.publish_msg("cpp.trace.1", "", &headers, "unseen");
  nats::Doc event = nats::Doc::parse(next_text(events));
  EXPECT_EQ(event.get_str("request.header.Nats-Trace-Dest.0"), "cpp.trace.events");
  EXPECT_EQ(event.size("events"), 2);
  nc.publish("cpp.trace.1", "seen");
  EXPECT_EQ(next_text(sub), "seen");
}
