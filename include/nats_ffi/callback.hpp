/// \file callback.hpp
/// How C++ callables are handed to the C API. Part of nats_ffi.hpp.
#ifndef NATS_FFI_CALLBACK_HPP
#define NATS_FFI_CALLBACK_HPP

#include <cstdio>
#include <functional>
#include <mutex>

#include "error.hpp"

namespace nats {

#ifndef NATS_FFI_NO_EXCEPTIONS
/// Receives an exception that left a callback, on the thread that ran the callback.
using ExceptionHandler = std::function<void(std::exception_ptr)>;

namespace detail {

struct HandlerSlot {
  std::mutex lock;
  ExceptionHandler handler;

  static HandlerSlot &instance() {
    // Never destroyed: callbacks may still run while the process ends.
    static HandlerSlot *slot = new HandlerSlot;
    return *slot;
  }
};

inline void print_exception(std::exception_ptr exception) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception &e) {
    std::fprintf(stderr, "nats: an exception left a callback: %s\n", e.what());
  } catch (...) {
    std::fprintf(stderr, "nats: an exception left a callback\n");
  }
}

inline void report(std::exception_ptr exception) noexcept {
  try {
    HandlerSlot &slot = HandlerSlot::instance();
    std::unique_lock<std::mutex> held(slot.lock);
    ExceptionHandler handler = slot.handler;
    held.unlock();
    if (handler) return handler(exception);
  } catch (...) {
    // The handler itself threw: what it was to report still gets out below.
  }
  print_exception(exception);
}

}  // namespace detail

/// Sets what happens with exceptions that leave callbacks, for the whole process. Without a handler
/// (or with an empty one) they are printed to standard error. The handler must not throw.
inline void set_exception_handler(ExceptionHandler handler) {
  detail::HandlerSlot &slot = detail::HandlerSlot::instance();
  std::lock_guard<std::mutex> held(slot.lock);
  slot.handler = std::move(handler);
}
#endif

namespace detail {

/// Runs user code that was called from C: nothing may unwind past this.
template <class Code>
void guarded(Code &&code) noexcept {
#ifndef NATS_FFI_NO_EXCEPTIONS
  try {
    code();
  } catch (...) {
    report(std::current_exception());
  }
#else
  code();
#endif
}

/// The heap copy of a callable that a C function takes as `user`, with its destroy hook.
template <class F>
struct Callable {
  F function;

  template <class G>
  static void *make(G &&function) {
    return new Callable{std::forward<G>(function)};
  }

  static F &of(void *user) noexcept { return static_cast<Callable *>(user)->function; }

  static void destroy(void *user) noexcept {
    guarded([&] { delete static_cast<Callable *>(user); });
  }
};

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_CALLBACK_HPP
