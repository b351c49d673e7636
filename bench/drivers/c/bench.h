/* What the benchmark drivers of C clients share: arguments, measuring, counting, printing. */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Milliseconds that the last message may take to arrive. */
#define BENCH_PATIENCE 60000

/* Messages of a stream that warm a client up that takes them. */
#define BENCH_STORED_WARM_UP 1000

/* Keys of a bucket that are put and got, in turn. */
#define BENCH_KEYS 1000

/* The object, and chunks of the one that warms a client up. */
#define BENCH_OBJECT "bench"
#define BENCH_OBJECT_WARM_UP 64

enum bench_op {
  BENCH_PUBLISH = 1,
  BENCH_SUBSCRIBE,
  BENCH_PUBSUB,
  BENCH_REQUEST,
  BENCH_SERVICE,
  BENCH_CONNECT,
  BENCH_JS_PUBLISH,
  BENCH_JS_PUBLISH_ASYNC,
  BENCH_JS_FETCH,
  BENCH_JS_FETCH_ACK,
  BENCH_JS_CONSUME,
  BENCH_KV_PUT,
  BENCH_KV_GET,
  BENCH_KV_WATCH,
  BENCH_OBJECT_PUT,
  BENCH_OBJECT_GET,
};

enum bench_mode {
  BENCH_CALLBACK = 1,
  BENCH_ITERATOR,
  BENCH_BATCH,
};

/* The arguments, the same for every driver. The stream's name is the subject of its messages, too. */
typedef struct {
  const char *url, *stream, *consumer;
  enum bench_op op;
  enum bench_mode mode;
  size_t size, count, subs, conns, headers, inflight, threads, batch;
} bench_args;

/* Reads the arguments; ends the program with 2 when they are not acceptable. */
bench_args bench_read(int argc, char **argv);

/* How many messages or requests warm the client up. */
size_t bench_warm_up(const bench_args *args);

/* The stream of the warm-up that belongs to the one of the arguments. */
const char *bench_warm_up_stream(const bench_args *args);

/* The name of the key with this number. */
const char *bench_key(size_t number, char name[static 32]);

/* Writes the name of the header with this index, and returns the value. */
const char *bench_header(size_t index, char name[static 8]);

/* Ends the program: it went wrong while doing this. */
noreturn void bench_fail(const char *doing, const char *text);

/* Ends the program: the client cannot do what is asked for. */
noreturn void bench_unsupported(const char *reason);

/* `size` zeroed bytes. */
void *bench_alloc(size_t size);

/* Starts a thread. */
pthread_t bench_spawn(void *(*run)(void *), void *argument);

/* Waits for a thread. */
void bench_join(pthread_t thread);

/* Nanoseconds of a clock that only goes forward. */
uint64_t bench_now(void);

/* Runs from the beginning of the timed part to its end. */
typedef struct {
  uint64_t wall, cpu;
} bench_meter;

/* The cost of the timed part; memory in KiB. */
typedef struct {
  double seconds, cpu_seconds;
  long rss, rss_peak, threads;
} bench_measured;

bench_meter bench_start(void);
bench_measured bench_stop(const bench_meter *meter);

/* Resident memory now, in KiB. */
long bench_rss(void);

/* Prints the line of JSON. `latencies` holds the nanoseconds of `requests` requests, or is NULL. */
void bench_print(const char *client, const char *version, long rss_before,
                 const bench_measured *measured, uint64_t *latencies, size_t requests);

/* How many messages have arrived in all subscriptions together. */
typedef struct {
  atomic_size_t count, target;
  size_t size;
  pthread_mutex_t lock;
  pthread_cond_t reached;
} bench_arrivals;

/* Payloads are to have `size` bytes. */
void bench_arrivals_init(bench_arrivals *arrivals, size_t size);

/* Awaits `more` messages; to be called before they can arrive. */
void bench_expect(bench_arrivals *arrivals, size_t more);

/* Waits until everything that is expected has arrived. */
void bench_await(bench_arrivals *arrivals);

/* Ends the program: too few have arrived in time. */
noreturn void bench_late(bench_arrivals *arrivals);

/* Ends the program: a payload has the wrong size. */
noreturn void bench_wrong_size(size_t size, size_t expected);

/* Wakes bench_await(). */
void bench_reached(bench_arrivals *arrivals);

/* Whether everything that is expected has arrived. */
static inline int bench_complete(bench_arrivals *arrivals) {
  return atomic_load_explicit(&arrivals->count, memory_order_relaxed) >=
         atomic_load_explicit(&arrivals->target, memory_order_relaxed);
}

/* Checks the size of a payload. */
static inline void bench_check(size_t size, size_t expected) {
  if (size != expected) bench_wrong_size(size, expected);
}

/* Counts `more` messages that have arrived. */
static inline void bench_arrived(bench_arrivals *arrivals, size_t more) {
  size_t before = atomic_fetch_add_explicit(&arrivals->count, more, memory_order_relaxed);
  size_t target = atomic_load_explicit(&arrivals->target, memory_order_relaxed);
  if (before < target && before + more >= target) bench_reached(arrivals);
}

#endif
