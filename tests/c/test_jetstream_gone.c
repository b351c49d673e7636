/* Consumers, streams, servers and connections that go while messages are fetched. */
#include "jetstream.h"

struct fetch {
  pthread_t thread;
  nats_jetstream *js;
  nats_status status;
};

static void *fetching(void *user) {
  struct fetch *fetch = user;
  nats_msg *msg = NULL;
  size_t count = 0;
  nats_str options = S("{\"expires_ms\":30000,\"heartbeat_ms\":300}");
  fetch->status =
      nats_jetstream_fetch(fetch->js, S("S"), S("worker"), options, &msg, 1, &count, NULL);
  return NULL;
}

/* Begins to fetch, and returns when the server has noted it. */
static void fetch_begin(struct fetch *fetch, struct rig *rig) {
  int64_t waiting = 0;
  *fetch = (struct fetch){.js = rig->js, .status = NATS_OK};
  pthread_create(&fetch->thread, NULL, fetching, fetch);
  while (waiting == 0) {
    nats_doc *info = NULL;
    OK(nats_consumer_info(rig->js, S(THE_WORKER), &info, E));
    OK(nats_doc_get_int(info, S("num_waiting"), &waiting, E));
    OK(nats_doc_free(info));
  }
}

static nats_status fetch_end(struct fetch *fetch) {
  pthread_join(fetch->thread, NULL);
  return fetch->status;
}

TEST("js-fault-22", "the consumer is deleted while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_msg *msg = NULL;
  size_t count = 0;
  fetch_begin(&fetch, &rig);
  done(rig.js, nats_consumer_delete, THE_WORKER);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONSUMER_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, E));
  rig_free(&rig);
}

TEST("js-fault-23", "the stream is deleted while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  fetch_begin(&fetch, &rig);
  done(rig.js, nats_stream_delete, "{\"stream\":\"S\"}");
  nats_status status = fetch_end(&fetch);
  EXPECT(status == NATS_ERR_STREAM_NOT_FOUND || status == NATS_ERR_CONSUMER_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "s.a", "x", ONCE, E));
  rig_free(&rig);
}

TEST("js-fault-24", "a stream in memory is gone when its server was killed") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_msg *msg = NULL;
  size_t count = 0;
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  fetch_begin(&fetch, &rig);
  tell(rig.server, "restart", NULL);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_LOST);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  refused(rig.js, nats_stream_info, "{\"stream\":\"S\"}", NATS_ERR_STREAM_NOT_FOUND);
  FAILS(NATS_ERR_NO_RESPONDERS, store(rig.js, "s.a", "x", ONCE, E));
  FAILS(NATS_ERR_NO_RESPONDERS,
        nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, E));
  done(rig.js, nats_stream_create, STREAM);
  OK(store(rig.js, "s.a", "x", "", E));
  rig_free(&rig);
}

TEST("js-fault-25", "the connection is lost, or closed, while messages are fetched") {
  struct rig rig = filled();
  struct fetch fetch;
  nats_doc *out = NULL;
  fetch_begin(&fetch, &rig);
  OK(nats_connection_force_reconnect(rig.nc, E));
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_LOST);
  OK(nats_connection_flush(rig.nc, WAIT_MS, E));
  fetch_begin(&fetch, &rig);
  OK(nats_connection_close(rig.nc, E));
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_CONNECTION_CLOSED);
  FAILS(NATS_ERR_CONNECTION_CLOSED, store(rig.js, "s.a", "x", "", E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_account_info(rig.js, &out, E));
  OK(nats_jetstream_free(rig.js));
  OK(nats_connection_free(rig.nc));
}

TEST("js-fault-26", "a server that is silent is noticed by its heartbeats") {
  struct rig rig = filled();
  struct fetch fetch;
  fetch_begin(&fetch, &rig);
  tell(rig.server, "pause", NULL);
  EXPECT_INT(fetch_end(&fetch), NATS_ERR_HEARTBEAT_MISSED);
  tell(rig.server, "resume", NULL);
  OK(store(rig.js, "s.a", "x", "", E));
  rig_free(&rig);
}

TEST("js-fault-27", "without a quorum calls end in time, and all goes on when it is back") {
  struct rig rig = rig_on(server_start("cluster-jetstream", NULL), "{\"timeout_ms\":3000}");
  nats_msg *msg = NULL;
  size_t count = 0;
  nats_jetstream *patient = js_on(rig.nc, "{\"timeout_ms\":20000}");
  done(patient, nats_stream_create,
       "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"file\",\"num_replicas\":3}");
  done(patient, nats_consumer_create, WORKER);
  OK(nats_jetstream_free(patient));
  for (int node = 1; node <= 2; ++node) tell(rig.server, "kill", "\"node\":%d", node);
  nats_status status = store(rig.js, "s.a", "1", "{\"msg_id\":\"1\"}", NULL);
  EXPECT(status == NATS_ERR_TIMEOUT || status == NATS_ERR_NO_RESPONDERS ||
         status == NATS_ERR_JETSTREAM);
  status = nats_jetstream_fetch(rig.js, S("S"), S("worker"),
                                S("{\"expires_ms\":3000,\"heartbeat_ms\":1000}"), &msg, 1, &count,
                                NULL);
  EXPECT(status != NATS_OK || count == 0);
  for (int node = 1; node <= 2; ++node) tell(rig.server, "restart", "\"node\":%d", node);
  int64_t deadline = now_ms() + 3 * WAIT_MS;
  do {
    status = store(rig.js, "s.a", "1", "{\"msg_id\":\"1\"}", NULL);
  } while (status != NATS_OK && now_ms() < deadline);
  EXPECT_INT(status, NATS_OK);
  do {
    status = nats_jetstream_fetch(rig.js, S("S"), S("worker"), NONE, &msg, 1, &count, NULL);
  } while ((status != NATS_OK || count == 0) && now_ms() < deadline);
  EXPECT(status == NATS_OK && count == 1);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "1");
  OK(nats_msg_free(msg));
  rig_free(&rig);
}
