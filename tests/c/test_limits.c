/* Slow consumers: bounded subscriptions and what happens beyond the bound. */
#include "check.h"

static nats_sub_stats stats_of(nats_subscription *sub) {
  nats_sub_stats stats;
  memset(&stats, 0xff, sizeof stats);
  OK(nats_subscription_stats(sub, &stats, E));
  return stats;
}

/* Publishes the numbers from `first` to `last` and waits until they have arrived. */
static void publish_numbers(nats_connection *nc, const char *subject, int first, int last) {
  char text[16];
  for (int i = first; i <= last; ++i) {
    snprintf(text, sizeof text, "%d", i);
    send_text(nc, subject, text);
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
}

static void receive_numbers(nats_subscription *sub, int first, int last) {
  char text[16];
  nats_msg *msg = NULL;
  for (int i = first; i <= last; ++i) {
    snprintf(text, sizeof text, "%d", i);
    receive_text(sub, text);
  }
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, &msg, E));
}

TEST("limits-01", "drop newest: the first ones stay, the rest is counted, the reader goes on") {
  nats_connection *nc = dial_plain();
  const char *options[] = {"{\"pending_messages\":4}",
                           "{\"pending_messages\":4,\"overflow\":\"drop_newest\"}"};
  for (int i = 0; i < 2; ++i) {
    nats_subscription *sub = listen_to(nc, "c.limits.1", options[i]);
    publish_numbers(nc, "c.limits.1", 0, 9);
    EXPECT_INT(stats_of(sub).dropped, 6);
    EXPECT_INT(stats_of(sub).pending_messages, 4);
    EXPECT_INT(stats_of(sub).max_pending_messages, 4);
    receive_numbers(sub, 0, 3);
    publish_numbers(nc, "c.limits.1", 10, 11);
    receive_numbers(sub, 10, 11);
    EXPECT_INT(stats_of(sub).delivered, 6);
    OK(nats_subscription_free(sub));
  }
  hang_up(nc);
}

TEST("limits-02", "one slow-consumer event per episode, naming the subscription") {
  static struct events events;
  nats_connection *nc = dial_watched(plain_server(), NULL, &events);
  nats_subscription *sub = listen_to(nc, "c.limits.2", "{\"pending_messages\":4}");
  for (int episode = 1; episode <= 3; ++episode) {
    publish_numbers(nc, "c.limits.2", 0, 19);
    EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_SLOW_CONSUMER, episode));
    EXPECT(strstr(events.last[NATS_CONNECTION_EVENT_SLOW_CONSUMER], "\"c.limits.2\""));
    EXPECT_INT(events_count(&events, NATS_CONNECTION_EVENT_SLOW_CONSUMER), episode);
    receive_numbers(sub, 0, 3);
  }
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
  EXPECT_INT(events_count(&events, NATS_CONNECTION_EVENT_SLOW_CONSUMER), 3);
}

TEST("limits-03", "drop oldest: the last ones stay") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub =
      listen_to(nc, "c.limits.3", "{\"pending_messages\":4,\"overflow\":\"drop_oldest\"}");
  publish_numbers(nc, "c.limits.3", 0, 9);
  EXPECT_INT(stats_of(sub).dropped, 6);
  receive_numbers(sub, 6, 9);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("limits-04", "policy error: what fits is delivered, then SLOW_CONSUMER") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub =
      listen_to(nc, "c.limits.4", "{\"pending_messages\":4,\"overflow\":\"error\"}");
  nats_msg *msg = NULL;
  publish_numbers(nc, "c.limits.4", 0, 9);
  for (int i = 0; i < 4; ++i) OK(nats_msg_free(receive(sub)));
  FAILS(NATS_ERR_SLOW_CONSUMER, nats_subscription_next(sub, WAIT_MS, &msg, E));
  FAILS(NATS_ERR_SLOW_CONSUMER, nats_subscription_next(sub, 0, &msg, E));
  OK(nats_subscription_free(sub));
  sub = listen_to(nc, "c.limits.4", NULL);
  publish_numbers(nc, "c.limits.4", 1, 1);
  receive_numbers(sub, 1, 1);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("limits-05", "the bound by bytes; 0 is no bound") {
  nats_connection *nc = dial(plain_server(), "{\"pending_messages\":4}");
  nats_subscription *sub =
      listen_to(nc, "c.limits.5", "{\"pending_messages\":100,\"pending_bytes\":3000}");
  static char large[1000];
  for (int i = 0; i < 10; ++i) {
    OK(nats_publish(nc, S("c.limits.5"), nats_bytes_of(large, sizeof large), E));
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  nats_sub_stats stats = stats_of(sub);
  EXPECT(stats.dropped >= 7 && stats.pending_messages + stats.dropped == 10);
  EXPECT(stats.pending_messages >= 1 && stats.max_pending_bytes <= 3000);
  OK(nats_subscription_free(sub));
  sub = listen_to(nc, "c.limits.5", NULL); /* the connection's own bound */
  publish_numbers(nc, "c.limits.5", 0, 9);
  EXPECT_INT(stats_of(sub).dropped, 6);
  OK(nats_subscription_free(sub));
  sub = listen_to(nc, "c.limits.5", "{\"pending_messages\":0,\"pending_bytes\":0}");
  publish_numbers(nc, "c.limits.5", 0, 99999);
  EXPECT_INT(stats_of(sub).pending_messages, 100000);
  EXPECT_INT(stats_of(sub).dropped, 0);
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

TEST("limits-06", "a slow subscription does not delay another one") {
  nats_connection *nc = dial_plain();
  nats_subscription *slow = listen_to(nc, "c.limits.6", "{\"pending_messages\":2}");
  nats_subscription *quick = listen_to(nc, "c.limits.6", NULL);
  publish_numbers(nc, "c.limits.6", 0, 999);
  receive_numbers(quick, 0, 999);
  EXPECT_INT(stats_of(slow).pending_messages, 2);
  OK(nats_subscription_free(slow));
  OK(nats_subscription_free(quick));
  hang_up(nc);
}
