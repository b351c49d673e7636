/// \file service.hpp
/// Services. Part of nats_ffi.hpp.
#ifndef NATS_FFI_SERVICE_HPP
#define NATS_FFI_SERVICE_HPP

#include "connection.hpp"

namespace nats {

namespace detail {

/// Has a handler answer a request; one that throws is answered for.
template <class F>
void serve(F &handler, const Message &request) noexcept {
#ifndef NATS_FFI_NO_EXCEPTIONS
  // Who cannot be answered finds out by a timeout, and the request is counted as an error.
  try {
    handler(request);
  } catch (const ServiceError &error) {
    if (!request.try_respond_error(error.code(), error.what())) {
      (void)request.try_respond_failed(error.what());
    }
  } catch (const std::exception &error) {
    (void)request.try_respond_failed(error.what());
  } catch (...) {
    (void)request.try_respond_failed("the handler threw something");
  }
#else
  handler(request);
#endif
}

}  // namespace detail

/// A service: requests answered under a name, with statistics, found by whoever asks (ADR-32). It
/// ends when this object goes, whatever is left of it. Any thread.
///
/// A request is counted once: when it is answered first, or else when the last `Message` of it
/// goes. So a handler may keep a request and answer it later. A stop waits until every request is
/// counted.
class Service {
 public:
  using raw_type = nats_service;

  /// None: calls fail with INVALID_HANDLE.
  Service() noexcept = default;

  /// Takes over a C handle.
  explicit Service(nats_service *raw) noexcept : raw_(raw) {}

  /// Adds a service without endpoints. `config`: JSON with the keys of "Service" in
  /// docs/options.md, of which "name" and "version" are needed. INVALID_NAME, INVALID_ARGUMENT
  /// (version), INVALID_QUEUE_GROUP, INVALID_OPTION.
  static Result<Service> try_make(const Connection &nc, std::string_view config) {
    return detail::make<Service>([&](nats_service **out, nats_error **e) {
      return nats_service_new(nc.get(), detail::c(config), out, e);
    });
  }

  /// Adds an endpoint whose requests are taken with `next`, `take` or `watch` of the subscription;
  /// it ends with that. `config`: JSON with the keys of "Endpoint" in docs/options.md, of which
  /// "name" is needed. INVALID_NAME, INVALID_SUBJECT, INVALID_QUEUE_GROUP, INVALID_OPTION;
  /// SUBSCRIPTION_CLOSED when the service has stopped.
  Result<Subscription> try_add_endpoint(std::string_view config) const {
    return endpoint_with(config, nullptr, nullptr, nullptr);
  }

  /// The same with `handler(Message)` run on a delivery thread for every request, one at a time. It
  /// answers by the message, then or later. A `ServiceError` that it throws is the answer; any
  /// other exception is answered for with an error of code 500 and its text. Both are counted as
  /// errors.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_add_endpoint(std::string_view config, F &&handler) const {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(handler));
    return endpoint_with(config, run<Held>, user, Held::destroy);
  }

  /// Where those ask for statistics whom the program answers, of a service with "own_stats": each
  /// with what `stats` tells, to whose endpoints it has added "data".
  Result<Subscription> try_stats_requests() const {
    return stats_with(nullptr, nullptr, nullptr);
  }

  /// The same with `handler(Message)` run on a delivery thread for each who asks.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Result<Subscription> try_stats_requests(F &&handler) const {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(handler));
    return stats_with(run<Held>, user, Held::destroy);
  }

  /// What it is: the document with which it answers INFO.
  Result<Doc> try_info() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_service_info(get(), out, e); });
  }

  /// What it has done: the document with which it answers STATS.
  Result<Doc> try_stats() const {
    return detail::make<Doc>(
        [&](nats_doc **out, nats_error **e) { return nats_service_stats(get(), out, e); });
  }

  /// Counts from zero.
  Result<void> try_reset() const {
    return detail::check([&](nats_error **e) { return nats_service_reset(get(), e); });
  }

  /// Stops: takes no more requests, and waits up to `timeout` (0: the connection's default) until
  /// those that have come are counted. In a callback of the connection it does not wait. TIMEOUT
  /// and CONNECTION_CLOSED: it has stopped all the same.
  Result<void> try_stop(milliseconds timeout = milliseconds(0)) const {
    return detail::check(
        [&](nats_error **e) { return nats_service_stop(get(), timeout.count(), e); });
  }

  /// `try_stop` whose outcome runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_stop_async(Queue &queue, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_service_stop_async(get(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Waits up to `timeout` (0: not at all) until it has ended. TIMEOUT when it goes on; otherwise
  /// why it has ended, unless it was asked to: CONNECTION_CLOSED, PERMISSION, SLOW_CONSUMER.
  Result<void> try_stopped(milliseconds timeout) const {
    return detail::check(
        [&](nats_error **e) { return nats_service_stopped(get(), timeout.count(), e); });
  }

  /// The same without waiting: how it has ended runs `done(Result<void>)` in `queue.poll`.
  template <class F>
  Result<void> try_stopped_async(Queue &queue, F &&done) const {
    return queue.start<void>(
        [&](nats_queue *q, std::uint64_t token, nats_error **e) {
          return nats_service_stopped_async(get(), q, token, e);
        },
        std::forward<F>(done));
  }

  /// Has `told(Result<void>)` run once on a delivery thread when it has ended, with how.
  template <class F>
  Result<void> try_on_stopped(F &&told) const {
    using Held = detail::Callable<std::decay_t<F>>;
    void *user = Held::make(std::forward<F>(told));
    auto run = [](nats_status reason, nats_str text, void *held) {
      detail::guarded([&] {
        Result<void> end;
        if (reason != NATS_OK) end = Error(reason, detail::view(text));
        Held::of(held)(std::move(end));
      });
    };
    return detail::check([&](nats_error **e) {
      return nats_service_on_stopped(get(), run, user, Held::destroy, e);
    });
  }

#ifndef NATS_FFI_NO_EXCEPTIONS
  /// `try_make`, throwing.
  Service(const Connection &nc, std::string_view config) : Service(try_make(nc, config).value()) {}

  /// `try_add_endpoint`, throwing.
  Subscription add_endpoint(std::string_view config) const {
    return try_add_endpoint(config).value();
  }

  /// `try_add_endpoint` with a handler, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription add_endpoint(std::string_view config, F &&handler) const {
    return try_add_endpoint(config, std::forward<F>(handler)).value();
  }

  /// `try_stats_requests`, throwing.
  Subscription stats_requests() const { return try_stats_requests().value(); }

  /// `try_stats_requests` with a handler, throwing.
  template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, Message>>>
  Subscription stats_requests(F &&handler) const {
    return try_stats_requests(std::forward<F>(handler)).value();
  }

  /// `try_info`, throwing.
  Doc info() const { return try_info().value(); }

  /// `try_stats`, throwing.
  Doc stats() const { return try_stats().value(); }

  /// `try_reset`, throwing.
  void reset() const { try_reset().value(); }

  /// `try_stop`, throwing.
  void stop(milliseconds timeout = milliseconds(0)) const { try_stop(timeout).value(); }

  /// `try_stop_async`, throwing when it cannot be started.
  template <class F>
  void stop_async(Queue &queue, F &&done) const {
    try_stop_async(queue, std::forward<F>(done)).value();
  }

  /// `try_stopped`, throwing.
  void stopped(milliseconds timeout) const { try_stopped(timeout).value(); }

  /// `try_stopped_async`, throwing when it cannot be started.
  template <class F>
  void stopped_async(Queue &queue, F &&done) const {
    try_stopped_async(queue, std::forward<F>(done)).value();
  }

  /// `try_on_stopped`, throwing.
  template <class F>
  void on_stopped(F &&told) const {
    try_on_stopped(std::forward<F>(told)).value();
  }
#endif

  /// The C handle, still owned by this object.
  nats_service *get() const noexcept { return raw_.get(); }

 private:
  template <class Held>
  static void run(nats_connection *, nats_subscription *, nats_msg *msg, void *held) noexcept {
    Message request(msg);
    detail::serve(Held::of(held), request);
  }

  Result<Subscription> endpoint_with(std::string_view config, nats_msg_cb handler, void *user,
                                     nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_service_add_endpoint(get(), detail::c(config), handler, user, destroy, out, e);
    });
  }

  Result<Subscription> stats_with(nats_msg_cb handler, void *user, nats_destroy_cb destroy) const {
    return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
      return nats_service_stats_requests(get(), handler, user, destroy, out, e);
    });
  }

  detail::Owned<nats_service, nats_service_free> raw_;
};

/// A question to services: nats_services_ping, nats_services_info or nats_services_stats.
using ServicesQuestion = nats_status (*)(nats_connection *, nats_str, nats_doc **, nats_error **);

/// The answers of all services: "services" with their documents, and "errors". `options`: JSON with
/// the keys of "Question to services" in docs/options.md, for example `try_find_services(nc,
/// nats_services_stats, R"({"name":"orders"})")`.
inline Result<Doc> try_find_services(const Connection &nc, ServicesQuestion question,
                                     std::string_view options = {}) {
  return detail::make<Doc>([&](nats_doc **out, nats_error **e) {
    return question(nc.get(), detail::c(options), out, e);
  });
}

/// The answers as they come, as messages whose payloads are the documents, until
/// SUBSCRIPTION_ENDED, or NO_RESPONDERS when there is no service. `what`: "ping", "info" or
/// "stats".
inline Result<Subscription> try_ask_services(const Connection &nc, std::string_view what,
                                             std::string_view options = {}) {
  return detail::make<Subscription>([&](nats_subscription **out, nats_error **e) {
    return nats_services_ask(nc.get(), detail::c(what), detail::c(options), out, e);
  });
}

#ifndef NATS_FFI_NO_EXCEPTIONS
/// `try_find_services`, throwing.
inline Doc find_services(const Connection &nc, ServicesQuestion question,
                         std::string_view options = {}) {
  return try_find_services(nc, question, options).value();
}

/// `try_ask_services`, throwing.
inline Subscription ask_services(const Connection &nc, std::string_view what,
                                 std::string_view options = {}) {
  return try_ask_services(nc, what, options).value();
}
#endif

}  // namespace nats

#endif  // NATS_FFI_SERVICE_HPP
