/// \file nats_ffi.hpp
/// The C++17 face of libnats_ffi: header-only, over the C API of nats_ffi.h.
///
/// - Handles (`Options`, `Connection`, `Subscription`, `Message`, `Headers`, `Doc`, `Queue`,
///   `KeyPair`, `Text`, `ObjectStore`) own what they stand for, are moved and not copied (a copied `Message` is one
///   more reference to the same message), and free it when they go. Every handle works from every
///   thread; one *object* must not be moved or destroyed while another thread is using it.
/// - Text goes in and out as `std::string_view`, payloads as `nats::bytes_view`, times as
///   `std::chrono::milliseconds`. A view that a handle returns lives as long as that handle
///   (for documents: until the document changes).
/// - Every fallible call has two forms. `name(...)` throws `nats::Error`; `try_name(...)` returns
///   `nats::Result<T>`. With `NATS_FFI_NO_EXCEPTIONS` defined only the second form exists and the
///   header compiles with `-fno-exceptions`.
/// - Callables are moved to the heap and destroyed once, after their last run. They run on delivery
///   threads, where blocking calls are allowed. An exception that leaves one never reaches the
///   library: it goes to the handler of `nats::set_exception_handler`, refuses where a
///   connection asks a question (`Options::on_login` and its like), or is the answer to a request
///   (`Service::add_endpoint`).
///
/// The parts are in nats_ffi/, one noun a file; include only this one.
#ifndef NATS_FFI_HPP
#define NATS_FFI_HPP

#include "nats_ffi/callback.hpp"
#include "nats_ffi/connection.hpp"
#include "nats_ffi/doc.hpp"
#include "nats_ffi/error.hpp"
#include "nats_ffi/headers.hpp"
#include "nats_ffi/batch.hpp"
#include "nats_ffi/jetstream.hpp"
#include "nats_ffi/publisher.hpp"
#include "nats_ffi/jwt.hpp"
#include "nats_ffi/kv.hpp"
#include "nats_ffi/log.hpp"
#include "nats_ffi/message.hpp"
#include "nats_ffi/nkey.hpp"
#include "nats_ffi/object.hpp"
#include "nats_ffi/options.hpp"
#include "nats_ffi/question.hpp"
#include "nats_ffi/queue.hpp"
#include "nats_ffi/service.hpp"
#include "nats_ffi/subscription.hpp"
#include "nats_ffi/text.hpp"
#include "nats_ffi/view.hpp"

namespace nats {

/// The version of the library that is loaded, for example "0.1.0".
inline std::string_view version() noexcept { return detail::view(nats_version()); }

/// The number of the binary interface of the library that is loaded.
inline std::uint32_t abi_version() noexcept { return nats_abi_version(); }

/// Starts the library with this many I/O threads (0: two). Optional; before the first connection.
inline Result<void> try_library_init(std::int32_t worker_threads = 0) {
  return detail::check([&](nats_error **e) { return nats_library_init(worker_threads, e); });
}

/// Closes every connection, ends the library's threads and waits for them for at most `timeout`
/// (TIMEOUT). Later calls start the library afresh. Not from a callback.
inline Result<void> try_library_shutdown(milliseconds timeout) {
  return detail::check([&](nats_error **e) { return nats_library_shutdown(timeout.count(), e); });
}

#ifndef NATS_FFI_NO_EXCEPTIONS
/// `try_library_init`, throwing.
inline void library_init(std::int32_t worker_threads = 0) {
  try_library_init(worker_threads).value();
}

/// `try_library_shutdown`, throwing.
inline void library_shutdown(milliseconds timeout) { try_library_shutdown(timeout).value(); }
#endif

}  // namespace nats

#endif  // NATS_FFI_HPP
