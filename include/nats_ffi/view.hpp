/// \file view.hpp
/// Views of text and bytes that cross the C boundary. Part of nats_ffi.hpp.
#ifndef NATS_FFI_VIEW_HPP
#define NATS_FFI_VIEW_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "../nats_ffi.h"

static_assert(sizeof(nats_str) == 2 * sizeof(void *), "nats_str is a pointer and a length");
static_assert(sizeof(nats_bytes) == 2 * sizeof(void *), "nats_bytes is a pointer and a length");
static_assert(sizeof(nats_status) == 4, "a status is 32 bits wide");

namespace nats {

/// The unit of every time argument.
using std::chrono::milliseconds;

/// A view of bytes that belong to somebody else. Made from text, from a pointer and a length, or
/// from any contiguous container of bytes (`std::vector<std::uint8_t>`, `std::array<char, N>`).
class bytes_view {
 public:
  /// No bytes.
  constexpr bytes_view() noexcept = default;

  /// `size` bytes at `data`.
  bytes_view(const void *data, std::size_t size) noexcept
      : data_(static_cast<const std::uint8_t *>(data)), size_(size) {}

  /// The characters of `text`, without a terminator.
  bytes_view(std::string_view text) noexcept : bytes_view(text.data(), text.size()) {}

  /// The characters of a NUL-terminated string, without the terminator.
  bytes_view(const char *text) noexcept : bytes_view(std::string_view(text)) {}

  /// The elements of a contiguous container of one-byte elements.
  template <class C, class E = std::remove_pointer_t<decltype(std::declval<const C &>().data())>,
            class = std::enable_if_t<sizeof(E) == 1 && !std::is_same_v<C, std::string_view>>>
  bytes_view(const C &bytes) noexcept : bytes_view(bytes.data(), bytes.size()) {}

  /// The first byte; may be null when there is none.
  const std::uint8_t *data() const noexcept { return data_; }

  /// How many bytes.
  std::size_t size() const noexcept { return size_; }

  /// Whether there are none.
  bool empty() const noexcept { return size_ == 0; }

  /// The first byte, for range-for.
  const std::uint8_t *begin() const noexcept { return data_; }

  /// One past the last byte.
  const std::uint8_t *end() const noexcept { return data_ + size_; }

  /// The byte at `index`, which must be less than `size()`.
  std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

  /// The same bytes as text; nothing is copied or checked.
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char *>(data_), size_};
  }

  /// A copy of the bytes as a string.
  std::string str() const { return std::string(text()); }

  /// Whether both views show equal bytes.
  friend bool operator==(bytes_view a, bytes_view b) noexcept { return a.text() == b.text(); }

  /// Whether the views show different bytes.
  friend bool operator!=(bytes_view a, bytes_view b) noexcept { return !(a == b); }

 private:
  const std::uint8_t *data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {

inline std::string_view view(nats_str text) noexcept { return {text.ptr, text.len}; }

inline bytes_view view(nats_bytes bytes) noexcept { return {bytes.ptr, bytes.len}; }

inline nats_str c(std::string_view text) noexcept {
  nats_str out;
  out.ptr = text.data();
  out.len = text.size();
  return out;
}

inline nats_bytes c(bytes_view bytes) noexcept {
  nats_bytes out;
  out.ptr = bytes.data();
  out.len = bytes.size();
  return out;
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_VIEW_HPP
