/* The library as a part of a process: fork, exit, many connections, idle ones. */
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"

/* AddressSanitizer keeps what was freed: only the run without it can measure memory. */
#ifdef __SANITIZE_ADDRESS__
enum { MEASURES_MEMORY = 0 };
#else
enum { MEASURES_MEMORY = 1 };
#endif

static void ignore_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                           void *user) {
  (void)nc, (void)sub, (void)user;
  nats_msg_free(msg);
}

/* In the child of a fork: what is inherited is FORKED, what is made there works. */
static int in_the_child(nats_connection *nc, nats_subscription *sub, nats_queue *queue) {
  nats_msg *msg = NULL;
  nats_event event;
  size_t count = 0;
  if (nats_publish(nc, S("a"), B(""), NULL) != NATS_ERR_FORKED) return 10;
  if (nats_subscription_next(sub, 0, &msg, NULL) != NATS_ERR_FORKED) return 11;
  if (nats_queue_poll(queue, &event, 1, 0, &count, NULL) != NATS_ERR_FORKED) return 12;
  if (nats_connection_close(nc, NULL) != NATS_ERR_FORKED) return 13;
  nats_connection *own = NULL;
  nats_subscription *listening = NULL;
  if (nats_connect(S(plain_server()), NULL, &own, NULL)) return 14;
  if (nats_subscribe_with(own, S("c.fork"), NONE, NULL, NULL, NULL, &listening, NULL)) return 15;
  if (nats_publish(own, S("c.fork"), B("from the child"), NULL)) return 16;
  if (nats_subscription_next(listening, WAIT_MS, &msg, NULL)) return 17;
  nats_msg_free(msg);
  if (nats_connection_drain(own, WAIT_MS, NULL)) return 18;
  nats_subscription_free(listening);
  return nats_connection_free(own) ? 19 : 0;
}

TEST("process-01", "after fork the child gets FORKED and can open its own; the parent goes on") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.fork.parent", NULL);
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  pid_t pid = fork();
  if (pid == 0) _exit(in_the_child(nc, sub, queue));
  EXPECT(pid > 0);
  EXPECT_INT(child_exit(pid), 0);
  send_text(nc, "c.fork.parent", "still here");
  receive_text(sub, "still here");
  OK(nats_subscription_free(sub));
  OK(nats_queue_free(queue));
  hang_up(nc);
}

CHILD(exit_with_connection) {
  nats_connection *nc = NULL;
  if (argc != 1 || nats_connect(S(argv[0]), NULL, &nc, NULL)) return 1;
  if (nats_subscribe(nc, S("c.exit.>"), ignore_message, NULL, NULL, NULL, NULL)) return 2;
  for (int i = 0; i < 1000; ++i) {
    if (nats_publish(nc, S("c.exit.x"), B("x"), NULL)) return 3;
  }
  exit(7); /* with everything alive and callbacks under way */
}

TEST("process-02", "a process may exit with a live connection, and its exit code counts") {
  for (int i = 0; i < 5; ++i) EXPECT_INT(child_run("exit_with_connection", plain_server()), 7);
}

struct held {
  int descriptors, threads;
  long resident_kb;
};

static int entries(const char *directory) {
  int count = 0;
  DIR *dir = opendir(directory);
  while (dir && readdir(dir)) ++count;
  if (dir) closedir(dir);
  return count;
}

static struct held held_now(void) {
  struct held held = {entries("/proc/self/fd"), entries("/proc/self/task"), 0};
  FILE *file = fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file && fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file) fclose(file);
  held.resident_kb = pages * (sysconf(_SC_PAGESIZE) / 1024);
  return held;
}

static bool connect_and_close(const char *url, int times) {
  for (int i = 0; i < times; ++i) {
    nats_connection *nc = NULL;
    nats_subscription *sub = NULL;
    if (nats_connect(S(url), NULL, &nc, NULL)) return false;
    if (nats_subscribe(nc, S("c.cycle"), ignore_message, NULL, NULL, &sub, NULL)) return false;
    if (nats_connection_close(nc, NULL)) return false;
    nats_subscription_free(sub);
    nats_connection_free(nc);
  }
  return true;
}

struct gate {
  struct latch entered, opened;
};

static void wait_at_gate(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  struct gate *gate = user;
  (void)nc, (void)sub;
  latch_add(&gate->entered);
  latch_wait(&gate->opened, 1, WAIT_MS);
  nats_msg_free(msg);
}

/* Has many callbacks wait at once, so that the delivery threads that stay are all there. */
static bool fill_pool(const char *url) {
  enum { CALLBACKS = 16 };
  static struct gate gate = {LATCH, LATCH};
  nats_connection *nc = NULL;
  if (nats_connect(S(url), NULL, &nc, NULL)) return false;
  for (int i = 0; i < CALLBACKS; ++i) {
    if (nats_subscribe(nc, S("c.pool"), wait_at_gate, &gate, NULL, NULL, NULL)) return false;
  }
  if (nats_publish(nc, S("c.pool"), B("x"), NULL)) return false;
  bool all = latch_wait(&gate.entered, CALLBACKS, WAIT_MS);
  latch_add(&gate.opened);
  return all && !nats_connection_drain(nc, WAIT_MS, NULL) && !nats_connection_free(nc);
}

CHILD(cycle) {
  if (argc != 1 || !fill_pool(argv[0]) || !connect_and_close(argv[0], 1000)) return 1;
  struct held before = held_now();
  if (!connect_and_close(argv[0], 10000)) return 2;
  struct held after = held_now();
  fprintf(stderr, "  descriptors %d, %d; threads %d, %d; kB %ld, %ld\n", before.descriptors,
          after.descriptors, before.threads, after.threads, before.resident_kb,
          after.resident_kb);
  if (after.descriptors > before.descriptors + 4) return 3;
  /* On a loaded machine the pool may have added a few threads, which end once they are idle. */
  if (after.threads > before.threads + 4) return 4;
  return MEASURES_MEMORY && after.resident_kb > before.resident_kb + 2 * 1024 ? 5 : 0;
}

TEST("process-03", "10,000 connects and closes leave descriptors, threads and memory as before") {
  EXPECT_INT(child_run("cycle", plain_server()), 0);
}

static long cpu_ms(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

CHILD(idle) {
  enum { MORE = 50 };
  nats_connection *nc[MORE + 1];
  int threads = 0;
  for (int i = 0; i <= MORE; ++i) {
    nats_subscription *sub = NULL;
    if (argc != 1 || nats_connect(S(argv[0]), NULL, &nc[i], NULL)) return 1;
    if (nats_subscribe_with(nc[i], S("c.idle"), NONE, NULL, NULL, NULL, &sub, NULL)) return 2;
    if (nats_connection_flush(nc[i], WAIT_MS, NULL)) return 3;
    if (i == 0) threads = held_now().threads;
  }
  if (held_now().threads > threads) return 4;
  long before = cpu_ms();
  poll(NULL, 0, 1000); /* idleness itself is what is measured here */
  return cpu_ms() - before > 50 ? 5 : 0;
}

TEST("process-04", "idle connections have no threads of their own and use no CPU") {
  EXPECT_INT(child_run("idle", plain_server()), 0);
}

CHILD(shutdown_and_again) {
  if (argc != 1 || nats_library_init(3, NULL)) return 1;
  for (int i = 0; i < 3; ++i) {
    nats_connection *nc = NULL;
    if (nats_connect(S(argv[0]), NULL, &nc, NULL)) return 2;
    if (nats_library_init(1, NULL) != NATS_ERR_INVALID_ARGUMENT) return 3;
    if (nats_library_shutdown(WAIT_MS, NULL)) return 4;
    if (nats_publish(nc, S("a"), B("x"), NULL) != NATS_ERR_CONNECTION_CLOSED) return 5;
    if (nats_connection_free(nc) || nats_library_handles() != 0) return 6;
  }
  return 0;
}

TEST("c-process-01", "shutdown closes everything, and the library starts afresh") {
  EXPECT_INT(child_run("shutdown_and_again", plain_server()), 0);
}
