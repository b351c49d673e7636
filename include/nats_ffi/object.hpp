/// \file object.hpp
/// Buckets of objects: bytes of any number under a name. Part of nats_ffi.hpp.
#ifndef NATS_FFI_OBJECT_HPP
#define NATS_FFI_OBJECT_HPP

#include <functional>
#include <iterator>
#include <optional>
#include <vector>

#include "jetstream.hpp"

namespace nats {

/// Told on the calling thread how much of an object has gone over so far, and how much it is in all, in
/// bytes.
using ObjectProgress = std::function<void(std::uint64_t bytes, std::uint64_t total)>;

/// An object that is being put, piece by piece. Nobody sees anything of it before `finish`; when it goes
/// before, what was written is taken back. Any thread; one call at a time, others wait.
class ObjectWriter {
 public:
  using raw_type = nats_object_writer;

  /// None: calls fail with INVALID_HANDLE.
  ObjectWriter() noexcept = default;

  /// Takes over a C handle.
  explicit ObjectWriter(nats_object_writer *raw) noexcept : raw_(raw) {}

  /// Writes the next bytes, any number of them. Waits for the server when too much is under way.
  Result<void> try_write(bytes_view bytes) const {
    return detail::check(
        [&](nats_error **e) { return nats_object_writer_write(get(), detail::c(bytes), e); });
  }

  /// Waits until all is stored, and makes the object visible; what nats_object_info() tells of it.
  Result<Doc> try_finish() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_object_writer_finish(get(), out, e); });
  }

  /// Takes back what was written, and waits until nothing is left of it.
  Result<void> try_abort() const {
    return detail::check([&](nats_error **e) { return nats_object_writer_abort(get(), e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_write`, throwing.
  void write(bytes_view bytes) const { try_write(bytes).value(); }

  /// The same in the form of `std::ostream::write`.
  const ObjectWriter &write(const char *bytes, std::size_t size) const {
    write(bytes_view(bytes, size));
    return *this;
  }

  /// Writes the next characters.
  const ObjectWriter &operator<<(std::string_view text) const {
    write(bytes_view(text));
    return *this;
  }

  /// `try_finish`, throwing.
  Doc finish() const { return try_finish().value(); }

  /// `try_abort`, throwing.
  void abort() const { try_abort().value(); }
#endif

  /// The C handle, still owned by this object.
  nats_object_writer *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_object_writer, nats_object_writer_free> raw_;
};

/// An object that is being read. The end comes only when all of it was what was put. Any thread; one call
/// at a time, others wait.
class ObjectReader {
 public:
  using raw_type = nats_object_reader;

  /// None: calls fail with INVALID_HANDLE.
  ObjectReader() noexcept = default;

  /// Takes over a C handle.
  explicit ObjectReader(nats_object_reader *raw) noexcept : raw_(raw) {}

  /// What nats_object_info() tells of the object. Never waits.
  Result<Doc> try_info() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_object_reader_info(get(), out, e); });
  }

  /// Reads the next bytes into `buffer`, which has room for `cap`; how many they are, 0 at the end.
  Result<std::size_t> try_read(void *buffer, std::size_t cap) const {
    return detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_object_reader_read(get(), static_cast<std::uint8_t *>(buffer), cap, out, e);
    });
  }

  /// The next chunk, as the payload of a message, without a copy; a message that is none at the end.
  Result<Message> try_next() const {
    return detail::make<Message>(
        [&](nats_msg **out, nats_error **e) { return nats_object_reader_next(get(), out, e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_info`, throwing.
  Doc info() const { return try_info().value(); }

  /// `try_read`, throwing.
  std::size_t read(void *buffer, std::size_t cap) const { return try_read(buffer, cap).value(); }

  /// `try_next`, throwing.
  Message next() const { return try_next().value(); }

  /// The chunks that are left, each read when the one before was handled.
  class Chunks {
   public:
    class iterator {
     public:
      using iterator_category = std::input_iterator_tag;
      using value_type = bytes_view;
      using difference_type = std::ptrdiff_t;
      using pointer = const bytes_view *;
      using reference = bytes_view;

      iterator() noexcept = default;
      explicit iterator(const ObjectReader *reader) : reader_(reader) { ++*this; }

      /// The bytes; the view lives until the iterator goes on.
      bytes_view operator*() const { return chunk_.payload(); }

      iterator &operator++() {
        chunk_ = reader_->next();
        if (!chunk_) reader_ = nullptr;
        return *this;
      }

      friend bool operator==(const iterator &a, const iterator &b) noexcept {
        return a.reader_ == b.reader_;
      }
      friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

     private:
      const ObjectReader *reader_ = nullptr;
      Message chunk_;
    };

    explicit Chunks(const ObjectReader *reader) noexcept : reader_(reader) {}
    iterator begin() const { return iterator(reader_); }
    iterator end() const noexcept { return {}; }

   private:
    const ObjectReader *reader_;
  };

  /// `for (nats::bytes_view chunk : reader.chunks())`; the reader stays where it is meanwhile.
  Chunks chunks() const & noexcept { return Chunks(this); }
  Chunks chunks() && = delete;
#endif

  /// The C handle, still owned by this object.
  nats_object_reader *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_object_reader, nats_object_reader_free> raw_;
};

/// A bucket of objects (ADR-20). Buckets are made and removed, and objects are described, listed, linked
/// and deleted by `JetStream::run` with nats_object_store_create(), nats_object_info() and their kin. Any
/// thread.
///
/// `options` are JSON with the keys of "Object that is put" or "Object that is read" in docs/options.md;
/// `meta` is JSON as that of nats_object_put().
class ObjectStore {
 public:
  using raw_type = nats_object_store;

  /// None: calls fail with INVALID_HANDLE.
  ObjectStore() noexcept = default;

  /// Takes over a C handle.
  explicit ObjectStore(nats_object_store *raw) noexcept : raw_(raw) {}

  /// The bucket, which has to be there: BUCKET_NOT_FOUND.
  static Result<ObjectStore> try_bind(const JetStream &js, std::string_view bucket) {
    return detail::make<ObjectStore>([&](nats_object_store **out, nats_error **e) {
      return nats_object_store_bind(js.get(), detail::c(bucket), out, e);
    });
  }

  /// Puts an object that is in memory; what nats_object_info() tells of it.
  Result<Doc> try_put(std::string_view name, bytes_view bytes, std::string_view meta = {},
                      std::string_view options = {}) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_object_put(get(), detail::c(name), detail::c(meta), detail::c(bytes),
                             detail::c(options), out, e);
    });
  }

  /// `try_put` whose outcome runs `done(Result<Doc>)` in `queue.poll`.
  template <class F>
  Result<void> try_put_async(Queue &queue, std::string_view name, bytes_view bytes, F &&done,
                             std::string_view meta = {}, std::string_view options = {}) const {
    return queue.start<Doc>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_object_put_async(get(), detail::c(name), detail::c(meta), detail::c(bytes),
                                       detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Puts the content of a file.
  Result<Doc> try_put_file(std::string_view name, std::string_view path,
                           const ObjectProgress &progress = {}, std::string_view meta = {},
                           std::string_view options = {}) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_object_put_file(get(), detail::c(name), detail::c(meta), detail::c(path),
                                  detail::c(options), progress ? tell : nullptr, user_of(progress),
                                  out, e);
    });
  }

  /// An object, or a range of it, as the payload of a message. DIGEST_MISMATCH when what came is not what
  /// was put.
  Result<Message> try_get(std::string_view name, std::string_view options = {}) const {
    return detail::make<Message>([&](nats_msg **out, nats_error **e) {
      return nats_object_get(get(), detail::c(name), detail::c(options), out, nullptr, e);
    });
  }

  /// `try_get` whose outcome runs `done(Result<Message>)` in `queue.poll`.
  template <class F>
  Result<void> try_get_async(Queue &queue, std::string_view name, F &&done,
                             std::string_view options = {}) const {
    return queue.start<Message>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_object_get_async(get(), detail::c(name), detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// An object as a string.
  Result<std::string> try_get_string(std::string_view name, std::string_view options = {}) const {
    Result<Message> got = try_get(name, options);
    if (!got) return got.error();
    return got->payload().str();
  }

  /// An object as bytes.
  Result<std::vector<std::uint8_t>> try_get_bytes(std::string_view name,
                                                  std::string_view options = {}) const {
    Result<Message> got = try_get(name, options);
    if (!got) return got.error();
    bytes_view bytes = got->payload();
    return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
  }

  /// Gets an object into a file, which is there as a whole or not at all.
  Result<Doc> try_get_file(std::string_view name, std::string_view path,
                           const ObjectProgress &progress = {},
                           std::string_view options = {}) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_object_get_file(get(), detail::c(name), detail::c(path), detail::c(options),
                                  progress ? tell : nullptr, user_of(progress), out, e);
    });
  }

  /// Begins to put an object piece by piece.
  Result<ObjectWriter> try_writer(std::string_view name, std::string_view meta = {},
                                  std::string_view options = {}) const {
    return detail::make<ObjectWriter>([&](nats_object_writer **out, nats_error **e) {
      return nats_object_writer_new(get(), detail::c(name), detail::c(meta), detail::c(options), out,
                                    e);
    });
  }

  /// Begins to read an object, or a range of it, piece by piece.
  Result<ObjectReader> try_reader(std::string_view name, std::string_view options = {}) const {
    return detail::make<ObjectReader>([&](nats_object_reader **out, nats_error **e) {
      return nats_object_reader_new(get(), detail::c(name), detail::c(options), out, e);
    });
  }

  /// What is known of each object, then a mark, then what is done to them, as messages that `try_read`
  /// reads. `options`: JSON with the keys of "Watch of objects" in docs/options.md.
  Result<Subscription> try_watch(std::string_view options = {}) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_object_watch(get(), detail::c(options), nullptr, nullptr, nullptr, out, e);
    });
  }

  /// What a message of a watch tells; nothing: all that there was when the watch began has come.
  Result<std::optional<Doc>> try_read(const Message &message) const {
    Result<nats_doc *> told = detail::read<nats_doc *>([&](nats_doc **out, nats_error **e) {
      return nats_object_read(get(), message.get(), out, e);
    });
    if (!told) return told.error();
    return *told ? std::optional<Doc>(Doc(*told)) : std::nullopt;
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_bind`, throwing.
  ObjectStore(const JetStream &js, std::string_view bucket)
      : ObjectStore(try_bind(js, bucket).value()) {}

  /// `try_put`, throwing.
  Doc put(std::string_view name, bytes_view bytes, std::string_view meta = {},
          std::string_view options = {}) const {
    return try_put(name, bytes, meta, options).value();
  }

  /// `try_put_async`, throwing when it cannot be started.
  template <class F>
  void put_async(Queue &queue, std::string_view name, bytes_view bytes, F &&done,
                 std::string_view meta = {}, std::string_view options = {}) const {
    try_put_async(queue, name, bytes, std::forward<F>(done), meta, options).value();
  }

  /// `try_put_file`, throwing.
  Doc put_file(std::string_view name, std::string_view path, const ObjectProgress &progress = {},
               std::string_view meta = {}, std::string_view options = {}) const {
    return try_put_file(name, path, progress, meta, options).value();
  }

  /// `try_get`, throwing.
  Message get(std::string_view name, std::string_view options = {}) const {
    return try_get(name, options).value();
  }

  /// `try_get_async`, throwing when it cannot be started.
  template <class F>
  void get_async(Queue &queue, std::string_view name, F &&done,
                 std::string_view options = {}) const {
    try_get_async(queue, name, std::forward<F>(done), options).value();
  }

  /// `try_get_string`, throwing.
  std::string get_string(std::string_view name, std::string_view options = {}) const {
    return try_get_string(name, options).value();
  }

  /// `try_get_bytes`, throwing.
  std::vector<std::uint8_t> get_bytes(std::string_view name, std::string_view options = {}) const {
    return try_get_bytes(name, options).value();
  }

  /// `try_get_file`, throwing.
  Doc get_file(std::string_view name, std::string_view path, const ObjectProgress &progress = {},
               std::string_view options = {}) const {
    return try_get_file(name, path, progress, options).value();
  }

  /// `try_writer`, throwing.
  ObjectWriter writer(std::string_view name, std::string_view meta = {},
                      std::string_view options = {}) const {
    return try_writer(name, meta, options).value();
  }

  /// `try_reader`, throwing.
  ObjectReader reader(std::string_view name, std::string_view options = {}) const {
    return try_reader(name, options).value();
  }

  /// `try_watch`, throwing.
  Subscription watch(std::string_view options = {}) const { return try_watch(options).value(); }

  /// `try_read`, throwing.
  std::optional<Doc> read(const Message &message) const { return try_read(message).value(); }
#endif

  /// The C handle, still owned by this object.
  nats_object_store *get() const noexcept { return raw_.get(); }

 private:
  static void tell(std::uint64_t bytes, std::uint64_t total, void *held) {
    detail::guarded([&] { (*static_cast<const ObjectProgress *>(held))(bytes, total); });
  }

  static void *user_of(const ObjectProgress &progress) noexcept {
    return const_cast<ObjectProgress *>(&progress);
  }

  detail::Owned<nats_object_store, nats_object_store_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_OBJECT_HPP
