/// \file kv_watch.hpp
/// Buckets that are followed: watches and caches. Part of nats_ffi.hpp.
#ifndef NATS_FFI_KV_WATCH_HPP
#define NATS_FFI_KV_WATCH_HPP

#include "jetstream.hpp"
#include "kv_entry.hpp"

namespace nats {

/// What is done to keys: what was done to each of them last, then an entry that is
/// `KvOperation::CaughtUp`, then what is done to them, each once and in order. The watch ends when
/// this object goes, or with BUCKET_NOT_FOUND. `next`, `take` and `watch` are for those without a
/// callable.
class KvWatcher {
 public:
  /// None: calls fail with INVALID_HANDLE.
  KvWatcher() noexcept = default;

  /// What comes by a subscription to a bucket, which `KeyValue::watch` makes.
  KvWatcher(detail::SharedKv kv, Subscription subscription) noexcept
      : kv_(std::move(kv)), subscription_(std::move(subscription)) {}

  /// The next entry, waiting up to `timeout` for it (0: not at all); TIMEOUT when none came.
  Result<KvEntry> try_next(milliseconds timeout) const {
    return detail::entry(kv_.get(), subscription_.try_next(timeout));
  }

  /// Up to `max` entries that are there; waits up to `timeout` for the first one only.
  Result<std::vector<KvEntry>> try_take(std::size_t max, milliseconds timeout) const {
    return detail::entries(kv_.get(), subscription_.try_take(max, timeout));
  }

  /// Has `ready(pending)` run by `queue.poll` when entries are there to be taken.
  template <class F>
  Result<void> try_watch(Queue &queue, F &&ready) const {
    return subscription_.try_watch(queue, std::forward<F>(ready));
  }

  /// Ends it at once.
  Result<void> try_stop() const { return subscription_.try_unsubscribe(); }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_next`, throwing.
  KvEntry next(milliseconds timeout) const { return try_next(timeout).value(); }

  /// `try_take`, throwing.
  std::vector<KvEntry> take(std::size_t max, milliseconds timeout) const {
    return try_take(max, timeout).value();
  }

  /// `try_watch`, throwing.
  template <class F>
  void watch(Queue &queue, F &&ready) const {
    try_watch(queue, std::forward<F>(ready)).value();
  }

  /// `try_stop`, throwing.
  void stop() const { try_stop().value(); }
#endif

  /// The subscription by which entries come.
  const Subscription &subscription() const noexcept { return subscription_; }

 private:
  detail::SharedKv kv_;
  Subscription subscription_;
};

/// The values of a bucket in memory, which follow it. Reads ask nobody, so they are behind the
/// bucket by what is under way.
class KvCache {
 public:
  /// None: calls fail with INVALID_HANDLE.
  KvCache() noexcept = default;

  /// Takes over a C handle of a cache of this bucket.
  KvCache(detail::SharedKv kv, nats_kv_cache *raw) noexcept : kv_(std::move(kv)), raw_(raw) {}

  /// The value of a key; KEY_NOT_FOUND when it has none, or is not followed. Never waits.
  Result<KvEntry> try_get(std::string_view key) const {
    return detail::entry(kv_.get(), detail::make<Message>([&](nats_msg **out, nats_error **e) {
                           return nats_kv_cache_get(raw(), detail::c(key), out, e);
                         }));
  }

  /// The keys that have values, in no order. Never waits.
  Result<std::vector<std::string>> try_keys() const {
    return detail::texts(detail::make<Doc>([&](nats_doc **out, nats_error **e) {
                           return nats_kv_cache_keys(raw(), out, e);
                         }),
                         "keys");
  }

  /// Waits until a revision of a key that is followed was seen; TIMEOUT.
  Result<void> try_wait(std::uint64_t revision, milliseconds timeout) const {
    return detail::check([&](nats_error **e) {
      return nats_kv_cache_wait(raw(), revision, timeout.count(), e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_get`, throwing.
  KvEntry get(std::string_view key) const { return try_get(key).value(); }

  /// `try_keys`, throwing.
  std::vector<std::string> keys() const { return try_keys().value(); }

  /// `try_wait`, throwing.
  void wait(std::uint64_t revision, milliseconds timeout) const {
    try_wait(revision, timeout).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_kv_cache *raw() const noexcept { return raw_.get(); }

 private:
  detail::SharedKv kv_;
  detail::Owned<nats_kv_cache, nats_kv_cache_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_KV_WATCH_HPP
