/* What goes wrong with objects. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "object_files.h"

enum { CHUNKS = 5, SIZE = 45 };

/* What the five chunks of an object become: their numbers in order; ~: shortened, !: changed. */
static const char *const HARMS[] = {"1234",  "0134",   "0123",   "",       "011234",
                                    "012344", "10234", "012344!", "0~1234"};

static void write_harmed(struct bucket at, const char *harm) {
  char nuid[64], subject[96], input[160];
  uint8_t *bytes = content(SIZE);
  put_sized(at.objects, "x", 10, SIZE);
  text_of_object(at.js, "x", "nuid", nuid);
  snprintf(subject, sizeof subject, "$O.b.C.%s", nuid);
  snprintf(input, sizeof input, "{\"stream\":\"OBJ_b\",\"filter\":\"%s\"}", subject);
  do_js(at.js, nats_stream_purge, input);
  for (const char *number = harm; *number; ++number) {
    if (*number == '~' || *number == '!') continue;
    size_t from = (size_t)(*number - '0') * 10, size = from == 40 ? 5 : 10;
    if (number[1] == '~') --size;
    if (number[1] == '!') bytes[from] ^= 1;
    OK(nats_jetstream_publish(at.js, S(subject), NULL, nats_bytes_of(bytes + from, size), NONE,
                              NULL, NULL, E));
  }
  free(bytes);
}

TEST("object-32", "chunks that are not those that were put are noticed") {
  struct bucket at = start_bucket();
  struct folder folder = folder_new();
  uint64_t size = 0;
  for (size_t i = 0; i < sizeof HARMS / sizeof *HARMS; ++i) {
    write_harmed(at, HARMS[i]);
    FAILS(NATS_ERR_DIGEST_MISMATCH, try_get(at.objects, "x", ""));
    FAILS(NATS_ERR_DIGEST_MISMATCH,
          nats_object_get_file(at.objects, S("x"), S(path_in(&folder, "file")), NONE, NULL, NULL,
                               NULL, E));
    EXPECT_INT(folder_count(&folder), 0);
    FAILS(NATS_ERR_DIGEST_MISMATCH, read_on(reader_of(at.objects, "x", ""), &size));
    EXPECT(size < SIZE);
  }
  write_harmed(at, "01234");
  expect_sized(at.objects, "x", SIZE);
  folder_free(&folder);
  leave_bucket(at);
}

static void note_wrongly(struct bucket at, const char *member, const char *value) {
  nats_msg *msg = NULL;
  nats_doc *doc = NULL;
  nats_str text = NONE;
  put_sized(at.objects, "x", 10, SIZE);
  OK(nats_jetstream_get(at.js, S(J({"stream":"OBJ_b","last_by_subj":"$O.b.M.eA=="})), &msg, E));
  OK(nats_doc_parse(as_text(nats_msg_payload(msg)), &doc, E));
  OK(nats_doc_set_json(doc, S(member), S(value), E));
  OK(nats_doc_json(doc, &text, E));
  OK(nats_jetstream_publish(at.js, S("$O.b.M.eA=="), NULL, nats_bytes_of(text.ptr, text.len), NONE,
                            NULL, NULL, E));
  OK(nats_doc_free(doc));
  OK(nats_msg_free(msg));
}

TEST("object-33", "what was noted wrongly is noticed") {
  static const char *const WRONG[][2] = {
      {"digest", "\"SHA-512=abc\""},
      {"digest", "\"SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=\""},
      {"digest", "\"\""},
      {"size", "46"},
      {"size", "18446744073709551615"}};
  struct bucket at = start_bucket();
  for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; ++i) {
    note_wrongly(at, WRONG[i][0], WRONG[i][1]);
    FAILS(NATS_ERR_DIGEST_MISMATCH, try_get(at.objects, "x", ""));
  }
  static const char *const NONE_AT_ALL[] = {"", "{", "[]", "{\"size\":\"x\"}", "{\"nuid\":\"*\"}"};
  for (size_t i = 0; i < sizeof NONE_AT_ALL / sizeof *NONE_AT_ALL; ++i) {
    store(at.js, "$O.b.M.YQ==", NONE_AT_ALL[i]);
    refuse_js(at.js, nats_object_info, of("a", ""), NATS_ERR_PROTOCOL);
    refuse_js(at.js, nats_object_list, THE_BUCKET, NATS_ERR_PROTOCOL);
    FAILS(NATS_ERR_PROTOCOL, try_get(at.objects, "a", ""));
  }
  leave_bucket(at);
}

TEST("object-34", "what is replaced or deleted while it is read is no mixture") {
  struct bucket at = start_bucket();
  uint64_t size = 0;
  for (int i = 0; i < 2; ++i) {
    nats_msg *msg = NULL;
    put_sized(at.objects, "x", 1000, 2000000);
    nats_object_reader *reader = reader_of(at.objects, "x", "");
    OK(nats_object_reader_next(reader, &msg, E));
    OK(nats_msg_free(msg));
    if (i) {
      do_js(at.js, nats_object_delete, of("x", ""));
    } else {
      put(at.objects, "x", "other");
    }
    FAILS(NATS_ERR_OBJECT_CHANGED, read_on(reader, &size));
  }
  leave_bucket(at);
}

TEST("object-35", "an object is out of sight until it is finished") {
  struct bucket at = start_bucket();
  uint8_t *next = content(300);
  put_sized(at.objects, "x", 1000, 100500);
  nats_object_writer *writer = writer_of(at.objects, "x", chunked(100), "");
  nats_object_writer *unseen = writer_of(at.objects, "y", chunked(100), "");
  write_bytes(writer, next, 300);
  write_bytes(unseen, next, 300);
  OK(nats_connection_flush(at.nc, WAIT_MS, E));
  expect_sized(at.objects, "x", 100500);
  FAILS(NATS_ERR_OBJECT_NOT_FOUND, try_get(at.objects, "y", ""));
  nats_doc *list = ask_js(at.js, nats_object_list, THE_BUCKET);
  expect_len(list, "objects", 1);
  OK(nats_doc_free(list));
  settles(at.js, 102 + 6);
  OK(nats_object_writer_finish(writer, NULL, E));
  expect_sized(at.objects, "x", 300);
  EXPECT_INT(kept(at.js), 4 + 3);
  OK(nats_object_writer_finish(unseen, NULL, E));
  expect_sized(at.objects, "y", 300);
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_object_writer_finish(writer, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_object_writer_write(writer, B("x"), E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_object_writer_abort(writer, E));
  OK(nats_object_writer_free(writer));
  OK(nats_object_writer_free(unseen));
  free(next);
  leave_bucket(at);
}

TEST("object-36", "a put that is given up leaves nothing, and what was there stays") {
  struct bucket at = start_bucket();
  uint8_t *bytes = content(100500);
  put(at.objects, "x", "old");
  nats_object_writer *writer = writer_of(at.objects, "x", chunked(1000), "");
  write_bytes(writer, bytes, 100500);
  OK(nats_object_writer_abort(writer, E));
  EXPECT_INT(kept(at.js), 2);
  OK(nats_object_writer_free(writer));
  writer = writer_of(at.objects, "x", chunked(1000), "");
  write_bytes(writer, bytes, 100500);
  OK(nats_object_writer_free(writer));
  settles(at.js, 2);
  expect_object(at.objects, "x", "old");
  free(bytes);
  leave_bucket(at);
}

#define DENYING                                                            \
  "authorization { users: [{user: all, password: x}\\n"                     \
  " {user: none, password: x, permissions: {publish: {deny: \\\"$O.b.C.>\\\"}}}\\n" \
  " {user: meta, password: x, permissions: {publish: {deny: \\\"$O.b.M.>\\\"}}}] }\\n"  \
  "no_auth_user: all"

TEST("object-37", "a bucket that is full, and subjects that are denied") {
  struct bucket at = bucket_on(server_start("jetstream", DENYING),
                               J({"bucket":"b","storage":"memory","max_bytes":400000}));
  uint8_t *bytes = content(600000);
  static const char *const USERS[] = {"{\"user\":\"none\",\"password\":\"x\"}",
                                      "{\"user\":\"meta\",\"password\":\"x\"}"};
  for (int i = 0; i < 2; ++i) {
    nats_connection *nc = dial(at.server.url, USERS[i]);
    nats_jetstream *js = NULL;
    OK(nats_jetstream_new(nc, NONE, &js, E));
    nats_object_store *theirs = bind_bucket(js, "b");
    FAILS(NATS_ERR_PERMISSION, nats_object_put(theirs, S("x"), NONE, nats_bytes_of(bytes, 300000),
                                               NONE, NULL, E));
    settles(at.js, 0);
    OK(nats_object_store_free(theirs));
    close_js(js, nc);
  }
  FAILS(NATS_ERR_JETSTREAM, nats_object_put(at.objects, S("x"), S(chunked(1000)),
                                            nats_bytes_of(bytes, 600000), NONE, NULL, E));
  settles(at.js, 0);
  put_sized(at.objects, "x", 1000, 50000);
  free(bytes);
  leave_bucket(at);
}

struct change {
  const char *path;
  long size;
};

static void change_file(uint64_t bytes, uint64_t total, void *user) {
  const struct change *change = (const struct change *)user;
  (void)total;
  if (bytes == 131072) EXPECT(truncate(change->path, change->size) == 0);
}

TEST("object-38", "a file whose size changes while it is put is not put") {
  static const long SIZES[] = {200000, 1000000};
  struct bucket at = start_bucket();
  struct folder folder = folder_new();
  for (int i = 0; i < 2; ++i) {
    folder_write(&folder, "file", 500000);
    struct change change = {path_in(&folder, "file"), SIZES[i]};
    FAILS(NATS_ERR_IO, nats_object_put_file(at.objects, S("x"), NONE, S(change.path), NONE,
                                            change_file, &change, NULL, E));
    EXPECT_INT(kept(at.js), 0);
  }
  FAILS(NATS_ERR_IO, nats_object_put_file(at.objects, S("x"), NONE, S(folder.path), NONE, NULL,
                                          NULL, NULL, E));
  folder_free(&folder);
  leave_bucket(at);
}

/* May write no more than this into a file. */
CHILD(get_into_full) {
  char url[128], path[128];
  nats_connection *nc = NULL;
  nats_jetstream *js = NULL;
  nats_object_store *objects = NULL;
  struct rlimit most = {1000000, 1000000};
  if (argc < 1 || sscanf(argv[argc - 1], "%127s %127s", url, path) != 2) return 10;
  signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &most)) return 11;
  if (nats_connect(S(url), NULL, &nc, NULL)) return 12;
  if (nats_jetstream_new(nc, NONE, &js, NULL)) return 13;
  if (nats_object_store_bind(js, S("b"), &objects, NULL)) return 14;
  nats_status status =
      nats_object_get_file(objects, S("x"), S(path), NONE, NULL, NULL, NULL, NULL);
  nats_object_store_free(objects);
  nats_jetstream_free(js);
  nats_connection_free(nc);
  return status == NATS_ERR_IO ? 0 : 15;
}

TEST("object-39", "a disk that is full has no part of the object") {
  struct bucket at = start_bucket();
  struct folder folder = folder_new();
  char argument[600];
  uint8_t *old = content(3);
  put_sized(at.objects, "x", 0, 3000000);
  folder_write(&folder, "file", 3);
  snprintf(argument, sizeof argument, "%s %s", at.server.url, path_in(&folder, "file"));
  EXPECT_INT(child_run("get_into_full", argument), 0);
  EXPECT(file_is(path_in(&folder, "file"), old, 3));
  EXPECT_INT(folder_count(&folder), 1);
  free(old);
  folder_free(&folder);
  leave_bucket(at);
}

struct putting {
  nats_object_store *objects;
  uint8_t number;
};

static void *put_ten(void *user) {
  const struct putting *putting = (const struct putting *)user;
  uint8_t bytes[5010];
  memset(bytes, putting->number, sizeof bytes);
  for (size_t round = 0; round < 10; ++round) {
    OK(nats_object_put(putting->objects, S("x"), S("{\"options\":{\"max_chunk_size\":1000}}"),
                       nats_bytes_of(bytes, 5000 + round), NONE, NULL, E));
  }
  return NULL;
}

TEST("object-40", "of objects put at once under one name one is there as a whole") {
  struct bucket at = start_bucket();
  pthread_t threads[4];
  struct putting putting[4];
  for (int i = 0; i < 4; ++i) {
    putting[i] = (struct putting){at.objects, (uint8_t)i};
    EXPECT(pthread_create(&threads[i], NULL, put_ten, &putting[i]) == 0);
  }
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  nats_doc *info = info_of(at.js, "x");
  settles(at.js, int_of(info, "chunks") + 1);
  nats_msg *msg = get(at.objects, "x", "");
  nats_bytes whole = nats_msg_payload(msg);
  expect_int(info, "size", (int64_t)whole.len);
  for (size_t i = 1; i < whole.len; ++i) EXPECT_INT(whole.ptr[i], whole.ptr[0]);
  OK(nats_msg_free(msg));
  OK(nats_doc_free(info));
  leave_bucket(at);
}
