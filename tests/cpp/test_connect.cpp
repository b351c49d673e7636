// Connecting: addresses, credentials, options, TLS, and servers that will not have it.
#include "support.hpp"

using namespace check;

static std::string connected_url(const nats::Connection &nc) {
  return std::string(nc.servers().get_str("connected"));
}

TEST("connect-01", "connects to host:port, a nats:// URL and IPv6; the URL shown has no secret") {
  Remote server = Remote::server("auth");
  nats::Connection nc = dial("nats://alice:secret@" + server.address());
  EXPECT_EQ(connected_url(nc), server.url());
  works(nc);
  works(dial("alice:secret@" + server.address()));
  Remote six = Remote::server_at("plain", "::1");
  nats::Connection far = dial(six.url());
  EXPECT_EQ(connected_url(far), six.url());
  works(far);
  works(dial(six.address()));
}

TEST("connect-02", "of a list, the server that is up is found") {
  std::string urls =
      "nats://127.0.0.1:1,127.0.0.1:2," + plain_server().url() + ",localhost:3";
  nats::Connection nc = dial(urls, R"({"randomize":false})");
  EXPECT_EQ(connected_url(nc), plain_server().url());
  works(nc);
  for (int i = 0; i < 5; ++i) works(dial(urls));
}

TEST("connect-03", "user and password, in the URL and as options; wrong ones are not shown") {
  Remote server =
      Remote::server("plain", R"(authorization { user: "a@b", password: "p/w:d%" })");
  works(dial("nats://a%40b:p%2Fw%3Ad%25@" + server.address()));
  works(dial(server.url(), R"({"user":"a@b","password":"p/w:d%"})"));
  std::string wrong = "nats://a%40b:canary-word@" + server.address();
  EXPECT_LACKS(refused(wrong, {}, NATS_ERR_AUTHORIZATION), "canary");
  EXPECT_LACKS(refused(server.url(), R"({"user":"a@b","password":"canary-word"})",
                       NATS_ERR_AUTHORIZATION), "canary");
  refused(server.url(), {}, NATS_ERR_AUTHORIZATION);
}

TEST("connect-04", "a token, in the URL and as an option") {
  Remote server = Remote::server("token");
  works(dial("nats://s3cr3t@" + server.address()));
  works(dial(server.url(), R"({"token":"s3cr3t"})"));
  EXPECT_LACKS(refused(server.url(), R"({"token":"canary-word"})", NATS_ERR_AUTHORIZATION),
               "canary");
}

TEST("connect-05", "name, verbose and pedantic reach the server; a verbose connection works") {
  for (bool verbose : {false, true}) {
    Remote fake = Remote::fake(R"(["handshake","serve"])");
    nats::Doc options = nats::Doc::parse(R"({"name":"quote \" and \r\n PING","pedantic":true})");
    options.set_bool("verbose", verbose);
    nats::Connection nc = dial(fake.url(), options.json());
    std::string text = fake.received();
    EXPECT_EQ(text.find("CONNECT {"), 0);
    EXPECT_HAS(text, R"("name":"quote \" and \r\n PING")");
    EXPECT_HAS(text, R"("pedantic":true)");
    EXPECT_HAS(text, verbose ? R"("verbose":true)" : R"("verbose":false)");
  }
  works(dial(plain_server().url(), R"({"verbose":true,"pedantic":true,"name":"conformance"})"));
}

TEST("connect-06", "echo off: one's own messages do not come back") {
  nats::Connection nc = dial(plain_server().url(), R"({"echo":false})"), other = dial();
  nats::Subscription sub = nc.subscribe("cpp.connect.6");
  nc.publish("cpp.connect.6", "mine");
  nc.flush(patience);
  other.publish("cpp.connect.6", "theirs");
  EXPECT_EQ(next_text(sub), "theirs");
}

TEST("connect-07", "no server up: NO_SERVERS at once, naming each") {
  Timer timer;
  std::string said =
      refused("nats://127.0.0.1:1,nats://127.0.0.1:2", {}, NATS_ERR_NO_SERVERS);
  EXPECT_HAS(said, "127.0.0.1:1");
  EXPECT_HAS(said, "127.0.0.1:2");
  EXPECT(timer.elapsed() < patience);
}

TEST("connect-08", "a server that is silent at any stage fails by the connect timeout") {
  const char *scripts[] = {
      R"(["silence"])",
      R"([{"send":"INFO {\"server_id\":"},"silence"])",
      R"([{"drip":"INFO {\"server_id\":\"very slow indeed\"}","gap_ms":50}])",
      R"([{"send":"INFO {}\r\n"},"silence"])",
  };
  for (const char *script : scripts) {
    Remote fake = Remote::fake(script);
    Timer timer;
    EXPECT_HAS(refused(fake.url(), R"({"connect_timeout_ms":300})", NATS_ERR_NO_SERVERS),
               "TIMEOUT");
    EXPECT(timer.elapsed() >= 299ms);
    EXPECT(timer.elapsed() < patience);
  }
}

TEST("connect-09", "what is no NATS server gives an error that shows what was seen") {
  const std::pair<const char *, const char *> scripts[] = {
      {R"(["close"])", ""},
      {R"(["reset"])", ""},
      {R"([{"send":"INFO {}\r\n"},{"expect":"CONNECT"},"close"])", ""},
      {R"([{"send":"HTTP/1.1 400 Bad Request\r\n"}])", "HTTP/1.1"},
      {R"([{"send":"SSH-2.0-OpenSSH_9.2\r\n"}])", "SSH-2.0"},
      {R"([{"send":"PING\r\n"}])", "PING"},
      {R"([{"send":"nonsense\r\n"}])", "nonsense"},
      {R"([{"send":"INFO null\r\n"}])", ""},
      {R"([{"send":"INFO []\r\n"}])", ""},
      {R"([{"send":"INFO {\"max_payload\":-1}\r\n"}])", ""},
  };
  for (const auto &[script, seen] : scripts) {
    Remote fake = Remote::fake(script);
    nats::Result<nats::Connection> result = nats::try_connect(fake.url());
    EXPECT(!result.ok() && result.code() != NATS_ERR_TIMEOUT);
    EXPECT(!result.error().text().empty());
    EXPECT_HAS(result.error().text(), seen);
  }
}

TEST("connect-10", "retry_on_failed_connect: connects, and sends, when the server comes") {
  Remote server = Remote::server(), proxy = Remote::proxy(server);
  Events events;
  proxy.tell("refuse");
  refused(proxy.url(), {}, NATS_ERR_NO_SERVERS);
  nats::Connection nc = events.dial(proxy.url(), R"({
      "retry_on_failed_connect": true, "reconnect_delay_max_ms": 20, "max_reconnects": -1})");
  nats::Subscription sub = nc.subscribe("cpp.connect.10");
  nc.publish("cpp.connect.10", "early");
  EXPECT_EQ(events.count(NATS_CONNECTION_EVENT_CONNECTED), 0);
  proxy.tell("accept");
  EXPECT_EQ(next_text(sub), "early");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_CONNECTED));
}

TEST("connect-16", "connect_in_background: a connection at once, which keeps what is published") {
  const char *options = R"({"connect_in_background": true})";
  Remote server = Remote::server(), proxy = Remote::proxy(server);
  Events events, later;
  proxy.tell("stall", R"({"direction":"to_client"})");
  nats::Connection nc = events.dial(proxy.url(), options);
  EXPECT_EQ(nc.state(), NATS_CONNECTION_STATE_CONNECTING);
  nats::Subscription sub = nc.subscribe("cpp.connect.16");
  nc.publish("cpp.connect.16", "early");
  proxy.tell("resume");
  EXPECT_EQ(next_text(sub), "early");
  EXPECT(events.wait(NATS_CONNECTION_EVENT_CONNECTED));

  proxy.tell("refuse");
  nats::Connection lost = later.dial(proxy.url(), options);
  EXPECT(later.wait(NATS_CONNECTION_EVENT_CLOSED));
  EXPECT_EQ(lost.last_error()->code(), NATS_ERR_NO_SERVERS);
}

// Options with this CA file.
static std::string trusting(const std::string &ca, bool required = false) {
  nats::Doc options;
  options.set_str("tls_ca_file", ca);
  if (required) options.set_bool("tls_required", true);
  return std::string(options.json());
}

TEST("connect-11", "TLS by the URL and by the server's demand") {
  Remote server = Remote::server("tls");
  std::string options = trusting(server.fact("tls_ca"));
  works(dial("tls://" + server.address(), options));
  works(dial("nats://" + server.address(), options));
  Remote available = Remote::server("tls-available");
  works(dial(available.url(), trusting(available.fact("tls_ca"), true)));
}

TEST("connect-12", "TLS: unknown authority, wrong name, no TLS: never a plain connection") {
  Remote server = Remote::server("tls");
  refused(server.url(), {}, NATS_ERR_TLS);
  refused(server.url(), trusting(server.fact("tls_foreign_ca")), NATS_ERR_TLS);
  Remote open = Remote::server_at("tls", "0.0.0.0");  // its certificate is for 127.0.0.1 only
  std::string port = open.address().substr(open.address().rfind(':'));
  std::string options = trusting(open.fact("tls_ca"));
  refused("tls://127.0.0.2" + port, options, NATS_ERR_TLS);
  works(dial("tls://127.0.0.1" + port, options));
  Remote fake = Remote::fake(R"(["handshake","serve"])");
  refused(fake.url(), R"({"tls_required":true})", NATS_ERR_TLS);
  EXPECT_LACKS(fake.received(), "CONNECT");
}

TEST("connect-13", "server information is readable") {
  nats::Connection nc = dial();
  nats::Doc info = nc.server_info();
  EXPECT(info.get_str("server_id").size() > 10);
  EXPECT(info.get_str("version").size() >= 5);
  EXPECT_EQ(info.get_int("max_payload"), nc.max_payload());
  EXPECT(info.get_bool("headers"));
}

TEST("connect-14", "invalid URLs and an empty server list") {
  const char *urls[] = {"http://u:canary@localhost:4222", "nats://u:canary@localhost:99999",
                        "nats://u:canary@localhost:0x1", "nats://u:canary@[::1",
                        "nats://u:canary@a b:4222",      "nats://u:canary@a\r\n:4222",
                        "nats://u:canary@:4222"};
  for (const char *url : urls) EXPECT_LACKS(refused(url, {}, NATS_ERR_INVALID_URL), "canary");
  nats_status empty = thrown([] { dial({}, R"({"servers":[]})"); });
  EXPECT(empty == NATS_ERR_INVALID_URL || empty == NATS_ERR_INVALID_OPTION);
}

TEST("connect-15", "options that are unknown or of the wrong type name the key and what is right") {
  const struct {
    const char *json, *key, *also;
  } bad[] = {
      {R"({"nmae":"x"})", "nmae", "name"},
      {R"({"ping_interval":1})", "ping_interval", "ping_interval_ms"},
      {R"({"name":1})", "name", "expected"},
      {R"({"echo":"yes"})", "echo", "true or false"},
      {R"({"servers":"x"})", "servers", "expected"},
      {R"({"connect_timeout_ms":-1})", "connect_timeout_ms", "expected"},
      {R"({"ping_interval_ms":1e300})", "ping_interval_ms", "expected"},
      {R"({"outbound_policy":"nothing"})", "outbound_policy", "drop_oldest"},
  };
  for (const auto &[json, key, also] : bad) {
    nats::Result<nats::Options> options = nats::Options::try_make(json);
    EXPECT_EQ(options.code(), NATS_ERR_INVALID_OPTION);
    EXPECT_HAS(options.error().text(), key);
    EXPECT_HAS(options.error().text(), also);
  }
  nats::Options options(R"({"name":"kept"})");
  EXPECT_THROWS(NATS_ERR_INVALID_OPTION, options.set(R"({"echo":false,"nmae":1})"));
  options.set(R"({"echo":false})");
}

TEST("life-09", "a context of the nats tool says where, and who") {
  Remote server = Remote::server("auth");
  File context(R"({"url":"nats://)" + server.address() +
               R"(","user":"alice","password":"secret"})");
  works(nats::connect({}, options_of({{"context", context.path()}})));
  EXPECT_HAS(refused({}, R"({"context":"/no/such/context.json"})", NATS_ERR_INVALID_OPTION),
             "/no/such/context.json");
}
