/* JetStream: batches of messages, stored together, and stored as they come. */
#include "stream.h"

#define FAST "{\"kind\":\"fast\"}"
#define WRONG "{\"expected_last_subject_sequence\":77}"

static bool start_atomic(struct place *at) {
  return start_newer(at, 12, "allow_atomic", ",\"allow_atomic\":true");
}

static bool start_batched(struct place *at) {
  return start_newer(at, 14, "allow_batched", ",\"allow_batched\":true");
}

static nats_batch *batch_of(nats_jetstream *js, const char *options) {
  nats_batch *batch = NULL;
  OK(nats_batch_new(js, S(options), &batch, E));
  return batch;
}

static nats_status add(nats_batch *batch, const char *subject, const char *options) {
  return nats_batch_add(batch, S(subject), NULL, B("x"), S(options), E);
}

static nats_status commit(nats_batch *batch, const char *subject, const char *options,
                          nats_doc **ack) {
  return nats_batch_commit(batch, S(subject), NULL, B("x"), S(options), ack, E);
}

/* The acknowledgement is that of the message with this sequence, the last of so many; frees it. */
static void acknowledged(nats_doc *ack, int64_t sequence, int64_t count) {
  expect_str(ack, "stream", "S");
  expect_int(ack, "seq", sequence);
  expect_int(ack, "count", count);
  OK(nats_doc_free(ack));
}

/* A number of the batch's state. */
static int64_t state_of(nats_batch *batch, const char *path) {
  nats_doc *state = NULL;
  OK(nats_batch_state(batch, &state, E));
  int64_t got = int_of(state, path);
  OK(nats_doc_free(state));
  return got;
}

/* A batch that is not ended fails so; frees it. */
static void close_fails(nats_batch *batch, nats_status status) {
  FAILS(status, nats_batch_close(batch, NULL, E));
  OK(nats_batch_free(batch));
}

TEST("js-publish-23",
     "an atomic batch is stored when it is committed, all of it, and nothing before") {
  struct place at;
  if (!start_atomic(&at)) return;
  static const char *const options[] = {"", "{\"ack_every\":1}", "{\"ack_every\":3}"};
  for (int round = 0; round < 3; ++round) {
    nats_batch *batch = batch_of(at.js, options[round]);
    nats_doc *ack = NULL;
    nats_str id = NONE;
    char text[64];
    for (int i = 1; i <= 9; ++i) {
      OK(add(batch, "s.a", ""));
      EXPECT_INT(state_of(batch, "added"), i);
    }
    EXPECT_INT(stored(at.js), round * 10);
    OK(commit(batch, "s.a", "", &ack));
    EXPECT_INT(stored(at.js), round * 10 + 10);
    OK(nats_doc_get_str(ack, S("batch"), &id, E));
    EXPECT(id.len > 0);
    snprintf(text, sizeof text, "%.*s", (int)id.len, id.ptr);
    nats_msg *msg = message_at(at.js, (uint64_t)round * 10 + 1);
    EXPECT_TEXT(header_of(msg, "Nats-Batch-Id"), text);
    OK(nats_msg_free(msg));
    acknowledged(ack, round * 10 + 10, 10);
    OK(nats_batch_free(batch));
  }
  leave(at);
}

TEST("js-publish-24", "an atomic batch is ended without another message, or has a single one") {
  struct place at;
  if (!start_atomic(&at)) return;
  nats_batch *batch = batch_of(at.js, "");
  nats_doc *ack = NULL;
  EXPECT_INT(state_of(batch, "added"), 0);
  OK(commit(batch, "s.a", "", &ack));
  acknowledged(ack, 1, 1);
  OK(nats_batch_free(batch));
  FAILS(NATS_ERR_INVALID_OPTION, nats_batch_new(at.js, S("{\"kind\":\"slow\"}"), &batch, E));
  SAYS("\"atomic\", \"fast\"");
  close_fails(batch_of(at.js, ""), NATS_ERR_INVALID_ARGUMENT);
  batch = batch_of(at.js, "");
  OK(add(batch, "s.a", ""));
  OK(add(batch, "s.b", ""));
  if (NEEDS(at.nc, 2, 14, "to commit a batch without a message",
            nats_batch_close(batch, &ack, E))) {
    acknowledged(ack, 3, 2);
    EXPECT_INT(stored(at.js), 3);
    nats_msg *msg = message_at(at.js, 3);
    EXPECT_TEXT(nats_msg_subject(msg), "s.b");
    OK(nats_msg_free(msg));
  }
  OK(nats_batch_free(batch));
  leave(at);
}

TEST("js-publish-25", "an atomic batch of which a message expects what is not so") {
  struct place at;
  if (!start_atomic(&at)) return;
  nats_doc *ack = NULL;
  store(at.js, "s.a", "x");
  nats_batch *batch = batch_of(at.js, "");
  OK(add(batch, "s.a", "{\"expected_last_sequence\":5}"));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, commit(batch, "s.a", "", &ack));
  OK(nats_batch_free(batch));
  batch = batch_of(at.js, "");
  OK(add(batch, "s.a", ""));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, commit(batch, "s.b", WRONG, &ack));
  OK(nats_batch_free(batch));
  EXPECT_INT(stored(at.js), 1);
  batch = batch_of(at.js, "");
  OK(add(batch, "s.a", "{\"expected_last_sequence\":1}"));
  OK(commit(batch, "s.a", "", &ack));
  acknowledged(ack, 3, 2);
  OK(nats_batch_free(batch));
  leave(at);
}

TEST("js-publish-26", "what is not acceptable is not added to an atomic batch, which goes on") {
  struct place at;
  if (!start_atomic(&at)) return;
  nats_batch *batch = batch_of(at.js, "");
  nats_doc *ack = NULL;
  size_t most = 0;
  OK(add(batch, "s.a", ""));
  FAILS(NATS_ERR_INVALID_SUBJECT, add(batch, "s..a", ""));
  FAILS(NATS_ERR_INVALID_OPTION, add(batch, "s.a", "{\"msgid\":\"x\"}"));
  OK(nats_connection_max_payload(at.nc, &most, E));
  uint8_t *large = calloc(most + 1, 1);
  FAILS(NATS_ERR_MAX_PAYLOAD,
        nats_batch_add(batch, S("s.a"), NULL, nats_bytes_of(large, most + 1), NONE, E));
  free(large);
  OK(commit(batch, "s.a", "", &ack));
  acknowledged(ack, 2, 2);
  OK(nats_batch_free(batch));
  leave(at);
}

TEST("js-publish-27", "a stream that allows no atomic batches, and a subject that no stream has") {
  struct place at = start_stream("");
  nats_batch *batch = NULL;
  if (!NEEDS(at.nc, 2, 12, "an atomic batch", nats_batch_new(at.js, NONE, &batch, E))) {
    leave(at);
    return;
  }
  FAILS(NATS_ERR_JETSTREAM, add(batch, "s.a", ""));
  NUMBERED(10174);
  FAILS(NATS_ERR_BATCH_OVER, add(batch, "s.a", ""));
  close_fails(batch, NATS_ERR_BATCH_OVER);
  batch = batch_of(at.js, "");
  FAILS(NATS_ERR_NO_RESPONDERS, add(batch, "nobody", ""));
  FAILS(NATS_ERR_BATCH_OVER, add(batch, "nobody", ""));
  OK(nats_batch_free(batch));
  EXPECT_INT(stored(at.js), 0);
  leave(at);
}

TEST("js-publish-28", "an atomic batch that is not committed leaves nothing") {
  struct place at;
  if (!start_atomic(&at)) return;
  nats_batch *batch = batch_of(at.js, "");
  OK(add(batch, "s.a", ""));
  OK(nats_batch_free(batch));
  EXPECT_INT(store(at.js, "s.a", "x"), 1);
  EXPECT_INT(stored(at.js), 1);
  leave(at);
}

TEST("js-publish-29",
     "a fast batch is stored as it comes, never too far ahead of its acknowledgements") {
  struct place at;
  if (!start_batched(&at)) return;
  nats_batch *batch = batch_of(at.js, "{\"kind\":\"fast\",\"flow\":10,\"outstanding_acks\":2}");
  nats_doc *ack = NULL, *state = NULL;
  char text[16];
  for (int i = 1; i < 1000; ++i) {
    snprintf(text, sizeof text, "%d", i);
    OK(nats_batch_add(batch, S("s.a"), NULL, B(text), NONE, E));
    OK(nats_batch_state(batch, &state, E));
    expect_str(state, "kind", "fast");
    expect_int(state, "added", i);
    EXPECT(int_of(state, "acknowledged") + 20 > i);
    expect_len(state, "events", 0);
    OK(nats_doc_free(state));
  }
  OK(nats_batch_commit(batch, S("s.a"), NULL, B("1000"), NONE, &ack, E));
  acknowledged(ack, 1000, 1000);
  OK(nats_batch_free(batch));
  static const uint64_t sequences[] = {1, 500, 1000};
  for (int i = 0; i < 3; ++i) {
    nats_msg *msg = message_at(at.js, sequences[i]);
    EXPECT_INT(number_of(msg), sequences[i]);
    OK(nats_msg_free(msg));
  }
  leave(at);
}

TEST("js-publish-30", "a fast batch is ended without another message, or has a single one") {
  struct place at;
  if (!start_batched(&at)) return;
  nats_batch *batch = batch_of(at.js, FAST);
  nats_doc *ack = NULL;
  OK(add(batch, "s.a", ""));
  OK(add(batch, "s.a", ""));
  OK(nats_batch_close(batch, &ack, E));
  acknowledged(ack, 2, 2);
  FAILS(NATS_ERR_BATCH_OVER, add(batch, "s.a", ""));
  close_fails(batch, NATS_ERR_BATCH_OVER);
  batch = batch_of(at.js, FAST);
  OK(commit(batch, "s.a", "", &ack));
  acknowledged(ack, 3, 1);
  OK(nats_batch_free(batch));
  close_fails(batch_of(at.js, FAST), NATS_ERR_INVALID_ARGUMENT);
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_batch_new(at.js, S("{\"kind\":\"fast\",\"flow\":0}"), &batch, E));
  SAYS("flow");
  leave(at);
}

/* Adds messages until the batch is over. */
static void add_until_over(nats_batch *batch) {
  int64_t end = now_ms() + WAIT_MS;
  nats_error *err = NULL;
  while (nats_batch_add(batch, S("s.a"), NULL, B("x"), NONE, &err) == NATS_OK) {
    EXPECT(now_ms() < end);
  }
  OK(nats_error_free(err));
  FAILS(NATS_ERR_BATCH_OVER, add(batch, "s.a", ""));
}

TEST("js-publish-31", "a message that is refused ends a fast batch, unless it allows gaps") {
  struct place at;
  if (!start_batched(&at)) return;
  nats_batch *batch = batch_of(at.js, FAST);
  nats_doc *ack = NULL, *state = NULL;
  nats_error *err = NULL;
  OK(add(batch, "s.a", ""));
  /* The refusal may be here before this returns. */
  nats_batch_add(batch, S("s.b"), NULL, B("x"), S(WRONG), &err);
  nats_error_free(err);
  add_until_over(batch);
  SAYS("1 of ");
  OK(nats_batch_state(batch, &state, E));
  expect_len(state, "events", 1);
  expect_str(state, "events.0.event", "refused");
  expect_int(state, "events.0.sequence", 2);
  expect_str(state, "events.0.name", "WRONG_LAST_SEQUENCE");
  OK(nats_doc_free(state));
  FAILS(NATS_ERR_BATCH_OVER, nats_batch_close(batch, NULL, E));
  SAYS("1 of ");
  OK(nats_batch_free(batch));
  EXPECT_INT(stored(at.js), 1);

  batch = batch_of(at.js, "{\"kind\":\"fast\",\"gaps\":true}");
  OK(add(batch, "s.a", ""));
  OK(add(batch, "s.b", WRONG));
  OK(add(batch, "s.a", ""));
  OK(commit(batch, "s.a", "", &ack));
  acknowledged(ack, 4, 4);
  EXPECT_INT(stored(at.js), 4);
  OK(nats_batch_free(batch));
  leave(at);
}

TEST("js-publish-32", "a stream that allows no fast batches, and a subject that no stream has") {
  struct place at = start_stream("");
  nats_batch *batch = NULL;
  if (!NEEDS(at.nc, 2, 14, "a fast batch", nats_batch_new(at.js, S(FAST), &batch, E))) {
    leave(at);
    return;
  }
  FAILS(NATS_ERR_JETSTREAM, add(batch, "s.a", ""));
  NUMBERED(10205);
  OK(nats_batch_free(batch));
  batch = batch_of(at.js, FAST);
  FAILS(NATS_ERR_NO_RESPONDERS, add(batch, "nobody", ""));
  OK(nats_batch_free(batch));
  EXPECT_INT(stored(at.js), 0);
  leave(at);
}

/* How much of the batch is stored, as its end tells. */
static int64_t end_of(nats_batch *batch) {
  nats_doc *ack = NULL;
  nats_error *err = NULL;
  int64_t count = -1;
  if (nats_batch_close(batch, &ack, &err) == NATS_OK) {
    count = int_of(ack, "count");
    OK(nats_doc_free(ack));
    return count;
  }
  EXPECT_INT(nats_error_code(err), NATS_ERR_BATCH_OVER);
  nats_str text = nats_error_text(err);
  char copy[16];
  snprintf(copy, sizeof copy, "%.*s", text.len < 15 ? (int)text.len : 15, text.ptr);
  OK(nats_error_free(err));
  return atoi(copy);
}

TEST("js-publish-33", "a fast batch over a lost connection, and with a silent server") {
  struct place at;
  if (!start_batched(&at)) return;
  nats_batch *batch = batch_of(at.js, FAST);
  OK(add(batch, "s.a", ""));
  OK(nats_connection_force_reconnect(at.nc, E));
  /* It goes on, or a gap ends it: then it is told how far it was stored. */
  nats_error *err = NULL;
  for (int i = 1; i < 1000; ++i) {
    if (nats_batch_add(batch, S("s.a"), NULL, B("x"), NONE, &err) != NATS_OK) break;
  }
  nats_error_free(err);
  int64_t count = end_of(batch);
  EXPECT_INT(stored(at.js), count);
  OK(nats_batch_free(batch));
  batch = batch_of(at.js, J({"kind":"fast","flow":1,"outstanding_acks":1,"timeout_ms":300}));
  OK(add(batch, "s.a", ""));
  tell(at.server, "pause", NULL);
  FAILS(NATS_ERR_TIMEOUT, add(batch, "s.a", ""));
  tell(at.server, "resume", NULL);
  OK(nats_batch_free(batch));
  leave(at);
}
