/* JetStream: clients of one consumer that are served by rules (ADR-42). */
#include "stream.h"

enum { MOMENT_MS = 300 };

/* The worker has the group "g" with that policy; false: the server is older, and left. */
static bool start_grouped(struct place *at, int minor, const char *what, const char *policy) {
  char input[256];
  *at = start_stream("");
  snprintf(input, sizeof input,
           "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\","
           "\"priority_groups\":[\"g\"],\"priority_policy\":\"%s\"}}", policy);
  if (do_newer(at->js, at->nc, minor, what, nats_consumer_create, input)) return true;
  leave(*at);
  return false;
}

static void fetch_number(nats_jetstream *js, const char *options, int expected) {
  nats_msg *msg = fetch_one(js, options);
  EXPECT_INT(number_of(msg), expected);
  OK(nats_msg_free(msg));
}

TEST("js-consume-35", "an overflow group serves those who ask for a minimum when so many wait") {
  struct place at;
  nats_msg *msgs[2];
  if (!start_grouped(&at, 11, "priority_groups", "overflow")) return;
  store_numbers(at.js, 1, 10);
  /* There are not so many. */
  EXPECT_INT(fetch(at.js, J({"group":"g","min_pending":100,"expires_ms":300}), msgs, 1), 0);
  fetch_number(at.js, J({"group":"g","min_pending":5}), 1);
  /* Only one is not acknowledged. */
  EXPECT_INT(fetch(at.js, J({"group":"g","min_ack_pending":2,"expires_ms":300}), msgs, 1), 0);
  /* Who asks for no minimum is served. */
  EXPECT_INT(fetch(at.js, J({"group":"g","no_wait":true}), msgs, 2), 2);
  OK(nats_msgs_free(msgs, 2));
  fetch_number(at.js, J({"group":"g","min_ack_pending":2}), 4);
  /* Without end: six wait, not fifty. */
  nats_subscription *sub =
      consume(at.js, J({"group":"g","min_pending":50,"expires_ms":2000,"heartbeat_ms":500}));
  until_asked(at.js, 1);
  nothing(sub, MOMENT_MS);
  store_numbers(at.js, 11, 60);
  take_numbers(sub, 5, 5, true);
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-36",
     "a prioritized group serves the smaller number, and the other one when it is gone") {
  struct place at;
  if (!start_grouped(&at, 12, "priority_policy prioritized", "prioritized")) return;
  nats_subscription *second = consume(at.js, J({"group":"g","priority":5}));
  nats_subscription *first = consume(at.js, J({"group":"g","priority":1}));
  until_asked(at.js, 2);
  store_numbers(at.js, 1, 20);
  take_numbers(first, 1, 20, true);
  nothing(second, 0);
  OK(nats_subscription_free(first));
  flush(at.nc);
  store_numbers(at.js, 21, 40);
  take_numbers(second, 21, 40, true);
  OK(nats_subscription_free(second));
  leave(at);
}

static void pin_of(nats_msg *msg, char pin[64]) {
  nats_str id = header_of(msg, "Nats-Pin-Id");
  EXPECT(id.len > 0 && id.len < 64);
  snprintf(pin, 64, "%.*s", (int)id.len, id.ptr);
}

/* Somebody else who waits for a message. */
struct other {
  nats_jetstream *js;
  nats_msg *msg;
};

static void *wait_there(void *argument) {
  struct other *other = argument;
  size_t count = 0;
  OK(nats_jetstream_fetch(other->js, S("S"), S("worker"), S(J({"group":"g","expires_ms":3600000})),
                          &other->msg, 1, &count, E));
  EXPECT_INT(count, 1);
  return NULL;
}

TEST("js-consume-37", "in a pinned_client group one gets all messages until it is let go") {
  struct place at;
  char pin[64], got[64], pinned[128];
  if (!start_grouped(&at, 11, "priority_groups", "pinned_client")) return;
  store_numbers(at.js, 1, 2);
  nats_msg *msg = fetch_one(at.js, J({"group":"g"}));
  pin_of(msg, pin);
  OK(nats_msg_free(msg));
  snprintf(pinned, sizeof pinned, "{\"group\":\"g\",\"id\":\"%s\"}", pin);
  msg = fetch_one(at.js, pinned);
  EXPECT_INT(number_of(msg), 2);
  pin_of(msg, got);
  EXPECT(!strcmp(got, pin));
  OK(nats_msg_free(msg));
  nats_doc *info = ask_js(at.js, nats_consumer_info, WORKER_IS);
  expect_str(info, "priority_groups.0.group", "g");
  expect_str(info, "priority_groups.0.pinned_client_id", pin);
  OK(nats_doc_free(info));
  /* Somebody else waits in vain, until the pinned one is let go. */
  struct other other = {at.js, NULL};
  pthread_t thread = begin(wait_there, &other);
  until_asked(at.js, 1);
  store_numbers(at.js, 3, 4);
  fetch_number(at.js, pinned, 3);
  EXPECT_INT(worker_number(at.js, "num_waiting"), 1);
  do_js(at.js, nats_consumer_unpin, J({"stream":"S","consumer":"worker","group":"g"}));
  pthread_join(thread, NULL);
  EXPECT_INT(number_of(other.msg), 4);
  pin_of(other.msg, got);
  EXPECT(strcmp(got, pin) != 0);
  OK(nats_msg_free(other.msg));
  /* The one that was is told so. */
  FAILS(NATS_ERR_PULL_REFUSED, fetch_fails(at.js, pinned));
  SAYS("423 ");
  refuse_js(at.js, nats_consumer_unpin, J({"stream":"S","consumer":"worker","group":"other"}),
            NATS_ERR_JETSTREAM);
  leave(at);
}

TEST("js-consume-38", "a request without a group, or of another one than the consumer has") {
  struct place at;
  if (!start_grouped(&at, 11, "priority_groups", "overflow")) return;
  FAILS(NATS_ERR_PULL_REFUSED, fetch_fails(at.js, J({"no_wait":true})));
  SAYS("400 ");
  FAILS(NATS_ERR_PULL_REFUSED, fetch_fails(at.js, J({"group":"other","no_wait":true})));
  SAYS("400 ");
  leave(at);
}
