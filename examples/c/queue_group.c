/* Two members of a queue group share the work, each job going to one of them: queue_group [URL] */
#include <nats_ffi.h>
#include <stdatomic.h>
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

static void work(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  atomic_int *done = user;
  atomic_fetch_add(done, 1);
  nats_msg_free(msg);
}

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);

  atomic_int done[2] = {0, 0};
  for (int member = 0; member < 2; ++member) {
    must(nats_subscribe_with(nc, NATS_STR("jobs.*"), NATS_STR("{\"queue\":\"workers\"}"), work,
                             &done[member], NULL, NULL, &err),
         &err);
  }
  for (int job = 0; job < 100; ++job) {
    must(nats_publish(nc, NATS_STR("jobs.clean"), nats_bytes_of("", 0), &err), &err);
  }
  /* When the drain returns, everything that was published has been handled. */
  must(nats_connection_flush(nc, 5000, &err), &err);
  must(nats_connection_drain(nc, 5000, &err), &err);
  nats_connection_free(nc);

  int first = atomic_load(&done[0]), second = atomic_load(&done[1]);
  printf("first: %d, second: %d, together: %d\n", first, second, first + second);
  return first + second == 100 ? 0 : 1;
}
