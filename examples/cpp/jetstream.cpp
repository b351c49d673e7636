// Stores ten messages in a stream, takes them from it and acknowledges them: jetstream [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

static void show(const nats::Message &msg) {
  std::cout << "got " << msg.subject() << ": " << msg.payload().text() << " (sequence "
            << msg.metadata().stream_sequence << ")\n";
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::JetStream js(nc);
  js.run(nats_stream_create, R"({"name":"ORDERS","subjects":["orders.>"],"storage":"memory"})");
  js.run(nats_consumer_create, R"({"stream":"ORDERS","config":{"durable_name":"worker"}})");

  for (int number = 1; number <= 10; ++number) {
    nats::PubAck ack = js.publish("orders.new", "order " + std::to_string(number));
    std::cout << "stored " << number << " as " << ack.sequence << '\n';
  }

  // Five first, then what is left.
  for (const nats::Message &msg : js.fetch("ORDERS", "worker", 5)) {
    show(msg);
    msg.ack();
  }
  for (const nats::Message &msg : js.fetch("ORDERS", "worker", 10, R"({"no_wait":true})")) {
    show(msg);
    msg.ack();
  }

  js.run(nats_stream_delete, R"({"stream":"ORDERS"})");
  std::cout << "stream deleted\n";
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
