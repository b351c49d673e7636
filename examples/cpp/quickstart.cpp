#include <iostream>
#include <nats_ffi.hpp>
int main(int argc, char **argv) {
  auto nc = nats::connect(argc > 1 ? argv[1] : "nats://127.0.0.1:4222");
  auto sub = nc.subscribe("greet.*");
  nc.publish("greet.joe", "hello");
  auto msg = sub.next(std::chrono::seconds(2));
  std::cout << msg.subject() << ": " << msg.payload().text() << '\n';
  nc.drain();
}
