// Uses the installed library from C++: connects to NATS_URL, publishes, and gets it back.
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

int main() try {
  nats::Connection nc = nats::connect(std::getenv("NATS_URL"));
  nats::Subscription sub = nc.subscribe("installed.cpp");
  nc.publish("installed.cpp", "works");
  bool same = sub.next(std::chrono::seconds(5)).payload() == nats::bytes_view("works");
  nc.drain(std::chrono::seconds(5));
  std::cout << (same ? "received" : "received something else") << '\n';
  return same ? 0 : 1;
} catch (const std::exception &error) {
  std::cerr << "consumer: " << error.what() << '\n';
  return 1;
}
