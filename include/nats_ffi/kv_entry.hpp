/// \file kv_entry.hpp
/// What buckets have under their keys. Part of nats_ffi.hpp.
#ifndef NATS_FFI_KV_ENTRY_HPP
#define NATS_FFI_KV_ENTRY_HPP

#include <memory>
#include <vector>

#include "doc.hpp"
#include "message.hpp"

namespace nats {

/// What was done to a key.
enum class KvOperation : std::int32_t {
  /// It was given the value.
  Put = NATS_KV_PUT,
  /// It was deleted; what it had before may be in its history.
  Delete = NATS_KV_DELETE,
  /// It was deleted with all it had before, or has come to the end of its time.
  Purge = NATS_KV_PURGE,
  /// Of a watch alone: all that there was when it began has come. There is no key.
  CaughtUp = NATS_KV_CAUGHT_UP,
};

/// What a bucket has under a key, or had, as views of what belongs to somebody else.
struct KvView {
  /// The key.
  std::string_view key;

  /// The value; empty of a deleted key.
  bytes_view value;

  /// It grows with whatever is done to any key of the bucket.
  std::uint64_t revision = 0;

  /// How many entries of what was asked for are still to come.
  std::uint64_t delta = 0;

  /// When the server stored it, in nanoseconds since 1970.
  std::int64_t created_ns = 0;

  /// What was done.
  KvOperation operation = KvOperation::CaughtUp;

  /// Whether the key has the value.
  bool is_put() const noexcept { return operation == KvOperation::Put; }

  /// Whether it is the word of a watch that all that there was has come.
  bool is_caught_up() const noexcept { return operation == KvOperation::CaughtUp; }
};

namespace detail {

/// A bucket's handle, shared with what reads entries by it.
using SharedKv = std::shared_ptr<nats_kv>;

inline SharedKv share(nats_kv *raw) { return SharedKv(raw, Freer<nats_kv_free>()); }

inline KvView view(const nats_kv_entry &entry) noexcept {
  return {view(entry.key), view(entry.value), entry.revision,
          entry.delta,     entry.created_ns,  static_cast<KvOperation>(entry.operation)};
}

}  // namespace detail

/// An entry with the message that it came by: its views live as long as it does.
class KvEntry : public KvView {
 public:
  /// None: views of nothing.
  KvEntry() noexcept = default;

  /// The entry that a message of the bucket `kv` tells. PROTOCOL for another message.
  static Result<KvEntry> try_read(nats_kv *kv, Message message) {
    Result<nats_kv_entry> entry =
        detail::read<nats_kv_entry>([&](nats_kv_entry *out, nats_error **e) {
          return nats_kv_read(kv, message.get(), out, e);
        });
    if (!entry) return entry.error();
    return KvEntry(detail::view(*entry), std::move(message));
  }

  /// The message, with its headers.
  const Message &message() const noexcept { return message_; }

 private:
  KvEntry(const KvView &view, Message message) noexcept
      : KvView(view), message_(std::move(message)) {}

  Message message_;
};

namespace detail {

/// The entry that a message tells, if there is one.
inline Result<KvEntry> entry(nats_kv *kv, Result<Message> message) {
  if (!message) return message.error();
  return KvEntry::try_read(kv, std::move(*message));
}

/// The entries that messages tell.
inline Result<std::vector<KvEntry>> entries(nats_kv *kv, Result<std::vector<Message>> messages) {
  if (!messages) return messages.error();
  std::vector<KvEntry> entries;
  entries.reserve(messages->size());
  for (Message &message : *messages) {
    Result<KvEntry> entry = KvEntry::try_read(kv, std::move(message));
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
  }
  return entries;
}

/// The texts that a document lists under `member`.
inline Result<std::vector<std::string>> texts(Result<Doc> doc, const char *member) {
  if (!doc) return doc.error();
  Result<std::size_t> size = doc->try_size(member);
  if (!size) return size.error();
  std::vector<std::string> texts;
  texts.reserve(*size);
  for (std::size_t i = 0; i < *size; ++i) {
    Result<std::string_view> text = doc->try_get_str(member + ("." + std::to_string(i)));
    if (!text) return text.error();
    texts.emplace_back(*text);
  }
  return texts;
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_KV_ENTRY_HPP
