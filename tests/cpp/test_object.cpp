// Objects: put and got as a whole, in pieces and by files, watched, and what goes wrong with them.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support.hpp"

using namespace check;

namespace {

/// A server with the bucket b in memory.
struct Bucket {
  Remote server = Remote::server("jetstream");
  nats::Connection nc = dial(server.url());
  nats::JetStream js{nc};
  nats::ObjectStore store = made();

  nats::ObjectStore made() const {
    js.run(nats_object_store_create, R"({"bucket":"b","storage":"memory"})");
    return nats::ObjectStore(js, "b");
  }

  nats::Doc info(const std::string &name) const {
    return js.run(nats_object_info, R"({"bucket":"b","name":")" + name + "\"}");
  }

  std::int64_t kept() const {
    return js.run(nats_object_store_status, R"({"bucket":"b"})").get_int("stream.state.messages");
  }

  /// What was not finished is gone, and so many messages are left.
  void settles(std::int64_t messages) const {
    for (Timer timer; kept() != messages;) EXPECT(timer.elapsed() < patience);
  }
};

std::string content(std::size_t size) {
  std::string bytes(size, 0);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 31) ^ (i >> 8));
  return bytes;
}

std::string chunked(int size) {
  return R"({"options":{"max_chunk_size":)" + std::to_string(size) + "}}";
}

/// A new folder, deleted with the object.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("nats-ffi-objects-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char *name) const { return (path / name).string(); }
};

}  // namespace

TEST("object-06", "every size, written in pieces of every size, comes back") {
  Bucket at;
  for (std::size_t size : {0, 1, 99, 100, 101, 250}) {
    std::string bytes = content(size);
    for (std::size_t piece : {1, 37, 100, 250}) {
      nats::ObjectWriter writer = at.store.writer("x", chunked(100));
      for (std::size_t done = 0; done < size; done += piece) {
        writer << std::string_view(bytes).substr(done, piece);
      }
      nats::Doc info = writer.finish();
      EXPECT_EQ(info.get_int("size"), static_cast<std::int64_t>(size));
      EXPECT_EQ(info.get_int("chunks"), static_cast<std::int64_t>((size + 99) / 100));
      EXPECT(at.store.get_string("x") == bytes);
    }
  }
}

TEST("object-07", "bytes and texts are put and got as a whole") {
  Bucket at;
  EXPECT_EQ(at.store.put("text", "a text").get_int("options.max_chunk_size"), 128 << 10);
  EXPECT_EQ(at.store.get_string("text"), "a text");
  std::vector<std::uint8_t> bytes = {0, 1, 255};
  at.store.put("bytes", bytes);
  EXPECT(at.store.get_bytes("bytes") == bytes);
  nats::Queue queue;
  std::string got;
  at.store.put_async(queue, "later", "later", [&](nats::Result<nats::Doc> put) {
    put.value();
    at.store.get_async(queue, "later", [&](nats::Result<nats::Message> message) {
      got = message.value().payload().str();
    });
  });
  EXPECT(poll_until(queue, [&] { return !got.empty(); }));
  EXPECT_EQ(got, "later");
  EXPECT_EQ(nats::ObjectStore().try_put("x", "y").code(), NATS_ERR_INVALID_HANDLE);
  EXPECT_EQ(nats::ObjectStore::try_bind(at.js, "none").code(), NATS_ERR_BUCKET_NOT_FOUND);
}

TEST("object-08", "what is told of an object is as ADR-20 has it") {
  Bucket at;
  at.store.put("x", "abc", R"({"description":"letters","headers":{"Kind":["a","b"]}})");
  nats::Doc info = at.info("x");
  EXPECT_EQ(info.get_str("description"), "letters");
  EXPECT_EQ(info.get_str("headers.Kind.1"), "b");
  EXPECT_EQ(info.get_str("digest"), "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
  EXPECT_EQ(at.js.try_run(nats_object_info, R"({"bucket":"b","name":"y"})").code(),
            NATS_ERR_OBJECT_NOT_FOUND);
}

TEST("object-15", "a link leads to an object of its bucket or of another one") {
  Bucket at;
  at.store.put("near", "near");
  at.js.run(nats_object_add_link, R"({"bucket":"b","name":"link","to":"near"})");
  EXPECT_EQ(at.store.get_string("link"), "near");
  EXPECT_EQ(at.store.reader("link").info().get_str("name"), "near");
  at.js.run(nats_object_store_create, R"({"bucket":"other","storage":"memory"})");
  nats::ObjectStore(at.js, "other").put("far", "far");
  at.js.run(nats_object_add_link,
            R"({"bucket":"b","name":"link","to":"far","to_bucket":"other"})");
  EXPECT_EQ(at.store.get_string("link"), "far");
  at.js.run(nats_object_delete, R"({"bucket":"b","name":"link"})");
  EXPECT_THROWS(NATS_ERR_OBJECT_NOT_FOUND, at.store.get("link"));
  EXPECT_EQ(nats::ObjectStore(at.js, "other").get_string("far"), "far");
}

TEST("object-18", "a put that expects a revision puts nothing over any other") {
  Bucket at;
  at.store.put("x", "1", {}, R"({"previous":0})");
  EXPECT_THROWS(NATS_ERR_WRONG_LAST_SEQUENCE, at.store.put("x", "2", {}, R"({"previous":0})"));
  std::string expecting =
      R"({"previous":)" + std::to_string(at.info("x").get_int("revision")) + "}";
  nats::ObjectWriter writer = at.store.writer("x", {}, expecting);
  writer.write("late");
  at.store.put("x", "3", {}, expecting);
  EXPECT_THROWS(NATS_ERR_WRONG_LAST_SEQUENCE, writer.finish());
  EXPECT_EQ(at.store.get_string("x"), "3");
  at.settles(2);
}

TEST("object-20", "a watch tells what there is, that this was all, and what is done") {
  Bucket at;
  at.store.put("x", "1");
  nats::Subscription sub = at.store.watch();
  auto told = [&] { return at.store.read(sub.next(patience)); };
  EXPECT_EQ(told()->get_str("name"), "x");
  EXPECT(!told());
  at.store.put("y", "1");
  at.js.run(nats_object_delete, R"({"bucket":"b","name":"x"})");
  EXPECT_EQ(told()->get_str("name"), "y");
  EXPECT(told()->get_bool("deleted"));
  nats::Subscription empty = at.store.watch(R"({"updates_only":true})");
  EXPECT(!at.store.read(empty.next(patience)));
}

TEST("object-25", "every range of an object is read as it was put") {
  Bucket at;
  std::string bytes = content(95);
  at.store.put("x", bytes, chunked(10));
  for (int offset : {0, 1, 9, 10, 50, 94, 95}) {
    for (int length : {0, 1, 10, 31, 1000}) {
      std::string range = R"({"offset":)" + std::to_string(offset) + R"(,"length":)" +
                          std::to_string(length) + "}";
      EXPECT(at.store.get_string("x", range) == bytes.substr(offset, length));
    }
  }
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, at.store.get("x", R"({"offset":96})"));
}

TEST("object-28", "objects are read in pieces of any size, to an end that stays") {
  Bucket at;
  std::string bytes = content(100500), got;
  at.store.put("x", bytes, chunked(1000));
  nats::ObjectReader reader = at.store.reader("x");
  for (nats::bytes_view chunk : reader.chunks()) got += chunk.text();
  EXPECT(got == bytes);
  reader = at.store.reader("x");
  std::vector<char> buffer(700);
  got.clear();
  while (std::size_t count = reader.read(buffer.data(), buffer.size())) {
    got.append(buffer.data(), count);
  }
  EXPECT(got == bytes);
  EXPECT_EQ(reader.read(buffer.data(), buffer.size()), 0u);
  EXPECT(!reader.next());
}

TEST("object-29", "whoever puts and gets files is told of the bytes so far and of all") {
  Bucket at;
  Folder folder;
  std::ofstream(folder / "source", std::ios::binary) << content(300000);
  using Told = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const Told expected = {{131072, 300000}, {262144, 300000}, {300000, 300000}};
  Told up, down;
  at.store.put_file("x", folder / "source",
                    [&](std::uint64_t bytes, std::uint64_t all) { up.emplace_back(bytes, all); });
  at.store.get_file("x", folder / "target",
                    [&](std::uint64_t bytes, std::uint64_t all) { down.emplace_back(bytes, all); });
  EXPECT(up == expected);
  EXPECT(down == expected);
}

TEST("object-30", "a file is put, and got in the place of the one that was there") {
  Bucket at;
  Folder folder;
  std::string bytes = content(300000);
  std::ofstream(folder / "source", std::ios::binary) << bytes;
  std::ofstream(folder / "target", std::ios::binary) << "old";
  at.store.put_file("x", folder / "source");
  at.store.get_file("x", folder / "target");
  EXPECT(file_text(folder / "target") == bytes);
  EXPECT_THROWS(NATS_ERR_IO, at.store.put_file("y", folder / "none"));
  EXPECT_THROWS(NATS_ERR_IO, at.store.get_file("x", folder / "none/target"));
  EXPECT_THROWS(NATS_ERR_IO, at.store.get_file("x", folder.path.string()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 2);
}

TEST("object-35", "an object is out of sight until it is finished") {
  Bucket at;
  at.store.put("x", "old");
  nats::ObjectWriter writer = at.store.writer("x", chunked(2));
  writer.write("new", 3);
  EXPECT_EQ(at.store.get_string("x"), "old");
  writer.finish();
  EXPECT_EQ(at.store.get_string("x"), "new");
  EXPECT_EQ(at.kept(), 3);
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, writer.finish());
}

TEST("object-36", "a put that is given up leaves nothing, and what was there stays") {
  Bucket at;
  at.store.put("x", "old");
  nats::ObjectWriter writer = at.store.writer("x", chunked(1000));
  writer.write(content(100500));
  writer.abort();
  EXPECT_EQ(at.kept(), 2);
  writer = at.store.writer("x", chunked(1000));
  writer.write(content(100500));
  writer = {};
  at.settles(2);
  EXPECT_EQ(at.store.get_string("x"), "old");
}
