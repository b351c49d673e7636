/* The servers that a connection knows, and which of them it tries next. */
#include "check.h"

#define EAGER "\"reconnect_delay_min_ms\":5,\"reconnect_delay_max_ms\":20"

static nats_doc *servers_of(nats_connection *nc) {
  nats_doc *servers = NULL;
  OK(nats_connection_servers(nc, &servers, E));
  return servers;
}

static void expect_member(nats_doc *doc, const char *path, const char *expected) {
  nats_str text;
  OK(nats_doc_get_str(doc, S(path), &text, E));
  EXPECT_TEXT(text, expected);
}

TEST("c-pool-01", "the document of servers: those that failed say how often and why, no secrets") {
  struct remote server = server_start("auth", NULL);
  char urls[300];
  nats_doc *servers = NULL;
  nats_str text;
  size_t count = 0;
  int64_t failures = 0;
  int32_t discovered = 1;
  snprintf(urls, sizeof urls, "nats://u:canary@127.0.0.1:1,nats://alice:secret@%s",
           server.address);
  nats_connection *nc = dial(urls, "{\"randomize\":false}");
  servers = servers_of(nc);
  expect_member(servers, "connected", server.url);
  OK(nats_doc_len(servers, S("known"), &count, E));
  EXPECT_INT(count, 2);
  OK(nats_doc_len(servers, S("discovered"), &count, E));
  EXPECT_INT(count, 0);
  expect_member(servers, "known.0", "nats://127.0.0.1:1");
  expect_member(servers, "pool.0.url", "nats://127.0.0.1:1");
  OK(nats_doc_get_int(servers, S("pool.0.failures"), &failures, E));
  EXPECT_INT(failures, 1);
  OK(nats_doc_get_bool(servers, S("pool.0.discovered"), &discovered, E));
  EXPECT_INT(discovered, 0);
  OK(nats_doc_get_str(servers, S("pool.0.error"), &text, E));
  EXPECT(text.len > 0);
  OK(nats_doc_get_int(servers, S("pool.1.failures"), &failures, E));
  EXPECT_INT(failures, 0);
  FAILS(NATS_ERR_NOT_FOUND, nats_doc_get_str(servers, S("pool.1.error"), &text, E));
  OK(nats_doc_json(servers, &text, E));
  char shown[2048];
  snprintf(shown, sizeof shown, "%.*s", (int)text.len, text.ptr);
  EXPECT(!strstr(shown, "canary") && !strstr(shown, "secret") && !strstr(shown, "alice"));
  OK(nats_doc_free(servers));
  works(nc);
}

TEST("c-pool-02", "set_servers counts from the next reconnect on; the connection stays till then") {
  struct remote first = server_start("plain", NULL), second = server_start("plain", NULL);
  static struct events events;
  nats_connection *nc = dial_watched(first.url, "{" EAGER "}", &events);
  nats_doc *out = NULL, *servers = NULL;
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  char json[200];
  snprintf(json, sizeof json, "{\"servers\":[\"%s\"]}", second.url);
  OK(nats_connection_set_servers(nc, S(json), &out, E));
  OK(nats_doc_free(out));
  servers = servers_of(nc);
  expect_member(servers, "connected", first.url);
  expect_member(servers, "known.0", second.url);
  OK(nats_doc_free(servers));
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 1));
  servers = servers_of(nc);
  expect_member(servers, "connected", second.url);
  OK(nats_doc_free(servers));

  snprintf(json, sizeof json, "{\"servers\":[\"%s\"]}", first.url);
  OK(nats_queue_new(&queue, E));
  OK(nats_connection_set_servers_async(nc, S(json), queue, 5, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.status == NATS_OK && event.token == 5);
  OK(nats_doc_free(event.value));
  OK(nats_queue_free(queue));
  tell(second, "kill", NULL);
  EXPECT(events_wait(&events, NATS_CONNECTION_EVENT_RECONNECTED, 2));
  EXPECT(strstr(events.last[NATS_CONNECTION_EVENT_RECONNECTED], first.address));
  hang_up_watched(nc, &events);
}

TEST("c-pool-03", "set_servers: what is no list of URLs is told, and changes nothing") {
  nats_connection *nc = dial_plain();
  nats_doc *out = NULL;
  const struct {
    const char *json;
    nats_status code;
    const char *says;
  } bad[] = {
      {"", NATS_ERR_INVALID_ARGUMENT, "servers"},
      {"{", NATS_ERR_INVALID_JSON, ""},
      {"[]", NATS_ERR_INVALID_ARGUMENT, "a list of URLs"},
      {"{\"servers\":\"nats://a\"}", NATS_ERR_INVALID_ARGUMENT, "a list of URLs"},
      {"{\"servers\":[1]}", NATS_ERR_INVALID_ARGUMENT, "a list of URLs"},
      {"{\"servres\":[]}", NATS_ERR_INVALID_OPTION, "servers"},
      {"{\"servers\":[]}", NATS_ERR_INVALID_URL, ""},
      {"{\"servers\":[\"nats://u:canary@h:99999\"]}", NATS_ERR_INVALID_URL, ""},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    FAILS(bad[i].code, nats_connection_set_servers(nc, S(bad[i].json), &out, E));
    SAYS(bad[i].says);
    EXPECT(!strstr(check_last_text(), "canary"));
  }
  FAILS(NATS_ERR_INVALID_HANDLE, nats_connection_set_servers(NULL, S("{}"), &out, E));
  nats_doc *servers = servers_of(nc);
  expect_member(servers, "known.0", plain_server());
  OK(nats_doc_free(servers));
  works(nc);
}

struct picker {
  char url[128], delay[16];
  const char *refusal;
  struct latch asked, gone;
  char about[4096];
};

static void pick(nats_question *question, void *user) {
  struct picker *picker = user;
  nats_str about = NONE;
  OK(nats_question_about(question, &about, E));
  snprintf(picker->about, sizeof picker->about, "%.*s", (int)about.len, about.ptr);
  if (picker->url[0]) OK(nats_question_answer(question, S("url"), B(picker->url), E));
  if (picker->delay[0]) OK(nats_question_answer(question, S("delay_ms"), B(picker->delay), E));
  if (picker->refusal) OK(nats_question_refuse(question, S(picker->refusal), E));
  latch_add(&picker->asked);
}

static void picker_gone(void *user) { latch_add(&((struct picker *)user)->gone); }

static nats_connection *dial_picking(const char *url, struct picker *picker) {
  nats_options *options = NULL;
  picker->asked = picker->gone = (struct latch)LATCH;
  OK(nats_options_new(S("{" EAGER "}"), &options, E));
  OK(nats_options_on_pick_server(options, pick, picker, picker_gone, E));
  return dial_with(url, options);
}

/* Reconnects once, and says where the connection is then. */
static const char *after_reconnect(nats_connection *nc, struct picker *picker, int asked) {
  static char url[128];
  nats_stats stats = {0};
  nats_str connected = NONE;
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(latch_wait(&picker->asked, asked, WAIT_MS));
  for (int64_t end = now_ms() + WAIT_MS; stats.reconnects < (uint64_t)asked && now_ms() < end;) {
    nats_connection_flush(nc, WAIT_MS, NULL);
    OK(nats_connection_stats(nc, &stats, E));
  }
  nats_doc *servers = servers_of(nc);
  OK(nats_doc_get_str(servers, S("connected"), &connected, E));
  snprintf(url, sizeof url, "%.*s", (int)connected.len, connected.ptr);
  OK(nats_doc_free(servers));
  return url;
}

TEST("life-07", "a function picks the next server of a cluster, and how long to wait first") {
  struct remote cluster = server_start("cluster", NULL);
  static struct picker picker;
  char urls[400], last[128];
  snprintf(urls, sizeof urls, "%s", answer_text("urls"));
  snprintf(last, sizeof last, "%s", strrchr(urls, ',') + 1);
  tell(cluster, "wait_ready", NULL);
  nats_connection *nc = dial_picking(cluster.url, &picker);
  EXPECT_INT(latch_count(&picker.asked), 0); /* not for the first connect */
  snprintf(picker.url, sizeof picker.url, "%s", last);
  snprintf(picker.delay, sizeof picker.delay, "150");
  int64_t start = now_ms();
  EXPECT(!strcmp(after_reconnect(nc, &picker, 1), last));
  EXPECT(now_ms() - start >= 149);
  EXPECT(strstr(picker.about, "\"servers\":[{\"url\":\""));
  EXPECT(strstr(picker.about, "\"discovered\":true") && strstr(picker.about, "\"failures\":0"));
  EXPECT(strstr(picker.about, "\"server_id\":\""));
  picker.delay[0] = 0;
  snprintf(picker.url, sizeof picker.url, "%s", cluster.url);
  EXPECT(!strcmp(after_reconnect(nc, &picker, 2), cluster.url));
  /* No answer, a refusal and a server that is none of them stand for the usual order. */
  picker.url[0] = 0;
  EXPECT(strcmp(after_reconnect(nc, &picker, 3), cluster.url));
  picker.refusal = "no idea";
  after_reconnect(nc, &picker, 4);
  picker.refusal = NULL;
  snprintf(picker.url, sizeof picker.url, "nats://192.0.2.1:4222");
  after_reconnect(nc, &picker, 5);
  hang_up(nc);
  EXPECT(latch_wait(&picker.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&picker.gone), 1);
}
