// Buckets: keys changed, read, watched, kept in memory, and stored in another form.
#include "support.hpp"

using namespace check;

namespace {

constexpr const char *config = R"({"bucket":"b","storage":"memory","history":5})";
constexpr const char *named = R"({"bucket":"b"})";

/// A server with JetStream and the bucket b.
struct Shelf {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js{nc};
  nats::KeyValue kv = made(js, config, "b");

  static nats::KeyValue made(const nats::JetStream &js, const char *config, const char *bucket) {
    js.run(nats_kv_bucket_create, config);
    return nats::KeyValue(js, bucket);
  }
};

/// Key and value, or what was done to the key; "-" behind all that there was.
std::string in_short(const nats::KvView &entry) {
  std::string key(entry.key);
  switch (entry.operation) {
    case nats::KvOperation::Put: return key + "=" + entry.value.str();
    case nats::KvOperation::Delete: return key + " deleted";
    case nats::KvOperation::Purge: return key + " purged";
    default: return "-";
  }
}

/// Several in short, each behind a blank.
std::string in_short(const std::vector<nats::KvEntry> &entries) {
  std::string all;
  for (const nats::KvEntry &entry : entries) all += " " + in_short(entry);
  return all;
}

std::string told(const nats::KvWatcher &watcher) { return in_short(watcher.next(patience)); }

std::string joined(const std::vector<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts) all += " " + text;
  return all;
}

}  // namespace

TEST("kv-01", "buckets are made, found, changed, listed and deleted") {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js(nc);
  EXPECT_THROWS(NATS_ERR_BUCKET_NOT_FOUND, nats::KeyValue(js, "b"));
  EXPECT_THROWS(NATS_ERR_BUCKET_NOT_FOUND, js.run(nats_kv_bucket_delete, named));
  EXPECT_THROWS(NATS_ERR_BUCKET_NOT_FOUND, js.run(nats_kv_bucket_update, config));
  js.run(nats_kv_bucket_create, config);
  js.run(nats_kv_bucket_create, config);
  constexpr const char *other = R"({"bucket":"b","storage":"memory","history":3})";
  EXPECT_THROWS(NATS_ERR_BUCKET_EXISTS, js.run(nats_kv_bucket_create, other));
  js.run(nats_kv_bucket_update, other);
  js.run(nats_kv_bucket_create_or_update, R"({"bucket":"c","storage":"memory"})");
  nats::KeyValue kv(js, "b");
  kv.put("k", "v");
  nats::Doc status = js.run(nats_kv_bucket_status, named);
  EXPECT_EQ(status.get_int("history"), 3);
  EXPECT_EQ(status.get_int("values"), 1);
  EXPECT_EQ(joined(nats::KeyValue::names(js)), " b c");
  EXPECT_EQ(nats::KeyValue::list(js).get_str("buckets.1.bucket"), "c");
  js.run(nats_kv_bucket_delete, named);
  EXPECT_THROWS(NATS_ERR_BUCKET_NOT_FOUND, kv.get("k"));
  EXPECT_EQ(nats::KeyValue().try_get("k").code(), NATS_ERR_INVALID_HANDLE);
}

TEST("kv-04", "a value comes back to the byte, with key, revision, time and operation") {
  Shelf b;
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, b.kv.get("k"));
  b.kv.put("k", "one");
  EXPECT_EQ(b.kv.put("k", std::string_view("two\r\n\0", 6)), 2u);
  nats::KvEntry entry = b.kv.get("k");
  EXPECT_EQ(entry.key, "k");
  EXPECT(entry.value == nats::bytes_view("two\r\n\0", 6));
  EXPECT_EQ(entry.revision, 2u);
  EXPECT(entry.delta == 0 && entry.is_put() && !entry.is_caught_up());
  auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT(std::chrono::abs(now - std::chrono::nanoseconds(entry.created_ns)) < 60s);
  // What is moved or copied shows the same.
  nats::KvEntry copy = entry, moved = std::move(entry);
  EXPECT_EQ(copy.key.data(), moved.key.data());
  EXPECT_EQ(copy.message().payload().size(), 6u);
}

TEST("kv-05", "a value can be got by its revision") {
  Shelf b;
  b.kv.put("k", "one");
  b.kv.put("k", "two");
  b.kv.put("other", "three");
  EXPECT_EQ(in_short(b.kv.get_revision("k", 1)), "k=one");
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, b.kv.get_revision("other", 1));
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, b.kv.get_revision("k", 9));
}

TEST("kv-06", "a deleted key has no value and keeps its history; a purged one has none either") {
  Shelf b;
  b.kv.put("k", "one");
  EXPECT_EQ(b.kv.delete_key("k"), 2u);
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, b.kv.get("k"));
  EXPECT_EQ(in_short(b.kv.get_revision("k", 0)), "k deleted");
  EXPECT_EQ(in_short(b.kv.get_revision("k", 1)), "k=one");
  EXPECT_EQ(b.kv.purge_key("k"), 3u);
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, b.kv.get_revision("k", 1));
  EXPECT_EQ(in_short(b.kv.history("k")), " k purged");
}

TEST("kv-07", "create gives a value to a key that has none, also over a marker") {
  Shelf b;
  EXPECT_EQ(b.kv.create("k", "1"), 1u);
  EXPECT_THROWS(NATS_ERR_KEY_EXISTS, b.kv.create("k", "2"));
  b.kv.delete_key("k");
  EXPECT_EQ(b.kv.create("k", "3"), 3u);
}

TEST("kv-08", "an update wants the revision that the key has") {
  Shelf b;
  EXPECT_EQ(b.kv.update("k", "1", 0), 1u);
  EXPECT_THROWS(NATS_ERR_WRONG_LAST_SEQUENCE, b.kv.update("k", "2", 0));
  EXPECT_EQ(b.kv.put("k", "2", R"({"expected_revision":1})"), 2u);
  EXPECT_THROWS(NATS_ERR_WRONG_LAST_SEQUENCE,
                b.kv.delete_key("k", R"({"expected_revision":1})"));
}

TEST("kv-14", "many keys are got at once, in their order") {
  Shelf b;
  b.kv.put("a", "1");
  b.kv.put("b", "2");
  nats::Result<std::vector<std::optional<nats::KvEntry>>> got =
      b.kv.try_get_many({"b", "none", "a"});
  if (got.code() == NATS_ERR_UNSUPPORTED) return;
  EXPECT_EQ(in_short(*got->at(0)), "b=2");
  EXPECT(!got->at(1));
  EXPECT_EQ(in_short(*got->at(2)), "a=1");
  EXPECT(b.kv.get_many({}).empty());
}

TEST("kv-15", "a value that several change at once by what it was has every change") {
  Shelf b;
  auto add = [&] {
    for (int i = 0; i < 50; ++i) {
      b.kv.modify("n", [](const nats::KvView *entry) {
        int before = entry ? std::stoi(entry->value.str()) : 0;
        return std::optional<std::string>(std::to_string(before + 1));
      });
    }
  };
  auto other = background(add);
  add();
  other.get();
  EXPECT_EQ(b.kv.get("n").value.text(), "100");
  auto keep = [](const nats::KvView *) { return std::optional<std::string>(); };
  EXPECT_EQ(b.kv.modify("n", keep), 0u);
  auto give_up = [](const nats::KvView *) -> std::optional<std::string> { throw Failure{"no"}; };
  std::string thrown;
  try {
    b.kv.modify("n", give_up);
  } catch (const Failure &failure) {
    thrown = failure.text;
  }
  EXPECT_EQ(thrown, "no");
}

TEST("kv-16", "a handle for reading alone refuses all that writes") {
  Shelf b;
  b.kv.put("k", "x");
  nats::KeyValue reader(b.js, "b", R"({"read_only":true})");
  EXPECT_EQ(in_short(reader.get("k")), "k=x");
  EXPECT_THROWS(NATS_ERR_READ_ONLY, reader.put("k", "y"));
  EXPECT_THROWS(NATS_ERR_READ_ONLY, reader.create("n", "y"));
  EXPECT_THROWS(NATS_ERR_READ_ONLY, reader.purge_key("k"));
}

TEST("kv-20", "a watch tells what was done to each key last, that this was all, and what is done") {
  Shelf b;
  b.kv.put("a", "1");
  b.kv.put("b", "2");
  b.kv.delete_key("b");
  nats::KvWatcher watcher = b.kv.watch();
  EXPECT_EQ(told(watcher), "a=1");
  EXPECT_EQ(told(watcher), "b deleted");
  EXPECT(watcher.next(patience).is_caught_up());
  EXPECT_EQ(watcher.try_next(1ms).code(), NATS_ERR_TIMEOUT);
  nats::Queue queue;
  std::string taken;
  watcher.watch(queue, [&](std::uint64_t) { taken += in_short(watcher.take(10, 0ms)); });
  b.kv.put("c", "3");
  EXPECT(poll_until(queue, [&] { return taken == " c=3"; }));

  Latch gone, caught_up;
  std::string heard;
  auto hear = [&, held = canary(gone)](nats::KvEntry entry) {
    heard += " " + in_short(entry);
    if (entry.is_caught_up()) caught_up.add();
  };
  nats::KvWatcher calling = b.kv.watch(std::move(hear), R"({"keys":["a","c"]})");
  EXPECT(caught_up.wait(1));
  EXPECT_EQ(heard, " a=1 c=3 -");
  calling = {};
  EXPECT(gone.wait(1));
  EXPECT_THROWS(NATS_ERR_INVALID_NAME, b.kv.watch(R"({"keys":["a b"]})"));
}

TEST("kv-32", "a watch of a bucket that is deleted ends, and a new one is refused") {
  Shelf b;
  nats::KvWatcher watcher = b.kv.watch();
  EXPECT_EQ(told(watcher), "-");
  b.js.run(nats_kv_bucket_delete, named);
  EXPECT_EQ(watcher.try_next(patience).code(), NATS_ERR_BUCKET_NOT_FOUND);
  EXPECT_THROWS(NATS_ERR_BUCKET_NOT_FOUND, b.kv.watch());
}

TEST("kv-33", "a watch that is stopped tells nothing more") {
  Shelf b;
  nats::KvWatcher watcher = b.kv.watch();
  EXPECT_EQ(told(watcher), "-");
  watcher.stop();
  EXPECT_EQ(end_of(watcher.subscription()), NATS_ERR_SUBSCRIPTION_CLOSED);
}

TEST("kv-34", "keys that have values are listed, all or filtered") {
  Shelf b;
  EXPECT(b.kv.keys().empty());
  for (const char *key : {"eu.1", "eu.2", "us.1"}) b.kv.put(key, "x");
  b.kv.delete_key("eu.2");
  EXPECT_EQ(joined(b.kv.keys()), " eu.1 us.1");
  EXPECT_EQ(joined(b.kv.keys(R"({"keys":["us.*"]})")), " us.1");
}

TEST("kv-35", "the history of a key has all its values and markers in order") {
  Shelf b;
  EXPECT(b.kv.history("a").empty());
  b.kv.put("a", "1");
  b.kv.put("a", "2");
  b.kv.delete_key("a");
  EXPECT_EQ(in_short(b.kv.history("a")), " a=1 a=2 a deleted");
}

TEST("kv-39", "codecs of the program's own; what they have not made is refused or left out") {
  Shelf b;
  Latch gone;
  auto mapped = [](int (*map)(int)) {
    return [map](nats::bytes_view key) {
      std::string made;
      for (std::uint8_t c : key) made += static_cast<char>(map(c));
      return std::optional<std::string>(made);
    };
  };
  nats::KvCodecs codecs;
  codecs.encode_key = mapped(toupper);
  codecs.decode_key = mapped(tolower);
  codecs.encode_value = [held = canary(gone)](nats::bytes_view value) {
    return std::optional<std::string>("!" + value.str());
  };
  codecs.decode_value = [](nats::bytes_view value) {
    bool is_own = !value.empty() && value[0] == '!';
    return is_own ? std::optional<std::string>(value.str().substr(1)) : std::nullopt;
  };
  nats::KeyValue kv = b.kv.with_codecs(codecs);
  kv.put("a", "1");
  EXPECT_EQ(in_short(b.kv.get("A")), "A=!1");
  EXPECT_EQ(in_short(kv.get("a")), "a=1");
  b.kv.put("B", "2");
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, kv.get("b"));
  nats::KvWatcher watcher = kv.watch();
  EXPECT_EQ(told(watcher), "a=1");
  EXPECT_EQ(told(watcher), "-");
  EXPECT_THROWS(NATS_ERR_UNSUPPORTED, kv.watch(R"({"keys":["a.*"]})"));
  codecs = {};
  codecs.encode_key = mapped(toupper);
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, b.kv.with_codecs(std::move(codecs)));
  EXPECT_EQ(gone.count(), 0);
  kv = {};
  watcher = {};
  EXPECT(gone.wait(1));
}

TEST("kv-40", "a cache answers without asking, follows the bucket, and waits for a revision") {
  Shelf b;
  b.kv.put("eu.1", "one");
  b.kv.put("us.1", "two");
  nats::KvCache cache = b.kv.cache(R"({"keys":["eu.>"]})");
  EXPECT_EQ(in_short(cache.get("eu.1")), "eu.1=one");
  EXPECT_THROWS(NATS_ERR_KEY_NOT_FOUND, cache.get("us.1"));
  EXPECT_EQ(joined(cache.keys()), " eu.1");
  cache.wait(b.kv.put("eu.1", "three"), patience);
  EXPECT_EQ(in_short(cache.get("eu.1")), "eu.1=three");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, cache.wait(1000, 1ms));
}

TEST("cpp-kv-01", "a bucket on a queue") {
  Shelf b;
  nats::Queue queue;
  std::string done;
  auto number = [&](nats::Result<std::uint64_t> revision) {
    done += " " + (revision ? std::to_string(*revision) : std::string(revision.error().name()));
  };
  auto wait_for = [&](std::string_view expected) {
    if (!poll_until(queue, [&] { return done == expected; })) throw Failure{done};
    done.clear();
  };
  b.kv.put_async(queue, "a", "1", number);
  wait_for(" 1");
  b.kv.create_async(queue, "a", "2", number);
  wait_for(" KEY_EXISTS");
  b.kv.delete_key_async(queue, "a", number);
  wait_for(" 2");
  b.kv.purge_key_async(queue, "a", number);
  wait_for(" 3");
  b.kv.put("a", "4");
  b.kv.put("a", "5");
  auto entry = [&](nats::Result<nats::KvEntry> got) {
    done += " " + (got ? in_short(*got) : std::string(got.error().name()));
  };
  b.kv.get_async(queue, "a", entry);
  wait_for(" a=5");
  b.kv.get_async(queue, "none", entry);
  wait_for(" KEY_NOT_FOUND");
  b.kv.get_revision_async(queue, "a", 4, entry);
  wait_for(" a=4");
  b.kv.keys_async(queue, [&](auto keys) { done = joined(*keys); });
  wait_for(" a");
  auto entries = [&](nats::Result<std::vector<nats::KvEntry>> got) {
    done = got ? in_short(*got) : std::string(got.error().name());
  };
  b.kv.history_async(queue, "a", entries);
  wait_for(" a purged a=4 a=5");
  if (b.kv.try_get_many_async(queue, {"none", "a"}, entries)) wait_for(" a=5");
  b.kv.cache_async(queue, [&](nats::Result<nats::KvCache> cache) {
    done = in_short(cache->get("a"));
  });
  wait_for("a=5");
  nats::KeyValue::bind_async(queue, b.js, "b", [&](nats::Result<nats::KeyValue> kv) {
    done = in_short(kv->get("a"));
  });
  wait_for("a=5");
  EXPECT_THROWS(NATS_ERR_INVALID_NAME, b.kv.put_async(queue, "a b", "", number));
}
