/* Prints the next three messages on updates.>: subscribe [URL] */
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
  nats_str subject = nats_msg_subject(msg);
  nats_bytes payload = nats_msg_payload(msg);
  printf("%.*s: %.*s\n", (int)subject.len, subject.ptr, (int)payload.len,
         (const char *)payload.ptr);
}

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_subscription *sub = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_subscribe_with(nc, NATS_STR("updates.>"), NATS_STR("{\"max_messages\":3}"), NULL, NULL,
                           NULL, &sub, &err),
       &err);
  must(nats_connection_flush(nc, 5000, &err), &err);
  printf("subscribed\n");
  fflush(stdout);

  for (;;) {
    nats_msg *msg = NULL;
    nats_status status = nats_subscription_next(sub, 60000, &msg, &err);
    if (status == NATS_ERR_SUBSCRIPTION_ENDED) break;
    must(status, &err);
    print(msg);
    nats_msg_free(msg);
  }
  nats_error_free(err);
  nats_subscription_free(sub);
  nats_connection_free(nc);
  return 0;
}
