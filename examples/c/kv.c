/* Keeps settings in a bucket: put, got, watched, listed and deleted: kv [URL] */
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKET "{\"bucket\":\"settings\",\"storage\":\"memory\",\"history\":5}"

static void must(nats_status status, nats_error **err) {
  if (status == NATS_OK) return;
  nats_str text = nats_error_text(*err);
  fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
  exit(1);
}

static nats_str server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : getenv("NATS_URL");
  return nats_zstr(url ? url : "nats://127.0.0.1:4222");
}

/* Shows the entry that a message tells, and frees the message. */
static void show(const char *how, nats_kv *kv, nats_msg *msg) {
  nats_error *err = NULL;
  nats_kv_entry entry;
  must(nats_kv_read(kv, msg, &entry, &err), &err);
  if (entry.operation == NATS_KV_CAUGHT_UP) {
    printf("%s: this was all\n", how);
  } else if (entry.operation == NATS_KV_PUT) {
    printf("%s: %.*s is %.*s (revision %llu)\n", how, (int)entry.key.len, entry.key.ptr,
           (int)entry.value.len, (const char *)entry.value.ptr, (unsigned long long)entry.revision);
  } else {
    printf("%s: %.*s is deleted\n", how, (int)entry.key.len, entry.key.ptr);
  }
  nats_msg_free(msg);
}

static void show_next(nats_kv *kv, nats_subscription *watch) {
  nats_error *err = NULL;
  nats_msg *msg = NULL;
  must(nats_subscription_next(watch, 10000, &msg, &err), &err);
  show("watched", kv, msg);
}

static void show_keys(nats_kv *kv) {
  nats_error *err = NULL;
  nats_doc *doc = NULL;
  size_t count = 0;
  must(nats_kv_keys(kv, NATS_STR(""), &doc, &err), &err);
  must(nats_doc_len(doc, NATS_STR("keys"), &count, &err), &err);
  printf("keys:");
  for (size_t i = 0; i < count; ++i) {
    char path[32];
    nats_str key;
    snprintf(path, sizeof path, "keys.%zu", i);
    must(nats_doc_get_str(doc, nats_zstr(path), &key, &err), &err);
    printf(" %.*s", (int)key.len, key.ptr);
  }
  printf("\n");
  nats_doc_free(doc);
}

int main(int argc, char **argv) {
  const nats_str color = NATS_STR("color"), none = NATS_STR("");
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_jetstream *js = NULL;
  nats_kv *kv = NULL;
  nats_doc *doc = NULL;
  nats_msg *msg = NULL;
  uint64_t revision = 0;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_jetstream_new(nc, none, &js, &err), &err);
  must(nats_kv_bucket_create(js, nats_zstr(BUCKET), &doc, &err), &err);
  nats_doc_free(doc);
  must(nats_kv_bind(js, NATS_STR("settings"), none, &kv, &err), &err);

  must(nats_kv_put(kv, color, nats_bytes_of("red", 3), none, &revision, &err), &err);
  must(nats_kv_get(kv, color, &msg, &err), &err);
  show("got", kv, msg);
  nats_status again = nats_kv_create(kv, color, nats_bytes_of("blue", 4), none, NULL, NULL);
  nats_str name = nats_status_name(again);
  printf("create: %.*s\n", (int)name.len, name.ptr);

  nats_subscription *watch = NULL;
  must(nats_kv_watch(kv, none, NULL, NULL, NULL, &watch, &err), &err);
  show_next(kv, watch);
  show_next(kv, watch);
  /* Only while nobody else has changed it. */
  char options[64];
  snprintf(options, sizeof options, "{\"expected_revision\":%llu}", (unsigned long long)revision);
  must(nats_kv_put(kv, color, nats_bytes_of("green", 5), nats_zstr(options), NULL, &err), &err);
  show_next(kv, watch);
  nats_subscription_free(watch);

  must(nats_kv_put(kv, NATS_STR("size"), nats_bytes_of("large", 5), none, NULL, &err), &err);
  show_keys(kv);

  must(nats_kv_delete(kv, color, none, NULL, &err), &err);
  nats_fetched *history = NULL;
  size_t count = 0;
  must(nats_kv_history(kv, color, &history, &err), &err);
  while (nats_fetched_take(history, &msg, 1, &count, NULL) == NATS_OK && count) {
    show("history", kv, msg);
  }
  nats_fetched_free(history);

  must(nats_kv_bucket_delete(js, NATS_STR("{\"bucket\":\"settings\"}"), &doc, &err), &err);
  nats_doc_free(doc);
  printf("bucket deleted\n");
  nats_kv_free(kv);
  nats_jetstream_free(js);
  nats_connection_free(nc);
  return 0;
}
