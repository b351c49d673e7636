/* What services tell of themselves. */
#include "service.h"

#define WHO "\"name\":\"echo\",\"id\":\"%s\",\"version\":\"1.2.3-rc.1+b\",\"metadata\":" \
            "{\"region\":\"north\"}"
#define NOTHING_YET "\"num_requests\":0,\"num_errors\":0,\"last_error\":\"\"," \
                    "\"processing_time\":0,\"average_processing_time\":0"

/* The document has these members and no others, in whatever order. */
static void expect_same(nats_doc *got, const char *format, const char *id) {
  char expected[1024];
  nats_doc *doc = NULL;
  nats_str one = NONE, two = NONE;
  snprintf(expected, sizeof expected, format, id);
  OK(nats_doc_parse(S(expected), &doc, E));
  OK(nats_doc_json(doc, &one, E));
  OK(nats_doc_json(got, &two, E));
  if (one.len != two.len || memcmp(one.ptr, two.ptr, one.len)) {
    check_fail(__FILE__, __LINE__, "%.*s is not %.*s", (int)two.len, two.ptr, (int)one.len,
               one.ptr);
  }
  OK(nats_doc_free(doc));
}

TEST("service-01", "documents have every member of ADR-32 and no other") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, NULL);
  nats_service *service =
      add_service(nc, J({"name" : "echo", "version" : "1.2.3-rc.1+b", "description" : "says it",
                         "metadata" : {"region" : "north"}}));
  nats_subscription *one = add_endpoint(service, NAMED, NULL);
  nats_subscription *two = add_endpoint(
      service, J({"name" : "f", "subject" : "other.*.>", "metadata" : {"k" : "v"}}), NULL);
  char id[64];
  id_of(service, id);
  nats_doc *docs[] = {monitored(nc, "$SRV.PING"), monitored(nc, "$SRV.INFO"), info_of(service),
                      monitored(nc, "$SRV.STATS"), stats_of(service)};
  expect_same(docs[0], "{\"type\":\"io.nats.micro.v1.ping_response\"," WHO "}", id);
  for (int i = 1; i <= 2; ++i) {
    expect_same(docs[i],
                "{\"type\":\"io.nats.micro.v1.info_response\"," WHO ",\"description\":\"says it\","
                "\"endpoints\":[{\"name\":\"e\",\"subject\":\"e\",\"queue_group\":\"q\","
                "\"metadata\":{}},{\"name\":\"f\",\"subject\":\"other.*.>\",\"queue_group\":\"q\","
                "\"metadata\":{\"k\":\"v\"}}]}",
                id);
  }
  for (int i = 3; i <= 4; ++i) {
    nats_str started = text(docs[i], "started");
    EXPECT(started.len == 30 && started.ptr[10] == 'T' && started.ptr[29] == 'Z');
    OK(nats_doc_set_str(docs[i], S("started"), S(""), E));
    expect_same(docs[i],
                "{\"type\":\"io.nats.micro.v1.stats_response\"," WHO ",\"started\":\"\","
                "\"endpoints\":[{\"name\":\"e\",\"subject\":\"e\",\"queue_group\":\"q\","
                NOTHING_YET "},{\"name\":\"f\",\"subject\":\"other.*.>\",\"queue_group\":\"q\","
                NOTHING_YET "}]}",
                id);
  }
  for (int i = 0; i < 5; ++i) OK(nats_doc_free(docs[i]));
  OK(nats_subscription_free(one));
  OK(nats_subscription_free(two));
  OK(nats_service_free(service));
  hang_up(nc);
}

TEST("service-17", "requests, errors, the last error and the time are counted, and averaged") {
  struct place at = serve(echo);
  const char *texts[] = {"1", "bad", "2", "3"};
  for (int i = 0; i < 4; ++i) OK(nats_msg_free(ask(at.nc, "e", texts[i])));
  nats_doc *stats = counted(at.service, 4);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 1);
  EXPECT_TEXT(text(stats, "endpoints.0.last_error"), "400:no good");
  int64_t took = number(stats, "endpoints.0.processing_time");
  EXPECT(took > 0);
  EXPECT_INT(number(stats, "endpoints.0.average_processing_time"), took / 4);
  OK(nats_doc_free(stats));
  leave(at);
}

TEST("service-18", "a reset counts from zero, as of now") {
  struct place at = serve(echo);
  OK(nats_msg_free(ask(at.nc, "e", "bad")));
  nats_doc *before = counted(at.service, 1);
  OK(nats_service_reset(at.service, E));
  nats_doc *after = stats_of(at.service);
  nats_str was = text(before, "started"), is = text(after, "started");
  EXPECT(was.len == is.len && memcmp(was.ptr, is.ptr, is.len) < 0);
  EXPECT_INT(number(after, "endpoints.0.num_requests"), 0);
  EXPECT_INT(number(after, "endpoints.0.num_errors"), 0);
  EXPECT_INT(number(after, "endpoints.0.processing_time"), 0);
  EXPECT_TEXT(text(after, "endpoints.0.last_error"), "");
  EXPECT_TEXT(text(after, "endpoints.0.queue_group"), "q");
  OK(nats_doc_free(before));
  OK(nats_doc_free(after));
  answered(at.nc, "e", "again", "again");
  expect_counted(at.service, 1);
  leave(at);
}

/* Answers for the statistics of the service in `user`, with data of its own. */
static void tell_stats(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub;
  nats_doc *stats = stats_of(*(nats_service **)user);
  nats_str json = NONE;
  OK(nats_doc_set_json(stats, S("endpoints.0.data"), S("{\"asked\":[1]}"), E));
  OK(nats_doc_json(stats, &json, E));
  OK(nats_msg_respond(msg, nats_bytes_of(json.ptr, json.len), E));
  OK(nats_doc_free(stats));
  OK(nats_msg_free(msg));
}

TEST("service-19", "programs add data of their own to the statistics of endpoints") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, NULL);
  static nats_service *service;
  service = add_service(nc, J({"name" : "s", "version" : "1.0.0", "own_stats" : true}));
  nats_subscription *endpoint = add_endpoint(service, NAMED, NULL);
  OK(nats_service_stats_requests(service, tell_stats, &service, NULL, NULL, E));
  char id[64], subject[128];
  snprintf(subject, sizeof subject, "$SRV.STATS.s.%s", id_of(service, id));
  const char *subjects[] = {"$SRV.STATS", "$SRV.STATS.s", subject};
  for (int i = 0; i < 3; ++i) {
    nats_doc *stats = monitored(nc, subjects[i]);
    EXPECT_INT(number(stats, "endpoints.0.data.asked.0"), 1);
    OK(nats_doc_free(stats));
  }
  /* The others are the service's own. */
  nats_doc *info = monitored(nc, "$SRV.INFO.s");
  EXPECT_TEXT(text(info, "id"), id);
  OK(nats_doc_free(info));
  OK(nats_service_stop(service, WAIT_MS, E));
  OK(nats_subscription_free(endpoint));
  OK(nats_service_free(service));
  nats_service *plain = add_service(nc, PLAIN);
  nats_subscription *none = NULL;
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_service_stats_requests(plain, NULL, NULL, NULL, &none, E));
  SAYS("own_stats");
  OK(nats_service_free(plain));
  hang_up(nc);
}
