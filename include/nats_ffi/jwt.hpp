/// \file jwt.hpp
/// JWTs of users and accounts, and credentials. Part of nats_ffi.hpp.
#ifndef NATS_FFI_JWT_HPP
#define NATS_FFI_JWT_HPP

#include "doc.hpp"
#include "nkey.hpp"
#include "text.hpp"

namespace nats {

/// Makes the JWT of the user with this public key. `claims`: JSON with the keys that
/// docs/options.md lists under "User claims"; empty for none. `signer`: the account's key.
/// INVALID_OPTION names a claim that is unknown and the nearest known one.
inline Result<Text> try_encode_user_jwt(std::string_view claims, std::string_view user,
                                        const KeyPair &signer) {
  return detail::make<Text>([&](nats_text **out, nats_error **e) {
    return nats_jwt_encode_user(detail::c(claims), detail::c(user), signer.get(), out, e);
  });
}

/// Makes the JWT of the account with this public key. `claims`: as above, under "Account claims".
/// `signer`: the operator's key, or the account's own.
inline Result<Text> try_encode_account_jwt(std::string_view claims, std::string_view account,
                                           const KeyPair &signer) {
  return detail::make<Text>([&](nats_text **out, nats_error **e) {
    return nats_jwt_encode_account(detail::c(claims), detail::c(account), signer.get(), out, e);
  });
}

/// What a JWT says, once its signature is checked (INVALID_CREDENTIALS); see nats_jwt_decode().
inline Result<Doc> try_decode_jwt(std::string_view token) {
  return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
    return nats_jwt_decode(detail::c(token), out, e);
  });
}

/// What a credentials file holds.
struct Credentials {
  /// The user's JWT.
  Text jwt;
  /// The user's key.
  KeyPair key;
};

/// Makes the content of a credentials file, as the option "creds" takes it.
inline Result<Text> try_format_creds(std::string_view jwt, const KeyPair &key) {
  return detail::make<Text>([&](nats_text **out, nats_error **e) {
    return nats_creds_format(detail::c(jwt), key.get(), out, e);
  });
}

/// Reads the content of a credentials file (INVALID_CREDENTIALS, without showing it).
inline Result<Credentials> try_parse_creds(std::string_view content) {
  nats_text *jwt = nullptr;
  nats_nkey *key = nullptr;
  Result<void> parsed = detail::check(
      [&](nats_error **e) { return nats_creds_parse(detail::c(content), &jwt, &key, e); });
  if (!parsed) return parsed.error();
  return Credentials{Text(jwt), KeyPair(key)};
}

#ifndef NATS_FFI_NO_EXCEPTIONS
/// `try_encode_user_jwt`, throwing.
inline Text encode_user_jwt(std::string_view claims, std::string_view user,
                            const KeyPair &signer) {
  return try_encode_user_jwt(claims, user, signer).value();
}

/// `try_encode_account_jwt`, throwing.
inline Text encode_account_jwt(std::string_view claims, std::string_view account,
                               const KeyPair &signer) {
  return try_encode_account_jwt(claims, account, signer).value();
}

/// `try_decode_jwt`, throwing.
inline Doc decode_jwt(std::string_view token) { return try_decode_jwt(token).value(); }

/// `try_format_creds`, throwing.
inline Text format_creds(std::string_view jwt, const KeyPair &key) {
  return try_format_creds(jwt, key).value();
}

/// `try_parse_creds`, throwing.
inline Credentials parse_creds(std::string_view content) {
  return try_parse_creds(content).value();
}
#endif

}  // namespace nats

#endif  // NATS_FFI_JWT_HPP
