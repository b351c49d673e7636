/// \file message.hpp
/// Messages that were received. Part of nats_ffi.hpp.
#ifndef NATS_FFI_MESSAGE_HPP
#define NATS_FFI_MESSAGE_HPP

#include <iterator>

#include "headers.hpp"

namespace nats {

/// The header lines of a received message, for range-for; it lives as long as the message.
class HeaderRange {
 public:
  /// Walks the lines in order, in linear time; lines that cannot be decoded are left out.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = HeaderLine;
    using difference_type = std::ptrdiff_t;
    using pointer = const HeaderLine *;
    using reference = const HeaderLine &;

    iterator() = default;
    explicit iterator(nats_msg *msg) noexcept : msg_(msg) { ++*this; }
    reference operator*() const noexcept { return line_; }
    pointer operator->() const noexcept { return &line_; }
    iterator &operator++() noexcept {
      nats_str name{}, value{};
      if (nats_msg_header_next(msg_, &cursor_, &name, &value)) {
        line_ = {detail::view(name), detail::view(value)};
      } else {
        msg_ = nullptr;
      }
      return *this;
    }
    friend bool operator==(const iterator &a, const iterator &b) noexcept {
      return a.msg_ == b.msg_ && (!a.msg_ || a.cursor_ == b.cursor_);
    }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

   private:
    nats_msg *msg_ = nullptr;
    std::size_t cursor_ = 0;
    HeaderLine line_;
  };

  explicit HeaderRange(nats_msg *msg) noexcept : msg_(msg) {}
  iterator begin() const noexcept { return msg_ ? iterator(msg_) : iterator(); }
  iterator end() const noexcept { return {}; }

 private:
  nats_msg *msg_;
};

/// What a service says of a request that came to an error. A handler of an endpoint may throw it.
class ServiceError : public std::exception {
 public:
  /// An error to answer with: 1 to 65535, and one line that a user may be shown.
  ServiceError(std::int32_t code, std::string_view description)
      : code_(code), description_(description) {}

  /// The number, in the manner of HTTP or the service's own; 0 when an answer has none.
  std::int32_t code() const noexcept { return code_; }

  /// The description.
  const char *what() const noexcept override { return description_.c_str(); }

 private:
  std::int32_t code_;
  std::string description_;
};

/// A received message: one reference to it. Views of its parts live as long as any reference.
class Message {
 public:
  using raw_type = nats_msg;

  /// No message: empty views, and calls fail with INVALID_HANDLE.
  Message() noexcept = default;

  /// Takes over one reference.
  explicit Message(nats_msg *raw) noexcept : raw_(raw) {}

  /// One more reference to the same message.
  Message(const Message &other) noexcept
      : raw_(other.raw_ ? nats_msg_clone(other.get()) : nullptr) {}
  Message(Message &&) noexcept = default;
  Message &operator=(Message other) noexcept {
    raw_.swap(other.raw_);
    return *this;
  }

  /// Whether there is a message.
  explicit operator bool() const noexcept { return raw_ != nullptr; }

  /// The subject that it was published to.
  std::string_view subject() const noexcept { return detail::view(nats_msg_subject(get())); }

  /// Where answers go; empty when no answer is expected.
  std::string_view reply() const noexcept { return detail::view(nats_msg_reply(get())); }

  /// The payload.
  bytes_view payload() const noexcept { return detail::view(nats_msg_payload(get())); }

  /// The three-digit status of the header block, for example 503; 0 when there is none.
  std::int32_t status() const noexcept { return nats_msg_status(get()); }

  /// The text behind the status.
  std::string_view description() const noexcept {
    return detail::view(nats_msg_description(get()));
  }

  /// The header lines, in the order in which they were sent.
  HeaderRange headers() const noexcept { return HeaderRange(get()); }

  /// MALFORMED_MESSAGE when the subject or the header block could not be decoded.
  Result<void> try_check() const {
    return detail::check([&](nats_error **e) { return nats_msg_check(get(), e); });
  }

  /// The first value of exactly this header name, or NOT_FOUND.
  Result<std::string_view> try_header(std::string_view name) const {
    return detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_msg_header(get(), detail::c(name), out, e);
    });
  }

  /// The first value of this header name in any case, or NOT_FOUND.
  Result<std::string_view> try_header_ignore_case(std::string_view name) const {
    return detail::read_text([&](nats_str *out, nats_error **e) {
      return nats_msg_header_ignore_case(get(), detail::c(name), out, e);
    });
  }

  /// A copy of the headers that can be changed and sent.
  Result<Headers> try_copy_headers() const {
    return detail::make<Headers>(
        [&](nats_headers **out, nats_error **e) { return nats_msg_headers(get(), out, e); });
  }

  /// Answers a request. NO_REPLY when the message carries no reply subject.
  Result<void> try_respond(bytes_view payload, const Headers *headers = nullptr) const {
    return detail::check([&](nats_error **e) {
      return nats_msg_respond_msg(get(), detail::raw(headers), detail::c(payload), e);
    });
  }

  /// Answers a request with an error (code 1 to 65535, description not empty and one line), as
  /// services do. INVALID_ARGUMENT, INVALID_HEADER.
  Result<void> try_respond_error(std::int32_t code, std::string_view description,
                                 bytes_view payload = {}, const Headers *headers = nullptr) const {
    return detail::check([&](nats_error **e) {
      return nats_msg_respond_error(get(), code, detail::c(description), detail::raw(headers),
                                    detail::c(payload), e);
    });
  }

  /// Says that the handler of a request has failed: answers with an error of code 500 and the text,
  /// of which line breaks become spaces. Of a request that an endpoint got and that was answered
  /// before, nothing happens.
  Result<void> try_respond_failed(std::string_view text) const {
    return detail::check(
        [&](nats_error **e) { return nats_msg_respond_failed(get(), detail::c(text), e); });
  }

  /// The error that a service has answered with, if this is one.
  std::optional<ServiceError> service_error() const {
    std::int32_t code = 0;
    nats_str description{};
    if (!nats_msg_service_error(get(), &code, &description)) return std::nullopt;
    return ServiceError(code, detail::view(description));
  }

  /// Where a message that a consumer has delivered stands in its stream and its consumer; the views
  /// in it live as long as the message. NOT_JETSTREAM.
  Result<nats_metadata> try_metadata() const {
    return detail::read<nats_metadata>(
        [&](nats_metadata *out, nats_error **e) { return nats_msg_metadata(get(), out, e); });
  }

  /// Says that a delivered message was handled, without waiting for the server to have heard it.
  /// ALREADY_ACKED when it was said before what became of it; NOT_JETSTREAM.
  Result<void> try_ack() const {
    return detail::check([&](nats_error **e) { return nats_msg_ack(get(), e); });
  }

  /// Says that it was not handled: it is delivered again, after `delay` or at once.
  Result<void> try_nak(milliseconds delay = milliseconds(0)) const {
    return detail::check([&](nats_error **e) { return nats_msg_nak(get(), delay.count(), e); });
  }

  /// Says that it is being handled: the time to acknowledge it begins anew.
  Result<void> try_in_progress() const {
    return detail::check([&](nats_error **e) { return nats_msg_in_progress(get(), e); });
  }

  /// Says that it will never be handled; the reason goes into an advisory.
  Result<void> try_term(std::string_view reason = {}) const {
    return detail::check([&](nats_error **e) { return nats_msg_term(get(), detail::c(reason), e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_metadata`, throwing.
  nats_metadata metadata() const { return try_metadata().value(); }

  /// `try_ack`, throwing.
  void ack() const { try_ack().value(); }

  /// `try_nak`, throwing.
  void nak(milliseconds delay = milliseconds(0)) const { try_nak(delay).value(); }

  /// `try_in_progress`, throwing.
  void in_progress() const { try_in_progress().value(); }

  /// `try_term`, throwing.
  void term(std::string_view reason = {}) const { try_term(reason).value(); }

  /// `try_check`, throwing.
  void check() const { try_check().value(); }

  /// `try_header`, throwing.
  std::string_view header(std::string_view name) const { return try_header(name).value(); }

  /// `try_header_ignore_case`, throwing.
  std::string_view header_ignore_case(std::string_view name) const {
    return try_header_ignore_case(name).value();
  }

  /// `try_copy_headers`, throwing.
  Headers copy_headers() const { return try_copy_headers().value(); }

  /// `try_respond`, throwing.
  void respond(bytes_view payload, const Headers *headers = nullptr) const {
    try_respond(payload, headers).value();
  }

  /// `try_respond_error`, throwing.
  void respond_error(std::int32_t code, std::string_view description, bytes_view payload = {},
                     const Headers *headers = nullptr) const {
    try_respond_error(code, description, payload, headers).value();
  }

  /// `try_respond_failed`, throwing.
  void respond_failed(std::string_view text) const { try_respond_failed(text).value(); }
#endif

  /// The C message, still owned by this object.
  nats_msg *get() const noexcept { return raw_.get(); }

  /// Gives the reference away; the caller frees it with nats_msg_free.
  nats_msg *release() noexcept { return raw_.release(); }

 private:
  detail::Owned<nats_msg, nats_msg_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_MESSAGE_HPP
