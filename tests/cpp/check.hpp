/// The rig of the C++ suite: TEST registers a test, the EXPECT family throws on failure.
///
/// An expectation may fail on any thread: what leaves a callback fails the running test by the
/// exception handler, what leaves a task of `std::async` comes out of its future.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <functional>
#include <nats_ffi.hpp>
#include <string>
#include <vector>

namespace check {

using namespace std::chrono_literals;

/// How long to wait for what must come.
constexpr std::chrono::milliseconds patience = 20s;

/// An expectation that was not met.
struct Failure {
  std::string text;
};

/// One test: what it proves, by its id.
struct Test {
  const char *id, *title;
  void (*run)();
};

/// A program of its own, run by `run_child` in a fresh process.
struct Child {
  const char *name;
  int (*run)(const char *argument);
};

std::vector<Test> &tests();
std::vector<Child> &children();

template <class Entry>
struct Registration {
  Registration(std::vector<Entry> &all, Entry entry) { all.push_back(entry); }
};

/// Fails the running test without ending it, from any thread.
void note_failure(const std::string &text);

/// Has exceptions that leave callbacks fail the running test.
void catch_exceptions();

/// Ends the test, or the task or callback, that finds this.
[[noreturn]] void fail(const char *file, int line, std::string_view text);
[[noreturn]] void fail_equal(const char *file, int line, const char *what, std::string_view got,
                             std::string_view expected);

/// Fails unless `part` is in `text`, or with `wanted` false: unless it is not.
void expect_part(bool wanted, std::string_view text, std::string_view part, const char *file,
                 int line);

/// A number or a text as it is shown.
template <class T>
std::string shown(const T &value) {
  if constexpr (std::is_convertible_v<T, std::string_view>) {
    return std::string(std::string_view(value));
  } else {
    return std::to_string(value);
  }
}

template <class A, class B>
void expect_equal(const A &got, const B &expected, const char *what, const char *file, int line) {
  if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
    if (static_cast<long long>(got) == static_cast<long long>(expected)) return;
  } else {
    if (got == expected) return;
  }
  fail_equal(file, line, what, shown(got), shown(expected));
}

/// Runs the code, which must throw nats::Error; returns the error's code.
template <class Code>
nats_status thrown(Code &&code) {
  try {
    code();
  } catch (const nats::Error &error) {
    if (error.text().empty()) throw Failure{"an error without a text"};
    return error.code();
  }
  return NATS_OK;
}

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)

#define TEST(id, title)                                                            \
  static void CHECK_JOIN(test_at_, __LINE__)();                                    \
  static const check::Registration<check::Test> CHECK_JOIN(entry_at_, __LINE__)(   \
      check::tests(), {id, title, CHECK_JOIN(test_at_, __LINE__)});                \
  static void CHECK_JOIN(test_at_, __LINE__)()

#define CHILD(name)                                                                \
  static int child_##name(const char *argument);                                   \
  static const check::Registration<check::Child> entry_##name(check::children(),   \
                                                              {#name, child_##name}); \
  static int child_##name([[maybe_unused]] const char *argument)

#define EXPECT(condition) \
  ((condition) ? (void)0 : check::fail(__FILE__, __LINE__, "expected " #condition))
#define EXPECT_EQ(got, expected) check::expect_equal(got, expected, #got, __FILE__, __LINE__)
#define EXPECT_HAS(text, part) check::expect_part(true, text, part, __FILE__, __LINE__)
#define EXPECT_LACKS(text, part) check::expect_part(false, text, part, __FILE__, __LINE__)
#define EXPECT_THROWS(code, ...) EXPECT_EQ(check::thrown([&] { __VA_ARGS__; }), code)

#endif
