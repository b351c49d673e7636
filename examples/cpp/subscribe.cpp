// Prints the next three messages on updates.>: subscribe [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::Subscription sub = nc.subscribe("updates.>", R"({"max_messages":3})");
  nc.flush();
  std::cout << "subscribed" << std::endl;

  // The form without exceptions: the end of a subscription is nothing exceptional.
  nats::Result<nats::Message> msg = sub.try_next(std::chrono::minutes(1));
  for (; msg.ok(); msg = sub.try_next(std::chrono::minutes(1))) {
    std::cout << msg->subject() << ": " << msg->payload().text() << '\n';
  }
  if (msg.code() != NATS_ERR_SUBSCRIPTION_ENDED) throw msg.error();
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
