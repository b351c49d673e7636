// Asks the service of reply.cpp and prints the answer: request [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  // With nobody listening this throws at once, with the code NATS_ERR_NO_RESPONDERS.
  nats::Message answer = nc.request("service.upper", "hello", std::chrono::seconds(2));
  std::cout << answer.payload().text() << '\n';
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
