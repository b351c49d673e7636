/* Who connects: by options, and by a function that is asked. */
#include <unistd.h>

#include "check.h"
#include "keys.h"

#define EAGER "\"reconnect_delay_min_ms\":5,\"reconnect_delay_max_ms\":20"

struct member {
  const char *name, *value;
};

/* What a login function answers, and what became of it. */
struct login {
  struct member answer[4];
  const char *refusal;
  struct latch *gate; /* waits there before it answers */
  struct latch entered, asked, gone;
  char about[512];
  nats_question *question;
};

static void answer_login(nats_question *question, void *user) {
  struct login *login = user;
  nats_str about = NONE;
  OK(nats_question_about(question, &about, E));
  snprintf(login->about, sizeof login->about, "%.*s", (int)about.len, about.ptr);
  login->question = question;
  latch_add(&login->entered);
  if (login->gate) latch_wait(login->gate, 1, WAIT_MS);
  for (const struct member *member = login->answer; member->name; ++member) {
    OK(nats_question_answer(question, S(member->name), B(member->value), E));
  }
  if (login->refusal) OK(nats_question_refuse(question, S(login->refusal), E));
  latch_add(&login->asked);
}

static void forget_login(void *user) { latch_add(&((struct login *)user)->gone); }

static void login_init(struct login *login, const char *name, const char *value) {
  memset(login, 0, sizeof *login);
  login->entered = login->asked = login->gone = (struct latch)LATCH;
  login->answer[0] = (struct member){name, value};
}

static nats_options *asking(const char *json, struct login *login) {
  nats_options *options = NULL;
  OK(nats_options_new(S(json), &options, E));
  OK(nats_options_on_login(options, answer_login, login, forget_login, E));
  return options;
}

static void expect_gone(struct login *login) {
  EXPECT(latch_wait(&login->gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&login->gone), 1);
}

/* The option and the function with this answer let in. */
static void lets_in(struct remote server, const char *json, struct member one, struct member two) {
  static struct login login;
  works(dial(server.url, json));
  login_init(&login, one.name, one.value);
  login.answer[1] = two;
  works(dial_with(server.url, asking("", &login)));
  EXPECT_INT(latch_count(&login.asked), 1);
  EXPECT(strstr(login.about, server.url));
  expect_gone(&login);
}

TEST("life-01", "user, token, NKey and credentials, by option and by function") {
  const struct member none = {NULL, NULL};
  struct remote users = server_start("users", NULL), token = server_start("token", NULL);
  struct remote nkey = server_start("plain", KEYS_KNOWING_NKEY);
  struct remote trusting = server_start("plain", KEYS_TRUSTING);
  lets_in(users, "{\"user\":\"alice\",\"password\":\"secret\"}", (struct member){"user", "alice"},
          (struct member){"password", "secret"});
  lets_in(token, "{\"token\":\"s3cr3t\"}", (struct member){"token", "s3cr3t"}, none);
  lets_in(nkey, "{\"nkey_seed\":\"" KEYS_NKEY_SEED "\"}",
          (struct member){"seed", KEYS_NKEY_SEED}, none);
  lets_in(trusting, "{\"creds\":\"" KEYS_CREDS("\\n") "\"}",
          (struct member){"creds", KEYS_CREDS("\n")}, none);
  lets_in(trusting, "{\"jwt\":\"" KEYS_USER_JWT "\",\"nkey_seed\":\"" KEYS_USER_SEED "\"}",
          (struct member){"jwt", KEYS_USER_JWT}, (struct member){"seed", KEYS_USER_SEED});
}

TEST("life-02", "credentials by content and by file; damaged ones are not shown") {
  struct remote server = server_start("plain", KEYS_TRUSTING);
  char json[4096];
  works(dial(server.url, "{\"creds\":\"" KEYS_CREDS("\\n") "\"}"));
  snprintf(json, sizeof json, "{\"creds_file\":\"%s\"}", file_of(KEYS_CREDS("\n")));
  works(dial(server.url, json));
  snprintf(json, sizeof json, "{\"creds\":\"%.300scanary\"}", KEYS_CREDS("\\n"));
  refuse(server.url, json, NATS_ERR_INVALID_CREDENTIALS);
  EXPECT(!strstr(check_last_text(), "canary"));
  refuse(server.url, "{\"creds_file\":\"/no/such/file\"}", NATS_ERR_INVALID_CREDENTIALS);
  SAYS("creds_file");
}

TEST("c-auth-02", "what the question is about: the server, and the nonce where there is one") {
  struct remote users = server_start("users", NULL);
  struct remote nkey = server_start("plain", KEYS_KNOWING_NKEY);
  static struct login login;
  nats_doc *about = NULL;
  nats_str text;
  login_init(&login, "seed", KEYS_NKEY_SEED);
  works(dial_with(nkey.url, asking("", &login)));
  OK(nats_doc_parse(S(login.about), &about, E));
  OK(nats_doc_get_str(about, S("url"), &text, E));
  EXPECT_TEXT(text, nkey.url);
  OK(nats_doc_get_str(about, S("nonce"), &text, E));
  EXPECT(text.len > 8);
  OK(nats_doc_free(about));
  expect_gone(&login);
  login_init(&login, "user", "alice");
  refuse_with(users.url, asking("", &login), NATS_ERR_AUTHORIZATION);
  EXPECT(strstr(login.about, "\"nonce\":null"));
  expect_gone(&login);
}

TEST("c-auth-03", "a refusal fails the attempt with its text, whatever was answered") {
  static struct login login;
  login_init(&login, "user", "alice");
  login.refusal = "the vault is closed";
  refuse_with(plain_server(), asking("", &login), NATS_ERR_INVALID_CREDENTIALS);
  SAYS("the vault is closed");
  SAYS("login");
  expect_gone(&login);
}

TEST("c-auth-04", "a name that no login has, a value that is none: told without the value") {
  static struct login login;
  const struct {
    struct member member;
    const char *says;
  } bad[] = {
      {{"pasword", "canary"}, "'password'"},
      {{"seed", "canary"}, "seed"},
      {{"creds", "canary"}, "credentials"},
      {{"signature", "canary"}, "64 bytes"},
      {{"user", "canary\xff"}, "UTF-8"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    nats_connection *nc = NULL;
    login_init(&login, bad[i].member.name, bad[i].member.value);
    nats_options *options = asking("", &login);
    nats_error *err = NULL;
    nats_status status = nats_connect(S(plain_server()), options, &nc, &err);
    EXPECT(status != NATS_OK && nc == NULL);
    *E = err;
    check_status(__FILE__, __LINE__, bad[i].member.name, status, status);
    SAYS(bad[i].says);
    EXPECT(!strstr(check_last_text(), "canary"));
    OK(nats_options_free(options));
    expect_gone(&login);
  }
}

TEST("c-auth-05", "a name that is answered twice has the later value") {
  struct remote server = server_start("users", NULL);
  static struct login login;
  login_init(&login, "user", "nobody");
  login.answer[1] = (struct member){"password", "secret"};
  login.answer[2] = (struct member){"user", "alice"};
  works(dial_with(server.url, asking("", &login)));
  expect_gone(&login);
}

static void misuse(nats_question *question, void *user) {
  struct login *login = user;
  nats_str about;
  const nats_bytes impossible = {NULL, 3};
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_question_about(question, NULL, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_about(NULL, &about, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_answer(NULL, S("user"), B("x"), E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_refuse(NULL, S("no"), E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_question_answer(question, NONE, B("x"), E));
  SAYS("name");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_question_answer(question, S("user"), impossible, E));
  SAYS("value");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_question_refuse(question, S("\xff"), E));
  SAYS("why");
  OK(nats_question_answer(question, S("user"), nats_bytes_of(NULL, 0), NULL));
  login->question = question;
  latch_add(&login->asked);
}

TEST("c-auth-06", "bad arguments are told; a question ends with its callback") {
  static struct login login;
  nats_options *options = NULL;
  nats_str about;
  login_init(&login, NULL, NULL);
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_login(options, misuse, &login, forget_login, E));
  works(dial_with(plain_server(), options));
  EXPECT_INT(latch_count(&login.asked), 1);
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_about(login.question, &about, E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_answer(login.question, S("user"), B("x"), E));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_question_refuse(login.question, S("no"), E));
  expect_gone(&login);
}

TEST("c-auth-07", "destroy runs once: refused, replaced, removed, with options or connection") {
  static struct login login;
  nats_options *options = NULL;
  login_init(&login, NULL, NULL);
  FAILS(NATS_ERR_INVALID_HANDLE,
        nats_options_on_login(NULL, answer_login, &login, forget_login, E));
  EXPECT_INT(latch_count(&login.gone), 1);
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_login(options, NULL, &login, forget_login, E));
  EXPECT_INT(latch_count(&login.gone), 2);
  OK(nats_options_on_login(options, answer_login, &login, forget_login, E));
  OK(nats_options_on_login(options, answer_login, &login, forget_login, E));
  EXPECT_INT(latch_count(&login.gone), 3);
  OK(nats_options_on_login(options, NULL, NULL, NULL, E));
  EXPECT_INT(latch_count(&login.gone), 4);
  OK(nats_options_on_login(options, answer_login, &login, forget_login, E));
  nats_connection *nc = NULL;
  OK(nats_connect(S(plain_server()), options, &nc, E));
  OK(nats_options_free(options));
  /* A thread that has published, and a message that can be answered, know the connection still. */
  nats_subscription *sub = listen_to(nc, "c.auth.7", NULL);
  OK(nats_publish_msg(nc, S("c.auth.7"), S("c.auth.7.reply"), NULL, B("x"), E));
  nats_msg *msg = receive(sub);
  EXPECT_INT(latch_count(&login.gone), 4);
  OK(nats_connection_free(nc));
  EXPECT(latch_wait(&login.gone, 5, WAIT_MS));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  EXPECT_INT(latch_count(&login.gone), 5);
}

TEST("life-03", "the function is asked anew for each reconnect, also without its options") {
  struct remote server = server_start("users", NULL);
  static struct login login;
  login_init(&login, "user", "alice");
  login.answer[1] = (struct member){"password", "secret"};
  nats_connection *nc = dial_with(server.url, asking("{" EAGER "}", &login));
  nats_subscription *sub = listen_to(nc, "c.auth.8", NULL);
  for (int round = 2; round <= 4; ++round) {
    OK(nats_connection_force_reconnect(nc, E));
    EXPECT(latch_wait(&login.asked, round, WAIT_MS));
    send_text(nc, "c.auth.8", "x");
    receive_text(sub, "x");
  }
  EXPECT_INT(latch_count(&login.gone), 0);
  OK(nats_subscription_free(sub));
  hang_up(nc);
  expect_gone(&login);
}

TEST("c-auth-09", "a function that blocks too long fails the attempt by its timeout") {
  static struct login login;
  static struct latch gate;
  gate = (struct latch)LATCH;
  login_init(&login, NULL, NULL);
  login.gate = &gate;
  int64_t start = now_ms();
  refuse_with(plain_server(), asking("{\"connect_timeout_ms\":200}", &login),
              NATS_ERR_NO_SERVERS);
  SAYS("TIMEOUT");
  EXPECT(now_ms() - start >= 199 && now_ms() - start < WAIT_MS);
  EXPECT_INT(latch_count(&login.asked), 0);
  EXPECT_INT(latch_count(&login.gone), 0);
  latch_add(&gate); /* too late */
  expect_gone(&login);
  EXPECT_INT(latch_count(&login.asked), 1);
}

TEST("c-auth-10", "attempts that have timed out are not asked about once the function is free") {
  static struct login login;
  static struct latch gate;
  nats_connection *nc = NULL;
  gate = (struct latch)LATCH;
  login_init(&login, NULL, NULL);
  login.gate = &gate;
  nats_options *options = asking(
      "{\"connect_timeout_ms\":300,\"retry_on_failed_connect\":true," EAGER "}", &login);
  OK(nats_connect(S(plain_server()), options, &nc, E));
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  OK(nats_connection_watch(nc, queue, 1, E));
  for (int failed = 0; failed < 4;) {
    nats_event event;
    size_t count = 0;
    OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
    EXPECT_INT(count, 1);
    failed += event.arg == NATS_CONNECTION_EVENT_SERVER_ERROR;
    OK(nats_doc_free(event.value));
  }
  EXPECT_INT(latch_count(&login.entered), 1);
  latch_add(&gate);
  OK(nats_connection_flush(nc, WAIT_MS, E));
  /* Of six attempts at least: the first, and the one that succeeded (on a slow machine after
     a further one). */
  EXPECT(latch_count(&login.asked) < 5);
  OK(nats_queue_free(queue));
  OK(nats_options_free(options));
  hang_up(nc);
  expect_gone(&login);
}

/* Ends a connection while its login function is asked for a reconnect. */
static void end_while_asked(nats_status (*end)(nats_connection *)) {
  static struct login login;
  static struct latch gate;
  login_init(&login, NULL, NULL);
  gate = (struct latch)LATCH;
  nats_connection *nc = dial_with(plain_server(), asking("{" EAGER "}", &login));
  login.gate = &gate;
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(latch_wait(&login.entered, 2, WAIT_MS));
  int64_t start = now_ms();
  EXPECT_INT(end(nc), NATS_OK);
  EXPECT(now_ms() - start < WAIT_MS / 2);
  EXPECT_INT(latch_count(&login.gone), 0);
  EXPECT_INT(latch_count(&login.asked), 1);
  latch_add(&gate);
  EXPECT(latch_wait(&login.asked, 2, WAIT_MS));
  nats_connection_free(nc);
  expect_gone(&login);
  EXPECT_INT(latch_count(&login.asked), 2);
}

static nats_status close_it(nats_connection *nc) { return nats_connection_close(nc, NULL); }

TEST("c-auth-11", "a connection may be closed or freed while its function runs") {
  end_while_asked(close_it);
  end_while_asked(nats_connection_free);
}

struct ending {
  nats_connection *nc;
  nats_status (*end)(nats_connection *);
  struct latch asked, gone;
};

static void end_within(nats_question *question, void *user) {
  struct ending *ending = user;
  (void)question;
  if (ending->nc) EXPECT_INT(ending->end(ending->nc), NATS_OK);
  latch_add(&ending->asked);
}

static void ending_gone(void *user) { latch_add(&((struct ending *)user)->gone); }

TEST("c-auth-12", "the function may close or free its own connection") {
  nats_status (*ends[])(nats_connection *) = {close_it, nats_connection_free};
  for (int i = 0; i < 2; ++i) {
    static struct ending all[2];
    struct ending *ending = &all[i];
    nats_options *options = NULL;
    nats_connection *nc = NULL;
    *ending = (struct ending){NULL, ends[i], LATCH, LATCH};
    OK(nats_options_new(S("{" EAGER "}"), &options, E));
    OK(nats_options_on_login(options, end_within, ending, ending_gone, E));
    OK(nats_connect(S(plain_server()), options, &nc, E));
    OK(nats_options_free(options));
    ending->nc = nc;
    OK(nats_connection_force_reconnect(nc, E));
    EXPECT(latch_wait(&ending->asked, 2, WAIT_MS));
    if (i == 0) OK(nats_connection_free(nc));
    EXPECT(latch_wait(&ending->gone, 1, WAIT_MS));
    EXPECT_INT(latch_count(&ending->asked), 2);
  }
}

TEST("c-auth-13", "many connections of one options object are asked side by side") {
  enum { MANY = 8 };
  static struct login login;
  static struct latch gate;
  nats_queue *queue = NULL;
  nats_event events[MANY];
  login_init(&login, NULL, NULL);
  gate = (struct latch)LATCH;
  login.gate = &gate;
  nats_options *options = asking("", &login);
  OK(nats_queue_new(&queue, E));
  for (int i = 0; i < MANY; ++i) {
    OK(nats_connect_async(S(plain_server()), options, queue, 1, E));
  }
  OK(nats_options_free(options));
  EXPECT(latch_wait(&login.entered, MANY, WAIT_MS));
  latch_add(&gate);
  for (int got = 0; got < MANY;) {
    size_t count = 0;
    OK(nats_queue_poll(queue, events, MANY, WAIT_MS, &count, E));
    EXPECT(count > 0);
    for (size_t i = 0; i < count; ++i, ++got) {
      EXPECT_INT(events[i].status, NATS_OK);
      hang_up(events[i].value);
    }
  }
  OK(nats_queue_free(queue));
  expect_gone(&login);
  EXPECT_INT(latch_count(&login.asked), MANY);
}

CHILD(shut_down_asked) {
  static struct login login;
  static struct latch gate = LATCH;
  nats_queue *queue = NULL;
  nats_options *options = NULL;
  nats_event event;
  size_t count = 0;
  login_init(&login, NULL, NULL);
  login.gate = &gate;
  if (argc != 1 || nats_options_new(NONE, &options, NULL)) return 1;
  if (nats_options_on_login(options, answer_login, &login, forget_login, NULL)) return 2;
  if (nats_queue_new(&queue, NULL)) return 3;
  if (nats_connect_async(S(argv[0]), options, queue, 7, NULL)) return 4;
  nats_options_free(options);
  if (!latch_wait(&login.entered, 1, WAIT_MS)) return 5;
  if (nats_library_shutdown(100, NULL) != NATS_ERR_TIMEOUT) return 6;
  if (latch_count(&login.gone)) return 7;
  latch_add(&gate);
  if (nats_library_shutdown(WAIT_MS, NULL)) return 8;
  if (!latch_wait(&login.gone, 1, WAIT_MS) || latch_count(&login.asked) != 1) return 9;
  if (nats_queue_poll(queue, &event, 1, WAIT_MS, &count, NULL) || count != 1) return 10;
  if (event.status == NATS_OK || event.token != 7) return 11;
  nats_error_free(event.value);
  nats_queue_free(queue);
  return nats_library_handles() ? 12 : 0;
}

TEST("c-auth-14", "shutdown with an open question waits for the function, and no longer") {
  EXPECT_INT(child_run("shut_down_asked", plain_server()), 0);
}

static void fork_within(nats_question *question, void *user) {
  struct login *login = user;
  nats_str about;
  pid_t pid = fork();
  if (pid == 0) {
    if (nats_question_about(question, &about, NULL) != NATS_ERR_FORKED) _exit(1);
    if (nats_question_answer(question, S("user"), B("x"), NULL) != NATS_ERR_FORKED) _exit(2);
    _exit(nats_question_refuse(question, S("no"), NULL) == NATS_ERR_FORKED ? 0 : 3);
  }
  EXPECT_INT(child_exit(pid), 0);
  OK(nats_question_answer(question, S("user"), B("parent"), E));
  latch_add(&login->asked);
}

TEST("c-auth-15", "in a child that the function forks, the question is FORKED") {
  static struct login login;
  nats_options *options = NULL;
  login_init(&login, NULL, NULL);
  OK(nats_options_new(NONE, &options, E));
  OK(nats_options_on_login(options, fork_within, &login, forget_login, E));
  works(dial_with(plain_server(), options));
  expect_gone(&login);
  EXPECT_INT(latch_count(&login.asked), 1);
}
