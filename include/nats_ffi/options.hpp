/// \file options.hpp
/// Connection options. Part of nats_ffi.hpp.
#ifndef NATS_FFI_OPTIONS_HPP
#define NATS_FFI_OPTIONS_HPP

#include "headers.hpp"
#include "question.hpp"

namespace nats {

/// Something that happened to a connection; the view lives during the callback.
struct ConnectionEvent {
  /// One of `nats_connection_event`.
  std::int32_t kind;
  /// What is known about it, as JSON.
  std::string_view details;

  /// The name of the kind in documents, for example "reconnected".
  std::string_view name() const noexcept {
    constexpr std::string_view before = R"({"event":")";
    if (details.substr(0, before.size()) != before) return {};
    std::string_view rest = details.substr(before.size());
    return rest.substr(0, rest.find('"'));
  }
};

/// How to connect: one JSON document, the event callable, and callables that are asked.
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

  /// Has `on_login(Question &)` say who connects, on a delivery thread, for each attempt. The
  /// question is about "url" and "nonce"; the answer has some of "user", "password", "token", "jwt",
  /// "nkey", "signature", "seed" and "creds". An exception that leaves it refuses.
  template <class F>
  Result<void> try_on_login(F &&on_login) {
    return ask(nats_options_on_login, std::forward<F>(on_login));
  }

  /// Has `on_certificate(Question &)` yield the client's certificate for each connection with TLS.
  /// The question is about "url"; the answer is "cert" and "key" in PEM. As `try_on_login`.
  template <class F>
  Result<void> try_on_certificate(F &&on_certificate) {
    return ask(nats_options_on_certificate, std::forward<F>(on_certificate));
  }

  /// Has `on_ws_headers(Question &)` yield headers of the request that opens a WebSocket, for each
  /// attempt. The question is about "url"; the answer is names and values. As `try_on_login`.
  template <class F>
  Result<void> try_on_ws_headers(F &&on_ws_headers) {
    return ask(nats_options_on_ws_headers, std::forward<F>(on_ws_headers));
  }

  /// Has `on_pick_server(Question &)` decide which server is tried next once a connection was lost.
  /// The question is about "servers" and "info"; the answer is "url" and perhaps "delay_ms".
  /// Without an answer the usual order and wait apply. An exception that leaves it stands for none.
  template <class F>
  Result<void> try_on_pick_server(F &&on_pick_server) {
    return ask(nats_options_on_pick_server, std::forward<F>(on_pick_server));
  }

  /// Has `on_inject(Headers &)` add headers, such as a trace context, to each publish, request and
  /// answer. It runs on the thread that publishes, on several at the same time when several do, on
  /// a copy of the headers that were given. What it publishes itself gets no headers from it.
  template <class F>
  Result<void> try_on_inject(F &&on_inject) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(on_inject));
    auto run = [](nats_headers *raw, void *held) {
      Headers headers(raw);
      detail::guarded([&] { Held::of(held)(headers); });
      headers.release();
    };
    return detail::check(
        [&](nats_error **e) { return nats_options_on_inject(get(), run, user, Held::destroy, e); });
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

  /// `try_on_login`, throwing.
  template <class F>
  void on_login(F &&on_login) {
    try_on_login(std::forward<F>(on_login)).value();
  }

  /// `try_on_certificate`, throwing.
  template <class F>
  void on_certificate(F &&on_certificate) {
    try_on_certificate(std::forward<F>(on_certificate)).value();
  }

  /// `try_on_ws_headers`, throwing.
  template <class F>
  void on_ws_headers(F &&on_ws_headers) {
    try_on_ws_headers(std::forward<F>(on_ws_headers)).value();
  }

  /// `try_on_pick_server`, throwing.
  template <class F>
  void on_pick_server(F &&on_pick_server) {
    try_on_pick_server(std::forward<F>(on_pick_server)).value();
  }

  /// `try_on_inject`, throwing.
  template <class F>
  void on_inject(F &&on_inject) {
    try_on_inject(std::forward<F>(on_inject)).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_options *get() const noexcept { return raw_.get(); }

 private:
  template <class Set, class F>
  Result<void> ask(Set set, F &&function) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(function));
    auto run = [](nats_question *raw, void *held) {
      Question question(raw);
      detail::answering(question, [&] { Held::of(held)(question); });
    };
    nats_question_cb call = run;
    return detail::check(
        [&](nats_error **e) { return set(get(), call, user, Held::destroy, e); });
  }

  detail::Owned<nats_options, nats_options_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_OPTIONS_HPP
