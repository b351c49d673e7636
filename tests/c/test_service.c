/* Services, their instances, endpoints and groups. */
#include "service.h"

#define NEW(nc, config) nats_service_new(nc, S(config), &(nats_service *){NULL}, E)
#define ADD(service, config) \
  nats_service_add_endpoint(service, S(config), NULL, NULL, NULL, &(nats_subscription *){NULL}, E)

TEST("service-03", "services of one name are instances; each request goes to one of them") {
  struct place at = serve(echo);
  nats_connection *other = dial(at.server.url, NULL);
  nats_service *second = add_service(other, PLAIN);
  OK(nats_service_add_endpoint(second, S(NAMED), echo, NULL, NULL, NULL, E));
  flush(other);
  char one[64], two[64];
  EXPECT(strcmp(id_of(at.service, one), id_of(second, two)) != 0);
  for (int i = 0; i < 100; ++i) answered(at.nc, "e", "x", "x");
  for (int64_t start = now_ms(); total(at.service) + total(second) < 100; sched_yield()) {
    EXPECT(now_ms() - start < WAIT_MS);
  }
  EXPECT(total(at.service) > 0 && total(second) > 0);
  OK(nats_service_free(second));
  hang_up(other);
  leave(at);
}

TEST("service-04", "names and versions that are none") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, NULL);
  const char *names[] = {"", "a.b", "a b", "*", ">", "ä", "a\\r\\n"};
  const char *versions[] = {"", "1", "v1.0.0", "1.0.0\\r\\n"};
  char config[128];
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    snprintf(config, sizeof config, J({"name" : "%s", "version" : "1.0.0"}), names[i]);
    FAILS(NATS_ERR_INVALID_NAME, NEW(nc, config));
    SAYS("name ");
  }
  for (size_t i = 0; i < sizeof versions / sizeof *versions; ++i) {
    snprintf(config, sizeof config, J({"name" : "s", "version" : "%s"}), versions[i]);
    FAILS(NATS_ERR_INVALID_ARGUMENT, NEW(nc, config));
    SAYS("version ");
  }
  FAILS(NATS_ERR_INVALID_NAME, NEW(nc, ""));
  FAILS(NATS_ERR_INVALID_QUEUE_GROUP,
        NEW(nc, J({"name" : "s", "version" : "1.0.0", "queue_group" : ""})));
  FAILS(NATS_ERR_INVALID_OPTION, NEW(nc, J({"name" : "s", "versions" : "1.0.0"})));
  SAYS("did you mean 'version'?");
  FAILS(NATS_ERR_INVALID_JSON, NEW(nc, "{"));
  flush(nc);
  nobody_at(nc, "$SRV.PING");
  hang_up(nc);
}

TEST("service-05", "names, subjects, prefixes and queue groups of endpoints that are none") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc = dial(server.url, NULL);
  nats_service *service = add_service(nc, PLAIN);
  const char *names[] = {"", "a.b", "a b", ">"};
  const char *subjects[] = {"", "a..b", ".a", "a b", ">.a", "a\\r\\nPUB x 0"};
  const char *queues[] = {"", "a b", "*"};
  const char *prefixes[] = {">", "a.>", "a b", "a."};
  char config[128];
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    snprintf(config, sizeof config, J({"name" : "%s"}), names[i]);
    FAILS(NATS_ERR_INVALID_NAME, ADD(service, config));
  }
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; ++i) {
    snprintf(config, sizeof config, J({"name" : "e", "subject" : "%s"}), subjects[i]);
    FAILS(NATS_ERR_INVALID_SUBJECT, ADD(service, config));
    SAYS("subject: ");
  }
  for (size_t i = 0; i < sizeof queues / sizeof *queues; ++i) {
    snprintf(config, sizeof config, J({"name" : "e", "queue_group" : "%s"}), queues[i]);
    FAILS(NATS_ERR_INVALID_QUEUE_GROUP, ADD(service, config));
  }
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; ++i) {
    snprintf(config, sizeof config, J({"name" : "e", "group" : "%s"}), prefixes[i]);
    FAILS(NATS_ERR_INVALID_SUBJECT, ADD(service, config));
    SAYS("group: ");
  }
  FAILS(NATS_ERR_INVALID_OPTION,
        ADD(service, J({"name" : "e", "queue_group" : "a", "queue_group_disabled" : true})));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_service_add_endpoint(service, S(NAMED), NULL, NULL, NULL, NULL, E));
  SAYS("out is NULL");
  nats_doc *info = info_of(service);
  EXPECT_INT(length(info, "endpoints"), 0);
  OK(nats_doc_free(info));
  OK(nats_service_free(service));
  hang_up(nc);
}

TEST("service-06", "an endpoint listens at its name or at a subject of its own") {
  struct place at = serve(echo);
  nats_subscription *other =
      add_endpoint(at.service, J({"name" : "e", "subject" : "other.*.>"}), echo);
  flush(at.nc);
  answered(at.nc, "e", "plain", "plain");
  answered(at.nc, "other.a.b.c", "deep", "deep");
  nats_doc *stats = counted(at.service, 2);
  EXPECT_TEXT(text(stats, "endpoints.0.subject"), "e");
  EXPECT_TEXT(text(stats, "endpoints.1.subject"), "other.*.>");
  EXPECT_TEXT(text(stats, "endpoints.1.name"), "e");
  EXPECT_INT(number(stats, "endpoints.0.num_requests"), 1);
  EXPECT_INT(number(stats, "endpoints.1.num_requests"), 1);
  OK(nats_doc_free(stats));
  OK(nats_subscription_free(other));
  leave(at);
}

TEST("service-07", "a group puts its prefix before the subjects of its endpoints") {
  struct place at = serve(echo);
  const char *configs[] = {J({"name" : "b", "group" : "v1"}),
                           J({"name" : "c", "group" : "v1.numbers", "subject" : "add.two"}),
                           J({"name" : "d", "group" : "v1.numbers.*", "subject" : ">"}),
                           J({"name" : "f", "group" : ""})};
  const char *subjects[] = {"v1.b", "v1.numbers.add.two", "v1.numbers.*.>", "f"};
  char path[64];
  for (int i = 0; i < 4; ++i) {
    OK(nats_service_add_endpoint(at.service, S(configs[i]), echo, NULL, NULL, NULL, E));
  }
  flush(at.nc);
  nats_doc *info = info_of(at.service);
  for (int i = 0; i < 4; ++i) {
    snprintf(path, sizeof path, "endpoints.%d.subject", i + 1);
    EXPECT_TEXT(text(info, path), subjects[i]);
  }
  OK(nats_doc_free(info));
  answered(at.nc, "v1.numbers.x.y.z", "deep", "deep");
  nats_doc *stats = counted(at.service, 1);
  EXPECT_INT(number(stats, "endpoints.3.num_requests"), 1);
  OK(nats_doc_free(stats));
  leave(at);
}

TEST("service-08", "the queue group is q unless another one is named; the innermost counts") {
  struct place at = serve(NULL);
  nats_service *mine =
      add_service(at.nc, J({"name" : "m", "version" : "1.0.0", "queue_group" : "mine"}));
  const char *configs[] = {
      J({"name" : "a"}), J({"name" : "a", "queue_group_disabled" : true}),
      J({"name" : "b", "group" : "v1"}), J({"name" : "c", "group" : "v1", "queue_group" : "n.1"})};
  const char *groups[] = {"mine", "", "mine", "n.1"};
  nats_subscription *endpoints[4];
  char path[64];
  for (int i = 0; i < 4; ++i) endpoints[i] = add_endpoint(mine, configs[i], NULL);
  nats_doc *info = info_of(mine), *plain = info_of(at.service);
  for (int i = 0; i < 4; ++i) {
    snprintf(path, sizeof path, "endpoints.%d.queue_group", i);
    EXPECT_TEXT(text(info, path), groups[i]);
    OK(nats_subscription_free(endpoints[i]));
  }
  EXPECT_TEXT(text(plain, "endpoints.0.queue_group"), "q");
  OK(nats_doc_free(info));
  OK(nats_doc_free(plain));
  OK(nats_service_free(mine));
  leave(at);
}

TEST("service-09", "without a queue group every instance gets every request") {
  struct remote server = server_start("plain", NULL);
  nats_connection *nc[2], *asker = dial(server.url, NULL);
  nats_service *services[2];
  for (int i = 0; i < 2; ++i) {
    nc[i] = dial(server.url, NULL);
    services[i] =
        add_service(nc[i], J({"name" : "s", "version" : "1.0.0", "queue_group_disabled" : true}));
    OK(nats_service_add_endpoint(services[i], S(J({"name" : "all"})), echo, NULL, NULL, NULL, E));
    OK(nats_service_add_endpoint(services[i], S(J({"name" : "in", "group" : "g"})), echo, NULL,
                                 NULL, NULL, E));
    flush(nc[i]);
  }
  const char *subjects[] = {"all", "g.in"};
  for (int i = 0; i < 2; ++i) {
    nats_subscription *answers = NULL;
    OK(nats_request_many(asker, S(subjects[i]), NULL, B("x"),
                         S("{\"max_messages\":2,\"max_wait_ms\":20000}"), &answers, E));
    receive_text(answers, "x");
    receive_text(answers, "x");
    OK(nats_subscription_free(answers));
  }
  for (int i = 0; i < 2; ++i) {
    expect_counted(services[i], 2);
    OK(nats_service_free(services[i]));
    hang_up(nc[i]);
  }
  hang_up(asker);
}

TEST("service-27", "an endpoint that its program ends is none of the service's any more") {
  struct place at = serve(NULL);
  OK(nats_service_add_endpoint(at.service, S(J({"name" : "other"})), echo, NULL, NULL, NULL, E));
  flush(at.nc);
  OK(nats_subscription_unsubscribe(at.endpoint, E));
  for (int64_t start = now_ms();; sched_yield()) {
    nats_doc *info = info_of(at.service);
    size_t left = length(info, "endpoints");
    OK(nats_doc_free(info));
    if (left == 1) break;
    EXPECT(now_ms() - start < WAIT_MS);
  }
  flush(at.nc);
  nobody_at(at.nc, "e");
  answered(at.nc, "other", "goes on", "goes on");
  FAILS(NATS_ERR_TIMEOUT, nats_service_stopped(at.service, 0, E));
  leave(at);
}
