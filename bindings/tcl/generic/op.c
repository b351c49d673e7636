/*
 * Operations: one token each, which a script waits for, or a callback that is called in the end.
 *
 * A script waits with `loop` (the event loop turns inside) or, in a coroutine, by `resume`, `yield`
 * until `done`, and `result`; the script part has that as one procedure.
 */
#include <stdlib.h>

#include "bucket.h"

static void enlist(Op *op, Op **list) {
  op->list = list;
  op->previous = NULL;
  op->next = *list;
  if (op->next) op->next->previous = op;
  *list = op;
}

static void delist(Op *op) {
  if (!op->list) return;
  if (op->previous) {
    op->previous->next = op->next;
  } else {
    *op->list = op->next;
  }
  if (op->next) op->next->previous = op->previous;
  op->list = NULL;
}

static void drop(Tcl_Obj **slot) {
  if (*slot) Tcl_DecrRefCount(*slot);
  *slot = NULL;
}

/* A new operation with a token, on a connection or (NULL) on none. */
Op *op_new(Home *home, Conn *conn, Want want) {
  Op *op = allocate(sizeof *op);
  op->target = (Target){.kind = OF_OP, .refs = 0, .gone = 0, .token = 0, .home = home};
  op->want = want;
  op->tell = TELL_ANSWER;
  op->wanted = 0;
  op->done = op->dict = op->outstanding = 0;
  op->status = NATS_OK;
  op->conn = conn;
  op->sub = op->drains = NULL;
  op->asked = NULL;
  op->kv = NULL;
  op->flow = NULL;
  op->made = NULL;
  op->value = op->refusal = op->command = op->resume = op->listener = NULL;
  op->timer = NULL;
  home->refs++;
  if (conn) target_hold(&conn->target);
  enlist(op, conn ? &conn->ops : &home->ops);
  loop_add(home->loop, &op->target);
  return op;
}

void op_free(Op *op) {
  drop(&op->value);
  drop(&op->refusal);
  drop(&op->command);
  drop(&op->resume);
  drop(&op->listener);
  nats_subscription_free(op->made);
  if (op->drains) target_release(&op->drains->target);
  if (op->flow) target_release(&op->flow->target);
  if (op->kv) target_release(&op->kv->target);
  if (op->conn) target_release(&op->conn->target);
  free(op);
}

/* To be called with what the library said when the operation was started: leaves the token, or the
 * error of an operation that was refused. */
int op_started(Op *op, nats_status status, nats_error *err) {
  Tcl_Interp *interp = op->target.home->interp;
  if (status == NATS_OK) {
    op->outstanding = !op->sub;
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)op->target.token));
    return TCL_OK;
  }
  delist(op);
  loop_remove(op->target.home->loop, &op->target);
  return fail(interp, status, err);
}

static void stop_timer(Op *op) {
  if (op->timer) Tcl_DeleteTimerHandler(op->timer);
  op->timer = NULL;
}

enum { COROUTINE_FLAGS = TCL_TRACE_DELETE | TCL_TRACE_RENAME };

/* The coroutine that waits is deleted, so nobody will ask for the result, or has another name. */
static void coroutine_changed(ClientData data, Tcl_Interp *interp, const char *old,
                              const char *name, int flags) {
  Op *op = data;
  (void)interp, (void)old;
  drop(&op->resume);
  if (flags & TCL_TRACE_DELETE) {
    Sub *sub = op->sub;
    op_forget(op);
    if (sub) sub_abandoned(sub);
  } else {
    op->resume = Tcl_NewStringObj(name, -1);
    Tcl_IncrRefCount(op->resume);
  }
}

static void stop_watching(Op *op) {
  if (!op->resume) return;
  Tcl_UntraceCommand(op->target.home->interp, Tcl_GetString(op->resume), COROUTINE_FLAGS,
                     coroutine_changed, op);
  drop(&op->resume);
}

static int watch_coroutine(Op *op, Tcl_Obj *name) {
  Tcl_Interp *interp = op->target.home->interp;
  stop_watching(op);
  if (Tcl_TraceCommand(interp, Tcl_GetString(name), COROUTINE_FLAGS, coroutine_changed, op) !=
      TCL_OK) {
    return TCL_ERROR;
  }
  op->resume = name;
  Tcl_IncrRefCount(name);
  return TCL_OK;
}

static void resume(Op *op) {
  Tcl_Obj *call = Tcl_NewListObj(1, &op->resume);
  Tcl_IncrRefCount(call);
  home_call(op->target.home, call, 0, NULL);
  Tcl_DecrRefCount(call);
}

/* Messages one by one; then, when fewer have come than were wanted, that the time is over. */
static void tell_each(Op *op) {
  Home *home = op->target.home;
  Tcl_Size count = 0;
  Tcl_Obj *args[2], **msgs = NULL;
  if (op->status == NATS_OK) Tcl_ListObjGetElements(NULL, op->value, &count, &msgs);
  for (Tcl_Size i = 0; i < count; i++) {
    args[0] = Tcl_NewBooleanObj(0);
    args[1] = msgs[i];
    home_call(home, op->command, 2, args);
  }
  if (count >= op->wanted) return;
  args[0] = Tcl_NewBooleanObj(1);
  args[1] = op->status == NATS_OK ? Tcl_NewObj()
                                  : failure_value(op->status, op->value, op->refusal);
  home_call(home, op->command, 2, args);
}

/* The answer, or what went wrong: that the time is over when it was not JetStream that refused. */
static void tell_word(Op *op) {
  const int is_good = op->status == NATS_OK;
  Tcl_Obj *args[3];
  args[0] = Tcl_NewBooleanObj(!is_good && !op->refusal);
  args[1] = is_good ? op->value : Tcl_NewObj();
  args[2] = is_good ? Tcl_NewObj() : failure_value(op->status, op->value, op->refusal);
  home_call(op->target.home, op->command, 3, args);
}

/* What went wrong, if anything. */
static void tell_end(Op *op) {
  Tcl_Obj *failure = op->status == NATS_OK ? Tcl_NewObj()
                                           : failure_value(op->status, op->value, op->refusal);
  home_call(op->target.home, op->command, 1, &failure);
}

static void tell_callback(Op *op) {
  Home *home = op->target.home;
  Tcl_Obj *args[2];
  if (op->tell == TELL_EACH) {
    tell_each(op);
    return;
  }
  if (op->tell == TELL_WORD) {
    tell_word(op);
    return;
  }
  if (op->tell == TELL_END) {
    tell_end(op);
    return;
  }
  args[0] = Tcl_NewBooleanObj(op->status != NATS_OK);
  args[1] = op->status == NATS_OK                  ? op->value
            : op->status == NATS_ERR_NO_RESPONDERS ? no_responders_value(home, op->dict)
                                                   : Tcl_NewObj();
  home_call(home, op->command, 2, args);
}

/* The end: the callback is called, or whoever waits goes on. */
static void finish(Op *op) {
  Home *home = op->target.home;
  stop_timer(op);
  op->done = 1;
  op->sub = NULL;
  target_hold(&op->target);
  if (op->command) {
    delist(op);
    loop_remove(home->loop, &op->target);
    tell_callback(op);
  } else if (op->resume) {
    resume(op);
  }
  target_release(&op->target);
}

static void set_value(Op *op, nats_status status, Tcl_Obj *value) {
  drop(&op->value);
  op->status = status;
  op->value = value ? value : Tcl_NewObj();
  Tcl_IncrRefCount(op->value);
}

/* Has the library complete an operation whose result is not wanted any more. */
static void cancel(Op *op) {
  if (!op->outstanding) return;
  nats_queue_cancel(loop_queue(op->target.home->loop), op->target.token, NULL);
}

/* Ends an operation before the library does. NULL stands for the status' own text. */
void op_end(Op *op, nats_status status, const char *text) {
  if (op->done) return;
  cancel(op);
  nats_str usual = nats_status_text(status);
  set_value(op, status,
            text ? Tcl_NewStringObj(text, -1) : text_value(usual.ptr, usual.len));
  finish(op);
}

/* The library has completed the operation. */
void op_complete(Op *op, const nats_event *event) {
  op->outstanding = 0;
  if (op->target.gone || op->done) {
    result_discard(op, event);
    if (op->target.gone) loop_remove(op->target.home->loop, &op->target);
    return;
  }
  if (event->status == NATS_OK && op->drains && !op->drains->target.gone) {
    op->sub = op->drains; /* all was taken, and has still to be delivered */
    return;
  }
  nats_status status = event->status;
  Tcl_Obj *value = NULL;
  if (status != NATS_OK) {
    nats_str text = nats_error_text(event->value);
    value = text_value(text.ptr, text.len);
    op->refusal = refusal_value(event->value);
    if (op->refusal) Tcl_IncrRefCount(op->refusal);
    nats_error_free(event->value);
    status = kv_reason(op, status, &value);
  } else {
    value = result_take(op, event, &status);
  }
  if (op->asked) asked_stop(op->asked);
  op->asked = NULL;
  set_value(op, status, value);
  finish(op);
}

/* Nobody is interested any more. The token stays until the library has completed it. */
void op_forget(Op *op) {
  Home *home = op->target.home;
  if (op->target.gone) return;
  target_hold(&op->target);
  op->target.gone = 1;
  stop_timer(op);
  delist(op);
  drop(&op->command);
  stop_watching(op);
  if (op->asked) asked_stop(op->asked);
  op->asked = NULL;
  op->sub = NULL;
  cancel(op);
  if (!op->outstanding) loop_remove(home->loop, &op->target);
  target_release(&op->target);
}

static void expired(ClientData data) {
  Op *op = data;
  op->timer = NULL;
  op_end(op, NATS_ERR_TIMEOUT, NULL);
}

/* Ends the wait with TIMEOUT after `ms`. */
void op_expire_after(Op *op, int64_t ms) {
  op->timer = Tcl_CreateTimerHandler(ms > INT32_MAX ? INT32_MAX : (int)ms, expired, op);
}

static Op *op_arg(Tcl_Interp *interp, Tcl_Obj *token) {
  Tcl_WideInt number;
  Home *home = home_get(interp);
  if (home && Tcl_GetWideIntFromObj(NULL, token, &number) == TCL_OK) {
    Target *target = loop_find(home->loop, (uint64_t)number);
    if (target && target->kind == OF_OP && target->home == home && !target->gone) {
      return (Op *)target;
    }
  }
  fail_arg(interp, "invalid operation %s", Tcl_GetString(token));
  return NULL;
}

/* Leaves the result of an operation that is done, and forgets it. */
static int take_result(Tcl_Interp *interp, Op *op) {
  const nats_status status = op->status;
  Tcl_Obj *value = op->value;
  Tcl_IncrRefCount(value);
  target_hold(&op->target);
  op_forget(op);
  int code = TCL_OK;
  if (status != NATS_OK) {
    code = fail_refused(interp, status, value, op->refusal);
  } else if (op->made) {
    code = sub_made(interp, op);
  } else {
    Tcl_SetObjResult(interp, value);
  }
  Tcl_DecrRefCount(value);
  target_release(&op->target);
  return code;
}

/* loop TOKEN: turns the event loop until the operation is done; its result. */
static int loop_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "token");
    return TCL_ERROR;
  }
  Op *op = op_arg(interp, objv[1]);
  if (!op) return TCL_ERROR;
  int code = TCL_OK;
  target_hold(&op->target);
  while (!op->done && !op->target.gone && code == TCL_OK) {
    Tcl_DoOneEvent(TCL_ALL_EVENTS);
    code = Tcl_Canceled(interp, TCL_LEAVE_ERR_MSG);
    if (code == TCL_OK && Tcl_LimitExceeded(interp)) {
      Tcl_SetObjResult(interp, Tcl_NewStringObj("limit exceeded", -1));
      code = TCL_ERROR;
    }
    if (Tcl_InterpDeleted(interp)) break;
  }
  if (code == TCL_OK && op->done && !op->target.gone) {
    Tcl_ResetResult(interp);
    code = take_result(interp, op);
  } else if (code == TCL_OK) {
    code = fail(interp, NATS_ERR_CANCELLED, NULL);
  }
  if (!op->target.gone) op_forget(op);
  target_release(&op->target);
  return code;
}

/* resume TOKEN COMMAND: calls the command when the operation is done. */
static int resume_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "token command");
    return TCL_ERROR;
  }
  Op *op = op_arg(interp, objv[1]);
  if (!op) return TCL_ERROR;
  return watch_coroutine(op, objv[2]);
}

/* done TOKEN: whether the operation is done. */
static int done_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "token");
    return TCL_ERROR;
  }
  Op *op = op_arg(interp, objv[1]);
  if (!op) return TCL_ERROR;
  Tcl_SetObjResult(interp, Tcl_NewBooleanObj(op->done));
  return TCL_OK;
}

/* result TOKEN: the result of an operation that is done, once. */
static int result_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "token");
    return TCL_ERROR;
  }
  Op *op = op_arg(interp, objv[1]);
  if (!op) return TCL_ERROR;
  if (!op->done) return fail_arg(interp, "operation %s is not done", Tcl_GetString(objv[1]));
  return take_result(interp, op);
}

/* cancel TOKEN: ends an operation or the answers to a request; callbacks are not called, waits end
 * with CANCELLED. False when there is none. */
static int cancel_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt number;
  Home *home = home_get(interp);
  Target *target = NULL;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "token");
    return TCL_ERROR;
  }
  if (!home) return TCL_ERROR;
  if (Tcl_GetWideIntFromObj(NULL, objv[1], &number) == TCL_OK) {
    target = loop_find(home->loop, (uint64_t)number);
  }
  const int found = target && target->home == home && !target->gone && target->kind != OF_CONN;
  if (found && target->kind == OF_OP) {
    Op *op = (Op *)target;
    if (op->command) {
      op_forget(op);
    } else {
      op_end(op, NATS_ERR_CANCELLED, NULL);
    }
  }
  if (found && target->kind == OF_SUB) sub_close((Sub *)target, NATS_ERR_CANCELLED);
  Tcl_SetObjResult(interp, Tcl_NewBooleanObj(found));
  return TCL_OK;
}

void op_commands(Tcl_Interp *interp) {
  add_command(interp, "loop", loop_cmd);
  add_command(interp, "resume", resume_cmd);
  add_command(interp, "done", done_cmd);
  add_command(interp, "result", result_cmd);
  add_command(interp, "cancel", cancel_cmd);
}
