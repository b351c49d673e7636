/* JetStream: groups whose members each have partitions of a stream. */
#include "stream.h"

#define GROUP_IS J({"stream":"P","group":"g"})

/* A stream of ten partitions by the second word of its subjects, and a group of two. */
static struct place start_partitions(void) {
  struct place at = start_place();
  do_js(at.js, nats_stream_create,
        J({"name":"P","subjects":["p.*"],"storage":"memory","subject_transform":
           {"src":"p.*","dest":"{{partition(10,1)}}.p.{{wildcard(1)}}"}}));
  do_js(at.js, nats_group_create,
        J({"stream":"P","group":"g","config":{"max_members":10,"members":["m1","m2"]}}));
  return at;
}

/* A member that reads; NULL: the server is older. */
static nats_subscription *join(struct place at, const char *group, const char *member) {
  nats_subscription *sub = NULL;
  NEEDS(at.nc, 2, 11, "priority_groups",
        nats_jetstream_consume_group(at.js, S("P"), S(group), S(member), NONE, NULL, NULL, NULL,
                                     &sub, E));
  return sub;
}

static nats_status try_join(nats_jetstream *js, const char *group, const char *member) {
  nats_subscription *sub = NULL;
  return nats_jetstream_consume_group(js, S("P"), S(group), S(member), NONE, NULL, NULL, NULL, &sub,
                                      E);
}

TEST("c-jetstream-06", "a group is made, read, listed and deleted") {
  struct place at = start_partitions();
  refuse_js(at.js, nats_group_create,
            J({"stream":"NONE","group":"g","config":{"max_members":1,"members":["a"]}}),
            NATS_ERR_STREAM_NOT_FOUND);
  refuse_js(at.js, nats_group_create,
            J({"stream":"P","group":"h","config":{"max_members":0,"members":["a"]}}),
            NATS_ERR_INVALID_ARGUMENT);
  SAYS("max_members");
  do_js(at.js, nats_group_create,
        J({"stream":"P","group":"other","config":{"max_members":1,
           "member_mappings":[{"member":"a","partitions":[0]}]}}));
  nats_doc *info = ask_js(at.js, nats_group_info, GROUP_IS);
  expect_int(info, "max_members", 10);
  expect_str(info, "members.1", "m2");
  OK(nats_doc_free(info));
  nats_doc *names = ask_js(at.js, nats_group_names, J({"stream":"P"}));
  expect_len(names, "groups", 2);
  expect_str(names, "groups.0", "g");
  expect_str(names, "groups.1", "other");
  OK(nats_doc_free(names));
  nats_subscription *sub = join(at, "g", "m1");
  do_js(at.js, nats_group_delete, GROUP_IS);
  if (sub) FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(sub));
  OK(nats_subscription_free(sub));
  refuse_js(at.js, nats_group_delete, GROUP_IS, NATS_ERR_NOT_FOUND);
  refuse_js(at.js, nats_group_info, GROUP_IS, NATS_ERR_NOT_FOUND);
  FAILS(NATS_ERR_NOT_FOUND, try_join(at.js, "g", "m1"));
  leave(at);
}

TEST("c-jetstream-07", "each message goes to the member of its partition") {
  struct place at = start_partitions();
  char subject[16];
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_join(at.js, "g", "m3"));
  SAYS("m3");
  FAILS(NATS_ERR_INVALID_NAME, try_join(at.js, "g", "m.1"));
  nats_subscription *subs[2] = {join(at, "g", "m1"), join(at, "g", "m2")};
  if (!subs[0]) {
    leave(at);
    return;
  }
  for (int i = 0; i < 60; ++i) {
    snprintf(subject, sizeof subject, "p.%d", i % 20);
    store(at.js, subject, "x");
  }
  for (int taken = 0, which = 0; taken < 60; ++taken) {
    nats_msg *msg = receive_either(subs, &which);
    nats_str got = nats_msg_subject(msg);
    EXPECT(got.len > 4 && !memcmp(got.ptr + 1, ".p.", 3));
    /* Five in a row for each. */
    EXPECT_INT((got.ptr[0] - '0') / 5, which);
    OK(nats_msg_ack(msg, E));
    OK(nats_msg_free(msg));
  }
  nats_doc *members = ask_js(at.js, nats_group_members, GROUP_IS);
  expect_len(members, "members", 2);
  expect_str(members, "members.0", "m1");
  OK(nats_doc_free(members));
  for (int i = 0; i < 2; ++i) OK(nats_subscription_free(subs[i]));
  leave(at);
}

TEST("c-jetstream-08",
     "of two programs for one member one gets its messages, until it steps down") {
  struct place at = start_partitions();
  do_js(at.js, nats_group_create,
        J({"stream":"P","group":"one","config":{"max_members":10,"members":["m"]}}));
  nats_subscription *active = join(at, "one", "m");
  if (!active) {
    leave(at);
    return;
  }
  store(at.js, "p.a", "1");
  take_numbers(active, 1, 1, true);
  nats_subscription *standby = join(at, "one", "m");
  until_int(at.js, nats_consumer_info, J({"stream":"P","consumer":"one-m"}), "num_waiting", 2);
  store(at.js, "p.a", "2");
  take_numbers(active, 2, 2, true);
  nothing(standby, 0);
  /* The server picks whom it likes of those who ask: it is only the other one that does. */
  OK(nats_subscription_free(active));
  flush(at.nc);
  do_js(at.js, nats_group_step_down, J({"stream":"P","group":"one","member":"m"}));
  store(at.js, "p.a", "3");
  take_numbers(standby, 3, 3, true);
  OK(nats_subscription_free(standby));
  leave(at);
}
