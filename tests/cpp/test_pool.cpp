// The servers that a connection knows, and which of them it tries next.
#include "support.hpp"

using namespace check;

constexpr const char *eager = R"({"reconnect_delay_min_ms":5,"reconnect_delay_max_ms":20})";
constexpr auto reconnected = NATS_CONNECTION_EVENT_RECONNECTED;

TEST("cpp-pool-01", "servers tells of failures; set_servers counts from the next reconnect on") {
  Remote first = Remote::server(), second = Remote::server();
  Events events;
  nats::Connection nc = events.dial("nats://127.0.0.1:1," + first.url(),
                                    R"({"randomize":false,"reconnect_delay_min_ms":5})");
  nats::Doc servers = nc.servers();
  EXPECT_EQ(servers.get_str("connected"), first.url());
  EXPECT_EQ(servers.get_int("pool.0.failures"), 1);
  EXPECT(!servers.get_str("pool.0.error").empty());
  nc.set_servers({second.url()});
  EXPECT_EQ(nc.servers().get_str("connected"), first.url());
  nc.force_reconnect();
  EXPECT(events.wait(reconnected));
  EXPECT_EQ(nc.servers().get_str("connected"), second.url());
  nc.set_servers(std::vector<std::string>{first.url(), "nats://127.0.0.1:1"});
  EXPECT_EQ(nc.servers().size("known"), 2);
  EXPECT_THROWS(NATS_ERR_INVALID_URL, nc.set_servers({"nats://u:canary@h:99999"}));
  EXPECT_EQ(nc.try_set_servers({}).code(), NATS_ERR_INVALID_URL);
  EXPECT_EQ(nc.servers().size("known"), 2);
}

TEST("life-07", "a callable picks the next server of a cluster; an exception picks none") {
  Remote cluster = Remote::server("cluster");
  cluster.tell("wait_ready");
  std::string urls = cluster.fact("urls"), last = urls.substr(urls.rfind(',') + 1);
  std::mutex lock;
  std::string wanted = last, about;
  Events events;
  nats::Options options(eager);
  options.on_pick_server([&](nats::Question &question) {
    std::lock_guard<std::mutex> held(lock);
    about = question.about();
    if (wanted.empty()) throw std::runtime_error("no idea");
    question.answer("url", wanted);
    question.answer("delay_ms", "1");
  });
  nats::Connection nc = events.dial_with(cluster.url(), options);
  nc.force_reconnect();
  EXPECT(events.wait(reconnected));
  EXPECT_EQ(nc.servers().get_str("connected"), last);
  {
    std::lock_guard<std::mutex> held(lock);
    EXPECT_EQ(nats::Doc::parse(about).size("servers"), 3);
    wanted = "";
  }
  nc.force_reconnect();
  EXPECT(events.wait(reconnected, 2));
}

TEST("cpp-pool-03", "events have names") {
  Events events;
  nats::Connection nc = events.dial(plain_server().url(), eager);
  nc.force_reconnect();
  EXPECT(events.wait(reconnected));
  nats::ConnectionEvent event{reconnected, ""};
  std::string details = events.last(reconnected);
  event.details = details;
  EXPECT_EQ(event.name(), "reconnected");
  for (const char *odd : {"", "{}", R"({"event":")", R"(["event"])"}) {
    event.details = odd;
    EXPECT_EQ(event.name(), "");
  }
}
