/*
 * The rig of the C conformance suite: registration, expectations, latches, and shared servers.
 *
 * A file registers its tests with TEST(id, title) { ... }; main() runs them one after the other and
 * prints "ok ID" or "not ok ID". A failed expectation prints its place and ends the test; on
 * another thread it only marks the running test as failed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <nats_ffi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- Registration ---- */

struct check_test {
  const char *id, *title, *file;
  void (*run)(void);
  struct check_test *next;
};

void check_register(struct check_test *test);

#define TEST(id, title) CHECK_TEST_(id, title, __LINE__)
#define CHECK_TEST_(id, title, line) CHECK_TEST__(id, title, line)
#define CHECK_TEST__(id, title, line)                                                    \
  static void test_at_##line(void);                                                      \
  static struct check_test entry_at_##line = {id, title, __FILE__, test_at_##line, NULL}; \
  __attribute__((constructor)) static void register_at_##line(void) {                    \
    check_register(&entry_at_##line);                                                    \
  }                                                                                      \
  static void test_at_##line(void)

/* A program of its own: `run` is called in a fresh process that child_run() starts. */
struct check_child {
  const char *name;
  int (*run)(int argc, char **argv);
  struct check_child *next;
};

void check_register_child(struct check_child *child);

#define CHILD(name)                                                                             \
  static int child_##name(int argc, char **argv);                                               \
  static struct check_child entry_##name = {#name, child_##name, NULL};                         \
  __attribute__((constructor)) static void register_##name(void) {                              \
    check_register_child(&entry_##name);                                                        \
  }                                                                                             \
  static int child_##name(int argc, char **argv)

/* Runs CHILD(name) with one argument in a fresh process; its exit status, or 128 + signal. */
int child_run(const char *name, const char *argument);
int child_exit(pid_t pid); /* waits for a forked child: the same */

/* ---- Expectations ---- */

void check_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nats_error **check_error(void);
void check_status(const char *file, int line, const char *call, nats_status expected,
                  nats_status status);
void check_text(const char *file, int line, const char *what, nats_str got, const char *expected);

/* The `err` argument inside OK and FAILS. */
#define E check_error()

/* The call succeeds, and sets its error output to NULL. */
#define OK(call) check_status(__FILE__, __LINE__, #call, NATS_OK, (call))

/* The call fails with exactly this code, and its error says the same code and some text. */
#define FAILS(code, call) check_status(__FILE__, __LINE__, #call, (code), (call))

/* After FAILS: the text of the error that was reported contains `part`. */
#define SAYS(part)                                                                         \
  (strstr(check_last_text(), (part))                                                       \
       ? (void)0                                                                           \
       : check_fail(__FILE__, __LINE__, "\"%s\" does not say %s", check_last_text(), (part)))
const char *check_last_text(void);

/* After FAILS: JetStream's number for the error that was reported. */
#define NUMBERED(number) EXPECT_INT(check_last_number(), number)
int32_t check_last_number(void);

#define EXPECT(condition) \
  ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "expected %s", #condition))

#define EXPECT_INT(got, expected)                                                          \
  do {                                                                                     \
    long long got_ = (long long)(got), expected_ = (long long)(expected);                  \
    if (got_ != expected_)                                                                 \
      check_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #got, got_, expected_);  \
  } while (0)

#define EXPECT_TEXT(got, expected) check_text(__FILE__, __LINE__, #got, (got), (expected))

/* ---- Short words ---- */

static inline nats_str S(const char *text) { return nats_zstr(text); }
static inline nats_bytes B(const char *text) { return nats_bytes_of(text, strlen(text)); }
static inline nats_str as_text(nats_bytes bytes) {
  nats_str text = {(const char *)bytes.ptr, bytes.len};
  return text;
}

static const nats_str NONE = {NULL, 0};

enum { WAIT_MS = 20000 }; /* the patience with events that must come */

/* ---- Servers of every version that is supported ---- */

/*
 * A call that needs a server of at least this version: on such a one it succeeds; on an older one
 * it must give UNSUPPORTED, and say what is lacking (of several things one) and which version has
 * it; `make versions` counts the line that is written then. Whether the server is new enough.
 */
#define NEEDS(nc, major, minor, what, call) NEEDS_FAILS(NATS_OK, nc, major, minor, what, call)

/* The same of a call that newer servers refuse with this code. */
#define NEEDS_FAILS(code, nc, major, minor, what, call) \
  check_needs(__FILE__, __LINE__, #call, (code), (nc), (major), (minor), (what), (call))
bool check_needs(const char *file, int line, const char *call, nats_status expected,
                 nats_connection *nc, int major, int minor, const char *what, nats_status status);
bool is_at_least(nats_connection *nc, int major, int minor); /* the version of the server */

/* ---- Connections and subscriptions; all of them fail the test when they fail ---- */

nats_connection *dial(const char *url, const char *options);
nats_connection *dial_plain(void); /* to the shared plain server */
nats_connection *dial_with(const char *url, nats_options *options); /* frees the options */
nats_subscription *listen_to(nats_connection *nc, const char *subject, const char *options);
void send_text(nats_connection *nc, const char *subject, const char *text);
nats_msg *receive(nats_subscription *sub);
nats_msg *ask(nats_connection *nc, const char *subject, const char *text); /* a request */
void receive_text(nats_subscription *sub, const char *expected);
void works(nats_connection *nc); /* sends itself a message, and hangs up */
void hang_up(nats_connection *nc); /* close and free */

/* The attempt to connect fails with this code; SAYS has the text. The second frees the options. */
void refuse(const char *url, const char *options, nats_status expected);
void refuse_with(const char *url, nats_options *options, nats_status expected);
char *file_text(const char *path, char *buf, size_t cap); /* the content of a file, as text */
const char *file_of(const char *text); /* a new file's path; deleted at the next call, and at exit */
int64_t now_ms(void);

/* ---- Latches: count on one thread, wait on another ---- */

struct latch {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t count;
};
#define LATCH {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

void latch_add(struct latch *latch);
bool latch_wait(struct latch *latch, int64_t count, int64_t timeout_ms);
int64_t latch_count(struct latch *latch);
void latch_destroy_hook(void *latch); /* a destroy hook that counts */

/* ---- Events of a connection ---- */

enum { EVENT_KINDS = 32 };

struct events {
  int order[64]; /* the kinds of the first events, in order */
  int ordered;
  struct latch kinds[EVENT_KINDS];
  char last[EVENT_KINDS][512]; /* the latest details by kind */
  char told[8192];             /* the latest details of all kinds, a line each */
  struct latch gone;           /* counts the destroy hook; its lock is also that of `told` */
};

void events_init(struct events *events);
nats_connection *dial_watched(const char *url, const char *options, struct events *events);
bool events_wait(struct events *events, int kind, int64_t count);
int64_t events_count(struct events *events, int kind);
/* An event whose details contain both parts; told() asks whether there was one, await() waits. */
bool events_told(struct events *events, const char *part, const char *other);
void events_await(struct events *events, const char *part, const char *other);
void hang_up_watched(nats_connection *nc, struct events *events); /* waits for the last event */

/* Of the configuration "users": may use public.> and inboxes only. */
#define LIMITED_USER "{\"user\":\"bob\",\"password\":\"secret\"}"

/* ---- Servers, by `nats-harness control`; a test's own ones are stopped when it ends ---- */

struct remote {
  long id;
  char url[128];
  char address[128]; /* the URL without its scheme */
};

const char *plain_server(void); /* the URL of a plain server that all tests share */
struct remote server_start(const char *config, const char *extra); /* extra: may be NULL */
struct remote server_start_at(const char *config, const char *host);
struct remote fake_start(const char *script);   /* a JSON array of steps, or of such arrays */
struct remote proxy_start(struct remote target);
/* One that clients ask to connect them; kind: http or socks5; user: NULL for everybody. */
struct remote tunnel_start(const char *kind, const char *user, const char *password);

/* One request to the harness; `fields` is a format for further JSON members, or NULL. */
void tell(struct remote remote, const char *op, const char *fields, ...)
    __attribute__((format(printf, 3, 4)));
const char *answer_text(const char *key); /* of the last answer; valid until the next call */
long answer_number(const char *key);
void remotes_clear(void); /* stops what the test has started */
void remotes_stop(void);  /* stops the shared server and the harness */

#endif
