/// \file subscription.hpp
/// Subscriptions. Part of nats_ffi.hpp.
#ifndef NATS_FFI_SUBSCRIPTION_HPP
#define NATS_FFI_SUBSCRIPTION_HPP

#include <vector>

#include "message.hpp"
#include "queue.hpp"

namespace nats {

/// The counters of a subscription.
using SubscriptionStats = nats_sub_stats;

/// A subscription. It ends when this object goes; `release` it to keep it until the connection
/// closes. `next`, `take` and `watch` are for subscriptions without a callable.
///
/// On an ended subscription with nothing left, `next` and `take` report why it ended:
/// SUBSCRIPTION_CLOSED, SUBSCRIPTION_ENDED, CONNECTION_CLOSED, SLOW_CONSUMER, PERMISSION or
/// NO_RESPONDERS.
class Subscription {
 public:
  using raw_type = nats_subscription;

  /// No subscription: calls fail with INVALID_HANDLE.
  Subscription() noexcept = default;

  /// Takes over a C handle.
  explicit Subscription(nats_subscription *raw) noexcept : raw_(raw) {}

  /// The next message, waiting up to `timeout` for it (0: not at all); TIMEOUT when none came.
  Result<Message> try_next(milliseconds timeout) const {
    return detail::make<Message>([&](nats_msg **out, nats_error **e) {
      return nats_subscription_next(get(), timeout.count(), out, e);
    });
  }

  /// Up to `max` messages that are there; waits up to `timeout` for the first one only.
  Result<std::vector<Message>> try_take(std::size_t max, milliseconds timeout) const {
    std::vector<nats_msg *> raw(max);
    Result<std::size_t> count = detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_subscription_take(get(), raw.data(), max, timeout.count(), out, e);
    });
    if (!count) return count.error();
    std::vector<Message> messages;
    messages.reserve(*count);
    for (std::size_t i = 0; i < *count; ++i) messages.emplace_back(raw[i]);
    return messages;
  }

  /// Has `ready(pending)` run by `queue.poll` when messages are there to be taken, with their
  /// number. It runs again only after a `take` or `next` that left nothing.
  template <class F>
  Result<void> try_watch(Queue &queue, F &&ready) const {
    return queue.watch(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_subscription_watch(get(), q, token, e);
        },
        [ready = std::forward<F>(ready)](const nats_event &event) mutable { ready(event.arg); });
  }

  /// Ends it at once; messages that were not taken are dropped.
  Result<void> try_unsubscribe() const {
    return detail::check([&](nats_error **e) { return nats_subscription_unsubscribe(get(), e); });
  }

  /// Ends it after `max` messages, counted since it was made.
  Result<void> try_unsubscribe_after(std::uint64_t max) const {
    return detail::check(
        [&](nats_error **e) { return nats_subscription_unsubscribe_after(get(), max, e); });
  }

  /// Tells the server to send no more and waits up to `timeout` (0: the connection's default) until
  /// everything that had arrived was taken or handed to the callable.
  Result<void> try_drain(milliseconds timeout = milliseconds(0)) const {
    return detail::check(
        [&](nats_error **e) { return nats_subscription_drain(get(), timeout.count(), e); });
  }

  /// `try_drain` whose outcome runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_drain_async(Queue &queue, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_subscription_drain_async(get(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Counters: pending, delivered, dropped.
  Result<SubscriptionStats> try_stats() const {
    return detail::read<SubscriptionStats>(
        [&](SubscriptionStats *out, nats_error **e) {
          return nats_subscription_stats(get(), out, e);
        });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_next`, throwing.
  Message next(milliseconds timeout) const { return try_next(timeout).value(); }

  /// `try_take`, throwing.
  std::vector<Message> take(std::size_t max, milliseconds timeout) const {
    return try_take(max, timeout).value();
  }

  /// `try_watch`, throwing.
  template <class F>
  void watch(Queue &queue, F &&ready) const {
    try_watch(queue, std::forward<F>(ready)).value();
  }

  /// `try_unsubscribe`, throwing.
  void unsubscribe() const { try_unsubscribe().value(); }

  /// `try_unsubscribe_after`, throwing.
  void unsubscribe_after(std::uint64_t max) const { try_unsubscribe_after(max).value(); }

  /// `try_drain`, throwing.
  void drain(milliseconds timeout = milliseconds(0)) const { try_drain(timeout).value(); }

  /// `try_drain_async`, throwing when it cannot be started.
  template <class F>
  void drain_async(Queue &queue, F &&done) const {
    try_drain_async(queue, std::forward<F>(done)).value();
  }

  /// `try_stats`, throwing.
  SubscriptionStats stats() const { return try_stats().value(); }
#endif

  /// The C handle, still owned by this object.
  nats_subscription *get() const noexcept { return raw_.get(); }

  /// Gives the handle away; the subscription then lives until the connection closes or the caller
  /// frees it with nats_subscription_free.
  nats_subscription *release() noexcept { return raw_.release(); }

 private:
  detail::Owned<nats_subscription, nats_subscription_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_SUBSCRIPTION_HPP
