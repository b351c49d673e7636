/* Connections and servers that go while objects are put and read. */
#include "objects.h"

#define QUICK "{\"reconnect_delay_max_ms\":100}"

/* A connection of its own to the bucket, through a proxy. */
struct through {
  struct remote proxy;
  nats_connection *nc;
  nats_jetstream *js;
  nats_object_store *objects;
};

static struct through go_through(struct remote proxy) {
  struct through by = {.proxy = proxy, .nc = dial(proxy.url, QUICK)};
  OK(nats_jetstream_new(by.nc, NONE, &by.js, E));
  by.objects = bind_bucket(by.js, "b");
  return by;
}

static void leave_through(struct through by) {
  OK(nats_object_store_free(by.objects));
  close_js(by.js, by.nc);
}

static void cut_after(struct remote proxy, const char *direction, int count) {
  tell(proxy, "cut_after", "\"direction\":\"%s\",\"count\":%d,\"cut\":\"rst\"", direction, count);
}

TEST("object-41", "a put that loses its connection is taken back") {
  static const int AFTER[] = {100000, 1000000, 3000000};
  struct bucket at = start_bucket();
  uint8_t *bytes = content(4000000);
  put(at.objects, "x", "old");
  struct remote proxy = proxy_start(at.server);
  for (int i = 0; i < 3; ++i) {
    struct through by = go_through(proxy);
    cut_after(proxy, "to_server", AFTER[i]);
    FAILS(NATS_ERR_CONNECTION_LOST,
          nats_object_put(by.objects, S("x"), NONE, nats_bytes_of(bytes, 4000000), NONE, NULL, E));
    settles(at.js, 2);
    leave_through(by);
  }
  expect_object(at.objects, "x", "old");
  free(bytes);
  leave_bucket(at);
}

TEST("object-42", "a get goes on over a lost connection") {
  static const int AFTER[] = {100000, 2000000, 5000000};
  struct bucket at = start_bucket();
  uint64_t size = 0;
  put_sized(at.objects, "x", 0, 8000000);
  struct through by = go_through(proxy_start(at.server));
  for (int i = 0; i < 3; ++i) {
    cut_after(by.proxy, "to_client", AFTER[i]);
    expect_sized(by.objects, "x", 8000000);
  }
  nats_object_reader *reader = reader_of(by.objects, "x", "{\"timeout_ms\":100}");
  tell(by.proxy, "black_hole", "\"direction\":\"to_client\"");
  FAILS(NATS_ERR_TIMEOUT, read_on(reader, &size));
  tell(by.proxy, "cut_now", "\"cut\":\"rst\"");
  tell(by.proxy, "resume", NULL);
  leave_through(by);
  leave_bucket(at);
}

static void read_rest(nats_object_reader *reader, const uint8_t *bytes, size_t size, size_t done) {
  nats_msg *msg = NULL;
  for (;;) {
    OK(nats_object_reader_next(reader, &msg, E));
    if (!msg) break;
    nats_bytes chunk = nats_msg_payload(msg);
    EXPECT(done + chunk.len <= size && !memcmp(chunk.ptr, bytes + done, chunk.len));
    done += chunk.len;
    OK(nats_msg_free(msg));
  }
  EXPECT_INT(done, size);
}

/* Amid a get of x and a put of y `trouble` happens: what was got is right, what was put is whole, or
 * nothing is left of it. */
static void survives(struct bucket at, void (*trouble)(struct bucket)) {
  enum { SIZE = 8000000, HALF = 1000000 };
  uint8_t *bytes = content(SIZE);
  nats_msg *msg = NULL;
  nats_error *err = NULL;
  put_sized(at.objects, "x", 0, SIZE);
  nats_object_reader *reader = reader_of(at.objects, "x", "");
  OK(nats_object_reader_next(reader, &msg, E));
  size_t done = nats_msg_payload(msg).len;
  OK(nats_msg_free(msg));
  nats_object_writer *writer = writer_of(at.objects, "y", "", "{\"timeout_ms\":2000}");
  write_bytes(writer, bytes, HALF);
  trouble(at);
  read_rest(reader, bytes, SIZE, done);
  OK(nats_object_reader_free(reader));
  nats_status put = nats_object_writer_write(writer, nats_bytes_of(bytes + HALF, HALF), &err);
  if (put == NATS_OK) put = nats_object_writer_finish(writer, NULL, &err);
  if (err) OK(nats_error_free(err));
  OK(nats_object_writer_free(writer));
  settles(at.js, put ? 63 : 63 + 17);
  if (put == NATS_OK) {
    expect_sized(at.objects, "y", 2 * HALF);
  } else {
    FAILS(NATS_ERR_OBJECT_NOT_FOUND, try_get(at.objects, "y", ""));
  }
  free(bytes);
}

static void start_again(struct bucket at) {
  tell(at.server, "kill", NULL);
  tell(at.server, "restart", NULL);
}

TEST("object-43", "a restart of the server amid a get and a put") {
  struct bucket at = bucket_on(server_start("jetstream", NULL), THE_BUCKET);
  survives(at, start_again);
  leave_bucket(at);
}

static bool has_leader(nats_doc *status, const void *about) {
  nats_str leader = NONE;
  nats_error *err = NULL;
  (void)about;
  nats_doc_get_str(status, S("stream.cluster.leader"), &leader, &err);
  nats_error_free(err);
  return leader.len > 0;
}

static void change_leader(struct bucket at) {
  do_js(at.js, nats_stream_leader_stepdown, J({"stream":"OBJ_b"}));
  OK(nats_doc_free(
      until_js(at.js, nats_object_store_status, THE_BUCKET, has_leader, NULL)));
}

TEST("object-44", "a change of the leader amid a get and a put") {
  struct bucket at = bucket_on(server_start("cluster-jetstream", NULL),
                               J({"bucket":"b","storage":"memory","num_replicas":3}));
  survives(at, change_leader);
  leave_bucket(at);
}
