/* Answers requests on service.upper until SIGINT or SIGTERM: reply [URL] */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <nats_ffi.h>
#include <signal.h>
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

/* Runs on a delivery thread, one message at a time; the message is ours to free. */
static void answer(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  nats_bytes in = nats_msg_payload(msg);
  char *out = malloc(in.len + 1);
  if (out) {
    for (size_t i = 0; i < in.len; ++i) out[i] = (char)toupper(in.ptr[i]);
    nats_msg_respond(msg, nats_bytes_of(out, in.len), NULL);
    free(out);
  }
  nats_msg_free(msg);
}

int main(int argc, char **argv) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  /* Blocked before the library starts its threads, so that sigwait below gets the signal. */
  sigprocmask(SIG_BLOCK, &stop, NULL);

  nats_error *err = NULL;
  nats_connection *nc = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_subscribe(nc, NATS_STR("service.upper"), answer, NULL, NULL, NULL, &err), &err);
  must(nats_connection_flush(nc, 5000, &err), &err);
  printf("answering on service.upper\n");
  fflush(stdout);

  int number = 0;
  sigwait(&stop, &number);
  must(nats_connection_drain(nc, 5000, &err), &err);
  nats_connection_free(nc);
  return 0;
}
