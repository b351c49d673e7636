/* JetStream: streams, their lists and numbers, the account, and what servers answer. */
#include "js.h"

static const char *STREAM = J({"name":"S","subjects":["s.>"],"storage":"memory"});

TEST("js-manage-01", "a stream is made; the same is as good, another is STREAM_EXISTS") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *made = ask_js(js, nats_stream_create, J({"name":"S","subjects":["s.>"],"max_msgs":1000}));
  expect_int(made, "config.max_msgs", 1000);
  expect_bool(made, "did_create", true);
  OK(nats_doc_free(made));
  do_js(js, nats_stream_create, J({"name":"S","subjects":["s.>"],"max_msgs":1000}));
  refuse_js(js, nats_stream_create, J({"name":"S","subjects":["s.>"],"max_msgs":2000}),
            NATS_ERR_STREAM_EXISTS);
  close_js(js, nc);
}

TEST("js-manage-02", "a stream is changed by what the server has told, changed") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *config = NULL, *changed = NULL;
  nats_str json = NONE;
  do_js(js, nats_stream_create, STREAM);
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"S"}));
  OK(nats_doc_set_int(info, S("config.max_age"), 3600000000000, E));
  OK(nats_doc_get_doc(info, S("config"), &config, E));
  OK(nats_doc_json(config, &json, E));
  OK(nats_stream_update(js, json, &changed, E));
  expect_int(changed, "config.max_age", 3600000000000);
  OK(nats_doc_free(changed));
  OK(nats_doc_free(config));
  OK(nats_doc_free(info));
  EXPECT_INT(number_js(js, nats_stream_info, J({"stream":"S"}), "config.max_age"), 3600000000000);
  refuse_js(js, nats_stream_update, J({"name":"T"}), NATS_ERR_STREAM_NOT_FOUND);
  close_js(js, nc);
}

TEST("js-manage-03", "members of a newer server's configuration are kept and sent back") {
  const char *told = J({
    "type":"io.nats.jetstream.api.v1.stream_info_response",
    "config":{"name":"S","brand_new":{"deep":[1]},"retention":"novel"},
    "state":{}
  });
  const char *answers[] = {told, told};
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, NULL, answers, 2);
  nats_doc *config = NULL;
  nats_str json = NONE;
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"S"}));
  OK(nats_doc_get_doc(info, S("config"), &config, E));
  OK(nats_doc_set_int(config, S("max_msgs"), 5, E));
  OK(nats_doc_json(config, &json, E));
  OK(nats_doc_free(info));
  OK(nats_stream_update(js, json, &info, E));
  const char *sent = strstr(received(fake), "$JS.API.STREAM.UPDATE.S");
  EXPECT(sent && strstr(sent, "\"brand_new\":{\"deep\":[1]}"));
  EXPECT(sent && strstr(sent, "\"retention\":\"novel\"") && strstr(sent, "\"max_msgs\":5"));
  OK(nats_doc_free(info));
  OK(nats_doc_free(config));
  close_js(js, nc);
}

TEST("js-manage-04", "create-or-update makes a stream and changes it") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create_or_update, J({"name":"S","subjects":["s.>"]}));
  do_js(js, nats_stream_create_or_update, J({"name":"S","subjects":["s.>"],"max_bytes":1048576}));
  EXPECT_INT(number_js(js, nats_stream_info, J({"stream":"S"}), "config.max_bytes"), 1048576);
  close_js(js, nc);
}

TEST("js-manage-05", "what JetStream refuses: code, err_code, text") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *out = NULL;
  nats_error *err = NULL;
  EXPECT_INT(nats_stream_info(js, S(J({"stream":"NONE"})), &out, &err), NATS_ERR_STREAM_NOT_FOUND);
  EXPECT_INT(nats_error_api_code(err), 404);
  EXPECT_INT(nats_error_api_err_code(err), 10059);
  EXPECT_TEXT(nats_error_api_description(err), "stream not found");
  EXPECT_TEXT(nats_jetstream_err_code_name(10059), "STREAM_NOT_FOUND");
  OK(nats_error_free(err));
  close_js(js, nc);
}

TEST("js-manage-06", "a deleted stream is gone") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, STREAM);
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  store(js, "s.a", "x");
  do_js(js, nats_stream_delete, J({"stream":"S"}));
  refuse_js(js, nats_stream_info, J({"stream":"S"}), NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(js, nats_stream_delete, J({"stream":"S"}), NATS_ERR_STREAM_NOT_FOUND);
  nats_doc *made = ask_js(js, nats_stream_create, STREAM);
  expect_int(made, "state.messages", 0);
  expect_int(made, "state.consumer_count", 0);
  OK(nats_doc_free(made));
  close_js(js, nc);
}

TEST("js-manage-07", "names that cannot be are refused before anything is sent") {
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, NULL, NULL, 0);
  char input[400], longest[257];
  memset(longest, 'x', 256);
  longest[256] = 0;
  const char *bad[] = {"", "a.b", "a b", "a*", ">", "a/b", "a\\\\b", "a\\tb", longest};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    snprintf(input, sizeof input, "{\"name\":\"%s\"}", bad[i]);
    refuse_js(js, nats_stream_create, input, NATS_ERR_INVALID_NAME);
    snprintf(input, sizeof input, "{\"stream\":\"%s\"}", bad[i]);
    refuse_js(js, nats_stream_info, input, NATS_ERR_INVALID_NAME);
    refuse_js(js, nats_stream_delete, input, NATS_ERR_INVALID_NAME);
    refuse_js(js, nats_stream_leader_stepdown, input, NATS_ERR_INVALID_NAME);
    snprintf(input, sizeof input, "{\"stream\":\"S\",\"consumer\":\"%s\"}", bad[i]);
    refuse_js(js, nats_consumer_info, input, NATS_ERR_INVALID_NAME);
    snprintf(input, sizeof input, "{\"stream\":\"%s\",\"folder\":\"/nowhere\"}", bad[i]);
    refuse_js(js, nats_stream_backup, input, NATS_ERR_INVALID_NAME);
  }
  EXPECT(!strstr(received(fake), "$JS.API"));
  close_js(js, nc);
}

TEST("js-manage-08", "lists of more than a page come whole and once") {
  enum { COUNT = 1100 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  char text[128];
  for (int i = 0; i < COUNT; ++i) {
    snprintf(text, sizeof text, "{\"name\":\"S%04d\",\"storage\":\"memory\"}", i);
    do_js(js, nats_stream_create, text);
  }
  nats_doc *names = ask_js(js, nats_stream_names, "");
  nats_doc *list = ask_js(js, nats_stream_list, "");
  expect_len(names, "streams", COUNT);
  expect_len(list, "streams", COUNT);
  expect_len(list, "missing", 0);
  for (int i = 0; i < COUNT; ++i) {
    char name[16];
    snprintf(name, sizeof name, "S%04d", i);
    snprintf(text, sizeof text, "streams.%d", i);
    expect_str(names, text, name);
    snprintf(text, sizeof text, "streams.%d.config.name", i);
    expect_str(list, text, name);
  }
  OK(nats_doc_free(names));
  OK(nats_doc_free(list));
  close_js(js, nc);
}

TEST("js-manage-09", "streams by subject") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, J({"name":"A","subjects":["a.>"]}));
  do_js(js, nats_stream_create, J({"name":"B","subjects":["b.*"]}));
  nats_doc *doc = ask_js(js, nats_stream_names, J({"subject":"a.1.2"}));
  expect_len(doc, "streams", 1);
  expect_str(doc, "streams.0", "A");
  OK(nats_doc_free(doc));
  doc = ask_js(js, nats_stream_list, J({"subject":"b.1"}));
  expect_len(doc, "streams", 1);
  expect_str(doc, "streams.0.config.name", "B");
  OK(nats_doc_free(doc));
  doc = ask_js(js, nats_stream_by_subject, J({"subject":"b.1"}));
  expect_str(doc, "stream", "B");
  OK(nats_doc_free(doc));
  refuse_js(js, nats_stream_by_subject, J({"subject":"c"}), NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(js, nats_stream_by_subject, J({"subject":"a b"}), NATS_ERR_INVALID_SUBJECT);
  close_js(js, nc);
}

TEST("js-manage-10", "messages are counted by subject in as many answers as it takes") {
  enum { SUBJECTS = 100100 };
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  char subject[32];
  size_t len = 0;
  do_js(js, nats_stream_create, STREAM);
  /* One after the other: servers take only so many at once. */
  nats_publisher *publisher = NULL;
  OK(nats_publisher_new(js, S(J({"stall_ms":20000})), NULL, NULL, NULL, &publisher, E));
  for (int i = 0; i < SUBJECTS; ++i) {
    snprintf(subject, sizeof subject, "s.%d", i);
    OK(nats_publisher_publish(publisher, S(subject), NULL, B(""), NONE, NATS_NO_TOKEN, E));
  }
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  OK(nats_publisher_free(publisher));
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"S","subjects_filter":">"}));
  OK(nats_doc_len(info, S("state.subjects"), &len, E));
  EXPECT_INT(len, SUBJECTS);
  expect_int(info, "state.num_subjects", SUBJECTS);
  expect_int(info, "state.subjects.s\\.100099", 1);
  OK(nats_doc_free(info));
  close_js(js, nc);
}

TEST("js-manage-11", "the sequences that are gone") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, STREAM);
  for (int i = 0; i < 6; ++i) store(js, "s.a", "x");
  do_js(js, nats_stream_delete_message, J({"stream":"S","seq":2}));
  do_js(js, nats_stream_delete_message, J({"stream":"S","seq":5,"no_erase":true}));
  nats_doc *info = ask_js(js, nats_stream_info, J({"stream":"S","deleted_details":true}));
  expect_int(info, "state.num_deleted", 2);
  expect_int(info, "state.deleted.0", 2);
  expect_int(info, "state.deleted.1", 5);
  OK(nats_doc_free(info));
  info = ask_js(js, nats_stream_info, J({"stream":"S"}));
  nats_doc *deleted = NULL;
  FAILS(NATS_ERR_NOT_FOUND, nats_doc_get_doc(info, S("state.deleted"), &deleted, E));
  OK(nats_doc_free(info));
  close_js(js, nc);
}

TEST("js-manage-12", "purge: all, a subject, before a sequence, all but the newest") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  do_js(js, nats_stream_create, STREAM);
  for (int i = 1; i <= 10; ++i) store(js, i % 2 ? "s.1" : "s.0", "x");
  refuse_js(js, nats_stream_purge, J({"stream":"S","seq":3,"keep":1}), NATS_ERR_INVALID_ARGUMENT);
  EXPECT_INT(number_js(js, nats_stream_purge, J({"stream":"S","filter":"s.0"}), "purged"), 5);
  EXPECT_INT(number_js(js, nats_stream_purge, J({"stream":"S","seq":4}), "purged"), 2);
  /* Of 5, 7 and 9; servers before 2.14 count back from the last sequence. */
  int gone = is_at_least(nc, 2, 14) ? 1 : 2;
  EXPECT_INT(number_js(js, nats_stream_purge, J({"stream":"S","keep":2}), "purged"), gone);
  EXPECT_INT(number_js(js, nats_stream_purge, J({"stream":"S"}), "purged"), 3 - gone);
  close_js(js, nc);
}

TEST("js-manage-45", "what an account has and may have") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_doc *account = NULL;
  do_js(js, nats_stream_create, STREAM);
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  store(js, "s.a", "x");
  OK(nats_account_info(js, &account, E));
  expect_int(account, "streams", 1);
  expect_int(account, "consumers", 1);
  expect_int(account, "limits.max_streams", -1);
  EXPECT(int_of(account, "memory") > 0 && int_of(account, "api.total") >= 2);
  OK(nats_doc_free(account));
  close_js(js, nc);
}

TEST("js-manage-46", "the tiers of an account") {
  const char *told = J({"type":"io.nats.jetstream.api.v1.account_info_response","streams":1,
      "limits":{"max_streams":-1},"tiers":{
      "R1":{"streams":1,"limits":{"max_streams":3,"max_storage":2097152}},
      "R3":{"streams":0,"limits":{"max_streams":1}}}});
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, NULL, &told, 1);
  nats_doc *account = NULL;
  OK(nats_account_info(js, &account, E));
  expect_int(account, "tiers.R1.streams", 1);
  expect_int(account, "tiers.R1.limits.max_storage", 2097152);
  expect_int(account, "tiers.R3.limits.max_streams", 1);
  OK(nats_doc_free(account));
  close_js(js, nc);
}

TEST("js-manage-50", "advisories tell of streams and consumers") {
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  nats_subscription *sub = listen_to(nc, "$JS.EVENT.ADVISORY.*.>", NULL);
  const char *expected[] = {"S create", "c create", "c delete", "S delete"};
  do_js(js, nats_stream_create, STREAM);
  do_js(js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"c"}}));
  do_js(js, nats_consumer_delete, J({"stream":"S","consumer":"c"}));
  do_js(js, nats_stream_delete, J({"stream":"S"}));
  for (int seen = 0; seen < 4;) {
    nats_msg *msg = receive(sub);
    nats_doc *doc = NULL;
    nats_str type = NONE, action = NONE, name = NONE;
    OK(nats_doc_parse(as_text(nats_msg_payload(msg)), &doc, E));
    OK(nats_doc_get_str(doc, S("type"), &type, E));
    if (type.len > 7 && !strncmp(type.ptr + type.len - 7, "_action", 7)) {
      char text[64];
      bool of_stream = expected[seen][0] == 'S';
      OK(nats_doc_get_str(doc, S("action"), &action, E));
      OK(nats_doc_get_str(doc, S(of_stream ? "stream" : "consumer"), &name, E));
      snprintf(text, sizeof text, "%.*s %.*s", (int)name.len, name.ptr, (int)action.len, action.ptr);
      EXPECT_TEXT(S(text), expected[seen]);
      ++seen;
    }
    OK(nats_doc_free(doc));
    OK(nats_msg_free(msg));
  }
  OK(nats_subscription_free(sub));
  close_js(js, nc);
}

TEST("js-manage-56", "answers that cannot be read, and refusals that are not known") {
  const char *bad[] = {"", "{", "[]", J({"state":5}), J({"config":{"name":{}},"state":{}})};
  nats_connection *nc;
  struct remote fake;
  nats_jetstream *js = fake_js(&nc, &fake, NULL, bad, 5);
  for (int i = 0; i < 5; ++i) {
    refuse_js(js, nats_stream_info, J({"stream":"S"}), NATS_ERR_PROTOCOL);
  }
  close_js(js, nc);
  const char *novel = J({"error":{"code":418,"err_code":19999,"description":"a teapot"}});
  js = fake_js(&nc, &fake, NULL, &novel, 1);
  nats_doc *out = NULL;
  nats_error *err = NULL;
  EXPECT_INT(nats_stream_info(js, S(J({"stream":"S"})), &out, &err), NATS_ERR_JETSTREAM);
  EXPECT_INT(nats_error_api_code(err), 418);
  EXPECT_INT(nats_error_api_err_code(err), 19999);
  EXPECT_TEXT(nats_error_api_description(err), "a teapot");
  OK(nats_error_free(err));
  close_js(js, nc);
}

TEST("js-manage-57", "an API that does not answer, and one that is not there") {
  struct remote fake = fake_start("[\"handshake\"]");
  nats_connection *nc = dial(fake.url, NULL);
  nats_jetstream *js = NULL;
  nats_doc *out = NULL;
  OK(nats_jetstream_new(nc, S(J({"timeout_ms":100})), &js, E));
  FAILS(NATS_ERR_TIMEOUT, nats_account_info(js, &out, E));
  close_js(js, nc);
  nc = dial_plain();
  OK(nats_jetstream_new(nc, NONE, &js, E));
  FAILS(NATS_ERR_JETSTREAM_NOT_ENABLED, nats_account_info(js, &out, E));
  close_js(js, nc);
}
