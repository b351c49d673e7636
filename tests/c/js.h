/* What the tests of JetStream share. */
#ifndef JS_H
#define JS_H

#include "check.h"

/* A JSON document as it stands. */
#define J(...) #__VA_ARGS__

static inline nats_jetstream *open_js(const char *url, nats_connection **nc) {
  nats_jetstream *js = NULL;
  *nc = dial(url, NULL);
  OK(nats_jetstream_new(*nc, NONE, &js, E));
  return js;
}

static inline nats_jetstream *start_js(nats_connection **nc) {
  struct remote server = server_start("jetstream", NULL);
  return open_js(server.url, nc);
}

static inline void close_js(nats_jetstream *js, nats_connection *nc) {
  OK(nats_jetstream_free(js));
  hang_up(nc);
}

typedef nats_status (*Op)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

/* The operation's answer, to be freed. */
static inline nats_doc *ask_js(nats_jetstream *js, Op op, const char *input) {
  nats_doc *out = NULL;
  OK(op(js, S(input), &out, E));
  return out;
}

static inline void do_js(nats_jetstream *js, Op op, const char *input) {
  OK(nats_doc_free(ask_js(js, op, input)));
}

/* The answer of what servers have since 2.`minor`, to be freed; NULL: this one is older (NEEDS). */
static inline nats_doc *ask_newer(nats_jetstream *js, nats_connection *nc, int minor,
                                  const char *what, Op op, const char *input) {
  nats_doc *out = NULL;
  NEEDS(nc, 2, minor, what, op(js, S(input), &out, E));
  return out;
}

/* The same without the answer; whether it was done. */
static inline bool do_newer(nats_jetstream *js, nats_connection *nc, int minor, const char *what,
                            Op op, const char *input) {
  nats_doc *out = ask_newer(js, nc, minor, what, op, input);
  if (out) OK(nats_doc_free(out));
  return out != NULL;
}

/* A server with a stream that servers have since 2.`minor`; NULL: it is older, and left. */
static inline nats_jetstream *start_newer_js(nats_connection **nc, int minor, const char *what,
                                             const char *config) {
  nats_jetstream *js = start_js(nc);
  if (do_newer(js, *nc, minor, what, nats_stream_create, config)) return js;
  close_js(js, *nc);
  return NULL;
}

static inline void refuse_js(nats_jetstream *js, Op op, const char *input, nats_status code) {
  nats_doc *out = NULL;
  FAILS(code, op(js, S(input), &out, E));
  EXPECT(out == NULL);
}

static inline void expect_int(nats_doc *doc, const char *path, int64_t expected) {
  int64_t got = -1;
  OK(nats_doc_get_int(doc, S(path), &got, E));
  EXPECT_INT(got, expected);
}

static inline void expect_str(nats_doc *doc, const char *path, const char *expected) {
  nats_str got = NONE;
  OK(nats_doc_get_str(doc, S(path), &got, E));
  EXPECT_TEXT(got, expected);
}

/* The same of what servers have since 2.`minor`; whether this one is so new. */
static inline bool refuse_newer(nats_jetstream *js, nats_connection *nc, int minor,
                                const char *what, Op op, const char *input, nats_status code) {
  nats_doc *out = NULL;
  bool is_new = NEEDS_FAILS(code, nc, 2, minor, what, op(js, S(input), &out, E));
  EXPECT(out == NULL);
  return is_new;
}

static inline uint64_t store(nats_jetstream *js, const char *subject, const char *text) {
  uint64_t sequence = 0;
  OK(nats_jetstream_publish(js, S(subject), NULL, B(text), NONE, &sequence, NULL, E));
  return sequence;
}

static inline int64_t int_of(nats_doc *doc, const char *path) {
  int64_t got = 0;
  OK(nats_doc_get_int(doc, S(path), &got, E));
  return got;
}

static inline void expect_len(nats_doc *doc, const char *path, size_t expected) {
  size_t len = 0;
  OK(nats_doc_len(doc, S(path), &len, E));
  EXPECT_INT(len, expected);
}

static inline void expect_bool(nats_doc *doc, const char *path, bool expected) {
  int32_t got = -1;
  OK(nats_doc_get_bool(doc, S(path), &got, E));
  EXPECT_INT(got, expected);
}

/* One number of an operation's answer. */
static inline int64_t number_js(nats_jetstream *js, Op op, const char *input, const char *path) {
  nats_doc *doc = ask_js(js, op, input);
  int64_t got = int_of(doc, path);
  OK(nats_doc_free(doc));
  return got;
}

/* A header of the message; empty when there is none. */
static inline nats_str header_of(nats_msg *msg, const char *name) {
  nats_str value = NONE;
  nats_error *err = NULL;
  nats_msg_header(msg, S(name), &value, &err);
  nats_error_free(err);
  return value;
}

/* Asks until `wanted` says yes; the answer, to be freed. Errors before that are passed over. */
static inline nats_doc *until_js(nats_jetstream *js, Op op, const char *input,
                                 bool (*wanted)(nats_doc *, const void *), const void *about) {
  int64_t end = now_ms() + 3 * WAIT_MS;
  while (now_ms() < end) {
    nats_doc *doc = NULL;
    nats_error *err = NULL;
    if (op(js, S(input), &doc, &err) != NATS_OK) {
      nats_error_free(err);
    } else if (wanted(doc, about)) {
      return doc;
    } else {
      nats_doc_free(doc);
    }
  }
  check_fail(__FILE__, __LINE__, "%s: not as wanted in time", input);
  return NULL;
}

struct is_int {
  const char *path;
  int64_t value;
};

static inline bool is_int(nats_doc *doc, const void *about) {
  const struct is_int *is = (const struct is_int *)about;
  int64_t got = 0;
  nats_error *err = NULL;
  bool read = nats_doc_get_int(doc, S(is->path), &got, &err) == NATS_OK;
  nats_error_free(err);
  return read && got == is->value;
}

static inline void until_int(nats_jetstream *js, Op op, const char *input, const char *path,
                             int64_t value) {
  struct is_int is = {path, value};
  OK(nats_doc_free(until_js(js, op, input, is_int, &is)));
}

static inline bool is_there(nats_doc *doc, const void *about) {
  (void)doc, (void)about;
  return true;
}

/* A JetStream of a fake server that answers requests to the API with these documents. */
static inline nats_jetstream *fake_js(nats_connection **nc, struct remote *fake, const char *info,
                                      const char *const answers[], int count) {
  static char script[8192];
  int len = snprintf(script, sizeof script, "[%s%s%s", info ? "{\"handshake\":" : "",
                     info ? info : "\"handshake\"", info ? "}" : "");
  for (int i = 0; i < count; ++i) {
    char escaped[4096];
    char *to = escaped;
    for (const char *from = answers[i]; *from; ++from) {
      if (*from == '"' || *from == '\\') *to++ = '\\';
      *to++ = *from;
    }
    *to = 0;
    len += snprintf(script + len, sizeof script - (size_t)len,
                    ",{\"expect\":\"PUB $JS.API.\"},"
                    "{\"reply\":\"MSG {2} {SUB.2} %zu\\r\\n%s\\r\\n\"}",
                    strlen(answers[i]), escaped);
  }
  snprintf(script + len, sizeof script - (size_t)len, "]");
  *fake = fake_start(script);
  return open_js(fake->url, nc);
}

/* What the fake server has received. */
static inline const char *received(struct remote fake) {
  tell(fake, "received", "\"connection\":0");
  return answer_text("text");
}

#endif
