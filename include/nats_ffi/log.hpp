/// \file log.hpp
/// The library's log. Part of nats_ffi.hpp.
#ifndef NATS_FFI_LOG_HPP
#define NATS_FFI_LOG_HPP

#include "callback.hpp"

namespace nats {

/// Takes a record of the library's log: one of `nats_log_level`, and a text that lives as long as
/// the call. Runs on a delivery thread, one record at a time.
using LogFunction = std::function<void(std::int32_t level, std::string_view text)>;

/// Has `on_record` run for the records of the library's log up to `level`, of all connections,
/// instead of a function that was set before; an empty one ends that. INVALID_ARGUMENT: no such
/// level. No record shows a secret or a payload.
inline Result<void> try_set_log(std::int32_t level, LogFunction on_record) {
  if (!on_record) {
    return detail::check(
        [&](nats_error **e) { return nats_log_set(level, nullptr, nullptr, nullptr, e); });
  }
  using Held = detail::Callable<LogFunction>;
  void *user = Held::make(std::move(on_record));
  auto run = [](std::int32_t of, nats_str text, void *held) {
    detail::guarded([&] { Held::of(held)(of, detail::view(text)); });
  };
  return detail::check(
      [&](nats_error **e) { return nats_log_set(level, run, user, Held::destroy, e); });
}

#ifndef NATS_FFI_NO_EXCEPTIONS
/// `try_set_log`, throwing.
inline void set_log(std::int32_t level, LogFunction on_record) {
  try_set_log(level, std::move(on_record)).value();
}
#endif

}  // namespace nats

#endif  // NATS_FFI_LOG_HPP
