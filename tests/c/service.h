/* What the tests of services share. */
#ifndef SERVICE_H
#define SERVICE_H

#include <sched.h>

#include "check.h"

/* A JSON document as it stands. */
#define J(...) #__VA_ARGS__

#define PLAIN J({"name" : "s", "version" : "1.0.0"})
#define NAMED J({"name" : "e"})

/* A server, a connection, a service and an endpoint of it. */
struct place {
  struct remote server;
  nats_connection *nc;
  nats_service *service;
  nats_subscription *endpoint;
};

static inline nats_service *add_service(nats_connection *nc, const char *config) {
  nats_service *service = NULL;
  OK(nats_service_new(nc, S(config), &service, E));
  return service;
}

/* An endpoint that is read, or whose requests `cb` gets. */
static inline nats_subscription *add_endpoint(nats_service *service, const char *config,
                                              nats_msg_cb cb) {
  nats_subscription *endpoint = NULL;
  OK(nats_service_add_endpoint(service, S(config), cb, NULL, NULL, &endpoint, E));
  return endpoint;
}

static inline void flush(nats_connection *nc) { OK(nats_connection_flush(nc, WAIT_MS, E)); }

/* The service "s" with the endpoint "e", known to the server. */
static inline struct place serve(nats_msg_cb cb) {
  struct place at = {server_start("plain", NULL), NULL, NULL, NULL};
  at.nc = dial(at.server.url, "{\"reconnect_delay_max_ms\":100}");
  at.service = add_service(at.nc, PLAIN);
  at.endpoint = add_endpoint(at.service, NAMED, cb);
  flush(at.nc);
  return at;
}

static inline void leave(struct place at) {
  OK(nats_subscription_free(at.endpoint));
  OK(nats_service_free(at.service));
  hang_up(at.nc);
}

/* Answers with the payload, and with an error when that is "bad". */
static inline void echo(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  nats_bytes payload = nats_msg_payload(msg);
  (void)nc, (void)sub, (void)user;
  if (payload.len == 3 && memcmp(payload.ptr, "bad", 3) == 0) {
    OK(nats_msg_respond_error(msg, 400, S("no good"), NULL, B("why"), E));
  } else {
    OK(nats_msg_respond(msg, payload, E));
  }
  OK(nats_msg_free(msg));
}

/* Asks the endpoint without waiting; the answer goes to "answers". */
static inline void ask_later(nats_connection *nc, const char *text) {
  OK(nats_publish_msg(nc, S("e"), S("answers"), NULL, B(text), E));
}

static inline void answered(nats_connection *nc, const char *subject, const char *text,
                            const char *expected) {
  nats_msg *answer = ask(nc, subject, text);
  EXPECT_TEXT(as_text(nats_msg_payload(answer)), expected);
  OK(nats_msg_free(answer));
}

static inline void nobody_at(nats_connection *nc, const char *subject) {
  nats_msg *answer = NULL;
  FAILS(NATS_ERR_NO_RESPONDERS, nats_request(nc, S(subject), B(""), WAIT_MS, &answer, E));
}

/* ---- Documents ---- */

static inline int64_t number(nats_doc *doc, const char *path) {
  int64_t value = -1;
  OK(nats_doc_get_int(doc, S(path), &value, E));
  return value;
}

static inline nats_str text(nats_doc *doc, const char *path) {
  nats_str value = NONE;
  OK(nats_doc_get_str(doc, S(path), &value, E));
  return value;
}

static inline size_t length(nats_doc *doc, const char *path) {
  size_t value = 0;
  OK(nats_doc_len(doc, S(path), &value, E));
  return value;
}

static inline nats_doc *info_of(nats_service *service) {
  nats_doc *info = NULL;
  OK(nats_service_info(service, &info, E));
  return info;
}

static inline nats_doc *stats_of(nats_service *service) {
  nats_doc *stats = NULL;
  OK(nats_service_stats(service, &stats, E));
  return stats;
}

/* A copy of the id, for whoever frees nothing. */
static inline const char *id_of(nats_service *service, char id[64]) {
  nats_doc *info = info_of(service);
  nats_str found = text(info, "id");
  snprintf(id, 64, "%.*s", (int)found.len, found.ptr);
  OK(nats_doc_free(info));
  return id;
}

/* The requests that all endpoints have counted. */
static inline int64_t total(nats_service *service) {
  nats_doc *stats = stats_of(service);
  int64_t sum = 0;
  char path[64];
  for (size_t i = 0; i < length(stats, "endpoints"); ++i) {
    snprintf(path, sizeof path, "endpoints.%zu.num_requests", i);
    sum += number(stats, path);
  }
  OK(nats_doc_free(stats));
  return sum;
}

/* The statistics, once so many requests are counted; an answer is there a moment earlier. */
static inline nats_doc *counted(nats_service *service, int64_t requests) {
  for (int64_t start = now_ms(); total(service) != requests; sched_yield()) {
    if (now_ms() - start > WAIT_MS) {
      check_fail(__FILE__, __LINE__, "%lld requests were counted, expected %lld",
                 (long long)total(service), (long long)requests);
    }
  }
  return stats_of(service);
}

static inline void expect_counted(nats_service *service, int64_t requests) {
  OK(nats_doc_free(counted(service, requests)));
}

/* What a monitor is answered, as a document. */
static inline nats_doc *monitored(nats_connection *nc, const char *subject) {
  nats_msg *answer = ask(nc, subject, "");
  nats_doc *doc = NULL;
  OK(nats_doc_parse(as_text(nats_msg_payload(answer)), &doc, E));
  OK(nats_msg_free(answer));
  return doc;
}

/* An error of a service, seen by who has asked. */
static inline void expect_error(nats_msg *answer, int code, const char *description) {
  int32_t number = -1;
  nats_str said = NONE;
  EXPECT_INT(nats_msg_service_error(answer, &number, &said), 1);
  EXPECT_INT(number, code);
  EXPECT_TEXT(said, description);
}

#endif
