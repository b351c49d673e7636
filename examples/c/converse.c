/*
 * One voice of the conversation that `make demo` runs: converse NAME PEER,PEER,...
 *
 * Every language has this program; the peers are the names of all of them, including one's own.
 * The server's URL is in NATS_URL.
 *
 * 1. Subscribe `demo.hello.NAME` and `demo.ask.NAME`, both in queue group `demo`, and `demo.done`.
 *    Every request on the first two is answered by the same payload with the header `From: NAME`.
 * 2. Meet: request `demo.hello.PEER` of each peer until it is answered. No responders (and a
 *    timeout) mean that the peer is not there yet: try again, for at most 60 seconds in all.
 * 3. Ask each peer 20 times on `demo.ask.PEER`, with the header `From: NAME`, a payload that
 *    differs from question to question, and 5 seconds of patience. An answer counts when it
 *    carries `From: PEER` and the payload of the question.
 * 4. Print one line per peer, {"from":"c","to":"rust","answered":20,"p50_us":101}: how many answers
 *    counted and the median round trip in microseconds (0 without answers).
 * 5. Go on answering until a message arrives on `demo.done` (at most 120 seconds); then drain and
 *    exit with 0. Anything unexpected is told on standard error and exits with 1.
 */
#define _POSIX_C_SOURCE 200809L
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUESTIONS = 20, MEET_MS = 60000, DONE_MS = 120000 };

static void must(nats_status status, nats_error **err) {
  if (status == NATS_OK) return;
  nats_str text = nats_error_text(*err);
  fprintf(stderr, "converse: %.*s\n", (int)text.len, text.ptr);
  exit(1);
}

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static nats_headers *from(const char *name) {
  nats_error *err = NULL;
  nats_headers *headers = NULL;
  must(nats_headers_new(&headers, &err), &err);
  must(nats_headers_append(headers, NATS_STR("From"), nats_zstr(name), &err), &err);
  return headers;
}

static void answer(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *headers) {
  (void)nc, (void)sub;
  nats_error *err = NULL;
  must(nats_msg_respond_msg(msg, headers, nats_msg_payload(msg), &err), &err);
  nats_msg_free(msg);
}

static void serve(nats_connection *nc, const char *kind, const char *name,
                  nats_headers *headers) {
  char subject[128];
  nats_error *err = NULL;
  snprintf(subject, sizeof subject, "demo.%s.%s", kind, name);
  nats_str options = NATS_STR("{\"queue\":\"demo\"}");
  must(nats_subscribe_with(nc, nats_zstr(subject), options, answer, headers, NULL, NULL, &err),
       &err);
}

/* Asks `demo.KIND.PEER`; returns the status, and 1 in *counts for an answer as it should be. */
static nats_status ask(nats_connection *nc, const char *kind, const char *peer,
                       nats_headers *headers, const char *question, int *counts) {
  char subject[128];
  nats_msg *msg = NULL;
  nats_str by = {NULL, 0};
  snprintf(subject, sizeof subject, "demo.%s.%s", kind, peer);
  nats_bytes sent = nats_bytes_of(question, strlen(question));
  nats_status status = nats_request_msg(nc, nats_zstr(subject), headers, sent, 5000, 0, &msg, NULL);
  if (status != NATS_OK) return status;
  nats_bytes got = nats_msg_payload(msg);
  *counts = nats_msg_header(msg, NATS_STR("From"), &by, NULL) == NATS_OK &&
            by.len == strlen(peer) && memcmp(by.ptr, peer, by.len) == 0 && got.len == sent.len &&
            memcmp(got.ptr, sent.ptr, sent.len) == 0;
  nats_msg_free(msg);
  return NATS_OK;
}

static void meet(nats_connection *nc, nats_subscription *done, const char *peer,
                 nats_headers *headers, int64_t deadline_us) {
  for (;;) {
    int counts = 0;
    nats_error *err = NULL;
    nats_msg *early = NULL;
    nats_status status = ask(nc, "hello", peer, headers, "hello", &counts);
    if (status == NATS_OK && counts) return;
    if ((status != NATS_ERR_NO_RESPONDERS && status != NATS_ERR_TIMEOUT) ||
        now_us() > deadline_us) {
      fprintf(stderr, "converse: %s did not say hello (%d)\n", peer, (int)status);
      exit(1);
    }
    /* The pause between two tries ends early, and the program too, when the demo is called off. */
    if (nats_subscription_next(done, 20, &early, &err) == NATS_OK) exit(1);
    nats_error_free(err);
  }
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void question(nats_connection *nc, const char *name, const char *peer,
                     nats_headers *headers) {
  int64_t took[QUESTIONS];
  int answered = 0;
  for (int i = 0; i < QUESTIONS; ++i) {
    char text[64];
    int counts = 0;
    snprintf(text, sizeof text, "question %d from %s", i, name);
    int64_t start = now_us();
    nats_status status = ask(nc, "ask", peer, headers, text, &counts);
    if (status == NATS_OK && counts) took[answered++] = now_us() - start;
  }
  qsort(took, (size_t)answered, sizeof took[0], by_value);
  printf("{\"from\":\"%s\",\"to\":\"%s\",\"answered\":%d,\"p50_us\":%lld}\n", name, peer, answered,
         answered ? (long long)took[answered / 2] : 0);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: converse NAME PEER,PEER,...\n");
    return 2;
  }
  const char *name = argv[1], *url = getenv("NATS_URL");
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_subscription *done = NULL;
  nats_msg *end = NULL;
  must(nats_connect(nats_zstr(url ? url : ""), NULL, &nc, &err), &err);
  must(nats_subscribe_with(nc, NATS_STR("demo.done"), NATS_STR(""), NULL, NULL, NULL, &done, &err),
       &err);
  nats_headers *headers = from(name);
  serve(nc, "hello", name, headers);
  serve(nc, "ask", name, headers);

  char *peers[16];
  int count = 0;
  for (char *p = strtok(argv[2], ","); p && count < 16; p = strtok(NULL, ",")) peers[count++] = p;
  int64_t deadline_us = now_us() + (int64_t)MEET_MS * 1000;
  for (int i = 0; i < count; ++i) meet(nc, done, peers[i], headers, deadline_us);
  for (int i = 0; i < count; ++i) question(nc, name, peers[i], headers);

  must(nats_subscription_next(done, DONE_MS, &end, &err), &err);
  nats_msg_free(end);
  must(nats_connection_drain(nc, 5000, &err), &err);
  nats_subscription_free(done);
  nats_connection_free(nc);
  nats_headers_free(headers);
  return 0;
}
