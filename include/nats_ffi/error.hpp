/// \file error.hpp
/// Errors and results. Part of nats_ffi.hpp.
#ifndef NATS_FFI_ERROR_HPP
#define NATS_FFI_ERROR_HPP

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "view.hpp"

namespace nats {

/// What went wrong: a code that is the same in every language, and a text that names the argument,
/// subject or server concerned. The text never contains credentials.
class Error : public std::exception {
 public:
  /// An error of one's own, for example to fail a `Result`.
  Error(nats_status code, std::string_view text) : code_(code) {
    what_.append(detail::view(nats_status_name(code))).append(": ");
    text_at_ = what_.size();
    what_.append(text);
  }

  /// Takes over what a C call reported: the status and the error object, which may be null.
  static Error adopt(nats_status status, nats_error *error) {
    std::unique_ptr<nats_error, nats_status (*)(nats_error *)> owned(error, nats_error_free);
    nats_str text = error ? nats_error_text(error) : nats_status_text(status);
    Error adopted(status, detail::view(text));
    adopted.api_code_ = nats_error_api_code(error);
    adopted.api_err_code_ = nats_error_api_err_code(error);
    return adopted;
  }

  /// One of the NATS_ERR_ numbers.
  nats_status code() const noexcept { return code_; }

  /// The stable name of the code, for example "NO_RESPONDERS".
  std::string_view name() const noexcept { return detail::view(nats_status_name(code_)); }

  /// The text without the name in front.
  std::string_view text() const noexcept { return std::string_view(what_).substr(text_at_); }

  /// What JetStream refused, in the manner of HTTP; 0 when it was not JetStream that refused.
  std::int32_t api_code() const noexcept { return api_code_; }

  /// JetStream's own number of the refusal; 0 when it was not JetStream that refused.
  std::int32_t api_err_code() const noexcept { return api_err_code_; }

  /// The name of that number, for example "STREAM_NOT_FOUND".
  std::string_view api_name() const noexcept {
    return detail::view(nats_jetstream_err_code_name(api_err_code_));
  }

  /// The name of the code, a colon and the text.
  const char *what() const noexcept override { return what_.c_str(); }

 private:
  nats_status code_;
  std::int32_t api_code_ = 0, api_err_code_ = 0;
  std::size_t text_at_ = 0;
  std::string what_;
};

/// A value or the error that came instead of it.
template <class T>
class [[nodiscard]] Result {
 public:
  /// Success.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}

  /// Failure.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  /// Whether there is a value.
  bool ok() const noexcept { return state_.index() == 0; }

  /// Whether there is a value.
  explicit operator bool() const noexcept { return ok(); }

  /// NATS_OK or the error's code.
  nats_status code() const noexcept { return ok() ? NATS_OK : error().code(); }

  /// The error; only when there is no value.
  const Error &error() const noexcept { return *std::get_if<1>(&state_); }

  /// The value; throws the error when there is none (ends the program where exceptions are off).
  T &value() & {
    require();
    return **this;
  }

  /// The value, moved out; throws the error when there is none.
  T value() && {
    require();
    return std::move(**this);
  }

  /// The value, moved out, or `other` when there is none.
  T value_or(T other) && { return ok() ? std::move(**this) : std::move(other); }

  /// The value; only when there is one.
  T &operator*() noexcept { return *std::get_if<0>(&state_); }

  /// The value's member; only when there is a value.
  T *operator->() noexcept { return std::get_if<0>(&state_); }

 private:
  void require() const {
#ifndef NATS_FFI_NO_EXCEPTIONS
    if (!ok()) throw error();
#else
    if (!ok()) std::abort();
#endif
  }

  std::variant<T, Error> state_;
};

/// Success, or the error that prevented it.
template <>
class [[nodiscard]] Result<void> {
 public:
  /// Success.
  Result() = default;

  /// Failure.
  Result(Error error) : error_(std::move(error)) {}

  /// Whether the call succeeded.
  bool ok() const noexcept { return !error_; }

  /// Whether the call succeeded.
  explicit operator bool() const noexcept { return ok(); }

  /// NATS_OK or the error's code.
  nats_status code() const noexcept { return ok() ? NATS_OK : error_->code(); }

  /// The error; only when the call failed.
  const Error &error() const noexcept { return *error_; }

  /// Nothing; throws the error when there is one (ends the program where exceptions are off).
  void value() const {
#ifndef NATS_FFI_NO_EXCEPTIONS
    if (error_) throw *error_;
#else
    if (error_) std::abort();
#endif
  }

 private:
  std::optional<Error> error_;
};

namespace detail {

/// Frees a handle with the C function for its type.
template <auto Free>
struct Freer {
  template <class T>
  void operator()(T *handle) const noexcept {
    Free(handle);
  }
};

/// Owns a handle; `Free` is the C function that gives it back.
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

/// Makes a C call that has no output.
template <class Call>
Result<void> check(Call &&call) {
  nats_error *error = nullptr;
  nats_status status = call(&error);
  if (status != NATS_OK) return Error::adopt(status, error);
  return {};
}

/// Makes a C call that writes one plain value of type `T`.
template <class T, class Call>
Result<T> read(Call &&call) {
  T out{};
  nats_error *error = nullptr;
  nats_status status = call(&out, &error);
  if (status != NATS_OK) return Error::adopt(status, error);
  return out;
}

/// Makes a C call that writes a text view.
template <class Call>
Result<std::string_view> read_text(Call &&call) {
  Result<nats_str> text = read<nats_str>(std::forward<Call>(call));
  if (!text) return text.error();
  return view(*text);
}

/// Makes a C call that writes a handle, and wraps the handle in its class `T`.
template <class T, class Call>
Result<T> make(Call &&call) {
  typename T::raw_type *out = nullptr;
  nats_error *error = nullptr;
  nats_status status = call(&out, &error);
  if (status != NATS_OK) return Error::adopt(status, error);
  return T(out);
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_ERROR_HPP
