/// \file nkey.hpp
/// NKeys. Part of nats_ffi.hpp.
#ifndef NATS_FFI_NKEY_HPP
#define NATS_FFI_NKEY_HPP

#include <algorithm>
#include <array>
#include <iterator>

#include "error.hpp"

namespace nats {

/// The signature of a key.
using Signature = std::array<std::uint8_t, 64>;

/// A key pair of Ed25519: an operator signs accounts, an account signs users, a user signs what a
/// server asks to sign. Its seed is wiped from memory when it goes.
class KeyPair {
 public:
  using raw_type = nats_nkey;

  /// Takes over a C handle; null makes an empty object whose calls fail with INVALID_HANDLE.
  explicit KeyPair(nats_nkey *raw) noexcept : raw_(raw) {}

  /// A new pair. `kind`: "operator", "account", "user", "server" or "cluster".
  static Result<KeyPair> try_generate(std::string_view kind) {
    return detail::make<KeyPair>(
        [&](nats_nkey **out, nats_error **e) { return nats_nkey_new(detail::c(kind), out, e); });
  }

  /// The pair of a seed (INVALID_KEY, without showing it).
  static Result<KeyPair> try_from_seed(std::string_view seed) {
    return detail::make<KeyPair>([&](nats_nkey **out, nats_error **e) {
      return nats_nkey_from_seed(detail::c(seed), out, e);
    });
  }

  /// Whether `signature` is that of `bytes` by the key with this public key (INVALID_KEY when it is
  /// none).
  static Result<bool> try_verify(std::string_view public_key, bytes_view bytes,
                                 bytes_view signature) {
    Result<std::int32_t> valid = detail::read<std::int32_t>([&](std::int32_t *out, nats_error **e) {
      return nats_nkey_verify(detail::c(public_key), detail::c(bytes), detail::c(signature), out,
                              e);
    });
    if (!valid) return valid.error();
    return *valid != 0;
  }

  /// The kind, by the names of `try_generate`.
  Result<std::string_view> try_kind() const {
    return detail::read_text(
        [&](nats_str *out, nats_error **e) { return nats_nkey_kind(get(), out, e); });
  }

  /// The public key as text; the view lives as long as this object.
  Result<std::string_view> try_public_key() const {
    return detail::read_text(
        [&](nats_str *out, nats_error **e) { return nats_nkey_public_key(get(), out, e); });
  }

  /// The seed as text; the view lives as long as this object. Whoever has it, has the key.
  Result<std::string_view> try_seed() const {
    return detail::read_text(
        [&](nats_str *out, nats_error **e) { return nats_nkey_seed(get(), out, e); });
  }

  /// The signature of `bytes`.
  Result<Signature> try_sign(bytes_view bytes) const {
    std::uint8_t out[64];
    Result<void> done = detail::check(
        [&](nats_error **e) { return nats_nkey_sign(get(), detail::c(bytes), &out, e); });
    if (!done) return done.error();
    Signature signature;
    std::copy(std::begin(out), std::end(out), signature.begin());
    return signature;
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_generate`, throwing.
  static KeyPair generate(std::string_view kind) { return try_generate(kind).value(); }

  /// `try_from_seed`, throwing.
  static KeyPair from_seed(std::string_view seed) { return try_from_seed(seed).value(); }

  /// `try_verify`, throwing.
  static bool verify(std::string_view public_key, bytes_view bytes, bytes_view signature) {
    return try_verify(public_key, bytes, signature).value();
  }

  /// `try_kind`, throwing.
  std::string_view kind() const { return try_kind().value(); }

  /// `try_public_key`, throwing.
  std::string_view public_key() const { return try_public_key().value(); }

  /// `try_seed`, throwing.
  std::string_view seed() const { return try_seed().value(); }

  /// `try_sign`, throwing.
  Signature sign(bytes_view bytes) const { return try_sign(bytes).value(); }
#endif

  /// Wipes and frees the key: calls fail with INVALID_HANDLE from now on.
  void wipe() noexcept { raw_.reset(); }

  /// The C handle, still owned by this object.
  nats_nkey *get() const noexcept { return raw_.get(); }

 private:
  detail::Owned<nats_nkey, nats_nkey_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_NKEY_HPP
