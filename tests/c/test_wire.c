/* What a server may send: honest, odd and malicious, from a scripted fake server. */
#include "check.h"

#define EVENT(name) NATS_CONNECTION_EVENT_##name

/* Connects to a server that answers the only subscription, `w`, with `bytes` and then plays
   `second` to the next connection. The bytes are the inside of a JSON string with {SUB.2} for the
   sid. */
static nats_connection *dial_fake(const char *bytes, const char *second, nats_subscription **sub,
                                  struct events *events) {
  size_t room = strlen(bytes) + strlen(second) + 200;
  char *script = malloc(room);
  snprintf(script, room, "[[\"handshake\",{\"expect\":\"SUB \"},{\"reply\":\"%s\"}],%s]", bytes,
           second);
  struct remote fake = fake_start(script);
  free(script);
  nats_connection *nc = dial_watched(fake.url, "{\"reconnect_delay_max_ms\":20}", events);
  *sub = listen_to(nc, "w", NULL);
  return nc;
}

#define NOTHING "[\"handshake\"]"
#define NEXT "[\"handshake\",{\"expect\":\"SUB \"},{\"reply\":\"MSG w {SUB.2} 4\\r\\nnext\\r\\n\"}]"

/* The bytes break the protocol: the socket is left with PROTOCOL, and the next one works. */
static void leaves(const char *bytes) {
  static struct events events;
  nats_subscription *sub = NULL;
  nats_connection *nc = dial_fake(bytes, NEXT, &sub, &events);
  EXPECT(events_wait(&events, EVENT(DISCONNECTED), 1));
  if (!strstr(events.last[EVENT(DISCONNECTED)], "\"PROTOCOL\"")) {
    check_fail(__FILE__, __LINE__, "%s: %s", bytes, events.last[EVENT(DISCONNECTED)]);
  }
  receive_text(sub, "next");
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

/* The bytes deliver this payload, and the connection stays. */
static void delivers(const char *bytes, const char *payload) {
  static struct events events;
  nats_subscription *sub = NULL;
  nats_connection *nc = dial_fake(bytes, NOTHING, &sub, &events);
  receive_text(sub, payload);
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

/* The length of the inside of a JSON string without \u escapes, unescaped. */
static size_t unescaped(const char *json) {
  size_t len = 0;
  for (; *json; ++json, ++len) json += *json == '\\';
  return len;
}

/* An HMSG for the subscription `w`, in JSON. */
static const char *hmsg(const char *block, const char *payload) {
  static char text[2048];
  size_t head = unescaped(block);
  snprintf(text, sizeof text, "HMSG w {SUB.2} %zu %zu\\r\\n%s%s\\r\\n", head,
           head + unescaped(payload), block, payload);
  return text;
}

TEST("wire-01", "sizes that are negative, huge, or no numbers: the socket is left") {
  const char *sizes[] = {"-1", "2147483647", "2147483648", "4294967301", "9223372036854775807",
                         "9223372036854775808", "18446744073709551615", "18446744073709551616",
                         "99999999999999999999999999999999", "0x10", "1e3", "+", "1.5"};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    char bytes[200];
    snprintf(bytes, sizeof bytes, "MSG w {SUB.2} %s\\r\\nok\\r\\n", sizes[i]);
    leaves(bytes);
    snprintf(bytes, sizeof bytes, "HMSG w {SUB.2} %s 12\\r\\nNATS/1.0\\r\\n\\r\\n\\r\\n", sizes[i]);
    leaves(bytes);
    snprintf(bytes, sizeof bytes, "HMSG w {SUB.2} 12 %s\\r\\nNATS/1.0\\r\\n\\r\\n\\r\\n", sizes[i]);
    leaves(bytes);
  }
  leaves("HMSG w {SUB.2} 14 12\\r\\nNATS/1.0\\r\\n\\r\\n\\r\\n");
}

TEST("wire-02", "missing CRLF, unknown operations, blank and over-long lines: the socket is left") {
  leaves("MSG w {SUB.2} 2\\r\\nokXXMSG");
  leaves("MSG w {SUB.2} 1\\r\\nok\\r\\n");
  leaves("NONSENSE\\r\\n");
  leaves("\\r\\n");
  leaves("\\u0000\\u0001\\u0002\\r\\n");
  leaves("HTTP/1.1 400 Bad Request\\r\\n");
  static char line[10000];
  memset(line, 'x', sizeof line - 1);
  memcpy(line, "MSG ", 4);
  leaves(line);
}

TEST("c-wire-01", "spellings of MSG that servers may use, and messages for nobody") {
  delivers("MSG w {SUB.2} 2\\r\\nok\\r\\n", "ok");
  delivers("msg w {SUB.2} 2\\r\\nok\\r\\n", "ok");
  delivers("MSG  w\\t{SUB.2}  2\\r\\nok\\r\\n", "ok");
  delivers("MSG w {SUB.2} answer.to 2\\r\\nok\\r\\n", "ok");
  delivers("+OK\\r\\nPING\\r\\nPONG\\r\\nMSG w {SUB.2} 0\\r\\n\\r\\n", "");
  delivers("MSG w 999999 2\\r\\nno\\r\\nMSG w 18446744073709551615 2\\r\\nno\\r\\n"
           "MSG w {SUB.2} 2\\r\\nok\\r\\n", "ok");
}

/* A header block that cannot be decoded spoils its message, never the connection. */
static void spoils_one(const char *block) {
  static struct events events;
  static char bytes[4096];
  nats_subscription *sub = NULL;
  nats_headers *headers = NULL;
  snprintf(bytes, sizeof bytes, "%sMSG w {SUB.2} 4\\r\\nnext\\r\\n", hmsg(block, "ok"));
  nats_connection *nc = dial_fake(bytes, NOTHING, &sub, &events);
  nats_msg *msg = receive(sub);
  nats_status status = nats_msg_check(msg, NULL);
  if (status != NATS_ERR_MALFORMED_MESSAGE) {
    check_fail(__FILE__, __LINE__, "%s: status %d", block, (int)status);
  }
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "ok");
  FAILS(NATS_ERR_MALFORMED_MESSAGE, nats_msg_headers(msg, &headers, E));
  OK(nats_msg_free(msg));
  receive_text(sub, "next");
  EXPECT(events_wait(&events, EVENT(MALFORMED_MESSAGE), 1));
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("wire-03", "short header blocks, bad status lines, lines without colon spoil one message") {
  spoils_one("N");
  spoils_one("NA");
  spoils_one("NAT");
  spoils_one("NATS");
  spoils_one("NATS/");
  spoils_one("NATS/1");
  spoils_one("NATS/1.");
  delivers("HMSG w {SUB.2} 0 2\\r\\nok\\r\\n", "ok");
  delivers(hmsg("NATS/1.0", "ok"), "ok"); /* without the blank line: what is there counts */
  delivers(hmsg("NATS/1.0\\r\\n", "ok"), "ok");
  delivers(hmsg("NATS/1.0\\r\\n\\r\\n", "ok"), "ok");
  const char *bad[] = {"NATS/1.0 9", "NATS/1.0 99", "NATS/1.0 9999", "NATS/1.0 abc",
                       "NATS/1.0503", "NATS/2.0", "HTTP/1.1 200"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    char block[100];
    snprintf(block, sizeof block, "%s\\r\\n\\r\\n", bad[i]);
    spoils_one(block);
  }
  spoils_one("NATS/1.0\\r\\nA: 1\\r\\nNoColon\\r\\n\\r\\n");
  spoils_one("NATS/1.0\\r\\na b: 1\\r\\n\\r\\n");
}

TEST("c-wire-02", "header lines of other clients: no space after the colon, no value") {
  static struct events events;
  nats_subscription *sub = NULL;
  nats_str value;
  nats_connection *nc = dial_fake(
      hmsg("NATS/1.0\\r\\nA:1\\r\\nB: x:y\\r\\nC:\\r\\n\\r\\n", "ok"), NOTHING, &sub, &events);
  nats_msg *msg = receive(sub);
  OK(nats_msg_check(msg, E));
  OK(nats_msg_header(msg, S("A"), &value, E));
  EXPECT_TEXT(value, "1");
  OK(nats_msg_header(msg, S("B"), &value, E));
  EXPECT_TEXT(value, "x:y");
  OK(nats_msg_header(msg, S("C"), &value, E));
  EXPECT_TEXT(value, "");
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("wire-04", "20,000 header keys are delivered and readable") {
  enum { KEYS = 20000 };
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.wire.4", NULL);
  nats_headers *headers = NULL;
  char name[32], text[32];
  nats_str key, value;
  size_t cursor = 0;
  OK(nats_headers_new(&headers, E));
  for (int i = 0; i < KEYS; ++i) {
    snprintf(name, sizeof name, "Key-%d", i);
    snprintf(text, sizeof text, "%d", i);
    OK(nats_headers_append(headers, S(name), S(text), E));
  }
  OK(nats_publish_msg(nc, S("c.wire.4"), NONE, headers, B("x"), E));
  OK(nats_headers_free(headers));
  nats_msg *msg = receive(sub);
  OK(nats_msg_check(msg, E));
  OK(nats_msg_header(msg, S("Key-19999"), &value, E));
  EXPECT_TEXT(value, "19999");
  for (int i = 0; i < KEYS; ++i) {
    snprintf(name, sizeof name, "Key-%d", i);
    EXPECT(nats_msg_header_next(msg, &cursor, &key, &value));
    EXPECT_TEXT(key, name);
  }
  EXPECT(!nats_msg_header_next(msg, &cursor, &key, &value));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("wire-05", "-ERR bare, empty and unknown are events; the connection stays") {
  static struct events events;
  nats_subscription *sub = NULL;
  nats_connection *nc = dial_fake(
      "-ERR\\r\\n-ERR \\r\\n-ERR ''\\r\\n-ERR 'Something New'\\r\\nMSG w {SUB.2} 2\\r\\nok\\r\\n",
      NOTHING, &sub, &events);
  receive_text(sub, "ok");
  EXPECT(events_wait(&events, EVENT(SERVER_ERROR), 4));
  EXPECT(strstr(events.last[EVENT(SERVER_ERROR)], "Something New"));
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("wire-06", "a subject that is not UTF-8 is delivered as bytes; the connection stays") {
  struct remote fake = fake_start(
      "[\"handshake\",{\"expect\":\"SUB \"},{\"send\":{\"hex\":\"4d534720ff20\"}},"
      "{\"reply\":\"{SUB.2} 2\\r\\nok\\r\\nMSG w {SUB.2} 4\\r\\nnext\\r\\n\"}]");
  static struct events events;
  nats_connection *nc = dial_watched(fake.url, NULL, &events);
  nats_subscription *sub = listen_to(nc, "w", NULL);
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_MALFORMED_MESSAGE, nats_msg_check(msg, E));
  EXPECT_TEXT(nats_msg_subject(msg), "\xff");
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "ok");
  OK(nats_msg_free(msg));
  receive_text(sub, "next");
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

static void large_info(void) {
  enum { SIZE = 1000000 };
  static char script[SIZE + 200];
  size_t used = (size_t)snprintf(script, sizeof script,
                                 "[{\"handshake\":{\"max_payload\":5000,\"filler\":\"");
  memset(script + used, 'x', SIZE);
  snprintf(script + used + SIZE, sizeof script - used - SIZE, "\"}}]");
  struct remote fake = fake_start(script);
  nats_connection *nc = dial(fake.url, NULL);
  size_t max = 0;
  OK(nats_connection_max_payload(nc, &max, E));
  EXPECT_INT(max, 5000);
  hang_up(nc);
}

TEST("wire-07", "INFO of 1 MiB at the handshake; bad INFO in mid-stream is ignored") {
  large_info();
  static struct events events;
  nats_subscription *sub = NULL;
  nats_connection *nc = dial_fake(
      "INFO {\\\"max_payload\\\":7000}\\r\\nINFO null\\r\\nINFO []\\r\\nINFO nonsense\\r\\n"
      "INFO {\\\"max_payload\\\":-1}\\r\\nINFO {\\\"max_payload\\\":\\\"x\\\"}\\r\\nINFO \\r\\n"
      "MSG w {SUB.2} 2\\r\\nok\\r\\n",
      NOTHING, &sub, &events);
  size_t max = 0;
  receive_text(sub, "ok");
  OK(nats_connection_flush(nc, WAIT_MS, E)); /* a message may overtake an INFO of the same read */
  OK(nats_connection_max_payload(nc, &max, E));
  EXPECT_INT(max, 7000);
  EXPECT_INT(events_count(&events, EVENT(DISCONNECTED)), 0);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("wire-08", "every split of an exchange, and byte by byte, gives the same messages") {
  /* Sids are given from 1 on, which the first message proves. */
  const char message[] = "HMSG w 1 r.s 18 20\\r\\nNATS/1.0\\r\\nA: b\\r\\n\\r\\nok\\r\\n";
  const size_t len = unescaped(message);
  static char script[32768];
  size_t used = (size_t)snprintf(script, sizeof script, "[\"handshake\",{\"expect\":\"SUB w 1\"}");
  for (size_t split = 1; split < len; ++split) {
    used += (size_t)snprintf(script + used, sizeof script - used,
                             ",{\"chunked\":\"%s\",\"sizes\":[%zu,1000]}", message, split);
  }
  used += (size_t)snprintf(script + used, sizeof script - used,
                           ",{\"drip\":\"%s\",\"gap_ms\":1}]", message);
  EXPECT(used < sizeof script);
  struct remote fake = fake_start(script);
  nats_connection *nc = dial(fake.url, NULL);
  nats_subscription *sub = listen_to(nc, "w", NULL);
  for (size_t split = 1; split <= len; ++split) {
    nats_str value;
    nats_msg *msg = receive(sub);
    OK(nats_msg_header(msg, S("A"), &value, E));
    EXPECT_TEXT(value, "b");
    EXPECT_TEXT(nats_msg_reply(msg), "r.s");
    EXPECT_TEXT(as_text(nats_msg_payload(msg)), "ok");
    OK(nats_msg_free(msg));
  }
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("c-wire-03", "what is written: CONNECT first, whole operations, exact lengths") {
  struct remote fake = fake_start("[\"handshake\",\"serve\"]");
  nats_connection *nc = dial(fake.url, NULL);
  nats_headers *headers = NULL;
  nats_subscription *sub = listen_to(nc, "s.*", "{\"queue\":\"q\",\"max_messages\":7}");
  OK(nats_publish_msg(nc, S("p"), S("r"), NULL, B("xyz"), E));
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_append(headers, S("A"), S("b"), E));
  OK(nats_publish_msg(nc, S("h"), NONE, headers, B("1"), E));
  OK(nats_headers_free(headers));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  tell(fake, "received", "\"connection\":0");
  const char *text = answer_text("text");
  EXPECT(!strncmp(text, "CONNECT {", 9));
  EXPECT(strstr(text, "\r\nSUB s.* q 1\r\n") && strstr(text, "\r\nUNSUB 1 7\r\n"));
  EXPECT(strstr(text, "\r\nPUB p r 3\r\nxyz\r\n"));
  EXPECT(strstr(text, "\r\nHPUB h 18 19\r\nNATS/1.0\r\nA: b\r\n\r\n1\r\n"));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}
