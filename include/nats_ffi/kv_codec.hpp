/// \file kv_codec.hpp
/// The form in which a program has keys and values stored. Part of nats_ffi.hpp.
#ifndef NATS_FFI_KV_CODEC_HPP
#define NATS_FFI_KV_CODEC_HPP

#include <optional>

#include "callback.hpp"
#include "view.hpp"

namespace nats {

/// Makes the other form of a key or a value; none when it cannot: the operation then fails with
/// INVALID_ARGUMENT, and what cannot be decoded is left out of watches. An exception that leaves it
/// goes to the handler of `set_exception_handler`, and counts as none.
using KvCoder = std::function<std::optional<std::string>(bytes_view)>;

/// Codecs of a program's own. They run on the thread that changes, gets or takes something, which
/// may be one of the library, on several at the same time; they must not use the watch whose entry
/// they decode, and cannot call functions that wait.
struct KvCodecs {
  /// The stored form of a key, which has to be a valid one, and the key of that; neither of them:
  /// keys are stored as they are.
  KvCoder encode_key, decode_key;

  /// The stored form of a key with wildcards; without it there are none (UNSUPPORTED).
  KvCoder encode_filter;

  /// The stored form of a value, and the value of that; neither: values are stored as they are.
  KvCoder encode_value, decode_value;
};

namespace detail {

/// The C function by which one of the codecs, `Coder`, is called; none where there is no such one.
template <KvCoder KvCodecs::*Coder>
nats_kv_codec_cb coder(const KvCodecs &codecs) noexcept {
  if (!(codecs.*Coder)) return nullptr;
  return [](nats_bytes input, nats_kv_output *output, void *held) -> nats_status {
    nats_status status = NATS_ERR_INVALID_ARGUMENT;
    guarded([&] {
      std::optional<std::string> made = (Callable<KvCodecs>::of(held).*Coder)(view(input));
      if (made) status = nats_kv_output_write(output, c(bytes_view(*made)), nullptr);
    });
    return status;
  };
}

}  // namespace detail
}  // namespace nats

#endif  // NATS_FFI_KV_CODEC_HPP
