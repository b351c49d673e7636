/* Requests, for one answer and for many. */
#include "nats_tcl.h"

/* What both kinds take. */
typedef struct {
  nats_str subject;
  nats_bytes payload;
  nats_headers *headers;
  Tcl_DString subject_room;
  Tcl_DString payload_room;
} Question;

static void done_with(Question *question) {
  Tcl_DStringFree(&question->subject_room);
  Tcl_DStringFree(&question->payload_room);
}

/* `header` may be NULL. */
static int question_args(Conn *conn, Tcl_Obj *subject, Tcl_Obj *payload, Tcl_Obj *header,
                         Question *out) {
  if (conn_headers(conn, header, &out->headers) != TCL_OK) return TCL_ERROR;
  Tcl_DStringInit(&out->subject_room);
  Tcl_DStringInit(&out->payload_room);
  int code = payload_arg(conn->target.home->interp, payload, conn->utf8, &out->payload_room,
                         &out->payload);
  if (code != TCL_OK) {
    done_with(out);
  } else {
    out->subject = text_arg(subject, &out->subject_room);
  }
  return code;
}

/* Leaves a token for the answer. */
static int ask(Conn *conn, const Question *question, int64_t timeout, int dict,
               Tcl_Obj *command) {
  nats_error *err = NULL;
  Home *home = conn->target.home;
  Op *op = op_new(home, conn, WANT_MESSAGE);
  op->dict = dict;
  op->command = command ? prefix_value(command) : NULL;
  nats_status status =
      nats_request_async(conn->nc, question->subject, question->headers, question->payload,
                         timeout, 0, loop_queue(home->loop), op->target.token, &err);
  return op_started(op, status, err);
}

enum { TIMEOUT, CALLBACK, DICTMSG, HEADER, MAX_MSGS, OPTIONS };

/* A request that several may answer is the script's business. */
static int gather(Tcl_Interp *interp, Home *home, Tcl_ObjectContext context, Tcl_Obj *const args[],
                  Tcl_Obj *const values[], int64_t timeout) {
  Tcl_Object object = Tcl_ObjectContextObject(context);
  Tcl_Obj *const empty = home->words[WORD_EMPTY];
  Tcl_Obj *const words[] = {
      Tcl_ObjPrintf("%s::my", Tcl_GetObjectNamespace(object)->fullName),
      Tcl_NewStringObj("Gather", -1),
      args[0],
      args[1],
      values[HEADER] ? values[HEADER] : empty,
      Tcl_NewWideIntObj(timeout),
      values[CALLBACK] ? values[CALLBACK] : empty,
      values[MAX_MSGS],
  };
  return method_continue(interp, 8, words);
}

/* request subject message ?-timeout ms? ?-callback prefix? ?-dictmsg bool? ?-header dict?
 * ?-max_msgs n?: the answer or, with a callback, a number for cancel_request; then the callback
 * is called as `prefix timedOut answer`. With -max_msgs the request has an inbox of its own and
 * yields a list of message dictionaries. A timeout of 0 waits without end. */
static int request_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  static const Option TABLE[OPTIONS] = {{"timeout", ARG_TIMEOUT},
                                        {"callback", ARG_CALLBACK},
                                        {"dictmsg", ARG_BOOL},
                                        {"header", ARG_ANY},
                                        {"max_msgs", ARG_COUNT}};
  Tcl_Obj *values[OPTIONS], *command = NULL;
  Question question;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "subject message ?-option value ...?");
    return TCL_ERROR;
  }
  if (arguments_read(interp, objc - at - 2, objv + at + 2, TABLE, OPTIONS, values) != TCL_OK) {
    return TCL_ERROR;
  }
  Conn *conn = method_conn(interp, context);
  if (!conn) return TCL_ERROR;
  Tcl_WideInt timeout = conn->request_timeout;
  int dict = conn->dict;
  if (values[TIMEOUT]) Tcl_GetWideIntFromObj(NULL, values[TIMEOUT], &timeout);
  if (values[DICTMSG]) Tcl_GetBooleanFromObj(NULL, values[DICTMSG], &dict);
  timeout = patience(timeout);
  if (values[MAX_MSGS]) {
    return gather(interp, conn->target.home, context, objv + at, values, timeout);
  }
  if ((values[CALLBACK] && callback_arg(interp, values[CALLBACK], &command) != TCL_OK) ||
      question_args(conn, objv[at], objv[at + 1], values[HEADER], &question) != TCL_OK) {
    return TCL_ERROR;
  }
  const int code = ask(conn, &question, timeout, dict, command);
  done_with(&question);
  if (code != TCL_OK || command) return code;
  return method_await(interp, conn->target.home, Tcl_GetObjResult(interp));
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
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[1]) : NULL;
  if (!conn || question_args(conn, objv[2], objv[3], objv[4], &question) != TCL_OK) {
    nats_doc_free(doc);
    return TCL_ERROR;
  }
  nats_status status = nats_request_many(conn->nc, question.subject, question.headers,
                                         question.payload, json, &handle, &err);
  done_with(&question);
  nats_doc_free(doc);
  if (status != NATS_OK) return fail(interp, status, err);
  Sub *sub = sub_new(conn, handle, command, dict);
  sub_answers(sub, (uint64_t)limit);
  Tcl_SetObjResult(interp, sub_number(sub));
  return TCL_OK;
}

void request_commands(Tcl_Interp *interp) {
  add_command(interp, "request_many", request_many_cmd);
}

void request_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType REQUEST = {TCL_OO_METHOD_VERSION_1, "request", request_method, NULL,
                                         NULL};
  add_method(interp, class, &REQUEST);
}
