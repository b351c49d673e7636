// Services: endpoints, handlers that throw, statistics, ends, and how they are found.
#include <thread>

#include "support.hpp"

using namespace check;

constexpr const char *plain = R"({"name":"s","version":"1.0.0"})";
constexpr const char *named = R"({"name":"e"})";

namespace {

// A server, a connection to it, and the service "s" on that.
struct Place {
  Remote server = Remote::server("plain");
  nats::Connection nc = dial(server.url());
  nats::Service service;

  explicit Place(std::string_view config = plain) : service(nc, config) {}
};

std::int64_t counted(const nats::Service &service, const char *what) {
  return service.stats().get_int(std::string("endpoints.0.") + what);
}

// An answer is there a moment before it is counted.
bool counts(const nats::Service &service, std::int64_t requests) {
  for (Timer timer; counted(service, "num_requests") != requests;) {
    if (timer.elapsed() > patience) return false;
    std::this_thread::yield();
  }
  return true;
}

// The code and the description of an answer that is an error.
std::string error_of(const nats::Message &answer) {
  std::optional<nats::ServiceError> error = answer.service_error();
  return error ? std::to_string(error->code()) + ":" + error->what() : "none";
}

}  // namespace

TEST("service-04", "names and versions that are none throw, and nothing is served") {
  Remote server = Remote::server("plain");
  nats::Connection nc = dial(server.url());
  EXPECT_THROWS(NATS_ERR_INVALID_NAME, nats::Service(nc, R"({"name":"a b","version":"1.0.0"})"));
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nats::Service(nc, R"({"name":"s","version":"1"})"));
  EXPECT_THROWS(NATS_ERR_INVALID_OPTION, nats::Service(nc, R"({"named":"s"})"));
  EXPECT_EQ(nats::Service::try_make(nc, "{").code(), NATS_ERR_INVALID_JSON);
  EXPECT_EQ(nats::Service().try_info().code(), NATS_ERR_INVALID_HANDLE);
  nc.flush();
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, nc.request("$SRV.PING", ""));
}

TEST("service-07", "a group puts its prefix before the subject of an endpoint") {
  Place at;
  nats::Subscription endpoint = at.service.add_endpoint(
      R"({"name":"add","group":"v1.numbers","subject":"add.*"})", echo);
  at.nc.flush();
  EXPECT_EQ(at.nc.request("v1.numbers.add.x", "1").payload().text(), "1");
  EXPECT_EQ(at.service.info().get_str("endpoints.0.subject"), "v1.numbers.add.*");
  EXPECT_EQ(at.service.try_add_endpoint(R"({"name":"a b"})").code(), NATS_ERR_INVALID_NAME);
}

TEST("service-11", "an answer that is an error has its headers and payload, and is counted") {
  Place at;
  nats::Subscription endpoint = at.service.add_endpoint(
      named, [](nats::Message request) { request.respond_error(400, "no good", "why"); });
  at.nc.flush();
  nats::Message answer = at.nc.request("e", "");
  EXPECT_EQ(answer.header("Nats-Service-Error-Code"), "400");
  EXPECT_EQ(answer.header("Nats-Service-Error"), "no good");
  EXPECT_EQ(answer.payload().text(), "why");
  EXPECT(counts(at.service, 1));
  EXPECT_EQ(counted(at.service, "num_errors"), 1);
  EXPECT_EQ(at.service.stats().get_str("endpoints.0.last_error"), "400:no good");
}

TEST("service-12", "errors that cannot be sent throw, and the request can still be answered") {
  Place at;
  nats::Subscription endpoint = at.service.add_endpoint(named, [](nats::Message request) {
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, request.respond_error(0, "x"));
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, request.respond_error(1, ""));
    EXPECT_THROWS(NATS_ERR_INVALID_HEADER, request.respond_error(1, "a\nb"));
    nats::Headers own;
    own.set("Own", "1");
    request.respond_error(409, "tried again", {}, &own);
  });
  at.nc.flush();
  nats::Message answer = at.nc.request("e", "");
  EXPECT_EQ(answer.header("Own"), "1");
  EXPECT_EQ(error_of(answer), "409:tried again");
}

TEST("service-14", "what a handler throws is the answer, and counted as an error") {
  Place at;
  nats::Subscription endpoint = at.service.add_endpoint(named, [](const nats::Message &request) {
    std::string_view text = request.payload().text();
    if (text == "service") throw nats::ServiceError(404, "no such thing");
    if (text == "bad") throw nats::ServiceError(0, "no number");
    if (text == "lines") throw std::runtime_error("it\nbroke");
    if (text == "odd") throw 7;
    request.respond("answered");
    throw std::runtime_error("too late");
  });
  at.nc.flush();
  EXPECT_EQ(error_of(at.nc.request("e", "service")), "404:no such thing");
  EXPECT_EQ(error_of(at.nc.request("e", "bad")), "500:no number");
  EXPECT_EQ(error_of(at.nc.request("e", "lines")), "500:it broke");
  EXPECT_EQ(error_of(at.nc.request("e", "odd")), "500:the handler threw something");
  EXPECT(counts(at.service, 4));
  EXPECT_EQ(counted(at.service, "num_errors"), 4);
  EXPECT_EQ(at.nc.request("e", "").payload().text(), "answered");
  EXPECT(counts(at.service, 5));
  EXPECT_EQ(counted(at.service, "num_errors"), 4);
}

TEST("service-15", "a handler may answer later, on another thread") {
  Place at;
  std::promise<nats::Message> kept;
  nats::Subscription endpoint = at.service.add_endpoint(
      named, [&](nats::Message request) { kept.set_value(std::move(request)); });
  at.nc.flush();
  auto asked = background([&] { return at.nc.request("e", "late").payload().size(); });
  nats::Message request = kept.get_future().get();
  EXPECT_EQ(counted(at.service, "num_requests"), 0);
  request.respond(request.payload());
  EXPECT_EQ(asked.get(), 4u);
  EXPECT(counts(at.service, 1));
}

TEST("service-16", "a request is counted once, also when its last message goes unanswered") {
  Place at;
  nats::Subscription endpoint = at.service.add_endpoint(named);
  at.nc.flush();
  for (int i = 0; i < 2; ++i) at.nc.publish("e", "x");
  {
    nats::Message request = endpoint.next(patience);
    nats::Message again = request;
    request = {};
    EXPECT_EQ(counted(at.service, "num_requests"), 0);
  }
  EXPECT_EQ(counted(at.service, "num_requests"), 1);
  EXPECT_EQ(counted(at.service, "num_errors"), 0);
  EXPECT_THROWS(NATS_ERR_NO_REPLY, endpoint.next(patience).respond(""));
  EXPECT_EQ(counted(at.service, "num_requests"), 2);
  EXPECT_EQ(counted(at.service, "num_errors"), 1);
  at.service.reset();
  EXPECT_EQ(counted(at.service, "num_requests"), 0);
}

TEST("service-19", "programs add data of their own to the statistics") {
  Place at(R"({"name":"s","version":"1.0.0","own_stats":true})");
  nats::Subscription endpoint = at.service.add_endpoint(named, echo);
  nats::Subscription asked = at.service.stats_requests([&](const nats::Message &request) {
    nats::Doc stats = at.service.stats();
    stats.set_int("endpoints.0.data.asked", 7);
    request.respond(stats.json());
  });
  at.nc.flush();
  nats::Doc found = nats::find_services(at.nc, nats_services_stats, R"({"name":"s"})");
  EXPECT_EQ(found.get_int("services.0.endpoints.0.data.asked"), 7);
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nats::Service(at.nc, plain).stats_requests());
}

TEST("service-20", "a stop waits for the answers, takes no more, and leaves the connection") {
  Place at;
  nats::Connection asker = dial(at.server.url());
  nats::Subscription endpoint = at.service.add_endpoint(named);
  nats::Subscription answers = asker.subscribe("answers");
  at.nc.flush();
  asker.publish_msg("e", "answers", nullptr, "held");
  nats::Message held = endpoint.next(patience);
  nats::Queue queue;
  int done = 0;
  at.service.stop_async(queue, [&](nats::Result<void> stopped) { done = stopped ? 1 : -1; });
  EXPECT_EQ(end_of(endpoint), NATS_ERR_SUBSCRIPTION_CLOSED);
  EXPECT_THROWS(NATS_ERR_TIMEOUT, at.service.stopped(0ms));
  held.respond(held.payload());
  EXPECT(poll_until(queue, [&] { return done != 0; }));
  EXPECT_EQ(done, 1);
  EXPECT_EQ(next_text(answers), "held");
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, asker.request("$SRV.PING", ""));
  at.service.stop();
  at.service.stopped(0ms);
  works(at.nc);
}

TEST("service-23", "the end of a service is told to whoever waits for it") {
  Latch told, gone;
  Place at;
  nats_status reason = -1;
  at.service.on_stopped([&, alive = canary(gone)](nats::Result<void> end) {
    reason = end.code();
    told.add();
  });
  nats::Queue queue;
  bool done = false;
  at.service.stopped_async(queue, [&](nats::Result<void> end) { done = end.ok(); });
  at.service.stop(patience);
  EXPECT(gone.wait(1));
  EXPECT_EQ(told.count(), 1);
  EXPECT_EQ(reason, NATS_OK);
  EXPECT(poll_until(queue, [&] { return done; }));
}

TEST("service-32", "a service that cannot be found ends with PERMISSION") {
  Remote server = Remote::server("users");
  nats::Connection nc = dial(server.url(), limited_user);
  nats::Service service(nc, plain);
  EXPECT_THROWS(NATS_ERR_PERMISSION, service.stopped(patience));
}

TEST("service-35", "services are found all at once or one by one") {
  Place at;
  nats::Service other(at.nc, R"({"name":"other","version":"2.0.0"})");
  at.nc.flush();
  nats::Doc all = nats::find_services(at.nc, nats_services_ping, R"({"stall_ms":500})");
  EXPECT_EQ(all.size("services"), 2u);
  nats::Doc one = nats::find_services(at.nc, nats_services_info, R"({"name":"other"})");
  EXPECT_EQ(one.get_str("services.0.version"), "2.0.0");
  nats::Subscription answers = nats::ask_services(at.nc, "stats", R"({"name":"s"})");
  nats::Doc stats = nats::Doc::parse(answers.next(patience).payload().text());
  EXPECT_EQ(stats.get_str("type"), "io.nats.micro.v1.stats_response");
  EXPECT_EQ(end_of(answers), NATS_ERR_SUBSCRIPTION_ENDED);
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nats::ask_services(at.nc, "pong"));
}
