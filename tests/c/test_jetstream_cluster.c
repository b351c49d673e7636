/* JetStream: the servers of a cluster that hold streams and consumers. */
#include "js.h"

#define ACCOUNTS                                                                     \
  "accounts { SYS: {users: [{user: sys, password: sys}]}\\n"                          \
  " A: {jetstream: enabled, users: [{user: a, password: a}]}\\n"                      \
  " B: {jetstream: enabled, users: [{user: b, password: b}]} }\\n"                    \
  "system_account: SYS\\nno_auth_user: a"

struct servers {
  struct remote remote;
  nats_connection *nc, *system_nc;
  nats_jetstream *js, *system;
};

static nats_jetstream *as(const char *url, const char *user, nats_connection **nc) {
  char options[64];
  nats_jetstream *js = NULL;
  snprintf(options, sizeof options, "{\"user\":\"%s\",\"password\":\"%s\"}", user, user);
  *nc = dial(url, options);
  OK(nats_jetstream_new(*nc, NONE, &js, E));
  return js;
}

static struct servers start_servers(void) {
  struct servers servers;
  servers.remote = server_start("cluster-jetstream", ACCOUNTS);
  servers.js = as(servers.remote.url, "a", &servers.nc);
  servers.system = as(servers.remote.url, "sys", &servers.system_nc);
  return servers;
}

static void close_servers(struct servers *servers) {
  close_js(servers->js, servers->nc);
  close_js(servers->system, servers->system_nc);
}

static void text_of(nats_doc *doc, const char *path, char *out, size_t cap) {
  nats_str text = NONE;
  nats_error *err = NULL;
  nats_doc_get_str(doc, S(path), &text, &err);
  nats_error_free(err);
  snprintf(out, cap, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

/* All of it is where it is to be. */
static bool is_whole(nats_doc *info, const void *about) {
  char leader[32], path[64];
  nats_doc *desired = NULL;
  nats_error *err = NULL;
  (void)about;
  text_of(info, "cluster.leader", leader, sizeof leader);
  nats_status moving = nats_doc_get_doc(info, S("cluster.desired"), &desired, &err);
  nats_error_free(err);
  if (moving == NATS_OK) nats_doc_free(desired);
  if (!*leader || moving == NATS_OK) return false;
  for (int i = 0; i < 4; ++i) {
    int32_t current = 0;
    err = NULL;
    snprintf(path, sizeof path, "cluster.replicas.%d.current", i);
    nats_status status = nats_doc_get_bool(info, S(path), &current, &err);
    nats_error_free(err);
    if (status != NATS_OK) break;
    if (!current) return false;
  }
  return true;
}

static bool leads(nats_doc *info, const void *server) {
  char leader[32];
  text_of(info, "cluster.leader", leader, sizeof leader);
  return is_whole(info, NULL) && !strcmp(leader, server);
}

static bool leads_not(nats_doc *info, const void *server) {
  char leader[32];
  text_of(info, "cluster.leader", leader, sizeof leader);
  return is_whole(info, NULL) && strcmp(leader, server) != 0;
}

/* Waits for the stream or consumer, and writes the name at `path` of its info. */
static void name_of(nats_jetstream *js, Op info, const char *input, const char *path, char out[32]) {
  nats_doc *doc = until_js(js, info, input, is_whole, NULL);
  text_of(doc, path, out, 32);
  OK(nats_doc_free(doc));
}

static void until_led(nats_jetstream *js, Op info, const char *input,
                      bool (*how)(nats_doc *, const void *), const char *server) {
  OK(nats_doc_free(until_js(js, info, input, how, server)));
}

static const char *with(const char *format, const char *server) {
  static char text[256];
  snprintf(text, sizeof text, format, server);
  return text;
}

#define STREAM J({"stream":"S"})
#define CONSUMER J({"stream":"S","consumer":"c"})

TEST("js-manage-51", "leaders step down for the server that is preferred") {
  struct servers all = start_servers();
  char first[32], next[32];
  do_js(all.js, nats_stream_create, J({"name":"S","subjects":["s"],"num_replicas":3}));
  name_of(all.js, nats_stream_info, STREAM, "cluster.leader", first);
  do_js(all.js, nats_stream_leader_stepdown, STREAM);
  until_led(all.js, nats_stream_info, STREAM, leads_not, first);
  name_of(all.js, nats_stream_info, STREAM, "cluster.replicas.0.name", next);
  if (do_newer(all.js, all.nc, 11, "placement", nats_stream_leader_stepdown,
               with("{\"stream\":\"S\",\"placement\":{\"preferred\":\"%s\"}}", next))) {
    until_led(all.js, nats_stream_info, STREAM, leads, next);
  }
  do_js(all.js, nats_consumer_create,
        J({"stream":"S","config":{"durable_name":"c","num_replicas":3}}));
  name_of(all.js, nats_consumer_info, CONSUMER, "cluster.replicas.0.name", next);
  if (do_newer(all.js, all.nc, 11, "placement", nats_consumer_leader_stepdown,
               with("{\"stream\":\"S\",\"consumer\":\"c\",\"placement\":{\"preferred\":\"%s\"}}",
                    next))) {
    until_led(all.js, nats_consumer_info, CONSUMER, leads, next);
  }
  refuse_js(all.js, nats_stream_leader_stepdown, J({"stream":"NONE"}), NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(all.js, nats_consumer_leader_stepdown, J({"stream":"S","consumer":"d"}),
            NATS_ERR_CONSUMER_NOT_FOUND);
  close_servers(&all);
}

TEST("js-manage-52", "streams and consumers are moved from servers, and taken away") {
  struct servers all = start_servers();
  char from[32];
  do_js(all.js, nats_stream_create, J({"name":"T","subjects":["t"],"num_replicas":2}));
  name_of(all.js, nats_stream_info, J({"stream":"T"}), "cluster.leader", from);
  do_js(all.js, nats_stream_peer_remove, with("{\"stream\":\"T\",\"peer\":\"%s\"}", from));
  until_led(all.js, nats_stream_info, J({"stream":"T"}), leads_not, from);
  refuse_js(all.js, nats_stream_peer_remove, J({"stream":"T","peer":"nobody"}), NATS_ERR_JETSTREAM);
  refuse_js(all.js, nats_stream_peer_remove, J({"stream":"T","peer":""}),
            NATS_ERR_INVALID_ARGUMENT);
  do_js(all.js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  store(all.js, "s", "one");
  name_of(all.js, nats_stream_info, STREAM, "cluster.leader", from);
  if (!do_newer(all.js, all.nc, 15, "to evacuate a peer", nats_stream_peer_evacuate,
                with("{\"stream\":\"S\",\"peer\":\"%s\"}", from))) {
    close_servers(&all);
    return;
  }
  until_led(all.js, nats_stream_info, STREAM, leads_not, from);
  EXPECT_INT(number_js(all.js, nats_stream_info, STREAM, "state.messages"), 1);
  const char *consumer = J({"stream":"T","consumer":"c"});
  do_js(all.js, nats_consumer_create,
        J({"stream":"T","config":{"durable_name":"c","num_replicas":1}}));
  name_of(all.js, nats_consumer_info, consumer, "cluster.leader", from);
  do_js(all.js, nats_consumer_peer_evacuate,
        with("{\"stream\":\"T\",\"consumer\":\"c\",\"peer\":\"%s\"}", from));
  until_led(all.js, nats_consumer_info, consumer, leads_not, from);
  close_servers(&all);
}

static bool is_moving(nats_doc *info, const void *about) {
  char created[64];
  (void)about;
  text_of(info, "cluster.desired.created", created, sizeof created);
  return *created != 0;
}

TEST("js-manage-53", "a scaling that is under way is told and taken back") {
  struct servers all = start_servers();
  char leader[32];
  do_js(all.js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  if (!refuse_newer(all.js, all.nc, 15, "to cancel a move", nats_stream_cancel_move, STREAM,
                    NATS_ERR_JETSTREAM)) {
    close_servers(&all);
    return;
  }
  name_of(all.js, nats_stream_info, STREAM, "cluster.leader", leader);
  /* One of the servers that it is to grow to does not answer. The first is the connection's. */
  const char *node = strcmp(leader, "harness-2") ? "\"node\":1" : "\"node\":2";
  tell(all.remote, "pause", "%s", node);
  OK(nats_doc_free(until_js(all.js, nats_stream_update,
                            J({"name":"S","subjects":["s"],"num_replicas":3}), is_there, NULL)));
  nats_doc *info = until_js(all.js, nats_stream_info, STREAM, is_moving, NULL);
  expect_int(info, "cluster.desired.origin.replicas", 1);
  OK(nats_doc_free(info));
  do_js(all.js, nats_stream_cancel_move, STREAM);
  until_led(all.js, nats_stream_info, STREAM, leads, leader);
  until_int(all.js, nats_stream_info, STREAM, "config.num_replicas", 1);
  tell(all.remote, "resume", "%s", node);
  close_servers(&all);
}

TEST("js-manage-54", "what the system account may do") {
  struct servers all = start_servers();
  char server[32];
  nats_subscription *told = listen_to(all.system_nc, "$JS.EVENT.ADVISORY.DOMAIN.>", NULL);
  do_js(all.system, nats_meta_leader_stepdown, "");
  OK(nats_msg_free(receive(told)));
  OK(nats_subscription_free(told));
  refuse_newer(all.system, all.system_nc, 11, "placement.preferred", nats_meta_leader_stepdown,
               J({"placement":{"preferred":"nobody"}}), NATS_ERR_JETSTREAM);
  OK(nats_doc_free(until_js(all.js, nats_stream_create, J({"name":"S","subjects":["s"]}), is_there,
                            NULL)));
  name_of(all.js, nats_stream_info, STREAM, "cluster.leader", server);
  nats_doc *moved =
      ask_js(all.system, nats_account_stream_move,
             with("{\"account\":\"A\",\"stream\":\"S\",\"server\":\"%s\"}", server));
  expect_str(moved, "config.name", "S");
  OK(nats_doc_free(moved));
  until_led(all.js, nats_stream_info, STREAM, leads_not, server);
  /* Older servers do not tell when the move is over, and agree until then. */
  if (is_at_least(all.nc, 2, 15)) {
    refuse_js(all.system, nats_account_stream_cancel_move, J({"account":"A","stream":"S"}),
              NATS_ERR_JETSTREAM);
  }
  name_of(all.js, nats_stream_info, STREAM, "cluster.leader", server);
  if (do_newer(all.system, all.system_nc, 15, "to evacuate a server", nats_server_evacuate,
               with("{\"peer\":\"%s\"}", server))) {
    until_led(all.js, nats_stream_info, STREAM, leads_not, server);
  }
  nats_connection *nc;
  nats_jetstream *other = as(all.remote.url, "b", &nc);
  do_js(other, nats_stream_create, J({"name":"B","subjects":["b"]}));
  nats_doc *purged = ask_js(all.system, nats_account_purge, J({"account":"B"}));
  expect_bool(purged, "initiated", true);
  OK(nats_doc_free(purged));
  int64_t streams = 1;
  for (int64_t end = now_ms() + WAIT_MS; streams && now_ms() < end;) {
    nats_doc *account = NULL;
    OK(nats_account_info(other, &account, E));
    streams = int_of(account, "streams");
    OK(nats_doc_free(account));
  }
  EXPECT_INT(streams, 0);
  close_js(other, nc);
  nats_doc *rescue = ask_newer(all.system, all.system_nc, 15, "to rescue the quorum",
                               nats_meta_rescue, J({"quorum_needed":2}));
  if (rescue) {
    expect_len(rescue, "servers", 3);
    expect_int(rescue, "servers.0.error.err_code", 10224);
    OK(nats_doc_free(rescue));
  }
  refuse_js(all.system, nats_server_remove, J({"peer":"nobody"}), NATS_ERR_JETSTREAM);
  refuse_js(all.system, nats_server_remove, "", NATS_ERR_INVALID_ARGUMENT);
  refuse_js(all.system, nats_meta_rescue, J({"quorum_needed":0}), NATS_ERR_INVALID_ARGUMENT);
  close_servers(&all);
}

TEST("js-manage-55", "other accounts are not answered, and told why") {
  struct servers all = start_servers();
  nats_jetstream *hasty = NULL;
  OK(nats_jetstream_new(all.nc, S(J({"timeout_ms":100})), &hasty, E));
  refuse_js(hasty, nats_meta_leader_stepdown, "", NATS_ERR_TIMEOUT);
  SAYS("system account");
  OK(nats_jetstream_free(hasty));
  close_servers(&all);
}

static bool is_rescued(nats_doc *rescue, const void *about) {
  nats_error *err = NULL;
  int64_t quorum = 0;
  (void)about;
  nats_doc_get_int(rescue, S("servers.0.new_quorum"), &quorum, &err);
  nats_error_free(err);
  return quorum == 1;
}

TEST("js-manage-58", "a cluster of which most is lost goes on with a smaller quorum") {
  struct servers all = start_servers();
  /* While all are there, this changes nothing. */
  if (!do_newer(all.system, all.system_nc, 15, "to rescue the quorum", nats_meta_rescue,
                J({"quorum_needed":2}))) {
    close_servers(&all);
    return;
  }
  tell(all.remote, "kill", "\"node\":1");
  tell(all.remote, "kill", "\"node\":2");
  nats_doc *rescue =
      until_js(all.system, nats_meta_rescue, J({"quorum_needed":1}), is_rescued, NULL);
  expect_str(rescue, "servers.0.server", "harness-1");
  expect_int(rescue, "servers.0.prev_quorum", 2);
  OK(nats_doc_free(rescue));
  const char *gone[] = {J({"peer":"harness-2"}), J({"peer":"harness-3"})};
  for (int i = 0; i < 2; ++i) {
    OK(nats_doc_free(until_js(all.system, nats_server_remove, gone[i], is_there, NULL)));
  }
  OK(nats_doc_free(until_js(all.js, nats_stream_create, J({"name":"S","subjects":["s"]}), is_there,
                            NULL)));
  close_servers(&all);
}
