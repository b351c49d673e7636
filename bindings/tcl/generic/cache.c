/* The values of a bucket in memory. */
#include "bucket.h"

static const Want WANTS[] = {WANT_ENTRY, WANT_VALUE};

/* get key, get_value key: the entry, or its value, as far as the bucket has been followed. */
static int get_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[]) {
  const Want *want = data;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_DString room;
  nats_msg *msg;
  nats_error *err = NULL;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "key");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv) return TCL_ERROR;
  Tcl_DStringInit(&room);
  nats_status status = nats_kv_cache_get(kv->cache, text_arg(objv[at], &room), &msg, &err);
  Tcl_DStringFree(&room);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_Obj *value = entry_value(kv, msg, *want, &err);
  nats_msg_free(msg);
  if (!value) return fail(interp, nats_error_code(err), err);
  Tcl_SetObjResult(interp, value);
  return TCL_OK;
}

/* Keys: a dictionary of `keys`, in no order. */
static int keys_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv) return TCL_ERROR;
  nats_status status = nats_kv_cache_keys(kv->cache, &doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, doc_value(doc));
  return TCL_OK;
}

/* wait revision ?-timeout ms?: waits until this revision of a key that is followed was seen. */
static int wait_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"timeout", ARG_TIMEOUT}};
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_WideInt revision, timeout = 5000;
  Tcl_Obj *value = NULL;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "revision ?-timeout ms?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || arguments_read(interp, objc - at - 1, objv + at + 1, OPTIONS, 1, &value) != TCL_OK) {
    return TCL_ERROR;
  }
  if (Tcl_GetWideIntFromObj(NULL, objv[at], &revision) != TCL_OK || revision < 0) {
    return fail_arg(interp, "Invalid revision \"%.40s\": expected a number",
                    Tcl_GetString(objv[at]));
  }
  if (value) Tcl_GetWideIntFromObj(NULL, value, &timeout);
  Op *op = kv_op(kv, WANT_NOTHING, NULL);
  nats_status status =
      nats_kv_cache_wait_async(kv->cache, (uint64_t)revision, patience(timeout),
                               loop_queue(op->target.home->loop), op->target.token, &err);
  return method_result(interp, op_started(op, status, err), op);
}

void cache_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType GET = {TCL_OO_METHOD_VERSION_1, "get", get_method, NULL, NULL};
  static const Tcl_MethodType KEYS = {TCL_OO_METHOD_VERSION_1, "Keys", keys_method, NULL, NULL};
  static const Tcl_MethodType WAIT = {TCL_OO_METHOD_VERSION_1, "wait", wait_method, NULL, NULL};
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("get", -1), 1, &GET, (ClientData)&WANTS[0]);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("get_value", -1), 1, &GET, (ClientData)&WANTS[1]);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(KEYS.name, -1), 0, &KEYS, NULL);
  add_method(interp, class, &WAIT);
}
