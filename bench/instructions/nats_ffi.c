/* Publishes or receives in parts, as many as the command line says, for scripts/instructions: the
 * same in C as src/main.rs is in Rust. */
#include "nats_ffi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages of a part. */
#define PART 256
/* So many parts are published before they are flushed: what a flush costs is not to count. */
#define UNFLUSHED 16
/* Milliseconds that a part may take. */
#define PATIENCE 60000

/* What has arrived of a part. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t complete;
  size_t count, size;
} arrivals;

static void check(nats_status status, const char *doing) {
  if (!status) return;
  nats_str text = nats_status_text(status);
  fprintf(stderr, "%s: %.*s\n", doing, (int)text.len, text.ptr);
  exit(1);
}

/* Takes the payload for what it should be, and gives the message back. */
static void take(nats_msg *msg, size_t size) {
  if (nats_msg_payload(msg).len != size) {
    fputs("a payload has the wrong size\n", stderr);
    exit(1);
  }
  nats_msg_free(msg);
}

static void publish(nats_connection *nc, size_t size, size_t parts) {
  nats_str subject = NATS_STR("bench.data");
  char *payload = malloc(size + 1);
  if (!payload) exit(1);
  memset(payload, 'x', size);
  for (; parts > 0; parts--) {
    for (size_t i = 0; i < PART; i++)
      check(nats_publish(nc, subject, nats_bytes_of(payload, size), NULL), "publish");
    if (parts % UNFLUSHED == 1) check(nats_connection_flush(nc, PATIENCE, NULL), "flush");
  }
  free(payload);
}

/* Asks the floor program for a part. */
static void order(nats_connection *nc, size_t size) {
  char text[64];
  int len = snprintf(text, sizeof text, "%d %zu 0 1", PART, size);
  check(nats_publish(nc, NATS_STR("bench.go"), nats_bytes_of(text, (size_t)len), NULL), "order");
}

static void on_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  arrivals *part = user;
  (void)nc;
  (void)sub;
  take(msg, part->size);
  /* Deliveries of one subscription come one after the other: only the last needs the lock. */
  if (++part->count < PART) return;
  pthread_mutex_lock(&part->lock);
  part->count = 0;
  pthread_cond_signal(&part->complete);
  pthread_mutex_unlock(&part->lock);
}

static void receive_by_callback(nats_connection *nc, size_t size, size_t parts) {
  arrivals part = {.size = size};
  nats_subscription *sub;
  pthread_mutex_init(&part.lock, NULL);
  pthread_cond_init(&part.complete, NULL);
  check(nats_subscribe(nc, NATS_STR("bench.data"), on_message, &part, NULL, &sub, NULL),
        "subscribe");
  pthread_mutex_lock(&part.lock);
  for (; parts > 0; parts--) {
    order(nc, size);
    pthread_cond_wait(&part.complete, &part.lock);
  }
  pthread_mutex_unlock(&part.lock);
  check(nats_connection_close(nc, NULL), "close");
  nats_subscription_free(sub);
}

static void receive_in_batches(nats_connection *nc, size_t size, size_t parts) {
  nats_subscription *sub;
  nats_str usual = {0};
  check(nats_subscribe_with(nc, NATS_STR("bench.data"), usual, NULL, NULL, NULL, &sub, NULL),
        "subscribe");
  for (; parts > 0; parts--) {
    order(nc, size);
    for (size_t left = PART; left > 0;) {
      nats_msg *msgs[PART];
      size_t count;
      check(nats_subscription_take(sub, msgs, left, PATIENCE, &count, NULL), "take");
      for (size_t i = 0; i < count; i++) take(msgs[i], size);
      left -= count;
    }
  }
  nats_subscription_free(sub);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(nats_connection *, size_t, size_t);
  } ways[] = {
      {"publish", publish}, {"callback", receive_by_callback}, {"batch", receive_in_batches}};
  for (size_t i = 0; argc == 5 && i < sizeof ways / sizeof *ways; i++) {
    if (strcmp(argv[2], ways[i].name) != 0) continue;
    nats_connection *nc;
    check(nats_connect(nats_zstr(argv[1]), NULL, &nc, NULL), "connect");
    ways[i].run(nc, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    nats_connection_free(nc);
    return 0;
  }
  fputs("usage: instructions-c URL publish|callback|batch SIZE PARTS\n", stderr);
  return 2;
}
