/* What the tests of JetStream's faults share. */
#ifndef JETSTREAM_H
#define JETSTREAM_H

#include "check.h"

static inline nats_jetstream *js_on(nats_connection *nc, const char *options) {
  nats_jetstream *js = NULL;
  OK(nats_jetstream_new(nc, S(options), &js, E));
  return js;
}

struct rig {
  struct remote server;
  nats_connection *nc;
  nats_jetstream *js;
};

static inline struct rig rig_on(struct remote server, const char *options) {
  struct rig rig = {server, dial(server.url, "{\"reconnect_delay_max_ms\":100}"), NULL};
  rig.js = js_on(rig.nc, options);
  return rig;
}

static inline void rig_free(struct rig *rig) {
  OK(nats_jetstream_free(rig->js));
  hang_up(rig->nc);
}

typedef nats_status (*Op)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

static inline void done(nats_jetstream *js, Op op, const char *input) {
  nats_doc *out = NULL;
  OK(op(js, S(input), &out, E));
  OK(nats_doc_free(out));
}

static inline void refused(nats_jetstream *js, Op op, const char *input, nats_status code) {
  nats_doc *out = NULL;
  FAILS(code, op(js, S(input), &out, E));
  EXPECT(out == NULL);
}

#define STREAM "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"memory\"}"
#define WORKER "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\"}}"
#define THE_WORKER "{\"stream\":\"S\",\"consumer\":\"worker\"}"
#define ONCE "{\"retries\":0}"

static inline nats_status store(nats_jetstream *js, const char *subject, const char *text,
                         const char *options, nats_error **err) {
  return nats_jetstream_publish(js, S(subject), NULL, B(text), S(options), NULL, NULL, err);
}

/* A server with a stream in memory, and a consumer. */
static inline struct rig filled(void) {
  struct rig rig = rig_on(server_start("jetstream", NULL), "");
  done(rig.js, nats_stream_create, STREAM);
  done(rig.js, nats_consumer_create, WORKER);
  return rig;
}

/* It has been asked nothing of the API. */
static inline void expect_unasked(struct rig *rig) {
  OK(nats_connection_flush(rig->nc, WAIT_MS, E));
  tell(rig->server, "received", NULL);
  const char *received = answer_text("text");
  if (strstr(received, "$JS.API")) check_fail(__FILE__, __LINE__, "it was asked: %s", received);
}

#endif
