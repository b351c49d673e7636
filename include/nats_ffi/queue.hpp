/// \file queue.hpp
/// The queue on which asynchronous results arrive. Part of nats_ffi.hpp.
#ifndef NATS_FFI_QUEUE_HPP
#define NATS_FFI_QUEUE_HPP

#include <functional>
#include <unordered_map>

#include "callback.hpp"
#include "doc.hpp"

static_assert(sizeof(nats_event) == 32, "nats_event is 32 bytes, for good");

namespace nats {

/// Where asynchronous results wait for the thread that wants them. Every asynchronous call takes a
/// queue and a callable; `poll` runs the callables whose result is there, on the thread that polls.
/// `fd()` becomes readable when there is something to poll, for epoll and other event loops.
class Queue {
 public:
  using raw_type = nats_queue;

  /// Takes over a C handle, whose only poller this object must be.
  explicit Queue(nats_queue *raw) : table_(std::make_unique<Table>()), raw_(raw) {}

  /// A new queue.
  static Result<Queue> try_make() {
    return detail::make<Queue>(
        [](nats_queue **out, nats_error **e) { return nats_queue_new(out, e); });
  }

  /// Waits up to `timeout` (0: not at all) for results, runs their callables and returns how many
  /// events that were; 0 after the timeout or an interruption. At most `Batch` events a call.
  /// An exception that leaves a callable leaves `poll` when the batch is done; further ones of the
  /// same batch go to the handler of `set_exception_handler`.
  Result<std::size_t> try_poll(milliseconds timeout) {
    nats_event events[Batch];
    Result<std::size_t> count = detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_queue_poll(get(), events, Batch, timeout.count(), out, e);
    });
    if (!count) return count;
#ifndef NATS_FFI_NO_EXCEPTIONS
    std::exception_ptr first;
    for (std::size_t i = 0; i < *count; ++i) {
      try {
        dispatch(events[i]);
      } catch (...) {
        if (first) detail::report(std::current_exception());
        else first = std::current_exception();
      }
    }
    if (first) std::rethrow_exception(first);
#else
    for (std::size_t i = 0; i < *count; ++i) dispatch(events[i]);
#endif
    return count;
  }

  /// A file descriptor that is readable while there is something to poll; the queue owns it.
  Result<int> try_fd() const {
    return detail::read<int>([&](int *out, nats_error **e) {
      return nats_queue_fd(get(), out, e);
    });
  }

  /// Has `wake()` run, on a library thread, when the queue stops being empty. It must be short and
  /// must not poll: it is meant to nudge an event loop.
  template <class F>
  Result<void> try_on_wake(F &&wake) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(wake));
    auto run = [](void *held) { detail::guarded([&] { Held::of(held)(); }); };
    return detail::check(
        [&](nats_error **e) { return nats_queue_on_wake(get(), run, user, Held::destroy, e); });
  }

  /// Makes a `poll` that waits, or else the next one, return with 0 events.
  Result<void> try_interrupt() {
    return detail::check([&](nats_error **e) { return nats_queue_interrupt(get(), e); });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// A new queue.
  Queue() : Queue(try_make().value()) {}

  /// `try_poll`, throwing.
  std::size_t poll(milliseconds timeout) { return try_poll(timeout).value(); }

  /// `try_fd`, throwing.
  int fd() const { return try_fd().value(); }

  /// `try_on_wake`, throwing.
  template <class F>
  void on_wake(F &&wake) {
    try_on_wake(std::forward<F>(wake)).value();
  }

  /// `try_interrupt`, throwing.
  void interrupt() { try_interrupt().value(); }
#endif

  /// Starts an operation with a token of its own, whose completion runs `done(Result<T>)`.
  /// `start(queue, token, err)` makes the C call. What the async calls of the handles use.
  template <class T, class Start, class F>
  Result<void> start(Start &&start, F &&done) {
    auto finish = [done = std::forward<F>(done)](const nats_event &event) mutable {
      done(completion<T>(event));
    };
    return submit(std::forward<Start>(start), share(std::move(finish)), true);
  }

  /// Starts a watch, whose marks run `mark(const nats_event &)` until the queue goes.
  template <class Start, class F>
  Result<void> watch(Start &&start, F &&mark) {
    return submit(std::forward<Start>(start), share(std::forward<F>(mark)), false);
  }

  /// The C handle, still owned by this object.
  nats_queue *get() const noexcept { return raw_.get(); }

  /// The most events that one `poll` handles.
  static constexpr std::size_t Batch = 64;

 private:
  using Handler = std::function<void(const nats_event &)>;

  struct Entry {
    Handler handler;
    bool once;
  };

  struct Table {
    std::mutex lock;
    std::uint64_t last = 0;
    std::unordered_map<std::uint64_t, Entry> entries;
  };

  // std::function wants copies to be possible; a shared callable gives it that for move-only ones.
  template <class F>
  static Handler share(F &&function) {
    auto shared = std::make_shared<std::decay_t<F>>(std::forward<F>(function));
    return [shared](const nats_event &event) { (*shared)(event); };
  }

  template <class T>
  static Result<T> completion(const nats_event &event) {
    if (event.status != NATS_OK) {
      return Error::adopt(event.status, static_cast<nats_error *>(event.value));
    }
    if constexpr (std::is_void_v<T>) {
      return {};
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      return event.arg;
    } else {
      return T(static_cast<typename T::raw_type *>(event.value));
    }
  }

  template <class Start>
  Result<void> submit(Start &&start, Handler handler, bool once) {
    std::uint64_t token = 0;
    {
      std::lock_guard<std::mutex> held(table_->lock);
      token = ++table_->last;
      table_->entries.emplace(token, Entry{std::move(handler), once});
    }
    Result<void> started =
        detail::check([&](nats_error **e) { return start(get(), token, e); });
    if (!started) forget(token);
    return started;
  }

  void forget(std::uint64_t token) {
    std::lock_guard<std::mutex> held(table_->lock);
    table_->entries.erase(token);
  }

  void dispatch(const nats_event &event) {
    Handler handler;
    {
      std::lock_guard<std::mutex> held(table_->lock);
      auto found = table_->entries.find(event.token);
      if (found == table_->entries.end()) return;
      handler = found->second.handler;
      if (found->second.once) table_->entries.erase(found);
    }
    handler(event);
  }

  // Declared first, so it goes last: the queue is gone when the callables are destroyed.
  std::unique_ptr<Table> table_;
  detail::Owned<nats_queue, nats_queue_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_QUEUE_HPP
