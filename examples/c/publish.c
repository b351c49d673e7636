/* Publishes three messages and waits until the server has them: publish [URL] */
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);

  const char *updates[] = {"one", "two", "three"};
  for (int i = 0; i < 3; ++i) {
    nats_bytes payload = nats_bytes_of(updates[i], strlen(updates[i]));
    must(nats_publish(nc, NATS_STR("updates.count"), payload, &err), &err);
  }
  /* A publish returns when the message is buffered; a drain when the server has everything. */
  must(nats_connection_drain(nc, 5000, &err), &err);
  nats_connection_free(nc);
  printf("published 3 messages\n");
  return 0;
}
