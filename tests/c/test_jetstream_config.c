/* JetStream: configurations of streams and consumers, which come back as they were sent. */
#include "js.h"

/* The next member of a JSON object at its own depth, from `at` on; where to go on, or NULL. */
static const char *next_member(const char *at, int *depth, char name[64]) {
  for (bool is_key = *at == '{' || *at == ','; *at; ++at) {
    if (*at == '{' || *at == '[') is_key = ++*depth == 1;
    else if (*at == '}' || *at == ']') --*depth;
    else if (*at == ',') is_key = *depth == 1;
    else if (*at == '"') {
      const char *end = strchr(at + 1, '"');
      if (is_key) {
        snprintf(name, 64, "%.*s", (int)(end - at - 1), at + 1);
        return end + 1;
      }
      at = end;
    }
  }
  return NULL;
}

static void same(nats_doc *sent, nats_doc *told, const char *name) {
  char from[80], to[80];
  nats_doc *a = NULL, *b = NULL;
  nats_str text_a = NONE, text_b = NONE;
  /* The server adds metadata of its own. */
  const char *part = strcmp(name, "metadata") ? "" : ".k";
  snprintf(from, sizeof from, "%s%s", name, part);
  snprintf(to, sizeof to, "config.%s%s", name, part);
  OK(nats_doc_get_doc(sent, S(from), &a, E));
  OK(nats_doc_get_doc(told, S(to), &b, E));
  OK(nats_doc_json(a, &text_a, E));
  OK(nats_doc_json(b, &text_b, E));
  if (text_a.len != text_b.len || memcmp(text_a.ptr, text_b.ptr, text_a.len)) {
    check_fail(__FILE__, __LINE__, "%s: %.*s became %.*s", from, (int)text_a.len, text_a.ptr,
               (int)text_b.len, text_b.ptr);
  }
  OK(nats_doc_free(a));
  OK(nats_doc_free(b));
}

/* Makes it, and looks whether every member of the configuration is told as it was sent. */
static void comes_back(nats_jetstream *js, Op create, Op info, const char *input, const char *named,
                       const char *config) {
  nats_doc *sent = NULL;
  char name[64];
  int depth = 0, count = 0;
  do_js(js, create, input);
  nats_doc *told = ask_js(js, info, named);
  OK(nats_doc_parse(S(config), &sent, E));
  for (const char *at = config; (at = next_member(at, &depth, name)); ++count) {
    same(sent, told, name);
  }
  EXPECT(count > 1);
  OK(nats_doc_free(sent));
  OK(nats_doc_free(told));
}

static void stream_comes_back(nats_jetstream *js, const char *config, const char *named) {
  comes_back(js, nats_stream_create, nats_stream_info, config, named, config);
}

/* The same with what servers have since 2.`minor`. */
static void newer_comes_back(nats_jetstream *js, nats_connection *nc, int minor, const char *what,
                             const char *config, const char *named) {
  if (do_newer(js, nc, minor, what, nats_stream_create, config)) {
    stream_comes_back(js, config, named);
  }
}

static void consumer_comes_back(nats_jetstream *js, const char *config, const char *named) {
  char input[2048];
  snprintf(input, sizeof input, "{\"stream\":\"S\",\"config\":%s}", config);
  comes_back(js, nats_consumer_create, nats_consumer_info, input, named, config);
}

TEST("js-manage-30", "limits, retention, storage, placement and the like come back") {
  struct remote server = server_start("jetstream", "server_tags: [ssd]");
  nats_connection *nc;
  nats_jetstream *js = open_js(server.url, &nc);
  stream_comes_back(js, J({"name":"S","description":"all of it","subjects":["s.>"],
      "retention":"interest","max_consumers":10,"max_msgs":1000,"max_bytes":1048576,"discard":"new",
      "discard_new_per_subject":true,"max_age":3600000000000,"max_msgs_per_subject":20,
      "max_msg_size":4096,"storage":"file","num_replicas":1,"no_ack":true,
      "duplicate_window":60000000000,"placement":{"tags":["ssd"]},"deny_delete":true,
      "deny_purge":true,"compression":"s2","first_seq":100,
      "consumer_limits":{"inactive_threshold":600000000000,"max_ack_pending":50},
      "metadata":{"k":"v"}}), J({"stream":"S"}));
  stream_comes_back(js, J({"name":"Q","subjects":["q"],"retention":"workqueue","storage":"memory"}),
                    J({"stream":"Q"}));
  close_js(js, nc);
}

TEST("js-manage-31", "TTL, counters, batches, schedules and the mode of persistence come back") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  newer_comes_back(js, nc, 11, "allow_msg_ttl", J({"name":"TTL","subjects":["ttl"],
      "allow_msg_ttl":true,"subject_delete_marker_ttl":60000000000,"allow_rollup_hdrs":true}),
      J({"stream":"TTL"}));
  newer_comes_back(js, nc, 12, "allow_msg_schedules", J({"name":"PLANS","subjects":["plans"],
      "allow_msg_schedules":true}), J({"stream":"PLANS"}));
  newer_comes_back(js, nc, 12, "allow_atomic", J({"name":"ATOMIC","subjects":["atomic"],
      "allow_atomic":true}), J({"stream":"ATOMIC"}));
  newer_comes_back(js, nc, 14, "allow_batched", J({"name":"ALL","subjects":["all"],
      "allow_msg_ttl":true,"subject_delete_marker_ttl":60000000000,"allow_rollup_hdrs":true,
      "allow_msg_schedules":true,"allow_atomic":true,"allow_batched":true}), J({"stream":"ALL"}));
  newer_comes_back(js, nc, 12, "allow_msg_counter", J({"name":"COUNT","subjects":["c"],
      "allow_msg_counter":true}), J({"stream":"COUNT"}));
  newer_comes_back(js, nc, 12, "persist_mode", J({"name":"FAST","subjects":["fast"],
      "persist_mode":"async"}), J({"stream":"FAST"}));
  close_js(js, nc);
}

TEST("js-manage-32", "a mirror has what its origin has") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name":"ORIGIN","subjects":["o.>"],"allow_direct":true}));
  for (int i = 0; i < 5; ++i) store(js, "o.a", "x");
  stream_comes_back(js, J({"name":"MIRROR","mirror":{"name":"ORIGIN","opt_start_seq":3},
      "mirror_direct":true,"allow_direct":true}), J({"stream":"MIRROR"}));
  until_int(js, nats_stream_info, J({"stream":"MIRROR"}), "state.messages", 3);
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"MIRROR"}));
  expect_str(info, "mirror.name", "ORIGIN");
  expect_int(info, "mirror.lag", 0);
  OK(nats_doc_free(info));
  close_js(js, nc);
}

TEST("js-manage-33", "a stream gathers from others, filtered and transformed") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name":"A","subjects":["a.>"]}));
  do_js(js, nats_stream_create, J({"name":"B","subjects":["b.>"]}));
  stream_comes_back(js, J({"name":"ALL","sources":[
      {"name":"A","subject_transforms":[{"src":"a.*","dest":"all.a.$1"},{"src":"a.x.>","dest":"all.x.>"}]},
      {"name":"B","filter_subject":"b.1"},
      {"name":"FAR","opt_start_time":"2030-01-01T00:00:00Z",
       "external":{"api":"$JS.far.API","deliver":"deliver.far"}}]}), J({"stream":"ALL"}));
  const char *subjects[] = {"a.1", "a.x.y", "b.1", "b.2", "a.y.z"};
  for (int i = 0; i < 5; ++i) store(js, subjects[i], "x");
  until_int(js, nats_stream_info, J({"stream":"ALL"}), "state.messages", 3);
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"ALL","subjects_filter":">"}));
  expect_int(info, "state.subjects.all\\.a\\.1", 1);
  expect_int(info, "state.subjects.all\\.x\\.y", 1);
  expect_int(info, "state.subjects.b\\.1", 1);
  expect_len(info, "sources", 3); /* in any order */
  for (int i = 0, found = 0; i <= 3 && !found; ++i) {
    char path[32];
    nats_str name = NONE;
    EXPECT(i < 3);
    snprintf(path, sizeof path, "sources.%d.name", i % 3);
    OK(nats_doc_get_str(info, S(path), &name, E));
    found = name.len == 3 && !strncmp(name.ptr, "FAR", 3);
    snprintf(path, sizeof path, "sources.%d.external.api", i % 3);
    if (found) expect_str(info, path, "$JS.far.API");
  }
  OK(nats_doc_free(info));
  close_js(js, nc);
}

TEST("js-manage-34", "a stream gathers by a consumer that exists") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name":"ORIGIN","subjects":["o.>"]}));
  nats_doc *made = ask_newer(js, nc, 14, "ack_policy flow_control", nats_consumer_create,
      J({"stream":"ORIGIN","config":{"durable_name":"reader","deliver_subject":"gather.here",
         "ack_policy":"flow_control","flow_control":true,"idle_heartbeat":1000000000,
         "max_ack_pending":100}}));
  newer_comes_back(js, nc, 14, "consumer of a source", J({"name":"ALL","sources":[{"name":"ORIGIN",
      "consumer":{"name":"reader","deliver_subject":"gather.here"}}]}), J({"stream":"ALL"}));
  if (made) {
    expect_str(made, "config.ack_policy", "flow_control");
    OK(nats_doc_free(made));
    for (int i = 0; i < 200; ++i) store(js, "o.a", "x");
    until_int(js, nats_stream_info, J({"stream":"ALL"}), "state.messages", 200);
  }
  close_js(js, nc);
}

static bool has_two(nats_doc *info, const void *about) {
  size_t len = 0;
  nats_error *err = NULL;
  (void)about;
  nats_status status = nats_doc_len(info, S("alternates"), &len, &err);
  nats_error_free(err);
  return status == NATS_OK && len == 2;
}

TEST("js-manage-35", "a mirror is an alternate of its origin") {
  struct remote servers = server_start("cluster-jetstream", NULL);
  nats_connection *nc;
  nats_jetstream *js = open_js(servers.url, &nc);
  do_js(js, nats_stream_create, J({"name":"ORIGIN","subjects":["o.>"]}));
  do_js(js, nats_stream_create, J({"name":"MIRROR","mirror":{"name":"ORIGIN"}}));
  nats_doc *info = until_js(js, nats_stream_info, J({"stream":"ORIGIN"}), has_two, NULL);
  nats_str first = NONE;
  OK(nats_doc_get_str(info, S("alternates.0.name"), &first, E));
  expect_str(info, "alternates.1.name", first.len && *first.ptr == 'M' ? "ORIGIN" : "MIRROR");
  expect_str(info, "alternates.1.cluster", "harness");
  OK(nats_doc_free(info));
  close_js(js, nc);
}

TEST("js-manage-36", "stored messages are published again, under other subjects") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  stream_comes_back(js, J({"name":"S","subjects":["in.*"],
      "subject_transform":{"src":"in.*","dest":"kept.$1"},
      "republish":{"src":"kept.>","dest":"again.>","headers_only":true}}), J({"stream":"S"}));
  nats_subscription *sub = listen_to(nc, "again.>", NULL);
  store(js, "in.1", "payload");
  nats_msg *msg = receive(sub);
  EXPECT_TEXT(nats_msg_subject(msg), "again.1");
  EXPECT_INT(nats_msg_payload(msg).len, 0);
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  nats_doc *kept = ask_js(js, nats_stream_get_message, J({"stream":"S","seq":1}));
  expect_str(kept, "subject", "kept.1");
  OK(nats_doc_free(kept));
  close_js(js, nc);
}

TEST("js-manage-37", "pedantic: what the server would adapt is refused") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  refuse_newer(js, nc, 11, "pedantic", nats_stream_create,
      J({"name":"S","subjects":["s"],"max_age":60000000000,"duplicate_window":600000000000,
         "pedantic":true}), NATS_ERR_JETSTREAM);
  do_js(js, nats_stream_create,
        J({"name":"S","subjects":["s"],"consumer_limits":{"max_ack_pending":10}}));
  refuse_newer(js, nc, 11, "pedantic", nats_consumer_create,
      J({"stream":"S","config":{"durable_name":"c","pedantic":true}}), NATS_ERR_JETSTREAM);
  nats_doc *made = ask_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  expect_int(made, "config.max_ack_pending", 10);
  OK(nats_doc_free(made));
  close_js(js, nc);
}

TEST("js-manage-38", "what an old server does not know is told, and not sent") {
  const char *old = J({"server_id":"F","server_name":"f","version":"2.10.26","proto":1,"go":"none",
      "host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576});
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, old, NULL, 0);
  refuse_js(js, nats_stream_create, J({"name":"S","allow_msg_ttl":true}), NATS_ERR_UNSUPPORTED);
  SAYS("allow_msg_ttl needs server 2.11");
  refuse_js(js, nats_consumer_create,
            J({"stream":"S","config":{"name":"c","priority_groups":["g"]}}), NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_stream_get_batch, J({"stream":"S"}), NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_stream_backup, J({"stream":"S","folder":"/nowhere","window_size":1048576}),
            NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_stream_peer_evacuate, J({"stream":"S","peer":"n"}), NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_stream_cancel_move, J({"stream":"S"}), NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_server_evacuate, J({"peer":"n"}), NATS_ERR_UNSUPPORTED);
  refuse_js(js, nats_meta_rescue, J({"quorum_needed":1}), NATS_ERR_UNSUPPORTED);
  EXPECT(!strstr(received(fake), "$JS.API"));
  close_js(js, nc);
}

TEST("js-manage-39", "a consumer is made, made again, changed and upserted") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  const char *c = J({"stream":"S","config":{"durable_name":"c"}});
  const char *other = J({"stream":"S","config":{"durable_name":"c","description":"other"}});
  const char *d = J({"stream":"S","config":{"durable_name":"d","max_deliver":3}});
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  do_js(js, nats_consumer_create, c);
  do_js(js, nats_consumer_create, c);
  refuse_js(js, nats_consumer_create, other, NATS_ERR_CONSUMER_EXISTS);
  nats_doc *changed = ask_js(js, nats_consumer_update, other);
  expect_str(changed, "config.description", "other");
  OK(nats_doc_free(changed));
  refuse_js(js, nats_consumer_update, d, NATS_ERR_CONSUMER_NOT_FOUND);
  do_js(js, nats_consumer_create_or_update, J({"stream":"S","config":{"durable_name":"d"}}));
  EXPECT_INT(number_js(js, nats_consumer_create_or_update, d, "config.max_deliver"), 3);
  close_js(js, nc);
}

#define PULL                                                                                  \
  J("name":"pull","durable_name":"pull","description":"all of it",                             \
    "deliver_policy":"by_start_time","opt_start_time":"2030-01-01T00:00:00Z",                  \
    "ack_policy":"all","ack_wait":1000000000,"backoff":[1000000000,2000000000],"max_deliver":4, \
    "filter_subjects":["s.1","s.2"],"replay_policy":"original","sample_freq":"30%",            \
    "max_waiting":7,"max_ack_pending":8,"headers_only":true,"max_batch":9,                     \
    "max_expires":10000000000,"max_bytes":11,"inactive_threshold":3600000000000,               \
    "num_replicas":1,"mem_storage":true,"metadata":{"k":"v"})
#define PULL_NEWER                                                                            \
  J("pause_until":"2100-01-01T00:00:00Z","priority_groups":["g"],                              \
    "priority_policy":"pinned_client","priority_timeout":120000000000)

TEST("js-manage-40", "all members of a consumer's configuration come back") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s.>"]}));
  /* Made twice alike, it is the same. */
  bool is_new = do_newer(js, nc, 11, "pause_until", nats_consumer_create,
                         "{\"stream\":\"S\",\"config\":{" PULL "," PULL_NEWER "}}");
  consumer_comes_back(js, is_new ? "{" PULL "," PULL_NEWER "}" : "{" PULL "}",
                      J({"stream":"S","consumer":"pull"}));
  consumer_comes_back(js, J({
      "durable_name":"push","deliver_subject":"deliver.here","deliver_group":"group",
      "deliver_policy":"by_start_sequence","opt_start_seq":5,"filter_subject":"s.1",
      "rate_limit_bps":1048576,"flow_control":true,"idle_heartbeat":5000000000}),
      J({"stream":"S","consumer":"push"}));
  close_js(js, nc);
}

TEST("js-manage-41", "more consumers than a page has come whole and once") {
  enum { COUNT = 1100 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  char text[128], name[16];
  do_js(js, nats_stream_create,
        J({"name":"S","subjects":["s"],"storage":"memory","max_consumers":2000}));
  for (int i = 0; i < COUNT; ++i) {
    snprintf(text, sizeof text, "{\"stream\":\"S\",\"config\":{\"durable_name\":\"c%04d\"}}", i);
    do_js(js, nats_consumer_create, text);
  }
  nats_doc *names = ask_js(js, nats_consumer_names, J({"stream":"S"}));
  nats_doc *list = ask_js(js, nats_consumer_list, J({"stream":"S"}));
  expect_len(names, "consumers", COUNT);
  expect_len(list, "consumers", COUNT);
  for (int i = 0; i < COUNT; ++i) {
    snprintf(name, sizeof name, "c%04d", i);
    snprintf(text, sizeof text, "consumers.%d", i);
    expect_str(names, text, name);
    snprintf(text, sizeof text, "consumers.%d.name", i);
    expect_str(list, text, name);
  }
  OK(nats_doc_free(names));
  OK(nats_doc_free(list));
  refuse_js(js, nats_consumer_names, J({"stream":"NONE"}), NATS_ERR_STREAM_NOT_FOUND);
  close_js(js, nc);
}

TEST("js-manage-42", "a paused consumer says so, and resumes") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  const char *pause = J({"stream":"S","consumer":"c","pause_until":"2100-01-01T00:00:00Z"});
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  nats_doc *paused = ask_newer(js, nc, 11, "a pause", nats_consumer_pause, pause);
  if (!paused) {
    close_js(js, nc);
    return;
  }
  expect_bool(paused, "paused", true);
  EXPECT(int_of(paused, "pause_remaining") > 86400000000000);
  OK(nats_doc_free(paused));
  paused = ask_js(js, nats_consumer_info, J({"stream":"S","consumer":"c"}));
  expect_bool(paused, "paused", true);
  OK(nats_doc_free(paused));
  paused = ask_js(js, nats_consumer_resume, J({"stream":"S","consumer":"c"}));
  expect_bool(paused, "paused", false);
  OK(nats_doc_free(paused));
  refuse_js(js, nats_consumer_pause,
            J({"stream":"S","consumer":"d","pause_until":"2100-01-01T00:00:00Z"}),
            NATS_ERR_CONSUMER_NOT_FOUND);
  close_js(js, nc);
}

TEST("js-manage-43", "a consumer is reset") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_msg *msgs[3];
  size_t count = 0;
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  for (int i = 0; i < 5; ++i) store(js, "s", "x");
  OK(nats_jetstream_fetch(js, S("S"), S("c"), NONE, msgs, 3, &count, E));
  EXPECT_INT(count, 3);
  OK(nats_jetstream_ack_sync(js, msgs[0], WAIT_MS, E));
  OK(nats_msgs_free(msgs, count));
  nats_doc *reset = ask_newer(js, nc, 14, "a reset", nats_consumer_reset,
                              J({"stream":"S","consumer":"c"}));
  if (!reset) {
    close_js(js, nc);
    return;
  }
  expect_int(reset, "reset_seq", 2);
  expect_int(reset, "num_pending", 4);
  OK(nats_doc_free(reset));
  reset = ask_js(js, nats_consumer_reset, J({"stream":"S","consumer":"c","seq":5}));
  expect_int(reset, "reset_seq", 5);
  expect_int(reset, "num_pending", 1);
  OK(nats_doc_free(reset));
  refuse_js(js, nats_consumer_reset, J({"stream":"S","consumer":"d"}), NATS_ERR_CONSUMER_NOT_FOUND);
  close_js(js, nc);
}

TEST("js-manage-44", "a deleted consumer is gone") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  const char *c = J({"stream":"S","consumer":"c"});
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s"]}));
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  do_js(js, nats_consumer_delete, c);
  refuse_js(js, nats_consumer_info, c, NATS_ERR_CONSUMER_NOT_FOUND);
  refuse_js(js, nats_consumer_delete, c, NATS_ERR_CONSUMER_NOT_FOUND);
  refuse_js(js, nats_consumer_info, J({"stream":"NONE","consumer":"c"}), NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(js, nats_consumer_create, J({"stream":"NONE","config":{"durable_name":"c"}}),
            NATS_ERR_STREAM_NOT_FOUND);
  close_js(js, nc);
}
