// Arguments that are not acceptable.
#include "support.hpp"

using namespace check;
using namespace std::string_view_literals;

static const std::string_view no_subjects[] = {
    "",  ".",    "a..b", ".a",   "a.",   "a b",             " ",
    "a\tb", "a\rb", "a\nb", "a\0b"sv, "a\xff", "a\r\nPUB x 0\r\n"};

static void refuse_publish(const nats::Connection &nc, std::string_view subject) {
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish(subject, "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish_msg(subject, "", nullptr, "x"));
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.request(subject, "x", patience));
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.request_many(subject, nullptr, "x"));
  if (subject.empty()) return;  // an empty reply is no reply
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.publish_msg("a", subject, nullptr, "x"));
}

TEST("arguments-01", "subjects to publish to, reply to and request that are none") {
  Remote fake = Remote::fake(R"(["handshake","serve"])");
  nats::Connection nc = dial(fake.url());
  for (std::string_view subject : no_subjects) refuse_publish(nc, subject);
  for (const char *wild : {"*", ">", "a.*", "a.>", "a.*.b"}) refuse_publish(nc, wild);
  nc.publish("good", "x");
  nc.flush(patience);
  std::string sent = fake.received();
  std::size_t first = sent.find("PUB ");
  EXPECT_EQ(first, sent.find("PUB good 1\r\n"));
  EXPECT_EQ(first, sent.rfind("PUB "));
}

TEST("arguments-02", "subjects to subscribe to, and queue groups, that are none") {
  nats::Connection nc = dial();
  for (std::string_view subject : no_subjects) {
    EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.subscribe(subject));
    EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.subscribe(subject, echo));
  }
  for (const char *subject : {"a.>.b", ">.a"}) {
    EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.subscribe(subject));
  }
  for (const char *queue : {R"({"queue":"a b"})", R"({"queue":"a\r\nPING"})",
                            R"({"queue":"a\tb"})", R"({"queue":"a\u0000b"})"}) {
    EXPECT_THROWS(NATS_ERR_INVALID_QUEUE_GROUP, nc.subscribe("a", queue));
  }
  nc.flush(patience);
}

// Every call of a connection gives this code.
static void everything_fails(const nats::Connection &nc, nats_status code) {
  nats::Queue queue;
  EXPECT_THROWS(code, nc.publish("a", ""));
  EXPECT_THROWS(code, nc.publish_msg("a", "", nullptr, ""));
  EXPECT_THROWS(code, nc.request("a", "", patience));
  EXPECT_THROWS(code, nc.request_msg("a", nullptr, "", patience));
  EXPECT_THROWS(code, nc.request_many("a", nullptr, ""));
  EXPECT_THROWS(code, nc.subscribe("a"));
  EXPECT_THROWS(code, nc.subscribe("a", echo));
  EXPECT_THROWS(code, nc.flush(patience));
  EXPECT_THROWS(code, nc.rtt(patience));
  EXPECT_THROWS(code, nc.drain(patience));
  EXPECT_THROWS(code, nc.force_reconnect());
}

TEST("arguments-03", "closed connections say CONNECTION_CLOSED, freed ones INVALID_HANDLE") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.args.3");
  nc.close();
  everything_fails(nc, NATS_ERR_CONNECTION_CLOSED);
  EXPECT_EQ(end_of(sub), NATS_ERR_CONNECTION_CLOSED);
  nats_connection *freed = nc.get();
  nats::Connection moved = std::move(nc);
  everything_fails(nc, NATS_ERR_INVALID_HANDLE);
  moved = {};
  everything_fails(nats::Connection(freed), NATS_ERR_INVALID_HANDLE);
  auto *foreign = reinterpret_cast<nats_connection *>(sub.get());
  everything_fails(nats::Connection(foreign), NATS_ERR_INVALID_HANDLE);
  EXPECT_EQ(end_of(sub), NATS_ERR_CONNECTION_CLOSED);  // which that has not freed
  EXPECT_EQ(end_of(nats::Subscription()), NATS_ERR_INVALID_HANDLE);
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nats::Message().respond(""));
}

TEST("arguments-04", "a subject longer than a control line is refused, nothing is written") {
  nats::Connection nc = dial();
  std::string longest(8191, 'a');
  refuse_publish(nc, longest);
  EXPECT_THROWS(NATS_ERR_INVALID_SUBJECT, nc.subscribe(longest));
  nc.flush(patience);
  EXPECT_EQ(nc.stats().out_messages, 0);
  EXPECT_EQ(nc.stats().reconnects, 0);
}

TEST("cpp-arguments-01", "negative timeouts are refused, the largest one does not overflow") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.args.neg");
  for (nats::milliseconds bad : {nats::milliseconds(-1), nats::milliseconds::min()}) {
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nc.flush(bad));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nc.rtt(bad));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nc.drain(bad));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, sub.drain(bad));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, sub.next(bad));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, sub.take(1, bad));
  }
  constexpr nats::milliseconds immense = nats::milliseconds::max();
  nc.flush(immense);
  EXPECT(nc.rtt(immense) > 0ns);
  nc.publish("cpp.args.neg", "x");
  EXPECT_EQ(sub.next(immense).payload().text(), "x");
  sub.drain(immense);
  nc.drain(immense);
}
