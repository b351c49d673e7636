/* Headers (ADR-4): building, sending, reading. */
#include "check.h"

static nats_headers *new_headers(void) {
  nats_headers *headers = NULL;
  OK(nats_headers_new(&headers, E));
  return headers;
}

static void add(nats_headers *headers, const char *name, const char *value) {
  OK(nats_headers_append(headers, S(name), S(value), E));
}

/* Sends the headers to `subject` and returns the message as it arrives. */
static nats_msg *round_trip(nats_connection *nc, nats_headers *headers, const char *payload) {
  nats_subscription *sub = listen_to(nc, "c.headers", NULL);
  OK(nats_publish_msg(nc, S("c.headers"), NONE, headers, B(payload), E));
  nats_msg *msg = receive(sub);
  OK(nats_subscription_free(sub));
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), payload);
  OK(nats_msg_check(msg, E));
  return msg;
}

/* All lines of a message, as name=value; */
static nats_str lines_of(nats_msg *msg) {
  static char text[2048];
  size_t cursor = 0, used = 0;
  nats_str name, value;
  text[0] = 0;
  while (nats_msg_header_next(msg, &cursor, &name, &value) && used < sizeof text) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%.*s=%.*s;", (int)name.len,
                             name.ptr, (int)value.len, value.ptr);
  }
  return S(text);
}

TEST("headers-01", "order, case and several values of a name survive the journey") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  add(headers, "One", "1");
  add(headers, "tWo", "2");
  add(headers, "One", "3");
  add(headers, "ONE", "4");
  nats_msg *msg = round_trip(nc, headers, "x");
  EXPECT_TEXT(lines_of(msg), "One=1;tWo=2;One=3;ONE=4;");
  EXPECT_INT(nats_msg_status(msg), 0);
  OK(nats_msg_free(msg));
  OK(nats_headers_free(headers));
  hang_up(nc);
}

TEST("headers-02", "get is case-sensitive, and there is one that is not") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  nats_str value;
  add(headers, "Key", "first");
  add(headers, "KEY", "second");
  OK(nats_headers_get(headers, S("KEY"), &value, E));
  EXPECT_TEXT(value, "second");
  OK(nats_headers_get_ignore_case(headers, S("key"), &value, E));
  EXPECT_TEXT(value, "first");
  FAILS(NATS_ERR_NOT_FOUND, nats_headers_get(headers, S("key"), &value, E));
  SAYS("key");
  nats_msg *msg = round_trip(nc, headers, "x");
  OK(nats_msg_header(msg, S("KEY"), &value, E));
  EXPECT_TEXT(value, "second");
  OK(nats_msg_header_ignore_case(msg, S("key"), &value, E));
  EXPECT_TEXT(value, "first");
  FAILS(NATS_ERR_NOT_FOUND, nats_msg_header(msg, S("key"), &value, E));
  OK(nats_msg_free(msg));
  OK(nats_headers_free(headers));
  hang_up(nc);
}

TEST("headers-03", "values with spaces at their ends, colons and UTF-8 come back as they were") {
  const char *values[] = {"", " ", " leading", "trailing ", "  both  ", "12:30:00", ":",
                          "two  words", "gr\xc3\xbc\xc3\x9f", "a\tb"};
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  size_t cursor = 0;
  nats_str name, value;
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) add(headers, "V", values[i]);
  nats_msg *msg = round_trip(nc, headers, "x");
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
    EXPECT(nats_msg_header_next(msg, &cursor, &name, &value));
    EXPECT_TEXT(value, values[i]);
  }
  OK(nats_msg_free(msg));
  OK(nats_headers_free(headers));
  hang_up(nc);
}

TEST("headers-04", "names and values that would break the protocol are refused") {
  nats_headers *headers = new_headers();
  const char *names[] = {"", "a:b", "a b", " a", "a\rb", "a\nb", "a\tb", "na\xc3\xafve", "a\x7f"};
  const char *values[] = {"a\rb", "a\nb", "a\r\nInjected: yes", "\n"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    FAILS(NATS_ERR_INVALID_HEADER, nats_headers_append(headers, S(names[i]), S("x"), E));
    FAILS(NATS_ERR_INVALID_HEADER, nats_headers_set(headers, S(names[i]), S("x"), E));
  }
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
    FAILS(NATS_ERR_INVALID_HEADER, nats_headers_append(headers, S("Name"), S(values[i]), E));
    FAILS(NATS_ERR_INVALID_HEADER, nats_headers_set(headers, S("Name"), S(values[i]), E));
  }
  nats_str with_nul = {"a\0b", 3};
  FAILS(NATS_ERR_INVALID_HEADER, nats_headers_append(headers, S("Name"), with_nul, E));
  FAILS(NATS_ERR_INVALID_HEADER, nats_headers_append(headers, with_nul, S("x"), E));
  size_t count = 77;
  OK(nats_headers_count(headers, &count, E));
  EXPECT_INT(count, 0);
  OK(nats_headers_free(headers));
}

TEST("headers-05", "set replaces, append adds, remove removes, count counts, at walks") {
  nats_headers *headers = new_headers();
  nats_str name, value;
  size_t number = 0;
  add(headers, "A", "1");
  add(headers, "B", "2");
  add(headers, "A", "3");
  OK(nats_headers_set(headers, S("A"), S("only"), E));
  OK(nats_headers_count(headers, &number, E));
  EXPECT_INT(number, 2);
  OK(nats_headers_at(headers, 0, &name, &value, E));
  EXPECT_TEXT(name, "A");
  EXPECT_TEXT(value, "only");
  FAILS(NATS_ERR_NOT_FOUND, nats_headers_at(headers, 2, &name, &value, E));
  OK(nats_headers_set(headers, S("C"), S("new"), E));
  add(headers, "B", "4");
  OK(nats_headers_remove(headers, S("B"), &number, E));
  EXPECT_INT(number, 2);
  OK(nats_headers_remove(headers, S("B"), &number, E));
  EXPECT_INT(number, 0);
  OK(nats_headers_count(headers, &number, E));
  EXPECT_INT(number, 2);
  OK(nats_headers_free(headers));
}

TEST("headers-06", "headers with an empty payload, an empty set, and 1,000 lines") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  nats_msg *msg = round_trip(nc, headers, "empty set");
  EXPECT_TEXT(lines_of(msg), "");
  OK(nats_msg_free(msg));
  char name[32], value[32];
  for (int i = 0; i < 1000; ++i) {
    snprintf(name, sizeof name, "Name-%d", i);
    snprintf(value, sizeof value, "value %d", i);
    add(headers, name, value);
  }
  msg = round_trip(nc, headers, "");
  for (int i = 0; i < 1000; i += 37) {
    nats_str got;
    snprintf(name, sizeof name, "Name-%d", i);
    snprintf(value, sizeof value, "value %d", i);
    OK(nats_msg_header(msg, S(name), &got, E));
    EXPECT_TEXT(got, value);
  }
  OK(nats_msg_free(msg));
  OK(nats_headers_free(headers));
  hang_up(nc);
}

TEST("headers-07", "status and description of a status line") {
  struct remote fake = fake_start(
      "[\"handshake\",{\"expect\":\"SUB \"},"
      "{\"reply\":\"HMSG w {SUB.2} 31 31\\r\\nNATS/1.0 100 Idle Heartbeat\\r\\n\\r\\n\\r\\n\"},"
      "{\"reply\":\"HMSG w {SUB.2} 16 16\\r\\nNATS/1.0 503\\r\\n\\r\\n\\r\\n\"}]");
  nats_connection *nc = dial(fake.url, NULL);
  nats_subscription *sub = listen_to(nc, "w", NULL);
  nats_msg *msg = receive(sub);
  EXPECT_INT(nats_msg_status(msg), 100);
  EXPECT_TEXT(nats_msg_description(msg), "Idle Heartbeat");
  OK(nats_msg_free(msg));
  msg = receive(sub);
  EXPECT_INT(nats_msg_status(msg), 503);
  EXPECT_TEXT(nats_msg_description(msg), "");
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("headers-08", "a server without headers: HEADERS_UNSUPPORTED before anything is sent") {
  struct remote fake = fake_start("[{\"handshake\":{\"headers\":false,\"max_payload\":1000}}]");
  nats_connection *nc = dial(fake.url, NULL);
  nats_headers *headers = new_headers();
  add(headers, "A", "b");
  FAILS(NATS_ERR_HEADERS_UNSUPPORTED, nats_publish_msg(nc, S("a"), NONE, headers, B("x"), E));
  OK(nats_publish(nc, S("plain"), B("x"), E));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  tell(fake, "received", "\"connection\":0");
  EXPECT(strstr(answer_text("text"), "PUB plain 1") && !strstr(answer_text("text"), "HPUB"));
  OK(nats_headers_free(headers));
  hang_up(nc);
}

TEST("c-headers-01", "a copy of received headers can be changed and sent again") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers(), *copy = NULL;
  nats_str value;
  add(headers, "A", "1");
  nats_msg *msg = round_trip(nc, headers, "x");
  OK(nats_headers_free(headers));
  OK(nats_msg_headers(msg, &copy, E));
  OK(nats_msg_free(msg));
  add(copy, "B", "2");
  msg = round_trip(nc, copy, "x");
  EXPECT_TEXT(lines_of(msg), "A=1;B=2;");
  OK(nats_msg_free(msg));
  OK(nats_headers_free(copy));
  msg = round_trip(nc, NULL, "none");
  OK(nats_msg_headers(msg, &copy, E));
  FAILS(NATS_ERR_NOT_FOUND, nats_headers_get(copy, S("A"), &value, E));
  OK(nats_headers_free(copy));
  OK(nats_msg_free(msg));
  hang_up(nc);
}

TEST("c-headers-02", "views outlive the call and every reference but the last") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  add(headers, "A", "kept");
  nats_msg *msg = round_trip(nc, headers, "x");
  OK(nats_headers_free(headers));
  nats_str value;
  OK(nats_msg_header(msg, S("A"), &value, E));
  nats_msg *second = nats_msg_clone(msg);
  EXPECT(second == msg);
  OK(nats_msg_free(msg));
  hang_up(nc);
  EXPECT_TEXT(value, "kept");
  EXPECT_TEXT(nats_msg_subject(second), "c.headers");
  OK(nats_msg_free(second));
}

TEST("c-headers-03", "headers that are sent again and again are sent as they are at the moment") {
  nats_connection *nc = dial_plain();
  nats_headers *headers = new_headers();
  add(headers, "A", "0");
  const char *states[] = {"A=0;", "A=1;", "A=1;B=2;", "B=2;", ""};
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    if (i == 1) OK(nats_headers_set(headers, S("A"), S("1"), E));
    if (i == 2) add(headers, "B", "2");
    if (i == 3) OK(nats_headers_remove(headers, S("A"), NULL, E));
    if (i == 4) OK(nats_headers_remove(headers, S("B"), NULL, E));
    for (int again = 0; again < 4; again++) {
      nats_msg *msg = round_trip(nc, headers, "x");
      EXPECT_TEXT(lines_of(msg), states[i]);
      OK(nats_msg_free(msg));
    }
  }
  /* The next ones may have the place of those that are freed. */
  for (int again = 0; again < 3; again++) {
    OK(nats_headers_free(headers));
    FAILS(NATS_ERR_INVALID_HANDLE, nats_publish_msg(nc, S("a"), NONE, headers, B("x"), E));
    headers = new_headers();
    add(headers, "New", again % 2 ? "odd" : "even");
    for (int sent = 0; sent < 3; sent++) {
      nats_msg *msg = round_trip(nc, headers, "x");
      EXPECT_TEXT(lines_of(msg), again % 2 ? "New=odd;" : "New=even;");
      OK(nats_msg_free(msg));
    }
  }
  OK(nats_headers_free(headers));
  hang_up(nc);
}
