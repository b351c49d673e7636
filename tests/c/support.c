/* Latches, events, connections and child processes of check.h. */
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Latches ---- */

void latch_add(struct latch *latch) {
  pthread_mutex_lock(&latch->lock);
  ++latch->count;
  pthread_cond_broadcast(&latch->changed);
  pthread_mutex_unlock(&latch->lock);
}

bool latch_wait(struct latch *latch, int64_t count, int64_t timeout_ms) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += timeout_ms / 1000;
  end.tv_nsec += timeout_ms % 1000 * 1000000;
  if (end.tv_nsec >= 1000000000) ++end.tv_sec, end.tv_nsec -= 1000000000;
  pthread_mutex_lock(&latch->lock);
  int timed_out = 0;
  while (latch->count < count && !timed_out) {
    timed_out = pthread_cond_timedwait(&latch->changed, &latch->lock, &end);
  }
  bool reached = latch->count >= count;
  pthread_mutex_unlock(&latch->lock);
  return reached;
}

int64_t latch_count(struct latch *latch) {
  pthread_mutex_lock(&latch->lock);
  int64_t count = latch->count;
  pthread_mutex_unlock(&latch->lock);
  return count;
}

void latch_destroy_hook(void *latch) { latch_add(latch); }

/* ---- Events ---- */

void events_init(struct events *events) {
  memset(events, 0, sizeof *events);
  for (size_t i = 0; i < EVENT_KINDS; ++i) {
    pthread_mutex_init(&events->kinds[i].lock, NULL);
    pthread_cond_init(&events->kinds[i].changed, NULL);
  }
  pthread_mutex_init(&events->gone.lock, NULL);
  pthread_cond_init(&events->gone.changed, NULL);
}

/* Adds a line to what was told; when there is no room, the oldest ones are forgotten. */
static void note_event(struct events *events, nats_str json) {
  pthread_mutex_lock(&events->gone.lock);
  size_t room = sizeof events->told, used = strlen(events->told);
  if (used + json.len + 2 > room) {
    memmove(events->told, events->told + used / 2, used - used / 2 + 1);
    used = strlen(events->told);
  }
  snprintf(events->told + used, room - used, "%.*s\n", (int)json.len, json.ptr);
  pthread_cond_broadcast(&events->gone.changed);
  pthread_mutex_unlock(&events->gone.lock);
}

static void on_event(nats_connection *nc, int32_t kind, nats_str json, void *user) {
  struct events *events = user;
  (void)nc;
  if (kind < 0 || kind >= EVENT_KINDS) {
    check_fail(__FILE__, __LINE__, "event of the unknown kind %d", (int)kind);
    return;
  }
  struct latch *latch = &events->kinds[kind];
  /* Events of one connection come one at a time. */
  if (events->ordered < 64) events->order[events->ordered++] = kind;
  pthread_mutex_lock(&latch->lock);
  snprintf(events->last[kind], sizeof events->last[kind], "%.*s", (int)json.len, json.ptr);
  pthread_mutex_unlock(&latch->lock);
  note_event(events, json);
  latch_add(latch);
}

static void forget_events(void *events) { latch_add(&((struct events *)events)->gone); }

bool events_wait(struct events *events, int kind, int64_t count) {
  return latch_wait(&events->kinds[kind], count, WAIT_MS);
}

static bool has_line(const char *lines, const char *part, const char *other) {
  for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
    const char *first = strstr(lines, part), *second = strstr(lines, other);
    if (first && first < end && second && second < end) return true;
  }
  return false;
}

bool events_told(struct events *events, const char *part, const char *other) {
  pthread_mutex_lock(&events->gone.lock);
  bool told = has_line(events->told, part, other);
  pthread_mutex_unlock(&events->gone.lock);
  return told;
}

void events_await(struct events *events, const char *part, const char *other) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += WAIT_MS / 1000;
  pthread_mutex_lock(&events->gone.lock);
  int late = 0;
  while (!late && !has_line(events->told, part, other)) {
    late = pthread_cond_timedwait(&events->gone.changed, &events->gone.lock, &end);
  }
  bool told = has_line(events->told, part, other);
  pthread_mutex_unlock(&events->gone.lock);
  if (!told) {
    check_fail(__FILE__, __LINE__, "no event with %s and %s, but %s", part, other, events->told);
  }
}

int64_t events_count(struct events *events, int kind) { return latch_count(&events->kinds[kind]); }

/* ---- Connections and subscriptions ---- */

nats_connection *dial_with(const char *url, nats_options *options) {
  nats_connection *nc = NULL;
  OK(nats_connect(S(url), options, &nc, E));
  OK(nats_options_free(options));
  return nc;
}

nats_connection *dial(const char *url, const char *options) {
  nats_options *made = NULL;
  if (options) OK(nats_options_new(S(options), &made, E));
  return dial_with(url, made);
}

nats_connection *dial_plain(void) { return dial(plain_server(), NULL); }

nats_connection *dial_watched(const char *url, const char *options, struct events *events) {
  nats_options *made = NULL;
  events_init(events);
  OK(nats_options_new(S(options ? options : ""), &made, E));
  OK(nats_options_on_event(made, on_event, events, forget_events, E));
  return dial_with(url, made);
}

void works(nats_connection *nc) {
  nats_subscription *sub = listen_to(nc, "c.works", NULL);
  send_text(nc, "c.works", "works");
  receive_text(sub, "works");
  OK(nats_subscription_free(sub));
  hang_up(nc);
}

void refuse_with(const char *url, nats_options *options, nats_status expected) {
  nats_connection *nc = NULL;
  nats_error *err = NULL;
  nats_status status = nats_connect(S(url), options, &nc, &err);
  OK(nats_options_free(options));
  *E = err;
  check_status(__FILE__, __LINE__, url, expected, status);
  EXPECT(nc == NULL);
}

void refuse(const char *url, const char *options, nats_status expected) {
  nats_options *made = NULL;
  if (options) OK(nats_options_new(S(options), &made, E));
  refuse_with(url, made, expected);
}

char *file_text(const char *path, char *buf, size_t cap) {
  FILE *file = fopen(path, "r");
  size_t len = file ? fread(buf, 1, cap - 1, file) : 0;
  if (file) fclose(file);
  EXPECT(len > 0 && len < cap - 1);
  buf[len] = 0;
  return buf;
}

static char file_path[64];

static void file_forget(void) { unlink(file_path); }

const char *file_of(const char *text) {
  if (*file_path) file_forget();
  else atexit(file_forget);
  strcpy(file_path, "/tmp/nats-ffi-c-XXXXXX");
  int fd = mkstemp(file_path);
  EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  return file_path;
}

void hang_up(nats_connection *nc) {
  OK(nats_connection_close(nc, E));
  OK(nats_connection_free(nc));
}

void hang_up_watched(nats_connection *nc, struct events *events) {
  hang_up(nc);
  EXPECT(latch_wait(&events->gone, 1, WAIT_MS));
}

nats_subscription *listen_to(nats_connection *nc, const char *subject, const char *options) {
  nats_subscription *sub = NULL;
  OK(nats_subscribe_with(nc, S(subject), S(options ? options : ""), NULL, NULL, NULL, &sub, E));
  return sub;
}

void send_text(nats_connection *nc, const char *subject, const char *text) {
  OK(nats_publish(nc, S(subject), B(text), E));
}

nats_msg *receive(nats_subscription *sub) {
  nats_msg *msg = NULL;
  OK(nats_subscription_next(sub, WAIT_MS, &msg, E));
  return msg;
}

void receive_text(nats_subscription *sub, const char *expected) {
  nats_msg *msg = receive(sub);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), expected);
  OK(nats_msg_free(msg));
}

nats_msg *ask(nats_connection *nc, const char *subject, const char *text) {
  nats_msg *answer = NULL;
  OK(nats_request(nc, S(subject), B(text), WAIT_MS, &answer, E));
  return answer;
}

/* ---- Processes ---- */

int child_exit(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(const char *name, const char *argument) {
  char self[4096];
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  EXPECT(len > 0);
  self[len] = 0;
  char *argv[] = {self, "--child", (char *)name, (char *)argument, NULL};
  pid_t pid;
  EXPECT_INT(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
  return child_exit(pid);
}

/* ---- Versions of servers ---- */

bool is_at_least(nats_connection *nc, int major, int minor) {
  nats_doc *info = NULL;
  nats_str version = {NULL, 0};
  int got[2] = {0, 0};
  if (nats_connection_server_info(nc, &info, NULL) ||
      nats_doc_get_str(info, S("version"), &version, NULL)) {
    check_fail(__FILE__, __LINE__, "the server tells no version");
  }
  sscanf(version.ptr, "%d.%d", &got[0], &got[1]);
  nats_doc_free(info);
  return got[0] > major || (got[0] == major && got[1] >= minor);
}

bool check_needs(const char *file, int line, const char *call, nats_status expected,
                 nats_connection *nc, int major, int minor, const char *what, nats_status status) {
  bool is_new = is_at_least(nc, major, minor);
  check_status(file, line, call, is_new ? expected : NATS_ERR_UNSUPPORTED, status);
  if (is_new) return true;
  const char *text = check_last_text(), *named = strstr(text, what);
  const char *end = strstr(text, " needs server ");
  int said[2] = {0, 0};
  if (end) sscanf(end, " needs server %d.%d", &said[0], &said[1]);
  bool is_it = said[0] == major && said[1] == minor && named && named < end;
  /* Something else that even older servers have, but this one has not. */
  bool is_more = said[0] == major && said[1] < minor && !is_at_least(nc, said[0], said[1]);
  if (!is_it && !is_more) {
    check_fail(file, line, "%s: \"%s\" does not say that %s needs server %d.%d", call, text, what,
               major, minor);
  }
  printf("not supported: %.*s needs server %d.%d\n", end ? (int)(end - text) : 0, text, said[0],
         said[1]);
  return false;
}
