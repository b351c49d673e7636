/* Servers, fake servers and proxies of check.h, by the JSON lines of `nats-harness control`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

static FILE *to_harness, *from_harness;
static pid_t harness_pid;
static struct remote plain;
static long known[64]; /* what the running test has started */
static int known_count;
static char *line;
static size_t line_size;

static void harness_start(void) {
  const char *program = getenv("NATS_HARNESS");
  char *argv[] = {(char *)(program ? program : "nats-harness"), "control", NULL};
  int in[2], out[2];
  posix_spawn_file_actions_t actions;
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) abort();
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  int failed = posix_spawnp(&harness_pid, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_harness = fdopen(in[1], "w");
  from_harness = fdopen(out[0], "r");
  if (failed || !to_harness || !from_harness) {
    fprintf(stderr, "%s could not be started; NATS_HARNESS names it\n", argv[0]);
    exit(2);
  }
}

/* Sends what was written to `to_harness` and reads the answer into `line`. */
static void exchange(const char *what) {
  fputc('\n', to_harness);
  if (fflush(to_harness) || getline(&line, &line_size, from_harness) < 0) {
    fprintf(stderr, "the harness has ended\n");
    exit(2);
  }
  if (!strstr(line, "\"ok\":true")) check_fail(__FILE__, __LINE__, "%s: %s", what, line);
}

long answer_number(const char *key) {
  nats_doc *doc = NULL;
  int64_t value = 0;
  OK(nats_doc_parse(S(line), &doc, E));
  OK(nats_doc_get_int(doc, S(key), &value, E));
  OK(nats_doc_free(doc));
  return (long)value;
}

const char *answer_text(const char *key) {
  static char text[65536];
  nats_doc *doc = NULL;
  nats_str value;
  OK(nats_doc_parse(S(line), &doc, E));
  OK(nats_doc_get_str(doc, S(key), &value, E));
  snprintf(text, sizeof text, "%.*s", (int)value.len, value.ptr);
  OK(nats_doc_free(doc));
  return text;
}

static struct remote started(const char *what) {
  struct remote remote = {0, "", ""};
  exchange(what);
  remote.id = answer_number("id");
  snprintf(remote.url, sizeof remote.url, "%s", answer_text("url"));
  const char *slashes = strstr(remote.url, "//");
  snprintf(remote.address, sizeof remote.address, "%s", slashes ? slashes + 2 : "");
  if (known_count < (int)(sizeof known / sizeof known[0])) known[known_count++] = remote.id;
  return remote;
}

struct remote server_start(const char *config, const char *extra) {
  fprintf(to_harness, "{\"op\":\"start\",\"config\":\"%s\",\"extra\":\"%s\"}", config,
          extra ? extra : "");
  return started("start");
}

struct remote server_start_at(const char *config, const char *host) {
  fprintf(to_harness, "{\"op\":\"start\",\"config\":\"%s\",\"host\":\"%s\"}", config, host);
  return started("start");
}

struct remote fake_start(const char *script) {
  bool several = !strncmp(script, "[[", 2);
  fprintf(to_harness, "{\"op\":\"fake\",\"%s\":%s}", several ? "scripts" : "script", script);
  return started("fake");
}

struct remote proxy_start(struct remote target) {
  fprintf(to_harness, "{\"op\":\"proxy\",\"target\":%ld}", target.id);
  return started("proxy");
}

struct remote tunnel_start(const char *kind, const char *user, const char *password) {
  fprintf(to_harness, "{\"op\":\"tunnel\",\"kind\":\"%s\"", kind);
  if (user) fprintf(to_harness, ",\"user\":\"%s\",\"password\":\"%s\"", user, password);
  fputc('}', to_harness);
  return started("tunnel");
}

void tell(struct remote remote, const char *op, const char *fields, ...) {
  fprintf(to_harness, "{\"op\":\"%s\",\"id\":%ld", op, remote.id);
  if (fields) {
    va_list args;
    va_start(args, fields);
    fputc(',', to_harness);
    vfprintf(to_harness, fields, args);
    va_end(args);
  }
  fputc('}', to_harness);
  exchange(op);
}

const char *plain_server(void) {
  if (!to_harness) {
    harness_start();
    plain = server_start("plain", NULL);
    known_count = 0;
  }
  return plain.url;
}

void remotes_clear(void) {
  while (known_count > 0) {
    fprintf(to_harness, "{\"op\":\"remove\",\"id\":%ld}", known[--known_count]);
    exchange("remove");
  }
}

void remotes_stop(void) {
  fclose(to_harness); /* the harness stops everything when its input ends */
  fclose(from_harness);
  waitpid(harness_pid, NULL, 0);
  free(line);
}
