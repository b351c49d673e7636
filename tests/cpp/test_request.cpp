// Requests, queues and documents.
#include <poll.h>

#include <stdexcept>
#include <thread>

#include "check.hpp"

using namespace check;

static nats::Subscription echo(nats::Connection &nc, std::string_view subject) {
  return nc.subscribe(subject, [](const nats::Message &msg) { msg.respond(msg.payload()); });
}

// Polls until the condition holds or patience ends.
template <class Done>
static bool poll_until(nats::Queue &queue, Done &&done) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!done() && std::chrono::steady_clock::now() < deadline) queue.poll(100ms);
  return done();
}

TEST("request: is answered") {
  nats::Connection nc = dial();
  nats::Subscription service = echo(nc, "cpp.echo");
  EXPECT_EQ(nc.request("cpp.echo", "hello", patience).payload().text(), "hello");
  nats::Message own =
      nc.request_msg("cpp.echo", nullptr, "own", patience, NATS_REQUEST_OWN_INBOX);
  EXPECT_EQ(own.payload().text(), "own");
}

TEST("request: headers travel both ways") {
  nats::Connection nc = dial();
  nats::Subscription service = nc.subscribe("cpp.hecho", [](const nats::Message &msg) {
    nats::Headers headers = msg.copy_headers();
    headers.append("Answer", "yes");
    msg.respond("", &headers);
  });
  nats::Headers headers{{"Question", "why"}};
  nats::Message answer = nc.request_msg("cpp.hecho", &headers, "", patience);
  EXPECT_EQ(answer.header("Question"), "why");
  EXPECT_EQ(answer.header("Answer"), "yes");
}

TEST("request: nobody and too late are different errors") {
  nats::Connection nc = dial();
  nats::Subscription silent = nc.subscribe("cpp.silent");
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, nc.request("cpp.nobody", "", patience));
  EXPECT_THROWS(NATS_ERR_TIMEOUT, nc.request("cpp.silent", "", 20ms));
  nats::Message unasked = silent.next(patience);
  nats::Message plain;
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, plain.respond(""));
}

TEST("request: many answers") {
  nats::Connection nc = dial();
  nats::Subscription one = echo(nc, "cpp.many"), two = echo(nc, "cpp.many");
  nats::Subscription answers = nc.request_many("cpp.many", nullptr, "x", R"({"max_messages":2})");
  EXPECT_EQ(answers.next(patience).payload().text(), "x");
  EXPECT_EQ(answers.next(patience).payload().text(), "x");
  EXPECT_THROWS(NATS_ERR_SUBSCRIPTION_ENDED, answers.next(patience));
}

TEST("queue: completions run in poll") {
  nats::Connection nc = dial();
  nats::Subscription service = echo(nc, "cpp.async");
  nats::Queue queue;
  std::thread::id poller = std::this_thread::get_id(), ran;
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
  EXPECT(ran == poller);
}

TEST("queue: connects asynchronously") {
  nats::Queue queue;
  nats::Connection nc;
  nats::connect_async(queue, std::getenv("NATS_URL"), nullptr,
                      [&](nats::Result<nats::Connection> r) { nc = std::move(r).value(); });
  EXPECT(poll_until(queue, [&] { return nc.get() != nullptr; }));
  nc.flush();
  bool drained = false;
  nc.drain_async(queue, [&](nats::Result<void> r) { drained = r.ok(); });
  EXPECT(poll_until(queue, [&] { return drained; }));
}

TEST("queue: readiness and the file descriptor") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.ready");
  nats::Queue queue;
  std::uint64_t pending = 0;
  sub.watch(queue, [&](std::uint64_t now) { pending = now; });
  nc.publish("cpp.ready", "x");
  pollfd wait{queue.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 20000), 1);
  EXPECT_EQ(queue.poll(0ms), 1u);
  EXPECT_EQ(pending, 1u);
  EXPECT_EQ(sub.next(0ms).payload().text(), "x");
}

TEST("queue: an exception leaves poll after the batch") {
  nats::Connection nc = dial();
  nats::Queue queue;
  Latch woken;
  queue.on_wake([&] { woken.add(); });
  int ran = 0;
  for (int i = 0; i < 2; ++i) {
    nc.flush_async(queue, [&, i](nats::Result<void>) {
      ++ran;
      if (i == 0) throw std::runtime_error("from a completion");
    });
  }
  int thrown = 0;
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (ran < 2 && std::chrono::steady_clock::now() < deadline) {
    try {
      queue.poll(100ms);
    } catch (const std::runtime_error &) {
      ++thrown;
    }
  }
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(thrown, 1);
  EXPECT(woken.wait(1));
}

TEST("queue: an interruption ends a wait, and unpolled results are freed") {
  nats::Connection nc = dial();
  nats::Queue queue;
  std::thread interrupter([&] { queue.interrupt(); });
  EXPECT_EQ(queue.poll(patience), 0u);
  interrupter.join();
  auto canary = std::make_shared<int>(1);
  nc.flush_async(queue, [canary](nats::Result<void>) {});
  EXPECT_EQ(canary.use_count(), 2);
  { nats::Queue gone = std::move(queue); }
  EXPECT_EQ(canary.use_count(), 1);
}

TEST("doc: paths read and write") {
  nats::Doc doc = nats::Doc::parse(R"({"a":{"b":[1,2]},"extra":null})");
  EXPECT_EQ(doc.get_int("a.b.1"), 2);
  EXPECT_EQ(doc.size("a.b"), 2u);
  doc.set_str("name", "x");
  doc.set_bool("deep.flag", true);
  doc.set_double("deep.number", 0.5);
  doc.append_json("a.b", "\"3\"");
  EXPECT_EQ(doc.get_str("a.b.2"), "3");
  doc.set_json("a", "{}");
  doc.remove("extra");
  EXPECT_EQ(doc.json(), R"({"a":{},"name":"x","deep":{"flag":true,"number":0.5}})");
  EXPECT_THROWS(NATS_ERR_WRONG_TYPE, doc.get_int("name"));
  EXPECT_THROWS(NATS_ERR_NOT_FOUND, doc.get_int("none"));
  EXPECT_THROWS(NATS_ERR_INVALID_JSON, nats::Doc::parse("{"));
  EXPECT(doc.get_bool("deep.flag"));
}

TEST("result: a value, an alternative, an error") {
  nats::Result<int> good = 3, bad = nats::Error(NATS_ERR_TIMEOUT, "late");
  EXPECT_EQ(good.value(), 3);
  EXPECT_EQ(std::move(bad).value_or(7), 7);
  EXPECT_EQ(bad.error().text(), "late");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, (void)bad.value());
  EXPECT_EQ(good.code(), NATS_OK);
}
