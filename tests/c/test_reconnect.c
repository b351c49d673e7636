/* Losing servers and finding them again. */
#include <unistd.h>

#include "check.h"

/* Reconnects at once and for ever, so that the tests wait for the server and not for the client. */
#define EAGER "\"reconnect_delay_min_ms\":5,\"reconnect_delay_max_ms\":20,\"max_reconnects\":-1"

static void lose(struct remote server, struct events *events, int times) {
  tell(server, "kill", NULL);
  EXPECT(events_wait(events, NATS_CONNECTION_EVENT_DISCONNECTED, times));
}

static void regain(struct remote server, struct events *events, int times) {
  tell(server, "restart", NULL);
  EXPECT(events_wait(events, NATS_CONNECTION_EVENT_RECONNECTED, times));
}

TEST("reconnect-01", "after kill and restart, subscriptions and queue groups work again") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, "{" EAGER "}", &events);
  nats_subscription *sub = listen_to(nc, "c.rec.1", NULL);
  nats_subscription *member = listen_to(nc, "c.rec.1", "{\"queue\":\"q\"}");
  nats_subscription *second = listen_to(nc, "c.rec.1", "{\"queue\":\"q\"}");
  for (int round = 1; round <= 5; ++round) {
    lose(server, &events, round);
    regain(server, &events, round);
    send_text(nc, "c.rec.1", "x");
    receive_text(sub, "x");
    OK(nats_connection_flush(nc, WAIT_MS, E));
    nats_sub_stats one, two;
    OK(nats_subscription_stats(member, &one, E));
    OK(nats_subscription_stats(second, &two, E));
    EXPECT_INT(one.pending_messages + two.pending_messages, round);
  }
  nats_stats stats;
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT_INT(stats.reconnects, 5);
  OK(nats_subscription_free(sub));
  OK(nats_subscription_free(member));
  OK(nats_subscription_free(second));
  hang_up_watched(nc, &events);
}

TEST("reconnect-02", "what is published while disconnected arrives afterwards, in order, once") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(server.url, "{" EAGER "}", &events);
  nats_subscription *sub = listen_to(nc, "c.rec.2", NULL);
  nats_msg *msg = NULL;
  char text[16];
  OK(nats_connection_flush(nc, WAIT_MS, E));
  lose(server, &events, 1);
  for (int i = 0; i < 1000; ++i) {
    snprintf(text, sizeof text, "%d", i);
    send_text(nc, "c.rec.2", text);
  }
  regain(server, &events, 1);
  for (int i = 0; i < 1000; ++i) {
    snprintf(text, sizeof text, "%d", i);
    receive_text(sub, text);
  }
  OK(nats_connection_flush(nc, WAIT_MS, E));
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, &msg, E));
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

/* Publishes blocks of 1,000 bytes until that fails; how many were accepted, and how it failed. */
static int fill(nats_connection *nc, nats_status *status, int64_t *last_took) {
  static char block[1000];
  for (int accepted = 0;; ++accepted) {
    int64_t start = now_ms();
    *status = nats_publish(nc, S("c.rec.3"), nats_bytes_of(block, sizeof block), NULL);
    *last_took = now_ms() - start;
    if (*status || accepted > 100) return accepted;
  }
}

static void fill_until_full(const char *options, int64_t at_least) {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_status status;
  int64_t took;
  nats_connection *nc = dial_watched(server.url, options, &events);
  lose(server, &events, 1);
  int accepted = fill(nc, &status, &took);
  EXPECT(accepted >= 5 && accepted <= 10);
  EXPECT_INT(status, NATS_ERR_OUTBOUND_FULL);
  EXPECT(took >= at_least && took < WAIT_MS);
  hang_up_watched(nc, &events);
}

static void drop_oldest(void) {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(
      server.url, "{\"outbound_bytes\":10000,\"outbound_policy\":\"drop_oldest\"," EAGER "}",
      &events);
  nats_subscription *sub = listen_to(nc, "c.rec.3", NULL);
  nats_stats stats;
  char block[1000] = "";
  OK(nats_connection_flush(nc, WAIT_MS, E));
  lose(server, &events, 1);
  for (int i = 0; i < 50; ++i) {
    snprintf(block, sizeof block, "%d", i);
    OK(nats_publish(nc, S("c.rec.3"), nats_bytes_of(block, sizeof block), E));
  }
  OK(nats_connection_stats(nc, &stats, E));
  EXPECT(stats.dropped_out >= 40 && stats.dropped_out < 50);
  regain(server, &events, 1);
  for (int expected = (int)stats.dropped_out; expected < 50; ++expected) {
    nats_msg *msg = receive(sub);
    EXPECT_INT(atoi((const char *)nats_msg_payload(msg).ptr), expected);
    OK(nats_msg_free(msg));
  }
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("reconnect-03", "the outbound buffer is bounded: error, wait to a deadline, drop oldest") {
  fill_until_full("{\"outbound_bytes\":10000,\"outbound_policy\":\"error\"," EAGER "}", 0);
  fill_until_full("{\"outbound_bytes\":10000,\"publish_timeout_ms\":100," EAGER "}", 99);
  drop_oldest();
}

TEST("reconnect-04", "a cluster: another server takes over; the others are discovered") {
  struct remote cluster = server_start("cluster", NULL);
  static struct events events;
  tell(cluster, "wait_ready", NULL);
  nats_connection *nc = dial_watched(cluster.url, "{" EAGER "}", &events);
  nats_subscription *sub = listen_to(nc, "c.rec.4", NULL);
  nats_doc *servers = NULL;
  size_t known = 0;
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_servers(nc, &servers, E));
  OK(nats_doc_len(servers, S("discovered"), &known, E));
  EXPECT_INT(known, 2);
  OK(nats_doc_free(servers));
  tell(cluster, "kill", "\"node\":0");
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  EXPECT(!strstr(events.last[NATS_CONNECTION_EVENT_RECONNECTED], cluster.address));
  send_text(nc, "c.rec.4", "x");
  receive_text(sub, "x");
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

TEST("reconnect-05", "max_reconnects reached, or reconnect off: closed, and an event says so") {
  const char *options[] = {"{\"max_reconnects\":3,\"reconnect_delay_max_ms\":10}",
                           "{\"reconnect\":false}"};
  for (int i = 0; i < 2; ++i) {
    struct remote server = server_start("plain", NULL);
    static struct events events;
    nats_connection *nc = dial_watched(server.url, options[i], &events);
    nats_subscription *sub = listen_to(nc, "c.rec.5", NULL);
    nats_msg *msg = NULL;
    lose(server, &events, 1);
    EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_CLOSED, 1));
    EXPECT_INT(events_count(&events, NATS_CONNECTION_EVENT_RECONNECTING), i ? 0 : 3);
    FAILS(NATS_ERR_CONNECTION_CLOSED, nats_publish(nc, S("a"), B("x"), E));
    FAILS(NATS_ERR_CONNECTION_CLOSED, nats_subscription_next(sub, WAIT_MS, &msg, E));
    OK(nats_subscription_free(sub));
    hang_up_watched(nc, &events);
  }
}

struct delays {
  struct latch asked, gone;
  uint32_t last;
};

static int64_t short_delay(uint32_t attempts, void *user) {
  struct delays *delays = user;
  delays->last = attempts; /* one call at a time; read after the hook has run */
  latch_add(&delays->asked);
  return attempts == 1 ? -1 : 1;
}

static void forget_delays(void *user) { latch_add(&((struct delays *)user)->gone); }

TEST("reconnect-12", "a function decides the wait between rounds; its hook runs once") {
  struct remote server = server_start("plain", NULL);
  static struct delays delays = {LATCH, LATCH, 0};
  nats_options *options = NULL;
  nats_connection *nc = NULL;
  /* The usual back-off would take a hundred minutes. */
  OK(nats_options_new(S("{\"max_reconnects\":100,\"reconnect_delay_min_ms\":60000,"
                        "\"reconnect_delay_max_ms\":60000}"), &options, E));
  OK(nats_options_on_reconnect_delay(options, short_delay, &delays, forget_delays, E));
  OK(nats_connect(S(server.url), options, &nc, E));
  OK(nats_options_free(options));
  nats_subscription *sub = listen_to(nc, "c.rec.delay", NULL);
  nats_msg *msg = NULL;
  tell(server, "kill", NULL);
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_subscription_next(sub, WAIT_MS, &msg, E));
  OK(nats_subscription_free(sub));
  OK(nats_connection_free(nc));
  EXPECT(latch_wait(&delays.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&delays.asked), 99);
  EXPECT_INT((int)delays.last, 99);
  EXPECT_INT(latch_count(&delays.gone), 1);
}

/* Receives numbers up to `last`, which may lack some, but never go back or come in pieces. */
static void receive_until(nats_subscription *sub, int *seen, int last) {
  while (*seen < last) {
    int number = -1, again = -2;
    char text[64];
    nats_msg *msg = receive(sub);
    snprintf(text, sizeof text, "%.*s", (int)nats_msg_payload(msg).len,
             (const char *)nats_msg_payload(msg).ptr);
    EXPECT(sscanf(text, "<%d|%d>", &number, &again) == 2 && number == again);
    EXPECT(number > *seen && number <= last);
    *seen = number;
    OK(nats_msg_free(msg));
  }
}

static void cut_everywhere(const char *direction) {
  struct remote server = server_start("plain", NULL), proxy = proxy_start(server);
  static struct events events;
  nats_connection *direct = dial(server.url, NULL);
  nats_connection *nc = dial_watched(proxy.url, "{" EAGER "}", &events);
  nats_subscription *far = listen_to(direct, "c.rec.6", NULL);
  nats_subscription *near = listen_to(nc, "c.rec.6", NULL);
  int number = 0, far_seen = 0, near_seen = 0;
  char text[64];
  OK(nats_connection_flush(direct, WAIT_MS, E));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  for (int at = 1; at <= 60; ++at) {
    tell(proxy, "cut_after", "\"direction\":\"%s\",\"count\":%d,\"cut\":\"%s\"", direction, at,
         at % 2 ? "rst" : "fin");
    for (int i = 0; i < 4; ++i) {
      ++number;
      snprintf(text, sizeof text, "<%d|%d>", number, number);
      send_text(nc, "c.rec.6", text);
    }
    EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, at));
    ++number;
    snprintf(text, sizeof text, "<%d|%d>", number, number);
    send_text(nc, "c.rec.6", text);
    receive_until(far, &far_seen, number);
    receive_until(near, &near_seen, number);
  }
  OK(nats_subscription_free(near));
  OK(nats_subscription_free(far));
  hang_up_watched(nc, &events);
  hang_up(direct);
}

TEST("reconnect-06", "cut at any byte: nothing is torn, nothing comes twice") {
  cut_everywhere("to_server");
  cut_everywhere("to_client");
}

TEST("reconnect-07", "a server that stops answering pings is left as stale") {
  struct remote server = server_start("plain", NULL), proxy = proxy_start(server);
  static struct events events;
  nats_connection *nc = dial_watched(
      proxy.url,
      "{\"ping_interval_ms\":50,\"max_pings_out\":2,\"connect_timeout_ms\":500," EAGER "}",
      &events);
  tell(proxy, "stall", "\"direction\":\"to_client\"");
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_DISCONNECTED, 1));
  EXPECT(strstr(events.last[NATS_CONNECTION_EVENT_DISCONNECTED], "STALE_CONNECTION"));
  tell(proxy, "resume", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  OK(nats_connection_flush(nc, WAIT_MS, E));
  hang_up_watched(nc, &events);
}

static long resident_kb(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file) fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST("reconnect-08", "publishing to a stopped server returns by its deadline, memory bounded") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc =
      dial(server.url, "{\"outbound_bytes\":1048576,\"publish_timeout_ms\":200}");
  static char block[65536];
  tell(server, "pause", NULL);
  long before = resident_kb();
  nats_status status = NATS_OK;
  int64_t took = 0;
  for (int i = 0; i < 2000 && !status; ++i) {
    int64_t start = now_ms();
    status = nats_publish(nc, S("c.rec.8"), nats_bytes_of(block, sizeof block), NULL);
    took = now_ms() - start;
  }
  EXPECT_INT(status, NATS_ERR_OUTBOUND_FULL);
  EXPECT(took >= 199 && took < WAIT_MS);
  EXPECT(resident_kb() - before < 32 * 1024);
  tell(server, "resume", NULL);
  OK(nats_connection_flush(nc, WAIT_MS, E));
  hang_up(nc);
}

TEST("reconnect-09", "close while reconnecting, or on a stopped server, is prompt") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(
      server.url, "{\"max_reconnects\":-1,\"reconnect_delay_min_ms\":60000,"
      "\"reconnect_delay_max_ms\":60000}", &events);
  lose(server, &events, 1);
  int64_t start = now_ms();
  hang_up_watched(nc, &events);
  tell(server, "restart", NULL);
  nc = dial(server.url, NULL);
  tell(server, "pause", NULL);
  FAILS(NATS_ERR_TIMEOUT, nats_connection_flush(nc, 50, E));
  hang_up(nc);
  EXPECT(now_ms() - start < WAIT_MS);
  tell(server, "resume", NULL);
}

TEST("reconnect-10", "a forced reconnect keeps the subscriptions") {
  static struct events events;
  nats_connection *nc = dial_watched(plain_server(), "{" EAGER "}", &events);
  nats_subscription *sub = listen_to(nc, "c.rec.10", NULL);
  OK(nats_connection_flush(nc, WAIT_MS, E));
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  send_text(nc, "c.rec.10", "x");
  receive_text(sub, "x");
  OK(nats_subscription_free(sub));
  OK(nats_connection_close(nc, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_connection_force_reconnect(nc, E));
  hang_up_watched(nc, &events);
}

struct flusher {
  nats_connection *nc;
  nats_status status;
};

static void *flush_long(void *arg) {
  struct flusher *flusher = arg;
  flusher->status = nats_connection_flush(flusher->nc, 60000, NULL);
  return NULL;
}

TEST("reconnect-11", "flush waits for the reconnect; one that was interrupted says so") {
  struct remote server = server_start("plain", NULL), proxy = proxy_start(server);
  static struct events events;
  static struct flusher flusher;
  pthread_t thread;
  nats_connection *nc = dial_watched(proxy.url, "{" EAGER "}", &events);
  tell(proxy, "refuse", NULL);
  tell(proxy, "cut_now", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_DISCONNECTED, 1));
  FAILS(NATS_ERR_TIMEOUT, nats_connection_flush(nc, 50, E));
  flusher = (struct flusher){nc, NATS_ERR_INTERNAL};
  EXPECT(!pthread_create(&thread, NULL, flush_long, &flusher));
  tell(proxy, "accept", NULL);
  pthread_join(thread, NULL);
  EXPECT_INT(flusher.status, NATS_OK);

  tell(proxy, "stats", NULL);
  long bytes = answer_number("bytes_to_server");
  tell(proxy, "stall", "\"direction\":\"to_client\"");
  EXPECT(!pthread_create(&thread, NULL, flush_long, &flusher));
  tell(proxy, "wait_bytes", "\"direction\":\"to_server\",\"count\":%ld", bytes + 6);
  tell(proxy, "cut_now", NULL);
  pthread_join(thread, NULL);
  EXPECT_INT(flusher.status, NATS_ERR_CONNECTION_LOST);
  tell(proxy, "resume", NULL);
  OK(nats_connection_flush(nc, WAIT_MS, E));
  hang_up_watched(nc, &events);
}
