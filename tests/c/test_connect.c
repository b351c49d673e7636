/* Connecting: addresses, credentials, options, TLS, and servers that will not have it. */
#include "check.h"

static void expect_connected_url(nats_connection *nc, const char *expected) {
  nats_doc *servers = NULL;
  nats_str url;
  OK(nats_connection_servers(nc, &servers, E));
  OK(nats_doc_get_str(servers, S("connected"), &url, E));
  EXPECT_TEXT(url, expected);
  OK(nats_doc_free(servers));
}

TEST("connect-01", "connects to host:port, a nats:// URL and IPv6; the URL shown has no secret") {
  struct remote server = server_start("auth", NULL);
  char url[200];
  snprintf(url, sizeof url, "nats://alice:secret@%s", server.address);
  nats_connection *nc = dial(url, NULL);
  expect_connected_url(nc, server.url);
  works(nc);
  snprintf(url, sizeof url, "alice:secret@%s", server.address);
  works(dial(url, NULL));
  struct remote six = server_start_at("plain", "::1");
  nc = dial(six.url, NULL);
  expect_connected_url(nc, six.url);
  works(nc);
  works(dial(six.address, NULL));
}

TEST("connect-02", "of a list, the server that is up is found") {
  char urls[300];
  snprintf(urls, sizeof urls, "nats://127.0.0.1:1,127.0.0.1:2,%s,localhost:3", plain_server());
  nats_connection *nc = dial(urls, "{\"randomize\":false}");
  expect_connected_url(nc, plain_server());
  works(nc);
  for (int i = 0; i < 5; ++i) works(dial(urls, NULL));
}

TEST("connect-03", "user and password, in the URL and as options; wrong ones are not shown") {
  struct remote server =
      server_start("plain", "authorization { user: \\\"a@b\\\", password: \\\"p/w:d%\\\" }");
  char url[200];
  snprintf(url, sizeof url, "nats://a%%40b:p%%2Fw%%3Ad%%25@%s", server.address);
  works(dial(url, NULL));
  works(dial(server.url, "{\"user\":\"a@b\",\"password\":\"p/w:d%\"}"));
  snprintf(url, sizeof url, "nats://a%%40b:canary-word@%s", server.address);
  refuse(url, NULL, NATS_ERR_AUTHORIZATION);
  EXPECT(!strstr(check_last_text(), "canary"));
  refuse(server.url, "{\"user\":\"a@b\",\"password\":\"canary-word\"}", NATS_ERR_AUTHORIZATION);
  EXPECT(!strstr(check_last_text(), "canary"));
  refuse(server.url, NULL, NATS_ERR_AUTHORIZATION);
}

TEST("connect-04", "a token, in the URL and as an option") {
  struct remote server = server_start("token", NULL);
  char url[200];
  snprintf(url, sizeof url, "nats://s3cr3t@%s", server.address);
  works(dial(url, NULL));
  works(dial(server.url, "{\"token\":\"s3cr3t\"}"));
  refuse(server.url, "{\"token\":\"canary-word\"}", NATS_ERR_AUTHORIZATION);
  EXPECT(!strstr(check_last_text(), "canary"));
}

TEST("connect-05", "name, verbose and pedantic reach the server; a verbose connection works") {
  struct remote fake = fake_start("[\"handshake\",\"serve\"]");
  nats_connection *nc =
      dial(fake.url, "{\"name\":\"quote \\\" and \\r\\n PING\",\"pedantic\":true}");
  tell(fake, "received", "\"connection\":0");
  const char *text = answer_text("text");
  EXPECT(!strncmp(text, "CONNECT {", 9));
  EXPECT(strstr(text, "\"name\":\"quote \\\" and \\r\\n PING\""));
  EXPECT(strstr(text, "\"pedantic\":true") && strstr(text, "\"verbose\":false"));
  hang_up(nc);
  works(dial(plain_server(), "{\"verbose\":true,\"pedantic\":true,\"name\":\"conformance\"}"));
}

TEST("connect-06", "echo off: one's own messages do not come back") {
  nats_connection *nc = dial(plain_server(), "{\"echo\":false}"), *other = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.connect.6", NULL);
  send_text(nc, "c.connect.6", "mine");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  send_text(other, "c.connect.6", "theirs");
  receive_text(sub, "theirs");
  OK(nats_subscription_free(sub));
  hang_up(other);
  hang_up(nc);
}

TEST("connect-07", "no server up: NO_SERVERS at once, naming each") {
  int64_t start = now_ms();
  refuse("nats://127.0.0.1:1,nats://127.0.0.1:2", NULL, NATS_ERR_NO_SERVERS);
  SAYS("127.0.0.1:1");
  SAYS("127.0.0.1:2");
  EXPECT(now_ms() - start < WAIT_MS);
}

static void times_out(const char *script) {
  struct remote fake = fake_start(script);
  int64_t start = now_ms();
  refuse(fake.url, "{\"connect_timeout_ms\":300}", NATS_ERR_NO_SERVERS);
  SAYS("TIMEOUT");
  EXPECT(now_ms() - start >= 299 && now_ms() - start < WAIT_MS);
}

TEST("connect-08", "a server that is silent at any stage fails by the connect timeout") {
  times_out("[\"silence\"]");
  times_out("[{\"send\":\"INFO {\\\"server_id\\\":\"},\"silence\"]");
  times_out("[{\"drip\":\"INFO {\\\"server_id\\\":\\\"very slow indeed\\\"}\",\"gap_ms\":50}]");
  times_out("[{\"send\":\"INFO {}\\r\\n\"},\"silence\"]");
}

static void shows(const char *script, const char *seen) {
  struct remote fake = fake_start(script);
  nats_connection *nc = NULL;
  nats_error *err = NULL;
  nats_status status = nats_connect(S(fake.url), NULL, &nc, &err);
  EXPECT(status != NATS_OK && status != NATS_ERR_TIMEOUT && nc == NULL);
  *E = err;
  check_status(__FILE__, __LINE__, script, status, status);
  if (seen) SAYS(seen);
}

TEST("connect-09", "what is no NATS server gives an error that shows what was seen") {
  shows("[\"close\"]", NULL);
  shows("[\"reset\"]", NULL);
  shows("[{\"send\":\"INFO {}\\r\\n\"},{\"expect\":\"CONNECT\"},\"close\"]", NULL);
  shows("[{\"send\":\"HTTP/1.1 400 Bad Request\\r\\n\"}]", "HTTP/1.1");
  shows("[{\"send\":\"SSH-2.0-OpenSSH_9.2\\r\\n\"}]", "SSH-2.0");
  shows("[{\"send\":\"PING\\r\\n\"}]", "PING");
  shows("[{\"send\":\"nonsense\\r\\n\"}]", "nonsense");
  shows("[{\"send\":\"INFO null\\r\\n\"}]", NULL);
  shows("[{\"send\":\"INFO []\\r\\n\"}]", NULL);
  shows("[{\"send\":\"INFO {\\\"max_payload\\\":-1}\\r\\n\"}]", NULL);
}

TEST("connect-10", "retry_on_failed_connect: connects, and sends, when the server comes") {
  struct remote server = server_start("plain", NULL), proxy = proxy_start(server);
  static struct events events;
  tell(proxy, "refuse", NULL);
  refuse(proxy.url, NULL, NATS_ERR_NO_SERVERS);
  nats_connection *nc = dial_watched(
      proxy.url,
      "{\"retry_on_failed_connect\":true,\"reconnect_delay_max_ms\":20,\"max_reconnects\":-1}",
      &events);
  nats_subscription *sub = listen_to(nc, "c.connect.10", NULL);
  send_text(nc, "c.connect.10", "early");
  tell(proxy, "accept", NULL);
  receive_text(sub, "early");
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_CONNECTED, 1));
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("connect-11", "TLS by the URL and by the server's demand") {
  struct remote server = server_start("tls", NULL);
  char options[600], url[200];
  snprintf(options, sizeof options, "{\"tls_ca_file\":\"%s\"}", answer_text("tls_ca"));
  snprintf(url, sizeof url, "tls://%s", server.address);
  works(dial(url, options));
  snprintf(url, sizeof url, "nats://%s", server.address);
  works(dial(url, options));
  struct remote available = server_start("tls-available", NULL);
  snprintf(options, sizeof options, "{\"tls_required\":true,\"tls_ca_file\":\"%s\"}",
           answer_text("tls_ca"));
  works(dial(available.url, options));
}

TEST("connect-12", "TLS: unknown authority, wrong name, no TLS: never a plain connection") {
  struct remote server = server_start("tls", NULL);
  char options[600], url[200];
  snprintf(options, sizeof options, "{\"tls_ca_file\":\"%s\"}", answer_text("tls_foreign_ca"));
  refuse(server.url, NULL, NATS_ERR_TLS);
  refuse(server.url, options, NATS_ERR_TLS);
  server = server_start_at("tls", "0.0.0.0"); /* its certificate is for 127.0.0.1 only */
  snprintf(options, sizeof options, "{\"tls_ca_file\":\"%s\"}", answer_text("tls_ca"));
  snprintf(url, sizeof url, "tls://127.0.0.2%s", strrchr(server.address, ':'));
  refuse(url, options, NATS_ERR_TLS);
  snprintf(url, sizeof url, "tls://127.0.0.1%s", strrchr(server.address, ':'));
  works(dial(url, options));
  struct remote fake = fake_start("[\"handshake\",\"serve\"]");
  refuse(fake.url, "{\"tls_required\":true}", NATS_ERR_TLS);
  tell(fake, "received", "\"connection\":0");
  EXPECT(!strstr(answer_text("text"), "CONNECT"));
}

TEST("connect-13", "server information is readable") {
  nats_connection *nc = dial_plain();
  nats_doc *info = NULL;
  nats_str text;
  int64_t number = 0;
  int32_t flag = 0;
  size_t max = 0;
  OK(nats_connection_server_info(nc, &info, E));
  OK(nats_doc_get_str(info, S("server_id"), &text, E));
  EXPECT(text.len > 10);
  OK(nats_doc_get_str(info, S("version"), &text, E));
  EXPECT(text.len >= 5);
  OK(nats_doc_get_int(info, S("max_payload"), &number, E));
  OK(nats_connection_max_payload(nc, &max, E));
  EXPECT_INT(number, max);
  OK(nats_doc_get_bool(info, S("headers"), &flag, E));
  EXPECT_INT(flag, 1);
  OK(nats_doc_free(info));
  hang_up(nc);
}

TEST("connect-14", "invalid URLs and an empty server list") {
  const char *urls[] = {"http://u:canary@localhost:4222", "nats://u:canary@localhost:99999",
                        "nats://u:canary@localhost:0x1", "nats://u:canary@[::1",
                        "nats://u:canary@a b:4222", "nats://u:canary@a\r\n:4222",
                        "nats://u:canary@:4222"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; ++i) {
    refuse(urls[i], NULL, NATS_ERR_INVALID_URL);
    EXPECT(!strstr(check_last_text(), "canary"));
  }
  nats_options *options = NULL;
  nats_connection *nc = NULL;
  nats_status status = nats_options_new(S("{\"servers\":[]}"), &options, NULL);
  if (!status) status = nats_connect(NONE, options, &nc, NULL);
  EXPECT(status == NATS_ERR_INVALID_URL || status == NATS_ERR_INVALID_OPTION);
  OK(nats_options_free(options));
}

static void refuse_option(const char *json, const char *key, const char *also) {
  nats_options *options = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_options_new(S(json), &options, E));
  SAYS(key);
  SAYS(also);
  EXPECT(options == NULL);
}

TEST("connect-15", "options that are unknown or of the wrong type name the key and what is right") {
  refuse_option("{\"nmae\":\"x\"}", "nmae", "name");
  refuse_option("{\"ping_interval\":1}", "ping_interval", "ping_interval_ms");
  refuse_option("{\"name\":1}", "name", "expected");
  refuse_option("{\"echo\":\"yes\"}", "echo", "true or false");
  refuse_option("{\"servers\":\"x\"}", "servers", "expected");
  refuse_option("{\"connect_timeout_ms\":-1}", "connect_timeout_ms", "expected");
  refuse_option("{\"ping_interval_ms\":1e300}", "ping_interval_ms", "expected");
  refuse_option("{\"outbound_policy\":\"nothing\"}", "outbound_policy", "drop_oldest");
  nats_options *options = NULL;
  OK(nats_options_new(S("{\"name\":\"kept\"}"), &options, E));
  FAILS(NATS_ERR_INVALID_OPTION, nats_options_set(options, S("{\"echo\":false,\"nmae\":1}"), E));
  OK(nats_options_set(options, S("{\"echo\":false}"), E));
  OK(nats_options_free(options));
}

TEST("connect-16", "connect_in_background: a connection at once, which keeps what is published") {
  const char *options = "{\"connect_in_background\":true}";
  struct remote server = server_start("plain", NULL), proxy = proxy_start(server);
  static struct events events;
  int32_t state = 0;
  tell(proxy, "stall", "\"direction\":\"to_client\"");
  nats_connection *nc = dial_watched(proxy.url, options, &events);
  OK(nats_connection_state(nc, &state, E));
  EXPECT_INT(state, NATS_CONNECTION_STATE_CONNECTING);
  nats_subscription *sub = listen_to(nc, "c.connect.16", NULL);
  send_text(nc, "c.connect.16", "early");
  tell(proxy, "resume", NULL);
  receive_text(sub, "early");
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_CONNECTED, 1));
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);

  static struct events later;
  nats_error *last = NULL;
  tell(proxy, "refuse", NULL);
  nc = dial_watched(proxy.url, options, &later);
  EXPECT(events_wait(&later, NATS_CONNECTION_EVENT_CLOSED, 1));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_publish(nc, S("c.connect.16"), B("late"), E));
  nats_connection_last_error(nc, &last);
  EXPECT_INT(nats_error_code(last), NATS_ERR_NO_SERVERS);
  nats_error_free(last);
  hang_up_watched(nc, &later);
}

TEST("life-09", "a context of the nats tool says where, and who") {
  struct remote server = server_start("auth", NULL);
  char text[300], json[200];
  snprintf(text, sizeof text,
           "{\"url\":\"nats://%s\",\"user\":\"alice\",\"password\":\"secret\"}", server.address);
  snprintf(json, sizeof json, "{\"context\":\"%s\"}", file_of(text));
  works(dial("", json));
  refuse("", "{\"context\":\"/no/such/context.json\"}", NATS_ERR_INVALID_OPTION);
  SAYS("/no/such/context.json");
}
