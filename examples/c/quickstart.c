#include <nats_ffi.h>
#include <stdio.h>

static int fail(nats_error *err) {
  fprintf(stderr, "%.*s\n", (int)nats_error_text(err).len, nats_error_text(err).ptr);
  return nats_error_free(err), 1;
}

int main(int argc, char **argv) {
  nats_str url = nats_zstr(argc > 1 ? argv[1] : "nats://127.0.0.1:4222");
  // [quickstart]
  nats_connection *nc; nats_subscription *sub; nats_msg *msg; nats_error *err;
  if (nats_connect(url, NULL, &nc, &err) ||
      nats_subscribe_with(nc, NATS_STR("greet.*"), NATS_STR(""), NULL, NULL, NULL, &sub, &err) ||
      nats_publish(nc, NATS_STR("greet.joe"), nats_bytes_of("hello", 5), &err) ||
      nats_subscription_next(sub, 2000, &msg, &err)) return fail(err);
  nats_bytes payload = nats_msg_payload(msg);
  printf("%.*s: %.*s\n", (int)nats_msg_subject(msg).len, nats_msg_subject(msg).ptr,
         (int)payload.len, (const char *)payload.ptr);
  nats_msg_free(msg), nats_subscription_free(sub);
  return nats_connection_drain(nc, 2000, &err) ? fail(err) : 0;
  // [/quickstart]
}
