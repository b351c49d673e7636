// The library as a part of a process: fork, exit, many connections, idle ones.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "support.hpp"

using namespace check;

// In the child of a fork: what is inherited is FORKED, what is made there works.
static int in_the_child(const nats::Connection &nc, const nats::Subscription &sub,
                        nats::Queue &queue) {
  if (nc.try_publish("a", "").code() != NATS_ERR_FORKED) return 10;
  if (sub.try_next(0ms).code() != NATS_ERR_FORKED) return 11;
  if (queue.try_poll(0ms).code() != NATS_ERR_FORKED) return 12;
  if (nc.try_close().code() != NATS_ERR_FORKED) return 13;
  try {
    nats::Connection own = dial();
    nats::Subscription listening = own.subscribe("cpp.fork");
    own.publish("cpp.fork", "from the child");
    if (next_text(listening) != "from the child") return 14;
    own.drain(patience);
  } catch (const nats::Error &error) {
    std::cerr << "  in the child: " << error.what() << std::endl;
    return 15;
  }
  return 0;
}

TEST("process-01", "after fork the child gets FORKED and can open its own; the parent goes on") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.fork.parent");
  nats::Queue queue;
  pid_t pid = fork();
  if (pid == 0) _exit(in_the_child(nc, sub, queue));
  EXPECT(pid > 0);
  EXPECT_EQ(child_exit(pid), 0);
  nc.publish("cpp.fork.parent", "still here");
  EXPECT_EQ(next_text(sub), "still here");
}

static void ignore(const nats::Message &) {}

CHILD(exit_with_connection) {
  static nats::Connection nc = dial(argument);
  static nats::Subscription sub = nc.subscribe("cpp.exit.>", ignore);
  for (int i = 0; i < 1000; ++i) nc.publish("cpp.exit.x", "x");
  std::exit(7);  // with callbacks under way, and handles that static destructors free
}

CHILD(exit_with_leaked_connection) {
  static auto *nc = new nats::Connection(dial(argument));
  static auto *sub = new nats::Subscription(nc->subscribe("cpp.exit.>", ignore));
  for (int i = 0; i < 1000; ++i) nc->publish("cpp.exit.x", "x");
  std::exit(sub ? 7 : 8);  // with everything alive
}

TEST("process-02", "a process may exit with a live connection, and its exit code counts") {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run_child("exit_with_connection", plain_server().url()), 7);
    EXPECT_EQ(run_child("exit_with_leaked_connection", plain_server().url()), 7);
  }
}

// AddressSanitizer keeps what was freed: only the run without it can measure memory.
#ifndef __SANITIZE_ADDRESS__

static void connect_and_close(const char *url, int times) {
  for (int i = 0; i < times; ++i) {
    nats::Connection nc = dial(url);
    nats::Subscription sub = nc.subscribe("cpp.cycle", ignore);
    nc.close();
  }
}

// Has many callbacks wait at once, so that the delivery threads that stay are all there.
static void fill_pool(const char *url) {
  constexpr int callbacks = 16;
  Latch entered, opened;
  nats::Connection nc = dial(url);
  std::vector<nats::Subscription> subs;
  for (int i = 0; i < callbacks; ++i) {
    subs.push_back(nc.subscribe("cpp.pool", [&](const nats::Message &) {
      entered.add();
      opened.wait(1);
    }));
  }
  nc.publish("cpp.pool", "x");
  EXPECT(entered.wait(callbacks));
  opened.add();
  nc.drain(patience);
}

CHILD(cycle) {
  fill_pool(argument);
  connect_and_close(argument, 1000);
  Held before = Held::now();
  connect_and_close(argument, 10000);
  Held after = Held::now();
  std::cerr << "  descriptors " << before.descriptors << ", " << after.descriptors << "; threads "
            << before.threads << ", " << after.threads << "; kB " << before.resident << ", "
            << after.resident << std::endl;
  if (after.descriptors > before.descriptors + 4) return 3;
  // On a loaded machine the pool may have added a few threads, which end once they are idle.
  if (after.threads > before.threads + 4) return 4;
  return after.resident > before.resident + 2 * 1024 ? 5 : 0;
}

TEST("process-03", "10,000 connects and closes leave descriptors, threads and memory as before") {
  EXPECT_EQ(run_child("cycle", plain_server().url()), 0);
}

#endif

static std::chrono::microseconds cpu_time() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto of = [](timeval time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

CHILD(idle) {
  std::vector<nats::Connection> connections;
  std::vector<nats::Subscription> subs;
  int threads = 0;
  for (int i = 0; i <= 50; ++i) {
    connections.push_back(dial(argument));
    subs.push_back(connections.back().subscribe("cpp.idle"));
    connections.back().flush(patience);
    if (i == 0) threads = Held::now().threads;
  }
  if (Held::now().threads > threads) return 4;
  std::chrono::microseconds before = cpu_time();
  poll(nullptr, 0, 1000);  // idleness itself is what is measured here
  return cpu_time() - before > 50ms ? 5 : 0;
}

TEST("process-04", "idle connections have no threads of their own and use no CPU") {
  EXPECT_EQ(run_child("idle", plain_server().url()), 0);
}

CHILD(shutdown_and_again) {
  nats::library_init(3);
  for (int i = 0; i < 3; ++i) {
    nats::Connection nc = dial(argument);
    if (nats::try_library_init(1).code() != NATS_ERR_INVALID_ARGUMENT) return 3;
    nats::library_shutdown(patience);
    if (nc.try_publish("a", "x").code() != NATS_ERR_CONNECTION_CLOSED) return 5;
  }
  return nats_library_handles() == 0 ? 0 : 6;
}

TEST("cpp-process-01", "shutdown closes everything, and the library starts afresh") {
  EXPECT_EQ(run_child("shutdown_and_again", plain_server().url()), 0);
}
