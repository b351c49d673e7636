/* Taking messages from subscriptions without a callback. */
#include "nats_tcl.h"

enum { MOST = 1024 };

/* Leaves at least one message: a list of up to `max`, or the message itself when `max` is 0. */
static nats_status take(Tcl_Interp *interp, Sub *sub, int max, int dict, nats_error **err) {
  nats_msg *msgs[MOST];
  size_t count;
  const size_t cap = max < 1 ? 1 : max < MOST ? (size_t)max : MOST;
  nats_status status = nats_subscription_take(sub->handle, msgs, cap, 0, &count, err);
  if (status != NATS_OK) return status;
  sub->dict = dict;
  sub->delivered += count;
  if (max < 1) {
    Tcl_SetObjResult(interp, sub_message(sub, msgs[0]));
  } else {
    Tcl_Obj *list[MOST];
    for (size_t i = 0; i < count; i++) list[i] = sub_message(sub, msgs[i]);
    Tcl_SetObjResult(interp, Tcl_NewListObj((Tcl_Size)count, list));
  }
  nats_msgs_free(msgs, count);
  return NATS_OK;
}

/* A subscription that has no callback; NULL leaves an error in the interpreter. */
static Sub *taken_from(Tcl_Interp *interp, Conn *conn, Tcl_Obj *id) {
  Sub *sub = conn ? conn_sub(conn, id) : NULL;
  if (!sub || !sub->command) return sub;
  fail_arg(interp, "subscription %d has a callback", sub->id);
  return NULL;
}

/* Takes what is there, or has a script procedure wait `ms` for it, below 0 without end. */
static int take_within(Tcl_Interp *interp, Sub *sub, int max, int dict, Tcl_WideInt ms) {
  Home *home = sub->target.home;
  nats_error *err = NULL;
  nats_status status = take(interp, sub, max, dict, &err);
  if (status == NATS_OK) return TCL_OK;
  if (status != NATS_ERR_TIMEOUT || ms == 0) return fail(interp, status, err);
  nats_error_free(err);
  Tcl_Obj *const words[] = {
      home->words[WORD_TAKE_LATER],
      Tcl_NewIntObj(sub->conn->id),
      Tcl_NewIntObj(sub->id),
      Tcl_NewIntObj(max),
      Tcl_NewBooleanObj(dict),
      Tcl_NewWideIntObj(ms),
  };
  return method_continue(interp, 6, words);
}

/* take CONN SUB MAX DICT TIMEOUT: as take_within() above. */
static int take_nr(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt ms;
  int max, dict;
  (void)data;
  if (objc != 6) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn sub max dict timeout");
    return TCL_ERROR;
  }
  if (Tcl_GetIntFromObj(interp, objv[3], &max) != TCL_OK ||
      Tcl_GetBooleanFromObj(interp, objv[4], &dict) != TCL_OK ||
      Tcl_GetWideIntFromObj(interp, objv[5], &ms) != TCL_OK) {
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Sub *sub = taken_from(interp, home ? home_conn(home, objv[1]) : NULL, objv[2]);
  return sub ? take_within(interp, sub, max, dict, ms) : TCL_ERROR;
}

static int take_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  return Tcl_NRCallObjProc(interp, take_nr, data, objc, objv);
}

enum { TIMEOUT, DICTMSG, MAX, OPTIONS };

/* Both methods: the first `options` of them all, and what holds without them. */
static int take_with(Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                     Tcl_Obj *const objv[], int options, Tcl_WideInt max, Tcl_WideInt ms) {
  static const Option TABLE[OPTIONS] = {
      {"timeout", ARG_TIMEOUT}, {"dictmsg", ARG_BOOL}, {"max", ARG_COUNT}};
  Tcl_Obj *values[OPTIONS] = {NULL};
  const int at = Tcl_ObjectContextSkippedArgs(context) + 1;
  if (objc < at) {
    Tcl_WrongNumArgs(interp, at - 1, objv, "subID ?-option value ...?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at, objv + at, TABLE, options, values) != TCL_OK) {
    return TCL_ERROR;
  }
  Conn *conn = method_conn(interp, context);
  Sub *sub = taken_from(interp, conn, objv[at - 1]);
  if (!sub) return TCL_ERROR;
  int dict = conn->dict;
  if (values[TIMEOUT]) Tcl_GetWideIntFromObj(NULL, values[TIMEOUT], &ms);
  if (values[DICTMSG]) Tcl_GetBooleanFromObj(NULL, values[DICTMSG], &dict);
  if (values[MAX]) Tcl_GetWideIntFromObj(NULL, values[MAX], &max);
  return take_within(interp, sub, max < MOST ? (int)max : MOST, dict, ms);
}

/* next subID ?-timeout ms? ?-dictmsg bool?: the next message of a subscription without callback.
 * 0 does not wait; the default is to wait without end. */
static int next_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  (void)data;
  return take_with(interp, context, objc, objv, MAX, 0, -1);
}

/* take subID ?-max n? ?-timeout ms? ?-dictmsg bool?: a list of messages, at least one. Waits for
 * the first one only; the default is not to wait. */
static int take_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  enum { USUAL = 64 };
  (void)data;
  return take_with(interp, context, objc, objv, OPTIONS, USUAL, 0);
}

void take_commands(Tcl_Interp *interp) {
  Tcl_NRCreateCommand(interp, "::nats::core::take", take_cmd, take_nr, NULL, NULL);
}

void take_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType NEXT = {TCL_OO_METHOD_VERSION_1, "next", next_method, NULL, NULL};
  static const Tcl_MethodType TAKE = {TCL_OO_METHOD_VERSION_1, "take", take_method, NULL, NULL};
  add_method(interp, class, &NEXT);
  add_method(interp, class, &TAKE);
}
