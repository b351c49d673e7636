/* What a bucket is asked for. */
#include <stdlib.h>

#include "bucket.h"

/* How a key is asked for. */
typedef struct {
  const char *name;
  Want want;
  int marked; /* what was done last, be it that it was deleted */
} Lookup;

static const Lookup LOOKUPS[] = {
    {"get", WANT_ENTRY, 0}, {"get_value", WANT_VALUE, 0}, {"entry", WANT_ENTRY, 1}};

enum { CALLBACK, REVISION, OPTIONS };

static int look_up(Tcl_Interp *interp, const Lookup *lookup, Kv *kv, Tcl_Obj *key,
                   Tcl_Obj *revision, Tcl_Obj *command) {
  Tcl_DString room;
  Tcl_WideInt number = 0;
  nats_error *err = NULL;
  nats_status status;
  Op *op = kv_op(kv, lookup->want, command);
  nats_queue *queue = loop_queue(op->target.home->loop);
  if (revision) Tcl_GetWideIntFromObj(NULL, revision, &number);
  Tcl_DStringInit(&room);
  const nats_str name = text_arg(key, &room);
  if (number || lookup->marked) {
    status = nats_kv_get_revision_async(kv->handle, name, (uint64_t)number, queue,
                                        op->target.token, &err);
  } else {
    status = nats_kv_get_async(kv->handle, name, queue, op->target.token, &err);
  }
  Tcl_DStringFree(&room);
  return method_result(interp, op_started(op, status, err), op);
}

/* get key, get_value key, entry key, with ?-revision n? (not of `entry`) ?-callback prefix?: what
 * the key has, or was done to it last; the dictionary of the entry, or the value. With a callback a
 * number for cancel_request; then the callback is called as `prefix timedOut result error`. */
static int lookup_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                         Tcl_Obj *const objv[]) {
  static const Option TABLE[OPTIONS] = {{"callback", ARG_CALLBACK}, {"revision", ARG_COUNT}};
  const Lookup *lookup = data;
  Tcl_Obj *values[OPTIONS] = {NULL}, *command = NULL;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "key ?-option value ...?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || arguments_read(interp, objc - at - 1, objv + at + 1, TABLE,
                            lookup->marked ? REVISION : OPTIONS, values) != TCL_OK ||
      (values[CALLBACK] && callback_arg(interp, values[CALLBACK], &command) != TCL_OK)) {
    return TCL_ERROR;
  }
  return look_up(interp, lookup, kv, objv[at], values[REVISION], command);
}

static nats_status start_many(Op *op, Tcl_Obj **keys, Tcl_Size count, nats_error **err) {
  const size_t size = (size_t)count + 1;
  nats_str *names = allocate(size * sizeof *names);
  Tcl_DString *rooms = allocate(size * sizeof *rooms);
  for (Tcl_Size i = 0; i < count; i++) {
    Tcl_DStringInit(&rooms[i]);
    names[i] = text_arg(keys[i], &rooms[i]);
  }
  nats_status status =
      nats_kv_get_many_async(op->kv->handle, names, (size_t)count,
                             loop_queue(op->target.home->loop), op->target.token, err);
  for (Tcl_Size i = 0; i < count; i++) Tcl_DStringFree(&rooms[i]);
  free(rooms);
  free(names);
  return status;
}

/* GetMany keys: the entries that there are, in the order of their keys. */
static int many_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  Tcl_Size count;
  Tcl_Obj **keys;
  nats_error *err = NULL;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "keys");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv) return TCL_ERROR;
  if (Tcl_ListObjGetElements(NULL, objv[at], &count, &keys) != TCL_OK) {
    return fail_arg(interp, "keys: expected a list");
  }
  Op *op = kv_op(kv, WANT_ENTRIES, NULL);
  nats_status status = start_many(op, keys, count, &err);
  return method_result(interp, op_started(op, status, err), op);
}

/* History key: all entries of one key, the oldest first. */
static int history_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  Tcl_DString room;
  nats_error *err = NULL;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "key");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv) return TCL_ERROR;
  Op *op = kv_op(kv, WANT_ENTRIES, NULL);
  Tcl_DStringInit(&room);
  nats_status status = nats_kv_history_async(kv->handle, text_arg(objv[at], &room),
                                             loop_queue(op->target.home->loop), op->target.token,
                                             &err);
  Tcl_DStringFree(&room);
  return method_result(interp, op_started(op, status, err), op);
}

void lookup_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPE = {TCL_OO_METHOD_VERSION_1, "lookup", lookup_method, NULL, NULL};
  static const Tcl_MethodType MANY = {TCL_OO_METHOD_VERSION_1, "GetMany", many_method, NULL, NULL};
  static const Tcl_MethodType HISTORY = {TCL_OO_METHOD_VERSION_1, "History", history_method, NULL,
                                         NULL};
  for (size_t i = 0; i < sizeof LOOKUPS / sizeof *LOOKUPS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(LOOKUPS[i].name, -1), 1, &TYPE,
                  (ClientData)&LOOKUPS[i]);
  }
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(MANY.name, -1), 0, &MANY, NULL);
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(HISTORY.name, -1), 0, &HISTORY, NULL);
}
