// Two members of a queue group share the work, each job going to one of them: queue_group [URL]
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

int main(int argc, char **argv) try {
  std::atomic<int> first{0}, second{0};
  nats::Connection nc = nats::connect(server(argc, argv));
  const char *options = R"({"queue":"workers"})";
  auto one = nc.subscribe("jobs.*", [&](const nats::Message &) { ++first; }, options);
  auto two = nc.subscribe("jobs.*", [&](const nats::Message &) { ++second; }, options);
  for (int job = 0; job < 100; ++job) nc.publish("jobs.clean", "");

  // When the drain returns, everything that was published has been handled.
  nc.flush();
  nc.drain(std::chrono::seconds(5));
  std::cout << "first: " << first << ", second: " << second << ", together: " << first + second
            << '\n';
  return first + second == 100 ? 0 : 1;
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
