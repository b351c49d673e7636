/// \file headers.hpp
/// Message headers to send (ADR-4). Part of nats_ffi.hpp.
#ifndef NATS_FFI_HEADERS_HPP
#define NATS_FFI_HEADERS_HPP

#include <initializer_list>

#include "error.hpp"

namespace nats {

/// One header line: its name and its value.
using HeaderLine = std::pair<std::string_view, std::string_view>;

/// An ordered list of header lines; a name may come more than once, and case is kept (ADR-4).
/// Names with a colon, and names or values with CR or LF, are refused with INVALID_HEADER.
class Headers {
 public:
  using raw_type = nats_headers;

  /// Takes over a C handle; null makes an empty object whose calls fail with INVALID_HANDLE.
  explicit Headers(nats_headers *raw) noexcept : raw_(raw) {}

  /// An empty list.
  static Result<Headers> try_make() {
    return detail::make<Headers>(
        [](nats_headers **out, nats_error **e) { return nats_headers_new(out, e); });
  }

  /// Adds a line at the end.
  Result<void> try_append(std::string_view name, std::string_view value) {
    return detail::check([&](nats_error **e) {
      return nats_headers_append(get(), detail::c(name), detail::c(value), e);
    });
  }

  /// Replaces every line of exactly this name by one.
  Result<void> try_set(std::string_view name, std::string_view value) {
    return detail::check([&](nats_error **e) {
      return nats_headers_set(get(), detail::c(name), detail::c(value), e);
    });
  }

  /// Removes every line of exactly this name; the result is how many there were.
  Result<std::size_t> try_remove(std::string_view name) {
    return detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_headers_remove(get(), detail::c(name), out, e);
    });
  }

  /// The first value of exactly this name, or NOT_FOUND. The view lives until the list changes.
  Result<std::string_view> try_get(std::string_view name) const {
    return detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_headers_get(get(), detail::c(name), out, e);
    });
  }

  /// The first value of this name in any case, or NOT_FOUND.
  Result<std::string_view> try_get_ignore_case(std::string_view name) const {
    return detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_headers_get_ignore_case(get(), detail::c(name), out, e);
    });
  }

  /// How many lines there are.
  Result<std::size_t> try_size() const {
    return detail::read<std::size_t>(
        [&](std::size_t *out, nats_error **e) { return nats_headers_count(get(), out, e); });
  }

  /// The line at `index`, counted from 0, or NOT_FOUND. The views live until the list changes.
  Result<HeaderLine> try_at(std::size_t index) const {
    nats_str name{};
    Result<std::string_view> value = detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_headers_at(get(), index, &name, out, e);
    });
    if (!value) return value.error();
    return HeaderLine(detail::view(name), *value);
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// An empty list.
  Headers() : Headers(try_make().value()) {}

  /// These lines, in this order.
  Headers(std::initializer_list<HeaderLine> lines) : Headers() {
    for (const HeaderLine &line : lines) append(line.first, line.second);
  }

  /// `try_append`, throwing.
  void append(std::string_view name, std::string_view value) { try_append(name, value).value(); }

  /// `try_set`, throwing.
  void set(std::string_view name, std::string_view value) { try_set(name, value).value(); }

  /// `try_remove`, throwing.
  std::size_t remove(std::string_view name) { return try_remove(name).value(); }

  /// `try_get`, throwing.
  std::string_view get(std::string_view name) const { return try_get(name).value(); }

  /// `try_get_ignore_case`, throwing.
  std::string_view get_ignore_case(std::string_view name) const {
    return try_get_ignore_case(name).value();
  }

  /// `try_size`, throwing.
  std::size_t size() const { return try_size().value(); }

  /// `try_at`, throwing.
  HeaderLine at(std::size_t index) const { return try_at(index).value(); }
#endif

  /// Gives the C handle away; this object is empty afterwards.
  nats_headers *release() noexcept { return raw_.release(); }

  /// The C handle, still owned by this object.
  nats_headers *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_headers, nats_headers_free> raw_;
};

namespace detail {

inline nats_headers *raw(const Headers *headers) noexcept {
  return headers ? headers->get() : nullptr;
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_HEADERS_HPP
