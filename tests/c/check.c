/* The runner and the expectations of check.h. */
#define _GNU_SOURCE
#include "check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static struct check_test *tests;
static struct check_child *children;
static struct check_test *current;
static pthread_t runner;
static jmp_buf abandon;
static atomic_bool failed;

/* ---- Expectations ---- */

void check_fail(const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  flockfile(stderr);
  fprintf(stderr, "  %s:%d: ", file, line);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  funlockfile(stderr);
  va_end(args);
  atomic_store(&failed, true);
  if (current && pthread_equal(pthread_self(), runner)) longjmp(abandon, 1);
}

/* Every call must write its error output; this is what it finds there. */
static char untouched;
#define UNTOUCHED ((nats_error *)(void *)&untouched)

static _Thread_local nats_error *error_slot;
static _Thread_local bool error_used;
static _Thread_local char error_text[512];
static _Thread_local int32_t error_number;

nats_error **check_error(void) {
  error_slot = UNTOUCHED;
  error_used = true;
  return &error_slot;
}

static void keep_text(nats_str text) {
  snprintf(error_text, sizeof error_text, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

const char *check_last_text(void) { return error_text; }

int32_t check_last_number(void) { return error_number; }

void check_status(const char *file, int line, const char *call, nats_status expected,
                  nats_status status) {
  nats_error *error = error_slot;
  bool used = error_used;
  error_slot = NULL;
  error_used = false;
  error_text[0] = 0;
  error_number = nats_error_api_err_code(error == UNTOUCHED ? NULL : error);
  if (used && error == UNTOUCHED) {
    check_fail(file, line, "%s did not set its error output", call);
    return;
  }
  nats_status code = error ? nats_error_code(error) : NATS_OK;
  if (error) {
    keep_text(nats_error_text(error));
    nats_error_free(error);
  }
  if (status != expected) {
    nats_str got = nats_status_name(status), wanted = nats_status_name(expected);
    check_fail(file, line, "%s: %.*s (%s), expected %.*s", call, (int)got.len, got.ptr, error_text,
               (int)wanted.len, wanted.ptr);
  } else if (used && code != status) {
    check_fail(file, line, "%s: status %d, but the error says %d", call, (int)status, (int)code);
  } else if (used && status != NATS_OK && !error_text[0]) {
    check_fail(file, line, "%s: the error has no text", call);
  }
}

void check_text(const char *file, int line, const char *what, nats_str got, const char *expected) {
  if (got.len == NATS_ZSTR) got.len = strlen(got.ptr);
  if (got.len == strlen(expected) && (got.len == 0 || !memcmp(got.ptr, expected, got.len))) return;
  int shown = got.len > 200 ? 200 : (int)got.len;
  check_fail(file, line, "%s is \"%.*s\", expected \"%s\"", what, shown, got.ptr ? got.ptr : "",
             expected);
}

/* ---- Registration and the runner ---- */

void check_register(struct check_test *test) {
  struct check_test **at = &tests;
  while (*at && strcmp((*at)->id, test->id) < 0) at = &(*at)->next;
  if (*at && !strcmp((*at)->id, test->id)) {
    fprintf(stderr, "two tests have the id %s\n", test->id);
    abort();
  }
  test->next = *at;
  *at = test;
}

void check_register_child(struct check_child *child) {
  child->next = children;
  children = child;
}

static int run_child(int argc, char **argv) {
  for (struct check_child *child = children; argc > 2 && child; child = child->next) {
    if (!strcmp(child->name, argv[2])) return child->run(argc - 3, argv + 3);
  }
  return 99;
}

static unsigned patience(void) {
  const char *slow = getenv("CHECK_SLOW");
  return 90 * (slow ? (unsigned)atoi(slow) : 1);
}

static void hung(int signal) {
  (void)signal;
  static const char text[] = "  the test hangs; giving up\n";
  ssize_t written = write(2, text, sizeof text - 1);
  written = write(1, "not ok ", 7) + write(1, current->id, strlen(current->id)) + write(1, "\n", 1);
  _exit(written > 0 ? 3 : 4);
}

/* Waits a little for handles that a delivery thread is just letting go of. */
static size_t handles_settled(size_t expected) {
  int64_t deadline = now_ms() + 5000;
  while (nats_library_handles() != expected && now_ms() < deadline) {
    struct timespec moment = {0, 2000000};
    nanosleep(&moment, NULL);
  }
  return nats_library_handles();
}

static void run_body(struct check_test *test) {
  if (setjmp(abandon)) return;
  size_t before = nats_library_handles();
  test->run();
  size_t after = handles_settled(before);
  if (after != before) {
    check_fail(test->file, 0, "%zu handles before the test, %zu after it", before, after);
  }
}

static bool run_test(struct check_test *test) {
  current = test;
  atomic_store(&failed, false);
  alarm(patience());
  run_body(test);
  if (!setjmp(abandon)) remotes_clear();
  alarm(0);
  bool ok = !atomic_load(&failed);
  printf("%s %s - %s\n", ok ? "ok" : "not ok", test->id, test->title);
  fflush(stdout);
  return ok;
}

/* Whether one of the patterns, ids or beginnings of ids, names the test; without any, all do. */
static bool chosen(const struct check_test *test, int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (!strncmp(test->id, argv[i], strlen(argv[i]))) return true;
  }
  return argc < 2;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--child")) return run_child(argc, argv);
  int passed = 0, lost = 0;
  runner = pthread_self();
  signal(SIGALRM, hung);
  signal(SIGPIPE, SIG_IGN);
  plain_server();
  for (struct check_test *test = tests; test; test = test->next) {
    if (!chosen(test, argc, argv)) continue;
    if (run_test(test)) ++passed;
    else ++lost;
  }
  current = NULL;
  remotes_stop();
  OK(nats_library_shutdown(20000, E));
  printf("%d passed, %d failed\n", passed, lost);
  return lost || !passed;
}
