// Requests and answers.
#include "support.hpp"

using namespace check;

TEST("request-01", "a request is answered, with headers both ways") {
  nats::Connection nc = dial(), other = dial();
  nats::Subscription service = other.subscribe("cpp.request.1", [](const nats::Message &msg) {
    nats::Headers headers = msg.copy_headers();
    headers.append("Answer", "yes");
    msg.respond(msg.payload(), &headers);
  });
  other.flush(patience);
  nats::Headers headers{{"Question", "why"}};
  for (int i = 0; i < 100; ++i) {
    nats::Message answer = nc.request_msg("cpp.request.1", &headers, "x", patience);
    EXPECT_EQ(answer.header("Question"), "why");
    EXPECT_EQ(answer.header("Answer"), "yes");
    EXPECT_EQ(answer.payload().text(), "x");
  }
  EXPECT_EQ(nc.request("cpp.request.1", "plain", patience).payload().text(), "plain");
}

TEST("request-02", "nobody listens: the error comes at once") {
  nats::Connection nc = dial();
  Timer timer;
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, nc.request("cpp.request.2", "", 60s));
  EXPECT(timer.elapsed() < patience);
}

TEST("request-03", "a silent responder: TIMEOUT; its late answer goes to nobody") {
  nats::Connection nc = dial();
  nats::Subscription silent = nc.subscribe("cpp.request.3");
  nats::Subscription service = nc.subscribe("cpp.request.3.quick", echo);
  Timer timer;
  EXPECT_THROWS(NATS_ERR_TIMEOUT, nc.request("cpp.request.3", "slow", 50ms));
  EXPECT(timer.elapsed() >= 49ms);
  nats::Message late = silent.next(patience);
  for (int i = 0; i < 10; ++i) {
    late.respond("too late");
    EXPECT_EQ(nc.request("cpp.request.3.quick", "quick", patience).payload().text(), "quick");
  }
}

TEST("request-04", "a request with an inbox of its own: answer, no responders, timeout") {
  nats::Connection nc = dial();
  nats::Subscription service = nc.subscribe("cpp.request.4", echo);
  nats::Subscription silent = nc.subscribe("cpp.request.4.silent");
  auto ask = [&](std::string_view subject, nats::milliseconds timeout, std::uint32_t flags) {
    return nc.request_msg(subject, nullptr, "own", timeout, flags);
  };
  const std::uint32_t own = NATS_REQUEST_OWN_INBOX;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ask("cpp.request.4", patience, own).payload().text(), "own");
  }
  EXPECT_THROWS(NATS_ERR_NO_RESPONDERS, ask("cpp.nobody", 60s, own));
  EXPECT_THROWS(NATS_ERR_TIMEOUT, ask("cpp.request.4.silent", 30ms, own));
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, ask("cpp.request.4", patience, 1u << 30));
}

TEST("request-05", "64 requests in flight each get their own answer") {
  nats::Connection nc = dial();
  nats::Subscription sub = nc.subscribe("cpp.request.5");
  std::vector<std::future<std::string>> askers;
  for (int i = 0; i < 64; ++i) {
    askers.push_back(background([&nc, i] {
      return nc.request("cpp.request.5", std::to_string(i), patience).payload().str();
    }));
  }
  std::vector<nats::Message> questions;
  for (int i = 0; i < 64; ++i) questions.push_back(sub.next(patience));
  for (; !questions.empty(); questions.pop_back()) {  // not in the order of the questions
    questions.back().respond(questions.back().payload());
  }
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(askers[i].get(), std::to_string(i));
}

// The answers to a request that many may answer, which must end by itself.
static std::string answers_of(const nats::Connection &nc, std::string_view subject,
                              std::string_view options) {
  nats::Subscription answers = nc.request_many(subject, nullptr, "x", options);
  std::string text;
  nats::Result<nats::Message> msg = answers.try_next(patience);
  for (; msg.ok(); msg = answers.try_next(patience)) text += msg->payload().text();
  EXPECT_EQ(msg.code(), NATS_ERR_SUBSCRIPTION_ENDED);
  return text;
}

static std::vector<nats::Subscription> three_echoes(const nats::Connection &nc,
                                                    std::string_view subject) {
  std::vector<nats::Subscription> services;
  for (int i = 0; i < 3; ++i) services.push_back(nc.subscribe(subject, echo));
  return services;
}

TEST("request-06", "many answers: ends after max_messages") {
  nats::Connection nc = dial();
  auto services = three_echoes(nc, "cpp.request.6");
  EXPECT_EQ(answers_of(nc, "cpp.request.6", R"({"max_messages":2})"), "xx");
  EXPECT_EQ(answers_of(nc, "cpp.request.6", R"({"max_messages":3})"), "xxx");
}

TEST("request-07", "many answers: ends after a gap, and after the total wait") {
  nats::Connection nc = dial();
  auto services = three_echoes(nc, "cpp.request.7");
  EXPECT_EQ(answers_of(nc, "cpp.request.7", R"({"stall_ms":300})"), "xxx");
  Timer timer;
  EXPECT_EQ(answers_of(nc, "cpp.request.7", R"({"max_wait_ms":500})"), "xxx");
  EXPECT(timer.elapsed() >= 499ms);
}

TEST("request-08", "many answers: an empty one ends them when asked for, and is not delivered") {
  nats::Connection nc = dial();
  nats::Subscription service = nc.subscribe("cpp.request.8", [](const nats::Message &msg) {
    for (const char *part : {"x", "x", "", "behind the end"}) msg.respond(part);
  });
  EXPECT_EQ(answers_of(nc, "cpp.request.8", R"({"sentinel":true})"), "xx");
}

TEST("request-09", "many answers: nobody listens") {
  nats::Connection nc = dial();
  EXPECT_EQ(end_of(nc.request_many("cpp.request.9", nullptr, "x")), NATS_ERR_NO_RESPONDERS);
}

TEST("request-10", "close ends a request that waits, at once") {
  nats::Connection nc = dial(), other = dial();
  nats::Subscription silent = other.subscribe("cpp.request.10");
  other.flush(patience);
  auto waiting = background([&] { return nc.try_request("cpp.request.10", "", 60s).code(); });
  silent.next(patience);  // so the request waits
  Timer timer;
  nc.close();
  EXPECT_EQ(waiting.get(), NATS_ERR_CONNECTION_CLOSED);
  EXPECT(timer.elapsed() < patience);
}

TEST("request-11", "a request in flight when the server dies ends; the next one succeeds") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), R"({"reconnect_delay_max_ms":20})");
  nats::Subscription silent = nc.subscribe("cpp.request.11");
  nats::Subscription service = nc.subscribe("cpp.request.11.echo", echo);
  auto waiting = background([&] { return nc.try_request("cpp.request.11", "", 60s).code(); });
  silent.next(patience);
  Timer timer;
  server.tell("kill");
  EXPECT_EQ(waiting.get(), NATS_ERR_CONNECTION_LOST);
  EXPECT(timer.elapsed() < patience);
  server.tell("restart");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  EXPECT_EQ(nc.request("cpp.request.11.echo", "again", patience).payload().text(), "again");
}

TEST("request-12", "timeout 0 is the option's default, negative is refused, immense is fine") {
  nats::Connection nc = dial(plain_server().url(), R"({"request_timeout_ms":60})");
  nats::Subscription silent = nc.subscribe("cpp.request.12");
  nats::Subscription service = nc.subscribe("cpp.request.12.echo", echo);
  Timer timer;
  EXPECT_THROWS(NATS_ERR_TIMEOUT, nc.request("cpp.request.12", ""));
  EXPECT(timer.elapsed() >= 59ms);
  for (nats::milliseconds negative : {nats::milliseconds(-1), nats::milliseconds::min()}) {
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nc.request("cpp.request.12", "", negative));
  }
  nats::Message answer = nc.request("cpp.request.12.echo", "x", nats::milliseconds::max());
  EXPECT_EQ(answer.payload().text(), "x");
}

TEST("request-13", "the inbox prefix of the options is used, and checked") {
  nats::Connection nc = dial(plain_server().url(), R"({"inbox_prefix":"_MINE.cpp"})");
  nats::Subscription service = nc.subscribe("cpp.request.13", echo);
  nats::Subscription all = nc.subscribe("_MINE.cpp.>");
  EXPECT_EQ(nc.request("cpp.request.13", "x", patience).payload().text(), "x");
  EXPECT_EQ(next_text(all), "x");
  EXPECT_EQ(nc.new_inbox().find("_MINE.cpp."), 0);
  EXPECT(nc.new_inbox() != nc.new_inbox());
  for (const char *bad : {R"({"inbox_prefix":"a b"})", R"({"inbox_prefix":"a.*"})",
                          R"({"inbox_prefix":"a."})", R"({"inbox_prefix":"a\r\nPING"})"}) {
    EXPECT_THROWS(NATS_ERR_INVALID_OPTION, dial(plain_server().url(), bad));
  }
}

TEST("request-14", "a request to a denied subject fails with PERMISSION, not with its timeout") {
  Remote server = Remote::server("users");
  nats::Connection nc = dial(server.url(), limited_user);
  Timer timer;
  EXPECT_THROWS(NATS_ERR_PERMISSION, nc.request("private.x", "", 60s));
  EXPECT(timer.elapsed() < patience);
}
