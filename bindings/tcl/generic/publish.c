/* Publishing. */
#include "nats_tcl.h"

/* `reply` and `header` may be NULL. */
static int publish(Tcl_Interp *interp, Conn *conn, Tcl_Obj *subject, Tcl_Obj *message,
                   Tcl_Obj *reply, Tcl_Obj *header) {
  Tcl_DString subject_room, reply_room, payload_room;
  nats_headers *headers;
  nats_str answers = {NULL, 0};
  nats_bytes payload;
  nats_error *err = NULL;
  Tcl_DStringInit(&subject_room);
  Tcl_DStringInit(&reply_room);
  Tcl_DStringInit(&payload_room);
  /* Should they be parts of a dictionary, it may stop being one: as the payload, or in a command that
   * adds headers. */
  Tcl_IncrRefCount(subject);
  Tcl_IncrRefCount(message);
  if (reply) Tcl_IncrRefCount(reply);
  int code = conn_headers(conn, header, &headers);
  if (code == TCL_OK) code = payload_arg(interp, message, conn->utf8, &payload_room, &payload);
  if (code == TCL_OK) {
    if (reply) answers = text_arg(reply, &reply_room);
    nats_status status = nats_publish_msg(conn->nc, text_arg(subject, &subject_room), answers,
                                          headers, payload, &err);
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  Tcl_DStringFree(&subject_room);
  Tcl_DStringFree(&reply_room);
  Tcl_DStringFree(&payload_room);
  Tcl_DecrRefCount(subject);
  Tcl_DecrRefCount(message);
  if (reply) Tcl_DecrRefCount(reply);
  return code;
}

/* publish subject message ?-reply subject? ?-header dict? */
static int publish_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  enum { REPLY, HEADER, COUNT };
  static const Option OPTIONS[COUNT] = {{"reply", ARG_ANY}, {"header", ARG_ANY}};
  Tcl_Obj *values[COUNT];
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "subject message ?-reply subject? ?-header dict?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at - 2, objv + at + 2, OPTIONS, COUNT, values) != TCL_OK) {
    return TCL_ERROR;
  }
  Conn *conn = method_conn(interp, context);
  if (!conn) return TCL_ERROR;
  return publish(interp, conn, objv[at], objv[at + 1], values[REPLY], values[HEADER]);
}

/* publish_msg msg */
static int publish_msg_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context,
                              int objc, Tcl_Obj *const objv[]) {
  Fields msg;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "msg");
    return TCL_ERROR;
  }
  if (message_arg(interp, objv[at], &msg) != TCL_OK) return TCL_ERROR;
  Conn *conn = method_conn(interp, context);
  if (!conn) return TCL_ERROR;
  return publish(interp, conn, msg.subject, msg.data, msg.reply, msg.header);
}

/* Answers a message that asks for an answer: respond msg data ?-header dict? */
static int respond_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"header", ARG_ANY}};
  Fields msg;
  Tcl_Size length;
  Tcl_Obj *header;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "msg data ?-header dict?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at - 2, objv + at + 2, OPTIONS, 1, &header) != TCL_OK ||
      message_arg(interp, objv[at], &msg) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_GetStringFromObj(msg.reply, &length);
  if (length == 0) return fail(interp, NATS_ERR_NO_REPLY, NULL);
  Conn *conn = method_conn(interp, context);
  if (!conn) return TCL_ERROR;
  return publish(interp, conn, msg.reply, objv[at + 1], NULL, header);
}

void publish_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType PUBLISH = {TCL_OO_METHOD_VERSION_1, "publish", publish_method, NULL,
                                         NULL};
  static const Tcl_MethodType PUBLISH_MSG = {TCL_OO_METHOD_VERSION_1, "publish_msg",
                                             publish_msg_method, NULL, NULL};
  static const Tcl_MethodType RESPOND = {TCL_OO_METHOD_VERSION_1, "respond", respond_method, NULL,
                                         NULL};
  add_method(interp, class, &PUBLISH);
  add_method(interp, class, &PUBLISH_MSG);
  add_method(interp, class, &RESPOND);
}
