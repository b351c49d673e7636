/* Stores ten messages in a stream, takes them from it and acknowledges them: jetstream [URL] */
#include <nats_ffi.h>
#include <stdio.h>
#include <stdlib.h>

#define STREAM "{\"name\":\"ORDERS\",\"subjects\":[\"orders.>\"],\"storage\":\"memory\"}"
#define WORKER "{\"stream\":\"ORDERS\",\"config\":{\"durable_name\":\"worker\"}}"

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

/* An operation whose answer nobody needs. */
typedef nats_status (*operation)(nats_jetstream *, nats_str, nats_doc **, nats_error **);

static void run(nats_jetstream *js, operation op, const char *input) {
  nats_error *err = NULL;
  nats_doc *answer = NULL;
  must(op(js, nats_zstr(input), &answer, &err), &err);
  nats_doc_free(answer);
}

static void show(nats_msg *msg) {
  nats_error *err = NULL;
  nats_metadata about;
  nats_str subject = nats_msg_subject(msg);
  nats_bytes payload = nats_msg_payload(msg);
  must(nats_msg_metadata(msg, &about, &err), &err);
  printf("got %.*s: %.*s (sequence %llu)\n", (int)subject.len, subject.ptr, (int)payload.len,
         (const char *)payload.ptr, (unsigned long long)about.stream_sequence);
}

int main(int argc, char **argv) {
  enum { MOST = 10 };
  nats_error *err = NULL;
  nats_connection *nc = NULL;
  nats_jetstream *js = NULL;
  nats_msg *msgs[MOST];
  size_t count = 0;
  must(nats_connect(server(argc, argv), NULL, &nc, &err), &err);
  must(nats_jetstream_new(nc, NATS_STR(""), &js, &err), &err);
  run(js, nats_stream_create, STREAM);
  run(js, nats_consumer_create, WORKER);

  for (int number = 1; number <= 10; ++number) {
    char text[16];
    uint64_t sequence = 0;
    int length = snprintf(text, sizeof text, "order %d", number);
    must(nats_jetstream_publish(js, NATS_STR("orders.new"), NULL,
                                nats_bytes_of(text, (size_t)length), NATS_STR(""), &sequence, NULL,
                                &err),
         &err);
    printf("stored %d as %llu\n", number, (unsigned long long)sequence);
  }

  /* Five, each acknowledged by itself; then what is left, acknowledged together. */
  must(nats_jetstream_fetch(js, NATS_STR("ORDERS"), NATS_STR("worker"), NATS_STR(""), msgs, 5,
                            &count, &err),
       &err);
  for (size_t i = 0; i < count; ++i) {
    show(msgs[i]);
    must(nats_msg_ack(msgs[i], &err), &err);
  }
  nats_msgs_free(msgs, count);
  must(nats_jetstream_fetch(js, NATS_STR("ORDERS"), NATS_STR("worker"),
                            NATS_STR("{\"no_wait\":true}"), msgs, MOST, &count, &err),
       &err);
  for (size_t i = 0; i < count; ++i) show(msgs[i]);
  must(nats_msgs_ack(msgs, count, &err), &err);
  nats_msgs_free(msgs, count);

  run(js, nats_stream_delete, "{\"stream\":\"ORDERS\"}");
  printf("stream deleted\n");
  nats_jetstream_free(js);
  nats_connection_free(nc);
  return 0;
}
