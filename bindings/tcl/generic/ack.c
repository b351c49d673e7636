/*
 * What is said of messages. They are values, so that is sent to their reply subjects, whatever was
 * said of them before; and where they stand is read from there.
 */
#include <string.h>

#include "nats_tcl.h"

/* Their reply subject; one that no consumer has delivered is refused. */
static int reply_arg(Tcl_Interp *interp, Tcl_Obj *msg, Tcl_DString *room, nats_str *reply) {
  static const char PREFIX[] = "$JS.ACK.";
  Fields fields;
  if (message_arg(interp, msg, &fields) != TCL_OK) return TCL_ERROR;
  *reply = text_arg(fields.reply, room);
  if (reply->len > sizeof PREFIX - 1 && memcmp(reply->ptr, PREFIX, sizeof PREFIX - 1) == 0) {
    return TCL_OK;
  }
  return fail(interp, NATS_ERR_NOT_JETSTREAM, NULL);
}

/* Sends a word; `word` ends with NUL. */
static int say(Tcl_Interp *interp, Js *js, Tcl_Obj *msg, const char *word) {
  const nats_str none = {NULL, 0};
  nats_error *err = NULL;
  nats_str reply;
  Tcl_DString room;
  Tcl_DStringInit(&room);
  int code = reply_arg(interp, msg, &room, &reply);
  if (code == TCL_OK) {
    nats_status status = nats_publish_msg(js->conn->nc, reply, none, NULL,
                                          nats_bytes_of(word, strlen(word)), &err);
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  Tcl_DStringFree(&room);
  return code;
}

/* What methods without options say. */
static int word_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "msg");
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  return js ? say(interp, js, objv[at], data) : TCL_ERROR;
}

/* ack_all msgs: all were handled. The error names the first that could not be acknowledged; those
 * before it are. */
static int ack_all_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  Tcl_Size count;
  Tcl_Obj **msgs;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "msgs");
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  /* A copy: reading a message as a dictionary could change the list's own form. */
  if (!js || Tcl_ListObjGetElements(interp, objv[at], &count, &msgs) != TCL_OK) return TCL_ERROR;
  Tcl_Obj *list = Tcl_NewListObj(count, msgs);
  Tcl_IncrRefCount(list);
  Tcl_ListObjGetElements(NULL, list, &count, &msgs);
  int code = TCL_OK;
  for (Tcl_Size i = 0; i < count && code == TCL_OK; i++) {
    code = say(interp, js, msgs[i], "+ACK");
    if (code != TCL_OK) {
      Tcl_Obj *text = Tcl_ObjPrintf("message %d: %s", (int)i, Tcl_GetStringResult(interp));
      Tcl_SetObjResult(interp, text);
    }
  }
  Tcl_DecrRefCount(list);
  return code;
}

/* ack_sync msg ?-timeout ms?: it was handled; returns once the server has noted that. */
static int ack_sync_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                           Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"timeout", ARG_TIMEOUT}};
  Tcl_Obj *value;
  Tcl_WideInt timeout;
  nats_error *err = NULL;
  nats_str reply;
  Tcl_DString room;
  const int at = Tcl_ObjectContextSkippedArgs(context) + 1;
  (void)data;
  if (objc < at) {
    Tcl_WrongNumArgs(interp, at - 1, objv, "msg ?-timeout ms?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at, objv + at, OPTIONS, 1, &value) != TCL_OK) return TCL_ERROR;
  Js *js = method_js(interp, context);
  if (!js) return TCL_ERROR;
  timeout = js->timeout;
  if (value) Tcl_GetWideIntFromObj(NULL, value, &timeout);
  Tcl_DStringInit(&room);
  int code = reply_arg(interp, objv[at - 1], &room, &reply);
  if (code == TCL_OK) {
    Home *home = js->target.home;
    Op *op = op_new(home, js->conn, WANT_MESSAGE);
    nats_status status = nats_request_async(js->conn->nc, reply, NULL, nats_bytes_of("+ACK", 4),
                                            patience(timeout), 0, loop_queue(home->loop),
                                            op->target.token, &err);
    code = method_result(interp, op_started(op, status, err), op);
  }
  Tcl_DStringFree(&room);
  return code;
}

/* nak msg ?-delay ms?: it was not handled, and is delivered again, at once or after the delay. */
static int nak_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"delay", ARG_NUMBER}};
  Tcl_Obj *value;
  Tcl_WideInt ms = 0;
  const int at = Tcl_ObjectContextSkippedArgs(context) + 1;
  (void)data;
  if (objc < at) {
    Tcl_WrongNumArgs(interp, at - 1, objv, "msg ?-delay ms?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at, objv + at, OPTIONS, 1, &value) != TCL_OK) return TCL_ERROR;
  Js *js = method_js(interp, context);
  if (!js) return TCL_ERROR;
  if (value) Tcl_GetWideIntFromObj(NULL, value, &ms);
  if (ms == 0) return say(interp, js, objv[at - 1], "-NAK");
  /* The server counts in nanoseconds. */
  Tcl_Obj *word = Tcl_ObjPrintf("-NAK {\"delay\": %" TCL_LL_MODIFIER "d}",
                                (Tcl_WideInt)patience(ms) * 1000000);
  Tcl_IncrRefCount(word);
  const int code = say(interp, js, objv[at - 1], Tcl_GetString(word));
  Tcl_DecrRefCount(word);
  return code;
}

/* term msg ?-reason text?: it will never be handled, and is not delivered again. */
static int term_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                       Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"reason", ARG_GIVEN}};
  Tcl_Obj *value;
  Tcl_DString room;
  const int at = Tcl_ObjectContextSkippedArgs(context) + 1;
  (void)data;
  if (objc < at) {
    Tcl_WrongNumArgs(interp, at - 1, objv, "msg ?-reason text?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at, objv + at, OPTIONS, 1, &value) != TCL_OK) return TCL_ERROR;
  Js *js = method_js(interp, context);
  if (!js) return TCL_ERROR;
  if (!value) return say(interp, js, objv[at - 1], "+TERM");
  Tcl_Obj *word = Tcl_ObjPrintf("+TERM %s", Tcl_GetString(value));
  Tcl_IncrRefCount(word);
  Tcl_DStringInit(&room);
  const int code = say(interp, js, objv[at - 1], text_arg(word, &room).ptr);
  Tcl_DStringFree(&room);
  Tcl_DecrRefCount(word);
  return code;
}

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value) {
  Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* metadata MSG: where a message that a consumer has delivered stands; its time is in milliseconds
 * since 1970. */
static int metadata_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_metadata told;
  nats_error *err = NULL;
  nats_str reply;
  Tcl_DString room;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "msg");
    return TCL_ERROR;
  }
  Tcl_DStringInit(&room);
  int code = reply_arg(interp, objv[1], &room, &reply);
  if (code == TCL_OK) {
    nats_status status = nats_metadata_parse(reply, &told, &err);
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  if (code == TCL_OK) {
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "stream", text_value(told.stream.ptr, told.stream.len));
    put(dict, "consumer", text_value(told.consumer.ptr, told.consumer.len));
    if (told.domain.len) put(dict, "domain", text_value(told.domain.ptr, told.domain.len));
    put(dict, "num_delivered", Tcl_NewWideIntObj((Tcl_WideInt)told.delivered));
    put(dict, "stream_seq", Tcl_NewWideIntObj((Tcl_WideInt)told.stream_sequence));
    put(dict, "consumer_seq", Tcl_NewWideIntObj((Tcl_WideInt)told.consumer_sequence));
    put(dict, "timestamp", Tcl_NewWideIntObj((Tcl_WideInt)(told.timestamp_ns / 1000000)));
    put(dict, "num_pending", Tcl_NewWideIntObj((Tcl_WideInt)told.pending));
    Tcl_SetObjResult(interp, dict);
  }
  Tcl_DStringFree(&room);
  return code;
}

void ack_commands(Tcl_Interp *interp) {
  add_command(interp, "metadata", metadata_cmd);
}

void ack_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType WORD = {TCL_OO_METHOD_VERSION_1, "ack", word_method, NULL, NULL};
  static const Tcl_MethodType MORE[] = {
      {TCL_OO_METHOD_VERSION_1, "ack_all", ack_all_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "ack_sync", ack_sync_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "nak", nak_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "term", term_method, NULL, NULL},
  };
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("ack", -1), 1, &WORD, (ClientData) "+ACK");
  Tcl_NewMethod(interp, class, Tcl_NewStringObj("in_progress", -1), 1, &WORD, (ClientData) "+WPI");
  for (size_t i = 0; i < sizeof MORE / sizeof *MORE; i++) add_method(interp, class, &MORE[i]);
}
