/* JetStream: streams in folders. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <unistd.h>

#include "js.h"

static char folder[64];

static const char *in_folder(const char *format) {
  static char text[256];
  snprintf(text, sizeof text, format, folder);
  return text;
}

static void forget_folder(void) {
  unlink(in_folder("%s/backup.json"));
  unlink(in_folder("%s/stream.tar.s2"));
  unlink(in_folder("%s/stream.tar.s2.part"));
  rmdir(folder);
}

static void new_folder(void) {
  if (*folder) forget_folder();
  else atexit(forget_folder);
  strcpy(folder, "/tmp/nats-ffi-c-XXXXXX");
  EXPECT(mkdtemp(folder) != NULL);
}

static off_t size_of(const char *format) {
  struct stat told;
  return stat(in_folder(format), &told) ? -1 : told.st_size;
}

/* A stream of messages that do not compress, and a consumer. */
static void fill(nats_jetstream *js, int messages) {
  uint64_t state = 88172645463325252u;
  uint8_t payload[2000];
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s.>"]}));
  for (int i = 0; i < messages; ++i) {
    for (size_t k = 0; k < sizeof payload; ++k) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      payload[k] = (uint8_t)state;
    }
    OK(nats_jetstream_publish(js, S("s.a"), NULL, nats_bytes_of(payload, sizeof payload), NONE, NULL,
                              NULL, E));
  }
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
}

struct seen {
  uint64_t calls, bytes, chunks;
  struct remote proxy;
  uint64_t cut_at;
};

static void see(uint64_t bytes, uint64_t chunks, void *user) {
  struct seen *seen = user;
  EXPECT(bytes > seen->bytes && chunks > seen->chunks);
  ++seen->calls;
  seen->bytes = bytes;
  seen->chunks = chunks;
  if (seen->calls == seen->cut_at) tell(seen->proxy, "cut_now", NULL);
}

#define BACKUP "{\"stream\":\"S\",\"folder\":\"%s\",\"chunk_size\":16384"
#define WINDOWED BACKUP ",\"window_size\":65536}"

/* How the stream goes into the folder; older servers cannot be told how much may be under way. */
static const char *backup(nats_connection *nc) {
  return in_folder(is_at_least(nc, 2, 14) ? WINDOWED : BACKUP "}");
}

TEST("js-manage-47", "a stream goes into a folder and comes back") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  struct seen seen = {0};
  nats_doc *done = NULL;
  fill(js, 500);
  new_folder();
  if (!NEEDS(nc, 2, 14, "window_size",
             nats_stream_backup_watched(js, S(in_folder(WINDOWED)), see,
                                        &seen, &done, E))) {
    OK(nats_stream_backup_watched(js, S(backup(nc)), see, &seen, &done, E));
  }
  expect_int(done, "state.messages", 500);
  expect_str(done, "config.name", "S");
  expect_int(done, "bytes", (int64_t)seen.bytes);
  expect_int(done, "chunks", (int64_t)seen.calls);
  EXPECT(seen.bytes > 1000000 && seen.calls > 50);
  EXPECT_INT(size_of("%s/stream.tar.s2"), seen.bytes);
  EXPECT(size_of("%s/backup.json") > 100);
  OK(nats_doc_free(done));
  refuse_js(js, nats_stream_backup, backup(nc), NATS_ERR_INVALID_ARGUMENT);
  do_js(js, nats_stream_delete, J({"stream":"S"}));
  uint64_t bytes = seen.bytes;
  seen = (struct seen){0};
  OK(nats_stream_restore_watched(js, S(in_folder("{\"folder\":\"%s\"}")), see, &seen, &done, E));
  expect_int(done, "state.messages", 500);
  EXPECT(seen.calls > 1 && seen.bytes == bytes);
  OK(nats_doc_free(done));
  do_js(js, nats_consumer_info, J({"stream":"S","consumer":"c"}));

  /* The same on a queue, without a function that is told. */
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  new_folder();
  OK(nats_queue_new(&queue, E));
  OK(nats_stream_backup_async(js, S(backup(nc)), queue, 7, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 7 && event.status == NATS_OK);
  expect_int(event.value, "state.messages", 500);
  OK(nats_doc_free(event.value));
  do_js(js, nats_stream_delete, J({"stream":"S"}));
  OK(nats_stream_restore_async(js, S(in_folder("{\"folder\":\"%s\"}")), queue, 8, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 8 && event.status == NATS_OK);
  expect_int(event.value, "state.messages", 500);
  OK(nats_doc_free(event.value));
  OK(nats_queue_free(queue));
  close_js(js, nc);
}

TEST("js-manage-48", "what is not a whole snapshot is not restored") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  const char *restore = "{\"folder\":\"%s\"}";
  fill(js, 50);
  new_folder();
  refuse_js(js, nats_stream_restore, in_folder(restore), NATS_ERR_IO);
  SAYS("backup.json");
  do_js(js, nats_stream_backup, backup(nc));
  refuse_js(js, nats_stream_restore, in_folder(restore), NATS_ERR_JETSTREAM);
  do_js(js, nats_stream_delete, J({"stream":"S"}));
  off_t size = size_of("%s/stream.tar.s2");
  EXPECT_INT(truncate(in_folder("%s/stream.tar.s2"), size / 2), 0);
  refuse_js(js, nats_stream_restore, in_folder(restore), NATS_ERR_JETSTREAM);
  EXPECT_INT(truncate(in_folder("%s/stream.tar.s2"), 0), 0);
  refuse_js(js, nats_stream_restore, in_folder(restore), NATS_ERR_JETSTREAM);
  refuse_js(js, nats_stream_info, J({"stream":"S"}), NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(js, nats_stream_restore, in_folder("{\"folder\":\"%s\",\"config\":{\"name\":\"T\"}}"),
            NATS_ERR_INVALID_ARGUMENT);
  EXPECT_INT(truncate(in_folder("%s/backup.json"), 10), 0);
  refuse_js(js, nats_stream_restore, in_folder(restore), NATS_ERR_INVALID_JSON);
  close_js(js, nc);
}

TEST("js-manage-49", "a backup that is interrupted leaves nothing that looks like one") {
  struct remote server = server_start("jetstream", NULL);
  struct seen seen = {0};
  nats_connection *direct, *nc;
  nats_jetstream *js = open_js(server.url, &direct);
  nats_doc *done = NULL;
  fill(js, 500);
  close_js(js, direct);
  seen.proxy = proxy_start(server);
  seen.cut_at = 3;
  js = open_js(seen.proxy.url, &nc);
  new_folder();
  /* Others have more under way than the stream has: there is no middle to cut it in. */
  NEEDS_FAILS(NATS_ERR_CONNECTION_LOST, nc, 2, 14, "window_size",
              nats_stream_backup_watched(js, S(in_folder(WINDOWED)), see, &seen, &done, E));
  EXPECT_INT(size_of("%s/stream.tar.s2"), -1);
  EXPECT_INT(size_of("%s/stream.tar.s2.part"), -1);
  EXPECT_INT(size_of("%s/backup.json"), -1);
  OK(nats_doc_free(until_js(js, nats_stream_info, J({"stream":"S"}), is_there, NULL)));
  do_js(js, nats_stream_backup, backup(nc));
  EXPECT(size_of("%s/stream.tar.s2") > 1000000);
  close_js(js, nc);
}
