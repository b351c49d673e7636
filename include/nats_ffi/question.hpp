/// \file question.hpp
/// What connections ask the program. Part of nats_ffi.hpp.
#ifndef NATS_FFI_QUESTION_HPP
#define NATS_FFI_QUESTION_HPP

#include "callback.hpp"

namespace nats {

/// A question of a connection, answered within its callable: afterwards its calls fail with
/// INVALID_HANDLE. It owns nothing.
class Question {
 public:
  /// A C handle, not taken over.
  explicit Question(nats_question *raw) noexcept : raw_(raw) {}

  /// What it is about, as a JSON object; the view lives as long as the callable runs.
  Result<std::string_view> try_about() const {
    return detail::read_text(
        [&](nats_str *out, nats_error **e) { return nats_question_about(get(), out, e); });
  }

  /// Adds a member to the answer, or replaces the one of this name. The value is copied, and wiped
  /// after its use.
  Result<void> try_answer(std::string_view name, bytes_view value) const {
    return detail::check([&](nats_error **e) {
      return nats_question_answer(get(), detail::c(name), detail::c(value), e);
    });
  }

  /// Fails the attempt to connect with this text, whatever is answered besides.
  Result<void> try_refuse(std::string_view why) const {
    return detail::check(
        [&](nats_error **e) { return nats_question_refuse(get(), detail::c(why), e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_about`, throwing.
  std::string_view about() const { return try_about().value(); }

  /// `try_answer`, throwing.
  void answer(std::string_view name, bytes_view value) const { try_answer(name, value).value(); }

  /// `try_refuse`, throwing.
  void refuse(std::string_view why) const { try_refuse(why).value(); }
#endif

  /// The C handle.
  nats_question *get() const noexcept { return raw_; }

 private:
  nats_question *raw_;
};

namespace detail {

/// Runs user code that answers a question: an exception that leaves it refuses.
template <class Code>
void answering(const Question &question, Code &&code) noexcept {
#ifndef NATS_FFI_NO_EXCEPTIONS
  // A refusal fails only where the text is not UTF-8: then its reason is not told.
  auto refuse = [&](const char *why) {
    if (!question.try_refuse(why)) (void)question.try_refuse("an exception");
  };
  try {
    code();
  } catch (const std::exception &error) {
    refuse(error.what());
  } catch (...) {
    refuse("an exception");
  }
#else
  (void)question;
  code();
#endif
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_QUESTION_HPP
