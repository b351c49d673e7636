// Runs the suite against the server at NATS_URL and prints "N passed, N failed".
#include <thread>

#include "check.hpp"

static std::string failure_of(const check::Test &test) {
  std::size_t before = nats_library_handles();
  try {
    test.run();
  } catch (const check::Failure &failure) {
    return failure.text;
  } catch (const std::exception &error) {
    return std::string("an exception: ") + error.what();
  }
  // Delivery threads may be letting go of their last handle just now.
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (nats_library_handles() != before && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  std::size_t after = nats_library_handles();
  if (after == before) return {};
  return std::to_string(before) + " handles before, " + std::to_string(after) + " after";
}

int main() {
  int passed = 0, failed = 0;
  for (const check::Test &test : check::tests()) {
    std::string failure = failure_of(test);
    if (failure.empty()) {
      ++passed;
      std::cout << "ok " << test.name << std::endl;
    } else {
      ++failed;
      std::cout << "not ok " << test.name << std::endl;
      std::cerr << "  " << failure << std::endl;
    }
  }
  nats::library_shutdown(check::patience);
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed || !passed;
}
