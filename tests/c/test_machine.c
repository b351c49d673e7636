/* What the machine does to a connection: names that cannot be resolved for a while, a clock that is
   set. The library finds these functions here before the C library's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

#define EAGER "\"reconnect_delay_min_ms\":5,\"reconnect_delay_max_ms\":20"

/* Stands for 127.0.0.1 while names can be resolved. */
#define NAME "resolved.test"

enum { YEAR_S = 31536000 };

static atomic_int names_fail, lookups;
static atomic_llong clock_is_off_by_s;

static void *next_of(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
  int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&next = next_of("getaddrinfo");
  if (node && !strcmp(node, NAME)) {
    atomic_fetch_add(&lookups, 1);
    if (atomic_load(&names_fail)) return EAI_AGAIN;
    node = "127.0.0.1";
  }
  return next(node, service, hints, found);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static _Atomic(void *) cached;
  int (*next)(clockid_t, struct timespec *);
  void *found = atomic_load(&cached);
  if (!found) atomic_store(&cached, found = next_of("clock_gettime"));
  *(void **)&next = found;
  int result = next(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += (time_t)atomic_load(&clock_is_off_by_s);
  return result;
}

TEST("c-machine-01", "a name that cannot be resolved is told, and tried again until it can") {
  struct remote server = server_start("plain", NULL);
  static struct events events;
  char url[200];
  snprintf(url, sizeof url, "nats://" NAME "%s", strrchr(server.address, ':'));
  atomic_store(&names_fail, 1);
  refuse(url, NULL, NATS_ERR_NO_SERVERS);
  SAYS(NAME);
  SAYS("name resolution");
  int before = atomic_load(&lookups);
  nats_connection *nc =
      dial_watched(url, "{\"retry_on_failed_connect\":true,\"max_reconnects\":-1," EAGER "}", &events);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTING, 3));
  EXPECT(atomic_load(&lookups) >= before + 3);
  atomic_store(&names_fail, 0);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_CONNECTED, 1));
  nats_subscription *sub = listen_to(nc, "c.machine.1", NULL);
  atomic_store(&names_fail, 1);
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_SERVER_ERROR, 3));
  send_text(nc, "c.machine.1", "kept");
  atomic_store(&names_fail, 0);
  receive_text(sub, "kept");
  OK(nats_subscription_free(sub));
  hang_up_watched(nc, &events);
}

/* When a JWT says that it was issued. */
static int64_t issued_at(void) {
  nats_nkey *key = NULL;
  nats_text *token = NULL;
  nats_doc *claims = NULL;
  int64_t at = 0;
  OK(nats_nkey_new(S("account"), &key, E));
  OK(nats_jwt_encode_user(S("{}"), S("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"),
                          key, &token, E));
  OK(nats_jwt_decode(nats_text_view(token), &claims, E));
  OK(nats_doc_get_int(claims, S("iat"), &at, E));
  OK(nats_doc_free(claims));
  OK(nats_text_free(token));
  OK(nats_nkey_free(key));
  return at;
}

TEST("c-machine-02", "a clock that is set forward or back ends no connection and no wait") {
  static struct events events;
  nats_connection *nc =
      dial_watched(plain_server(), "{\"ping_interval_ms\":50,\"max_pings_out\":2}", &events);
  nats_subscription *silent = listen_to(nc, "c.machine.2", NULL);
  const int64_t today = issued_at();
  for (int years = 1; years >= -1; --years) {
    atomic_store(&clock_is_off_by_s, (long long)years * YEAR_S);
    const int64_t shift = issued_at() - today - (int64_t)years * YEAR_S;
    EXPECT(shift >= 0 && shift < 60);
    nats_msg *answer = NULL;
    int64_t start = now_ms();
    FAILS(NATS_ERR_TIMEOUT, nats_request(nc, S("c.machine.2"), B("x"), 300, &answer, E));
    EXPECT(now_ms() - start >= 299 && now_ms() - start < WAIT_MS);
    receive_text(silent, "x");
  }
  atomic_store(&clock_is_off_by_s, 0);
  EXPECT_INT(events_count(&events, NATS_CONNECTION_EVENT_DISCONNECTED), 0);
  OK(nats_subscription_free(silent));
  hang_up_watched(nc, &events);
}
