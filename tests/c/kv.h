/*
 * What the tests of buckets share: a server with JetStream, and on it the bucket b in memory, which
 * keeps five values of a key.
 */
#ifndef KV_H
#define KV_H

#include "stream.h"

#define BUCKET J({"bucket":"b","storage":"memory","history":5})
#define THE_BUCKET J({"bucket":"b"})
#define EXPECTING(revision) "{\"expected_revision\":" #revision "}"

/* A bucket with its server. */
struct shelf {
  struct place at;
  nats_kv *kv;
};

static inline nats_kv *bind_with(nats_jetstream *js, const char *bucket, const char *options) {
  nats_kv *kv = NULL;
  OK(nats_kv_bind(js, S(bucket), S(options), &kv, E));
  return kv;
}

/* Makes a bucket. */
static inline nats_kv *make_bucket(nats_jetstream *js, const char *config) {
  nats_doc *status = ask_js(js, nats_kv_bucket_create, config);
  char bucket[64];
  nats_str name = NONE;
  OK(nats_doc_get_str(status, S("bucket"), &name, E));
  snprintf(bucket, sizeof bucket, "%.*s", (int)name.len, name.ptr);
  OK(nats_doc_free(status));
  return bind_with(js, bucket, NULL);
}

static inline struct shelf start_bucket(void) {
  struct shelf shelf = {.at = start_place()};
  shelf.kv = make_bucket(shelf.at.js, BUCKET);
  return shelf;
}

/* The same with a connection whose events are heard. */
static inline struct shelf start_heard_bucket(struct events *events) {
  struct shelf shelf = {.at = start_heard(events)};
  shelf.kv = make_bucket(shelf.at.js, BUCKET);
  return shelf;
}

static inline void leave_bucket(struct shelf shelf) {
  OK(nats_kv_free(shelf.kv));
  leave(shelf.at);
}

/* How many messages the connection has sent. */
static inline uint64_t sent(nats_connection *nc) {
  nats_stats stats;
  OK(nats_connection_stats(nc, &stats, E));
  return stats.out_messages;
}

/* How many values and markers b has. */
static inline int64_t values(nats_jetstream *js) {
  return number_js(js, nats_kv_bucket_status, THE_BUCKET, "values");
}

/* ---- Keys ---- */

static inline uint64_t put(nats_kv *kv, const char *key, const char *value) {
  uint64_t revision = 0;
  OK(nats_kv_put(kv, S(key), B(value), NONE, &revision, E));
  return revision;
}

static inline nats_status try_put(nats_kv *kv, const char *key, const char *options) {
  return nats_kv_put(kv, S(key), B("tried"), S(options), NULL, E);
}

static inline nats_status try_create(nats_kv *kv, const char *key, const char *options) {
  return nats_kv_create(kv, S(key), B("made"), S(options), NULL, E);
}

static inline nats_status try_get(nats_kv *kv, const char *key) {
  nats_msg *msg = NULL;
  return nats_kv_get(kv, S(key), &msg, E);
}

/* Gives a key a value, however often it takes; it may be there twice then. */
static inline uint64_t put_surely(nats_kv *kv, const char *key, const char *value) {
  uint64_t revision = 0;
  nats_error *err = NULL;
  int64_t end = now_ms() + 3 * WAIT_MS;
  while (nats_kv_put(kv, S(key), B(value), NONE, &revision, &err)) {
    OK(nats_error_free(err));
    EXPECT(now_ms() < end);
  }
  return revision;
}

static inline uint64_t delete_key(nats_kv *kv, const char *key) {
  uint64_t revision = 0;
  OK(nats_kv_delete(kv, S(key), NONE, &revision, E));
  return revision;
}

static inline uint64_t purge_key(nats_kv *kv, const char *key) {
  uint64_t revision = 0;
  OK(nats_kv_purge(kv, S(key), NONE, &revision, E));
  return revision;
}

static inline nats_kv_entry entry_of(nats_kv *kv, nats_msg *msg) {
  nats_kv_entry entry;
  OK(nats_kv_read(kv, msg, &entry, E));
  return entry;
}

/* An entry in short: "key=value", "key deleted", "key purged", or "-" behind all that there was. */
static inline void in_short(nats_kv *kv, nats_msg *msg, char out[256]) {
  nats_kv_entry entry = entry_of(kv, msg);
  int key = (int)entry.key.len, value = (int)entry.value.len;
  switch (entry.operation) {
    case NATS_KV_PUT:
      snprintf(out, 256, "%.*s=%.*s", key, entry.key.ptr, value, (const char *)entry.value.ptr);
      break;
    case NATS_KV_DELETE: snprintf(out, 256, "%.*s deleted", key, entry.key.ptr); break;
    case NATS_KV_PURGE: snprintf(out, 256, "%.*s purged", key, entry.key.ptr); break;
    default: snprintf(out, 256, "-");
  }
}

/* The message tells this entry; frees it. */
#define TELLS_ENTRY(kv, msg, expected) tells_entry(__FILE__, __LINE__, (kv), (msg), (expected))

static inline void tells_entry(const char *file, int line, nats_kv *kv, nats_msg *msg,
                               const char *expected) {
  char told[256];
  in_short(kv, msg, told);
  check_text(file, line, "the entry", as_text(B(told)), expected);
  OK(nats_msg_free(msg));
}

/* The key has this value, in short as above. */
#define HAS(kv, key, expected) tells_entry(__FILE__, __LINE__, (kv), got((kv), (key)), (expected))

static inline nats_msg *got(nats_kv *kv, const char *key) {
  nats_msg *msg = NULL;
  OK(nats_kv_get(kv, S(key), &msg, E));
  return msg;
}

/* What was done to the key last, be it that it was deleted. */
static inline nats_msg *last_of(nats_kv *kv, const char *key) {
  nats_msg *msg = NULL;
  OK(nats_kv_get_revision(kv, S(key), 0, &msg, E));
  return msg;
}

static inline nats_msg *got_revision(nats_kv *kv, const char *key, uint64_t revision) {
  nats_msg *msg = NULL;
  OK(nats_kv_get_revision(kv, S(key), revision, &msg, E));
  return msg;
}

static inline nats_status try_revision(nats_kv *kv, const char *key, uint64_t revision) {
  nats_msg *msg = NULL;
  return nats_kv_get_revision(kv, S(key), revision, &msg, E);
}

/* ---- What there is ---- */

static inline void has_keys(nats_kv *kv, const char *options, const char *expected) {
  nats_doc *keys = NULL;
  nats_str json = NONE;
  OK(nats_kv_keys(kv, S(options), &keys, E));
  OK(nats_doc_json(keys, &json, E));
  EXPECT_TEXT(json, expected);
  OK(nats_doc_free(keys));
}

/* The entries of a list, in short, each behind a blank; frees the list. */
static inline void lists(nats_kv *kv, nats_fetched *fetched, const char *expected) {
  char all[1024] = "", one[256];
  nats_msg *msg = NULL;
  size_t count = 1;
  for (;;) {
    OK(nats_fetched_take(fetched, &msg, 1, &count, E));
    if (count == 0) break;
    in_short(kv, msg, one);
    OK(nats_msg_free(msg));
    snprintf(all + strlen(all), sizeof all - strlen(all), " %s", one);
  }
  EXPECT_TEXT(as_text(B(all)), expected);
  OK(nats_fetched_free(fetched));
}

static inline void has_history(nats_kv *kv, const char *key, const char *expected) {
  nats_fetched *fetched = NULL;
  OK(nats_kv_history(kv, S(key), &fetched, E));
  lists(kv, fetched, expected);
}

/* ---- Watches ---- */

static inline nats_subscription *watch(nats_kv *kv, const char *options) {
  nats_subscription *sub = NULL;
  OK(nats_kv_watch(kv, S(options), NULL, NULL, NULL, &sub, E));
  return sub;
}

static inline nats_status try_watch(nats_kv *kv, const char *options) {
  nats_subscription *sub = NULL;
  return nats_kv_watch(kv, S(options), NULL, NULL, NULL, &sub, E);
}

/* The watch tells these entries next, in short as above. */
#define TOLD(kv, sub, ...)                                                                \
  tells(__FILE__, __LINE__, (kv), (sub), (const char *const[]){__VA_ARGS__, NULL})

static inline void tells(const char *file, int line, nats_kv *kv, nats_subscription *sub,
                         const char *const *expected) {
  for (; *expected; ++expected) tells_entry(file, line, kv, receive(sub), *expected);
}

/* Takes entries until this one comes. */
static inline void told_until(nats_kv *kv, nats_subscription *sub, const char *wanted) {
  char told[256] = "";
  while (strcmp(told, wanted)) {
    nats_msg *msg = receive(sub);
    in_short(kv, msg, told);
    OK(nats_msg_free(msg));
  }
}

#endif
