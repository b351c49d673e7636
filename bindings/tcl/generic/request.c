/* Requests, for one answer and for many. */
#include "nats_tcl.h"

/* What both kinds take: CONN SUBJECT PAYLOAD HEADER. */
typedef struct {
  Conn *conn;
  nats_str subject;
  nats_bytes payload;
  nats_headers *headers;
  Tcl_DString subject_room;
  Tcl_DString payload_room;
} Question;

static void done_with(Question *question) {
  nats_headers_free(question->headers);
  Tcl_DStringFree(&question->subject_room);
  Tcl_DStringFree(&question->payload_room);
}

static int question_args(Tcl_Interp *interp, Tcl_Obj *const objv[], Question *out) {
  Home *home = home_get(interp);
  out->conn = home ? home_conn(home, objv[1]) : NULL;
  if (!out->conn || headers_arg(interp, objv[4], &out->headers) != TCL_OK) return TCL_ERROR;
  Tcl_DStringInit(&out->subject_room);
  Tcl_DStringInit(&out->payload_room);
  out->subject = text_arg(objv[2], &out->subject_room);
  int code = payload_arg(interp, objv[3], out->conn->utf8, &out->payload_room, &out->payload);
  if (code != TCL_OK) done_with(out);
  return code;
}

/* An optional command prefix: NULL for an empty one. */
static int callback_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out) {
  Tcl_Size length;
  *out = NULL;
  Tcl_GetStringFromObj(value, &length);
  return length == 0 ? TCL_OK : prefix_arg(interp, value, out);
}

/* request CONN SUBJECT PAYLOAD HEADER TIMEOUT DICT COMMAND: a token for the answer. */
static int request_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Question question;
  Tcl_WideInt timeout;
  Tcl_Obj *command;
  nats_error *err = NULL;
  int dict;
  (void)data;
  if (objc != 8) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn subject payload header timeout dict command");
    return TCL_ERROR;
  }
  if (Tcl_GetWideIntFromObj(interp, objv[5], &timeout) != TCL_OK ||
      Tcl_GetBooleanFromObj(interp, objv[6], &dict) != TCL_OK ||
      callback_arg(interp, objv[7], &command) != TCL_OK ||
      question_args(interp, objv, &question) != TCL_OK) {
    return TCL_ERROR;
  }
  Home *home = question.conn->target.home;
  Op *op = op_new(home, question.conn, WANT_MESSAGE);
  op->dict = dict;
  op->command = command;
  if (command) Tcl_IncrRefCount(command);
  nats_status status = nats_request_async(question.conn->nc, question.subject, question.headers,
                                          question.payload, timeout, 0, loop_queue(home->loop),
                                          op->target.token, &err);
  done_with(&question);
  return op_started(op, status, err);
}

/* request_many CONN SUBJECT PAYLOAD HEADER SPEC COMMAND DICT LIMIT: the number of a subscription to
 * take from or, with a command, a token for `cancel`. */
static int request_many_cmd(ClientData data, Tcl_Interp *interp, int objc,
                            Tcl_Obj *const objv[]) {
  Question question;
  Tcl_Obj *command;
  Tcl_WideInt limit;
  nats_doc *doc;
  nats_str json;
  nats_subscription *handle;
  nats_error *err = NULL;
  int dict;
  (void)data;
  if (objc != 9) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn subject payload header spec command dict limit");
    return TCL_ERROR;
  }
  if (callback_arg(interp, objv[6], &command) != TCL_OK ||
      Tcl_GetBooleanFromObj(interp, objv[7], &dict) != TCL_OK ||
      Tcl_GetWideIntFromObj(interp, objv[8], &limit) != TCL_OK ||
      options_json(interp, objv[5], &doc, &json) != TCL_OK) {
    return TCL_ERROR;
  }
  if (question_args(interp, objv, &question) != TCL_OK) {
    nats_doc_free(doc);
    return TCL_ERROR;
  }
  nats_status status = nats_request_many(question.conn->nc, question.subject, question.headers,
                                         question.payload, json, &handle, &err);
  done_with(&question);
  nats_doc_free(doc);
  if (status != NATS_OK) return fail(interp, status, err);
  Sub *sub = sub_new(question.conn, handle, command, dict);
  sub_answers(sub, (uint64_t)limit);
  Tcl_SetObjResult(interp, sub_number(sub));
  return TCL_OK;
}

void request_commands(Tcl_Interp *interp) {
  add_command(interp, "request", request_cmd);
  add_command(interp, "request_many", request_many_cmd);
}
