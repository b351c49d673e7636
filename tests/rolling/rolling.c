/*
 * One client of the rolling-restart test: rolling URLS NAME.
 *
 * Publishes numbers to rolling.data.NAME and counts what comes back, and sends requests to
 * rolling.echo, which it answers, too, until a line "stop" or the end of the input. Then it says
 * on one line of JSON what was lost, doubled, late or failed.
 */
#include <nats_ffi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PUBLISH_EVERY_MS = 2, REQUEST_EVERY_MS = 20, REQUEST_TIMEOUT_MS = 2000, QUIET_MS = 2000 };
enum { DRAIN_MS = 20000 };

static nats_connection *nc;
static const char *name;
static char data_subject[256];

/* What the lock guards: the end of work, and what the subscription and the events have seen. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool stopping, closed;
static unsigned char *seen; /* by number */
static size_t seen_room;
static long long delivered, duplicates, out_of_order, greatest = -1, discarded, migrations;

static long long published; /* by the publishing thread, until it has ended */

struct failure {
  long long at_ms;
  char code[32];
};
static struct failure *failures;
static long long *sent_at;
static size_t failure_count, request_count, request_room;

static void *grown(void *old, size_t bytes) {
  void *memory = realloc(old, bytes);
  if (!memory) abort();
  return memory;
}

static void fail(nats_error *err) {
  fprintf(stderr, "%s: %.*s\n", name, (int)nats_error_text(err).len, nats_error_text(err).ptr);
  exit(1);
}

static long long clock_ms(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* With the lock held: waits for a change until then. */
static void wait_until(long long ms) {
  struct timespec end = {ms / 1000, ms % 1000 * 1000000};
  pthread_cond_timedwait(&changed, &lock, &end);
}

/* ---- What comes ---- */

static void on_data(nats_connection *from, nats_subscription *sub, nats_msg *msg, void *user) {
  char text[24];
  nats_bytes payload = nats_msg_payload(msg);
  (void)from, (void)sub, (void)user;
  snprintf(text, sizeof text, "%.*s", (int)payload.len, (const char *)payload.ptr);
  long long number = atoll(text);
  nats_msg_free(msg);
  pthread_mutex_lock(&lock);
  if ((size_t)number >= seen_room) {
    size_t room = (size_t)number * 2 + 1024;
    seen = grown(seen, room);
    memset(seen + seen_room, 0, room - seen_room);
    seen_room = room;
  }
  if (seen[number]) {
    ++duplicates;
  } else {
    ++delivered;
    if (number < greatest) ++out_of_order;
  }
  seen[number] = 1;
  if (number > greatest) greatest = number;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static void on_echo(nats_connection *from, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)from, (void)sub, (void)user;
  nats_msg_respond(msg, nats_msg_payload(msg), NULL);
  nats_msg_free(msg);
}

static void on_event(nats_connection *of, int32_t kind, nats_str json, void *user) {
  (void)of, (void)user;
  pthread_mutex_lock(&lock);
  if (kind == NATS_CONNECTION_EVENT_MIGRATED) ++migrations;
  if (kind == NATS_CONNECTION_EVENT_CLOSED) {
    nats_doc *doc = NULL;
    int64_t count = 0;
    nats_doc_parse(json, &doc, NULL);
    nats_doc_get_int(doc, nats_zstr("discarded"), &count, NULL);
    nats_doc_free(doc);
    discarded = count;
    closed = true;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
}

/* ---- What goes ---- */

/* Waits for the next turn; false: there is none any more. */
static bool next_turn(long long *due, int every) {
  pthread_mutex_lock(&lock);
  *due += every;
  while (!stopping && clock_ms(CLOCK_MONOTONIC) < *due) wait_until(*due);
  bool more = !stopping;
  pthread_mutex_unlock(&lock);
  return more;
}

static void *publish_numbers(void *unused) {
  long long due = clock_ms(CLOCK_MONOTONIC);
  while (next_turn(&due, PUBLISH_EVERY_MS)) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", published);
    /* One that finds no room is not published: its number is the next one's. */
    nats_bytes payload = nats_bytes_of(text, (size_t)len);
    if (!nats_publish(nc, nats_zstr(data_subject), payload, NULL)) ++published;
    /* A long wait for room is not made up for. */
    if (clock_ms(CLOCK_MONOTONIC) > due + 1000) due = clock_ms(CLOCK_MONOTONIC);
  }
  return unused;
}

static void failed(size_t request, const char *code, size_t len) {
  failures = grown(failures, (failure_count + 1) * sizeof *failures);
  failures[failure_count].at_ms = sent_at[request];
  snprintf(failures[failure_count++].code, sizeof failures->code, "%.*s", (int)len, code);
}

static size_t request_text(size_t request, char *text, size_t cap) {
  return (size_t)snprintf(text, cap, "%s-%zu", name, request);
}

static void send_request(nats_queue *queue, size_t *waiting) {
  char text[300];
  if (request_count == request_room) {
    request_room = request_room * 2 + 1024;
    sent_at = grown(sent_at, request_room * sizeof *sent_at);
  }
  size_t request = request_count++;
  nats_bytes payload = nats_bytes_of(text, request_text(request, text, sizeof text));
  sent_at[request] = clock_ms(CLOCK_REALTIME);
  nats_status status = nats_request_async(nc, nats_zstr("rolling.echo"), NULL, payload,
                                          REQUEST_TIMEOUT_MS, 0, queue, request, NULL);
  nats_str code = nats_status_name(status);
  if (status) failed(request, code.ptr, code.len);
  else ++*waiting;
}

static void take_answer(const nats_event *event) {
  size_t request = event->token;
  if (event->status) {
    nats_str code = nats_status_name(event->status);
    failed(request, code.ptr, code.len);
    nats_error_free(event->value);
    return;
  }
  char text[300];
  size_t len = request_text(request, text, sizeof text);
  nats_bytes payload = nats_msg_payload(event->value);
  if (payload.len != len || memcmp(payload.ptr, text, len)) failed(request, "WRONG_REPLY", 11);
  nats_msg_free(event->value);
}

static void *send_requests(void *unused) {
  nats_queue *queue = NULL;
  nats_error *err = NULL;
  size_t waiting = 0;
  if (nats_queue_new(&queue, &err)) fail(err);
  long long due = clock_ms(CLOCK_MONOTONIC);
  for (bool more = true; more || waiting;) {
    nats_event events[16];
    size_t count = 0;
    long long left = due - clock_ms(CLOCK_MONOTONIC);
    pthread_mutex_lock(&lock);
    more = !stopping;
    pthread_mutex_unlock(&lock);
    if (more && left <= 0) {
      send_request(queue, &waiting);
      due += REQUEST_EVERY_MS;
      continue;
    }
    if (nats_queue_poll(queue, events, 16, more ? left : REQUEST_EVERY_MS, &count, &err)) fail(err);
    for (size_t i = 0; i < count; ++i, --waiting) take_answer(&events[i]);
  }
  nats_queue_free(queue);
  return unused;
}

/* ---- The life of the program ---- */

static void start(const char *urls) {
  nats_options *options = NULL;
  nats_error *err = NULL;
  char json[300];
  snprintf(json, sizeof json, "{\"name\":\"%s\"}", name);
  snprintf(data_subject, sizeof data_subject, "rolling.data.%s", name);
  nats_str queue = nats_zstr("{\"queue\":\"echo\"}");
  if (nats_options_new(nats_zstr(json), &options, &err) ||
      nats_options_on_event(options, on_event, NULL, NULL, &err) ||
      nats_connect(nats_zstr(urls), options, &nc, &err) ||
      nats_subscribe(nc, nats_zstr(data_subject), on_data, NULL, NULL, NULL, &err) ||
      nats_subscribe_with(nc, nats_zstr("rolling.echo"), queue, on_echo, NULL, NULL, NULL, &err) ||
      nats_connection_flush(nc, 0, &err)) {
    fail(err);
  }
  nats_options_free(options);
  puts("ready");
  fflush(stdout);
}

static void await_stop(void) {
  char line[64];
  while (fgets(line, sizeof line, stdin) && strcmp(line, "stop\n")) {
  }
  pthread_mutex_lock(&lock);
  stopping = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* Until the last number has come, or nothing for a while. */
static void await_last(void) {
  pthread_mutex_lock(&lock);
  long long count = delivered, quiet = clock_ms(CLOCK_MONOTONIC) + QUIET_MS;
  while (greatest < published - 1 && clock_ms(CLOCK_MONOTONIC) < quiet) {
    wait_until(quiet);
    if (delivered != count) quiet = clock_ms(CLOCK_MONOTONIC) + QUIET_MS;
    count = delivered;
  }
  pthread_mutex_unlock(&lock);
}

static void finish(nats_stats *stats) {
  nats_error *err = NULL;
  if (nats_connection_flush(nc, 0, &err)) {
    nats_str text = nats_error_text(err);
    fprintf(stderr, "%s: flush: %.*s\n", name, (int)text.len, text.ptr);
    nats_error_free(err);
  }
  await_last();
  if (nats_connection_drain(nc, DRAIN_MS, &err) || nats_connection_stats(nc, stats, &err)) {
    fail(err);
  }
  nats_connection_free(nc);
  pthread_mutex_lock(&lock);
  long long end = clock_ms(CLOCK_MONOTONIC) + DRAIN_MS;
  while (!closed && clock_ms(CLOCK_MONOTONIC) < end) wait_until(end);
  pthread_mutex_unlock(&lock);
}

static void report(const nats_stats *stats) {
  printf("{\"name\":\"%s\",\"published\":%lld,\"delivered\":%lld,\"duplicates\":%lld,"
         "\"out_of_order\":%lld,\"missing\":%lld,\"requests\":%zu,\"failures\":[",
         name, published, delivered, duplicates, out_of_order, published - delivered,
         request_count);
  for (size_t i = 0; i < failure_count; ++i) {
    printf("%s{\"at_ms\":%lld,\"code\":\"%s\"}", i ? "," : "", failures[i].at_ms, failures[i].code);
  }
  printf("],\"reconnects\":%llu,\"migrations\":%lld,\"dropped_out\":%llu,\"discarded\":%lld}\n",
         (unsigned long long)stats->reconnects, migrations, (unsigned long long)stats->dropped_out,
         discarded);
}

int main(int argc, char **argv) {
  pthread_t publisher, requester;
  pthread_condattr_t monotonic;
  nats_stats stats;
  if (argc != 3) {
    fprintf(stderr, "usage: rolling URLS NAME\n");
    return 2;
  }
  name = argv[2];
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &monotonic);
  start(argv[1]);
  if (pthread_create(&publisher, NULL, publish_numbers, NULL) ||
      pthread_create(&requester, NULL, send_requests, NULL)) {
    abort();
  }
  await_stop();
  pthread_join(publisher, NULL);
  pthread_join(requester, NULL);
  finish(&stats);
  report(&stats);
  free(seen), free(failures), free(sent_at);
  return 0;
}
