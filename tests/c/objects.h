/* What the tests of objects share: a server with JetStream, and on it the bucket b in memory. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "js.h"

#define THE_BUCKET J({"bucket":"b"})
#define IN_MEMORY J({"bucket":"b","storage":"memory"})

/* The bucket, and the connection to its server. */
struct bucket {
  struct remote server;
  nats_connection *nc;
  nats_jetstream *js;
  nats_object_store *objects;
};

static inline nats_object_store *bind_bucket(nats_jetstream *js, const char *name) {
  nats_object_store *objects = NULL;
  OK(nats_object_store_bind(js, S(name), &objects, E));
  return objects;
}

/* The bucket with this configuration on a server that runs already. */
static inline struct bucket bucket_on(struct remote server, const char *config) {
  struct bucket at = {.server = server};
  at.js = open_js(server.url, &at.nc);
  do_js(at.js, nats_object_store_create, config);
  at.objects = bind_bucket(at.js, "b");
  return at;
}

static inline struct bucket start_bucket(void) {
  return bucket_on(server_start("jetstream", NULL), IN_MEMORY);
}

static inline void leave_bucket(struct bucket at) {
  OK(nats_object_store_free(at.objects));
  close_js(at.js, at.nc);
}

/* Content that tells its place; to be freed. */
static inline uint8_t *content(size_t size) {
  uint8_t *bytes = (uint8_t *)malloc(size + 1);
  for (size_t i = 0; i < size; ++i) bytes[i] = (uint8_t)((i * 31) ^ (i >> 8));
  return bytes;
}

/* What is said of an object in chunks of this size. */
static inline const char *chunked(int size) {
  static char meta[64];
  snprintf(meta, sizeof meta, "{\"options\":{\"max_chunk_size\":%d}}", size);
  return meta;
}

static inline nats_status try_put(nats_object_store *objects, const char *name, const char *text) {
  return nats_object_put(objects, S(name), NONE, B(text), NONE, NULL, E);
}

static inline void put(nats_object_store *objects, const char *name, const char *text) {
  OK(try_put(objects, name, text));
}

/* Puts content of this size in such chunks. */
static inline void put_sized(nats_object_store *objects, const char *name, int chunk, size_t size) {
  uint8_t *bytes = content(size);
  OK(nats_object_put(objects, S(name), S(chunked(chunk)), nats_bytes_of(bytes, size), NONE, NULL,
                     E));
  free(bytes);
}

static inline nats_status try_get(nats_object_store *objects, const char *name,
                                  const char *options) {
  nats_msg *msg = NULL;
  nats_status status = nats_object_get(objects, S(name), S(options), &msg, NULL, E);
  if (msg) nats_msg_free(msg);
  return status;
}

static inline nats_msg *get(nats_object_store *objects, const char *name, const char *options) {
  nats_msg *msg = NULL;
  OK(nats_object_get(objects, S(name), S(options), &msg, NULL, E));
  return msg;
}

static inline void expect_object(nats_object_store *objects, const char *name, const char *text) {
  nats_msg *msg = get(objects, name, "");
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), text);
  OK(nats_msg_free(msg));
}

static inline bool is_content(nats_msg *msg, const uint8_t *bytes, size_t size) {
  nats_bytes payload = nats_msg_payload(msg);
  return payload.len == size && (!size || memcmp(payload.ptr, bytes, size) == 0);
}

/* It is content of this size. */
static inline void expect_sized(nats_object_store *objects, const char *name, size_t size) {
  uint8_t *bytes = content(size);
  nats_msg *msg = get(objects, name, "");
  EXPECT(is_content(msg, bytes, size));
  OK(nats_msg_free(msg));
  free(bytes);
}

/* An operation on one object of b; `more`: further members, each behind a comma. */
static inline const char *of(const char *name, const char *more) {
  static char input[4096];
  snprintf(input, sizeof input, "{\"bucket\":\"b\",\"name\":\"%s\"%s}", name, more);
  return input;
}

static inline nats_doc *info_of(nats_jetstream *js, const char *name) {
  return ask_js(js, nats_object_info, of(name, ""));
}

/* Member `path` of what is known of an object, in `out`. */
static inline void text_of_object(nats_jetstream *js, const char *name, const char *path,
                                  char out[64]) {
  nats_doc *info = info_of(js, name);
  nats_str text = NONE;
  OK(nats_doc_get_str(info, S(path), &text, E));
  snprintf(out, 64, "%.*s", (int)text.len, text.ptr);
  OK(nats_doc_free(info));
}

static inline int64_t revision_of(nats_jetstream *js, const char *name) {
  return number_js(js, nats_object_info, of(name, ""), "revision");
}

/* How many messages the bucket has. */
static inline int64_t kept(nats_jetstream *js) {
  return number_js(js, nats_object_store_status, THE_BUCKET, "stream.state.messages");
}

/* What was not finished is gone, and so many messages are left. */
static inline void settles(nats_jetstream *js, int64_t messages) {
  until_int(js, nats_object_store_status, THE_BUCKET, "stream.state.messages", messages);
}

static inline nats_object_writer *writer_of(nats_object_store *objects, const char *name,
                                            const char *meta, const char *options) {
  nats_object_writer *writer = NULL;
  OK(nats_object_writer_new(objects, S(name), S(meta), S(options), &writer, E));
  return writer;
}

static inline void write_bytes(nats_object_writer *writer, const uint8_t *bytes, size_t size) {
  OK(nats_object_writer_write(writer, nats_bytes_of(bytes, size), E));
}

static inline nats_object_reader *reader_of(nats_object_store *objects, const char *name,
                                            const char *options) {
  nats_object_reader *reader = NULL;
  OK(nats_object_reader_new(objects, S(name), S(options), &reader, E));
  return reader;
}

/* Reads to the end or an error, and frees the reader; `*size`: how much it was. */
static inline nats_status read_on(nats_object_reader *reader, uint64_t *size) {
  nats_msg *msg = NULL;
  nats_status status;
  *size = 0;
  while ((status = nats_object_reader_next(reader, &msg, E)) == NATS_OK && msg) {
    *size += nats_msg_payload(msg).len;
    nats_msg_free(msg);
  }
  nats_object_reader_free(reader);
  return status;
}

#endif
