// The rig of the C++ suite: TEST("name") { ... } registers a test, EXPECT throws on failure.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mutex>
#include <nats_ffi.hpp>
#include <sstream>
#include <vector>

namespace check {

using namespace std::chrono_literals;

constexpr auto patience = std::chrono::seconds(20);

struct Failure {
  std::string text;
};

struct Test {
  const char *name;
  void (*run)();
};

inline std::vector<Test> &tests() {
  static std::vector<Test> all;
  return all;
}

struct Registration {
  Registration(const char *name, void (*run)()) { tests().push_back({name, run}); }
};

template <class A, class B>
void equal(const A &got, const B &expected, const char *what, const char *file, int line) {
  if (got == expected) return;
  std::ostringstream text;
  text << file << ":" << line << ": " << what << " is " << got << ", expected " << expected;
  throw Failure{text.str()};
}

inline void truth(bool condition, const char *what, const char *file, int line) {
  if (!condition) throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + what};
}

// Runs the code, which must throw nats::Error; returns the error's code.
template <class Code>
nats_status thrown(Code &&code) {
  try {
    code();
  } catch (const nats::Error &error) {
    return error.code();
  }
  return NATS_OK;
}

// Counts on one thread, waits on another.
class Latch {
 public:
  void add() {
    std::lock_guard<std::mutex> held(lock_);
    ++count_;
    changed_.notify_all();
  }
  bool wait(int count) {
    std::unique_lock<std::mutex> held(lock_);
    return changed_.wait_for(held, patience, [&] { return count_ >= count; });
  }
  int count() {
    std::lock_guard<std::mutex> held(lock_);
    return count_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  int count_ = 0;
};

// A connection to the server of the suite.
inline nats::Connection dial() { return nats::connect(std::getenv("NATS_URL")); }

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)
#define TEST(name)                                                                         \
  static void CHECK_JOIN(test_at_, __LINE__)();                                            \
  static check::Registration CHECK_JOIN(entry_at_, __LINE__)(name,                         \
                                                             CHECK_JOIN(test_at_, __LINE__)); \
  static void CHECK_JOIN(test_at_, __LINE__)()

#define EXPECT(condition) check::truth(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#define EXPECT_EQ(got, expected) check::equal(got, expected, #got, __FILE__, __LINE__)
#define EXPECT_THROWS(code, ...) EXPECT_EQ(check::thrown([&] { __VA_ARGS__; }), code)

#endif
