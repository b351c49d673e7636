/// \file options.hpp
/// Connection options. Part of nats_ffi.hpp.
#ifndef NATS_FFI_OPTIONS_HPP
#define NATS_FFI_OPTIONS_HPP

#include "callback.hpp"

namespace nats {

/// Something that happened to a connection; the view lives during the callback.
struct ConnectionEvent {
  /// One of `nats_connection_event`.
  std::int32_t kind;
  /// What is known about it, as JSON.
  std::string_view details;
};

/// How to connect: one JSON document and the event callable.
class Options {
 public:
  using raw_type = nats_options;

  /// Takes over a C handle; null makes an empty object whose calls fail with INVALID_HANDLE.
  explicit Options(nats_options *raw) noexcept : raw_(raw) {}

  /// Options from JSON text, for example `{"name":"worker"}`; empty: the defaults. An unknown key
  /// is INVALID_OPTION, which names the key and the nearest known one.
  static Result<Options> try_make(std::string_view json = {}) {
    return detail::make<Options>([&](nats_options **out, nats_error **e) {
      return nats_options_new(detail::c(json), out, e);
    });
  }

  /// Sets more keys.
  Result<void> try_set(std::string_view json) {
    return detail::check(
        [&](nats_error **e) { return nats_options_set(get(), detail::c(json), e); });
  }

  /// Has `on_event(const ConnectionEvent &)` run, on a delivery thread, for every event of the
  /// connections made with these options.
  template <class F>
  Result<void> try_on_event(F &&on_event) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(on_event));
    auto run = [](nats_connection *, std::int32_t kind, nats_str json, void *held) {
      detail::guarded([&] { Held::of(held)(ConnectionEvent{kind, detail::view(json)}); });
    };
    return detail::check(
        [&](nats_error **e) { return nats_options_on_event(get(), run, user, Held::destroy, e); });
  }

  /// Has `on_delay(attempts)` decide, on a delivery thread, how long to wait before another round
  /// over the servers: it returns `std::chrono::milliseconds`; negative ones stand for the usual
  /// back-off. `attempts` counts the rounds that have failed since the connection was lost.
  template <class F>
  Result<void> try_on_reconnect_delay(F &&on_delay) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(on_delay));
    auto run = [](std::uint32_t attempts, void *held) -> std::int64_t {
      std::chrono::milliseconds delay{-1};
      detail::guarded([&] { delay = Held::of(held)(attempts); });
      return delay.count();
    };
    return detail::check([&](nats_error **e) {
      return nats_options_on_reconnect_delay(get(), run, user, Held::destroy, e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_make`, throwing.
  explicit Options(std::string_view json = {}) : Options(try_make(json).value()) {}

  /// `try_set`, throwing.
  void set(std::string_view json) { try_set(json).value(); }

  /// `try_on_event`, throwing.
  template <class F>
  void on_event(F &&on_event) {
    try_on_event(std::forward<F>(on_event)).value();
  }

  /// `try_on_reconnect_delay`, throwing.
  template <class F>
  void on_reconnect_delay(F &&on_delay) {
    try_on_reconnect_delay(std::forward<F>(on_delay)).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_options *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_options, nats_options_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_OPTIONS_HPP
