// Keeps settings in a bucket: put, got, watched, listed and deleted: kv [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

using namespace std::chrono_literals;

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

static void show(const char *how, const nats::KvEntry &entry) {
  std::cout << how << ": ";
  if (entry.is_caught_up()) {
    std::cout << "this was all\n";
  } else if (entry.is_put()) {
    std::cout << entry.key << " is " << entry.value.text() << " (revision " << entry.revision
              << ")\n";
  } else {
    std::cout << entry.key << " is deleted\n";
  }
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::JetStream js(nc);
  js.run(nats_kv_bucket_create, R"({"bucket":"settings","storage":"memory","history":5})");
  nats::KeyValue kv(js, "settings");

  std::uint64_t revision = kv.put("color", "red");
  show("got", kv.get("color"));
  std::cout << "create: " << kv.try_create("color", "blue").error().name() << '\n';

  nats::KvWatcher watcher = kv.watch();
  show("watched", watcher.next(10s));
  show("watched", watcher.next(10s));
  // Only while nobody else has changed it.
  kv.update("color", "green", revision);
  show("watched", watcher.next(10s));
  watcher.stop();

  kv.put("size", "large");
  std::cout << "keys:";
  for (const std::string &key : kv.keys()) std::cout << ' ' << key;
  std::cout << '\n';

  kv.delete_key("color");
  for (const nats::KvEntry &entry : kv.history("color")) show("history", entry);

  js.run(nats_kv_bucket_delete, R"({"bucket":"settings"})");
  std::cout << "bucket deleted\n";
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
