/* Buckets: made and removed; keys changed and read. */
#include <time.h>

#include "kv.h"

static nats_status try_bind(nats_jetstream *js, const char *bucket) {
  nats_kv *kv = NULL;
  return nats_kv_bind(js, S(bucket), NONE, &kv, E);
}

/* The buckets that a listing names, each behind a blank. */
static void expect_buckets(nats_doc *doc, const char *member, const char *expected) {
  char all[256] = "", path[64];
  size_t len = 0;
  OK(nats_doc_len(doc, S("buckets"), &len, E));
  for (size_t i = 0; i < len; ++i) {
    nats_str name = NONE;
    snprintf(path, sizeof path, "buckets.%zu%s", i, member);
    OK(nats_doc_get_str(doc, S(path), &name, E));
    snprintf(all + strlen(all), sizeof all - strlen(all), " %.*s", (int)name.len, name.ptr);
  }
  EXPECT_TEXT(as_text(B(all)), expected);
  OK(nats_doc_free(doc));
}

TEST("kv-01", "buckets are made, found, changed, listed and deleted") {
  struct place at = start_place();
  nats_doc *doc = NULL;
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_bind(at.js, "b"));
  refuse_js(at.js, nats_kv_bucket_status, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(at.js, nats_kv_bucket_delete, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(at.js, nats_kv_bucket_update, BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  do_js(at.js, nats_kv_bucket_create, BUCKET);
  do_js(at.js, nats_kv_bucket_create, BUCKET);
  refuse_js(at.js, nats_kv_bucket_create, J({"bucket":"b","storage":"memory","history":3}),
            NATS_ERR_BUCKET_EXISTS);
  do_js(at.js, nats_kv_bucket_update, J({"bucket":"b","storage":"memory","history":3}));
  nats_kv *kv = bind_with(at.js, "b", NULL);
  put(kv, "k", "v");
  doc = ask_js(at.js, nats_kv_bucket_status, THE_BUCKET);
  expect_int(doc, "history", 3);
  expect_int(doc, "values", 1);
  expect_bool(doc, "aggregate", false);
  expect_str(doc, "stream.config.name", "KV_b");
  OK(nats_doc_free(doc));
  do_js(at.js, nats_kv_bucket_create_or_update, J({"bucket":"c","storage":"memory"}));
  do_js(at.js, nats_stream_create, J({"name":"PLAIN","subjects":["plain"]}));
  OK(nats_kv_bucket_names(at.js, &doc, E));
  expect_buckets(doc, "", " b c");
  OK(nats_kv_bucket_list(at.js, &doc, E));
  expect_buckets(doc, ".bucket", " b c");
  do_js(at.js, nats_kv_bucket_delete, THE_BUCKET);
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_get(kv, "k"));
  FAILS(NATS_ERR_NO_RESPONDERS, try_put(kv, "k", ""));
  OK(nats_kv_free(kv));
  leave(at);
}

struct refused {
  const char *config, *member;
};

TEST("kv-02", "names and configurations that make no sense are refused, and nothing is sent") {
  static const char *const NAMES[] = {"", "a.b", "a b", "*", ">", "\xc3\xa4", "a\r\nb"};
  static const char *const ESCAPED[] = {"", "a.b", "a b", "*", ">", "\xc3\xa4", "a\\r\\nb"};
  static const struct refused REFUSED[] = {
      {J({"bucket":"b","history":65}), "history"},
      {J({"bucket":"b","history":0}), "history"},
      {J({"bucket":"b","limit_marker_ttl":500000000}), "limit_marker_ttl"},
      {J({"bucket":"b","aggregate":true}), "aggregate"},
  };
  struct place at = start_place();
  uint64_t before = sent(at.nc);
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; ++i) {
    char input[64];
    snprintf(input, sizeof input, "{\"bucket\":\"%s\"}", ESCAPED[i]);
    refuse_js(at.js, nats_kv_bucket_create, input, NATS_ERR_INVALID_NAME);
    refuse_js(at.js, nats_kv_bucket_delete, input, NATS_ERR_INVALID_NAME);
    FAILS(NATS_ERR_INVALID_NAME, try_bind(at.js, NAMES[i]));
  }
  for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; ++i) {
    refuse_js(at.js, nats_kv_bucket_create, REFUSED[i].config, NATS_ERR_INVALID_ARGUMENT);
    SAYS(REFUSED[i].member);
  }
  refuse_js(at.js, nats_kv_bucket_create, J({"bucket":"b","hist":1}), NATS_ERR_INVALID_JSON);
  SAYS("hist");
  refuse_js(at.js, nats_kv_bucket_status, J({"name":"b"}), NATS_ERR_INVALID_JSON);
  EXPECT_INT(sent(at.nc), before);
  leave(at);
}

TEST("kv-03", "all that a bucket can be like reaches its stream, and is told by its status") {
  struct place at = start_place();
  nats_kv *kv = make_bucket(
      at.js,
      J({"bucket":"b","description":"what for","history":7,"ttl":60000000000,
         "max_value_size":1000,"max_bytes":1048576,"compression":true,
         "republish":{"src":"$KV.b.>","dest":"copies.>"},"metadata":{"owner":"me"}}));
  nats_doc *status = ask_js(at.js, nats_kv_bucket_status, THE_BUCKET);
  expect_str(status, "description", "what for");
  expect_int(status, "history", 7);
  expect_int(status, "ttl", 60000000000);
  expect_int(status, "max_value_size", 1000);
  expect_int(status, "max_bytes", 1048576);
  expect_bool(status, "compression", true);
  expect_str(status, "storage", "file");
  expect_str(status, "republish.dest", "copies.>");
  expect_str(status, "metadata.owner", "me");
  expect_str(status, "stream.config.subjects.0", "$KV.b.>");
  expect_int(status, "stream.config.max_msgs_per_subject", 7);
  expect_int(status, "stream.config.max_age", 60000000000);
  expect_int(status, "stream.config.duplicate_window", 60000000000);
  expect_int(status, "stream.config.max_msg_size", 1000);
  expect_str(status, "stream.config.discard", "new");
  expect_str(status, "stream.config.compression", "s2");
  expect_bool(status, "stream.config.allow_direct", true);
  expect_bool(status, "stream.config.allow_rollup_hdrs", true);
  expect_bool(status, "stream.config.deny_delete", true);
  OK(nats_doc_free(status));
  nats_subscription *copies = listen_to(at.nc, "copies.>", NULL);
  flush(at.nc);
  put(kv, "k", "v");
  nats_msg *copy = receive(copies);
  EXPECT_TEXT(nats_msg_subject(copy), "copies.k");
  OK(nats_msg_free(copy));
  OK(nats_subscription_free(copies));
  OK(nats_kv_free(kv));
  leave(at);
}

TEST("kv-04", "a value comes back to the byte, with key, revision, time and operation") {
  struct shelf b = start_bucket();
  uint64_t revision = 0;
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_get(b.kv, "k"));
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_revision(b.kv, "k", 0));
  EXPECT_INT(put(b.kv, "k", "one"), 1);
  OK(nats_kv_put(b.kv, S("k"), nats_bytes_of("two\r\n", 6), NONE, &revision, E));
  EXPECT_INT(revision, 2);
  nats_msg *msg = got(b.kv, "k");
  nats_kv_entry entry = entry_of(b.kv, msg);
  EXPECT_TEXT(entry.key, "k");
  EXPECT_INT(entry.value.len, 6);
  EXPECT(!memcmp(entry.value.ptr, "two\r\n", 6));
  EXPECT_INT(entry.revision, 2);
  EXPECT_INT(entry.delta, 0);
  EXPECT_INT(entry.operation, NATS_KV_PUT);
  int64_t age = (int64_t)time(NULL) - entry.created_ns / 1000000000;
  EXPECT(age >= -1 && age < 60);
  OK(nats_msg_free(msg));
  put(b.kv, "empty", "");
  HAS(b.kv, "empty", "empty=");
  leave_bucket(b);
}

TEST("c-kv-read", "a message that is none of the bucket's is no entry") {
  struct shelf b = start_bucket();
  nats_kv_entry entry;
  nats_subscription *sub = listen_to(b.at.nc, "elsewhere", NULL);
  send_text(b.at.nc, "elsewhere", "x");
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_PROTOCOL, nats_kv_read(b.kv, msg, &entry, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-05", "a value can be got by its revision, but not by that of another key") {
  struct shelf b = start_bucket();
  put(b.kv, "k", "one");
  put(b.kv, "k", "two");
  put(b.kv, "other", "three");
  TELLS_ENTRY(b.kv, got_revision(b.kv, "k", 1), "k=one");
  TELLS_ENTRY(b.kv, last_of(b.kv, "k"), "k=two");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_revision(b.kv, "other", 1));
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_revision(b.kv, "k", 9));
  leave_bucket(b);
}

TEST("kv-06", "a deleted key has no value and keeps its history; a purged one has none either") {
  struct shelf b = start_bucket();
  put(b.kv, "k", "one");
  put(b.kv, "k", "two");
  EXPECT_INT(delete_key(b.kv, "k"), 3);
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_get(b.kv, "k"));
  nats_msg *marker = last_of(b.kv, "k");
  EXPECT_INT(entry_of(b.kv, marker).revision, 3);
  TELLS_ENTRY(b.kv, marker, "k deleted");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_revision(b.kv, "k", 3));
  TELLS_ENTRY(b.kv, got_revision(b.kv, "k", 1), "k=one");
  EXPECT_INT(purge_key(b.kv, "k"), 4);
  TELLS_ENTRY(b.kv, last_of(b.kv, "k"), "k purged");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_revision(b.kv, "k", 1));
  EXPECT_INT(values(b.at.js), 1);
  leave_bucket(b);
}

TEST("kv-07", "create gives a value to a key that has none, also over a marker") {
  struct shelf b = start_bucket();
  uint64_t revision = 0;
  OK(nats_kv_create(b.kv, S("k"), B("1"), NONE, &revision, E));
  EXPECT_INT(revision, 1);
  FAILS(NATS_ERR_KEY_EXISTS, try_create(b.kv, "k", ""));
  delete_key(b.kv, "k");
  OK(nats_kv_create(b.kv, S("k"), B("3"), NONE, &revision, E));
  EXPECT_INT(revision, 3);
  purge_key(b.kv, "k");
  OK(nats_kv_create(b.kv, S("k"), B("5"), NONE, NULL, E));
  FAILS(NATS_ERR_KEY_EXISTS, try_create(b.kv, "k", ""));
  HAS(b.kv, "k", "k=5");
  leave_bucket(b);
}

TEST("kv-08", "an update wants the revision that the key has") {
  struct shelf b = start_bucket();
  OK(try_put(b.kv, "k", EXPECTING(0)));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, try_put(b.kv, "k", EXPECTING(0)));
  OK(try_put(b.kv, "k", EXPECTING(1)));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, try_put(b.kv, "k", EXPECTING(1)));
  OK(nats_kv_put(b.kv, S("k"), B("3"), S(EXPECTING(2)), NULL, E));
  HAS(b.kv, "k", "k=3");
  FAILS(NATS_ERR_INVALID_OPTION, try_put(b.kv, "k", "{\"expected_rev\":1}"));
  SAYS("expected_revision");
  leave_bucket(b);
}

TEST("kv-09", "so do delete and purge that expect one") {
  struct shelf b = start_bucket();
  put(b.kv, "k", "1");
  put(b.kv, "k", "2");
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, nats_kv_delete(b.kv, S("k"), S(EXPECTING(1)), NULL, E));
  OK(nats_kv_delete(b.kv, S("k"), S(EXPECTING(2)), NULL, E));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, nats_kv_purge(b.kv, S("k"), S(EXPECTING(2)), NULL, E));
  OK(nats_kv_purge(b.kv, S("k"), S(EXPECTING(3)), NULL, E));
  EXPECT_INT(values(b.at.js), 1);
  leave_bucket(b);
}

static int32_t keep(const nats_kv_entry *entry, nats_bytes *value, void *user) {
  (void)entry, (void)value, (void)user;
  return 0;
}

TEST("kv-10", "keys that are none are refused, and nothing is sent") {
  static const char *const BAD[] = {"",  ".",    "a.",       ".a",      "a..b", "a b",
                                    "*", "a.>", "\xc3\xa4", "a\r\nb"};
  struct shelf b = start_bucket();
  uint64_t before = sent(b.at.nc);
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; ++i) {
    nats_str keys[] = {S("a"), S(BAD[i])};
    nats_msg *msgs[2];
    nats_fetched *fetched = NULL;
    FAILS(NATS_ERR_INVALID_NAME, try_put(b.kv, BAD[i], ""));
    FAILS(NATS_ERR_INVALID_NAME, try_get(b.kv, BAD[i]));
    FAILS(NATS_ERR_INVALID_NAME, try_revision(b.kv, BAD[i], 1));
    FAILS(NATS_ERR_INVALID_NAME, try_create(b.kv, BAD[i], ""));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_delete(b.kv, keys[1], NONE, NULL, E));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_purge(b.kv, keys[1], NONE, NULL, E));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_modify(b.kv, keys[1], keep, NULL, NULL, E));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_get_many(b.kv, keys, 2, msgs, E));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_history(b.kv, keys[1], &fetched, E));
  }
  EXPECT_INT(sent(b.at.nc), before);
  leave_bucket(b);
}

TEST("kv-11", "a value that is too large for the server or for the bucket is refused") {
  struct shelf b = start_bucket();
  size_t max = 0;
  OK(nats_connection_max_payload(b.at.nc, &max, E));
  char *large = (char *)calloc(max + 1, 1);
  FAILS(NATS_ERR_MAX_PAYLOAD,
        nats_kv_put(b.kv, S("k"), nats_bytes_of(large, max + 1), NONE, NULL, E));
  nats_kv *small =
      make_bucket(b.at.js, J({"bucket":"small","storage":"memory","max_value_size":10}));
  FAILS(NATS_ERR_JETSTREAM, nats_kv_put(small, S("k"), nats_bytes_of(large, 100), NONE, NULL, E));
  EXPECT_INT(put(small, "k", "fits"), 1);
  free(large);
  OK(nats_kv_free(small));
  leave_bucket(b);
}
