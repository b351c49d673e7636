// Losing servers and finding them again.
#include <atomic>

#include "support.hpp"

using namespace check;

// Options that reconnect at once and for ever, so that the tests wait for the server and not for
// the client; with further members.
static std::string eager(std::string_view more = {}) {
  std::string options =
      R"({"reconnect_delay_min_ms":5,"reconnect_delay_max_ms":20,"max_reconnects":-1)";
  if (!more.empty()) options.append(",").append(more);
  return options + "}";
}

static void lose(const Remote &server, Events &events, int times = 1) {
  server.tell("kill");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DISCONNECTED, times));
}

static void regain(const Remote &server, Events &events, int times = 1) {
  server.tell("restart");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED, times));
}

TEST("reconnect-01", "after kill and restart, subscriptions and queue groups work again") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), eager());
  nats::Subscription sub = nc.subscribe("cpp.rec.1");
  nats::Subscription member = nc.subscribe("cpp.rec.1", R"({"queue":"q"})");
  nats::Subscription second = nc.subscribe("cpp.rec.1", R"({"queue":"q"})");
  for (int round = 1; round <= 5; ++round) {
    lose(server, events, round);
    regain(server, events, round);
    nc.publish("cpp.rec.1", "x");
    EXPECT_EQ(next_text(sub), "x");
    nc.flush(patience);
    EXPECT_EQ(member.stats().pending_messages + second.stats().pending_messages, round);
  }
  EXPECT_EQ(nc.stats().reconnects, 5);
}

TEST("reconnect-02", "what is published while disconnected arrives afterwards, in order, once") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), eager());
  nats::Subscription sub = nc.subscribe("cpp.rec.2");
  nc.flush(patience);
  lose(server, events);
  for (int i = 0; i < 1000; ++i) nc.publish("cpp.rec.2", std::to_string(i));
  regain(server, events);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(next_text(sub), std::to_string(i));
  nc.flush(patience);
  EXPECT_THROWS(NATS_ERR_TIMEOUT, sub.next(0ms));
}

// Publishes blocks of 1,000 bytes to a lost server until that fails, at least so long after it
// was tried.
static void fill_until_full(std::string_view options, nats::milliseconds at_least) {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), eager(options));
  lose(server, events);
  for (int accepted = 0;; ++accepted) {
    Timer timer;
    nats::Result<void> published = nc.try_publish("cpp.rec.3", std::string(1000, 'x'));
    EXPECT(accepted <= 10);
    if (published.ok()) continue;
    EXPECT_EQ(published.code(), NATS_ERR_OUTBOUND_FULL);
    EXPECT(timer.elapsed() >= at_least && timer.elapsed() < patience);
    EXPECT(accepted >= 5);
    return;
  }
}

static void drop_oldest() {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(
      server.url(), eager(R"("outbound_bytes":10000,"outbound_policy":"drop_oldest")"));
  nats::Subscription sub = nc.subscribe("cpp.rec.3");
  nc.flush(patience);
  lose(server, events);
  for (int i = 0; i < 50; ++i) {
    std::string block = std::to_string(i);
    block.resize(1000, ' ');
    nc.publish("cpp.rec.3", block);
  }
  int dropped = static_cast<int>(nc.stats().dropped_out);
  EXPECT(dropped >= 40 && dropped < 50);
  regain(server, events);
  for (int i = dropped; i < 50; ++i) EXPECT_EQ(std::stoi(next_text(sub)), i);
}

TEST("reconnect-03", "the outbound buffer is bounded: error, wait to a deadline, drop oldest") {
  fill_until_full(R"("outbound_bytes":10000,"outbound_policy":"error")", 0ms);
  fill_until_full(R"("outbound_bytes":10000,"publish_timeout_ms":100)", 99ms);
  drop_oldest();
}

TEST("reconnect-04", "a cluster: another server takes over; the others are discovered") {
  Remote cluster = Remote::server("cluster");
  Events events;
  cluster.tell("wait_ready");
  nats::Connection nc = events.dial(cluster.url(), eager());
  nats::Subscription sub = nc.subscribe("cpp.rec.4");
  nc.flush(patience);
  EXPECT_EQ(nc.servers().size("discovered"), 2);
  cluster.tell("kill", R"({"node":0})");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  EXPECT_LACKS(events.last(NATS_CONNECTION_EVENT_RECONNECTED), cluster.address());
  nc.publish("cpp.rec.4", "x");
  EXPECT_EQ(next_text(sub), "x");
}

TEST("reconnect-05", "max_reconnects reached, or reconnect off: closed, and an event says so") {
  const std::pair<const char *, int> cases[] = {
      {R"({"max_reconnects":3,"reconnect_delay_max_ms":10})", 3}, {R"({"reconnect":false})", 0}};
  for (const auto &[options, attempts] : cases) {
    Remote server = Remote::server();
    Events events;
    nats::Connection nc = events.dial(server.url(), options);
    nats::Subscription sub = nc.subscribe("cpp.rec.5");
    lose(server, events);
    EXPECT(events.wait(NATS_CONNECTION_EVENT_CLOSED));
    EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_RECONNECTING), attempts);
    EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.publish("a", "x"));
    EXPECT_EQ(end_of(sub), NATS_ERR_CONNECTION_CLOSED);
  }
}

// Numbers that a subscription receives: some may be lost, none comes back or in pieces.
class Numbers {
 public:
  explicit Numbers(nats::Subscription sub) : sub_(std::move(sub)) {}

  static std::string text(int number) {
    return "<" + std::to_string(number) + "|" + std::to_string(number) + ">";
  }

  void receive_until(int last) {
    while (seen_ < last) {
      std::string got = next_text(sub_);
      int number = std::stoi(got.substr(1));
      EXPECT_EQ(got, text(number));
      EXPECT(number > seen_ && number <= last);
      seen_ = number;
    }
  }

 private:
  nats::Subscription sub_;
  int seen_ = 0;
};

static void cut_everywhere(const std::string &direction) {
  Remote server = Remote::server(), proxy = Remote::proxy(server);
  Events events;
  nats::Connection direct = dial(server.url()), nc = events.dial(proxy.url(), eager());
  Numbers far(direct.subscribe("cpp.rec.6")), near(nc.subscribe("cpp.rec.6"));
  direct.flush(patience);
  nc.flush(patience);
  int number = 0;
  for (int at = 1; at <= 60; ++at) {
    nats::Doc cut;
    cut.set_str("direction", direction);
    cut.set_int("count", at);
    cut.set_str("cut", at % 2 ? "rst" : "fin");
    proxy.tell("cut_after", cut.json());
    for (int i = 0; i < 4; ++i) nc.publish("cpp.rec.6", Numbers::text(++number));
    EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED, at));
    nc.publish("cpp.rec.6", Numbers::text(++number));
    far.receive_until(number);
    near.receive_until(number);
  }
}

TEST("reconnect-06", "cut at any byte: nothing is torn, nothing comes twice") {
  cut_everywhere("to_server");
  cut_everywhere("to_client");
}

TEST("reconnect-07", "a server that stops answering pings is left as stale") {
  Remote server = Remote::server(), proxy = Remote::proxy(server);
  Events events;
  nats::Connection nc = events.dial(
      proxy.url(), eager(R"("ping_interval_ms":50,"max_pings_out":2,"connect_timeout_ms":500)"));
  proxy.tell("stall", R"({"direction":"to_client"})");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DISCONNECTED));
  EXPECT_HAS(events.last(NATS_CONNECTION_EVENT_DISCONNECTED), "STALE_CONNECTION");
  proxy.tell("resume");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  nc.flush(patience);
}

TEST("reconnect-08", "publishing to a stopped server returns by its deadline, memory bounded") {
  Remote server = Remote::server();
  nats::Connection nc =
      dial(server.url(), R"({"outbound_bytes":1048576,"publish_timeout_ms":200})");
  const std::string block(65536, 'x');
  server.tell("pause");
  long before = Held::now().resident;
  nats_status status = NATS_OK;
  std::chrono::nanoseconds took{};
  for (int i = 0; i < 2000 && !status; ++i) {
    Timer timer;
    status = nc.try_publish("cpp.rec.8", block).code();
    took = timer.elapsed();
  }
  EXPECT_EQ(status, NATS_ERR_OUTBOUND_FULL);
  EXPECT(took >= 199ms && took < patience);
  EXPECT(Held::now().resident - before < 32 * 1024);
  server.tell("resume");
  nc.flush(patience);
}

TEST("reconnect-09", "close while reconnecting, or on a stopped server, is prompt") {
  Remote server = Remote::server();
  Events events;
  nats::Connection nc = events.dial(server.url(), R"({"max_reconnects":-1,
      "reconnect_delay_min_ms":60000,"reconnect_delay_max_ms":60000})");
  lose(server, events);
  Timer timer;
  nc.close();
  nc = {};
  EXPECT(events.wait_gone());
  server.tell("restart");
  nats::Connection other = dial(server.url());
  server.tell("pause");
  EXPECT_THROWS(NATS_ERR_TIMEOUT, other.flush(50ms));
  other.close();
  EXPECT(timer.elapsed() < patience);
  server.tell("resume");
}

TEST("reconnect-10", "a forced reconnect keeps the subscriptions") {
  Events events;
  nats::Connection nc = events.dial(plain_server().url(), eager());
  nats::Subscription sub = nc.subscribe("cpp.rec.10");
  nc.flush(patience);
  nc.force_reconnect();
  EXPECT(events.wait(NATS_CONNECTION_EVENT_RECONNECTED));
  nc.publish("cpp.rec.10", "x");
  EXPECT_EQ(next_text(sub), "x");
  nc.close();
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, nc.force_reconnect());
}

TEST("reconnect-11", "flush waits for the reconnect; one that was interrupted says so") {
  Remote server = Remote::server(), proxy = Remote::proxy(server);
  Events events;
  nats::Connection nc = events.dial(proxy.url(), eager());
  auto flush = [&] { return nc.try_flush(60s).code(); };
  proxy.tell("refuse");
  proxy.tell("cut_now");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_DISCONNECTED));
  EXPECT_THROWS(NATS_ERR_TIMEOUT, nc.flush(50ms));
  std::future<nats_status> patient = background(flush);
  proxy.tell("accept");
  EXPECT_EQ(patient.get(), NATS_OK);

  nats::Doc sent;
  sent.set_str("direction", "to_server");
  sent.set_int("count", proxy.tell("stats").get_int("bytes_to_server") + 6);
  proxy.tell("stall", R"({"direction":"to_client"})");
  std::future<nats_status> interrupted = background(flush);
  proxy.tell("wait_bytes", sent.json());
  proxy.tell("cut_now");
  EXPECT_EQ(interrupted.get(), NATS_ERR_CONNECTION_LOST);
  proxy.tell("resume");
  nc.flush(patience);
}

TEST("reconnect-12", "a function decides the wait between rounds of attempts") {
  Remote server = Remote::server();
  std::atomic<std::uint32_t> last{0};
  std::atomic<int> asked{0};
  // The usual back-off would take a hundred minutes.
  nats::Options options(R"({"max_reconnects": 100, "reconnect_delay_min_ms": 60000,
      "reconnect_delay_max_ms": 60000})");
  options.on_reconnect_delay([&](std::uint32_t attempts) {
    last = attempts;
    ++asked;
    return std::chrono::milliseconds(attempts == 1 ? -1 : 1);
  });
  nats::Connection nc = nats::connect(server.url(), options);
  nats::Subscription sub = nc.subscribe("cpp.rec.12");
  server.tell("kill");
  EXPECT_THROWS(NATS_ERR_CONNECTION_CLOSED, sub.next(patience));
  EXPECT_EQ(asked.load(), 99);
  EXPECT_EQ(last.load(), 99u);
}
