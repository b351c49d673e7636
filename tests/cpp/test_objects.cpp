// The objects of the C++ API: moves, copies, ownership, errors in both forms, documents.
#include <algorithm>

#include "support.hpp"

using namespace check;

static_assert(!std::is_copy_constructible_v<nats::Connection>, "connections are moved");
static_assert(std::is_nothrow_move_constructible_v<nats::Connection>, "moves do not throw");
static_assert(!std::is_copy_constructible_v<nats::Subscription>, "subscriptions are moved");
static_assert(!std::is_copy_constructible_v<nats::Queue>, "queues are moved");
static_assert(std::is_copy_constructible_v<nats::Message>, "messages are shared");

TEST("cpp-objects-01", "a moved-from connection is empty and harmless") {
  nats::Connection nc = dial();
  nats::Connection other = std::move(nc);
  EXPECT(nc.get() == nullptr);
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nc.publish("cpp.moved", ""));
  other.flush();
  nc = std::move(other);
  nc.flush();
}

TEST("cpp-objects-02", "an object that goes frees its handle; one that was released does not") {
  std::size_t before = nats_library_handles();
  {
    nats::Connection nc = dial();
    EXPECT(nats_library_handles() > before);
    nats_subscription *kept = nc.subscribe("cpp.kept").release();
    nc.publish("cpp.kept", "x");
    EXPECT_EQ(next_text(nats::Subscription(kept)), "x");
  }
  EXPECT_EQ(nats_library_handles(), before);
}

TEST("cpp-objects-03", "a failed connect throws, or is a result") {
  const char *nobody = "nats://127.0.0.1:1";
  nats::Options options(R"({"connect_timeout_ms":2000})");
  nats::Result<nats::Connection> result = nats::try_connect(nobody, &options);
  EXPECT(!result.ok());
  EXPECT_EQ(result.code(), NATS_ERR_NO_SERVERS);
  EXPECT_EQ(result.error().name(), "NO_SERVERS");
  EXPECT_EQ(std::string(result.error().what()).find("NO_SERVERS: "), 0);
  EXPECT_THROWS(NATS_ERR_NO_SERVERS, nats::connect(nobody, options));
}

TEST("cpp-objects-04", "a copied message is one more reference, whose views stay") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.copy");
  nats::Headers headers{{"A", "kept"}};
  nc.publish_msg("cpp.copy", "", &headers, "payload");
  nats::Message copy;
  EXPECT(!copy);
  std::string_view value;
  {
    nats::Message msg = sub.next(patience);
    value = msg.header("A");
    copy = msg;
    EXPECT(copy.payload().data() == msg.payload().data());
  }
  nc.close();
  EXPECT_EQ(value, "kept");
  EXPECT_EQ(copy.payload().text(), "payload");
  nats::Message moved = std::move(copy);
  EXPECT(!copy);
  EXPECT_EQ(moved.subject(), "cpp.copy");
}

TEST("cpp-objects-05", "payloads from text, vectors and nothing") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.bytes");
  nc.publish("cpp.bytes", std::vector<std::uint8_t>{0, 1, 255});
  nc.publish("cpp.bytes", std::string("text\0more", 9));
  nc.publish("cpp.bytes", {});
  nats::Message msg = sub.next(patience);
  EXPECT_EQ(msg.payload().size(), 3);
  EXPECT_EQ(msg.payload()[2], 255);
  EXPECT_EQ(sub.next(patience).payload().size(), 9);
  EXPECT(sub.next(patience).payload().empty());
}

TEST("cpp-objects-06", "a result is a value or an error, with an alternative") {
  nats::Result<int> good = 3, bad = nats::Error(NATS_ERR_TIMEOUT, "late");
  EXPECT_EQ(good.value(), 3);
  EXPECT_EQ(good.code(), NATS_OK);
  EXPECT_EQ(std::move(bad).value_or(7), 7);
  EXPECT_EQ(bad.error().text(), "late");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, (void)bad.value());
}

TEST("cpp-objects-07", "documents are read and written by paths") {
  nats::Doc doc = nats::Doc::parse(R"({"a":{"b":[1,2]},"extra":null})");
  EXPECT_EQ(doc.get_int("a.b.1"), 2);
  EXPECT_EQ(doc.size("a.b"), 2);
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

TEST("cpp-objects-08", "64 threads use one connection") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.many");
  std::vector<std::future<void>> users;
  for (int user = 0; user < 64; ++user) {
    users.push_back(background([&] {
      for (int i = 0; i < 100; ++i) {
        nc.publish("cpp.many", "x");
        if (i % 10 == 0) nc.subscribe("cpp.many.own").unsubscribe();
      }
    }));
  }
  for (auto &user : users) user.get();
  for (std::size_t got = 0; got < 6400;) got += sub.take(256, patience).size();
  EXPECT(nc.stats().out_messages == 6400);
}
