/// \file jetstream.hpp
/// JetStream. Part of nats_ffi.hpp.
#ifndef NATS_FFI_JETSTREAM_HPP
#define NATS_FFI_JETSTREAM_HPP

#include <vector>

#include "connection.hpp"

namespace nats {

namespace detail {

/// The messages that `call(msgs, count, err)` writes, up to `max`.
template <class Call>
Result<std::vector<Message>> messages(std::size_t max, Call &&call) {
  std::vector<nats_msg *> raw(max);
  Result<std::size_t> count = read<std::size_t>(
      [&](std::size_t *out, nats_error **e) { return call(raw.data(), out, e); });
  if (!count) return count.error();
  std::vector<Message> messages;
  messages.reserve(*count);
  for (std::size_t i = 0; i < *count; ++i) messages.emplace_back(raw[i]);
  return messages;
}

}  // namespace detail

/// What a stream tells of a message that it has stored.
struct PubAck {
  /// The message's sequence in the stream.
  std::uint64_t sequence = 0;

  /// All that the stream tells: "stream", "seq", "duplicate", "domain", "val", "batch", "count".
  Doc doc;
};

/// Messages that `JetStream::try_fetch_async` has brought.
class Fetched {
 public:
  using raw_type = nats_fetched;

  /// Takes over a C handle.
  explicit Fetched(nats_fetched *raw) noexcept : raw_(raw) {}

  /// Up to `max` of them; none when all were taken. Those that are not taken are delivered again.
  Result<std::vector<Message>> try_take(std::size_t max) const {
    return detail::messages(max, [&](nats_msg **msgs, std::size_t *out, nats_error **e) {
      return nats_fetched_take(raw_.get(), msgs, max, out, e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_take`, throwing.
  std::vector<Message> take(std::size_t max) const { return try_take(max).value(); }
#endif

 private:
  detail::Owned<nats_fetched, nats_fetched_free> raw_;
};

/// The JetStream of an account, by way of a connection; once that is gone, calls fail with
/// CONNECTION_CLOSED. Any thread.
class JetStream {
 public:
  using raw_type = nats_jetstream;

  /// An operation of the control plane: one of the C functions nats_stream_..., nats_consumer_...
  using Operation = nats_status (*)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

  /// Its asynchronous form.
  using AsyncOperation = nats_status (*)(nats_jetstream *, nats_str, nats_queue *, std::uint64_t,
                                         nats_error **);

  /// None: calls fail with INVALID_HANDLE.
  JetStream() noexcept = default;

  /// Takes over a C handle.
  explicit JetStream(nats_jetstream *raw) noexcept : raw_(raw) {}

  /// The JetStream of the connection's account. `options`: JSON with the keys of "JetStream" in
  /// docs/options.md.
  static Result<JetStream> try_make(const Connection &nc, std::string_view options = {}) {
    return detail::make<JetStream>([&](nats_jetstream **out, nats_error **e) {
      return nats_jetstream_new(nc.get(), detail::c(options), out, e);
    });
  }

  /// The same, with `trace(std::string_view subject, bytes_view document)` run on a delivery thread for
  /// each request to the API and each answer.
  template <class F, class = std::enable_if_t<
                         std::is_invocable_v<std::decay_t<F> &, std::string_view, bytes_view>>>
  static Result<JetStream> try_make_traced(const Connection &nc, F &&trace,
                                           std::string_view options = {}) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(trace));
    auto run = [](nats_str subject, nats_bytes document, void *held) {
      detail::guarded([&] { Held::of(held)(detail::view(subject), detail::view(document)); });
    };
    return detail::make<JetStream>([&](nats_jetstream **out, nats_error **e) {
      return nats_jetstream_new_traced(nc.get(), detail::c(options), run, user, Held::destroy, out,
                                       e);
    });
  }

  /// Runs an operation with the JSON that it takes, for example
  /// `js.try_run(nats_stream_info, R"({"stream":"S"})")`.
  Result<Doc> try_run(Operation operation, std::string_view input) const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return operation(get(), detail::c(input), out, e);
    });
  }

  /// `try_run` whose outcome runs `done(Result<Doc>)` in `queue.poll`.
  template <class F>
  Result<void> try_run_async(Queue &queue, AsyncOperation operation, std::string_view input,
                             F &&done) const {
    return queue.start<Doc>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return operation(get(), detail::c(input), q, token, e);
        },
        std::forward<F>(done));
  }

  /// What the account has of JetStream, and what it may have.
  Result<Doc> try_account_info() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_account_info(get(), out, e); });
  }

  /// Publishes a message and waits until a stream has stored it. `options`: JSON with the keys of
  /// "Message to a stream" in docs/options.md. TIMEOUT and CONNECTION_LOST: stored or not, nobody
  /// knows.
  Result<PubAck> try_publish(std::string_view subject, bytes_view payload,
                             std::string_view options = {}, const Headers *headers = nullptr) const {
    std::uint64_t sequence = 0;
    Result<Doc> doc = detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_jetstream_publish(get(), detail::c(subject), detail::raw(headers),
                                    detail::c(payload), detail::c(options), &sequence, out, e);
    });
    if (!doc) return doc.error();
    return PubAck{sequence, std::move(*doc)};
  }

  /// Asks a consumer once for up to `max` messages. `options`: JSON with the keys of "Request for
  /// messages of a consumer" in docs/options.md.
  Result<std::vector<Message>> try_fetch(std::string_view stream, std::string_view consumer,
                                         std::size_t max, std::string_view options = {}) const {
    return detail::messages(max, [&](nats_msg **msgs, std::size_t *out, nats_error **e) {
      return nats_jetstream_fetch(get(), detail::c(stream), detail::c(consumer),
                                  detail::c(options), msgs, max, out, e);
    });
  }

  /// `try_publish` whose outcome, what the stream tells, runs `done(Result<Doc>)` in `queue.poll`.
  template <class F>
  Result<void> try_publish_async(Queue &queue, std::string_view subject, bytes_view payload,
                                 F &&done, std::string_view options = {},
                                 const Headers *headers = nullptr) const {
    return queue.start<Doc>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_jetstream_publish_async(get(), detail::c(subject), detail::raw(headers),
                                              detail::c(payload), detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// `try_fetch` whose outcome runs `done(Result<Fetched>)` in `queue.poll`; the option "max_messages"
  /// says how many.
  template <class F>
  Result<void> try_fetch_async(Queue &queue, std::string_view stream, std::string_view consumer,
                               F &&done, std::string_view options = {}) const {
    return queue.start<Fetched>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_jetstream_fetch_async(get(), detail::c(stream), detail::c(consumer),
                                            detail::c(options), q, token, e);
        },
        std::forward<F>(done));
  }

  /// A message as a stream keeps it. `input`: JSON as that of nats_stream_get_message().
  Result<Message> try_get_message(std::string_view input) const {
    return detail::make<Message>([&](nats_msg **out, nats_error **e) {
      return nats_jetstream_get(get(), detail::c(input), out, e);
    });
  }

  /// Up to `max` messages of a stream at once. `input`: JSON as that of nats_stream_get_batch(),
  /// without "stream". `end`, when given, receives whether and where another batch begins.
  Result<std::vector<Message>> try_get_batch(std::string_view stream, std::size_t max,
                                             std::string_view input = {},
                                             Doc *end = nullptr) const {
    nats_doc *told = nullptr;
    Result<std::vector<Message>> got =
        detail::messages(max, [&](nats_msg **msgs, std::size_t *out, nats_error **e) {
          return nats_jetstream_get_batch(get(), detail::c(stream), detail::c(input), msgs, max, out,
                                          end ? &told : nullptr, e);
        });
    if (told) *end = Doc(told);
    return got;
  }

  /// Writes a stream into a folder: nats_stream_backup() with `progress(bytes, pieces)` told of every
  /// piece on this thread.
  template <class F>
  Result<Doc> try_backup(std::string_view input, F &&progress) const {
    return watched(nats_stream_backup_watched, input, progress);
  }

  /// Restores a stream from a folder: nats_stream_restore() with `progress(bytes, pieces)`.
  template <class F>
  Result<Doc> try_restore(std::string_view input, F &&progress) const {
    return watched(nats_stream_restore_watched, input, progress);
  }

  /// Takes messages of a consumer without end; take them with `next`, `take` or `watch` of the
  /// subscription. `options`: JSON with the keys of "Messages of a consumer without end" in
  /// docs/options.md.
  Result<Subscription> try_consume(std::string_view stream, std::string_view consumer,
                                   std::string_view options = {}) const {
    return consume_with(stream, consumer, options, nullptr, nullptr, nullptr);
  }

  /// The same with `on_message(Message)` run on a delivery thread for every message, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_consume(std::string_view stream, std::string_view consumer,
                                   F &&on_message, std::string_view options = {}) const {
    return with_callable(std::forward<F>(on_message), [&](auto run, void *user, auto destroy) {
      return consume_with(stream, consumer, options, run, user, destroy);
    });
  }

  /// Takes the messages of a stream, each once and in order, whatever happens to consumers and
  /// servers. `options`: JSON with the keys of "Messages of a stream in order" in docs/options.md.
  Result<Subscription> try_consume_ordered(std::string_view stream,
                                           std::string_view options = {}) const {
    return ordered_with(stream, options, nullptr, nullptr, nullptr);
  }

  /// The same with `on_message(Message)` run on a delivery thread for every message, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_consume_ordered(std::string_view stream, F &&on_message,
                                           std::string_view options = {}) const {
    return with_callable(std::forward<F>(on_message), [&](auto run, void *user, auto destroy) {
      return ordered_with(stream, options, run, user, destroy);
    });
  }

  /// Takes what a consumer with a "deliver_subject" pushes. `options`: JSON with the keys of "Messages
  /// that a consumer pushes" in docs/options.md.
  Result<Subscription> try_consume_pushed(std::string_view stream, std::string_view consumer,
                                          std::string_view options = {}) const {
    return pushed_with(stream, consumer, options, nullptr, nullptr, nullptr);
  }

  /// The same with `on_message(Message)` run on a delivery thread for every message, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_consume_pushed(std::string_view stream, std::string_view consumer,
                                          F &&on_message, std::string_view options = {}) const {
    return with_callable(std::forward<F>(on_message), [&](auto run, void *user, auto destroy) {
      return pushed_with(stream, consumer, options, run, user, destroy);
    });
  }

  /// Takes the messages of a member's partitions of a group. `options`: as `try_consume`.
  Result<Subscription> try_consume_group(std::string_view stream, std::string_view group,
                                         std::string_view member,
                                         std::string_view options = {}) const {
    return group_with(stream, group, member, options, nullptr, nullptr, nullptr);
  }

  /// The same with `on_message(Message)` run on a delivery thread for every message, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_consume_group(std::string_view stream, std::string_view group,
                                         std::string_view member, F &&on_message,
                                         std::string_view options = {}) const {
    return with_callable(std::forward<F>(on_message), [&](auto run, void *user, auto destroy) {
      return group_with(stream, group, member, options, run, user, destroy);
    });
  }

  /// Says that a message was handled, and waits until the server has noted it.
  Result<void> try_ack_sync(const Message &message, milliseconds timeout) const {
    return detail::check([&](nats_error **e) {
      return nats_jetstream_ack_sync(get(), message.get(), timeout.count(), e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_make`, throwing.
  explicit JetStream(const Connection &nc, std::string_view options = {})
      : JetStream(try_make(nc, options).value()) {}

  /// `try_run`, throwing.
  Doc run(Operation operation, std::string_view input) const {
    return try_run(operation, input).value();
  }

  /// `try_run_async`, throwing when it cannot be started.
  template <class F>
  void run_async(Queue &queue, AsyncOperation operation, std::string_view input, F &&done) const {
    try_run_async(queue, operation, input, std::forward<F>(done)).value();
  }

  /// `try_account_info`, throwing.
  Doc account_info() const { return try_account_info().value(); }

  /// `try_publish`, throwing.
  PubAck publish(std::string_view subject, bytes_view payload, std::string_view options = {},
                 const Headers *headers = nullptr) const {
    return try_publish(subject, payload, options, headers).value();
  }

  /// `try_fetch`, throwing.
  std::vector<Message> fetch(std::string_view stream, std::string_view consumer, std::size_t max,
                             std::string_view options = {}) const {
    return try_fetch(stream, consumer, max, options).value();
  }

  /// `try_publish_async`, throwing when it cannot be started.
  template <class F>
  void publish_async(Queue &queue, std::string_view subject, bytes_view payload, F &&done,
                     std::string_view options = {}, const Headers *headers = nullptr) const {
    try_publish_async(queue, subject, payload, std::forward<F>(done), options, headers).value();
  }

  /// `try_fetch_async`, throwing when it cannot be started.
  template <class F>
  void fetch_async(Queue &queue, std::string_view stream, std::string_view consumer, F &&done,
                   std::string_view options = {}) const {
    try_fetch_async(queue, stream, consumer, std::forward<F>(done), options).value();
  }

  /// `try_get_message`, throwing.
  Message get_message(std::string_view input) const { return try_get_message(input).value(); }

  /// `try_get_batch`, throwing.
  std::vector<Message> get_batch(std::string_view stream, std::size_t max,
                                 std::string_view input = {}, Doc *end = nullptr) const {
    return try_get_batch(stream, max, input, end).value();
  }

  /// `try_backup`, throwing.
  template <class F>
  Doc backup(std::string_view input, F &&progress) const {
    return try_backup(input, std::forward<F>(progress)).value();
  }

  /// `try_restore`, throwing.
  template <class F>
  Doc restore(std::string_view input, F &&progress) const {
    return try_restore(input, std::forward<F>(progress)).value();
  }

  /// `try_consume`, throwing.
  Subscription consume(std::string_view stream, std::string_view consumer,
                       std::string_view options = {}) const {
    return try_consume(stream, consumer, options).value();
  }

  /// `try_consume` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription consume(std::string_view stream, std::string_view consumer, F &&on_message,
                       std::string_view options = {}) const {
    return try_consume(stream, consumer, std::forward<F>(on_message), options).value();
  }

  /// `try_consume_ordered`, throwing.
  Subscription consume_ordered(std::string_view stream, std::string_view options = {}) const {
    return try_consume_ordered(stream, options).value();
  }

  /// `try_consume_ordered` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription consume_ordered(std::string_view stream, F &&on_message,
                               std::string_view options = {}) const {
    return try_consume_ordered(stream, std::forward<F>(on_message), options).value();
  }

  /// `try_consume_pushed`, throwing.
  Subscription consume_pushed(std::string_view stream, std::string_view consumer,
                              std::string_view options = {}) const {
    return try_consume_pushed(stream, consumer, options).value();
  }

  /// `try_consume_pushed` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription consume_pushed(std::string_view stream, std::string_view consumer, F &&on_message,
                              std::string_view options = {}) const {
    return try_consume_pushed(stream, consumer, std::forward<F>(on_message), options).value();
  }

  /// `try_consume_group`, throwing.
  Subscription consume_group(std::string_view stream, std::string_view group,
                             std::string_view member, std::string_view options = {}) const {
    return try_consume_group(stream, group, member, options).value();
  }

  /// `try_consume_group` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription consume_group(std::string_view stream, std::string_view group,
                             std::string_view member, F &&on_message,
                             std::string_view options = {}) const {
    return try_consume_group(stream, group, member, std::forward<F>(on_message), options).value();
  }

  /// `try_ack_sync`, throwing.
  void ack_sync(const Message &message, milliseconds timeout) const {
    try_ack_sync(message, timeout).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_jetstream *get() const noexcept { return raw_.get(); }

 private:
  Result<Subscription> consume_with(std::string_view stream, std::string_view consumer,
                                    std::string_view options, nats_msg_cb on_message, void *user,
                                    nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_jetstream_consume(get(), detail::c(stream), detail::c(consumer),
                                    detail::c(options), on_message, user, destroy, out, e);
    });
  }

  Result<Subscription> ordered_with(std::string_view stream, std::string_view options,
                                    nats_msg_cb on_message, void *user,
                                    nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_jetstream_consume_ordered(get(), detail::c(stream), detail::c(options),
                                            on_message, user, destroy, out, e);
    });
  }

  Result<Subscription> pushed_with(std::string_view stream, std::string_view consumer,
                                   std::string_view options, nats_msg_cb on_message, void *user,
                                   nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_jetstream_consume_pushed(get(), detail::c(stream), detail::c(consumer),
                                           detail::c(options), on_message, user, destroy, out, e);
    });
  }

  Result<Subscription> group_with(std::string_view stream, std::string_view group,
                                  std::string_view member, std::string_view options,
                                  nats_msg_cb on_message, void *user,
                                  nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_jetstream_consume_group(get(), detail::c(stream), detail::c(group),
                                          detail::c(member), detail::c(options), on_message, user,
                                          destroy, out, e);
    });
  }

  /// Runs an operation that tells of its progress.
  template <class Call, class F>
  Result<Doc> watched(Call &&call, std::string_view input, F &&progress) const {
    using Held = std::remove_reference_t<F>;
    auto run = [](std::uint64_t bytes, std::uint64_t pieces, void *held) {
      detail::guarded([&] { (*static_cast<Held *>(held))(bytes, pieces); });
    };
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      void *held = const_cast<void *>(static_cast<const void *>(&progress));
      return call(get(), detail::c(input), run, held, out, e);
    });
  }

  /// Has `call(run, user, destroy)` take the callable over.
  template <class F, class Call>
  static Result<Subscription> with_callable(F &&on_message, Call &&call) {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(on_message));
    auto run = [](nats_connection *, nats_subscription *, nats_msg *msg, void *held) {
      Message message(msg);
      detail::guarded([&] { Held::of(held)(std::move(message)); });
    };
    return call(static_cast<nats_msg_cb>(run), user, Held::destroy);
  }

  detail::Owned<nats_jetstream, nats_jetstream_free> raw_;
};

}  // namespace nats

#endif  // NATS_FFI_JETSTREAM_HPP
