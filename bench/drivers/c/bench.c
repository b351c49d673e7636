#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static noreturn void usage(const char *name, const char *text) {
  fprintf(stderr,
          "%s: %s\n"
          "usage: --url URL --op publish|subscribe|pubsub|request|service|connect\n"
          "       |js-publish|js-publish-async|js-fetch|js-fetch-ack|js-consume\n"
          "       |kv-put|kv-get|kv-watch|object-put|object-get\n"
          "       [--mode callback|iterator|batch] [--size 16] [--count 100000] [--subs 1]\n"
          "       [--conns 1] [--headers 0] [--inflight 1] [--threads 1] [--stream NAME]\n"
          "       [--consumer NAME] [--batch 500]\n",
          name, text);
  exit(2);
}

static size_t number(const char *name, const char *value, size_t least) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(value, &end, 10);
  if (errno || *end || *value < '0' || *value > '9' || number < least)
    usage(name, "the number is not acceptable");
  return number;
}

/* The position of `value` among `names`, counted from 1. */
static int choice(const char *name, const char *value, const char *const *names) {
  for (int i = 0; names[i]; i++)
    if (!strcmp(value, names[i])) return i + 1;
  usage(name, "the value is unknown");
}

static void check(const bench_args *args) {
  int receives =
      args->op == BENCH_SUBSCRIBE || args->op == BENCH_PUBSUB || args->op == BENCH_JS_CONSUME;
  if (!args->url || !*args->url) usage("--url", "missing");
  if (!args->op) usage("--op", "missing");
  if (receives && !args->mode) usage("--mode", "missing");
  if (!receives && args->mode) usage("--mode", "this operation has none");
  if (args->op >= BENCH_JS_PUBLISH && !args->stream) usage("--stream", "missing");
  if (args->op >= BENCH_JS_FETCH && args->op <= BENCH_JS_CONSUME && !args->consumer)
    usage("--consumer", "missing");
  if (args->op == BENCH_SUBSCRIBE && args->count % args->subs)
    usage("--count", "must be a multiple of --subs");
  if (args->op >= BENCH_JS_PUBLISH && args->headers)
    usage("--headers", "messages of streams have none here");
  if (args->headers > 26) usage("--headers", "at most 26");
  if (args->threads > 1 && args->conns > 1)
    usage("--threads", "shares one connection, so --conns must be 1");
}

bench_args bench_read(int argc, char **argv) {
  static const char *const ops[] = {
      "publish",    "subscribe",        "pubsub",   "request",      "service",    "connect",
      "js-publish", "js-publish-async", "js-fetch", "js-fetch-ack", "js-consume", "kv-put",
      "kv-get",     "kv-watch",         "object-put",  "object-get",  NULL};
  static const char *const modes[] = {"callback", "iterator", "batch", NULL};
  bench_args args = {.size = 16, .count = 100000, .subs = 1};
  args.conns = args.inflight = args.threads = 1;
  args.batch = 500;
  const struct {
    const char *name;
    size_t *value, least;
  } numbers[] = {
      {"--size", &args.size, 0},         {"--count", &args.count, 1},
      {"--subs", &args.subs, 1},         {"--conns", &args.conns, 1},
      {"--headers", &args.headers, 0},   {"--inflight", &args.inflight, 1},
      {"--threads", &args.threads, 1},   {"--batch", &args.batch, 1},
  };
  const size_t kinds = sizeof numbers / sizeof *numbers;
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!value) usage(name, "has no value");
    size_t kind = 0;
    while (kind < kinds && strcmp(name, numbers[kind].name)) kind++;
    if (kind < kinds)
      *numbers[kind].value = number(name, value, numbers[kind].least);
    else if (!strcmp(name, "--url"))
      args.url = value;
    else if (!strcmp(name, "--stream"))
      args.stream = value;
    else if (!strcmp(name, "--consumer"))
      args.consumer = value;
    else if (!strcmp(name, "--op"))
      args.op = choice(name, value, ops);
    else if (!strcmp(name, "--mode"))
      args.mode = choice(name, value, modes);
    else
      usage(name, "unknown");
  }
  check(&args);
  return args;
}

size_t bench_warm_up(const bench_args *args) {
  int in_series = args->op == BENCH_REQUEST || args->op == BENCH_JS_PUBLISH ||
                  args->op == BENCH_KV_PUT || args->op == BENCH_KV_GET;
  size_t count = args->count / 100, least = in_series ? 100 : 1000;
  if (count < least) count = least;
  return (count + args->subs - 1) / args->subs * args->subs;
}

const char *bench_warm_up_stream(const bench_args *args) {
  static const char suffix[] = "-warm-up";
  size_t size = strlen(args->stream) + sizeof suffix;
  char *name = bench_alloc(size);
  snprintf(name, size, "%s%s", args->stream, suffix);
  return name;
}

const char *bench_key(size_t number, char name[static 32]) {
  snprintf(name, 32, "k.%zu", number);
  return name;
}

const char *bench_header(size_t index, char name[static 8]) {
  memcpy(name, "Bench-A", 8);
  name[6] = (char)('A' + index);
  return "12345678";
}

void bench_fail(const char *doing, const char *text) {
  fprintf(stderr, "%s: %s\n", doing, text);
  exit(1);
}

void bench_unsupported(const char *reason) {
  printf("{\"unsupported\":\"%s\"}\n", reason);
  exit(3);
}

void *bench_alloc(size_t size) {
  void *memory = calloc(1, size ? size : 1);
  if (!memory) bench_fail("memory", strerror(ENOMEM));
  return memory;
}

pthread_t bench_spawn(void *(*run)(void *), void *argument) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, run, argument);
  if (error) bench_fail("thread", strerror(error));
  return thread;
}

void bench_join(pthread_t thread) {
  int error = pthread_join(thread, NULL);
  if (error) bench_fail("thread", strerror(error));
}

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time)) bench_fail("clock", strerror(errno));
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t bench_now(void) { return nanoseconds(CLOCK_MONOTONIC); }

/* A number of the process, from the system. */
static long status(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) bench_fail("/proc/self/status", strerror(errno));
  char line[256];
  long value = -1;
  size_t length = strlen(name);
  while (value < 0 && fgets(line, sizeof line, file))
    if (!strncmp(line, name, length)) value = strtol(line + length, NULL, 10);
  fclose(file);
  if (value < 0) bench_fail(name, "the system does not tell");
  return value;
}

long bench_rss(void) { return status("VmRSS:"); }

bench_meter bench_start(void) {
  uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  return (bench_meter){.cpu = cpu, .wall = bench_now()};
}

bench_measured bench_stop(const bench_meter *meter) {
  uint64_t wall = bench_now(), cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  return (bench_measured){
      .seconds = (double)(wall - meter->wall) / 1e9,
      .cpu_seconds = (double)(cpu - meter->cpu) / 1e9,
      .rss = bench_rss(),
      .rss_peak = status("VmHWM:"),
      .threads = status("Threads:"),
  };
}

static int ascending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

void bench_print(const char *client, const char *version, long rss_before,
                 const bench_measured *measured, uint64_t *latencies, size_t requests) {
  printf("{\"client\":\"%s\",\"version\":\"%s\",\"seconds\":%.9f,\"cpu_seconds\":%.9f,", client,
         version, measured->seconds, measured->cpu_seconds);
  printf("\"rss_before_kib\":%ld,\"rss_peak_kib\":%ld,\"rss_kib\":%ld,\"threads\":%ld,", rss_before,
         measured->rss_peak, measured->rss, measured->threads);
  if (!latencies) {
    printf("\"p50_us\":null,\"p99_us\":null}\n");
    return;
  }
  qsort(latencies, requests, sizeof *latencies, ascending);
  size_t last = requests - 1;
  printf("\"p50_us\":%.3f,\"p99_us\":%.3f}\n", (double)latencies[last * 50 / 100] / 1e3,
         (double)latencies[last * 99 / 100] / 1e3);
}

void bench_arrivals_init(bench_arrivals *arrivals, size_t size) {
  pthread_condattr_t forward;
  pthread_condattr_init(&forward);
  pthread_condattr_setclock(&forward, CLOCK_MONOTONIC);
  atomic_init(&arrivals->count, 0);
  atomic_init(&arrivals->target, 0);
  arrivals->size = size;
  pthread_mutex_init(&arrivals->lock, NULL);
  pthread_cond_init(&arrivals->reached, &forward);
  pthread_condattr_destroy(&forward);
}

void bench_expect(bench_arrivals *arrivals, size_t more) {
  atomic_fetch_add(&arrivals->target, more);
}

void bench_reached(bench_arrivals *arrivals) {
  pthread_mutex_lock(&arrivals->lock);
  pthread_cond_signal(&arrivals->reached);
  pthread_mutex_unlock(&arrivals->lock);
}

void bench_await(bench_arrivals *arrivals) {
  struct timespec end;
  if (clock_gettime(CLOCK_MONOTONIC, &end)) bench_fail("clock", strerror(errno));
  end.tv_sec += BENCH_PATIENCE / 1000;
  pthread_mutex_lock(&arrivals->lock);
  while (!bench_complete(arrivals))
    if (pthread_cond_timedwait(&arrivals->reached, &arrivals->lock, &end)) bench_late(arrivals);
  pthread_mutex_unlock(&arrivals->lock);
}

void bench_late(bench_arrivals *arrivals) {
  fprintf(stderr, "%zu of %zu messages arrived in time, warm-up included\n",
          atomic_load(&arrivals->count), atomic_load(&arrivals->target));
  exit(1);
}

void bench_wrong_size(size_t size, size_t expected) {
  fprintf(stderr, "a payload of %zu bytes arrived instead of %zu\n", size, expected);
  exit(1);
}
