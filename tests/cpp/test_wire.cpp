// What a server may send: honest, odd and malicious, from a scripted fake server.
#include "support.hpp"

using namespace check;

// A step of a script that sends this text, {SUB.2} being the sid of the subscription.
static std::string reply(std::string_view text) {
  nats::Doc step;
  step.set_str("reply", text);
  return std::string(step.json());
}

static const char *const idle = R"(["handshake"])";

// A connection with one subscription, `w`, to a fake server that answers the subscription with
// `text` and then plays `second` to the next connection.
struct Answered {
  explicit Answered(std::string_view text, const std::string &second = idle)
      : fake(Remote::fake(R"([["handshake",{"expect":"SUB "},)" + reply(text) + "]," + second +
                          "]")),
        nc(events.dial(fake.url(), R"({"reconnect_delay_max_ms":20})")),
        sub(nc.subscribe("w")) {}

  // The connection has not been lost so far.
  void expect_kept() { EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_DISCONNECTED), 0); }

  Remote fake;
  Events events;
  nats::Connection nc;
  nats::Subscription sub;
};

// The text breaks the protocol: the socket is left with PROTOCOL, and the next one works.
static void leaves(const std::string &text) {
  Answered answered(text, R"(["handshake",{"expect":"SUB "},)" +
                              reply("MSG w {SUB.2} 4\r\nnext\r\n") + "]");
  EXPECT(answered.events.wait(NATS_CONNECTION_EVENT_DISCONNECTED));
  EXPECT_HAS(answered.events.last(NATS_CONNECTION_EVENT_DISCONNECTED), R"("PROTOCOL")");
  EXPECT_EQ(next_text(answered.sub), "next");
}

// The text delivers this payload, and the connection stays.
static void delivers(const std::string &text, const char *payload) {
  Answered answered(text);
  nats::Message msg = answered.sub.next(patience);
  EXPECT_EQ(msg.payload().text(), payload);
  msg.check();
  answered.expect_kept();
}

// An HMSG for the subscription.
static std::string hmsg(const std::string &block, const std::string &payload = "ok") {
  return "HMSG w {SUB.2} " + std::to_string(block.size()) + " " +
         std::to_string(block.size() + payload.size()) + "\r\n" + block + payload + "\r\n";
}

TEST("wire-01", "sizes that are negative, huge, or no numbers: the socket is left") {
  for (std::string size :
       {"-1", "2147483647", "2147483648", "4294967301", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "99999999999999999999999999999999", "0x10", "1e3", "+", "1.5"}) {
    leaves("MSG w {SUB.2} " + size + "\r\nok\r\n");
    leaves("HMSG w {SUB.2} " + size + " 12\r\nNATS/1.0\r\n\r\n\r\n");
    leaves("HMSG w {SUB.2} 12 " + size + "\r\nNATS/1.0\r\n\r\n\r\n");
  }
  leaves("HMSG w {SUB.2} 14 12\r\nNATS/1.0\r\n\r\n\r\n");
}

TEST("wire-02", "missing CRLF, unknown operations, blank and over-long lines: the socket is left") {
  leaves("MSG w {SUB.2} 2\r\nokXXMSG");
  leaves("MSG w {SUB.2} 1\r\nok\r\n");
  leaves("NONSENSE\r\n");
  leaves("\r\n");
  leaves(std::string("\0\1\2\r\n", 5));
  leaves("HTTP/1.1 400 Bad Request\r\n");
  leaves("MSG " + std::string(10000, 'x'));
}

// The header block cannot be decoded: that spoils its message, never the connection.
static void spoils_one(const std::string &block) {
  Answered answered(hmsg(block) + "MSG w {SUB.2} 4\r\nnext\r\n");
  nats::Message msg = answered.sub.next(patience);
  EXPECT_THROWS(NATS_ERR_MALFORMED_MESSAGE, msg.check());
  EXPECT_EQ(msg.payload().text(), "ok");
  EXPECT_THROWS(NATS_ERR_MALFORMED_MESSAGE, msg.copy_headers());
  EXPECT_EQ(next_text(answered.sub), "next");
  EXPECT(answered.events.wait(NATS_CONNECTION_EVENT_MALFORMED_MESSAGE));
  answered.expect_kept();
}

TEST("wire-03", "short header blocks, bad status lines, lines without colon spoil one message") {
  const std::string block = "NATS/1.0\r\n\r\n";
  delivers(hmsg(""), "ok");
  for (std::size_t len = 1; len <= block.size(); ++len) {
    // A first line that is whole makes a block that can be read, with or without the blank line.
    if (len < 10) spoils_one(block.substr(0, len));
    else delivers(hmsg(block.substr(0, len)), "ok");
  }
  for (const char *status : {"NATS/1.0 9", "NATS/1.0 99", "NATS/1.0 9999", "NATS/1.0 abc",
                             "NATS/1.0503", "NATS/2.0", "HTTP/1.1 200"}) {
    spoils_one(std::string(status) + "\r\n\r\n");
  }
  spoils_one("NATS/1.0\r\nA: 1\r\nNoColon\r\n\r\n");
  spoils_one("NATS/1.0\r\na b: 1\r\n\r\n");
}

TEST("wire-04", "20,000 header keys are delivered and readable") {
  constexpr int keys = 20000;
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.wire.4");
  nats::Headers headers;
  for (int i = 0; i < keys; ++i) headers.append("Key-" + std::to_string(i), std::to_string(i));
  nc.publish_msg("cpp.wire.4", "", &headers, "x");
  nats::Message msg = sub.next(patience);
  msg.check();
  EXPECT_EQ(msg.header("Key-19999"), "19999");
  int next = 0;
  for (const auto &[name, value] : msg.headers()) {
    EXPECT_EQ(name, "Key-" + std::to_string(next));
    EXPECT_EQ(value, std::to_string(next++));
  }
  EXPECT_EQ(next, keys);
}

TEST("wire-05", "-ERR bare, empty and unknown are events; the connection stays") {
  Answered answered(
      "-ERR\r\n-ERR \r\n-ERR ''\r\n-ERR 'Something New'\r\nMSG w {SUB.2} 2\r\nok\r\n");
  EXPECT_EQ(next_text(answered.sub), "ok");
  EXPECT(answered.events.wait(NATS_CONNECTION_EVENT_SERVER_ERROR, 4));
  EXPECT_HAS(answered.events.last(NATS_CONNECTION_EVENT_SERVER_ERROR), "Something New");
  answered.expect_kept();
}

TEST("wire-06", "a subject that is not UTF-8 is delivered as bytes; the connection stays") {
  Remote fake = Remote::fake(
      R"(["handshake",{"expect":"SUB "},{"send":{"hex":"4d534720ff20"}},)" +
      reply("{SUB.2} 2\r\nok\r\nMSG w {SUB.2} 4\r\nnext\r\n") + "]");
  Events events;
  nats::Connection nc = events.dial(fake.url());
  nats::Subscription sub = nc.subscribe("w");
  nats::Message msg = sub.next(patience);
  EXPECT_THROWS(NATS_ERR_MALFORMED_MESSAGE, msg.check());
  EXPECT_EQ(msg.subject(), "\xff");
  EXPECT_EQ(msg.payload().text(), "ok");
  EXPECT_EQ(next_text(sub), "next");
  EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_DISCONNECTED), 0);
}

TEST("wire-07", "INFO of 1 MiB at the handshake; bad INFO in mid-stream is ignored") {
  Remote fake = Remote::fake(R"([{"handshake":{"max_payload":5000,"filler":")" +
                             std::string(1000000, 'x') + R"("}}])");
  EXPECT_EQ(dial(fake.url()).max_payload(), 5000);
  Answered answered(
      "INFO {\"max_payload\":7000}\r\nINFO null\r\nINFO []\r\nINFO nonsense\r\n"
      "INFO {\"max_payload\":-1}\r\nINFO {\"max_payload\":\"x\"}\r\nINFO \r\n"
      "MSG w {SUB.2} 2\r\nok\r\n");
  EXPECT_EQ(next_text(answered.sub), "ok");
  answered.nc.flush(patience);  // a message may overtake an INFO of the same read
  EXPECT_EQ(answered.nc.max_payload(), 7000);
  answered.expect_kept();
}

TEST("wire-08", "every split of an exchange, and byte by byte, gives the same messages") {
  // Sids are given from 1 on, which the first message proves.
  const std::string message = "HMSG w 1 r.s 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nok\r\n";
  nats::Doc script = nats::Doc::parse(R"({"steps":["handshake",{"expect":"SUB w 1"}]})");
  for (std::size_t split = 1; split < message.size(); ++split) {
    nats::Doc step;
    step.set_str("chunked", message);
    step.set_json("sizes", "[" + std::to_string(split) + ",1000]");
    script.append_json("steps", step.json());
  }
  nats::Doc drip;
  drip.set_str("drip", message);
  drip.set_int("gap_ms", 1);
  script.append_json("steps", drip.json());
  std::string text(script.json());  // {"steps":[...]}
  Remote fake = Remote::fake(text.substr(9, text.size() - 10));
  nats::Connection nc = dial(fake.url());
  nats::Subscription sub = nc.subscribe("w");
  for (std::size_t split = 1; split <= message.size(); ++split) {
    nats::Message msg = sub.next(patience);
    EXPECT_EQ(msg.header("A"), "b");
    EXPECT_EQ(msg.reply(), "r.s");
    EXPECT_EQ(msg.payload().text(), "ok");
  }
}
