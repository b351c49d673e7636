/// \file doc.hpp
/// Documents: JSON with dotted paths. Part of nats_ffi.hpp.
#ifndef NATS_FFI_DOC_HPP
#define NATS_FFI_DOC_HPP

#include "error.hpp"

namespace nats {

/// A JSON document that is read and changed by dotted paths such as "placement.tags.0".
/// Errors: NOT_FOUND, WRONG_TYPE and INVALID_JSON, each naming the path.
class Doc {
 public:
  using raw_type = nats_doc;

  /// Takes over a C handle; null makes an empty object whose calls fail with INVALID_HANDLE.
  explicit Doc(nats_doc *raw) noexcept : raw_(raw) {}

  /// The empty document `{}`.
  static Result<Doc> try_make() {
    return detail::make<Doc>([](nats_doc **out, nats_error **e) { return nats_doc_new(out, e); });
  }

  /// The document that `json` spells.
  static Result<Doc> try_parse(std::string_view json) {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_doc_parse(detail::c(json), out, e); });
  }

  /// The document as JSON text; the view lives until the document is changed or goes.
  Result<std::string_view> try_json() const {
    return detail::read_text(
        [&](nats_str *out, nats_error **e) { return nats_doc_json(get(), out, e); });
  }

  /// Sets text at `path`, making the objects on the way.
  Result<void> try_set_str(std::string_view path, std::string_view value) {
    return set(path, [&](nats_str p, nats_error **e) {
      return nats_doc_set_str(get(), p, detail::c(value), e);
    });
  }

  /// Sets a whole number at `path`.
  Result<void> try_set_int(std::string_view path, std::int64_t value) {
    return set(path,
               [&](nats_str p, nats_error **e) { return nats_doc_set_int(get(), p, value, e); });
  }

  /// Sets true or false at `path`.
  Result<void> try_set_bool(std::string_view path, bool value) {
    return set(path,
               [&](nats_str p, nats_error **e) { return nats_doc_set_bool(get(), p, value, e); });
  }

  /// Sets a number at `path`; it must be finite.
  Result<void> try_set_double(std::string_view path, double value) {
    return set(path,
               [&](nats_str p, nats_error **e) { return nats_doc_set_double(get(), p, value, e); });
  }

  /// Sets the value that `json` spells at `path`.
  Result<void> try_set_json(std::string_view path, std::string_view json) {
    return set(path, [&](nats_str p, nats_error **e) {
      return nats_doc_set_json(get(), p, detail::c(json), e);
    });
  }

  /// Adds the value that `json` spells at the end of the array at `path`.
  Result<void> try_append_json(std::string_view path, std::string_view json) {
    return set(path, [&](nats_str p, nats_error **e) {
      return nats_doc_append_json(get(), p, detail::c(json), e);
    });
  }

  /// Removes what is at `path`.
  Result<void> try_remove(std::string_view path) {
    return set(path, [&](nats_str p, nats_error **e) { return nats_doc_remove(get(), p, e); });
  }

  /// The text at `path`; the view lives until the document is changed or goes.
  Result<std::string_view> try_get_str(std::string_view path) const {
    return detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_doc_get_str(get(), detail::c(path), out, e);
    });
  }

  /// The whole number at `path`.
  Result<std::int64_t> try_get_int(std::string_view path) const {
    return detail::read<std::int64_t>([&](std::int64_t *out, nats_error **e) {
      return nats_doc_get_int(get(), detail::c(path), out, e);
    });
  }

  /// The truth value at `path`.
  Result<bool> try_get_bool(std::string_view path) const {
    Result<std::int32_t> flag = detail::read<std::int32_t>([&](std::int32_t *out, nats_error **e) {
      return nats_doc_get_bool(get(), detail::c(path), out, e);
    });
    if (!flag) return flag.error();
    return *flag != 0;
  }

  /// The number at `path`.
  Result<double> try_get_double(std::string_view path) const {
    return detail::read<double>([&](double *out, nats_error **e) {
      return nats_doc_get_double(get(), detail::c(path), out, e);
    });
  }

  /// A copy of what is at `path`, as a document of its own.
  Result<Doc> try_get_doc(std::string_view path) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_doc_get_doc(get(), detail::c(path), out, e);
    });
  }

  /// How many members or elements the object or array at `path` has.
  Result<std::size_t> try_size(std::string_view path = {}) const {
    return detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_doc_len(get(), detail::c(path), out, e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// The empty document `{}`.
  Doc() : Doc(try_make().value()) {}

  /// `try_parse`, throwing.
  static Doc parse(std::string_view json) { return try_parse(json).value(); }

  /// `try_json`, throwing.
  std::string_view json() const { return try_json().value(); }

  /// `try_set_str`, throwing.
  void set_str(std::string_view path, std::string_view value) { try_set_str(path, value).value(); }

  /// `try_set_int`, throwing.
  void set_int(std::string_view path, std::int64_t value) { try_set_int(path, value).value(); }

  /// `try_set_bool`, throwing.
  void set_bool(std::string_view path, bool value) { try_set_bool(path, value).value(); }

  /// `try_set_double`, throwing.
  void set_double(std::string_view path, double value) { try_set_double(path, value).value(); }

  /// `try_set_json`, throwing.
  void set_json(std::string_view path, std::string_view json) { try_set_json(path, json).value(); }

  /// `try_append_json`, throwing.
  void append_json(std::string_view path, std::string_view json) {
    try_append_json(path, json).value();
  }

  /// `try_remove`, throwing.
  void remove(std::string_view path) { try_remove(path).value(); }

  /// `try_get_str`, throwing.
  std::string_view get_str(std::string_view path) const { return try_get_str(path).value(); }

  /// `try_get_int`, throwing.
  std::int64_t get_int(std::string_view path) const { return try_get_int(path).value(); }

  /// `try_get_bool`, throwing.
  bool get_bool(std::string_view path) const { return try_get_bool(path).value(); }

  /// `try_get_double`, throwing.
  double get_double(std::string_view path) const { return try_get_double(path).value(); }

  /// `try_get_doc`, throwing.
  Doc get_doc(std::string_view path) const { return try_get_doc(path).value(); }

  /// `try_size`, throwing.
  std::size_t size(std::string_view path = {}) const { return try_size(path).value(); }
#endif

  /// The C handle, still owned by this object.
  nats_doc *get() const noexcept { return raw_.get(); }

 private:
  template <class Call>
  Result<void> set(std::string_view path, Call &&call) {
    return detail::check([&](nats_error **e) { return call(detail::c(path), e); });
  }

  detail::Owned<nats_doc, nats_doc_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_DOC_HPP
