/* The library's log. */
#include <unistd.h>

#include "check.h"

struct journal {
  pthread_mutex_t lock;
  char text[262144];
  size_t len;
  int worst; /* the least important level that came */
  const char *wanted;
  struct latch records, found, gone;
};

static void journal_init(struct journal *journal, const char *wanted) {
  memset(journal, 0, sizeof *journal);
  pthread_mutex_init(&journal->lock, NULL);
  journal->wanted = wanted;
  journal->records = journal->found = journal->gone = (struct latch)LATCH;
}

static void write_down(int32_t level, nats_str text, void *user) {
  struct journal *journal = user;
  pthread_mutex_lock(&journal->lock);
  char *at = journal->text + journal->len;
  journal->len += (size_t)snprintf(at, 4096, "%.*s\n", (int)text.len, text.ptr);
  if (journal->len > sizeof journal->text - 8192) journal->len = 0;
  if (level > journal->worst) journal->worst = level;
  bool found = journal->wanted && strstr(at, journal->wanted);
  pthread_mutex_unlock(&journal->lock);
  if (found) latch_add(&journal->found);
  latch_add(&journal->records);
}

static void journal_gone(void *user) { latch_add(&((struct journal *)user)->gone); }

static void listen_at(int32_t level, struct journal *journal) {
  OK(nats_log_set(level, write_down, journal, journal_gone, E));
}

static void hush(struct journal *journal) {
  OK(nats_log_set(0, NULL, NULL, NULL, E));
  EXPECT(latch_wait(&journal->gone, 1, WAIT_MS));
}

TEST("life-10", "records of connections arrive up to the level; NULL ends them") {
  static struct journal all, few;
  journal_init(&all, "connected detail=");
  char urls[200];
  snprintf(urls, sizeof urls, "nats://127.0.0.1:1,%s", plain_server());
  listen_at(NATS_LOG_DEBUG, &all);
  works(dial(urls, "{\"randomize\":false}"));
  EXPECT(latch_wait(&all.found, 1, WAIT_MS));
  EXPECT(all.worst == NATS_LOG_DEBUG);
  hush(&all);
  int64_t heard = latch_count(&all.records);
  journal_init(&few, "giving up");
  listen_at(NATS_LOG_WARN, &few);
  refuse("nats://127.0.0.1:1", NULL, NATS_ERR_NO_SERVERS);
  EXPECT(latch_wait(&few.found, 1, WAIT_MS));
  hush(&few);
  EXPECT_INT(few.worst, NATS_LOG_WARN);
  EXPECT(!strstr(few.text, "attempt failed"));
  EXPECT_INT(latch_count(&all.records), heard);
}

TEST("c-log-02", "a listener that is replaced hears nothing more, and its hook runs once") {
  static struct journal first, second;
  journal_init(&first, NULL);
  journal_init(&second, "closed detail=");
  listen_at(NATS_LOG_TRACE, &first);
  nats_connection *nc = dial_plain();
  EXPECT(latch_wait(&first.records, 1, WAIT_MS));
  listen_at(NATS_LOG_TRACE, &second);
  EXPECT(latch_wait(&first.gone, 1, WAIT_MS));
  int64_t heard = latch_count(&first.records);
  hang_up(nc);
  EXPECT(latch_wait(&second.found, 1, WAIT_MS));
  EXPECT_INT(latch_count(&first.records), heard);
  hush(&second);
  EXPECT_INT(latch_count(&first.gone), 1);
  EXPECT_INT(latch_count(&second.gone), 1);
}

TEST("c-log-03", "levels that there are not; the hook of what is refused runs at once") {
  static struct journal journal;
  journal_init(&journal, NULL);
  const int32_t levels[] = {0, 6, -1, INT32_MAX};
  for (int i = 0; i < 4; ++i) {
    FAILS(NATS_ERR_INVALID_ARGUMENT,
          nats_log_set(levels[i], write_down, &journal, journal_gone, E));
    SAYS("level");
    EXPECT_INT(latch_count(&journal.gone), i + 1);
  }
  OK(nats_log_set(-1, NULL, &journal, journal_gone, E)); /* nothing to filter */
  EXPECT_INT(latch_count(&journal.gone), 5);
}

static void replace_itself(int32_t level, nats_str text, void *user) {
  struct journal *journal = user;
  (void)level, (void)text;
  OK(nats_log_set(NATS_LOG_ERROR, NULL, NULL, NULL, E));
  latch_add(&journal->records);
}

TEST("c-log-04", "a listener may end itself, and use the library") {
  static struct journal journal;
  journal_init(&journal, NULL);
  OK(nats_log_set(NATS_LOG_TRACE, replace_itself, &journal, journal_gone, E));
  works(dial_plain());
  EXPECT(latch_wait(&journal.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&journal.records), 1);
}

static void tell_secret(nats_question *question, void *user) {
  (void)user;
  OK(nats_question_answer(question, S("user"), B("alice"), E));
  OK(nats_question_answer(question, S("password"), B("canary-answer"), E));
}

TEST("c-log-05", "no record shows a secret or a payload, whatever fails") {
  static struct journal journal;
  struct remote users = server_start("users", NULL);
  struct remote tunnel = tunnel_start("http", "me", "p");
  nats_options *options = NULL;
  char url[200], json[300];
  journal_init(&journal, "giving up");
  listen_at(NATS_LOG_TRACE, &journal);
  snprintf(url, sizeof url, "nats://alice:canary-url@%s", users.address);
  refuse(url, NULL, NATS_ERR_AUTHORIZATION);
  refuse(users.url, "{\"user\":\"alice\",\"password\":\"canary-pass\"}", NATS_ERR_AUTHORIZATION);
  refuse(users.url, "{\"token\":\"canary-token\"}", NATS_ERR_AUTHORIZATION);
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_login(options, tell_secret, NULL, NULL, E));
  refuse_with(users.url, options, NATS_ERR_AUTHORIZATION);
  snprintf(json, sizeof json, "{\"proxy\":\"http://me:canary-proxy@%s\"}", tunnel.address);
  refuse(users.url, json, NATS_ERR_AUTHORIZATION);
  snprintf(url, sizeof url, "ws://%s/?key=canary-query", users.address);
  refuse(url, "{\"ws_headers\":{\"Authorization\":\"canary-header\"},\"connect_timeout_ms\":500}",
         NATS_ERR_NO_SERVERS);
  nats_connection *nc = dial(users.url, "{\"user\":\"alice\",\"password\":\"secret\"}");
  nats_subscription *sub = listen_to(nc, "c.log.5", NULL);
  send_text(nc, "c.log.5", "canary-payload");
  receive_text(sub, "canary-payload");
  OK(nats_subscription_free(sub));
  hang_up(nc);
  EXPECT(latch_wait(&journal.found, 6, WAIT_MS));
  hush(&journal);
  EXPECT(journal.len > 500);
  EXPECT(!strstr(journal.text, "canary"));
  EXPECT(!strstr(journal.text, "secret"));
}

/* In a child: nothing of the parent's log is called, and an own one works. */
static int log_in_the_child(struct journal *parents) {
  static struct journal own;
  nats_connection *nc = NULL;
  int64_t before = latch_count(&parents->records);
  if (nats_connect(S(plain_server()), NULL, &nc, NULL)) return 1;
  if (nats_connection_close(nc, NULL) || nats_connection_free(nc)) return 2;
  journal_init(&own, "connected detail=");
  if (nats_log_set(NATS_LOG_DEBUG, write_down, &own, journal_gone, NULL)) return 3;
  if (nats_connect(S(plain_server()), NULL, &nc, NULL)) return 4;
  if (!latch_wait(&own.found, 1, WAIT_MS)) return 5;
  if (nats_log_set(0, NULL, NULL, NULL, NULL) || !latch_wait(&own.gone, 1, WAIT_MS)) return 6;
  return latch_count(&parents->records) == before && !latch_count(&parents->gone) ? 0 : 7;
}

TEST("c-log-06", "a child of fork() does not write to its parent's log, and may have its own") {
  static struct journal journal;
  journal_init(&journal, NULL);
  listen_at(NATS_LOG_DEBUG, &journal);
  works(dial_plain());
  EXPECT(latch_wait(&journal.records, 1, WAIT_MS));
  pid_t pid = fork();
  if (pid == 0) _exit(log_in_the_child(&journal));
  EXPECT_INT(child_exit(pid), 0);
  hush(&journal);
}

CHILD(log_and_shut_down) {
  static struct journal journal, again;
  nats_connection *nc = NULL;
  journal_init(&journal, NULL);
  journal_init(&again, "connected detail=");
  if (nats_log_set(NATS_LOG_DEBUG, write_down, &journal, journal_gone, NULL)) return 1;
  if (argc != 1 || nats_connect(S(argv[0]), NULL, &nc, NULL)) return 2;
  nats_connection_free(nc);
  if (nats_library_shutdown(WAIT_MS, NULL)) return 3;
  if (latch_count(&journal.gone) != 1) return 4;
  if (nats_log_set(NATS_LOG_DEBUG, write_down, &again, journal_gone, NULL)) return 5;
  if (nats_connect(S(argv[0]), NULL, &nc, NULL)) return 6;
  if (!latch_wait(&again.found, 1, WAIT_MS)) return 7;
  nats_connection_free(nc);
  return nats_library_shutdown(WAIT_MS, NULL) || latch_count(&again.gone) != 1 ? 8 : 0;
}

TEST("c-log-07", "shutdown ends the log; it can be set again") {
  EXPECT_INT(child_run("log_and_shut_down", plain_server()), 0);
}
