// The ways to a server: WebSocket, proxies, addresses.
#include "support.hpp"

using namespace check;

TEST("cpp-transport-01", "WebSocket, plain, compressed and over TLS") {
  Remote plain = Remote::server("ws"), secure = Remote::server("wss");
  works(dial(plain.fact("ws_url")));
  works(dial(plain.fact("ws_url"), R"({"ws_compression":true})"));
  works(nats::connect(secure.fact("ws_url"), options_of({{"tls_ca_file", secure.fact("tls_ca")}})));
  EXPECT_HAS(refused(secure.fact("ws_url"), {}, NATS_ERR_TLS), "not trusted");
}

TEST("life-05", "headers of the request that opens a WebSocket, by option and callable") {
  Remote fake = Remote::fake(
      R"([{"expect":"GET"},{"send":"HTTP/1.1 401 Unauthorized\r\n\r\n"},"silence"])");
  nats::Options options(R"({"ws_headers":{"X-Static":"s"}})");
  options.on_ws_headers([](nats::Question &question) { question.answer("X-Fresh", "f"); });
  std::string url = "ws://" + fake.address() + "/in";
  EXPECT_HAS(refused_with(url, options, NATS_ERR_AUTHORIZATION), "401");
  fake.tell("wait_text", R"({"text":"\r\n\r\n"})");
  std::string request = fake.received();
  EXPECT_HAS(request, "GET /in HTTP/1.1\r\n");
  EXPECT_HAS(request, "\r\nX-Static: s\r\n");
  EXPECT_HAS(request, "\r\nX-Fresh: f\r\n");
  Remote server = Remote::server("ws");
  options.on_ws_headers([](nats::Question &) { throw std::runtime_error("not from here"); });
  EXPECT_HAS(refused_with(server.fact("ws_url"), options, NATS_ERR_INVALID_CREDENTIALS),
             "not from here");
}

TEST("life-06", "an HTTP and a SOCKS proxy, and what they say") {
  for (const char *kind : {"http", "socks5"}) {
    Remote server = Remote::server(), tunnel = Remote::tunnel(kind, "me", "p");
    auto through = [&](std::string_view auth) {
      std::string url = std::string(kind) + "://" + std::string(auth) + tunnel.address();
      return options_of({{"proxy", url}}, R"({"connect_timeout_ms":2000})");
    };
    works(nats::connect(server.url(), through("me:p@")));
    EXPECT_EQ(tunnel.tell("asked").get_str("asked"), server.address());
    nats::Options wrong = through("me:canary@");
    EXPECT_LACKS(refused_with(server.url(), wrong, NATS_ERR_AUTHORIZATION), "canary");
    tunnel.tell("mood", R"({"mood":"refusing"})");
    EXPECT_HAS(refused_with(server.url(), through("me:p@"), NATS_ERR_NO_SERVERS), "it refuses");
  }
}

TEST("cpp-transport-04", "a local address is bound") {
  nats::Connection nc = dial(plain_server().url(), R"({"local_address":"127.0.0.2"})");
  EXPECT_EQ(nc.server_info().get_str("client_ip"), "127.0.0.2");
}
