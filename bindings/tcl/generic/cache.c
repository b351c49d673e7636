/* The values of a bucket in memory. Nothing here waits. */
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

/* Seen revision: whether it was seen; fails when the bucket is followed no more. */
static int seen_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_WideInt revision;
  nats_error *err = NULL;
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "revision");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv) return TCL_ERROR;
  if (Tcl_GetWideIntFromObj(NULL, objv[at], &revision) != TCL_OK || revision < 0) {
    return fail_arg(interp, "Invalid revision \"%.40s\": expected a number",
                    Tcl_GetString(objv[at]));
  }
  nats_status status = nats_kv_cache_wait(kv->cache, (uint64_t)revision, 0, &err);
  if (status != NATS_OK && status != NATS_ERR_TIMEOUT) return fail(interp, status, err);
  nats_error_free(err);
  Tcl_SetObjResult(interp, Tcl_NewBooleanObj(status == NATS_OK));
  return TCL_OK;
}

void cache_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType GET = {TCL_OO_METHOD_VERSION_1, "get", get_method, NULL, NULL};
  static const Tcl_MethodType KEYS = {TCL_OO_METHOD_VERSION_1, "Keys", keys_method, NULL, NULL};
  static const Tcl_MethodType SEEN = {TCL_OO_METHOD_VERSION_1, "Seen", seen_method, NULL, NULL};
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("get", -1), 1, &GET, (ClientData)&WANTS[0]);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("get_value", -1), 1, &GET, (ClientData)&WANTS[1]);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(KEYS.name, -1), 0, &KEYS, NULL);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(SEEN.name, -1), 0, &SEEN, NULL);
}
