/// \file connection.hpp
/// Connections: publish, request, subscribe. Part of nats_ffi.hpp.
#ifndef NATS_FFI_CONNECTION_HPP
#define NATS_FFI_CONNECTION_HPP

#include "options.hpp"
#include "subscription.hpp"

namespace nats {

/// Connects to a NATS server. Closed in the background when the object goes; `drain` or `close` it
/// to wait for that.
class Connection {
 public:
  using raw_type = nats_connection;

  /// No connection: calls fail with INVALID_HANDLE.
  Connection() noexcept = default;

  /// Takes over a C handle.
  explicit Connection(nats_connection *raw) noexcept : raw_(raw) {}

  // ---- Publish ----

  /// Publishes to `subject`. Returns when the message is in the outbound buffer; waits for room as
  /// the option `outbound_policy` says. INVALID_SUBJECT, MAX_PAYLOAD, OUTBOUND_FULL,
  /// CONNECTION_CLOSED.
  Result<void> try_publish(std::string_view subject, bytes_view payload) const {
    return detail::check([&](nats_error **e) {
      return nats_publish(get(), detail::c(subject), detail::c(payload), e);
    });
  }

  /// Publishes with a reply subject (may be empty) and headers (may be null).
  Result<void> try_publish_msg(std::string_view subject, std::string_view reply,
                               const Headers *headers, bytes_view payload) const {
    return detail::check([&](nats_error **e) {
      return nats_publish_msg(get(), detail::c(subject), detail::c(reply), detail::raw(headers),
                              detail::c(payload), e);
    });
  }

  // ---- Request ----

  /// Sends a request and waits up to `timeout` (0: the connection's default) for the first answer.
  /// NO_RESPONDERS at once when nobody listens; TIMEOUT; CONNECTION_CLOSED.
  Result<Message> try_request(std::string_view subject, bytes_view payload,
                              milliseconds timeout = milliseconds(0)) const {
    return detail::make<Message>([&](nats_msg **out, nats_error **e) {
      return nats_request(get(), detail::c(subject), detail::c(payload), timeout.count(), out, e);
    });
  }

  /// `try_request` with headers (may be null) and flags (NATS_REQUEST_OWN_INBOX or 0).
  Result<Message> try_request_msg(std::string_view subject, const Headers *headers,
                                  bytes_view payload, milliseconds timeout = milliseconds(0),
                                  std::uint32_t flags = 0) const {
    return detail::make<Message>([&](nats_msg **out, nats_error **e) {
      return nats_request_msg(get(), detail::c(subject), detail::raw(headers), detail::c(payload),
                              timeout.count(), flags, out, e);
    });
  }

  /// `try_request_msg` whose outcome runs `done(Result<Message>)` in `queue.poll`.
  template <class F>
  Result<void> try_request_async(Queue &queue, std::string_view subject, const Headers *headers,
                                 bytes_view payload, milliseconds timeout, F &&done) const {
    return queue.start<Message>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_request_async(get(), detail::c(subject), detail::raw(headers),
                                    detail::c(payload), timeout.count(), 0, q, token, e);
        },
        std::forward<F>(done));
  }

  /// Sends a request that many may answer; read the answers with `next` until
  /// SUBSCRIPTION_ENDED. `options` is JSON: max_messages, max_wait_ms, stall_ms, sentinel (ADR-47).
  Result<Subscription> try_request_many(std::string_view subject, const Headers *headers,
                                        bytes_view payload, std::string_view options = {}) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_request_many(get(), detail::c(subject), detail::raw(headers), detail::c(payload),
                               detail::c(options), out, e);
    });
  }

  // ---- Subscribe ----

  /// Subscribes to `subject`; take the messages with `next`, `take` or `watch`. `options` is JSON:
  /// queue, max_messages, pending_messages, pending_bytes, overflow.
  Result<Subscription> try_subscribe(std::string_view subject,
                                     std::string_view options = {}) const {
    return subscribe_with(subject, options, nullptr, nullptr, nullptr);
  }

  /// Subscribes and has `on_message(Message)` run on a delivery thread for every message, in order.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_subscribe(std::string_view subject, F &&on_message,
                                     std::string_view options = {}) const {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(on_message));
    auto run = [](nats_connection *, nats_subscription *, nats_msg *msg, void *held) {
      Message message(msg);
      detail::guarded([&] { Held::of(held)(std::move(message)); });
    };
    return subscribe_with(subject, options, run, user, Held::destroy);
  }

  // ---- Life ----

  /// Waits up to `timeout` (0: the connection's default) until the server has handled everything
  /// that was published before.
  Result<void> try_flush(milliseconds timeout = milliseconds(0)) const {
    return detail::check(
        [&](nats_error **e) { return nats_connection_flush(get(), timeout.count(), e); });
  }

  /// `try_flush` whose outcome runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_flush_async(Queue &queue, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_connection_flush_async(get(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Drains every subscription, sends what is buffered, and closes, all within `timeout` (0: the
  /// connection's default).
  Result<void> try_drain(milliseconds timeout = milliseconds(0)) const {
    return detail::check(
        [&](nats_error **e) { return nats_connection_drain(get(), timeout.count(), e); });
  }

  /// `try_drain` whose outcome runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_drain_async(Queue &queue, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_connection_drain_async(get(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Closes at once; whatever waits on the connection ends with CONNECTION_CLOSED.
  Result<void> try_close() const {
    return detail::check([&](nats_error **e) { return nats_connection_close(get(), e); });
  }

  /// Gives up the socket and connects again.
  Result<void> try_force_reconnect() const {
    return detail::check([&](nats_error **e) { return nats_connection_force_reconnect(get(), e); });
  }

  /// Has `on_event(kind, Doc)` run by `queue.poll` for every connection event.
  template <class F>
  Result<void> try_watch(Queue &queue, F &&on_event) const {
    return queue.watch(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_connection_watch(get(), q, token, e);
        },
        [on_event = std::forward<F>(on_event)](const nats_event &event) mutable {
          on_event(static_cast<std::int32_t>(event.arg), Doc(static_cast<nats_doc *>(event.value)));
        });
  }

  // ---- State ----

  /// The time that a PING and its PONG take.
  Result<std::chrono::nanoseconds> try_rtt(milliseconds timeout = milliseconds(0)) const {
    Result<std::int64_t> rtt = detail::read<std::int64_t>([&](std::int64_t *out, nats_error **e) {
      return nats_connection_rtt(get(), timeout.count(), out, e);
    });
    if (!rtt) return rtt.error();
    return std::chrono::nanoseconds(*rtt);
  }

  /// One of `nats_connection_state`.
  Result<std::int32_t> try_state() const {
    return detail::read<std::int32_t>([&](std::int32_t *out, nats_error **e) {
      return nats_connection_state(get(), out, e);
    });
  }

  /// Counters since the connection was made.
  Result<nats_stats> try_stats() const {
    return detail::read<nats_stats>([&](nats_stats *out, nats_error **e) {
      return nats_connection_stats(get(), out, e);
    });
  }

  /// The last error that no call reported (a lost connection, a denied permission), if any.
  Result<std::optional<Error>> try_last_error() const {
    nats_error *last = nullptr;
    nats_status status = nats_connection_last_error(get(), &last);
    if (status != NATS_OK) return Error::adopt(status, nullptr);
    if (!last) return std::optional<Error>();
    return std::optional<Error>(Error::adopt(nats_error_code(last), last));
  }

  /// The largest payload that the server takes, in bytes.
  Result<std::size_t> try_max_payload() const {
    return detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_connection_max_payload(get(), out, e);
    });
  }

  /// What the server says about itself.
  Result<Doc> try_server_info() const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_connection_server_info(get(), out, e);
    });
  }

  /// The servers: "connected", "known", "discovered", and of each in "pool" its failures.
  Result<Doc> try_servers() const {
    return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_connection_servers(get(), out, e);
    });
  }

  /// Replaces the servers that the connection knows, those that the cluster told of, too; `urls` is
  /// a range of text. They count from the next reconnect on. INVALID_URL: nothing has changed.
  template <class Urls>
  Result<void> try_set_servers(const Urls &urls) const {
    Result<Doc> doc = Doc::try_parse(R"({"servers":[]})");
    if (!doc) return doc.error();
    std::string path = "servers.";
    std::size_t count = 0;
    for (const auto &url : urls) {
      Result<void> added = doc->try_set_str(path + std::to_string(count++), url);
      if (!added) return added;
    }
    Result<std::string_view> json = doc->try_json();
    if (!json) return json.error();
    Result<Doc> done = detail::make<Doc>([&](nats_doc **out, nats_error **e) {
      return nats_connection_set_servers(get(), detail::c(*json), out, e);
    });
    if (!done) return done.error();
    return {};
  }

  /// `try_set_servers` of a list in braces.
  Result<void> try_set_servers(std::initializer_list<std::string_view> urls) const {
    return try_set_servers<std::initializer_list<std::string_view>>(urls);
  }

  /// A subject that nobody else uses, for replies.
  Result<std::string> try_new_inbox() const {
    char text[512];
    Result<std::size_t> len = detail::read<std::size_t>([&](std::size_t *out, nats_error **e) {
      return nats_connection_new_inbox(get(), text, sizeof text, out, e);
    });
    if (!len) return len.error();
    return std::string(text, *len);
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_publish`, throwing.
  void publish(std::string_view subject, bytes_view payload) const {
    try_publish(subject, payload).value();
  }

  /// `try_publish_msg`, throwing.
  void publish_msg(std::string_view subject, std::string_view reply, const Headers *headers,
                   bytes_view payload) const {
    try_publish_msg(subject, reply, headers, payload).value();
  }

  /// `try_request`, throwing.
  Message request(std::string_view subject, bytes_view payload,
                  milliseconds timeout = milliseconds(0)) const {
    return try_request(subject, payload, timeout).value();
  }

  /// `try_request_msg`, throwing.
  Message request_msg(std::string_view subject, const Headers *headers, bytes_view payload,
                      milliseconds timeout = milliseconds(0), std::uint32_t flags = 0) const {
    return try_request_msg(subject, headers, payload, timeout, flags).value();
  }

  /// `try_request_async`, throwing when it cannot be started.
  template <class F>
  void request_async(Queue &queue, std::string_view subject, const Headers *headers,
                     bytes_view payload, milliseconds timeout, F &&done) const {
    try_request_async(queue, subject, headers, payload, timeout, std::forward<F>(done)).value();
  }

  /// `try_request_many`, throwing.
  Subscription request_many(std::string_view subject, const Headers *headers, bytes_view payload,
                            std::string_view options = {}) const {
    return try_request_many(subject, headers, payload, options).value();
  }

  /// `try_subscribe`, throwing.
  Subscription subscribe(std::string_view subject, std::string_view options = {}) const {
    return try_subscribe(subject, options).value();
  }

  /// `try_subscribe` with a callable, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription subscribe(std::string_view subject, F &&on_message,
                         std::string_view options = {}) const {
    return try_subscribe(subject, std::forward<F>(on_message), options).value();
  }

  /// `try_flush`, throwing.
  void flush(milliseconds timeout = milliseconds(0)) const { try_flush(timeout).value(); }

  /// `try_flush_async`, throwing when it cannot be started.
  template <class F>
  void flush_async(Queue &queue, F &&done) const {
    try_flush_async(queue, std::forward<F>(done)).value();
  }

  /// `try_drain`, throwing.
  void drain(milliseconds timeout = milliseconds(0)) const { try_drain(timeout).value(); }

  /// `try_drain_async`, throwing when it cannot be started.
  template <class F>
  void drain_async(Queue &queue, F &&done) const {
    try_drain_async(queue, std::forward<F>(done)).value();
  }

  /// `try_close`, throwing.
  void close() const { try_close().value(); }

  /// `try_force_reconnect`, throwing.
  void force_reconnect() const { try_force_reconnect().value(); }

  /// `try_watch`, throwing.
  template <class F>
  void watch(Queue &queue, F &&on_event) const {
    try_watch(queue, std::forward<F>(on_event)).value();
  }

  /// `try_rtt`, throwing.
  std::chrono::nanoseconds rtt(milliseconds timeout = milliseconds(0)) const {
    return try_rtt(timeout).value();
  }

  /// `try_state`, throwing.
  std::int32_t state() const { return try_state().value(); }

  /// `try_stats`, throwing.
  nats_stats stats() const { return try_stats().value(); }

  /// `try_last_error`, throwing.
  std::optional<Error> last_error() const { return try_last_error().value(); }

  /// `try_max_payload`, throwing.
  std::size_t max_payload() const { return try_max_payload().value(); }

  /// `try_server_info`, throwing.
  Doc server_info() const { return try_server_info().value(); }

  /// `try_servers`, throwing.
  Doc servers() const { return try_servers().value(); }

  /// `try_set_servers`, throwing.
  template <class Urls>
  void set_servers(const Urls &urls) const {
    try_set_servers(urls).value();
  }

  /// `try_set_servers` of a list in braces, throwing.
  void set_servers(std::initializer_list<std::string_view> urls) const {
    try_set_servers(urls).value();
  }

  /// `try_new_inbox`, throwing.
  std::string new_inbox() const { return try_new_inbox().value(); }
#endif

  /// The C handle, still owned by this object.
  nats_connection *get() const noexcept { return raw_.get(); }

 private:
  Result<Subscription> subscribe_with(std::string_view subject, std::string_view options,
                                      nats_msg_cb run, void *user, void (*destroy)(void *)) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_subscribe_with(get(), detail::c(subject), detail::c(options), run, user, destroy,
                                 out, e);
    });
  }

  detail::Owned<nats_connection, nats_connection_free> raw_;
};

/// Connects and waits until that succeeded or failed, within the option `connect_timeout`. `url` is
/// one URL or several with commas between; empty: the servers of the options, or the default.
/// INVALID_URL, NO_SERVERS, AUTHORIZATION, TLS, TIMEOUT.
inline Result<Connection> try_connect(std::string_view url = {}, const Options *options = nullptr) {
  return detail::make<Connection>([&](nats_connection **out, nats_error **e) {
    return nats_connect(detail::c(url), options ? options->get() : nullptr, out, e);
  });
}

/// `try_connect` whose outcome runs `done(Result<Connection>)` in `queue.poll`.
template <class F>
Result<void> try_connect_async(Queue &queue, std::string_view url, const Options *options,
                               F &&done) {
  return queue.start<Connection>(
      [&](nats_queue *q, std::uint64_t token, nats_error **e) {
        return nats_connect_async(detail::c(url), options ? options->get() : nullptr, q, token, e);
      },
      std::forward<F>(done));
}

#ifndef NATS_FFI_NO_EXCEPTIONS
/// `try_connect`, throwing.
inline Connection connect(std::string_view url = {}) { return try_connect(url).value(); }

/// `try_connect` with options, throwing.
inline Connection connect(std::string_view url, const Options &options) {
  return try_connect(url, &options).value();
}

/// `try_connect_async`, throwing when it cannot be started.
template <class F>
void connect_async(Queue &queue, std::string_view url, const Options *options, F &&done) {
  try_connect_async(queue, url, options, std::forward<F>(done)).value();
}
#endif

}  // namespace nats

#endif  // NATS_FFI_CONNECTION_HPP
