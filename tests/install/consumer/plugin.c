/* Loads the installed library at run time, as a plug-in does, and unloads it with a connection that
 * is open and receives: argument: the library. */
#include <dlfcn.h>
#include <nats_ffi.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int received[2];

static void on_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  void (*msg_free)(nats_msg *) = (void (*)(nats_msg *))user;
  msg_free(msg);
  if (write(received[1], "x", 1) != 1) abort();
}

/* Waits for a message to reach the callback. */
static int wait_for_message(void) {
  struct pollfd fd = {received[0], POLLIN, 0};
  char byte;
  return poll(&fd, 1, 5000) == 1 && read(received[0], &byte, 1) == 1;
}

int main(int argc, char **argv) {
  nats_connection *nc;
  nats_subscription *sub;
  const nats_str subject = NATS_STR("plugin"), none = NATS_STR("");
  if (argc < 2 || pipe(received)) return 2;
  for (int round = 0; round < 3; round++) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 3;
    __typeof__(&nats_connect) connect = dlsym(library, "nats_connect");
    __typeof__(&nats_subscribe_with) subscribe = dlsym(library, "nats_subscribe_with");
    __typeof__(&nats_publish) publish = dlsym(library, "nats_publish");
    void *msg_free = dlsym(library, "nats_msg_free");
    if (!connect || !subscribe || !publish || !msg_free) return 4;
    if (connect(nats_zstr(getenv("NATS_URL")), NULL, &nc, NULL)) return 5;
    if (subscribe(nc, subject, none, on_message, msg_free, NULL, &sub, NULL)) return 6;
    if (publish(nc, subject, nats_bytes_of("1", 1), NULL) || !wait_for_message()) return 7;
    /* What is under way now finds the code that it runs in. */
    if (publish(nc, subject, nats_bytes_of("2", 1), NULL)) return 8;
    if (dlclose(library)) return 9;
    if (!wait_for_message()) return 10;
  }
  puts("unloaded");
  return 0;
}
