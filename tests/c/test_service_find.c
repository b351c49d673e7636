/* Finding services. */
#include "service.h"

#define PATIENT "\"max_wait_ms\":20000,\"stall_ms\":500"

typedef nats_status (*Find)(nats_connection *, nats_str, nats_doc **, nats_error **);

/* Expects this many answers, without any that is none, and yields them, to be freed. */
static nats_doc *found(nats_connection *nc, Find find, const char *options, size_t count) {
  nats_doc *doc = NULL;
  OK(find(nc, S(options), &doc, E));
  EXPECT_INT(length(doc, "services"), count);
  EXPECT_INT(length(doc, "errors"), 0);
  return doc;
}

struct three {
  struct remote server;
  nats_connection *nc, *asker;
  nats_service *services[3]; /* two named "s", and one named "other" */
  char ids[3][64];
};

static struct three start_three(void) {
  struct three at = {server_start("plain", NULL), NULL, NULL, {NULL}, {""}};
  at.nc = dial(at.server.url, NULL);
  at.asker = dial(at.server.url, NULL);
  for (int i = 0; i < 3; ++i) {
    at.services[i] = add_service(at.nc, i < 2 ? PLAIN : J({"name" : "other", "version" : "2.0.0"}));
    id_of(at.services[i], at.ids[i]);
  }
  flush(at.nc);
  return at;
}

static void leave_three(struct three *at) {
  for (int i = 0; i < 3; ++i) OK(nats_service_free(at->services[i]));
  hang_up(at->nc);
  hang_up(at->asker);
}

TEST("service-02", "those who ask ask all services, those of a name, or one instance") {
  struct three at = start_three();
  const char *verbs[] = {"PING", "INFO", "STATS"};
  char subject[128], options[64];
  for (int verb = 0; verb < 3; ++verb) {
    for (int most = 3; most >= 1; --most) {
      const char *name = most == 3 ? "" : most == 2 ? ".s" : ".s.";
      nats_subscription *answers = NULL;
      int seen = 0;
      snprintf(subject, sizeof subject, "$SRV.%s%s%s", verbs[verb], name,
               most == 1 ? at.ids[1] : "");
      snprintf(options, sizeof options, "{\"max_messages\":%d,\"max_wait_ms\":20000}", most);
      OK(nats_request_many(at.asker, S(subject), NULL, B(""), S(options), &answers, E));
      for (int i = 0; i < most; ++i) {
        nats_msg *answer = receive(answers);
        nats_doc *doc = NULL;
        OK(nats_doc_parse(as_text(nats_msg_payload(answer)), &doc, E));
        nats_str id = text(doc, "id");
        for (int k = 0; k < 3; ++k) seen |= (!memcmp(id.ptr, at.ids[k], id.len)) << k;
        OK(nats_doc_free(doc));
        OK(nats_msg_free(answer));
      }
      EXPECT_INT(seen, most == 3 ? 7 : most == 2 ? 3 : 2);
      OK(nats_subscription_free(answers));
    }
  }
  nobody_at(at.asker, "$SRV.PING.nobody");
  snprintf(subject, sizeof subject, "$SRV.PING.s.%s", at.ids[2]);
  nobody_at(at.asker, subject);
  leave_three(&at);
}

TEST("service-35", "discovery brings pings, infos and statistics, and ends when no more come") {
  struct three at = start_three();
  char options[160];
  OK(nats_doc_free(found(at.asker, nats_services_ping, "{" PATIENT "}", 3)));
  OK(nats_doc_free(found(at.asker, nats_services_ping, "{\"name\":\"s\"," PATIENT "}", 2)));
  OK(nats_doc_free(found(at.asker, nats_services_ping, "{\"name\":\"nobody\"}", 0)));
  nats_doc *infos = found(at.asker, nats_services_info, "{\"name\":\"other\"," PATIENT "}", 1);
  EXPECT_TEXT(text(infos, "services.0.version"), "2.0.0");
  EXPECT_TEXT(text(infos, "services.0.type"), "io.nats.micro.v1.info_response");
  OK(nats_doc_free(infos));
  snprintf(options, sizeof options, "{\"name\":\"s\",\"id\":\"%s\"}", at.ids[1]);
  nats_doc *stats = found(at.asker, nats_services_stats, options, 1);
  EXPECT_TEXT(text(stats, "services.0.id"), at.ids[1]);
  OK(nats_doc_free(stats));
  /* One by one. */
  nats_subscription *answers = NULL;
  nats_msg *none = NULL;
  OK(nats_services_ask(at.asker, S("stats"), S("{" PATIENT "}"), &answers, E));
  for (int i = 0; i < 3; ++i) {
    nats_msg *answer = receive(answers);
    nats_doc *doc = NULL;
    OK(nats_doc_parse(as_text(nats_msg_payload(answer)), &doc, E));
    EXPECT_TEXT(text(doc, "type"), "io.nats.micro.v1.stats_response");
    OK(nats_doc_free(doc));
    OK(nats_msg_free(answer));
  }
  FAILS(NATS_ERR_SUBSCRIPTION_ENDED, nats_subscription_next(answers, WAIT_MS, &none, E));
  OK(nats_subscription_free(answers));
  OK(nats_services_ask(at.asker, S("info"), S("{\"name\":\"nobody\"}"), &answers, E));
  FAILS(NATS_ERR_NO_RESPONDERS, nats_subscription_next(answers, WAIT_MS, &none, E));
  OK(nats_subscription_free(answers));
  leave_three(&at);
}

TEST("service-36", "names, ids and prefixes that are none are refused") {
  nats_connection *nc = dial_plain();
  nats_doc *doc = NULL;
  nats_subscription *sub = NULL;
  nats_str ping = S("ping");
  FAILS(NATS_ERR_INVALID_NAME, nats_services_ping(nc, S("{\"name\":\"a b\"}"), &doc, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_services_info(nc, S("{\"id\":\"x\"}"), &doc, E));
  SAYS("id: ");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_services_stats(nc, S("{\"name\":\"s\",\"id\":\"x.*\"}"), &doc, E));
  FAILS(NATS_ERR_INVALID_SUBJECT, nats_services_ask(nc, ping, S("{\"prefix\":\"a b\"}"), &sub, E));
  FAILS(NATS_ERR_INVALID_OPTION, nats_services_ask(nc, ping, S("{\"names\":\"a\"}"), &sub, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_services_ask(nc, S("PONG"), NONE, &sub, E));
  SAYS("what: ");
  hang_up(nc);
}

/* Answers with what is no document, one that lacks a name, one that is right, and an error. */
static void lie(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond(msg, B("{"), E));
  OK(nats_msg_respond(msg, B("{\"type\":\"io.nats.micro.v1.ping_response\"}"), E));
  OK(nats_msg_respond_error(msg, 503, S("busy"), NULL, B(""), E));
  OK(nats_msg_respond(msg, B("{\"type\":\"io.nats.micro.v1.ping_response\",\"name\":\"s\","
                             "\"id\":\"i\",\"version\":\"1.0.0\",\"newer\":1}"), E));
  OK(nats_msg_free(msg));
}

#define OF_LIAR "{\"prefix\":\"MON\",\"max_messages\":4,\"stall_ms\":20000,\"max_wait_ms\":20000}"

TEST("service-37", "an answer that is none is an error and not the end of discovery") {
  nats_connection *nc = dial_plain();
  nats_subscription *liar = NULL, *answers = NULL;
  nats_doc *doc = NULL;
  OK(nats_subscribe(nc, S("MON.PING"), lie, NULL, NULL, &liar, E));
  OK(nats_services_ping(nc, S(OF_LIAR), &doc, E));
  EXPECT_INT(length(doc, "services"), 1);
  EXPECT_TEXT(text(doc, "services.0.id"), "i");
  EXPECT_INT(number(doc, "services.0.newer"), 1);
  EXPECT_INT(length(doc, "errors"), 3);
  EXPECT_TEXT(text(doc, "errors.0.code"), "INVALID_JSON");
  EXPECT_TEXT(text(doc, "errors.1.code"), "INVALID_JSON");
  EXPECT_TEXT(text(doc, "errors.2.code"), "SERVICE_ERROR");
  EXPECT_TEXT(text(doc, "errors.2.text"), "the service answered 503: busy");
  OK(nats_doc_free(doc));
  OK(nats_services_ask(nc, S("ping"), S(OF_LIAR), &answers, E));
  for (int i = 0; i < 2; ++i) OK(nats_msg_free(receive(answers)));
  nats_msg *refusal = receive(answers);
  expect_error(refusal, 503, "busy");
  OK(nats_msg_free(refusal));
  OK(nats_msg_free(receive(answers)));
  OK(nats_subscription_free(answers));
  OK(nats_subscription_free(liar));
  hang_up(nc);
}

TEST("service-38", "a connection that is lost ends discovery with CONNECTION_LOST") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, NULL);
  nats_subscription *silent = listen_to(nc, "$SRV.PING", NULL), *answers = NULL;
  nats_queue *queue = NULL;
  nats_event event;
  nats_msg *none = NULL;
  size_t count = 0;
  OK(nats_queue_new(&queue, E));
  OK(nats_services_ask(nc, S("ping"), S("{" PATIENT "}"), &answers, E));
  OK(nats_services_ping_async(nc, S("{\"max_wait_ms\":60000,\"stall_ms\":60000}"), queue, 1, E));
  for (int i = 0; i < 2; ++i) OK(nats_msg_free(receive(silent)));
  tell(server, "kill", NULL);
  FAILS(NATS_ERR_CONNECTION_LOST, nats_subscription_next(answers, WAIT_MS, &none, E));
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.status, NATS_ERR_CONNECTION_LOST);
  OK(nats_error_free(event.value));
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(answers));
  OK(nats_subscription_free(silent));
  hang_up(nc);
}
