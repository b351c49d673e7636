// Sends a message with headers and prints what arrives: headers [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::Subscription sub = nc.subscribe("orders.new");

  // A name may come more than once; order and case are kept.
  nats::Headers headers{{"Trace-Id", "4711"}, {"Tag", "express"}};
  headers.append("Tag", "gift");
  nc.publish_msg("orders.new", "", &headers, "a book");

  nats::Message msg = sub.next(std::chrono::seconds(2));
  for (const auto &[name, value] : msg.headers()) std::cout << name << ": " << value << '\n';
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
