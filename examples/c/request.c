/* Asks the service of reply.c and prints the answer: request [URL] */
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

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_msg *answer = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);

  /* With nobody listening this ends at once with NATS_ERR_NO_RESPONDERS. */
  must(nats_request(nc, NATS_STR("service.upper"), nats_bytes_of("hello", 5), 2000, &answer, &err),
       &err);
  nats_bytes payload = nats_msg_payload(answer);
  printf("%.*s\n", (int)payload.len, (const char *)payload.ptr);

  nats_msg_free(answer);
  nats_connection_free(nc);
  return 0;
}
