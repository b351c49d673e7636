/* JetStream: what is said of messages, and what they tell of themselves. */
#include <time.h>

#include "stream.h"

enum { CAP = 1000, MOMENT_MS = 200 };

#define NOW "{\"no_wait\":true}"

/* The message is known to be handled; frees it. */
static void done_with(nats_jetstream *js, nats_msg *msg) {
  OK(nats_jetstream_ack_sync(js, msg, WAIT_MS, E));
  OK(nats_msg_free(msg));
}

/* Whatever is said of the message is refused so. */
static void says_nothing(nats_jetstream *js, nats_msg *msg, nats_status status) {
  FAILS(status, nats_msg_ack(msg, E));
  FAILS(status, nats_msg_nak(msg, 0, E));
  FAILS(status, nats_msg_in_progress(msg, E));
  FAILS(status, nats_msg_term(msg, S("why"), E));
  FAILS(status, nats_jetstream_ack_sync(js, msg, WAIT_MS, E));
}

TEST("js-consume-39", "acknowledged, refused, refused with a delay, terminated") {
  struct place at = start_stream("");
  nats_msg *msgs[4];
  make_worker(at.js, "");
  store_numbers(at.js, 1, 4);
  EXPECT_INT(fetch(at.js, "", msgs, 4), 4);
  OK(nats_msg_ack(msgs[0], E));
  OK(nats_msg_term(msgs[3], NONE, E));
  OK(nats_msg_nak(msgs[1], 0, E));
  int64_t begin = now_ms();
  OK(nats_msg_nak(msgs[2], 2 * MOMENT_MS, E));
  OK(nats_msgs_free(msgs, 4));
  for (int expected = 2; expected <= 3; ++expected) {
    nats_msg *again = fetch_one(at.js, "");
    EXPECT_INT(number_of(again), expected);
    EXPECT_INT(about(again).delivered, 2);
    done_with(at.js, again);
  }
  EXPECT(now_ms() - begin >= 2 * MOMENT_MS - MOMENT_MS / 10);
  EXPECT_INT(fetch(at.js, NOW, msgs, 4), 0);
  EXPECT_INT(worker_number(at.js, "num_ack_pending"), 0);
  leave(at);
}

TEST("js-consume-40", "a message comes again in time, unless it is said to be in progress") {
  struct place at = start_stream("");
  make_worker(at.js, ",\"ack_wait\":400000000");
  store_numbers(at.js, 1, 1);
  nats_msg *first = fetch_one(at.js, "");
  nats_msg *msg = NULL;
  for (int64_t end = now_ms() + 6 * MOMENT_MS; now_ms() < end;) {
    OK(nats_msg_in_progress(first, E));
    /* For as long as work is said to go on, nobody else gets it. */
    EXPECT_INT(fetch(at.js, "{\"expires_ms\":50}", &msg, 1), 0);
  }
  nats_msg *again = fetch_one(at.js, "");
  EXPECT_INT(about(again).delivered, 2);
  done_with(at.js, again);
  OK(nats_msg_free(first));
  leave(at);
}

TEST("js-consume-41", "the reason of a termination goes into the server's advisory") {
  struct place at = start_stream("");
  nats_doc *doc = NULL;
  nats_bytes payload;
  nats_subscription *advisories =
      listen_to(at.nc, "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.worker", NULL);
  make_worker(at.js, "");
  store_numbers(at.js, 1, 1);
  nats_msg *msg = fetch_one(at.js, "");
  OK(nats_msg_term(msg, S("no such customer"), E));
  OK(nats_msg_free(msg));
  msg = receive(advisories);
  payload = nats_msg_payload(msg);
  OK(nats_doc_parse(as_text(payload), &doc, E));
  expect_str(doc, "reason", "no such customer");
  expect_int(doc, "stream_seq", 1);
  OK(nats_doc_free(doc));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(advisories));
  leave(at);
}

TEST("js-consume-42", "a double acknowledgement is noted by the server when it returns") {
  struct place at = start_stream("");
  nats_msg *msgs[10];
  make_worker(at.js, "");
  store_numbers(at.js, 1, 10);
  EXPECT_INT(fetch(at.js, "", msgs, 10), 10);
  for (int i = 0; i < 10; ++i) {
    done_with(at.js, msgs[i]);
    EXPECT_INT(worker_number(at.js, "num_ack_pending"), 9 - i);
  }
  leave(at);
}

TEST("js-consume-43", "many messages are acknowledged in one call") {
  struct place at = start_stream("");
  static nats_msg *msgs[CAP + 1];
  make_worker(at.js, ",\"max_ack_pending\":-1");
  fill(at.nc, 1, CAP);
  EXPECT_INT(fetch(at.js, "", msgs, CAP), CAP);
  msgs[CAP] = NULL; /* is skipped */
  OK(nats_msgs_ack(msgs, CAP + 1, E));
  until_int(at.js, nats_consumer_info, WORKER_IS, "num_ack_pending", 0);
  EXPECT_INT(worker_number(at.js, "ack_floor.stream_seq"), CAP);
  OK(nats_msgs_ack(NULL, 0, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msgs_ack(NULL, 1, E));
  OK(nats_msgs_free(msgs, CAP));
  leave(at);
}

TEST("js-consume-44",
     "a second acknowledgement of any kind, and being in progress again and again") {
  struct place at = start_stream("");
  nats_msg *msgs[5];
  make_worker(at.js, "");
  store_numbers(at.js, 1, 5);
  EXPECT_INT(fetch(at.js, "", msgs, 5), 5);
  for (int i = 0; i < 3; ++i) OK(nats_msg_in_progress(msgs[0], E));
  OK(nats_msg_ack(msgs[0], E));
  OK(nats_jetstream_ack_sync(at.js, msgs[1], WAIT_MS, E));
  OK(nats_msg_nak(msgs[2], 60000, E));
  OK(nats_msg_term(msgs[3], NONE, E));
  for (int i = 0; i < 4; ++i) says_nothing(at.js, msgs[i], NATS_ERR_ALREADY_ACKED);
  /* Those before it are acknowledged, those behind it are not. */
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msgs_ack(msgs, 5, E));
  SAYS("message 0");
  OK(nats_msgs_ack(msgs + 4, 1, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_nak(msgs[4], -1, E));
  OK(nats_msgs_free(msgs, 5));
  leave(at);
}

TEST("js-consume-45", "messages that are not from JetStream") {
  nats_connection *nc;
  nats_jetstream *js = open_js(plain_server(), &nc);
  nats_metadata about;
  nats_subscription *sub = listen_to(nc, "plain", NULL);
  OK(nats_publish_msg(nc, S("plain"), S("_INBOX.somewhere"), NULL, B("x"), E));
  send_text(nc, "plain", "without a reply subject");
  for (int i = 0; i < 2; ++i) {
    nats_msg *msg = receive(sub);
    FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_metadata(msg, &about, E));
    says_nothing(js, msg, NATS_ERR_NOT_JETSTREAM);
    OK(nats_msg_free(msg));
  }
  FAILS(NATS_ERR_INVALID_HANDLE, nats_msg_ack(NULL, E));
  OK(nats_subscription_free(sub));
  close_js(js, nc);
}

static int64_t wall_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Metadata of a message that comes again, and that it is acknowledged by what they were read of. */
static void check_metadata(nats_jetstream *js, const char *domain) {
  int64_t before = wall_ns();
  store_numbers(js, 1, 2);
  /* A consumer that is there hears of new messages with a delay, and counts them only then. */
  make_worker(js, "");
  nats_msg *msg = fetch_one(js, "");
  EXPECT_INT(about(msg).pending, 1);
  done_with(js, msg);
  msg = fetch_one(js, "");
  OK(nats_msg_nak(msg, 0, E));
  OK(nats_msg_free(msg));
  msg = fetch_one(js, "");
  nats_metadata again = about(msg);
  EXPECT_TEXT(again.stream, "S");
  EXPECT_TEXT(again.consumer, "worker");
  EXPECT_TEXT(again.domain, domain);
  EXPECT_INT(again.stream_sequence, 2);
  EXPECT_INT(again.consumer_sequence, 3);
  EXPECT_INT(again.delivered, 2);
  EXPECT_INT(again.pending, 0);
  EXPECT(again.timestamp_ns >= before && again.timestamp_ns <= wall_ns());
  done_with(js, msg);
  EXPECT_INT(worker_number(js, "ack_floor.stream_seq"), 2);
  EXPECT_INT(worker_number(js, "num_ack_pending"), 0);
}

TEST("js-consume-46", "metadata tells where a message stands in its stream and its consumer") {
  struct place at = start_stream("");
  check_metadata(at.js, "");
  leave(at);
}

TEST("js-consume-47", "metadata is read, and acknowledged, in the form with domain and account") {
  nats_connection *plain = dial_plain();
  bool is_known = is_at_least(plain, 2, 14);
  hang_up(plain);
  if (!is_known) { /* Older servers do not start with the flag. */
    printf("not supported: acknowledgements with the domain needs server 2.14\n");
    return;
  }
  struct remote server =
      server_start("plain", "jetstream {domain: hub}\\nfeature_flags {js_ack_fc_v2: true}");
  nats_connection *nc;
  nats_jetstream *js = open_js(server.url, &nc);
  make_stream(js, "");
  check_metadata(js, "hub");
  close_js(js, nc);
}
