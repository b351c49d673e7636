/// \file kv.hpp
/// Buckets of keys with values. Part of nats_ffi.hpp.
#ifndef NATS_FFI_KV_HPP
#define NATS_FFI_KV_HPP

#include "kv_async.hpp"
#include "kv_codec.hpp"

namespace nats {

/// A bucket of keys with values; a copy is the same one. Any thread. A key is words of A-Z, a-z,
/// 0-9, '-', '_', '/' and '=' with single dots between.
///
/// Buckets are made and removed by `JetStream::run` with nats_kv_bucket_create and its kin:
/// `js.run(nats_kv_bucket_create, R"({"bucket":"b"})")`. `options` of changes: JSON with the keys
/// of "Change of a key" in docs/options.md; those of watches, keys and caches: of "Watch of a
/// bucket".
class KeyValue : public KvAsync {
 public:
  using raw_type = nats_kv;

  /// None: calls fail with INVALID_HANDLE.
  KeyValue() noexcept = default;

  /// Takes over a C handle.
  explicit KeyValue(nats_kv *raw) : KvAsync(detail::share(raw)) {}

  /// The bucket, which has to be there. `options`: JSON with the keys of "Bucket" in
  /// docs/options.md.
  static Result<KeyValue> try_bind(const JetStream &js, std::string_view bucket,
                                   std::string_view options = {}) {
    return detail::make<KeyValue>([&](nats_kv **out, nats_error **e) {
      return nats_kv_bind(js.get(), detail::c(bucket), detail::c(options), out, e);
    });
  }

  /// `try_bind` whose outcome runs `done(Result<KeyValue>)` in `queue.poll`.
  template <class F>
  static Result<void> try_bind_async(Queue &queue, const JetStream &js, std::string_view bucket,
                                     F &&done, std::string_view options = {}) {
    return queue.start<KeyValue>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_kv_bind_async(js.get(), detail::c(bucket), detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// The names of all buckets.
  static Result<std::vector<std::string>> try_names(const JetStream &js) {
    return detail::texts(detail::make<Doc>([&](nats_doc **out, nats_error **e) {
                           return nats_kv_bucket_names(js.get(), out, e);
                         }),
                         "buckets");
  }

  /// All buckets as they are: {"buckets": [what nats_kv_bucket_status() tells of each]}.
  static Result<Doc> try_list(const JetStream &js) {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_kv_bucket_list(js.get(), out, e);
    });
  }

  /// The same bucket with keys and values stored in another form, in place of the one that this
  /// has.
  Result<KeyValue> try_with_codecs(KvCodecs codecs) const {
    using Held = detail::Callable<KvCodecs>;
    void *user = Held::make(std::move(codecs));
    const KvCodecs &held = Held::of(user);
    return detail::make<KeyValue>([&](nats_kv **out, nats_error **e) {
      return nats_kv_with_codecs(
          raw(), detail::coder<&KvCodecs::encode_key>(held),
          detail::coder<&KvCodecs::decode_key>(held), detail::coder<&KvCodecs::encode_filter>(held),
          detail::coder<&KvCodecs::encode_value>(held),
          detail::coder<&KvCodecs::decode_value>(held), user, Held::destroy, out, e);
    });
  }

  /// Gives a key a value; its new revision. WRONG_LAST_SEQUENCE when it has another one than
  /// "expected_revision". TIMEOUT and CONNECTION_LOST: stored or not, nobody knows.
  Result<std::uint64_t> try_put(std::string_view key, bytes_view value,
                                std::string_view options = {}) const {
    return detail::read<std::uint64_t>([&](std::uint64_t *out, nats_error **e) {
      return nats_kv_put(raw(), detail::c(key), detail::c(value), detail::c(options), out, e);
    });
  }

  /// Gives a key a value that has the revision `expected`; its new one.
  Result<std::uint64_t> try_update(std::string_view key, bytes_view value,
                                   std::uint64_t expected) const {
    return try_put(key, value, "{\"expected_revision\":" + std::to_string(expected) + "}");
  }

  /// Gives a key a value that has none, or was deleted; otherwise KEY_EXISTS.
  Result<std::uint64_t> try_create(std::string_view key, bytes_view value,
                                   std::string_view options = {}) const {
    return detail::read<std::uint64_t>([&](std::uint64_t *out, nats_error **e) {
      return nats_kv_create(raw(), detail::c(key), detail::c(value), detail::c(options), out,
                            e);
    });
  }

  /// Deletes a key; what it had before stays in its history.
  Result<std::uint64_t> try_delete_key(std::string_view key, std::string_view options = {}) const {
    return detail::read<std::uint64_t>([&](std::uint64_t *out, nats_error **e) {
      return nats_kv_delete(raw(), detail::c(key), detail::c(options), out, e);
    });
  }

  /// Deletes a key with all it had before.
  Result<std::uint64_t> try_purge_key(std::string_view key, std::string_view options = {}) const {
    return detail::read<std::uint64_t>([&](std::uint64_t *out, nats_error **e) {
      return nats_kv_purge(raw(), detail::c(key), detail::c(options), out, e);
    });
  }

  /// Gives a key the value that `make(const KvView *)` makes of what it has (null: it has none) as
  /// a `std::optional<std::string>`, again and again until nobody else has changed it meanwhile;
  /// none: it stays as it is. Its new revision; 0: it stays. An exception that leaves `make` leaves
  /// this call.
  template <class F>
  Result<std::uint64_t> try_modify(std::string_view key, F &&make) const {
    Modifier<std::remove_reference_t<F>> modifier{make};
    Result<std::uint64_t> done =
        detail::read<std::uint64_t>([&](std::uint64_t *out, nats_error **e) {
          return nats_kv_modify(raw(), detail::c(key), modifier.run, &modifier, out, e);
        });
#ifndef NATS_FFI_NO_EXCEPTIONS
    if (modifier.thrown) std::rethrow_exception(modifier.thrown);
#endif
    return done;
  }

  /// The value of a key; KEY_NOT_FOUND when it has none, or was deleted.
  Result<KvEntry> try_get(std::string_view key) const {
    return detail::entry(raw(), detail::make<Message>([&](nats_msg **out, nats_error **e) {
                           return nats_kv_get(raw(), detail::c(key), out, e);
                         }));
  }

  /// What a key had at a revision of its own; 0: what was done to it last.
  Result<KvEntry> try_get_revision(std::string_view key, std::uint64_t revision) const {
    return detail::entry(raw(), detail::make<Message>([&](nats_msg **out, nats_error **e) {
                           return nats_kv_get_revision(raw(), detail::c(key), revision, out, e);
                         }));
  }

  /// The values of many keys as they are at one moment, in their order; none for one without a
  /// value. Server 2.11 (UNSUPPORTED).
  Result<std::vector<std::optional<KvEntry>>> try_get_many(
      const std::vector<std::string_view> &keys) const {
    std::vector<nats_str> names = texts_of(keys);
    std::vector<nats_msg *> found(keys.size());
    Result<void> got = detail::check([&](nats_error **e) {
      return nats_kv_get_many(raw(), names.data(), names.size(), found.data(), e);
    });
    if (!got) return got.error();
    std::vector<Message> messages(found.begin(), found.end());
    std::vector<std::optional<KvEntry>> entries(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!messages[i]) continue;
      Result<KvEntry> entry = KvEntry::try_read(raw(), std::move(messages[i]));
      if (!entry) return entry.error();
      entries[i] = std::move(*entry);
    }
    return entries;
  }

  /// Watches keys; take the entries with `next`, `take` or `watch` of the watcher.
  Result<KvWatcher> try_watch(std::string_view options = {}) const {
    return watch_with(options, nullptr, nullptr, nullptr);
  }

  /// The same with `on_entry(KvEntry)` run on a delivery thread for every entry, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, KvEntry>>>
  Result<KvWatcher> try_watch(F &&on_entry, std::string_view options = {}) const {
    auto called = [kv = raw_, on_entry = std::forward<F>(on_entry)](Message message) mutable {
      // Every message of a watch is an entry.
      Result<KvEntry> entry = KvEntry::try_read(kv.get(), std::move(message));
      if (entry) on_entry(std::move(*entry));
    };
    using Held = detail::Callable<decltype(called)>;
    auto run = [](nats_connection *, nats_subscription *, nats_msg *msg, void *held) {
      Message message(msg);
      detail::guarded([&] { Held::of(held)(std::move(message)); });
    };
    return watch_with(options, run, Held::make(std::move(called)), Held::destroy);
  }

  /// The keys that have values.
  Result<std::vector<std::string>> try_keys(std::string_view options = {}) const {
    return detail::texts(detail::make<Doc>([&](nats_doc **out, nats_error **e) {
                           return nats_kv_keys(raw(), detail::c(options), out, e);
                         }),
                         "keys");
  }

  /// All that the bucket has of a key, the oldest first.
  Result<std::vector<KvEntry>> try_history(std::string_view key) const {
    return all(detail::make<Fetched>([&](nats_fetched **out, nats_error **e) {
      return nats_kv_history(raw(), detail::c(key), out, e);
    }));
  }

  /// Takes the values of keys into memory, and follows the bucket from then on.
  Result<KvCache> try_cache(std::string_view options = {}) const {
    return cached(detail::make<RawCache>([&](nats_kv_cache **out, nats_error **e) {
      return nats_kv_cache_new(raw(), detail::c(options), out, e);
    }));
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_bind`, throwing.
  KeyValue(const JetStream &js, std::string_view bucket, std::string_view options = {})
      : KeyValue(try_bind(js, bucket, options).value()) {}

  /// `try_bind_async`, throwing when it cannot be started.
  template <class F>
  static void bind_async(Queue &queue, const JetStream &js, std::string_view bucket, F &&done,
                         std::string_view options = {}) {
    try_bind_async(queue, js, bucket, std::forward<F>(done), options).value();
  }

  /// `try_names`, throwing.
  static std::vector<std::string> names(const JetStream &js) { return try_names(js).value(); }

  /// `try_list`, throwing.
  static Doc list(const JetStream &js) { return try_list(js).value(); }

  /// `try_with_codecs`, throwing.
  KeyValue with_codecs(KvCodecs codecs) const {
    return try_with_codecs(std::move(codecs)).value();
  }

  /// `try_put`, throwing.
  std::uint64_t put(std::string_view key, bytes_view value, std::string_view options = {}) const {
    return try_put(key, value, options).value();
  }

  /// `try_update`, throwing.
  std::uint64_t update(std::string_view key, bytes_view value, std::uint64_t expected) const {
    return try_update(key, value, expected).value();
  }

  /// `try_create`, throwing.
  std::uint64_t create(std::string_view key, bytes_view value,
                       std::string_view options = {}) const {
    return try_create(key, value, options).value();
  }

  /// `try_delete_key`, throwing.
  std::uint64_t delete_key(std::string_view key, std::string_view options = {}) const {
    return try_delete_key(key, options).value();
  }

  /// `try_purge_key`, throwing.
  std::uint64_t purge_key(std::string_view key, std::string_view options = {}) const {
    return try_purge_key(key, options).value();
  }

  /// `try_modify`, throwing.
  template <class F>
  std::uint64_t modify(std::string_view key, F &&make) const {
    return try_modify(key, std::forward<F>(make)).value();
  }

  /// `try_get`, throwing.
  KvEntry get(std::string_view key) const { return try_get(key).value(); }

  /// `try_get_revision`, throwing.
  KvEntry get_revision(std::string_view key, std::uint64_t revision) const {
    return try_get_revision(key, revision).value();
  }

  /// `try_get_many`, throwing.
  std::vector<std::optional<KvEntry>> get_many(const std::vector<std::string_view> &keys) const {
    return try_get_many(keys).value();
  }

  /// `try_watch`, throwing.
  KvWatcher watch(std::string_view options = {}) const { return try_watch(options).value(); }

  /// `try_watch` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, KvEntry>>>
  KvWatcher watch(F &&on_entry, std::string_view options = {}) const {
    return try_watch(std::forward<F>(on_entry), options).value();
  }

  /// `try_keys`, throwing.
  std::vector<std::string> keys(std::string_view options = {}) const {
    return try_keys(options).value();
  }

  /// `try_history`, throwing.
  std::vector<KvEntry> history(std::string_view key) const { return try_history(key).value(); }

  /// `try_cache`, throwing.
  KvCache cache(std::string_view options = {}) const { return try_cache(options).value(); }
#endif

 private:
  /// What makes the new value of a key, and the one that it has made.
  template <class F>
  struct Modifier {
    F &make;
    std::optional<std::string> value = {};
#ifndef NATS_FFI_NO_EXCEPTIONS
    std::exception_ptr thrown = {};
#endif

    static std::int32_t run(const nats_kv_entry *entry, nats_bytes *value, void *held) noexcept {
      Modifier &self = *static_cast<Modifier *>(held);
      KvView view;
      if (entry) view = detail::view(*entry);
      self.call(entry ? &view : nullptr);
      if (self.value) *value = detail::c(bytes_view(*self.value));
      return self.value ? 1 : 0;
    }

    void call(const KvView *view) noexcept {
      value.reset();
#ifndef NATS_FFI_NO_EXCEPTIONS
      try {
        value = make(view);
      } catch (...) {
        thrown = std::current_exception();
      }
#else
      value = make(view);
#endif
    }
  };

  Result<KvWatcher> watch_with(std::string_view options, nats_msg_cb on_message, void *user,
                               nats_destroy_cb destroy) const {
    Result<Subscription> made =
        detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
          return nats_kv_watch(raw(), detail::c(options), on_message, user, destroy, out, e);
        });
    if (!made) return made.error();
    return KvWatcher(raw_, std::move(*made));
  }

};

}  // namespace nats

#endif  // NATS_FFI_KV_HPP
