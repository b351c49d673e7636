/// \file kv_async.hpp
/// What buckets do on a queue. Part of nats_ffi.hpp.
#ifndef NATS_FFI_KV_ASYNC_HPP
#define NATS_FFI_KV_ASYNC_HPP

#include "kv_watch.hpp"

namespace nats {

/// The calls of a `KeyValue` whose outcome comes by a queue.
class KvAsync {
 public:
  /// `try_put` whose outcome, the new revision, runs `done(Result<std::uint64_t>)` in `queue.poll`.
  template <class F>
  Result<void> try_put_async(Queue &queue, std::string_view key, bytes_view value, F &&done,
                             std::string_view options = {}) const {
    return queue.start<std::uint64_t>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_put_async(raw(), detail::c(key), detail::c(value), detail::c(options),
                                   q, token, e);
        },
        std::forward<F>(done));
  }

  /// `try_create` whose outcome runs `done(Result<std::uint64_t>)` in `queue.poll`.
  template <class F>
  Result<void> try_create_async(Queue &queue, std::string_view key, bytes_view value, F &&done,
                                std::string_view options = {}) const {
    return queue.start<std::uint64_t>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_create_async(raw(), detail::c(key), detail::c(value),
                                      detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// `try_delete_key` whose outcome runs `done(Result<std::uint64_t>)` in `queue.poll`.
  template <class F>
  Result<void> try_delete_key_async(Queue &queue, std::string_view key, F &&done,
                                    std::string_view options = {}) const {
    return queue.start<std::uint64_t>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_delete_async(raw(), detail::c(key), detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// `try_purge_key` whose outcome runs `done(Result<std::uint64_t>)` in `queue.poll`.
  template <class F>
  Result<void> try_purge_key_async(Queue &queue, std::string_view key, F &&done,
                                   std::string_view options = {}) const {
    return queue.start<std::uint64_t>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_purge_async(raw(), detail::c(key), detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// `try_get` whose outcome runs `done(Result<KvEntry>)` in `queue.poll`.
  template <class F>
  Result<void> try_get_async(Queue &queue, std::string_view key, F &&done) const {
    return queue.start<Message>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_get_async(raw(), detail::c(key), q, token, e);
        },
        [kv = raw_, done = std::forward<F>(done)](Result<Message> got) mutable {
          done(detail::entry(kv.get(), std::move(got)));
        });
  }

  /// `try_get_revision` whose outcome runs `done(Result<KvEntry>)` in `queue.poll`.
  template <class F>
  Result<void> try_get_revision_async(Queue &queue, std::string_view key, std::uint64_t revision,
                                      F &&done) const {
    return queue.start<Message>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_get_revision_async(raw(), detail::c(key), revision, q, token, e);
        },
        [kv = raw_, done = std::forward<F>(done)](Result<Message> got) mutable {
          done(detail::entry(kv.get(), std::move(got)));
        });
  }

  /// The values that these keys have, in their order, for `done(Result<std::vector<KvEntry>>)` in
  /// `queue.poll`; keys without one are left out. Server 2.11 (UNSUPPORTED).
  template <class F>
  Result<void> try_get_many_async(Queue &queue, const std::vector<std::string_view> &keys,
                                  F &&done) const {
    std::vector<nats_str> names = texts_of(keys);
    return queue.start<Fetched>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_get_many_async(raw(), names.data(), names.size(), q, token, e);
        },
        [kv = *this, done = std::forward<F>(done)](Result<Fetched> fetched) mutable {
          done(kv.all(std::move(fetched)));
        });
  }

  /// `try_keys` whose outcome runs `done(Result<std::vector<std::string>>)` in `queue.poll`.
  template <class F>
  Result<void> try_keys_async(Queue &queue, F &&done, std::string_view options = {}) const {
    return queue.start<Doc>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_keys_async(raw(), detail::c(options), q, token, e);
        },
        [done = std::forward<F>(done)](Result<Doc> doc) mutable {
          done(detail::texts(std::move(doc), "keys"));
        });
  }

  /// `try_history` whose outcome runs `done(Result<std::vector<KvEntry>>)` in `queue.poll`.
  template <class F>
  Result<void> try_history_async(Queue &queue, std::string_view key, F &&done) const {
    return queue.start<Fetched>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_history_async(raw(), detail::c(key), q, token, e);
        },
        [kv = *this, done = std::forward<F>(done)](Result<Fetched> fetched) mutable {
          done(kv.all(std::move(fetched)));
        });
  }

  /// `try_cache` whose outcome runs `done(Result<KvCache>)` in `queue.poll`.
  template <class F>
  Result<void> try_cache_async(Queue &queue, F &&done, std::string_view options = {}) const {
    return queue.start<RawCache>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_cache_new_async(raw(), detail::c(options), q, token, e);
        },
        [kv = *this, done = std::forward<F>(done)](Result<RawCache> cache) mutable {
          done(kv.cached(std::move(cache)));
        });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_put_async`, throwing when it cannot be started.
  template <class F>
  void put_async(Queue &queue, std::string_view key, bytes_view value, F &&done,
                 std::string_view options = {}) const {
    try_put_async(queue, key, value, std::forward<F>(done), options).value();
  }

  /// `try_create_async`, throwing when it cannot be started.
  template <class F>
  void create_async(Queue &queue, std::string_view key, bytes_view value, F &&done,
                    std::string_view options = {}) const {
    try_create_async(queue, key, value, std::forward<F>(done), options).value();
  }

  /// `try_delete_key_async`, throwing when it cannot be started.
  template <class F>
  void delete_key_async(Queue &queue, std::string_view key, F &&done,
                        std::string_view options = {}) const {
    try_delete_key_async(queue, key, std::forward<F>(done), options).value();
  }

  /// `try_purge_key_async`, throwing when it cannot be started.
  template <class F>
  void purge_key_async(Queue &queue, std::string_view key, F &&done,
                       std::string_view options = {}) const {
    try_purge_key_async(queue, key, std::forward<F>(done), options).value();
  }

  /// `try_get_async`, throwing when it cannot be started.
  template <class F>
  void get_async(Queue &queue, std::string_view key, F &&done) const {
    try_get_async(queue, key, std::forward<F>(done)).value();
  }

  /// `try_get_revision_async`, throwing when it cannot be started.
  template <class F>
  void get_revision_async(Queue &queue, std::string_view key, std::uint64_t revision,
                          F &&done) const {
    try_get_revision_async(queue, key, revision, std::forward<F>(done)).value();
  }

  /// `try_get_many_async`, throwing when it cannot be started.
  template <class F>
  void get_many_async(Queue &queue, const std::vector<std::string_view> &keys, F &&done) const {
    try_get_many_async(queue, keys, std::forward<F>(done)).value();
  }

  /// `try_keys_async`, throwing when it cannot be started.
  template <class F>
  void keys_async(Queue &queue, F &&done, std::string_view options = {}) const {
    try_keys_async(queue, std::forward<F>(done), options).value();
  }

  /// `try_history_async`, throwing when it cannot be started.
  template <class F>
  void history_async(Queue &queue, std::string_view key, F &&done) const {
    try_history_async(queue, key, std::forward<F>(done)).value();
  }

  /// `try_cache_async`, throwing when it cannot be started.
  template <class F>
  void cache_async(Queue &queue, F &&done, std::string_view options = {}) const {
    try_cache_async(queue, std::forward<F>(done), options).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_kv *raw() const noexcept { return raw_.get(); }

 protected:
  /// A cache that is not joined with its bucket yet.
  struct RawCache {
    using raw_type = nats_kv_cache;
    explicit RawCache(nats_kv_cache *handle) noexcept : handle(handle) {}
    detail::Owned<nats_kv_cache, nats_kv_cache_free> handle;
  };

  KvAsync() noexcept = default;
  explicit KvAsync(detail::SharedKv raw) noexcept : raw_(std::move(raw)) {}

  static std::vector<nats_str> texts_of(const std::vector<std::string_view> &keys) {
    std::vector<nats_str> texts;
    texts.reserve(keys.size());
    for (std::string_view key : keys) texts.push_back(detail::c(key));
    return texts;
  }

  /// All entries of a list.
  Result<std::vector<KvEntry>> all(Result<Fetched> fetched) const {
    if (!fetched) return fetched.error();
    std::vector<KvEntry> entries;
    for (;;) {
      Result<std::vector<KvEntry>> some = detail::entries(raw(), fetched->try_take(256));
      if (!some) return some.error();
      if (some->empty()) return entries;
      entries.insert(entries.end(), some->begin(), some->end());
    }
  }

  Result<KvCache> cached(Result<RawCache> cache) const {
    if (!cache) return cache.error();
    return KvCache(raw_, cache->handle.release());
  }

  detail::SharedKv raw_;
};

}  // namespace nats

#endif  // NATS_FFI_KV_ASYNC_HPP
