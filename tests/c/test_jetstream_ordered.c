/* JetStream: the messages of a stream, each once and in order. */
#include "stream.h"

#define PULL "\"expires_ms\":2000,\"heartbeat_ms\":300"
#define PUSH "\"push\":true,\"heartbeat_ms\":300"
#define IS_RESET "\"what\":\"reset\""

static const char *const HOW[] = {PULL, PUSH};

/* Messages of S in order; `more`: further options, each behind a comma. */
static nats_subscription *ordered(nats_jetstream *js, const char *how, const char *more) {
  char options[256];
  nats_subscription *sub = NULL;
  snprintf(options, sizeof options, "{%s%s}", how, more);
  OK(nats_jetstream_consume_ordered(js, S("S"), S(options), NULL, NULL, NULL, &sub, E));
  return sub;
}

static nats_status try_ordered(nats_jetstream *js, const char *stream, const char *how,
                               const char *more) {
  char options[256];
  nats_subscription *sub = NULL;
  snprintf(options, sizeof options, "{%s%s}", how, more);
  return nats_jetstream_consume_ordered(js, S(stream), S(options), NULL, NULL, NULL, &sub, E);
}

/* Takes the numbers; each is also its message's sequence. */
static void expect(nats_subscription *sub, int first, int last) {
  for (int i = first; i <= last; ++i) {
    nats_msg *msg = receive(sub);
    EXPECT_INT(number_of(msg), i);
    EXPECT_INT(about(msg).stream_sequence, i);
    OK(nats_msg_free(msg));
  }
}

/* The name of the only consumer of S. */
static void only_consumer(nats_jetstream *js, char name[64]) {
  nats_doc *names = ask_js(js, nats_consumer_names, J({"stream":"S"}));
  nats_str only = NONE;
  expect_len(names, "consumers", 1);
  OK(nats_doc_get_str(names, S("consumers.0"), &only, E));
  snprintf(name, 64, "%.*s", (int)only.len, only.ptr);
  OK(nats_doc_free(names));
}

static void delete_consumer(nats_jetstream *js, const char *name) {
  char input[128];
  snprintf(input, sizeof input, "{\"stream\":\"S\",\"consumer\":\"%s\"}", name);
  do_js(js, nats_consumer_delete, input);
}

static bool has_none(nats_doc *names, const void *about) {
  size_t len = 1;
  (void)about;
  OK(nats_doc_len(names, S("consumers"), &len, E));
  return len == 0;
}

static bool has_another(nats_doc *names, const void *than) {
  nats_str only = NONE;
  nats_error *err = NULL;
  nats_doc_get_str(names, S("consumers.0"), &only, &err);
  nats_error_free(err);
  return only.len && (strlen(than) != only.len || memcmp(than, only.ptr, only.len));
}

static void in_order(const char *how, bool push) {
  static struct events events;
  struct place at = start_heard(&events);
  char name[64], input[128];
  store_numbers(at.js, 1, 1000);
  nats_subscription *sub = ordered(at.js, how, ",\"name_prefix\":\"mine\"");
  expect(sub, 1, 1000);
  store_numbers(at.js, 1001, 1100);
  expect(sub, 1001, 1100);
  only_consumer(at.js, name);
  EXPECT(!strncmp(name, "mine_", 5));
  snprintf(input, sizeof input, "{\"stream\":\"S\",\"consumer\":\"%s\"}", name);
  nats_doc *info = ask_js(at.js, nats_consumer_info, input);
  expect_str(info, "config.ack_policy", "none");
  expect_int(info, "config.inactive_threshold", 300000000000);
  expect_bool(info, "config.mem_storage", true);
  expect_int(info, "config.num_replicas", 1);
  expect_int(info, "num_ack_pending", 0);
  if (push) expect_bool(info, "config.flow_control", true);
  OK(nats_doc_free(info));
  /* Longer than it may be silent. */
  nothing(sub, 1200);
  EXPECT(!events_told(&events, IS_RESET, ""));
  OK(nats_subscription_unsubscribe(sub, E));
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(sub));
  /* It takes its consumer with it. */
  OK(nats_doc_free(until_js(at.js, nats_consumer_names, J({"stream":"S"}), has_none, NULL)));
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

TEST("js-consume-28", "an ordered consumer that pulls: once, in order; stop deletes it") {
  in_order(PULL, false);
}

TEST("js-consume-29", "an ordered consumer that is pushed to: once, in order; stop deletes it") {
  in_order(PUSH, true);
}

static void goes_on(const char *how) {
  static struct events events;
  struct place at = start_heard(&events);
  char name[64];
  store_numbers(at.js, 1, 10);
  nats_subscription *sub = ordered(at.js, how, ",\"deliver_policy\":\"new\"");
  /* Before it has brought anything: what is new is what is stored from its beginning on. */
  store_numbers(at.js, 11, 11);
  for (int round = 0; round < 3; ++round) {
    int number = 11 + round * 10;
    only_consumer(at.js, name);
    delete_consumer(at.js, name);
    if (round == 0) {
      expect(sub, 11, 11);
    } else {
      /* What the server says is heeded while messages are waited for. */
      nats_doc *names = NULL;
      int64_t end = now_ms() + WAIT_MS;
      for (bool another = false; !another; OK(nats_doc_free(names))) {
        nothing(sub, 100);
        names = ask_js(at.js, nats_consumer_names, J({"stream":"S"}));
        another = has_another(names, name);
        EXPECT(now_ms() < end);
      }
    }
    store_numbers(at.js, number + 1, number + 10);
    expect(sub, number + 1, number + 10);
  }
  events_await(&events, IS_RESET, "");
  OK(nats_subscription_free(sub));
  leave_heard(at, &events);
}

TEST("js-consume-30", "when the server deletes an ordered consumer, another one goes on") {
  for (int i = 0; i < 2; ++i) goes_on(HOW[i]);
}

TEST("js-consume-31", "what is dropped on the way to an ordered consumer is asked for again") {
  static struct events events;
  struct place at = start_stream("");
  nats_jetstream *js = NULL;
  fill(at.nc, 1, 2000);
  /* The server pushes far more than may wait here. */
  nats_connection *nc = dial_watched(at.server.url, "{\"pending_messages\":20}", &events);
  OK(nats_jetstream_new(nc, NONE, &js, E));
  nats_subscription *sub = ordered(js, PUSH, "");
  expect(sub, 1, 2000);
  events_await(&events, IS_RESET, "\"name\":\"MESSAGE_NOT_FOUND\"");
  OK(nats_subscription_free(sub));
  OK(nats_jetstream_free(js));
  hang_up_watched(nc, &events);
  leave(at);
}

struct view {
  const char *options;
  uint64_t sequences[5]; /* up to a 0 */
};

static const struct view VIEWS[] = {
    {",\"filter_subjects\":[\"s.a\"]", {1, 4}},
    {",\"filter_subjects\":[\"s.*\"]", {1, 2, 3}},
    {",\"filter_subjects\":[\"s.a\",\"s.c\"]", {1, 3, 4, 6}},
    {",\"deliver_policy\":\"last\"", {6}},
    {",\"deliver_policy\":\"last_per_subject\",\"filter_subjects\":[\"s.>\"]", {4, 5, 6}},
    {",\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":5", {5, 6}},
};

TEST("js-consume-33",
     "an ordered consumer begins where deliver_policy says, with some subjects only") {
  struct place at = start_stream("");
  for (int i = 0; i < 6; ++i) {
    char subject[] = {'s', '.', (char)('a' + i % 3), 0};
    store(at.js, subject, "payload");
  }
  for (size_t i = 0; i < 2 * sizeof VIEWS / sizeof *VIEWS; ++i) {
    const struct view *view = &VIEWS[i / 2];
    nats_subscription *sub = ordered(at.js, HOW[i % 2], view->options);
    for (const uint64_t *sequence = view->sequences; *sequence; ++sequence) {
      nats_msg *msg = receive(sub);
      EXPECT_INT(about(msg).stream_sequence, *sequence);
      EXPECT_TEXT(as_text(nats_msg_payload(msg)), "payload");
      OK(nats_msg_free(msg));
    }
    OK(nats_subscription_free(sub));
  }
  for (int i = 0; i < 2; ++i) {
    nats_subscription *sub = ordered(at.js, HOW[i], ",\"headers_only\":true");
    nats_msg *msg = receive(sub);
    EXPECT_INT(nats_msg_payload(msg).len, 0);
    EXPECT_TEXT(header_of(msg, "Nats-Msg-Size"), "7");
    OK(nats_msg_free(msg));
    OK(nats_subscription_free(sub));
  }
  leave(at);
}

static void ends_without(const char *how) {
  struct place at = start_stream("");
  FAILS(NATS_ERR_STREAM_NOT_FOUND, try_ordered(at.js, "T", how, ""));
  FAILS(NATS_ERR_INVALID_NAME, try_ordered(at.js, "a b", how, ""));
  FAILS(NATS_ERR_INVALID_SUBJECT, try_ordered(at.js, "S", how, ",\"filter_subjects\":[\"a..b\"]"));
  store_numbers(at.js, 1, 2);
  nats_subscription *sub = ordered(at.js, how, "");
  expect(sub, 1, 2);
  do_js(at.js, nats_stream_delete, J({"stream":"S"}));
  for (int i = 0; i < 2; ++i) FAILS(NATS_ERR_STREAM_NOT_FOUND, ends(sub));
  OK(nats_subscription_free(sub));
  make_stream(at.js, "");
  sub = ordered(at.js, how, "");
  OK(nats_connection_close(at.nc, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, ends(sub));
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-34", "an ordered consumer of a stream that is not there, or is deleted") {
  for (int i = 0; i < 2; ++i) ends_without(HOW[i]);
}
