/* Buckets watched: subscriptions of the connection whose messages are entries. */
#include "bucket.h"

/* Watch COMMAND ?-option value ...?: the numbers of the connection and of the subscription. COMMAND
 * is called with each entry; empty: it is taken from. */
static int watch_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                        Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Obj *command = NULL;
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "command ?-option value ...?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || callback_arg(interp, objv[at], &command) != TCL_OK ||
      settings_read(interp, objc - at - 1, objv + at + 1, FOR_WATCH, NULL, 0, NULL, &doc) !=
          TCL_OK) {
    return TCL_ERROR;
  }
  Op *op = kv_op(kv, WANT_SUBSCRIPTION, NULL);
  op->listener = command ? prefix_value(command) : NULL;
  op->dict = 1;
  nats_status status = nats_kv_watch_async(kv->handle, settings_json(doc),
                                           loop_queue(op->target.home->loop), op->target.token,
                                           &err);
  nats_doc_free(doc);
  return method_result(interp, settings_started(op, FOR_WATCH, status, err), op);
}

/* Keys ?-option value ...?: a dictionary of `keys`, those that have values. */
static int keys_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  Kv *kv = method_kv(interp, context);
  if (!kv || settings_read(interp, objc - at, objv + at, FOR_WATCH, NULL, 0, NULL, &doc) !=
                 TCL_OK) {
    return TCL_ERROR;
  }
  Op *op = kv_op(kv, WANT_DOC, NULL);
  nats_status status = nats_kv_keys_async(kv->handle, settings_json(doc),
                                          loop_queue(op->target.home->loop), op->target.token, &err);
  nats_doc_free(doc);
  return method_result(interp, settings_started(op, FOR_WATCH, status, err), op);
}

/* KvCache OBJECT ?-option value ...?: waits until the object has the values in memory. */
static int open_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "object ?-option value ...?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || settings_read(interp, objc - at - 1, objv + at + 1, FOR_WATCH, NULL, 0, NULL, &doc) !=
                 TCL_OK) {
    return TCL_ERROR;
  }
  Kv *cache = kv_attach(interp, objv[at], kv->conn, kv->name, kv);
  int code = TCL_ERROR;
  if (cache) {
    Op *op = kv_op(cache, WANT_CACHE, NULL);
    nats_status status =
        nats_kv_cache_new_async(kv->handle, settings_json(doc), loop_queue(op->target.home->loop),
                                op->target.token, &err);
    code = method_result(interp, settings_started(op, FOR_WATCH, status, err), op);
  }
  nats_doc_free(doc);
  return code;
}

void kv_watch_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPES[] = {
      {TCL_OO_METHOD_VERSION_1, "Watch", watch_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "Keys", keys_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "KvCache", open_method, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(TYPES[i].name, -1), 0, &TYPES[i], NULL);
  }
}
