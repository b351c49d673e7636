/// \file batch.hpp
/// Batches of messages to a stream. Part of nats_ffi.hpp.
#ifndef NATS_FFI_BATCH_HPP
#define NATS_FFI_BATCH_HPP

#include "jetstream.hpp"

namespace nats {

/// Messages that a stream stores as one: together or not at all (server 2.12), or as they come with
/// one acknowledgement for many (server 2.14). Any thread; one call at a time. An atomic one that is
/// not committed is not stored.
class Batch {
 public:
  using raw_type = nats_batch;

  /// None: calls fail with INVALID_HANDLE.
  Batch() noexcept = default;

  /// Takes over a C handle.
  explicit Batch(nats_batch *raw) noexcept : raw_(raw) {}

  /// A batch. `options`: JSON with the keys of "Batch" in docs/options.md.
  static Result<Batch> try_make(const JetStream &js, std::string_view options = {}) {
    return detail::make<Batch>([&](nats_batch **out, nats_error **e) {
      return nats_batch_new(js.get(), detail::c(options), out, e);
    });
  }

  /// Adds a message. `options`: JSON with the keys of "Message to a stream" in docs/options.md.
  /// BATCH_OVER says how far it was stored.
  Result<void> try_add(std::string_view subject, bytes_view payload, std::string_view options = {},
                       const Headers *headers = nullptr) const {
    return detail::check([&](nats_error **e) {
      return nats_batch_add(get(), detail::c(subject), detail::raw(headers), detail::c(payload),
                            detail::c(options), e);
    });
  }

  /// Adds the last message and ends the batch: what the stream tells of that message.
  Result<Doc> try_commit(std::string_view subject, bytes_view payload,
                         std::string_view options = {}, const Headers *headers = nullptr) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_batch_commit(get(), detail::c(subject), detail::raw(headers), detail::c(payload),
                               detail::c(options), out, e);
    });
  }

  /// Ends the batch with the messages that were added.
  Result<Doc> try_close() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_batch_close(get(), out, e); });
  }

  /// How far it is: see nats_batch_state().
  Result<Doc> try_state() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_batch_state(get(), out, e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_make`, throwing.
  explicit Batch(const JetStream &js, std::string_view options = {})
      : Batch(try_make(js, options).value()) {}

  /// `try_add`, throwing.
  void add(std::string_view subject, bytes_view payload, std::string_view options = {},
           const Headers *headers = nullptr) const {
    try_add(subject, payload, options, headers).value();
  }

  /// `try_commit`, throwing.
  Doc commit(std::string_view subject, bytes_view payload, std::string_view options = {},
             const Headers *headers = nullptr) const {
    return try_commit(subject, payload, options, headers).value();
  }

  /// `try_close`, throwing.
  Doc close() const { return try_close().value(); }

  /// `try_state`, throwing.
  Doc state() const { return try_state().value(); }
#endif

  /// The C handle, still owned by this object.
  nats_batch *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_batch, nats_batch_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_BATCH_HPP
