/* A service with two endpoints: asked, answering an error, found, and stopped: service [URL] */
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(nats_status status, nats_error **err) {
  if (status == NATS_OK) return;
  nats_str text = nats_error_text(*err);
  fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
  exit(1);
}

static nats_str server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : getenv("NATS_URL");
  return nats_zstr(url ? url : "nats://127.0.0.1:4222");
}

static long number_in(nats_msg *msg) {
  char text[32] = "";
  nats_bytes payload = nats_msg_payload(msg);
  memcpy(text, payload.ptr, payload.len < sizeof text ? payload.len : sizeof text - 1);
  return strtol(text, NULL, 10);
}

static void answer(nats_msg *msg, long number) {
  char text[32];
  int length = snprintf(text, sizeof text, "%ld", number);
  nats_msg_respond(msg, nats_bytes_of(text, (size_t)length), NULL);
}

/* Handlers run on delivery threads; the message is theirs to free. */
static void twice(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  answer(msg, number_in(msg) * 2);
  nats_msg_free(msg);
}

static void half(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  long number = number_in(msg);
  if (number % 2 == 0) {
    answer(msg, number / 2);
  } else {
    char text[64];
    snprintf(text, sizeof text, "%ld is odd", number);
    nats_msg_respond_error(msg, 400, nats_zstr(text), NULL, nats_bytes_of(NULL, 0), NULL);
  }
  nats_msg_free(msg);
}

static void ask(nats_connection *nc, const char *subject, const char *number) {
  nats_error *err = NULL;
  nats_msg *reply = NULL;
  int32_t code = 0;
  nats_str why;
  nats_bytes payload = nats_bytes_of(number, strlen(number));
  must(nats_request(nc, nats_zstr(subject), payload, 5000, &reply, &err), &err);
  if (nats_msg_service_error(reply, &code, &why)) {
    printf("%s of %s: error %d: %.*s\n", subject, number, (int)code, (int)why.len, why.ptr);
  } else {
    payload = nats_msg_payload(reply);
    printf("%s of %s: %.*s\n", subject, number, (int)payload.len, (const char *)payload.ptr);
  }
  nats_msg_free(reply);
}

static nats_str text_in(nats_doc *doc, const char *path) {
  nats_error *err = NULL;
  nats_str text;
  must(nats_doc_get_str(doc, nats_zstr(path), &text, &err), &err);
  return text;
}

static int number_at(nats_doc *doc, int endpoint, const char *member) {
  nats_error *err = NULL;
  char path[64];
  int64_t number = 0;
  snprintf(path, sizeof path, "endpoints.%d.%s", endpoint, member);
  must(nats_doc_get_int(doc, nats_zstr(path), &number, &err), &err);
  return (int)number;
}

int main(int argc, char **argv) {
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_service *service = NULL;
  nats_doc *found = NULL, *stats = NULL;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_service_new(nc, NATS_STR("{\"name\":\"calculator\",\"version\":\"1.0.0\"}"), &service,
                        &err),
       &err);
  must(nats_service_add_endpoint(service,
                                 NATS_STR("{\"name\":\"double\",\"group\":\"numbers\"}"), twice,
                                 NULL, NULL, NULL, &err),
       &err);
  must(nats_service_add_endpoint(service, NATS_STR("{\"name\":\"half\",\"group\":\"numbers\"}"),
                                 half, NULL, NULL, NULL, &err),
       &err);

  ask(nc, "numbers.double", "21");
  ask(nc, "numbers.half", "7");

  must(nats_services_stats(nc, NATS_STR("{\"name\":\"calculator\"}"), &found, &err), &err);
  nats_str version = text_in(found, "services.0.version");
  nats_str one = text_in(found, "services.0.endpoints.0.subject");
  nats_str two = text_in(found, "services.0.endpoints.1.subject");
  printf("found calculator %.*s at %.*s and %.*s\n", (int)version.len, version.ptr, (int)one.len,
         one.ptr, (int)two.len, two.ptr);
  nats_doc_free(found);

  must(nats_service_stop(service, 5000, &err), &err);
  must(nats_service_stats(service, &stats, &err), &err);
  for (int i = 0; i < 2; ++i) {
    printf("requests: %d, errors: %d\n", number_at(stats, i, "num_requests"),
           number_at(stats, i, "num_errors"));
  }
  nats_doc_free(stats);
  nats_service_free(service);
  nats_connection_free(nc);
  return 0;
}
