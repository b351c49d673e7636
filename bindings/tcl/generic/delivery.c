/*
 * Delivery: subscriptions with a callback are taken from in batches when the queue has marked them
 * as ready, and stand in line for their turns, a batch each.
 */
#include "bucket.h"
#include "service.h"

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

/* The subject of a message: one value for as long as it stays the same. */
static Tcl_Obj *sub_subject(Sub *sub, const nats_msg *msg) {
  return text_kept(&sub->subject, nats_msg_subject(msg));
}

/* A message as the subscription's callback wants it: payload or dictionary; of a bucket the entry.
 * */
Tcl_Obj *sub_message(Sub *sub, const nats_msg *msg) {
  if (sub->kv) return (sub->kv->store ? object_told : entry_told)(sub->kv, msg);
  const int utf8 = sub->conn->utf8;
  if (!sub->dict) return payload_value(nats_msg_payload(msg), utf8);
  return message_dict(sub->target.home, msg, sub_subject(sub, msg), utf8,
                      sub->answers || sub->waited_for ? 0 : sub->id);
}

static void deliver(Sub *sub, nats_msg *msg) {
  Home *home = sub->target.home;
  Tcl_Obj *args[3];
  int count = 0;
  if (sub->service) {
    args[count++] = service_request(sub, msg);
    home_call(home, sub->command, count, args);
    return;
  }
  if (sub->kv) {
    args[count++] = sub_message(sub, msg);
  } else if (sub->answers) {
    args[count++] = Tcl_NewBooleanObj(0);
    args[count++] = sub_message(sub, msg);
  } else {
    args[count++] = sub_subject(sub, msg);
    args[count++] = sub_message(sub, msg);
    args[count++] = reply_value(home, msg);
  }
  nats_msg_free(msg);
  home_call(home, sub->command, count, args);
}

/* Fills the batch. When there is nothing the subscription leaves the line, or ends. */
static int refill(Sub *sub) {
  size_t count = 0;
  nats_error *err = NULL;
  sub->more = 0;
  nats_status status = nats_subscription_take(sub->handle, sub->batch, SUB_BATCH, 0, &count,
                                              sub->consumes ? &err : NULL);
  if (status == NATS_OK) {
    sub->at = 0;
    sub->count = count;
    sub->more = count == SUB_BATCH;
    return 1;
  }
  if (status == NATS_ERR_TIMEOUT) {
    sub_delist(sub);
  } else {
    if (err) {
      const nats_str text = nats_error_text(err);
      sub->reason = text_value(text.ptr, text.len);
      Tcl_IncrRefCount(sub->reason);
    }
    sub_close(sub, status);
  }
  nats_error_free(err);
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

/* Delivers at most so many messages, of the subscriptions whose turn it is; how many. */
int sub_deliver(Loop *loop, int most) {
  Sub *sub;
  int count = 0;
  while (count < most && (sub = loop_ready(loop)->first) != NULL) {
    target_hold(&sub->target);
    count += step(sub);
    target_release(&sub->target);
  }
  return count;
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
