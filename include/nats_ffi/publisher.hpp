/// \file publisher.hpp
/// Publishing to streams without waiting for each acknowledgement. Part of nats_ffi.hpp.
#ifndef NATS_FFI_PUBLISHER_HPP
#define NATS_FFI_PUBLISHER_HPP

#include "jetstream.hpp"

namespace nats {

/// What became of a message.
struct Outcome {
  /// The program's number for the message.
  std::uint64_t token = 0;

  /// Its sequence in the stream; 0 when it was not stored.
  std::uint64_t sequence = 0;

  /// The stream had it before, by its id: `sequence` is that of then.
  bool duplicate = false;

  /// Why it was not stored, or why nobody knows.
  std::optional<Error> error;

  /// Takes over what the C API tells.
  static Outcome adopt(const nats_outcome &raw) {
    Outcome outcome{raw.token, raw.sequence, raw.duplicate != 0, std::nullopt};
    if (raw.status != NATS_OK) outcome.error = Error::adopt(raw.status, raw.error);
    return outcome;
  }
};

/// Publishes to streams with many messages under way at once: no more than the option "window" wait
/// for their acknowledgement, or for the program to take what became of them. Any thread. Keep one,
/// rather than making one for each message.
class Publisher {
 public:
  using raw_type = nats_publisher;

  /// The token of a message whose outcome nobody wants to be told; `complete` tells when it was not
  /// stored.
  static constexpr std::uint64_t no_token = NATS_NO_TOKEN;

  /// None: calls fail with INVALID_HANDLE.
  Publisher() noexcept = default;

  /// Takes over a C handle.
  explicit Publisher(nats_publisher *raw) noexcept : raw_(raw) {}

  /// A publisher whose outcomes are read with `take` and `watch`. `options`: JSON with the keys of
  /// "Publisher" in docs/options.md.
  static Result<Publisher> try_make(const JetStream &js, std::string_view options = {}) {
    return make(js, options, nullptr, nullptr, nullptr);
  }

  /// A publisher that has `told(std::vector<Outcome>)` run on a delivery thread, one call at a time.
  template <class F,
            class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, std::vector<Outcome>>>>
  static Result<Publisher> try_make(const JetStream &js, F &&told, std::string_view options = {}) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(told));
    auto run = [](nats_publisher *, const nats_outcome *raw, std::size_t count, void *held) {
      detail::guarded([&] { Held::of(held)(adopt(raw, count)); });
    };
    return make(js, options, run, user, Held::destroy);
  }

  /// Publishes a message and returns as soon as it is accepted. `options`: JSON with the keys of
  /// "Message to a stream" in docs/options.md. PUBLISHER_STALLED when the window stays full.
  Result<void> try_publish(std::string_view subject, bytes_view payload,
                           std::uint64_t token = no_token, std::string_view options = {},
                           const Headers *headers = nullptr) const {
    return detail::check([&](nats_error **e) {
      return nats_publisher_publish(get(), detail::c(subject), detail::raw(headers),
                                    detail::c(payload), detail::c(options), token, e);
    });
  }

  /// Up to `max` outcomes that are known; waits up to `timeout` for the first one only.
  Result<std::vector<Outcome>> try_take(std::size_t max, milliseconds timeout) const {
    std::vector<nats_outcome> raw(max);
    Result<std::size_t> count = detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_publisher_take(get(), raw.data(), max, timeout.count(), out, e);
    });
    if (!count) return count.error();
    return adopt(raw.data(), *count);
  }

  /// Has `ready(known)` run by `queue.poll` when outcomes are known, with their number. It runs again
  /// only after a `take` that found fewer than it asked for.
  template <class F>
  Result<void> try_watch(Queue &queue, F &&ready) const {
    return queue.watch(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_publisher_watch(get(), q, token, e);
        },
        [ready = std::forward<F>(ready)](const nats_event &event) mutable { ready(event.arg); });
  }

  /// Waits until it is known of every message what became of it. Fails with the error of the first
  /// message without a token that was not stored since the last call.
  Result<void> try_complete(milliseconds timeout) const {
    return detail::check(
        [&](nats_error **e) { return nats_publisher_complete(get(), timeout.count(), e); });
  }

  /// `try_complete` whose outcome runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_complete_async(Queue &queue, milliseconds timeout, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_publisher_complete_async(get(), timeout.count(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// How many messages wait for their acknowledgement.
  Result<std::size_t> try_in_flight() const {
    return detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_publisher_in_flight(get(), out, e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_make`, throwing.
  explicit Publisher(const JetStream &js, std::string_view options = {})
      : Publisher(try_make(js, options).value()) {}

  /// `try_make` with a callable, throwing.
  template <class F,
            class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, std::vector<Outcome>>>>
  Publisher(const JetStream &js, F &&told, std::string_view options = {})
      : Publisher(try_make(js, std::forward<F>(told), options).value()) {}

  /// `try_publish`, throwing.
  void publish(std::string_view subject, bytes_view payload, std::uint64_t token = no_token,
               std::string_view options = {}, const Headers *headers = nullptr) const {
    try_publish(subject, payload, token, options, headers).value();
  }

  /// `try_take`, throwing.
  std::vector<Outcome> take(std::size_t max, milliseconds timeout) const {
    return try_take(max, timeout).value();
  }

  /// `try_watch`, throwing.
  template <class F>
  void watch(Queue &queue, F &&ready) const {
    try_watch(queue, std::forward<F>(ready)).value();
  }

  /// `try_complete`, throwing.
  void complete(milliseconds timeout) const { try_complete(timeout).value(); }

  /// `try_complete_async`, throwing when it cannot be started.
  template <class F>
  void complete_async(Queue &queue, milliseconds timeout, F &&done) const {
    try_complete_async(queue, timeout, std::forward<F>(done)).value();
  }

  /// `try_in_flight`, throwing.
  std::size_t in_flight() const { return try_in_flight().value(); }
#endif

  /// The C handle, still owned by this object.
  nats_publisher *get() const noexcept { return raw_.get(); }

 private:
  static Result<Publisher> make(const JetStream &js, std::string_view options, nats_outcomes_cb told,
                                void *user, nats_destroy_cb destroy) {
    return detail::make<Publisher>([&](nats_publisher **out, nats_error **e) {
      return nats_publisher_new(js.get(), detail::c(options), told, user, destroy, out, e);
    });
  }

  static std::vector<Outcome> adopt(const nats_outcome *raw, std::size_t count) {
    std::vector<Outcome> outcomes;
    outcomes.reserve(count);
    for (std::size_t i = 0; i < count; ++i) outcomes.push_back(Outcome::adopt(raw[i]));
    return outcomes;
  }

  detail::Owned<nats_publisher, nats_publisher_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_PUBLISHER_HPP
