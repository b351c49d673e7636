// JetStream: operations, publishing with acknowledgement, fetching, acknowledging.
#include <cstdlib>
#include <filesystem>

#include "support.hpp"

using namespace check;

constexpr const char *stream = R"({"name":"S","subjects":["s.>"],"storage":"memory"})";
constexpr const char *worker = R"({"stream":"S","config":{"durable_name":"worker"}})";

TEST("cpp-jetstream-01", "operations by their C functions, at once and on a queue") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  nats::Doc info = js.run(nats_stream_create, stream);
  EXPECT_EQ(info.get_str("config.name"), "S");
  nats::Doc config = info.get_doc("config");
  config.set_int("max_msgs", 5);
  EXPECT_EQ(js.run(nats_stream_update, config.json()).get_int("config.max_msgs"), 5);
  nats::Queue queue;
  std::string name;
  js.run_async(queue, nats_consumer_create_async, worker, [&](nats::Result<nats::Doc> made) {
    name = made.value().get_str("name");
  });
  EXPECT(poll_until(queue, [&] { return !name.empty(); }));
  EXPECT_EQ(name, "worker");
  EXPECT_EQ(js.account_info().get_int("consumers"), 1);
  nats::Result<nats::Doc> none = js.try_run(nats_stream_info, R"({"stream":"NONE"})");
  EXPECT_EQ(none.code(), NATS_ERR_STREAM_NOT_FOUND);
  EXPECT_EQ(none.error().api_code(), 404);
  EXPECT_EQ(none.error().api_err_code(), 10059);
  EXPECT_EQ(none.error().api_name(), "STREAM_NOT_FOUND");
  EXPECT_EQ(nats::JetStream().try_account_info().code(), NATS_ERR_INVALID_HANDLE);
  EXPECT_EQ(nats::JetStream::try_make(nc, R"({"domain":"a b"})").code(), NATS_ERR_INVALID_OPTION);
}

TEST("cpp-jetstream-02", "messages are stored, fetched and acknowledged") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  js.run(nats_stream_create, stream);
  js.run(nats_consumer_create, worker);
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(js.publish("s.n", std::to_string(i)).sequence, static_cast<std::uint64_t>(i));
  }
  nats::PubAck again = js.publish("s.n", "six", R"({"msg_id":"6"})");
  EXPECT_EQ(js.publish("s.n", "six", R"({"msg_id":"6"})").sequence, again.sequence);
  EXPECT_EQ(again.doc.get_str("stream"), "S");
  EXPECT_THROWS(NATS_ERR_WRONG_LAST_SEQUENCE, js.publish("s.n", "x", R"({"expected_last_sequence":9})"));
  std::vector<nats::Message> messages = js.fetch("S", "worker", 6);
  EXPECT_EQ(messages.size(), 6u);
  nats_metadata about = messages[5].metadata();
  EXPECT_EQ(about.stream_sequence, 6u);
  EXPECT_EQ(std::string_view(about.consumer.ptr, about.consumer.len), "worker");
  messages[0].in_progress();
  messages[0].nak();
  messages[1].nak(1ms);
  messages[2].term("never");
  js.ack_sync(messages[3], patience);
  messages[4].ack();
  messages[5].ack();
  EXPECT_THROWS(NATS_ERR_ALREADY_ACKED, messages[5].ack());
  for (int left = 2; left > 0; --left) {
    std::vector<nats::Message> one = js.fetch("S", "worker", 1);
    EXPECT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].metadata().delivered, 2u);
    js.ack_sync(one[0], patience);
  }
  EXPECT(js.fetch("S", "worker", 1, R"({"no_wait":true})").empty());
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, js.fetch("S", "none", 1));
  nc = {};
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, js.publish("s.n", "x"));
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, js.account_info());
}

TEST("cpp-jetstream-03", "messages without end: read, and handed to a callable") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  js.run(nats_stream_create, stream);
  js.run(nats_consumer_create, worker);
  for (int i = 1; i <= 20; ++i) js.publish("s.n", std::to_string(i));
  nats::Subscription sub = js.consume("S", "worker", R"({"max_messages":5})");
  for (int i = 1; i <= 20; ++i) {
    nats::Message message = sub.next(patience);
    EXPECT_EQ(message.payload().text(), std::to_string(i));
    message.ack();
  }
  sub.unsubscribe();
  EXPECT_EQ(sub.try_next(patience).code(), NATS_ERR_SUBSCRIPTION_CLOSED);
  Latch handled;
  sub = js.consume("S", "worker", [&](nats::Message message) {
    message.ack();
    handled.add();
  });
  for (int i = 21; i <= 40; ++i) js.publish("s.n", std::to_string(i));
  EXPECT(handled.wait(20));
  sub.drain(patience);
  nats::Doc info = js.run(nats_consumer_info, R"({"stream":"S","consumer":"worker"})");
  EXPECT_EQ(info.get_int("num_ack_pending"), 0);
  EXPECT_THROWS(NATS_ERR_INVALID_NAME, js.consume("S.S", "worker"));
}

TEST("cpp-jetstream-04", "publishing without waiting, and batches") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  js.run(nats_stream_create,
         R"({"name":"S","subjects":["s.>"],"allow_atomic":true,"allow_batched":true})");
  nats::Publisher publisher(js, R"({"window":16})");
  for (std::uint64_t i = 1; i <= 10; ++i) publisher.publish("s.n", "x", i);
  publisher.complete(patience);
  std::vector<nats::Outcome> outcomes = publisher.take(100, patience);
  EXPECT_EQ(outcomes.size(), 10u);
  EXPECT(outcomes[9].token == 10 && outcomes[9].sequence == 10 && !outcomes[9].error);
  publisher.publish("s.n", "x", 11, R"({"expected_stream":"T"})");
  outcomes = publisher.take(100, patience);
  EXPECT_EQ(outcomes[0].error->code(), NATS_ERR_JETSTREAM);
  EXPECT_EQ(outcomes[0].error->api_name(), "STREAM_NOT_MATCH");
  for (int i = 0; i < 100; ++i) publisher.publish("s.n", "x");
  publisher.complete(patience);
  EXPECT_EQ(publisher.in_flight(), 0u);
  nats::Queue queue;
  std::uint64_t known = 0;
  publisher.watch(queue, [&](std::uint64_t count) { known = count; });
  publisher.publish("s.n", "x", 12);
  EXPECT(poll_until(queue, [&] { return known == 1; }));
  bool done = false;
  publisher.complete_async(queue, patience, [&](nats::Result<void> all) { done = bool(all); });
  EXPECT(poll_until(queue, [&] { return done; }));
  Latch told;
  nats::Publisher calling(js, [&](std::vector<nats::Outcome> outcomes) {
    for (const nats::Outcome &outcome : outcomes) {
      if (outcome.token == outcome.sequence - 111) told.add();
    }
  });
  for (std::uint64_t i = 1; i <= 10; ++i) calling.publish("s.n", "x", i);
  EXPECT(told.wait(10));
  EXPECT_EQ(calling.try_take(1, 0ms).code(), NATS_ERR_INVALID_ARGUMENT);

  nats::Batch atomic(js);
  atomic.add("s.a", "1");
  atomic.add("s.a", "2");
  EXPECT_EQ(atomic.state().get_int("added"), 2);
  EXPECT_EQ(atomic.commit("s.a", "3").get_int("count"), 3);
  EXPECT_THROWS(NATS_ERR_BATCH_OVER, atomic.add("s.a", "4"));
  nats::Batch fast(js, R"({"kind":"fast"})");
  fast.add("s.a", "1");
  EXPECT_EQ(fast.close().get_int("count"), 1);
  EXPECT_EQ(nats::Batch::try_make(js, R"({"kind":"x"})").code(), NATS_ERR_INVALID_OPTION);
}

TEST("cpp-jetstream-05", "messages in order, messages that are pushed, and those of a group's member") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  js.run(nats_stream_create, stream);
  for (int i = 1; i <= 10; ++i) js.publish("s.n", std::to_string(i));
  nats::Subscription ordered = js.consume_ordered("S", R"({"filter_subjects":["s.n"]})");
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(next_text(ordered), std::to_string(i));
  Latch in_order;
  nats::Subscription calling = js.consume_ordered("S", [&](nats::Message) { in_order.add(); });
  EXPECT(in_order.wait(10));
  EXPECT_THROWS(NATS_ERR_STREAM_NOT_FOUND, js.consume_ordered("NONE"));

  js.run(nats_consumer_create,
         R"({"stream":"S","config":{"durable_name":"pushing","deliver_subject":"to.me"}})");
  nats::Subscription pushed = js.consume_pushed("S", "pushing");
  for (int i = 1; i <= 10; ++i) pushed.next(patience).ack();
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, js.consume_pushed("S", "pushing", [](nats::Message) {}));
  EXPECT_THROWS(NATS_ERR_CONSUMER_NOT_FOUND, js.consume_pushed("S", "none"));

  js.run(nats_stream_create, R"({"name":"P","subjects":["p.*"],"subject_transform":)"
                             R"({"src":"p.*","dest":"{{partition(2,1)}}.p.{{wildcard(1)}}"}})");
  js.run(nats_group_create,
         R"({"stream":"P","group":"g","config":{"max_members":2,"members":["a"]}})");
  EXPECT_EQ(js.run(nats_group_names, R"({"stream":"P"})").get_str("groups.0"), "g");
  for (int i = 1; i <= 10; ++i) js.publish("p." + std::to_string(i), "x");
  nats::Subscription member = js.consume_group("P", "g", "a");
  for (int i = 1; i <= 10; ++i) {
    nats::Message message = member.next(patience);
    EXPECT_EQ(message.subject().substr(1, 3), ".p.");
    message.ack();
  }
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, js.consume_group("P", "g", "b", [](nats::Message) {}));
  js.run(nats_group_delete, R"({"stream":"P","group":"g"})");
  EXPECT_EQ(member.try_next(patience).code(), NATS_ERR_SUBSCRIPTION_CLOSED);
  EXPECT_THROWS(NATS_ERR_NOT_FOUND, js.consume_group("P", "g", "a"));
}

TEST("cpp-jetstream-06", "stored messages one by one and in batches, a backup and its restore, and a queue") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  js.run(nats_stream_create, R"({"name":"S","subjects":["s.>"],"allow_direct":true})");
  nats::Queue queue;
  int stored = 0;
  for (int i = 1; i <= 10; ++i) {
    js.publish_async(queue, "s.n", std::to_string(i), [&](nats::Result<nats::Doc> ack) {
      stored += ack.value().get_str("stream") == "S";
    });
  }
  EXPECT(poll_until(queue, [&] { return stored == 10; }));
  // A consumer that is there hears of new messages with a delay.
  js.run(nats_consumer_create, worker);
  std::size_t fetched = 0;
  js.fetch_async(queue, "S", "worker", [&](nats::Result<nats::Fetched> got) {
    fetched = got.value().take(20).size();
  }, R"({"no_wait":true})");
  EXPECT(poll_until(queue, [&] { return fetched == 10; }));

  EXPECT_EQ(js.get_message(R"({"stream":"S","seq":3})").payload().text(), "3");
  EXPECT_THROWS(NATS_ERR_MESSAGE_NOT_FOUND, js.get_message(R"({"stream":"S","seq":30})"));
  nats::Doc end;
  std::vector<nats::Message> batch = js.get_batch("S", 4, R"({"seq":2})", &end);
  EXPECT_EQ(batch.size(), 4u);
  EXPECT_EQ(batch[3].payload().text(), "5");
  EXPECT_EQ(end.get_int("pending"), 5);

  char folder[] = "/tmp/nats-ffi-cpp-XXXXXX";
  EXPECT(mkdtemp(folder) != nullptr);
  std::string into = std::string(folder) + "/backup";
  int told = 0;
  auto progress = [&](std::uint64_t, std::uint64_t) { ++told; };
  js.backup(R"({"stream":"S","folder":")" + into + "\"}", progress);
  EXPECT(told > 0);
  js.run(nats_stream_delete, R"({"stream":"S"})");
  nats::Doc restored = js.restore(R"({"folder":")" + into + "\"}", progress);
  EXPECT_EQ(restored.get_int("state.messages"), 10);
  std::filesystem::remove_all(folder);
}
