/// \file text.hpp
/// Texts that the library makes. Part of nats_ffi.hpp.
#ifndef NATS_FFI_TEXT_HPP
#define NATS_FFI_TEXT_HPP

#include "error.hpp"

namespace nats {

/// A text that the library has made, for example a JWT: wiped from memory when it goes.
class Text {
 public:
  using raw_type = nats_text;

  /// Takes over a C handle; null makes an empty text.
  explicit Text(nats_text *raw) noexcept : raw_(raw) {}

  /// The characters; the view lives as long as this object.
  std::string_view view() const noexcept { return detail::view(nats_text_view(get())); }

  /// The same.
  operator std::string_view() const noexcept { return view(); }

  /// A copy of the characters, which is not wiped.
  std::string str() const { return std::string(view()); }

  /// The C handle, still owned by this object.
  nats_text *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_text, nats_text_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_TEXT_HPP
