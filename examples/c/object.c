/* Puts objects into a bucket and gets them, whole, in part and by files: object [URL] */
#include <inttypes.h>
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>

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

/* An operation; its answer is to be freed. */
typedef nats_status (*operation)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

static nats_doc *run(nats_jetstream *js, operation op, const char *input) {
  nats_error *err = NULL;
  nats_doc *answer = NULL;
  must(op(js, nats_zstr(input), &answer, &err), &err);
  return answer;
}

static nats_str text(nats_doc *doc, const char *path) {
  nats_error *err = NULL;
  nats_str value = {NULL, 0};
  must(nats_doc_get_str(doc, nats_zstr(path), &value, &err), &err);
  return value;
}

/* Gets an object, or a part of it, and prints it behind a word. */
static void show(nats_object_store *store, const char *word, const char *name, const char *range) {
  nats_error *err = NULL;
  nats_msg *msg = NULL;
  must(nats_object_get(store, nats_zstr(name), nats_zstr(range), &msg, NULL, &err), &err);
  nats_bytes bytes = nats_msg_payload(msg);
  printf("%s%.*s\n", word, (int)bytes.len, (const char *)bytes.ptr);
  nats_msg_free(msg);
}

static void progress(uint64_t bytes, uint64_t total, void *user) {
  (void)user;
  printf("%" PRIu64 " of %" PRIu64 " bytes\n", bytes, total);
}

static void write_file(const char *path) {
  FILE *file = fopen(path, "w");
  for (int i = 0; file && i < 200000; ++i) fputc('x', file);
  if (!file || fclose(file)) exit(1);
}

int main(int argc, char **argv) {
  const nats_str none = NATS_STR(""), large = NATS_STR("large"), path = NATS_STR("object.txt");
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_jetstream *js = NULL;
  nats_object_store *store = NULL;
  nats_doc *info = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_jetstream_new(nc, none, &js, &err), &err);
  nats_doc_free(run(js, nats_object_store_create, "{\"bucket\":\"FILES\",\"storage\":\"memory\"}"));
  must(nats_object_store_bind(js, NATS_STR("FILES"), &store, &err), &err);

  must(nats_object_put(store, NATS_STR("letter"), NATS_STR("{\"description\":\"a letter\"}"),
                       nats_bytes_of("Dear all, hello!", 16), none, &info, &err),
       &err);
  nats_str name = text(info, "name"), digest = text(info, "digest");
  printf("%.*s: 16 bytes, %.*s\n", (int)name.len, name.ptr, (int)digest.len, digest.ptr);
  nats_doc_free(info);
  show(store, "", "letter", "");
  show(store, "", "letter", "{\"offset\":10,\"length\":5}");

  write_file("object.txt");
  must(nats_object_put_file(store, large, none, path, none, progress, NULL, NULL, &err), &err);
  must(nats_object_get_file(store, large, path, none, progress, NULL, NULL, &err), &err);
  remove("object.txt");

  nats_doc_free(run(js, nats_object_add_link,
                    "{\"bucket\":\"FILES\",\"name\":\"link\",\"to\":\"letter\"}"));
  show(store, "by the link: ", "link", "");

  nats_doc_free(run(js, nats_object_delete, "{\"bucket\":\"FILES\",\"name\":\"large\"}"));
  nats_doc *list = run(js, nats_object_list, "{\"bucket\":\"FILES\"}");
  size_t count = 0;
  must(nats_doc_len(list, NATS_STR("objects"), &count, &err), &err);
  for (size_t i = 0; i < count; ++i) {
    char member[48];
    snprintf(member, sizeof member, "objects.%zu.name", i);
    name = text(list, member);
    printf("there is %.*s\n", (int)name.len, name.ptr);
  }
  nats_doc_free(list);
  nats_doc_free(run(js, nats_object_store_delete, "{\"bucket\":\"FILES\"}"));
  printf("bucket deleted\n");
  nats_object_store_free(store);
  nats_jetstream_free(js);
  nats_connection_free(nc);
  return 0;
}
