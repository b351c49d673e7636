/* Publishing from many threads, flush, and many subscriptions. */
#include "check.h"

struct share {
  nats_connection *nc;
  unsigned char number;
};

static void *publish_own(void *arg) {
  struct share *share = arg;
  unsigned char payload[200];
  for (uint32_t i = 0; i < 1000; ++i) {
    memset(payload, share->number, sizeof payload);
    memcpy(payload + 1, &i, sizeof i);
    size_t len = 5 + i % 195;
    OK(nats_publish(share->nc, S("c.pubsub.15"), nats_bytes_of(payload, len), E));
  }
  return NULL;
}

/* Which of the publishers sent it, after checking that it is whole and the next of that one. */
static void check_whole(nats_msg *msg, uint32_t *next) {
  nats_bytes payload = nats_msg_payload(msg);
  unsigned char number = payload.ptr[0];
  EXPECT(number < 8);
  EXPECT(!memcmp(payload.ptr + 1, &next[number], 4));
  EXPECT_INT(payload.len, 5 + next[number] % 195);
  for (size_t i = 5; i < payload.len; ++i) EXPECT_INT(payload.ptr[i], number);
  ++next[number];
}

TEST("pubsub-15", "eight threads publish over one connection: nothing is lost or torn") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.pubsub.15", NULL);
  pthread_t threads[8];
  struct share shares[8];
  uint32_t next[8] = {0};
  for (int i = 0; i < 8; ++i) {
    shares[i] = (struct share){nc, (unsigned char)i};
    EXPECT(!pthread_create(&threads[i], NULL, publish_own, &shares[i]));
  }
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  for (int got = 0; got < 8000; ++got) {
    nats_msg *msg = receive(sub);
    check_whole(msg, next);
    OK(nats_msg_free(msg));
  }
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("pubsub-16", "flush returns when the server has everything; rtt measures") {
  nats_connection *nc = dial_plain(), *other = dial_plain();
  nats_subscription *sub = listen_to(other, "c.pubsub.16", NULL);
  OK(nats_connection_flush(other, 0, E));
  for (int i = 0; i < 1000; ++i) send_text(nc, "c.pubsub.16", "x");
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_flush(other, WAIT_MS, E)); /* so what the server had is here now */
  nats_sub_stats stats;
  OK(nats_subscription_stats(sub, &stats, E));
  EXPECT_INT(stats.pending_messages, 1000);
  int64_t rtt = 0;
  OK(nats_connection_rtt(nc, WAIT_MS, &rtt, E));
  EXPECT(rtt > 0 && rtt < (int64_t)WAIT_MS * 1000000);
  OK(nats_subscription_free(sub));
  hang_up(other);
  hang_up(nc);
}

TEST("pubsub-17", "ten thousand subscriptions each get their message") {
  enum { SUBSCRIPTIONS = 10000 };
  nats_connection *nc = dial_plain();
  static nats_subscription *subs[SUBSCRIPTIONS];
  char subject[64];
  for (int i = 0; i < SUBSCRIPTIONS; ++i) {
    snprintf(subject, sizeof subject, "c.pubsub.17.%d", i);
    subs[i] = listen_to(nc, subject, NULL);
  }
  for (int i = 0; i < SUBSCRIPTIONS; ++i) {
    snprintf(subject, sizeof subject, "c.pubsub.17.%d", i);
    send_text(nc, subject, subject);
  }
  for (int i = 0; i < SUBSCRIPTIONS; ++i) {
    snprintf(subject, sizeof subject, "c.pubsub.17.%d", i);
    receive_text(subs[i], subject);
    OK(nats_subscription_free(subs[i]));
  }
  hang_up(nc);
}

static void *use_everything(void *arg) {
  struct share *share = arg;
  for (int i = 0; i < 100; ++i) {
    OK(nats_publish(share->nc, S("c.many"), B("x"), E));
    if (i % 10) continue;
    nats_stats stats;
    nats_subscription *sub = NULL;
    OK(nats_connection_stats(share->nc, &stats, E));
    OK(nats_subscribe_with(share->nc, S("c.many.own"), NONE, NULL, NULL, NULL, &sub, E));
    OK(nats_subscription_unsubscribe(sub, E));
    OK(nats_subscription_free(sub));
  }
  return NULL;
}

TEST("c-threads-01", "64 threads use one handle") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.many", NULL);
  pthread_t threads[64];
  struct share share = {nc, 0};
  for (int i = 0; i < 64; ++i) EXPECT(!pthread_create(&threads[i], NULL, use_everything, &share));
  for (int i = 0; i < 64; ++i) pthread_join(threads[i], NULL);
  for (size_t got = 0, count = 0; got < 6400; got += count) {
    nats_msg *msgs[256];
    OK(nats_subscription_take(sub, msgs, 256, WAIT_MS, &count, E));
    OK(nats_msgs_free(msgs, count));
  }
  OK(nats_subscription_free(sub));
  hang_up(nc);
}
