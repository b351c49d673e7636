/* Subscriptions: made, taken from and waited for by the script, and ended. */
#include <stdlib.h>

#include "bucket.h"
#include "service.h"

/* Takes over the handle. The callback is called with `subject message reply`. */
Sub *sub_new(Conn *conn, nats_subscription *handle, Tcl_Obj *command, int dict) {
  int is_new;
  Home *home = conn->target.home;
  Sub *sub = allocate(sizeof *sub);
  sub->target = (Target){.kind = OF_SUB, .refs = 0, .gone = 0, .token = 0, .home = home};
  sub->conn = conn;
  sub->handle = handle;
  sub->id = ++conn->next_sub;
  sub->dict = dict;
  sub->answers = sub->waited_for = sub->consumes = sub->more = sub->listed = 0;
  sub->delivered = 0;
  sub->limit = UINT64_MAX;
  sub->command = command ? prefix_value(command) : NULL;
  sub->subject = sub->reason = NULL;
  sub->kv = NULL;
  sub->service = NULL;
  sub->next = sub->previous = NULL;
  sub->at = sub->count = 0;
  home->refs++;
  target_hold(&conn->target);
  loop_add(home->loop, &sub->target);
  void *key = (void *)(intptr_t)sub->id;
  Tcl_SetHashValue(Tcl_CreateHashEntry(&conn->subs, key, &is_new), sub);
  nats_subscription_watch(handle, loop_queue(home->loop), sub->target.token, NULL);
  return sub;
}

/* Takes over the handle that an operation has made. Not before the script asks for its result: no
 * message shall be told of by a number that the script does not know yet. Leaves the number, of a
 * bucket's watch behind that of the connection. */
int sub_made(Tcl_Interp *interp, Op *op) {
  Conn *conn = op->conn;
  if (conn->target.gone) {
    no_conn(interp);
    return TCL_ERROR;
  }
  Sub *sub = sub_new(conn, op->made, op->listener, op->dict);
  op->made = NULL;
  sub->consumes = 1;
  sub->kv = op->kv;
  if (op->kv) target_hold(&op->kv->target);
  Tcl_SetObjResult(interp, sub_number(sub));
  if (op->kv) {
    Tcl_Obj *const numbers[] = {Tcl_NewIntObj(conn->id), sub_number(sub)};
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, numbers));
  }
  return TCL_OK;
}

/* Makes this the answers to a request, of which a callback is told at most `limit`. */
void sub_answers(Sub *sub, uint64_t limit) {
  sub->answers = sub->command != NULL;
  sub->waited_for = !sub->command;
  if (sub->command) sub->limit = limit;
}

/* Who waited for its messages is gone. */
void sub_abandoned(Sub *sub) {
  if (sub->waited_for) sub_close(sub, NATS_ERR_CANCELLED);
}

/* What the script knows it by: answers with a callback by a token, for cancelling. */
Tcl_Obj *sub_number(const Sub *sub) {
  if (sub->answers) return Tcl_NewWideIntObj((Tcl_WideInt)sub->target.token);
  return Tcl_NewIntObj(sub->id);
}

void sub_free(Sub *sub) {
  if (sub->command) Tcl_DecrRefCount(sub->command);
  if (sub->subject) Tcl_DecrRefCount(sub->subject);
  if (sub->reason) Tcl_DecrRefCount(sub->reason);
  if (sub->kv) target_release(&sub->kv->target);
  if (sub->service) target_release(&sub->service->target);
  target_release(&sub->conn->target);
  free(sub);
}

/* Ends the waits for messages that are under way now; those that begin meanwhile go on. */
static void end_waits(Sub *sub, nats_status status) {
  size_t count = 0;
  for (Op *op = sub->conn->ops; op; op = op->next) count += op->sub == sub;
  if (count == 0) return;
  Op **waits = allocate(count * sizeof *waits);
  size_t at = 0;
  for (Op *op = sub->conn->ops; op; op = op->next) {
    if (op->sub != sub) continue;
    target_hold(&op->target);
    waits[at++] = op;
  }
  for (size_t i = 0; i < count; i++) {
    if (!waits[i]->target.gone) op_end(waits[i], waits[i]->drains ? NATS_OK : status, NULL);
    target_release(&waits[i]->target);
  }
  free(waits);
}

/* Tells a request for answers that there will be no more of them. */
static void tell_end(Sub *sub, nats_status reason) {
  Tcl_Obj *args[2];
  if (!sub->answers || reason == NATS_ERR_CANCELLED || sub->delivered >= sub->limit) return;
  args[0] = Tcl_NewBooleanObj(1);
  args[1] = reason == NATS_ERR_NO_RESPONDERS ? no_responders_value(sub->target.home, sub->dict)
                                             : Tcl_NewObj();
  home_call(sub->target.home, sub->command, 2, args);
}

/* Tells the program that messages of a stream have ended by themselves. */
static void tell_consumed(Sub *sub, nats_status reason) {
  Conn *conn = sub->conn;
  if (!sub->consumes || !conn->on_event || reason == NATS_ERR_CANCELLED ||
      reason == NATS_ERR_SUBSCRIPTION_CLOSED || reason == NATS_ERR_SUBSCRIPTION_ENDED ||
      reason == NATS_ERR_CONNECTION_CLOSED) {
    return;
  }
  const nats_str text = nats_status_text(reason);
  Tcl_Obj *const words[] = {
      Tcl_NewStringObj("event", -1),  Tcl_NewStringObj("consumer", -1),
      Tcl_NewStringObj("what", -1),   Tcl_NewStringObj("ended", -1),
      Tcl_NewStringObj("sub_id", -1), Tcl_NewIntObj(sub->id),
      Tcl_NewStringObj("code", -1),   Tcl_NewIntObj(reason),
      Tcl_NewStringObj("error", -1),  sub->reason ? sub->reason : text_value(text.ptr, text.len),
  };
  Tcl_Obj *details = Tcl_NewListObj(10, words);
  home_call(sub->target.home, conn->on_event, 1, &details);
}

/* The subscription is over: its id is not known any more. */
void sub_close(Sub *sub, nats_status reason) {
  if (sub->target.gone) return;
  target_hold(&sub->target);
  sub->target.gone = 1;
  sub_delist(sub);
  nats_msgs_free(sub->batch + sub->at, sub->count - sub->at);
  sub->at = sub->count = 0;
  nats_subscription_free(sub->handle);
  void *key = (void *)(intptr_t)sub->id;
  Tcl_HashEntry *entry = Tcl_FindHashEntry(&sub->conn->subs, key);
  if (entry) Tcl_DeleteHashEntry(entry);
  loop_remove(sub->target.home->loop, &sub->target);
  end_waits(sub, reason == NATS_ERR_CANCELLED ? NATS_ERR_CONNECTION_CLOSED : reason);
  tell_end(sub, reason);
  tell_consumed(sub, reason);
  target_release(&sub->target);
}

/* A subscription that the script takes from has messages. */
void sub_wake(Sub *sub) {
  if (!sub->target.gone) end_waits(sub, NATS_OK);
}

/* The subscription with this number; NULL leaves an error in the interpreter. */
Sub *conn_sub(Conn *conn, Tcl_Obj *id) {
  int number;
  if (Tcl_GetIntFromObj(NULL, id, &number) == TCL_OK) {
    void *key = (void *)(intptr_t)number;
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&conn->subs, key);
    if (entry) return Tcl_GetHashValue(entry);
  }
  fail_with(conn->target.home->interp, NATS_ERR_SUBSCRIPTION_CLOSED,
            Tcl_ObjPrintf("Invalid subscription ID %s", Tcl_GetString(id)));
  return NULL;
}

/* The connection and the subscription that most commands here begin with. */
static Sub *sub_args(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], int expected,
                     const char *usage) {
  if (objc != expected) {
    Tcl_WrongNumArgs(interp, 1, objv, usage);
    return NULL;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[1]) : NULL;
  return conn ? conn_sub(conn, objv[2]) : NULL;
}

/* subscribe CONN SUBJECT SPEC COMMAND DICT: the id; an empty COMMAND for one to take from. */
static int subscribe_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_DString room;
  Tcl_Obj *command = NULL;
  Tcl_Size length;
  nats_subscription *handle;
  nats_doc *doc;
  nats_str json;
  nats_error *err = NULL;
  int dict;
  (void)data;
  if (objc != 6) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn subject spec command dict");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[1]) : NULL;
  if (!conn || Tcl_GetBooleanFromObj(interp, objv[5], &dict) != TCL_OK) return TCL_ERROR;
  Tcl_GetStringFromObj(objv[4], &length);
  if (length > 0 && prefix_arg(interp, objv[4], &command) != TCL_OK) return TCL_ERROR;
  if (options_json(interp, objv[3], &doc, &json) != TCL_OK) return TCL_ERROR;
  Tcl_DStringInit(&room);
  nats_status status = nats_subscribe_with(conn->nc, text_arg(objv[2], &room), json, NULL, NULL,
                                           NULL, &handle, &err);
  Tcl_DStringFree(&room);
  nats_doc_free(doc);
  if (status != NATS_OK) return fail(interp, status, err);
  Sub *sub = sub_new(conn, handle, command, dict);
  Tcl_SetObjResult(interp, Tcl_NewIntObj(sub->id));
  return TCL_OK;
}

/* unsubscribe CONN SUB MAX: at once with 0, otherwise after MAX messages counted from the start. */
static int unsubscribe_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt max;
  nats_error *err = NULL;
  (void)data;
  Sub *sub = sub_args(interp, objc, objv, 4, "conn sub max");
  if (!sub || Tcl_GetWideIntFromObj(interp, objv[3], &max) != TCL_OK) return TCL_ERROR;
  if (max <= 0 || sub->delivered >= (uint64_t)max) {
    sub_close(sub, NATS_ERR_SUBSCRIPTION_CLOSED);
    return TCL_OK;
  }
  nats_status status = nats_subscription_unsubscribe_after(sub->handle, (uint64_t)max, &err);
  if (status != NATS_OK && sub->at == sub->count) return fail(interp, status, err);
  nats_error_free(err);
  sub->limit = (uint64_t)max;
  return TCL_OK;
}

/* ready CONN SUB TIMEOUT: a token that is done when there may be messages; -1 waits for ever. */
static int ready_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt timeout;
  (void)data;
  Sub *sub = sub_args(interp, objc, objv, 4, "conn sub timeout");
  if (!sub || Tcl_GetWideIntFromObj(interp, objv[3], &timeout) != TCL_OK) return TCL_ERROR;
  Op *op = op_new(sub->target.home, sub->conn, WANT_NOTHING);
  op->sub = sub;
  if (timeout >= 0) op_expire_after(op, timeout);
  return op_started(op, NATS_OK, NULL);
}

/* drain_sub CONN SUB TIMEOUT: a token that is done when all that had arrived was taken or, with a
 * callback, delivered; -1 stands for the library's own timeout. */
static int drain_sub_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt timeout;
  nats_error *err = NULL;
  (void)data;
  Sub *sub = sub_args(interp, objc, objv, 4, "conn sub timeout");
  if (!sub || Tcl_GetWideIntFromObj(interp, objv[3], &timeout) != TCL_OK) return TCL_ERROR;
  Home *home = sub->target.home;
  Op *op = op_new(home, sub->conn, WANT_NOTHING);
  if (sub->command) {
    op->drains = sub;
    target_hold(&sub->target);
  }
  nats_status status = nats_subscription_drain_async(sub->handle, loop_queue(home->loop),
                                                     op->target.token, &err);
  if (status == NATS_OK && timeout >= 0) op_expire_after(op, timeout);
  return op_started(op, status, err);
}

/* subs CONN: the subscriptions with a callback. */
static int subs_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_HashSearch search;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[1]) : NULL;
  if (!conn) return TCL_ERROR;
  Tcl_Obj *list = Tcl_NewListObj(0, NULL);
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&conn->subs, &search);
  for (; entry; entry = Tcl_NextHashEntry(&search)) {
    Sub *sub = Tcl_GetHashValue(entry);
    if (sub->command) Tcl_ListObjAppendElement(NULL, list, Tcl_NewIntObj(sub->id));
  }
  Tcl_SetObjResult(interp, list);
  return TCL_OK;
}

/* sub_stats CONN SUB: a dictionary of numbers. */
static int sub_stats_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_sub_stats stats;
  nats_error *err = NULL;
  (void)data;
  Sub *sub = sub_args(interp, objc, objv, 3, "conn sub");
  if (!sub) return TCL_ERROR;
  nats_status status = nats_subscription_stats(sub->handle, &stats, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  const struct {
    const char *name;
    uint64_t number;
  } rows[] = {
      {"pending_messages", stats.pending_messages + (sub->count - sub->at)},
      {"pending_bytes", stats.pending_bytes},
      {"delivered", stats.delivered},
      {"dropped", stats.dropped},
      {"max_pending_messages", stats.max_pending_messages},
      {"max_pending_bytes", stats.max_pending_bytes},
  };
  Tcl_Obj *dict = Tcl_NewDictObj();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(rows[i].name, -1),
                   Tcl_NewWideIntObj((Tcl_WideInt)rows[i].number));
  }
  Tcl_SetObjResult(interp, dict);
  return TCL_OK;
}

void subscription_commands(Tcl_Interp *interp) {
  add_command(interp, "subscribe", subscribe_cmd);
  add_command(interp, "unsubscribe", unsubscribe_cmd);
  add_command(interp, "ready", ready_cmd);
  add_command(interp, "drain_sub", drain_sub_cmd);
  add_command(interp, "subs", subs_cmd);
  add_command(interp, "sub_stats", sub_stats_cmd);
}
