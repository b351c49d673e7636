/* Buckets of objects: what the class nats::object_store has in C. */
#include "bucket.h"

/* What a message of a watch tells: what is known of the object, or why that cannot be read; empty
 * for the mark behind what there was. */
Tcl_Obj *object_told(const Kv *kv, const nats_msg *msg) {
  nats_doc *doc = NULL;
  nats_error *err = NULL;
  const Home *home = kv->target.home;
  if (nats_object_read(kv->store, msg, &doc, &err) == NATS_OK) {
    return doc ? doc_value(doc) : home->words[WORD_EMPTY];
  }
  const nats_str text = nats_error_text(err);
  Tcl_Obj *value = Tcl_NewDictObj();
  Tcl_DictObjPut(NULL, value, home->words[WORD_BUCKET], kv->name);
  Tcl_DictObjPut(NULL, value, home->words[WORD_ERROR], text_value(text.ptr, text.len));
  Tcl_DictObjPut(NULL, value, Tcl_NewStringObj("errorcode", -1),
                 error_code_value(nats_error_code(err)));
  nats_error_free(err);
  return value;
}

/* ObjectBind OBJECT BUCKET: waits until the object has the bucket. */
static int bind_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_error *err = NULL;
  Tcl_DString room;
  (void)data;
  if (objc != at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "object bucket");
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  Kv *kv = js ? kv_attach(interp, objv[at], js->conn, objv[at + 1], NULL) : NULL;
  if (!kv) return TCL_ERROR;
  Op *op = kv_op(kv, WANT_STORE, NULL);
  Tcl_DStringInit(&room);
  nats_status status =
      nats_object_store_bind_async(js->handle, text_arg(objv[at + 1], &room),
                                   loop_queue(op->target.home->loop), op->target.token, &err);
  Tcl_DStringFree(&room);
  return method_result(interp, op_started(op, status, err), op);
}

void object_bind_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType BIND = {TCL_OO_METHOD_VERSION_1, "ObjectBind", bind_method, NULL,
                                      NULL};
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(BIND.name, -1), 0, &BIND, NULL);
}

/* What the methods below begin with: the bucket, and the options behind so many words. */
typedef struct {
  int at;
  Kv *kv;
  nats_doc *doc;
  Tcl_Obj *command; /* or NULL */
} Call;

static int call_read(Tcl_Interp *interp, Tcl_ObjectContext context, int objc, Tcl_Obj *const objv[],
                     int words, const char *usage, Table table, Call *call) {
  static const Option OPTIONS[] = {{"callback", ARG_CALLBACK}};
  Tcl_Obj *callback;
  call->at = Tcl_ObjectContextSkippedArgs(context);
  call->command = NULL;
  const int from = call->at + words;
  if (objc < from) {
    Tcl_WrongNumArgs(interp, call->at, objv, usage);
    return TCL_ERROR;
  }
  call->kv = method_kv(interp, context);
  if (!call->kv || settings_read(interp, objc - from, objv + from, table, OPTIONS, 1, &callback,
                                 &call->doc) != TCL_OK) {
    return TCL_ERROR;
  }
  if (!callback || callback_arg(interp, callback, &call->command) == TCL_OK) return TCL_OK;
  nats_doc_free(call->doc);
  return TCL_ERROR;
}

/* Put NAME META DATA ?-option value ...?: what is known of the object then. */
static int put_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[]) {
  Call call;
  Tcl_DString name, meta, room;
  nats_bytes bytes;
  nats_error *err = NULL;
  (void)data;
  if (call_read(interp, context, objc, objv, 3, "name meta data ?-option value ...?",
                FOR_OBJECT_PUT, &call) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&name);
  Tcl_DStringInit(&meta);
  Tcl_DStringInit(&room);
  int code = payload_arg(interp, objv[call.at + 2], call.kv->conn->utf8, &room, &bytes);
  if (code == TCL_OK) {
    Op *op = kv_op(call.kv, WANT_DOC, call.command);
    nats_status status = nats_object_put_async(
        call.kv->store, text_arg(objv[call.at], &name), text_arg(objv[call.at + 1], &meta), bytes,
        settings_json(call.doc), loop_queue(op->target.home->loop), op->target.token, &err);
    code = method_result(interp, settings_started(op, FOR_OBJECT_PUT, status, err), op);
  }
  nats_doc_free(call.doc);
  Tcl_DStringFree(&name);
  Tcl_DStringFree(&meta);
  Tcl_DStringFree(&room);
  return code;
}

/* PutFile NAME META PATH ?-option value ...?: the same with the content of a file. */
static int put_file_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                           Tcl_Obj *const objv[]) {
  Call call;
  Tcl_DString name, meta, path;
  nats_error *err = NULL;
  (void)data;
  if (call_read(interp, context, objc, objv, 3, "name meta path ?-option value ...?",
                FOR_OBJECT_PUT, &call) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&name);
  Tcl_DStringInit(&meta);
  Tcl_DStringInit(&path);
  Op *op = kv_op(call.kv, WANT_DOC, call.command);
  nats_status status = nats_object_put_file_async(
      call.kv->store, text_arg(objv[call.at], &name), text_arg(objv[call.at + 1], &meta),
      text_arg(objv[call.at + 2], &path), settings_json(call.doc),
      loop_queue(op->target.home->loop), op->target.token, &err);
  const int code = method_result(interp, settings_started(op, FOR_OBJECT_PUT, status, err), op);
  nats_doc_free(call.doc);
  Tcl_DStringFree(&name);
  Tcl_DStringFree(&meta);
  Tcl_DStringFree(&path);
  return code;
}

/* get name ?-offset n? ?-length n? ?-nuid id? ?-show_deleted bool? ?-timeout ms? ?-callback
 * prefix?: the content. With a callback a number for cancel_request; then the callback is called as
 * `prefix timedOut content error`. */
static int get_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[]) {
  Call call;
  Tcl_DString name;
  nats_error *err = NULL;
  (void)data;
  if (call_read(interp, context, objc, objv, 1, "name ?-option value ...?", FOR_OBJECT_GET,
                &call) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&name);
  Op *op = kv_op(call.kv, WANT_MESSAGE, call.command);
  nats_status status =
      nats_object_get_async(call.kv->store, text_arg(objv[call.at], &name), settings_json(call.doc),
                            loop_queue(op->target.home->loop), op->target.token, &err);
  const int code = method_result(interp, settings_started(op, FOR_OBJECT_GET, status, err), op);
  nats_doc_free(call.doc);
  Tcl_DStringFree(&name);
  return code;
}

/* GetFile NAME PATH ?-option value ...?: what is known of the object, which the file has then. */
static int get_file_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                           Tcl_Obj *const objv[]) {
  Call call;
  Tcl_DString name, path;
  nats_error *err = NULL;
  (void)data;
  if (call_read(interp, context, objc, objv, 2, "name path ?-option value ...?", FOR_OBJECT_GET,
                &call) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&name);
  Tcl_DStringInit(&path);
  Op *op = kv_op(call.kv, WANT_DOC, call.command);
  nats_status status = nats_object_get_file_async(
      call.kv->store, text_arg(objv[call.at], &name), text_arg(objv[call.at + 1], &path),
      settings_json(call.doc), loop_queue(op->target.home->loop), op->target.token, &err);
  const int code = method_result(interp, settings_started(op, FOR_OBJECT_GET, status, err), op);
  nats_doc_free(call.doc);
  Tcl_DStringFree(&name);
  Tcl_DStringFree(&path);
  return code;
}

/* Watch COMMAND ?-option value ...?: the numbers of the connection and of the subscription. COMMAND
 * is called with each change; empty: it is taken from. */
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
      settings_read(interp, objc - at - 1, objv + at + 1, FOR_OBJECT_WATCH, NULL, 0, NULL, &doc) !=
          TCL_OK) {
    return TCL_ERROR;
  }
  Op *op = kv_op(kv, WANT_SUBSCRIPTION, NULL);
  op->listener = command ? prefix_value(command) : NULL;
  op->dict = 1;
  nats_status status = nats_object_watch_async(kv->store, settings_json(doc),
                                               loop_queue(op->target.home->loop), op->target.token,
                                               &err);
  nats_doc_free(doc);
  return method_result(interp, settings_started(op, FOR_OBJECT_WATCH, status, err), op);
}

/* object_methods CLASS: adds the methods of a bucket of objects to the class. */
static int object_methods_cmd(ClientData data, Tcl_Interp *interp, int objc,
                              Tcl_Obj *const objv[]) {
  static const Tcl_MethodType HIDDEN[] = {
      {TCL_OO_METHOD_VERSION_1, "Put", put_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "PutFile", put_file_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "GetFile", get_file_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "Watch", watch_method, NULL, NULL},
  };
  static const Tcl_MethodType GET = {TCL_OO_METHOD_VERSION_1, "get", get_method, NULL, NULL};
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(HIDDEN[i].name, -1), 0, &HIDDEN[i], NULL);
  }
  add_method(interp, class, &GET);
  flow_methods(interp, class);
  return TCL_OK;
}

void object_commands(Tcl_Interp *interp) {
  add_command(interp, "object_methods", object_methods_cmd);
}
