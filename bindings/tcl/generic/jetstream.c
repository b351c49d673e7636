/*
 * JetStream objects: what the class nats::jet_stream has in C. An object knows its JetStream by
 * metadata.
 */
#include <stdlib.h>

#include "bucket.h"

static void drop_js(ClientData data) {
  Js *js = data;
  if (!js) return;
  js_close(js, NATS_ERR_CANCELLED);
  target_release(&js->target);
}

/* A copy of an object has none. */
static int clone_js(Tcl_Interp *interp, ClientData js, ClientData *copy) {
  (void)interp, (void)js;
  *copy = NULL;
  return TCL_OK;
}

static const Tcl_ObjectMetadataType JETSTREAM = {TCL_OO_METADATA_VERSION_CURRENT,
                                                 "nats::jet_stream", drop_js, clone_js};

/* Takes over the handle. */
static Js *js_new(Conn *conn, nats_jetstream *handle, int64_t timeout) {
  Home *home = conn->target.home;
  Js *js = allocate(sizeof *js);
  js->target = (Target){.kind = OF_JS, .refs = 0, .gone = 0, .token = 0, .home = home};
  js->conn = conn;
  js->timeout = timeout;
  js->handle = handle;
  js->publisher = NULL;
  js->next = 0;
  js->taken = NULL;
  js->told = js->count = js->room = 0;
  Tcl_InitHashTable(&js->callbacks, TCL_ONE_WORD_KEYS);
  home->refs++;
  target_hold(&conn->target);
  js->before = NULL;
  js->after = conn->streams;
  if (js->after) js->after->before = js;
  conn->streams = js;
  loop_add(home->loop, &js->target);
  return js;
}

/* The JetStream is of no use any more. CANCELLED: the program wants it so, and is called back no
 * more. */
void js_close(Js *js, nats_status reason) {
  if (js->target.gone) return;
  target_hold(&js->target);
  js->target.gone = 1;
  if (js->before) {
    js->before->after = js->after;
  } else {
    js->conn->streams = js->after;
  }
  if (js->after) js->after->before = js->before;
  nats_publisher_free(js->publisher);
  nats_jetstream_free(js->handle);
  loop_remove(js->target.home->loop, &js->target);
  js_forget_outcomes(js, reason);
  target_release(&js->target);
}

void js_free(Js *js) {
  Tcl_DeleteHashTable(&js->callbacks);
  target_release(&js->conn->target);
  free(js);
}

/* The JetStream of the object whose method was called; NULL leaves an error in the interpreter. */
Js *method_js(Tcl_Interp *interp, Tcl_ObjectContext context) {
  Js *js = Tcl_ObjectGetMetadata(Tcl_ObjectContextObject(context), &JETSTREAM);
  if (js && !js->target.gone) return js;
  no_conn(interp);
  return NULL;
}

/* attach_jetstream OBJECT CONN ?-option value ...?: the methods of the object use the JetStream of
 * this connection's account. */
static int attach_jetstream_cmd(ClientData data, Tcl_Interp *interp, int objc,
                                Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"timeout", ARG_TIMEOUT}};
  Tcl_WideInt timeout = 5000;
  Tcl_Obj *value = NULL;
  nats_doc *doc;
  nats_jetstream *handle;
  nats_error *err = NULL;
  (void)data;
  if (objc < 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "object conn ?-option value ...?");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[2]) : NULL;
  Tcl_Object object = conn ? Tcl_GetObjectFromObj(interp, objv[1]) : NULL;
  if (!object || settings_read(interp, objc - 3, objv + 3, FOR_JETSTREAM, OPTIONS, 1, &value,
                               &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  if (value) Tcl_GetWideIntFromObj(NULL, value, &timeout);
  nats_status status = doc ? NATS_OK : nats_doc_new(&doc, &err);
  if (status == NATS_OK) {
    status = nats_doc_set_int(doc, NATS_STR("timeout_ms"), patience(timeout), &err);
  }
  if (status == NATS_OK) status = nats_jetstream_new(conn->nc, settings_json(doc), &handle, &err);
  nats_doc_free(doc);
  if (status != NATS_OK) return settings_fail(interp, FOR_JETSTREAM, status, err);
  Js *js = js_new(conn, handle, timeout);
  target_hold(&js->target);
  Tcl_ObjectSetMetadata(object, &JETSTREAM, js);
  return TCL_OK;
}

/* jetstream_methods CLASS: adds the methods to the class. */
static int jetstream_methods_cmd(ClientData data, Tcl_Interp *interp, int objc,
                                 Tcl_Obj *const objv[]) {
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  operation_methods(interp, class);
  store_methods(interp, class);
  fetch_methods(interp, class);
  consume_methods(interp, class);
  ack_methods(interp, class);
  kv_bind_methods(interp, class);
  object_bind_methods(interp, class);
  return TCL_OK;
}

void jetstream_commands(Tcl_Interp *interp) {
  add_command(interp, "attach_jetstream", attach_jetstream_cmd);
  add_command(interp, "jetstream_methods", jetstream_methods_cmd);
}
