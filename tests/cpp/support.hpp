/// What the tests of the C++ suite share: latches, events, connections, processes.
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <sys/types.h>

#include <array>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>

#include "check.hpp"
#include "remote.hpp"

namespace check {

/// Counts on one thread, waits on another.
class Latch {
 public:
  void add();
  bool wait(int count);
  int count();

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  int count_ = 0;
};

/// The time since it was made.
class Timer {
 public:
  std::chrono::nanoseconds elapsed() const { return Clock::now() - start_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// The events of one connection.
class Events {
 public:
  /// Connects and gathers what happens to the connection.
  nats::Connection dial(std::string_view url, std::string_view options = {});

  /// The same with options that exist, which keep the event callable.
  nats::Connection dial_with(std::string_view url, nats::Options &options);

  /// Waits until this kind of event has come so many times.
  bool wait(nats_connection_event kind, int count = 1);
  int count(nats_connection_event kind);

  /// The details of the latest event of this kind, as JSON.
  std::string last(nats_connection_event kind);

  /// The kinds of all events, in order.
  std::vector<int> order();

  /// Waits until the connection has let go of its event callable: nothing comes any more.
  bool wait_gone();

 private:
  struct State {
    std::mutex lock;
    std::condition_variable changed;
    std::vector<int> order;
    std::array<std::string, 32> last;
    bool gone = false;

    template <class Done>
    bool wait(Done &&done);
  };

  static int count_of(const State &state, int kind);

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Of the configuration "users": may use public.> and inboxes only.
constexpr const char *limited_user = R"({"user":"bob","password":"secret"})";

/// A connection to the plain server that all tests share, or to `url`.
nats::Connection dial();
nats::Connection dial(std::string_view url, std::string_view options = {});

/// The connection sends itself a message.
void works(const nats::Connection &nc);

/// The connect must fail with this code; what the error says.
std::string refused(std::string_view url, std::string_view options, nats_status code);
std::string refused_with(std::string_view url, const nats::Options &options, nats_status code);

/// Options with these texts, for example {{"tls_ca", pem}}, beside the members of `json`.
nats::Options options_of(
    std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
    std::string_view json = "{}");

/// The content of a file.
std::string file_text(const std::string &path);

/// A new file, deleted with the object.
class File {
 public:
  explicit File(std::string_view text);
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File();
  const std::string &path() const { return path_; }

 private:
  std::string path_ = "/tmp/nats-ffi-cpp-XXXXXX";
};

/// Counts its end; held by callables that are to be destroyed.
std::shared_ptr<void> canary(Latch &gone);

/// A callable that answers with what it gets.
inline const auto echo = [](const nats::Message &msg) { msg.respond(msg.payload()); };

/// The payload of the next message.
std::string next_text(const nats::Subscription &sub);

/// Why an ended subscription has ended, once nothing is left.
nats_status end_of(const nats::Subscription &sub);

/// Runs code on a thread of its own; what it throws comes out of the future.
template <class Code>
auto background(Code &&code) {
  return std::async(std::launch::async, std::forward<Code>(code));
}

/// Polls until the condition holds or patience ends.
template <class Done>
bool poll_until(nats::Queue &queue, Done &&done) {
  for (Timer timer; !done() && timer.elapsed() < patience;) queue.poll(100ms);
  return done();
}

/// Runs CHILD(name) with one argument in a fresh process; its exit status, or 128 + signal.
int run_child(const char *name, std::string_view argument);

/// Waits for a forked child: the same.
int child_exit(pid_t pid);

/// What this process holds; memory in kB.
struct Held {
  int descriptors, threads;
  long resident;
  static Held now();
};

}  // namespace check

#endif
