// Publishes three messages and waits until the server has them: publish [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  for (const char *update : {"one", "two", "three"}) nc.publish("updates.count", update);
  // A publish returns when the message is buffered; a drain when the server has everything.
  nc.drain(std::chrono::seconds(5));
  std::cout << "published 3 messages\n";
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
