// Headers (ADR-4): building, sending, reading.
#include "support.hpp"

using namespace check;

// Sends the headers and returns the message as it arrives.
static nats::Message round_trip(const nats::Headers *headers, std::string_view payload) {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.headers");
  nc.publish_msg("cpp.headers", "", headers, payload);
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.payload().text(), payload);
  msg.check();
  return msg;
}

// All lines of a message, as name=value;
static std::string lines_of(const nats::Message &msg) {
  std::string text;
  for (const auto &[name, value] : msg.headers()) {
    text.append(name).append("=").append(value).append(";");
  }
  return text;
}

TEST("headers-01", "order, case and several values of a name survive the journey") {
  nats::Headers headers{{"One", "1"}, {"tWo", "2"}, {"One", "3"}, {"ONE", "4"}};
  nats::Message msg = round_trip(&headers, "x");
  EXPECT_EQ(lines_of(msg), "One=1;tWo=2;One=3;ONE=4;");
  EXPECT_EQ(msg.status(), 0);
}

TEST("headers-02", "get is case-sensitive, and there is one that is not") {
  nats::Headers headers{{"Key", "first"}, {"KEY", "second"}};
  EXPECT_EQ(headers.get("KEY"), "second");
  EXPECT_EQ(headers.get_ignore_case("key"), "first");
  EXPECT_EQ(headers.try_get("key").code(), NATS_ERR_NOT_FOUND);
  EXPECT_HAS(headers.try_get("key").error().text(), "key");
  nats::Message msg = round_trip(&headers, "x");
  EXPECT_EQ(msg.header("KEY"), "second");
  EXPECT_EQ(msg.header_ignore_case("key"), "first");
  EXPECT_THROWS(NATS_ERR_NOT_FOUND, msg.header("key"));
}

TEST("headers-03", "values with spaces at their ends, colons and UTF-8 come back as they were") {
  const char *values[] = {"", " ", " leading", "trailing ", "  both  ", "12:30:00", ":",
                          "two  words", "gr\xc3\xbc\xc3\x9f", "a\tb"};
  nats::Headers headers;
  for (const char *value : values) headers.append("V", value);
  nats::Message msg = round_trip(&headers, "x");
  auto line = msg.headers().begin();
  for (const char *value : values) {
    EXPECT(line != msg.headers().end());
    EXPECT_EQ(line->second, value);
    ++line;
  }
  EXPECT(line == msg.headers().end());
}

TEST("headers-04", "names and values that would break the protocol are refused") {
  using namespace std::string_view_literals;
  const std::string_view names[] = {"",     "a:b",  "a b",  " a",           "a\rb",
                                    "a\nb", "a\tb", "a\0b"sv, "na\xc3\xafve", "a\x7f"};
  const std::string_view values[] = {"a\rb", "a\nb", "a\r\nInjected: yes", "\n", "a\0b"sv};
  nats::Headers headers;
  for (std::string_view name : names) {
    EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.append(name, "x"));
    EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.set(name, "x"));
  }
  for (std::string_view value : values) {
    EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.append("Name", value));
    EXPECT_THROWS(NATS_ERR_INVALID_HEADER, headers.set("Name", value));
  }
  EXPECT_EQ(headers.size(), 0);
}

TEST("headers-05", "set replaces, append adds, remove removes, size counts, at walks") {
  nats::Headers headers{{"A", "1"}, {"B", "2"}, {"A", "3"}};
  headers.set("A", "only");
  EXPECT_EQ(headers.size(), 2);
  EXPECT(headers.at(0) == nats::HeaderLine("A", "only"));
  EXPECT_THROWS(NATS_ERR_NOT_FOUND, headers.at(2));
  headers.set("C", "new");
  headers.append("B", "4");
  EXPECT_EQ(headers.remove("B"), 2);
  EXPECT_EQ(headers.remove("B"), 0);
  EXPECT_EQ(headers.size(), 2);
}

TEST("headers-06", "headers with an empty payload, an empty set, and 1,000 lines") {
  nats::Headers headers;
  EXPECT_EQ(lines_of(round_trip(&headers, "empty set")), "");
  for (int i = 0; i < 1000; ++i) {
    headers.append("Name-" + std::to_string(i), "value " + std::to_string(i));
  }
  nats::Message msg = round_trip(&headers, "");
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(msg.header("Name-" + std::to_string(i)), "value " + std::to_string(i));
  }
}

TEST("headers-07", "status and description of a status line") {
  Remote fake = Remote::fake(R"(["handshake",{"expect":"SUB "},
      {"reply":"HMSG w {SUB.2} 31 31\r\nNATS/1.0 100 Idle Heartbeat\r\n\r\n\r\n"},
      {"reply":"HMSG w {SUB.2} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"}])");
  nats::Connection nc = dial(fake.url());
  nats::Subscription sub = nc.subscribe("w");
  nats::Message idle = sub.next(patience), nobody = sub.next(patience);
  EXPECT_EQ(idle.status(), 100);
  EXPECT_EQ(idle.description(), "Idle Heartbeat");
  EXPECT_EQ(nobody.status(), 503);
  EXPECT_EQ(nobody.description(), "");
}

TEST("headers-08", "a server without headers: HEADERS_UNSUPPORTED before anything is sent") {
  Remote fake = Remote::fake(R"([{"handshake":{"headers":false,"max_payload":1000}}])");
  nats::Connection nc = dial(fake.url());
  nats::Headers headers{{"A", "b"}};
  EXPECT_THROWS(NATS_ERR_HEADERS_UNSUPPORTED, nc.publish_msg("a", "", &headers, "x"));
  nc.publish("plain", "x");
  nc.flush(patience);
  EXPECT_HAS(fake.received(), "PUB plain 1");
  EXPECT_LACKS(fake.received(), "HPUB");
}

TEST("cpp-headers-01", "a copy of received headers can be changed and sent again") {
  nats::Headers headers{{"A", "1"}};
  nats::Headers copy = round_trip(&headers, "x").copy_headers();
  copy.append("B", "2");
  EXPECT_EQ(lines_of(round_trip(&copy, "x")), "A=1;B=2;");
  nats::Message bare = round_trip(nullptr, "none");
  EXPECT(bare.headers().begin() == bare.headers().end());
  EXPECT_EQ(bare.copy_headers().size(), 0);
}
