/* The ways to a server: WebSocket, proxies, addresses, and peers that take nothing. */
#include "check.h"

TEST("c-transport-01", "WebSocket, plain and compressed, and what its URL looks like") {
  struct remote server = server_start("ws", NULL);
  char url[128];
  snprintf(url, sizeof url, "%s", answer_text("ws_url"));
  EXPECT(!strncmp(url, "ws://", 5));
  nats_connection *nc = dial(url, NULL);
  nats_doc *servers = NULL;
  nats_str connected;
  OK(nats_connection_servers(nc, &servers, E));
  OK(nats_doc_get_str(servers, S("connected"), &connected, E));
  EXPECT_TEXT(connected, url);
  OK(nats_doc_free(servers));
  works(nc);
  works(dial(url, "{\"ws_compression\":true}"));
  works(dial(server.url, NULL));
}

TEST("c-transport-02", "WebSocket over TLS; never without it once it was asked for") {
  server_start("wss", NULL);
  char url[128], options[600], plain[128];
  snprintf(url, sizeof url, "%s", answer_text("ws_url"));
  snprintf(options, sizeof options, "{\"tls_ca_file\":\"%s\"}", answer_text("tls_ca"));
  EXPECT(!strncmp(url, "wss://", 6));
  works(dial(url, options));
  refuse(url, NULL, NATS_ERR_TLS);
  SAYS("not trusted");
  snprintf(plain, sizeof plain, "ws://%s", url + 6);
  refuse(plain, options, NATS_ERR_TLS);
  SAYS("wss://");
}

struct headers {
  const char *name, *value;
  const char *refusal;
  struct latch asked, gone;
  char about[512];
};

static void tell_headers(nats_question *question, void *user) {
  struct headers *headers = user;
  nats_str about = NONE;
  OK(nats_question_about(question, &about, E));
  snprintf(headers->about, sizeof headers->about, "%.*s", (int)about.len, about.ptr);
  if (headers->name) OK(nats_question_answer(question, S(headers->name), B(headers->value), E));
  if (headers->refusal) OK(nats_question_refuse(question, S(headers->refusal), E));
  latch_add(&headers->asked);
}

static void headers_gone(void *user) { latch_add(&((struct headers *)user)->gone); }

static nats_options *telling(const char *json, struct headers *headers) {
  nats_options *options = NULL;
  headers->asked = headers->gone = (struct latch)LATCH;
  OK(nats_options_new(S(json), &options, E));
  OK(nats_options_on_ws_headers(options, tell_headers, headers, headers_gone, E));
  return options;
}

TEST("life-05", "the request that opens a WebSocket has headers of option and function") {
  struct remote fake = fake_start(
      "[{\"expect\":\"GET\"},{\"send\":\"HTTP/1.1 401 Unauthorized\\r\\n\\r\\n\"},\"silence\"]");
  static struct headers headers = {.name = "X-Fresh", .value = "canary-f"};
  char url[160];
  snprintf(url, sizeof url, "ws://%s/in?key=canary-k", fake.address);
  refuse_with(url, telling("{\"ws_headers\":{\"X-Static\":\"canary-s\"}}", &headers),
              NATS_ERR_AUTHORIZATION);
  SAYS("401");
  EXPECT(!strstr(check_last_text(), "canary"));
  EXPECT(strstr(headers.about, fake.address) && !strstr(headers.about, "canary"));
  tell(fake, "wait_text", "\"connection\":0,\"text\":\"\\r\\n\\r\\n\"");
  const char *request = answer_text("text");
  EXPECT(!strncmp(request, "GET /in?key=canary-k HTTP/1.1\r\n", 31));
  EXPECT(strstr(request, "\r\nX-Static: canary-s\r\n"));
  EXPECT(strstr(request, "\r\nX-Fresh: canary-f\r\n"));
  EXPECT(latch_wait(&headers.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&headers.asked), 1);
}

TEST("c-transport-04", "headers that break HTTP, and a function that refuses") {
  server_start("ws", NULL);
  char url[128];
  snprintf(url, sizeof url, "%s", answer_text("ws_url"));
  static struct headers bad = {.name = "X-Bad", .value = "canary\r\nX-More: x"};
  nats_options *options = telling("{}", &bad);
  nats_connection *nc = NULL;
  nats_error *err = NULL;
  nats_status status = nats_connect(S(url), options, &nc, &err);
  EXPECT(status != NATS_OK && nc == NULL);
  *E = err;
  check_status(__FILE__, __LINE__, url, status, status);
  EXPECT(!strstr(check_last_text(), "canary"));
  OK(nats_options_free(options));
  static struct headers no = {.refusal = "not from here"};
  refuse_with(url, telling("{}", &no), NATS_ERR_INVALID_CREDENTIALS);
  SAYS("not from here");
  static struct headers good = {.name = "X-Good", .value = "yes"};
  works(dial_with(url, telling("{}", &good)));
  EXPECT(latch_wait(&bad.gone, 1, WAIT_MS) && latch_wait(&no.gone, 1, WAIT_MS));
  EXPECT(latch_wait(&good.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&good.asked), 1);
}

TEST("c-transport-05", "a web server that is none of NATS is told by its answer") {
  const char *answers[][2] = {
      {"HTTP/1.1 404 Not Found\\r\\n\\r\\n", "404 Not Found"},
      {"HTTP/1.1 101 Fine\\r\\n\\r\\n", "changes over"},
      {"INFO {}\\r\\n\\r\\n", "expected an HTTP answer"},
  };
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; ++i) {
    char script[256], url[160];
    snprintf(script, sizeof script, "[{\"expect\":\"GET\"},{\"send\":\"%s\"},\"silence\"]",
             answers[i][0]);
    struct remote fake = fake_start(script);
    snprintf(url, sizeof url, "ws://%s", fake.address);
    refuse(url, NULL, NATS_ERR_NO_SERVERS);
    SAYS(answers[i][1]);
  }
}

/* Options with this proxy. */
static const char *through(struct remote tunnel, const char *auth, const char *more) {
  static char json[400];
  const char *slashes = strstr(tunnel.url, "//");
  snprintf(json, sizeof json, "{\"proxy\":\"%.*s//%s%s\"%s}", (int)(slashes - tunnel.url),
           tunnel.url, auth, tunnel.address, more);
  return json;
}

static void proxy_of(const char *kind) {
  struct remote server = server_start("plain", NULL), tunnel = tunnel_start(kind, "me", "p@ss");
  works(dial(server.url, through(tunnel, "me:p%40ss@", "")));
  tell(tunnel, "asked", NULL);
  EXPECT(!strcmp(answer_text("asked"), server.address));
  refuse(server.url, through(tunnel, "me:canary@", ""), NATS_ERR_AUTHORIZATION);
  EXPECT(!strstr(check_last_text(), "canary"));
  SAYS("proxy");
  refuse(server.url, through(tunnel, "", ""), NATS_ERR_AUTHORIZATION);
  const char *moods[][2] = {
      {"refusing", "it refuses"}, {"confused", "proxy"}, {"silent", "no handshake within"}};
  for (int i = 0; i < 3; ++i) {
    tell(tunnel, "mood", "\"mood\":\"%s\"", moods[i][0]);
    refuse(server.url, through(tunnel, "me:p%40ss@", ",\"connect_timeout_ms\":300"),
           NATS_ERR_NO_SERVERS);
    SAYS(moods[i][1]);
  }
}

TEST("life-06", "an HTTP and a SOCKS proxy, with credentials, in every mood") {
  proxy_of("http");
  proxy_of("socks5");
}

TEST("c-transport-07", "proxies that are none: no such URL, nobody there") {
  nats_options *options = NULL;
  nats_connection *nc = NULL;
  const char *urls[] = {"ftp://h", "http://", "socks5://u:canary@:1"};
  for (int i = 0; i < 3; ++i) {
    char json[100];
    snprintf(json, sizeof json, "{\"proxy\":\"%s\"}", urls[i]);
    OK(nats_options_new(S(json), &options, E));
    FAILS(NATS_ERR_INVALID_OPTION, nats_connect(S(plain_server()), options, &nc, E));
    SAYS("proxy");
    EXPECT(!strstr(check_last_text(), "canary"));
    OK(nats_options_free(options));
  }
  refuse(plain_server(), "{\"proxy\":\"http://127.0.0.1:1\"}", NATS_ERR_NO_SERVERS);
  SAYS("proxy");
}

TEST("c-transport-08", "a local address is bound; one that is none is told") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, "{\"local_address\":\"127.0.0.2\"}");
  nats_doc *info = NULL;
  nats_str ip;
  OK(nats_connection_server_info(nc, &info, E));
  OK(nats_doc_get_str(info, S("client_ip"), &ip, E));
  EXPECT_TEXT(ip, "127.0.0.2");
  OK(nats_doc_free(info));
  works(nc);
  refuse(server.url, "{\"local_address\":\"192.0.2.1\"}", NATS_ERR_NO_SERVERS);
  nats_options *options = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_options_new(S("{\"local_address\":\"here\"}"), &options, E));
  SAYS("local_address");
}

TEST("c-transport-09", "a server that takes nothing is left by the write timeout") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  static char block[262144];
  nats_connection *nc = dial_watched(
      server.url, "{\"write_timeout_ms\":300,\"outbound_policy\":\"drop_oldest\","
      "\"reconnect_delay_max_ms\":20}", &events);
  tell(server, "pause", NULL);
  int64_t end = now_ms() + WAIT_MS;
  while (!events_count(&events, NATS_CONNECTION_EVENT_DISCONNECTED) && now_ms() < end) {
    OK(nats_publish(nc, S("c.transport.9"), nats_bytes_of(block, sizeof block), E));
  }
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_DISCONNECTED, 1));
  /* By the library, or by the kernel, which is told the same timeout. */
  tell(server, "resume", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  hang_up_watched(nc, &events);
}
