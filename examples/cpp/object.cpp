// Puts objects into a bucket and gets them, whole, in part and by files: object [URL]
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

static void show(std::uint64_t bytes, std::uint64_t total) {
  std::cout << bytes << " of " << total << " bytes\n";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::JetStream js(nc);
  js.run(nats_object_store_create, R"({"bucket":"FILES","storage":"memory"})");
  nats::ObjectStore store(js, "FILES");

  nats::Doc info = store.put("letter", "Dear all, hello!", R"({"description":"a letter"})");
  std::cout << info.get_str("name") << ": " << info.get_int("size") << " bytes, "
            << info.get_str("digest") << '\n';
  std::cout << store.get_string("letter") << '\n';
  std::cout << store.get_string("letter", R"({"offset":10,"length":5})") << '\n';

  std::ofstream("object.txt") << std::string(200000, 'x');
  store.put_file("large", "object.txt", show);
  store.get_file("large", "object.txt", show);
  std::remove("object.txt");

  js.run(nats_object_add_link, R"({"bucket":"FILES","name":"link","to":"letter"})");
  std::cout << "by the link: " << store.get_string("link") << '\n';

  js.run(nats_object_delete, R"({"bucket":"FILES","name":"large"})");
  nats::Doc list = js.run(nats_object_list, R"({"bucket":"FILES"})");
  for (std::size_t i = 0; i < list.size("objects"); ++i) {
    std::cout << "there is " << list.get_str("objects." + std::to_string(i) + ".name") << '\n';
  }
  js.run(nats_object_store_delete, R"({"bucket":"FILES"})");
  std::cout << "bucket deleted\n";
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
