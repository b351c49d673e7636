/* JetStream on a queue: publishing and fetching without waiting; metadata of a reply subject. */
#include "js.h"

enum { PUBLISH = 1, FETCH };

static nats_event next_event(nats_queue *queue) {
  nats_event event = {0};
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.kind, NATS_EVENT_COMPLETION);
  return event;
}

static void fetch_later(nats_jetstream *js, const char *options, nats_queue *queue,
                        uint64_t token) {
  OK(nats_jetstream_fetch_async(js, S("S"), S("worker"), S(options), queue, token, E));
}

static void publish_later(nats_jetstream *js, const char *options, nats_queue *queue) {
  OK(nats_jetstream_publish_async(js, S("s.a"), NULL, B("x"), S(options), queue, PUBLISH, E));
}

TEST("c-jetstream-async-01", "publishing and fetching complete on a queue") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name" : "S", "subjects" : ["s.>"], "storage" : "memory"}));
  do_js(js, nats_consumer_create, J({"stream" : "S", "config" : {"durable_name" : "worker"}}));
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  fetch_later(js, "{\"max_messages\":3}", queue, FETCH);
  for (int i = 0; i < 3; ++i) publish_later(js, "", queue);
  nats_fetched *fetched = NULL;
  for (int i = 0; i < 4; ++i) {
    nats_event event = next_event(queue);
    EXPECT_INT(event.status, NATS_OK);
    if (event.token == FETCH) {
      fetched = (nats_fetched *)event.value;
    } else {
      expect_str((nats_doc *)event.value, "stream", "S");
      OK(nats_doc_free((nats_doc *)event.value));
    }
  }
  nats_msg *msgs[8];
  size_t count = 0;
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_fetched_take(fetched, msgs, 0, &count, E));
  OK(nats_fetched_take(fetched, msgs, 2, &count, E));
  EXPECT_INT(count, 2);
  OK(nats_msgs_ack(msgs, 2, E));
  OK(nats_msgs_free(msgs, 2));
  OK(nats_fetched_take(fetched, msgs, 8, &count, E));
  EXPECT_INT(count, 1);
  OK(nats_msgs_free(msgs, 1));
  OK(nats_fetched_take(fetched, msgs, 8, &count, E));
  EXPECT_INT(count, 0);
  OK(nats_fetched_free(fetched));

  /* What was not taken is freed with the list. */
  publish_later(js, "", queue);
  OK(nats_doc_free((nats_doc *)next_event(queue).value));
  fetch_later(js, "{\"no_wait\":true}", queue, FETCH);
  nats_event event = next_event(queue);
  EXPECT_INT(event.token, FETCH);
  OK(nats_fetched_free((nats_fetched *)event.value));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_fetched_free((nats_fetched *)event.value));

  publish_later(js, "{\"expected_stream\":\"T\"}", queue);
  event = next_event(queue);
  EXPECT_INT(event.status, NATS_ERR_JETSTREAM);
  EXPECT_INT(nats_error_api_err_code((nats_error *)event.value), 10060);
  OK(nats_error_free((nats_error *)event.value));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jetstream_publish_async(js, S("s.a"), NULL, B("x"), S("{\"x\":1}"), queue, PUBLISH,
                                     E));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_fetch_async(js, S("a b"), S("c"), NONE, queue, PUBLISH, E));
  fetch_later(js, "", queue, FETCH);
  OK(nats_queue_cancel(queue, FETCH, E));
  event = next_event(queue);
  EXPECT_INT(event.status, NATS_ERR_CANCELLED);
  OK(nats_error_free((nats_error *)event.value));
  OK(nats_queue_free(queue));
  close_js(js, nc);
}

TEST("c-jetstream-async-02", "metadata of a reply subject in both forms") {
  nats_metadata told;
  OK(nats_metadata_parse(S("$JS.ACK.S.C.2.10.5.1700000000000000001.7"), &told, E));
  EXPECT_TEXT(told.stream, "S");
  EXPECT_INT(told.stream_sequence, 10);
  OK(nats_metadata_parse(S("$JS.ACK.hub.HASH.S.C.2.10.5.1700000000000000001.7.x"), &told, E));
  EXPECT_TEXT(told.domain, "hub");
  EXPECT_TEXT(told.consumer, "C");
  EXPECT_INT(told.timestamp_ns, 1700000000000000001);
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_metadata_parse(S("_INBOX.x"), &told, E));
  FAILS(NATS_ERR_NOT_JETSTREAM, nats_metadata_parse(NONE, &told, E));
}
