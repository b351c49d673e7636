/*
 * Buckets of keys: what the classes nats::key_value, nats::kv_cache and nats::object_store know of
 * the library. Objects know theirs by metadata; watches and operations keep it, so that they may
 * outlive the object.
 */
#include <stdlib.h>

#include "bucket.h"

static void drop_kv(ClientData data) {
  target_release(&((Kv *)data)->target);
}

/* A copy of an object has none. */
static int clone_kv(Tcl_Interp *interp, ClientData kv, ClientData *copy) {
  (void)interp, (void)kv;
  *copy = NULL;
  return TCL_OK;
}

static const Tcl_ObjectMetadataType BUCKET = {TCL_OO_METADATA_VERSION_CURRENT, "nats::key_value",
                                              drop_kv, clone_kv};

/* Gives the object a bucket, or the values of one (`of`) in memory. The handle comes later. NULL
 * leaves an error in the interpreter. */
Kv *kv_attach(Tcl_Interp *interp, Tcl_Obj *object, Conn *conn, Tcl_Obj *name, Kv *of) {
  Tcl_Object named = Tcl_GetObjectFromObj(interp, object);
  if (!named) return NULL;
  Kv *kv = allocate(sizeof *kv);
  kv->target =
      (Target){.kind = OF_KV, .refs = 1, .gone = 0, .token = 0, .home = conn->target.home};
  kv->target.home->refs++;
  kv->conn = conn;
  target_hold(&conn->target);
  kv->name = name;
  Tcl_IncrRefCount(name);
  kv->handle = NULL;
  kv->cache = NULL;
  kv->store = NULL;
  kv->of = of;
  if (of) target_hold(&of->target);
  kv->before = NULL;
  kv->after = conn->buckets;
  if (kv->after) kv->after->before = kv;
  conn->buckets = kv;
  Tcl_ObjectSetMetadata(named, &BUCKET, kv);
  return kv;
}

/* It is of no use any more. */
void kv_close(Kv *kv) {
  if (kv->target.gone) return;
  kv->target.gone = 1;
  if (kv->before) {
    kv->before->after = kv->after;
  } else {
    kv->conn->buckets = kv->after;
  }
  if (kv->after) kv->after->before = kv->before;
  nats_kv_cache_free(kv->cache);
  nats_kv_free(kv->handle);
  nats_object_store_free(kv->store);
  kv->store = NULL;
  kv->cache = NULL;
  kv->handle = NULL;
}

void kv_free(Kv *kv) {
  kv_close(kv);
  Tcl_DecrRefCount(kv->name);
  if (kv->of) target_release(&kv->of->target);
  target_release(&kv->conn->target);
  free(kv);
}

/* The bucket of the object whose method was called; NULL leaves an error in the interpreter. */
Kv *method_kv(Tcl_Interp *interp, Tcl_ObjectContext context) {
  Kv *kv = Tcl_ObjectGetMetadata(Tcl_ObjectContextObject(context), &BUCKET);
  if (kv && (kv->handle || kv->cache || kv->store)) return kv;
  no_conn(interp);
  return NULL;
}

/* An operation on a bucket; `command` may be NULL. */
Op *kv_op(Kv *kv, Want want, Tcl_Obj *command) {
  Op *op = op_new(kv->target.home, kv->conn, want);
  op->tell = TELL_WORD;
  op->command = command ? prefix_value(command) : NULL;
  op->kv = kv;
  target_hold(&kv->target);
  return op;
}

/* The handle that an operation has made. */
void kv_arrived(Op *op, const nats_event *event) {
  Kv *kv = op->kv;
  if (op->want == WANT_BUCKET) {
    kv->handle = event->value;
    if (kv->target.gone) nats_kv_free(kv->handle);
  } else if (op->want == WANT_STORE) {
    kv->store = event->value;
    if (kv->target.gone) nats_object_store_free(kv->store);
  } else {
    kv->cache = event->value;
    if (kv->target.gone) nats_kv_cache_free(kv->cache);
  }
  if (!kv->target.gone) return;
  kv->handle = NULL;
  kv->cache = NULL;
  kv->store = NULL;
}

/* KvBind OBJECT BUCKET ?-option value ...?: waits until the object has the bucket. */
static int bind_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  Tcl_DString room;
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "object bucket ?-option value ...?");
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  if (!js || settings_read(interp, objc - at - 2, objv + at + 2, FOR_BUCKET, NULL, 0, NULL, &doc) !=
                 TCL_OK) {
    return TCL_ERROR;
  }
  Kv *kv = kv_attach(interp, objv[at], js->conn, objv[at + 1], NULL);
  int code = TCL_ERROR;
  if (kv) {
    Op *op = kv_op(kv, WANT_BUCKET, NULL);
    Tcl_DStringInit(&room);
    nats_status status =
        nats_kv_bind_async(js->handle, text_arg(objv[at + 1], &room), settings_json(doc),
                           loop_queue(op->target.home->loop), op->target.token, &err);
    Tcl_DStringFree(&room);
    code = method_result(interp, settings_started(op, FOR_BUCKET, status, err), op);
  }
  nats_doc_free(doc);
  return code;
}

void kv_bind_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType BIND = {TCL_OO_METHOD_VERSION_1, "KvBind", bind_method, NULL, NULL};
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(BIND.name, -1), 0, &BIND, NULL);
}

/* kv_methods CLASS: adds the methods of a bucket to the class. */
static int kv_methods_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  change_methods(interp, class);
  lookup_methods(interp, class);
  kv_watch_methods(interp, class);
  return TCL_OK;
}

/* cache_methods CLASS: adds the methods of values in memory to the class. */
static int cache_methods_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  cache_methods(interp, class);
  return TCL_OK;
}

void kv_commands(Tcl_Interp *interp) {
  add_command(interp, "kv_methods", kv_methods_cmd);
  add_command(interp, "cache_methods", cache_methods_cmd);
}
