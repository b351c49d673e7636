/* Uses the installed library from C: connects to NATS_URL, publishes, and gets it back. */
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  nats_connection *nc = NULL;
  nats_subscription *sub = NULL;
  nats_msg *msg = NULL;
  nats_error *err = NULL;
  nats_str subject = NATS_STR("installed.c");
  if (nats_connect(nats_zstr(getenv("NATS_URL")), NULL, &nc, &err) ||
      nats_subscribe_with(nc, subject, NATS_STR(""), NULL, NULL, NULL, &sub, &err) ||
      nats_publish(nc, subject, nats_bytes_of("works", 5), &err) ||
      nats_subscription_next(sub, 5000, &msg, &err) || nats_connection_drain(nc, 5000, &err)) {
    nats_str text = nats_error_text(err);
    fprintf(stderr, "consumer: %.*s\n", (int)text.len, text.ptr);
    return 1;
  }
  nats_bytes payload = nats_msg_payload(msg);
  int same = payload.len == 5 && memcmp(payload.ptr, "works", 5) == 0;
  nats_msg_free(msg);
  nats_subscription_free(sub);
  nats_connection_free(nc);
  puts(same ? "received" : "received something else");
  return same ? 0 : 1;
}
