/* Sends a message with headers and prints what arrives: headers [URL] */
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

static void print(nats_msg *msg) {
  size_t cursor = 0;
  nats_str name, value;
  while (nats_msg_header_next(msg, &cursor, &name, &value)) {
    printf("%.*s: %.*s\n", (int)name.len, name.ptr, (int)value.len, value.ptr);
  }
}

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_subscription *sub = NULL;
  nats_headers *headers = NULL;
  nats_msg *msg = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_subscribe_with(nc, NATS_STR("orders.new"), NATS_STR(""), NULL, NULL, NULL, &sub, &err),
       &err);

  /* A name may come more than once; order and case are kept. */
  must(nats_headers_new(&headers, &err), &err);
  must(nats_headers_append(headers, NATS_STR("Trace-Id"), NATS_STR("4711"), &err), &err);
  must(nats_headers_append(headers, NATS_STR("Tag"), NATS_STR("express"), &err), &err);
  must(nats_headers_append(headers, NATS_STR("Tag"), NATS_STR("gift"), &err), &err);
  must(nats_publish_msg(nc, NATS_STR("orders.new"), NATS_STR(""), headers,
                        nats_bytes_of("a book", 6), &err),
       &err);
  must(nats_subscription_next(sub, 2000, &msg, &err), &err);
  print(msg);

  nats_msg_free(msg);
  nats_headers_free(headers);
  nats_subscription_free(sub);
  nats_connection_free(nc);
  return 0;
}
