/*
 * Objects that are put or read piece by piece: what the classes nats::object_writer and
 * nats::object_reader have in C. Objects of the script know theirs by metadata, and it ends with
 * them.
 */
#include <stdlib.h>

#include "bucket.h"

static void flow_close(Flow *flow) {
  flow->target.gone = 1;
  nats_object_writer_free(flow->writer);
  nats_object_reader_free(flow->reader);
  flow->writer = NULL;
  flow->reader = NULL;
}

static void drop_flow(ClientData data) {
  Flow *flow = data;
  if (!flow) return;
  flow_close(flow);
  target_release(&flow->target);
}

/* A copy of an object has none. */
static int clone_flow(Tcl_Interp *interp, ClientData flow, ClientData *copy) {
  (void)interp, (void)flow;
  *copy = NULL;
  return TCL_OK;
}

static const Tcl_ObjectMetadataType FLOW = {TCL_OO_METADATA_VERSION_CURRENT, "nats::object_flow",
                                            drop_flow, clone_flow};

void flow_free(Flow *flow) {
  flow_close(flow);
  target_release(&flow->kv->target);
  free(flow);
}

/* Gives the object what is to be put or read. The handle comes later. NULL leaves an error in the
 * interpreter. */
static Flow *flow_attach(Tcl_Interp *interp, Tcl_Obj *object, Kv *kv) {
  Tcl_Object named = Tcl_GetObjectFromObj(interp, object);
  if (!named) return NULL;
  Flow *flow = allocate(sizeof *flow);
  flow->target =
      (Target){.kind = OF_FLOW, .refs = 1, .gone = 0, .token = 0, .home = kv->target.home};
  flow->target.home->refs++;
  flow->kv = kv;
  target_hold(&kv->target);
  flow->writer = NULL;
  flow->reader = NULL;
  Tcl_ObjectSetMetadata(named, &FLOW, flow);
  return flow;
}

/* The handle that an operation has made. */
void flow_arrived(Op *op, const nats_event *event) {
  Flow *flow = op->flow;
  if (op->want == WANT_WRITER) flow->writer = event->value;
  if (op->want == WANT_READER) flow->reader = event->value;
  if (flow->target.gone) flow_close(flow);
}

static Op *flow_op(Flow *flow, Want want) {
  Op *op = kv_op(flow->kv, want, NULL);
  op->flow = flow;
  target_hold(&flow->target);
  return op;
}

/* What the object whose method was called puts or reads; NULL leaves an error in the interpreter.
 * */
static Flow *method_flow(Tcl_Interp *interp, Tcl_ObjectContext context) {
  Flow *flow = Tcl_ObjectGetMetadata(Tcl_ObjectContextObject(context), &FLOW);
  if (flow && (flow->writer || flow->reader)) return flow;
  no_conn(interp);
  return NULL;
}

/* Writer OBJECT NAME META ?-option value ...?: waits until the object can be written. */
static int writer_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                         Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_DString name, meta;
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 3) {
    Tcl_WrongNumArgs(interp, at, objv, "object name meta ?-option value ...?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || settings_read(interp, objc - at - 3, objv + at + 3, FOR_OBJECT_PUT, NULL, 0, NULL,
                           &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  Flow *flow = flow_attach(interp, objv[at], kv);
  int code = TCL_ERROR;
  if (flow) {
    Op *op = flow_op(flow, WANT_WRITER);
    Tcl_DStringInit(&name);
    Tcl_DStringInit(&meta);
    nats_status status = nats_object_writer_new_async(
        kv->store, text_arg(objv[at + 1], &name), text_arg(objv[at + 2], &meta), settings_json(doc),
        loop_queue(op->target.home->loop), op->target.token, &err);
    Tcl_DStringFree(&name);
    Tcl_DStringFree(&meta);
    code = method_result(interp, settings_started(op, FOR_OBJECT_PUT, status, err), op);
  }
  nats_doc_free(doc);
  return code;
}

/* Reader OBJECT NAME ?-option value ...?: waits until the object can be read. */
static int reader_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                         Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_DString name;
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "object name ?-option value ...?");
    return TCL_ERROR;
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || settings_read(interp, objc - at - 2, objv + at + 2, FOR_OBJECT_GET, NULL, 0, NULL,
                           &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  Flow *flow = flow_attach(interp, objv[at], kv);
  int code = TCL_ERROR;
  if (flow) {
    Op *op = flow_op(flow, WANT_READER);
    Tcl_DStringInit(&name);
    nats_status status = nats_object_reader_new_async(
        kv->store, text_arg(objv[at + 1], &name), settings_json(doc),
        loop_queue(op->target.home->loop), op->target.token, &err);
    Tcl_DStringFree(&name);
    code = method_result(interp, settings_started(op, FOR_OBJECT_GET, status, err), op);
  }
  nats_doc_free(doc);
  return code;
}

/* write data: the next bytes; waits while too much is under way. */
static int write_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                        Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_bytes bytes;
  nats_error *err = NULL;
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "data");
    return TCL_ERROR;
  }
  Flow *flow = method_flow(interp, context);
  if (!flow || bytes_arg(interp, "data", objv[at], &bytes) != TCL_OK) return TCL_ERROR;
  Op *op = flow_op(flow, WANT_NOTHING);
  nats_status status = nats_object_writer_write_async(
      flow->writer, bytes, loop_queue(op->target.home->loop), op->target.token, &err);
  return method_result(interp, op_started(op, status, err), op);
}

typedef nats_status (*End)(nats_object_writer *writer, nats_queue *queue, uint64_t token,
                           nats_error **err);

typedef struct {
  const char *name;
  Want want;
  End end;
} Ending;

static const Ending ENDINGS[] = {{"finish", WANT_DOC, nats_object_writer_finish_async},
                                 {"abort", WANT_NOTHING, nats_object_writer_abort_async}};

/* finish: makes the object visible, and tells what is known of it; abort: takes it back. */
static int end_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[]) {
  const Ending *ending = data;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_error *err = NULL;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Flow *flow = method_flow(interp, context);
  if (!flow) return TCL_ERROR;
  Op *op = flow_op(flow, ending->want);
  nats_status status =
      ending->end(flow->writer, loop_queue(op->target.home->loop), op->target.token, &err);
  return method_result(interp, op_started(op, status, err), op);
}

/* next: the next bytes, none at the end. */
static int next_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_error *err = NULL;
  (void)data;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Flow *flow = method_flow(interp, context);
  if (!flow) return TCL_ERROR;
  Op *op = flow_op(flow, WANT_BYTES);
  nats_status status = nats_object_reader_next_async(
      flow->reader, loop_queue(op->target.home->loop), op->target.token, &err);
  return method_result(interp, op_started(op, status, err), op);
}

/* info: what is known of the object that is read. */
static int info_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Flow *flow = method_flow(interp, context);
  if (!flow) return TCL_ERROR;
  nats_status status = nats_object_reader_info(flow->reader, &doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, doc_value(doc));
  return TCL_OK;
}

/* Adds the methods of a bucket that make these. */
void flow_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPES[] = {
      {TCL_OO_METHOD_VERSION_1, "Writer", writer_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "Reader", reader_method, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(TYPES[i].name, -1), 0, &TYPES[i], NULL);
  }
}

/* writer_methods CLASS: adds the methods of what is put to the class. */
static int writer_methods_cmd(ClientData data, Tcl_Interp *interp, int objc,
                              Tcl_Obj *const objv[]) {
  static const Tcl_MethodType WRITE = {TCL_OO_METHOD_VERSION_1, "write", write_method, NULL, NULL};
  static const Tcl_MethodType END = {TCL_OO_METHOD_VERSION_1, "end", end_method, NULL, NULL};
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  add_method(interp, class, &WRITE);
  for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(ENDINGS[i].name, -1), 1, &END,
                  (ClientData)&ENDINGS[i]);
  }
  return TCL_OK;
}

/* reader_methods CLASS: adds the methods of what is read to the class. */
static int reader_methods_cmd(ClientData data, Tcl_Interp *interp, int objc,
                              Tcl_Obj *const objv[]) {
  static const Tcl_MethodType NEXT = {TCL_OO_METHOD_VERSION_1, "next", next_method, NULL, NULL};
  static const Tcl_MethodType INFO = {TCL_OO_METHOD_VERSION_1, "info", info_method, NULL, NULL};
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  add_method(interp, class, &NEXT);
  add_method(interp, class, &INFO);
  return TCL_OK;
}

void flow_commands(Tcl_Interp *interp) {
  add_command(interp, "writer_methods", writer_methods_cmd);
  add_command(interp, "reader_methods", reader_methods_cmd);
}
