// Runs the tests whose ids begin with one of the arguments, or all, and prints "ok ID - title" or
// "not ok ID - title" for each and "N passed, N failed". `--child NAME ARGUMENT` runs a CHILD.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <thread>

#include "support.hpp"

namespace check {

std::vector<Test> &tests() {
  static std::vector<Test> all;
  return all;
}

std::vector<Child> &children() {
  static std::vector<Child> all;
  return all;
}

namespace {

std::mutex failures_lock;
std::vector<std::string> failures;
const char *running = "";

/// Runs the code; what it throws fails the running test.
template <class Code>
void guarded(Code &&code) {
  try {
    code();
  } catch (const Failure &failure) {
    note_failure(failure.text);
  } catch (const std::exception &error) {
    note_failure(std::string("an exception: ") + error.what());
  }
}

/// Waits a little for handles that a delivery thread is just letting go of.
void expect_handles(std::size_t before) {
  for (Timer timer; nats_library_handles() != before && timer.elapsed() < 5s;) {
    std::this_thread::yield();
  }
  EXPECT_EQ(nats_library_handles(), before);
}

void hung(int) {
  static const char text[] = "  the test hangs; giving up\n";
  bool written = write(2, text, sizeof text - 1) > 0;
  written = write(1, "not ok ", 7) > 0 && write(1, running, std::strlen(running)) > 0 && written;
  _exit(written && write(1, "\n", 1) == 1 ? 3 : 4);
}

bool passes(const Test &test) {
  running = test.id;
  alarm(90);
  std::size_t before = nats_library_handles();
  guarded(test.run);
  guarded([&] { expect_handles(before); });
  alarm(0);
  std::lock_guard<std::mutex> held(failures_lock);
  for (const std::string &failure : failures) std::cerr << "  " << failure << std::endl;
  bool passed = failures.empty();
  failures.clear();
  std::cout << (passed ? "ok " : "not ok ") << test.id << " - " << test.title << std::endl;
  return passed;
}

int run_named_child(const char *name, const char *argument) {
  for (const Child &child : children()) {
    if (!std::strcmp(child.name, name)) return child.run(argument);
  }
  return 99;
}

int run_suite(const std::vector<std::string> &chosen) {
  int passed = 0, failed = 0;
  signal(SIGALRM, hung);
  signal(SIGPIPE, SIG_IGN);
  catch_exceptions();
  plain_server();
  std::vector<Test> all = tests();
  std::sort(all.begin(), all.end(),
            [](const Test &a, const Test &b) { return std::strcmp(a.id, b.id) < 0; });
  for (const Test &test : all) {
    auto names = [&](const std::string &start) { return !std::string(test.id).find(start); };
    if (!chosen.empty() && std::none_of(chosen.begin(), chosen.end(), names)) continue;
    ++(passes(test) ? passed : failed);
  }
  nats::library_shutdown(patience);
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed || !passed;
}

}  // namespace

void fail(const char *file, int line, std::string_view text) {
  throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + std::string(text)};
}

void fail_equal(const char *file, int line, const char *what, std::string_view got,
                std::string_view expected) {
  std::string text(what);
  text.append(" is ").append(got).append(", expected ").append(expected);
  fail(file, line, text);
}

void expect_part(bool wanted, std::string_view text, std::string_view part, const char *file,
                 int line) {
  if ((text.find(part) != std::string_view::npos) == wanted) return;
  std::string message("\"");
  message.append(text).append(wanted ? "\" does not say " : "\" says ").append(part);
  fail(file, line, message);
}

void catch_exceptions() {
  nats::set_exception_handler([](std::exception_ptr exception) {
    guarded([&] { std::rethrow_exception(exception); });
  });
}

void note_failure(const std::string &text) {
  std::lock_guard<std::mutex> held(failures_lock);
  failures.push_back(text);
}

}  // namespace check

int main(int argc, char **argv) {
  if (argc == 4 && !std::strcmp(argv[1], "--child")) {
    return check::run_named_child(argv[2], argv[3]);
  }
  try {
    return check::run_suite({argv + 1, argv + argc});
  } catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 2;
  }
}
