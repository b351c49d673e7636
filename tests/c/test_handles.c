/* Handles that are NULL, freed, of another type, or invented. */

#include "check.h"

/* One handle of each type, all alive. */
struct zoo {
  nats_connection *nc;
  nats_subscription *sub;
  nats_options *options;
  nats_headers *headers;
  nats_queue *queue;
  nats_doc *doc;
};

static struct zoo zoo_open(void) {
  struct zoo zoo = {dial_plain(), NULL, NULL, NULL, NULL, NULL};
  zoo.sub = listen_to(zoo.nc, "c.zoo", NULL);
  OK(nats_options_new(NONE, &zoo.options, E));
  OK(nats_headers_new(&zoo.headers, E));
  OK(nats_queue_new(&zoo.queue, E));
  OK(nats_doc_new(&zoo.doc, E));
  return zoo;
}

static void zoo_free(struct zoo zoo) {
  OK(nats_subscription_free(zoo.sub));
  OK(nats_options_free(zoo.options));
  OK(nats_headers_free(zoo.headers));
  OK(nats_queue_free(zoo.queue));
  OK(nats_doc_free(zoo.doc));
  hang_up(zoo.nc);
}

/* ---- Every function that takes a handle of a type, with a handle that is not one ---- */

#define BAD(call) FAILS(NATS_ERR_INVALID_HANDLE, call)

static void ignore_event(nats_connection *nc, int32_t kind, nats_str json, void *user) {
  (void)nc, (void)kind, (void)json, (void)user;
}

static void ignore_message(nats_connection *nc, nats_subscription *sub, nats_msg *msg,
                           void *user) {
  (void)nc, (void)sub, (void)user;
  nats_msg_free(msg);
}

static void ignore_wake(void *user) { (void)user; }

static void bad_connection(void *bad, nats_queue *queue) {
  nats_msg *msg = NULL;
  nats_doc *doc = NULL;
  nats_subscription *sub = NULL;
  nats_error *last = NULL;
  nats_stats stats;
  int32_t state = 77;
  int64_t rtt = 77;
  size_t len = 77;
  char inbox[128];
  BAD(nats_publish(bad, S("a"), B(""), E));
  BAD(nats_publish_msg(bad, S("a"), NONE, NULL, B(""), E));
  BAD(nats_request(bad, S("a"), B(""), 1, &msg, E));
  BAD(nats_request_msg(bad, S("a"), NULL, B(""), 1, 0, &msg, E));
  BAD(nats_request_async(bad, S("a"), NULL, B(""), 1, 0, queue, 1, E));
  BAD(nats_request_many(bad, S("a"), NULL, B(""), NONE, &sub, E));
  BAD(nats_subscribe(bad, S("a"), ignore_message, NULL, NULL, &sub, E));
  BAD(nats_subscribe_with(bad, S("a"), NONE, NULL, NULL, NULL, &sub, E));
  BAD(nats_connection_flush(bad, 1, E));
  BAD(nats_connection_flush_async(bad, queue, 1, E));
  BAD(nats_connection_drain(bad, 1, E));
  BAD(nats_connection_drain_async(bad, queue, 1, E));
  BAD(nats_connection_close(bad, E));
  BAD(nats_connection_rtt(bad, 1, &rtt, E));
  BAD(nats_connection_state(bad, &state, E));
  BAD(nats_connection_stats(bad, &stats, E));
  BAD(nats_connection_max_payload(bad, &len, E));
  BAD(nats_connection_last_error(bad, &last));
  BAD(nats_connection_new_inbox(bad, inbox, sizeof inbox, &len, E));
  BAD(nats_connection_force_reconnect(bad, E));
  BAD(nats_connection_watch(bad, queue, 1, E));
  BAD(nats_connection_server_info(bad, &doc, E));
  BAD(nats_connection_servers(bad, &doc, E));
  EXPECT(!msg && !doc && !sub && !last && state == 77 && rtt == 77 && len == 77);
}

static void bad_subscription(void *bad, nats_queue *queue) {
  nats_msg *msg = NULL;
  size_t count = 77;
  nats_sub_stats stats;
  BAD(nats_subscription_next(bad, 0, &msg, E));
  BAD(nats_subscription_take(bad, &msg, 1, 0, &count, E));
  BAD(nats_subscription_watch(bad, queue, 1, E));
  BAD(nats_subscription_unsubscribe(bad, E));
  BAD(nats_subscription_unsubscribe_after(bad, 1, E));
  BAD(nats_subscription_drain(bad, 1, E));
  BAD(nats_subscription_drain_async(bad, queue, 1, E));
  BAD(nats_subscription_stats(bad, &stats, E));
  EXPECT(!msg && count == 77);
}

static void bad_headers(void *bad, nats_connection *nc, nats_queue *queue) {
  nats_str name, value;
  size_t count = 77;
  nats_msg *msg = NULL;
  nats_subscription *sub = NULL;
  BAD(nats_headers_append(bad, S("a"), S("b"), E));
  BAD(nats_headers_set(bad, S("a"), S("b"), E));
  BAD(nats_headers_remove(bad, S("a"), &count, E));
  BAD(nats_headers_get(bad, S("a"), &value, E));
  BAD(nats_headers_get_ignore_case(bad, S("a"), &value, E));
  BAD(nats_headers_count(bad, &count, E));
  BAD(nats_headers_at(bad, 0, &name, &value, E));
  if (!bad) return; /* as an argument NULL means: no headers */
  BAD(nats_publish_msg(nc, S("a"), NONE, bad, B(""), E));
  BAD(nats_request_msg(nc, S("a"), bad, B(""), 1, 0, &msg, E));
  BAD(nats_request_async(nc, S("a"), bad, B(""), 1, 0, queue, 1, E));
  BAD(nats_request_many(nc, S("a"), bad, B(""), NONE, &sub, E));
  EXPECT(!msg && !sub && count == 77);
}

static void bad_queue(void *bad, struct zoo zoo) {
  nats_event event;
  size_t count = 77;
  int fd = 77;
  BAD(nats_queue_poll(bad, &event, 1, 0, &count, E));
  BAD(nats_queue_fd(bad, &fd, E));
  BAD(nats_queue_on_wake(bad, ignore_wake, NULL, NULL, E));
  BAD(nats_queue_interrupt(bad, E));
  BAD(nats_request_async(zoo.nc, S("a"), NULL, B(""), 1, 0, bad, 1, E));
  BAD(nats_connection_flush_async(zoo.nc, bad, 1, E));
  BAD(nats_connection_drain_async(zoo.nc, bad, 1, E));
  BAD(nats_connection_watch(zoo.nc, bad, 1, E));
  BAD(nats_subscription_watch(zoo.sub, bad, 1, E));
  BAD(nats_subscription_drain_async(zoo.sub, bad, 1, E));
  BAD(nats_connect_async(S(plain_server()), NULL, bad, 1, E));
  EXPECT(count == 77 && fd == 77);
}

static void bad_options(void *bad, nats_queue *queue) {
  nats_connection *nc = NULL;
  struct latch gone = LATCH;
  BAD(nats_options_set(bad, NONE, E));
  BAD(nats_options_on_event(bad, ignore_event, &gone, latch_destroy_hook, E));
  EXPECT_INT(latch_count(&gone), 1);
  if (!bad) return; /* as an argument NULL means: the defaults */
  BAD(nats_connect(S(plain_server()), bad, &nc, E));
  BAD(nats_connect_async(S(plain_server()), bad, queue, 1, E));
  EXPECT(!nc);
}

static void bad_doc(void *bad) {
  nats_str text;
  int64_t number = 77;
  double real = 77;
  int32_t flag = 77;
  size_t len = 77;
  BAD(nats_doc_json(bad, &text, E));
  BAD(nats_doc_set_str(bad, S("a"), S("b"), E));
  BAD(nats_doc_set_int(bad, S("a"), 1, E));
  BAD(nats_doc_set_bool(bad, S("a"), 1, E));
  BAD(nats_doc_set_double(bad, S("a"), 1, E));
  BAD(nats_doc_set_json(bad, S("a"), S("1"), E));
  BAD(nats_doc_remove(bad, S("a"), E));
  BAD(nats_doc_get_str(bad, S("a"), &text, E));
  BAD(nats_doc_get_int(bad, S("a"), &number, E));
  BAD(nats_doc_get_bool(bad, S("a"), &flag, E));
  BAD(nats_doc_get_double(bad, S("a"), &real, E));
  BAD(nats_doc_len(bad, S("a"), &len, E));
  EXPECT(number == 77 && len == 77);
}

static void bad_everywhere(void *bad, struct zoo zoo) {
  bad_connection(bad, zoo.queue);
  bad_subscription(bad, zoo.queue);
  bad_headers(bad, zoo.nc, zoo.queue);
  bad_queue(bad, zoo);
  bad_options(bad, zoo.queue);
  bad_doc(bad);
}

/* Freeing what is no live handle of the type is an error, except NULL, which is nothing. */
static void bad_frees(void *bad, nats_status expected) {
  FAILS(expected, nats_connection_free(bad));
  FAILS(expected, nats_subscription_free(bad));
  FAILS(expected, nats_options_free(bad));
  FAILS(expected, nats_headers_free(bad));
  FAILS(expected, nats_queue_free(bad));
  FAILS(expected, nats_doc_free(bad));
  FAILS(expected, nats_error_free(bad));
}

TEST("c-handles-01", "NULL is INVALID_HANDLE for every function and nothing to free") {
  struct zoo zoo = zoo_open();
  bad_everywhere(NULL, zoo);
  bad_frees(NULL, NATS_OK);
  OK(nats_msg_free(NULL));
  OK(nats_msgs_free(NULL, 0));
  nats_str value;
  size_t cursor = 0;
  BAD(nats_msg_check(NULL, E));
  BAD(nats_msg_header(NULL, S("a"), &value, E));
  BAD(nats_msg_respond(NULL, B(""), E));
  EXPECT(nats_msg_subject(NULL).len == 0 && nats_msg_payload(NULL).len == 0);
  EXPECT(nats_msg_status(NULL) == 0 && nats_msg_clone(NULL) == NULL);
  EXPECT(!nats_msg_header_next(NULL, &cursor, &value, &value));
  zoo_free(zoo);
}

TEST("c-handles-02", "freed handles are INVALID_HANDLE, also to free again") {
  struct zoo zoo = zoo_open(), dead = zoo_open();
  zoo_free(dead);
  bad_connection(dead.nc, zoo.queue);
  bad_subscription(dead.sub, zoo.queue);
  bad_headers(dead.headers, zoo.nc, zoo.queue);
  bad_queue(dead.queue, zoo);
  bad_options(dead.options, zoo.queue);
  bad_doc(dead.doc);
  FAILS(NATS_ERR_INVALID_HANDLE, nats_connection_free(dead.nc));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_subscription_free(dead.sub));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_headers_free(dead.headers));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_queue_free(dead.queue));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_options_free(dead.options));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_doc_free(dead.doc));
  zoo_free(zoo);
}

TEST("c-handles-03", "a handle of another type is INVALID_HANDLE") {
  struct zoo zoo = zoo_open();
  void *all[] = {zoo.nc, zoo.sub, zoo.options, zoo.headers, zoo.queue, zoo.doc};
  for (int i = 0; i < 6; ++i) {
    if (i != 0) bad_connection(all[i], zoo.queue);
    if (i != 1) bad_subscription(all[i], zoo.queue);
    if (i != 2) bad_options(all[i], zoo.queue);
    if (i != 3) bad_headers(all[i], zoo.nc, zoo.queue);
    if (i != 4) bad_queue(all[i], zoo);
    if (i != 5) bad_doc(all[i]);
    nats_str value;
    BAD(nats_msg_header(all[i], S("a"), &value, E));
    FAILS(NATS_ERR_INVALID_HANDLE, nats_msg_free(all[i]));
  }
  FAILS(NATS_ERR_INVALID_HANDLE, nats_subscription_free((void *)zoo.nc));
  FAILS(NATS_ERR_INVALID_HANDLE, nats_error_free((void *)zoo.doc));
  zoo_free(zoo);
}

TEST("c-handles-04", "invented handles are INVALID_HANDLE") {
  struct zoo zoo = zoo_open();
  uint64_t random = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 200; ++i) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    void *bad = (void *)(uintptr_t)(random | 1);
    bad_everywhere(bad, zoo);
    bad_frees(bad, NATS_ERR_INVALID_HANDLE);
  }
  for (int bit = 0; bit < 64; ++bit) {
    void *near = (void *)((uintptr_t)zoo.doc ^ ((uintptr_t)1 << bit));
    nats_str text;
    BAD(nats_doc_json(near, &text, E));
  }
  zoo_free(zoo);
}

TEST("c-handles-05", "a subscription and a message outlive their connection's handle") {
  nats_connection *nc = dial_plain();
  nats_subscription *sub = listen_to(nc, "c.handles.6", NULL);
  send_text(nc, "c.handles.6", "kept");
  nats_msg *msg = receive(sub);
  OK(nats_connection_free(nc));
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "kept");
  nats_status status = nats_msg_respond(msg, B("x"), NULL);
  EXPECT(status == NATS_ERR_NO_REPLY || status == NATS_ERR_CONNECTION_CLOSED);
  nats_msg *none = NULL;
  FAILS(NATS_ERR_CONNECTION_CLOSED, nats_subscription_next(sub, WAIT_MS, &none, E));
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
}

static void *close_and_free(void *nc) {
  nats_connection_close(nc, NULL);
  nats_connection_free(nc);
  return NULL;
}

static void *use_until_gone(void *nc) {
  nats_status status;
  do {
    nats_subscription *sub = NULL;
    nats_subscribe_with(nc, S("c.handles.7"), NONE, NULL, NULL, NULL, &sub, NULL);
    nats_subscription_free(sub);
    status = nats_publish(nc, S("c.handles.7"), B("x"), NULL);
  } while (status == NATS_OK || status == NATS_ERR_CONNECTION_CLOSED);
  EXPECT_INT(status, NATS_ERR_INVALID_HANDLE);
  return NULL;
}

TEST("c-handles-06", "64 threads use a connection while it is closed and freed") {
  nats_connection *nc = dial_plain();
  pthread_t threads[64];
  for (int i = 0; i < 64; ++i) {
    EXPECT(!pthread_create(&threads[i], NULL, i < 60 ? use_until_gone : close_and_free, nc));
  }
  for (int i = 0; i < 64; ++i) pthread_join(threads[i], NULL);
}
