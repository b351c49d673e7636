/* Requests to services and their answers. */
#include "service.h"

TEST("service-10", "an answer has the payload and the headers that the handler gave it") {
  struct place at = serve(NULL);
  nats_subscription *answers = listen_to(at.nc, "answers", NULL);
  ask_later(at.nc, "question");
  nats_msg *request = receive(at.endpoint);
  EXPECT_TEXT(as_text(nats_msg_payload(request)), "question");
  EXPECT_TEXT(nats_msg_subject(request), "e");
  nats_headers *headers = NULL;
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Kind"), S("plain"), E));
  OK(nats_msg_respond_msg(request, headers, nats_bytes_of("\0\xff", 2), E));
  OK(nats_headers_free(headers));
  OK(nats_msg_free(request));
  nats_msg *answer = receive(answers);
  nats_str kind = NONE;
  OK(nats_msg_header(answer, S("Kind"), &kind, E));
  EXPECT_TEXT(kind, "plain");
  EXPECT(nats_msg_payload(answer).len == 2 && !memcmp(nats_msg_payload(answer).ptr, "\0\xff", 2));
  OK(nats_msg_free(answer));
  OK(nats_subscription_free(answers));
  leave(at);
}

TEST("service-11", "an answer that is an error has its headers, and is counted as one") {
  struct place at = serve(echo);
  nats_msg *answer = ask(at.nc, "e", "bad");
  nats_str value = NONE;
  OK(nats_msg_header(answer, S("Nats-Service-Error-Code"), &value, E));
  EXPECT_TEXT(value, "400");
  OK(nats_msg_header(answer, S("Nats-Service-Error"), &value, E));
  EXPECT_TEXT(value, "no good");
  EXPECT_TEXT(as_text(nats_msg_payload(answer)), "why");
  OK(nats_msg_free(answer));
  nats_doc *stats = counted(at.service, 1);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 1);
  EXPECT_TEXT(text(stats, "endpoints.0.last_error"), "400:no good");
  OK(nats_doc_free(stats));
  leave(at);
}

TEST("service-12", "errors that cannot be sent are refused; the request can still be answered") {
  struct place at = serve(NULL);
  nats_subscription *answers = listen_to(at.nc, "answers", NULL);
  ask_later(at.nc, "");
  nats_msg *request = receive(at.endpoint);
  nats_bytes none = B("");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_respond_error(request, 0, S("x"), NULL, none, E));
  SAYS("code: ");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_respond_error(request, -1, S("x"), NULL, none, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_respond_error(request, 65536, S("x"), NULL, none, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_msg_respond_error(request, 1, S(""), NULL, none, E));
  SAYS("description: ");
  FAILS(NATS_ERR_INVALID_HEADER, nats_msg_respond_error(request, 1, S("a\nb"), NULL, none, E));
  expect_counted(at.service, 0);
  nats_headers *headers = NULL;
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Own"), S("1"), E));
  OK(nats_msg_respond_error(request, 409, S("tried again"), headers, none, E));
  OK(nats_headers_free(headers));
  OK(nats_msg_free(request));
  nats_msg *answer = receive(answers);
  nats_str own = NONE;
  OK(nats_msg_header(answer, S("Own"), &own, E));
  EXPECT_TEXT(own, "1");
  expect_error(answer, 409, "tried again");
  OK(nats_msg_free(answer));
  nats_doc *stats = counted(at.service, 1);
  EXPECT_TEXT(text(stats, "endpoints.0.last_error"), "409:tried again");
  OK(nats_doc_free(stats));
  OK(nats_subscription_free(answers));
  leave(at);
}

TEST("service-13", "who asks sees the number and the description of an error") {
  struct place at = serve(echo);
  nats_msg *answer = ask(at.nc, "e", "bad");
  expect_error(answer, 400, "no good");
  int32_t code = 7;
  nats_str description = NONE;
  EXPECT_INT(nats_msg_service_error(answer, NULL, &description), 0);
  EXPECT_INT(nats_msg_service_error(answer, &code, NULL), 0);
  OK(nats_msg_free(answer));
  answer = ask(at.nc, "e", "good");
  EXPECT_INT(nats_msg_service_error(answer, &code, &description), 0);
  EXPECT_INT(code, 7);
  OK(nats_msg_free(answer));
  leave(at);
}

/* Fails, in more than one line; and once more. */
static void fail_always(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc, (void)sub, (void)user;
  OK(nats_msg_respond_failed(msg, S("it\nbroke"), E));
  OK(nats_msg_respond_failed(msg, S("again"), E));
  OK(nats_msg_free(msg));
}

TEST("service-14", "a handler that fails is answered for with 500, and counted as an error") {
  struct place at = serve(fail_always);
  nats_msg *answer = ask(at.nc, "e", "");
  expect_error(answer, 500, "it broke");
  OK(nats_msg_free(answer));
  nats_doc *stats = counted(at.service, 1);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 1);
  EXPECT_TEXT(text(stats, "endpoints.0.last_error"), "500:it broke");
  OK(nats_doc_free(stats));
  leave(at);
}

/* Keeps the first request, and answers the others. */
static nats_msg *kept;

static void keep_first(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  if (!kept) kept = msg;
  else echo(nc, sub, msg, user);
}

TEST("service-15", "a handler may answer later, while others are answered") {
  kept = NULL;
  struct place at = serve(keep_first);
  nats_subscription *answers = listen_to(at.nc, "answers", NULL);
  ask_later(at.nc, "late");
  ask_later(at.nc, "soon");
  receive_text(answers, "soon");
  expect_counted(at.service, 1);
  OK(nats_msg_respond(kept, nats_msg_payload(kept), E));
  receive_text(answers, "late");
  OK(nats_msg_free(kept));
  nats_doc *stats = counted(at.service, 2);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 0);
  OK(nats_doc_free(stats));
  OK(nats_subscription_free(answers));
  leave(at);
}

TEST("service-16", "a request is counted once, also when it is given up or cannot be answered") {
  struct place at = serve(NULL);
  nats_subscription *answers = listen_to(at.nc, "answers", NULL);
  nats_msg *batch[3];
  size_t count = 0;
  for (int i = 0; i < 2; ++i) ask_later(at.nc, "");
  send_text(at.nc, "e", "nobody waits");
  flush(at.nc);
  OK(nats_subscription_take(at.endpoint, batch, 3, WAIT_MS, &count, E));
  EXPECT_INT(count, 3);
  expect_counted(at.service, 0);
  OK(nats_msg_respond(batch[0], B("one"), E));
  OK(nats_msg_respond(batch[0], B("two"), E));
  expect_counted(at.service, 1);
  receive_text(answers, "one");
  receive_text(answers, "two");
  /* It is given up with the last reference. */
  nats_msg *again = nats_msg_clone(batch[1]);
  OK(nats_msg_free(batch[1]));
  expect_counted(at.service, 1);
  OK(nats_msg_free(again));
  nats_doc *stats = counted(at.service, 2);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 0);
  OK(nats_doc_free(stats));
  FAILS(NATS_ERR_NO_REPLY, nats_msg_respond(batch[2], B(""), E));
  expect_counted(at.service, 2);
  OK(nats_msg_free(batch[2]));
  OK(nats_msg_free(batch[0]));
  stats = counted(at.service, 3);
  EXPECT_INT(number(stats, "endpoints.0.num_errors"), 1);
  EXPECT(!strncmp(text(stats, "endpoints.0.last_error").ptr, "NO_REPLY: ", 10));
  OK(nats_doc_free(stats));
  OK(nats_subscription_free(answers));
  leave(at);
}
