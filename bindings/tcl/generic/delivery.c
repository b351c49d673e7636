/*
 * Delivery: subscriptions with a callback are taken from in batches when the queue has marked them
 * as ready, and stand in line for their turns, a batch each.
 */
#include "nats_tcl.h"

static void enlist(Sub *sub) {
  Ready *ready = loop_ready(sub->target.home->loop);
  if (sub->listed) return;
  sub->listed = 1;
  sub->next = NULL;
  sub->previous = ready->last;
  if (ready->last) {
    ready->last->next = sub;
  } else {
    ready->first = sub;
  }
  ready->last = sub;
}

/* Takes it out of the line. */
void sub_delist(Sub *sub) {
  Ready *ready = loop_ready(sub->target.home->loop);
  if (!sub->listed) return;
  sub->listed = 0;
  if (sub->previous) {
    sub->previous->next = sub->next;
  } else {
    ready->first = sub->next;
  }
  if (sub->next) {
    sub->next->previous = sub->previous;
  } else {
    ready->last = sub->previous;
  }
}

/* Notes that a subscription with a callback has messages; 0 when it has none. */
int sub_ready(Sub *sub) {
  if (!sub->command) return 0;
  sub->more = 1;
  if (!sub->target.gone) enlist(sub);
  return 1;
}

/* Calls the callback with these arguments. */
void sub_call(Sub *sub, int count, Tcl_Obj **args) {
  for (int i = 0; i < count; i++) Tcl_IncrRefCount(args[i]);
  home_call(sub->target.home, sub->command, count, args);
  for (int i = 0; i < count; i++) Tcl_DecrRefCount(args[i]);
}

/* A message as the subscription's callback wants it: payload or dictionary. */
Tcl_Obj *sub_message(Sub *sub, const nats_msg *msg) {
  const int utf8 = sub->conn->utf8;
  if (!sub->dict) return payload_value(nats_msg_payload(msg), utf8);
  return message_dict(sub->target.home, msg, utf8,
                      sub->answers || sub->waited_for ? 0 : sub->id);
}

static void deliver(Sub *sub, nats_msg *msg) {
  Tcl_Obj *args[3];
  int count = 0;
  if (sub->answers) {
    args[count++] = Tcl_NewBooleanObj(0);
    args[count++] = sub_message(sub, msg);
  } else {
    nats_str subject = nats_msg_subject(msg), reply = nats_msg_reply(msg);
    args[count++] = text_value(subject.ptr, subject.len);
    args[count++] = sub_message(sub, msg);
    args[count++] = text_value(reply.ptr, reply.len);
  }
  nats_msg_free(msg);
  sub_call(sub, count, args);
}

/* Fills the batch. When there is nothing the subscription leaves the line, or ends. */
static int refill(Sub *sub) {
  nats_error *err = NULL;
  size_t count = 0;
  sub->more = 0;
  nats_status status = nats_subscription_take(sub->handle, sub->batch, SUB_BATCH, 0, &count, &err);
  nats_error_free(err);
  if (status == NATS_OK) {
    sub->at = 0;
    sub->count = count;
    sub->more = count == SUB_BATCH;
    return 1;
  }
  if (status == NATS_ERR_TIMEOUT) {
    sub_delist(sub);
  } else {
    sub_close(sub, status);
  }
  return 0;
}

/* Delivers the next message of a subscription; 0 when it has none now. */
static int step(Sub *sub) {
  if (sub->at == sub->count && !refill(sub)) return 0;
  nats_msg *msg = sub->batch[sub->at++];
  const int last = ++sub->delivered >= sub->limit;
  if (sub->at == sub->count) {
    /* The others have their turn; without `more` the next mark brings this one back. */
    sub_delist(sub);
    if (sub->more) enlist(sub);
  }
  target_hold(&sub->target);
  if (last) {
    target_hold(&sub->target);
    sub_close(sub, NATS_ERR_SUBSCRIPTION_ENDED);
    target_release(&sub->target);
  }
  deliver(sub, msg);
  target_release(&sub->target);
  return 1;
}

/* Delivers one message, of whichever subscription's turn it is; 0 when there is nothing to do. */
int sub_deliver(Loop *loop) {
  Sub *sub = loop_ready(loop)->first;
  if (!sub) return 0;
  target_hold(&sub->target);
  step(sub);
  target_release(&sub->target);
  return 1;
}

static Sub *first_with_callback(Conn *conn) {
  Tcl_HashSearch search;
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&conn->subs, &search);
  while (entry && !((Sub *)Tcl_GetHashValue(entry))->command) entry = Tcl_NextHashEntry(&search);
  return entry ? Tcl_GetHashValue(entry) : NULL;
}

/* Delivers all that the subscriptions of a closed connection still hold, and ends them. */
void sub_deliver_all(Conn *conn) {
  Sub *sub;
  while (!conn->target.gone && (sub = first_with_callback(conn)) != NULL) {
    target_hold(&sub->target);
    while (!sub->target.gone && step(sub)) continue;
    sub_close(sub, NATS_ERR_CONNECTION_CLOSED);
    target_release(&sub->target);
  }
}
