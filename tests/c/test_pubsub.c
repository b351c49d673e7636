/* Publishing, subscribing, and the ends of subscriptions. */
#include "check.h"

static void expect_end(nats_subscription *sub, nats_status reason) {
  nats_msg *msg = NULL, *msgs[4];
  size_t count = 77;
  FAILS(reason, nats_subscription_next(sub, WAIT_MS, &msg, E));
  FAILS(reason, nats_subscription_take(sub, msgs, 4, 0, &count, E));
  EXPECT(msg == NULL && count == 77);
}

static void round_trip(nats_connection *nc, nats_subscription *sub, const void *data, size_t len) {
  OK(nats_publish(nc, S("c.pubsub.1"), nats_bytes_of(data, len), E));
  nats_msg *msg = receive(sub);
  EXPECT_TEXT(nats_msg_subject(msg), "c.pubsub.1");
  EXPECT_INT(nats_msg_payload(msg).len, len);
  EXPECT(!len || !memcmp(nats_msg_payload(msg).ptr, data, len));
  EXPECT(nats_msg_reply(msg).ptr == NULL && nats_msg_status(msg) == 0);
  OK(nats_msg_check(msg, E));
  OK(nats_msg_free(msg));
}

TEST("pubsub-01", "payloads arrive byte for byte: empty, binary, 64 KiB, max_payload") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.1", NULL);
  size_t max = 0;
  OK(nats_connection_max_payload(nc, &max, E));
  unsigned char *bytes = malloc(max);
  for (size_t i = 0; i < max; ++i) bytes[i] = (unsigned char)(i * 31 + i / 256);
  round_trip(nc, sub, NULL, 0);
  round_trip(nc, sub, "a\0b\r\nMSG x 1 0\r\n\r\n", 18);
  round_trip(nc, sub, bytes, 65536);
  round_trip(nc, sub, bytes, max);
  free(bytes);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

enum { MANY = 100000 };

static void *publish_many(void *nc) {
  for (uint32_t i = 0; i < MANY; ++i) {
    OK(nats_publish(nc, S("c.pubsub.2"), nats_bytes_of(&i, sizeof i), E));
  }
  return NULL;
}

TEST("pubsub-02", "100,000 messages of one publisher arrive in order") {
  nats_connection *nc = dial_plain(), *other = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.2", "{\"pending_messages\":0}");
  pthread_t thread;
  OK(nats_connection_flush(nc, WAIT_MS, E));
  EXPECT(!pthread_create(&thread, NULL, publish_many, other));
  for (uint32_t next = 0; next < MANY;) {
    nats_msg *msgs[512];
    size_t count = 0;
    OK(nats_subscription_take(sub, msgs, 512, WAIT_MS, &count, E));
    for (size_t i = 0; i < count; ++i, ++next) {
      EXPECT(!memcmp(nats_msg_payload(msgs[i]).ptr, &next, sizeof next));
    }
    OK(nats_msgs_free(msgs, count));
  }
  pthread_join(thread, NULL);
  OK(nats_subscription_free(sub));
  hang_up(other);
  hang_up(nc);
}

TEST("pubsub-03", "wildcards match tokens and tails") {
  nats_connection *nc = dial_plain();
  nats_subscription *star = listen_to(nc, "c.pubsub.3.*.end", NULL);
  nats_subscription *tail = listen_to(nc, "c.pubsub.3.>", NULL);
  nats_msg *none = NULL;
  send_text(nc, "c.pubsub.3", "none");
  send_text(nc, "c.pubsub.3.a.end", "both");
  send_text(nc, "c.pubsub.3.a.b.end", "tail");
  receive_text(star, "both");
  receive_text(tail, "both");
  receive_text(tail, "tail");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(star, 0, &none, E));
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(tail, 0, &none, E));
  OK(nats_subscription_free(star));
  OK(nats_subscription_free(tail));
  hang_up(nc);
}

static void count_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  OK(nats_msg_free(msg));
  latch_add(user);
}

TEST("pubsub-04", "each message reaches one member of a queue group, and all get some") {
  nats_connection *nc = dial_plain();
  static struct latch one = LATCH, two = LATCH, alone = LATCH;
  struct latch *members[] = {&one, &two};
  for (int i = 0; i < 2; ++i) {
    OK(nats_subscribe_with(nc, S("c.pubsub.4"), S("{\"queue\":\"workers\"}"), count_message,
                           members[i], NULL, NULL, E));
  }
  OK(nats_subscribe(nc, S("c.pubsub.4"), count_message, &alone, NULL, NULL, E));
  for (int i = 0; i < 200; ++i) send_text(nc, "c.pubsub.4", "x");
  EXPECT(latch_wait(&alone, 200, WAIT_MS));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_drain(nc, WAIT_MS, E));
  EXPECT_INT(latch_count(&one) + latch_count(&two), 200);
  EXPECT(latch_count(&one) > 0 && latch_count(&two) > 0);
  OK(nats_connection_free(nc));
}

TEST("pubsub-05", "a reply subject is delivered and answered; without one respond is NO_REPLY") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.5", NULL);
  nats_subscription *answers = listen_to(nc, "c.pubsub.5.answers", NULL);
  OK(nats_publish_msg(nc, S("c.pubsub.5"), S("c.pubsub.5.answers"), NULL, B("x"), E));
  nats_msg *msg = receive(sub);
  EXPECT_TEXT(nats_msg_reply(msg), "c.pubsub.5.answers");
  OK(nats_msg_respond(msg, B("answer"), E));
  OK(nats_msg_free(msg));
  receive_text(answers, "answer");
  send_text(nc, "c.pubsub.5", "x");
  msg = receive(sub);
  FAILS(NATS_ERR_NO_REPLY, nats_msg_respond(msg, B("y"), E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  OK(nats_subscription_free(answers));
  hang_up(nc);
}

TEST("pubsub-06", "unsubscribe ends delivery, twice is harmless") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.6", NULL);
  send_text(nc, "c.pubsub.6", "x");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_subscription_unsubscribe(sub, E));
  OK(nats_subscription_unsubscribe(sub, E));
  send_text(nc, "c.pubsub.6", "y");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  expect_end(sub, NATS_ERR_SUBSCRIPTION_CLOSED);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-07", "max_messages: exactly so many are delivered, then it has ended") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.7", "{\"max_messages\":3}");
  for (int i = 0; i < 10; ++i) send_text(nc, "c.pubsub.7", "x");
  for (int i = 0; i < 3; ++i) receive_text(sub, "x");
  expect_end(sub, NATS_ERR_SUBSCRIPTION_ENDED);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-08", "unsubscribe_after counts what was received before") {
  nats_connection *nc = dial_plain();
  for (uint64_t max = 1; max <= 3; max += 2) {
    nats_subscription *sub = listen_to(nc, "c.pubsub.8", NULL);
    for (int i = 0; i < 2; ++i) send_text(nc, "c.pubsub.8", "x");
    for (int i = 0; i < 2; ++i) receive_text(sub, "x");
    OK(nats_subscription_unsubscribe_after(sub, max, E));
    for (int i = 0; i < 5; ++i) send_text(nc, "c.pubsub.8", "y");
    if (max == 3) receive_text(sub, "y");
    expect_end(sub, NATS_ERR_SUBSCRIPTION_ENDED);
    OK(nats_subscription_free(sub));
  }
  hang_up(nc);
}

TEST("pubsub-09", "max_messages counts across a reconnect") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, "{\"reconnect_delay_max_ms\":20}", &events);
  nats_subscription *sub = listen_to(nc, "c.pubsub.9", "{\"max_messages\":3}");
  for (int i = 0; i < 2; ++i) send_text(nc, "c.pubsub.9", "x");
  for (int i = 0; i < 2; ++i) receive_text(sub, "x");
  tell(server, "kill", NULL);
  tell(server, "restart", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  for (int i = 0; i < 5; ++i) send_text(nc, "c.pubsub.9", "y");
  receive_text(sub, "y");
  expect_end(sub, NATS_ERR_SUBSCRIPTION_ENDED);
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("pubsub-10", "more than max_payload is refused before it is sent, headers counted") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.10", NULL);
  nats_headers *headers = NULL;
  nats_stats stats;
  size_t max = 0;
  OK(nats_connection_max_payload(nc, &max, E));
  char *large = calloc(1, max + 1);
  nats_bytes most = nats_bytes_of(large, max), more = nats_bytes_of(large, max + 1);
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_append(headers, S("A"), S("b"), E));
  FAILS(NATS_ERR_MAX_PAYLOAD, nats_publish(nc, S("c.pubsub.10"), more, E));
  FAILS(NATS_ERR_MAX_PAYLOAD, nats_publish_msg(nc, S("c.pubsub.10"), NONE, headers, most, E));
  OK(nats_headers_free(headers));
  free(large);
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT_INT(stats.out_messages, 0);
  send_text(nc, "c.pubsub.10", "still works");
  receive_text(sub, "still works");
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-11", "a max_payload that the server lowers holds for the next publish") {
  struct remote fake = fake_start(
      "[\"handshake\",{\"expect\":\"SUB \"},"
      "{\"send\":\"INFO {\\\"headers\\\":true,\\\"max_payload\\\":100}\\r\\n\"},\"serve\"]");
  nats_connection *nc = dial(fake.url, NULL);
  char payload[101] = "";
  OK(nats_publish(nc, S("a"), nats_bytes_of(payload, 101), E));
  nats_subscription *sub = listen_to(nc, "x", NULL); /* to which the server reacts */
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_publish(nc, S("a"), nats_bytes_of(payload, 100), E));
  FAILS(NATS_ERR_MAX_PAYLOAD, nats_publish(nc, S("a"), nats_bytes_of(payload, 101), E));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-12", "next waits as long as told") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.12", NULL);
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, &msg, E));
  int64_t start = now_ms();
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 50, &msg, E));
  EXPECT(now_ms() - start >= 49 && msg == NULL);
  send_text(nc, "c.pubsub.12", "x");
  receive_text(sub, "x");
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-13", "take delivers what is there, in order, up to the room it is given") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.13", NULL);
  nats_msg *msgs[8];
  size_t count = 0;
  char text[16];
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_take(sub, msgs, 8, 0, &count, E));
  for (int i = 0; i < 10; ++i) {
    snprintf(text, sizeof text, "%d", i);
    send_text(nc, "c.pubsub.13", text);
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  for (int next = 0; next < 10; next += 8) {
    OK(nats_subscription_take(sub, msgs, 8, WAIT_MS, &count, E));
    EXPECT_INT(count, next ? 2 : 8);
    for (int i = 0; i < (int)count; ++i) {
      snprintf(text, sizeof text, "%d", next + i);
      EXPECT_TEXT(as_text(nats_msg_payload(msgs[i])), text);
    }
    OK(nats_msgs_free(msgs, count));
  }
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_take(sub, msgs, 0, 0, &count, E));
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

struct taker {
  nats_subscription *sub;
  unsigned char seen[8][1000];
  pthread_t threads[8];
};

static void *take_some(void *arg) {
  static _Thread_local int self = -1;
  struct taker *taker = arg;
  for (int i = 0; i < 8 && self < 0; ++i) {
    if (pthread_equal(taker->threads[i], pthread_self())) self = i;
  }
  nats_msg *msg = NULL;
  while (!nats_subscription_next(taker->sub, WAIT_MS, &msg, NULL)) {
    int number = atoi((const char *)nats_msg_payload(msg).ptr);
    ++taker->seen[self][number];
    OK(nats_msg_free(msg));
  }
  return NULL;
}

TEST("pubsub-14", "eight threads take from one subscription: each message reaches one of them") {
  nats_connection *nc = dial_plain();
  static struct taker taker;
  taker.sub = listen_to(nc, "c.pubsub.14", "{\"max_messages\":1000}");
  char text[16];
  for (int i = 0; i < 500; ++i) {
    snprintf(text, sizeof text, "%d", i);
    OK(nats_publish(nc, S("c.pubsub.14"), nats_bytes_of(text, sizeof text), E));
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT(!pthread_create(&taker.threads[i], NULL, take_some, &taker));
  }
  for (int i = 500; i < 1000; ++i) {
    snprintf(text, sizeof text, "%d", i);
    OK(nats_publish(nc, S("c.pubsub.14"), nats_bytes_of(text, sizeof text), E));
  }
  for (int i = 0; i < 8; ++i) pthread_join(taker.threads[i], NULL);
  for (int number = 0; number < 1000; ++number) {
    int times = 0;
    for (int i = 0; i < 8; ++i) times += taker.seen[i][number];
    EXPECT_INT(times, 1);
  }
  OK(nats_subscription_free(taker.sub));
  hang_up(nc);
}
