/* Contexts that the environment names, as the nats tool has it; each in a process of its own. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define CANARY "canary-word"

/* ---- The tool's folder ---- */

static char home[64];

/* From the inside out, as `remove` takes them. */
static void home_forget(void) {
  static const char *const made[] = {"nats/context/prod.json", "nats/context/stale.json",
                                     "nats/context.txt", "nats/context", "nats", ""};
  char path[128];
  for (size_t i = 0; i < sizeof made / sizeof *made; ++i) {
    snprintf(path, sizeof path, "%s/%s", home, made[i]);
    remove(path);
  }
}

static void folder(const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", home, name);
  EXPECT_INT(mkdir(path, 0700), 0);
}

static void file(const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", home, name);
  FILE *out = fopen(path, "w");
  EXPECT(out != NULL);
  EXPECT(fputs(text, out) >= 0);
  EXPECT_INT(fclose(out), 0);
}

static void context(const char *name, struct remote server, const char *password) {
  char path[64], text[300];
  snprintf(path, sizeof path, "nats/context/%s.json", name);
  snprintf(text, sizeof text, "{\"url\":\"nats://%s\",\"user\":\"alice\",\"password\":\"%s\"}",
           server.address, password);
  file(path, text);
}

/* A folder with the context `prod`, which works, and `stale`, which is selected and does not. */
static void home_make(struct remote server) {
  strcpy(home, "/tmp/nats-ffi-c-XXXXXX");
  EXPECT(mkdtemp(home) != NULL);
  atexit(home_forget);
  folder("nats");
  folder("nats/context");
  context("prod", server, "secret");
  context("stale", server, CANARY);
  file("nats/context.txt", "stale\n");
}

/* ---- Processes ---- */

/* Connects with nothing in the environment but these two, which no thread reads yet. */
static nats_status connect_by(const char *folder, const char *name, nats_connection **nc,
                              nats_error **err) {
  nats_options *options = NULL;
  clearenv();
  setenv("XDG_CONFIG_HOME", folder, 1);
  setenv("NATS_CONTEXT", name, 1);
  nats_status status = nats_options_new(S("{\"environment\":true}"), &options, err);
  if (status) return status;
  status = nats_connect(NONE, options, nc, err);
  nats_options_free(options);
  return status;
}

/* 0: refused with this code and a text that says `part` and no secret. */
static int refused_by(const char *folder, const char *name, nats_status code, const char *part) {
  nats_connection *nc = NULL;
  nats_error *err = NULL;
  char text[512];
  if (connect_by(folder, name, &nc, &err) != code || !err) return 2;
  nats_str said = nats_error_text(err);
  snprintf(text, sizeof text, "%.*s", (int)said.len, said.ptr);
  nats_error_free(err);
  if (!strstr(text, part)) return 3;
  return strstr(text, CANARY) ? 4 : 0;
}

CHILD(context_named) {
  nats_connection *nc = NULL;
  if (argc != 1 || connect_by(argv[0], "prod", &nc, NULL)) return 2;
  if (nats_connection_flush(nc, WAIT_MS, NULL)) return 3;
  if (nats_connection_close(nc, NULL)) return 4;
  return nats_connection_free(nc) ? 5 : 0;
}

CHILD(context_selected) {
  return argc == 1 ? refused_by(argv[0], "", NATS_ERR_AUTHORIZATION, "") : 1;
}

CHILD(context_missing) {
  return argc == 1 ? refused_by(argv[0], "none", NATS_ERR_INVALID_OPTION, "'none'") : 1;
}

TEST("c-context-01", "the context is the one NATS_CONTEXT names, or else the selected one") {
  home_make(server_start("auth", NULL));
  EXPECT_INT(child_run("context_named", home), 0);
  EXPECT_INT(child_run("context_selected", home), 0);
  EXPECT_INT(child_run("context_missing", home), 0);
}
