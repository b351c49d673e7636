/* JetStream: streams and consumers, publishing with acknowledgement, fetching, acknowledging. */
#include <stdatomic.h>

#include "js.h"

#define STREAM "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"memory\"}"
#define WORKER "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\"}}"

TEST("c-jetstream-01", "streams by documents: made, changed, listed, emptied, deleted") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *info = ask_js(js, nats_stream_create, STREAM);
  expect_str(info, "config.name", "S");
  expect_str(info, "config.retention", "limits");
  OK(nats_doc_set_int(info, S("config.max_msgs"), 5, E));
  /* The configuration as the server has told it, changed. */
  nats_doc *config = NULL;
  nats_str json = NONE;
  OK(nats_doc_get_doc(info, S("config"), &config, E));
  OK(nats_doc_json(config, &json, E));
  nats_doc *updated = NULL;
  OK(nats_stream_update(js, json, &updated, E));
  expect_int(updated, "config.max_msgs", 5);
  OK(nats_doc_free(updated));
  OK(nats_doc_free(config));
  OK(nats_doc_free(info));
  refuse_js(js, nats_stream_create, STREAM, NATS_ERR_STREAM_EXISTS);
  do_js(js, nats_stream_create_or_update, "{\"name\":\"T\",\"subjects\":[\"t\"]}");
  nats_doc *names = ask_js(js, nats_stream_names, "");
  expect_str(names, "streams.1", "T");
  OK(nats_doc_free(names));
  nats_doc *list = ask_js(js, nats_stream_list, "{\"subject\":\"t\"}");
  expect_str(list, "streams.0.config.name", "T");
  OK(nats_doc_free(list));
  nats_doc *found = ask_js(js, nats_stream_by_subject, "{\"subject\":\"s.1\"}");
  expect_str(found, "stream", "S");
  OK(nats_doc_free(found));
  for (int i = 0; i < 3; ++i) store(js, i ? "s.b" : "s.a", "x");
  info = ask_js(js, nats_stream_info, "{\"stream\":\"S\",\"subjects_filter\":\">\"}");
  expect_int(info, "state.messages", 3);
  expect_int(info, "state.subjects.s\\.b", 2);
  OK(nats_doc_free(info));
  do_js(js, nats_stream_delete_message, "{\"stream\":\"S\",\"seq\":2}");
  nats_doc *purged = ask_js(js, nats_stream_purge, "{\"stream\":\"S\",\"filter\":\"s.b\"}");
  expect_int(purged, "purged", 1);
  OK(nats_doc_free(purged));
  nats_doc *got = ask_js(js, nats_stream_get_message, "{\"stream\":\"S\",\"last_by_subj\":\"s.a\"}");
  expect_int(got, "seq", 1);
  expect_str(got, "data", "eA==");
  OK(nats_doc_free(got));
  nats_doc *account = NULL;
  OK(nats_account_info(js, &account, E));
  expect_int(account, "streams", 2);
  OK(nats_doc_free(account));
  do_js(js, nats_stream_delete, "{\"stream\":\"T\"}");
  close_js(js, nc);
}

TEST("c-jetstream-02", "what JetStream refuses: code, number, its name and the server's text") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *out = NULL;
  nats_error *err = NULL;
  nats_status status = nats_stream_info(js, S("{\"stream\":\"NONE\"}"), &out, &err);
  EXPECT_INT(status, NATS_ERR_STREAM_NOT_FOUND);
  EXPECT_INT(nats_error_api_code(err), 404);
  EXPECT_INT(nats_error_api_err_code(err), 10059);
  EXPECT_TEXT(nats_error_api_description(err), "stream not found");
  EXPECT_TEXT(nats_jetstream_err_code_name(10059), "STREAM_NOT_FOUND");
  OK(nats_error_free(err));
  EXPECT_INT(nats_error_api_code(NULL), 0);
  EXPECT_INT(nats_jetstream_err_code_name(-1).len, 0);
  EXPECT_INT(nats_jetstream_err_code_name(70000).len, 0);
  refuse_js(js, nats_stream_info, "{\"stream\":\"a.b\"}", NATS_ERR_INVALID_NAME);
  SAYS("a.b");
  refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"max_msgs\":\"many\"}", NATS_ERR_INVALID_JSON);
  SAYS("max_msgs");
  refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"placement\":{\"tags\":[1]}}",
            NATS_ERR_INVALID_JSON);
  SAYS("placement.tags[0]");
  refuse_js(js, nats_stream_create, "{", NATS_ERR_INVALID_JSON);
  refuse_js(js, nats_stream_info, "{\"strem\":\"S\"}", NATS_ERR_INVALID_JSON);
  SAYS("strem");
  /* What the library does not know is the server's to judge. */
  refuse_js(js, nats_stream_create, "{\"name\":\"S\",\"not_known\":1}", NATS_ERR_JETSTREAM);
  SAYS("not_known");
  nats_jetstream *bad = NULL;
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(nc, S("{\"domian\":\"x\"}"), &bad, E));
  SAYS("domain");
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_new(nc, S("{\"domain\":\"a b\"}"), &bad, E));
  struct remote plain = server_start("plain", NULL);
  nats_connection *other;
  nats_jetstream *none = open_js(plain.url, &other);
  FAILS(NATS_ERR_JETSTREAM_NOT_ENABLED, nats_account_info(none, &out, E));
  close_js(none, other);
  close_js(js, nc);
}

TEST("c-jetstream-03", "a publish is stored, once by its id, and only when what it expects is so") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  uint64_t sequence = 0;
  nats_doc *ack = NULL;
  nats_headers *headers = NULL;
  do_js(js, nats_stream_create, STREAM);
  EXPECT_INT(store(js, "s.a", "one"), 1);
  nats_str id = S("{\"msg_id\":\"m\"}");
  for (int i = 0; i < 2; ++i) {
    int32_t duplicate = -1;
    OK(nats_jetstream_publish(js, S("s.a"), NULL, B("two"), id, &sequence, &ack, E));
    EXPECT_INT(sequence, 2);
    expect_str(ack, "stream", "S");
    if (i) {
      OK(nats_doc_get_bool(ack, S("duplicate"), &duplicate, E));
      EXPECT_INT(duplicate, 1);
    }
    OK(nats_doc_free(ack));
  }
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE,
        nats_jetstream_publish(js, S("s.a"), NULL, B("x"), S("{\"expected_last_sequence\":7}"),
                               NULL, NULL, E));
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Own"), S("kept"), E));
  OK(nats_jetstream_publish(js, S("s.h"), headers, B("x"), S("{\"expected_last_sequence\":2}"),
                            &sequence, NULL, E));
  OK(nats_headers_free(headers));
  nats_doc *got = ask_js(js, nats_stream_get_message, "{\"stream\":\"S\",\"seq\":3}");
  expect_str(got, "hdrs.Own.0", "kept");
  OK(nats_doc_free(got));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_publish(js, S("nobody"), NULL, B("x"), S("{\"retries\":0}"), NULL, NULL, E));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_publish(js, S("s.a"), NULL, B("x"), S("{\"msgid\":\"x\"}"), NULL, NULL, E));
  SAYS("msg_id");
  FAILS(NATS_ERR_INVALID_SUBJECT,
        nats_jetstream_publish(js, S("s..a"), NULL, B("x"), NONE, NULL, NULL, E));
  close_js(js, nc);
}

TEST("c-jetstream-04", "messages are fetched; what is said of them decides whether they come again") {
  enum { CAP = 10 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[CAP];
  nats_metadata about;
  size_t count = 99;
  char text[16];
  do_js(js, nats_stream_create, STREAM);
  do_js(js, nats_consumer_create, WORKER);
  for (int i = 1; i <= 12; ++i) {
    snprintf(text, sizeof text, "%d", i);
    store(js, "s.n", text);
  }
  OK(nats_jetstream_fetch(js, S("S"), S("worker"), NONE, msgs, CAP, &count, E));
  EXPECT_INT(count, CAP);
  EXPECT_TEXT(as_text(nats_msg_payload(msgs[9])), "10");
  OK(nats_msg_metadata(msgs[9], &about, E));
  EXPECT_TEXT(about.stream, "S");
  EXPECT_TEXT(about.consumer, "worker");
  EXPECT_INT(about.domain.len, 0);
  EXPECT(about.stream_sequence == 10 && about.consumer_sequence == 10 && about.delivered == 1);
  EXPECT(about.pending == 2 && about.timestamp_ns > 1700000000000000000);
  OK(nats_msg_in_progress(msgs[0], E));
  OK(nats_msg_nak(msgs[0], 0, E));
  OK(nats_msg_nak(msgs[1], 100, E));
  OK(nats_msg_term(msgs[2], S("never"), E));
  OK(nats_jetstream_ack_sync(js, msgs[3], WAIT_MS, E));
  OK(nats_msg_ack(msgs[4], E));
  OK(nats_msgs_ack(msgs + 5, CAP - 5, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_ack(msgs[4], E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msg_in_progress(msgs[2], E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_jetstream_ack_sync(js, msgs[0], WAIT_MS, E));
  FAILS(NATS_ERR_ALREADY_ACKED, nats_msgs_ack(msgs, CAP, E));
  SAYS("message 0");
  OK(nats_msgs_free(msgs, count));
  /* Two that are left, and two again. */
  for (int left = 4; left > 0; left -= (int)count) {
    OK(nats_jetstream_fetch(js, S("S"), S("worker"), NONE, msgs, 1, &count, E));
    EXPECT_INT(count, 1);
    OK(nats_jetstream_ack_sync(js, msgs[0], WAIT_MS, E));
    OK(nats_msg_free(msgs[0]));
  }
  nats_doc *info = ask_js(js, nats_consumer_info, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  expect_int(info, "num_ack_pending", 0);
  OK(nats_doc_free(info));
  OK(nats_jetstream_fetch(js, S("S"), S("worker"), S("{\"no_wait\":true}"), msgs, CAP, &count, E));
  EXPECT_INT(count, 0);
  close_js(js, nc);
}

TEST("c-jetstream-05", "messages that are not from JetStream, consumers that are not there") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[2] = {NULL, NULL};
  nats_metadata about;
  size_t count = 0;
  nats_subscription *sub = listen_to(nc, "plain", NULL);
  send_text(nc, "plain", "x");
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_metadata(msg, &about, E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_msg_ack(msg, E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_jetstream_ack_sync(js, msg, WAIT_MS, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_msg_ack(NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_nak(msg, -1, E));
  OK(nats_msgs_ack(msgs, 2, E)); /* NULL elements */
  OK(nats_msgs_ack(NULL, 0, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msgs_ack(NULL, 1, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  do_js(js, nats_stream_create, STREAM);
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(js, S("S"), S("none"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_fetch(js, S("S"), S("a b"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(js, S("S"), S("c"), NONE, msgs, 0, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(js, S("S"), S("c"), NONE, NULL, 2, &count, E));
  FAILS(NATS_ERR_INVALID_OPTION, nats_jetstream_fetch(js, S("S"), S("c"), S("{\"max_messages\":0}"),
                                                      msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info((nats_jetstream *)nc, &(nats_doc *){NULL}, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_publish((nats_connection *)js, S("a"), B(""), E));
  nats_jetstream *gone = js;
  close_js(js, nc);
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_jetstream_fetch(gone, S("S"), S("c"), NONE, msgs, 2, &count, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_account_info(gone, &(nats_doc *){NULL}, E));
  EXPECT_INT(nats_jetstream_free(gone), NATS_ERR_INVALID_HANDLE);
  EXPECT_INT(nats_jetstream_free(NULL), NATS_OK);
}

TEST("c-jetstream-06", "consumers by documents, and operations on a queue") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  do_js(js, nats_stream_create, STREAM);
  OK(nats_queue_new(&queue, E));
  OK(nats_consumer_create_async(js, S(WORKER), queue, 7, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 7 && event.status == NATS_OK);
  expect_str(event.value, "name", "worker");
  OK(nats_doc_free(event.value));
  OK(nats_consumer_info_async(js, S("{\"stream\":\"S\",\"consumer\":\"x\"}"), queue, 8, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_ERR_CONSUMER_NOT_FOUND);
  EXPECT_INT(nats_error_api_err_code(event.value), 10014);
  OK(nats_error_free(event.value));
  OK(nats_queue_free(queue));
  do_js(js, nats_consumer_update,
        "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\",\"description\":\"d\"}}");
  refuse_js(js, nats_consumer_create, WORKER, NATS_ERR_CONSUMER_EXISTS);
  do_js(js, nats_consumer_create_or_update,
        "{\"stream\":\"S\",\"config\":{\"name\":\"other\",\"inactive_threshold\":60000000000}}");
  nats_doc *names = ask_js(js, nats_consumer_names, "{\"stream\":\"S\"}");
  size_t len = 0;
  OK(nats_doc_len(names, S("consumers"), &len, E));
  EXPECT_INT(len, 2);
  OK(nats_doc_free(names));
  nats_doc *paused = ask_js(js, nats_consumer_pause,
                            "{\"stream\":\"S\",\"consumer\":\"worker\","
                            "\"pause_until\":\"2100-01-01T00:00:00Z\"}");
  int32_t is_paused = 0;
  OK(nats_doc_get_bool(paused, S("paused"), &is_paused, E));
  EXPECT_INT(is_paused, 1);
  OK(nats_doc_free(paused));
  do_js(js, nats_consumer_resume, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  do_js(js, nats_consumer_reset, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  do_js(js, nats_consumer_delete, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  nats_doc *list = ask_js(js, nats_consumer_list, "{\"stream\":\"S\"}");
  expect_str(list, "consumers.0.name", "other");
  OK(nats_doc_free(list));
  close_js(js, nc);
}

static void publish_numbers(nats_jetstream *js, int first, int last) {
  char text[16];
  for (int i = first; i <= last; ++i) {
    snprintf(text, sizeof text, "%d", i);
    store(js, "s.n", text);
  }
}

/* Messages of a consumer of the stream S, to be read. */
static nats_subscription *consume(nats_jetstream *js, const char *consumer, const char *options) {
  nats_subscription *sub = NULL;
  OK(nats_jetstream_consume(js, S("S"), S(consumer), S(options), NULL, NULL, NULL, &sub, E));
  return sub;
}

static struct latch handled = LATCH;

static void acknowledge(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_ack(msg, E));
  OK(nats_msg_free(msg));
  latch_add(&handled);
}

TEST("c-jetstream-07", "messages without end: read, awaited on a queue, by a callback, drained, stopped") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_subscription *sub;
  nats_msg *msgs[8];
  size_t count;
  do_js(js, nats_stream_create, STREAM);
  do_js(js, nats_consumer_create, WORKER);
  publish_numbers(js, 1, 20);
  sub = consume(js, "worker", "{\"max_messages\":5}");
  for (int taken = 0; taken < 20; taken += (int)count) {
    OK(nats_subscription_take(sub, msgs, 8, WAIT_MS, &count, E));
    EXPECT(count <= 5);
    OK(nats_msgs_ack(msgs, count, E));
    OK(nats_msgs_free(msgs, count));
  }
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, 0, msgs, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_subscription_unsubscribe_after(sub, 3, E));

  nats_queue *queue;
  nats_event event;
  OK(nats_queue_new(&queue, E));
  OK(nats_subscription_watch(sub, queue, 7, E));
  publish_numbers(js, 21, 21);
  do {
    OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
    EXPECT(count == 1 && event.kind == NATS_EVENT_READY && event.token == 7);
  } while (nats_subscription_next(sub, 0, msgs, NULL));
  EXPECT_TEXT(as_text(nats_msg_payload(msgs[0])), "21");
  OK(nats_msg_ack(msgs[0], E));
  OK(nats_msg_free(msgs[0]));
  OK(nats_queue_free(queue));
  OK(nats_subscription_unsubscribe(sub, E));
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, nats_subscription_next(sub, WAIT_MS, msgs, E));
  OK(nats_subscription_free(sub));

  OK(nats_jetstream_consume(js, S("S"), S("worker"), NONE, acknowledge, NULL, NULL, &sub, E));
  publish_numbers(js, 22, 40);
  EXPECT(latch_wait(&handled, 19, WAIT_MS));
  OK(nats_subscription_drain(sub, WAIT_MS, E));
  OK(nats_subscription_free(sub));
  nats_doc *info = ask_js(js, nats_consumer_info, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  expect_int(info, "num_ack_pending", 0);
  expect_int(info, "ack_floor.stream_seq", 40);
  OK(nats_doc_free(info));

  sub = consume(js, "worker", "");
  do_js(js, nats_consumer_delete, "{\"stream\":\"S\",\"consumer\":\"worker\"}");
  FAILS(NATS_ERR_CONSUMER_NOT_FOUND, nats_subscription_next(sub, WAIT_MS, msgs, E));
  OK(nats_subscription_free(sub));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_consume(js, S("a.b"), S("c"), NONE, NULL, NULL, NULL, &sub, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_consume(js, S("S"), S("c"), NONE, NULL, NULL, NULL, NULL, E));
  SAYS("out");
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_consume(js, S("S"), S("c"), S("{\"batch\":1}"), NULL, NULL, NULL, &sub, E));
  close_js(js, nc);
}

/* Publishes the numbers from `first` to `last` under themselves as tokens. */
static void publish_tokens(nats_publisher *publisher, uint64_t first, uint64_t last) {
  for (uint64_t i = first; i <= last; ++i)
    OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), NONE, i, E));
}

static void expect_stored(const nats_outcome *outcome, uint64_t token, uint64_t sequence) {
  EXPECT(outcome->token == token && outcome->sequence == sequence);
  EXPECT(outcome->status == NATS_OK && outcome->error == NULL && !outcome->duplicate);
}

static _Atomic uint64_t told;

static void note_outcomes(nats_publisher *publisher, const nats_outcome *outcomes, size_t count,
                          void *user) {
  (void)publisher;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_INT(outcomes[i].status, NATS_OK);
    atomic_fetch_add(&told, outcomes[i].token);
    latch_add(user);
  }
}

TEST("c-jetstream-08", "publishing without waiting: outcomes read, awaited on a queue, by a callback; all awaited") {
  enum { CAP = 100 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_publisher *publisher;
  nats_outcome outcomes[CAP];
  size_t count, in_flight;
  do_js(js, nats_stream_create, STREAM);
  OK(nats_publisher_new(js, S("{\"window\":64}"), NULL, NULL, NULL, &publisher, E));
  publish_tokens(publisher, 1, 50);
  for (uint64_t known = 0; known < 50; known += count) {
    OK(nats_publisher_take(publisher, outcomes, CAP, WAIT_MS, &count, E));
    for (size_t i = 0; i < count; ++i)
      expect_stored(&outcomes[i], known + i + 1, known + i + 1);
  }
  FAILS(NATS_ERR_TIMEOUT, nats_publisher_take(publisher, outcomes, CAP, 0, &count, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publisher_take(publisher, outcomes, 0, 0, &count, E));

  /* The same message twice, and one that is not stored. */
  for (int i = 0; i < 2; ++i)
    OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), S("{\"msg_id\":\"one\"}"), 7, E));
  OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), S("{\"expected_stream\":\"T\"}"), 8, E));
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  OK(nats_publisher_in_flight(publisher, &in_flight, E));
  EXPECT_INT(in_flight, 0);
  OK(nats_publisher_take(publisher, outcomes, CAP, 0, &count, E));
  EXPECT_INT(count, 3);
  expect_stored(&outcomes[0], 7, 51);
  EXPECT(outcomes[1].token == 7 && outcomes[1].sequence == 51 && outcomes[1].duplicate == 1);
  EXPECT(outcomes[2].token == 8 && outcomes[2].sequence == 0);
  EXPECT_INT(outcomes[2].status, NATS_ERR_JETSTREAM);
  EXPECT_INT(nats_error_api_err_code(outcomes[2].error), 10060);
  OK(nats_error_free(outcomes[2].error));

  /* Nobody wants to know, unless it fails. */
  for (int i = 0; i < 1000; ++i)
    OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), NONE, NATS_NO_TOKEN, E));
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  OK(nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), S("{\"expected_stream\":\"T\"}"),
                            NATS_NO_TOKEN, E));
  FAILS(NATS_ERR_JETSTREAM, nats_publisher_complete(publisher, WAIT_MS, E));
  SAYS("1 messages were not stored");

  nats_queue *queue;
  nats_event event;
  OK(nats_queue_new(&queue, E));
  OK(nats_publisher_watch(publisher, queue, 5, E));
  publish_tokens(publisher, 1, 1);
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.kind == NATS_EVENT_READY && event.token == 5);
  OK(nats_publisher_take(publisher, outcomes, CAP, WAIT_MS, &count, E));
  expect_stored(&outcomes[0], 1, 1052);
  OK(nats_publisher_complete_async(publisher, WAIT_MS, queue, 6, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 6 && event.status == NATS_OK);
  OK(nats_queue_free(queue));

  /* Outcomes that are not taken take room. */
  publish_tokens(publisher, 1, 64);
  FAILS(NATS_ERR_PUBLISHER_STALLED,
        nats_publisher_publish(publisher, S("s.n"), NULL, B("x"), NONE, 65, E));
  OK(nats_publisher_free(publisher));

  struct latch called = LATCH, gone = LATCH;
  OK(nats_publisher_new(js, NONE, note_outcomes, &called, NULL, &publisher, E));
  publish_tokens(publisher, 1, 100);
  EXPECT(latch_wait(&called, 100, WAIT_MS));
  EXPECT_INT(atomic_load(&told), 5050);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_publisher_take(publisher, outcomes, CAP, 0, &count, E));
  OK(nats_publisher_free(publisher));
  OK(nats_publisher_new(js, NONE, note_outcomes, &gone, latch_destroy_hook, &publisher, E));
  OK(nats_publisher_free(publisher));
  EXPECT(latch_wait(&gone, 1, WAIT_MS));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_publisher_new(js, S("{\"window\":0}"), NULL, NULL, NULL, &publisher, E));
  close_js(js, nc);
}

static nats_batch *batch_of(nats_jetstream *js, const char *options) {
  nats_batch *batch = NULL;
  OK(nats_batch_new(js, S(options), &batch, E));
  return batch;
}

static nats_status add(nats_batch *batch, const char *subject, const char *options) {
  return nats_batch_add(batch, S(subject), NULL, B("x"), S(options), E);
}

TEST("c-jetstream-09", "batches: stored together or not at all, and stored as they come") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_batch *batch;
  nats_doc *doc;
  do_js(js, nats_stream_create,
        "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"allow_atomic\":true,\"allow_batched\":true}");
  batch = batch_of(js, "{\"ack_every\":3}");
  for (int i = 0; i < 9; ++i) OK(add(batch, "s.a", ""));
  FAILS(NATS_ERR_INVALID_SUBJECT, add(batch, "s..a", ""));
  doc = ask_js(js, nats_stream_info, "{\"stream\":\"S\"}");
  expect_int(doc, "state.messages", 0);
  OK(nats_doc_free(doc));
  OK(nats_batch_commit(batch, S("s.a"), NULL, B("x"), NONE, &doc, E));
  expect_int(doc, "seq", 10);
  expect_int(doc, "count", 10);
  OK(nats_doc_free(doc));
  FAILS(NATS_ERR_BATCH_OVER, add(batch, "s.a", ""));
  FAILS(NATS_ERR_BATCH_OVER, nats_batch_close(batch, NULL, E));
  OK(nats_batch_free(batch));

  batch = batch_of(js, "");
  OK(add(batch, "s.a", "{\"expected_last_sequence\":3}"));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, nats_batch_close(batch, NULL, E));
  OK(nats_batch_free(batch));

  batch = batch_of(js, "{\"kind\":\"fast\",\"flow\":10}");
  for (int i = 0; i < 100; ++i) OK(add(batch, "s.b", ""));
  OK(nats_batch_state(batch, &doc, E));
  expect_str(doc, "kind", "fast");
  expect_int(doc, "added", 100);
  OK(nats_doc_free(doc));
  OK(nats_batch_close(batch, &doc, E));
  expect_int(doc, "seq", 110);
  expect_int(doc, "count", 100);
  OK(nats_doc_free(doc));
  OK(nats_batch_free(batch));

  /* A message that is refused ends it. */
  batch = batch_of(js, "{\"kind\":\"fast\"}");
  OK(add(batch, "s.b", ""));
  OK(add(batch, "s.b", "{\"expected_stream\":\"T\"}"));
  FAILS(NATS_ERR_BATCH_OVER, nats_batch_close(batch, NULL, E));
  SAYS("1 of 2");
  OK(nats_batch_free(batch));
  FAILS(NATS_ERR_INVALID_OPTION, nats_batch_new(js, S("{\"kind\":\"slow\"}"), &batch, E));
  SAYS("\"atomic\", \"fast\"");
  close_js(js, nc);
}
