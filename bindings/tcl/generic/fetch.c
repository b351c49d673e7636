/* Asking a consumer for messages. */
#include "nats_tcl.h"

enum { ROOM = 256, TIMEOUT = 0, BATCH_SIZE, NO_WAIT, CALLBACK, OPTIONS };

/* The list of messages, as dictionaries; the handle is freed. */
Tcl_Obj *fetched_value(Conn *conn, nats_fetched *fetched) {
  Home *home = conn->target.home;
  nats_msg *msgs[ROOM];
  size_t count = 0;
  Tcl_Obj *subject = NULL, *list = Tcl_NewListObj(0, NULL);
  while (nats_fetched_take(fetched, msgs, ROOM, &count, NULL) == NATS_OK && count > 0) {
    for (size_t i = 0; i < count; i++) {
      text_kept(&subject, nats_msg_subject(msgs[i]));
      Tcl_ListObjAppendElement(NULL, list, message_dict(home, msgs[i], subject, conn->utf8, 0));
    }
    nats_msgs_free(msgs, count);
  }
  if (subject) Tcl_DecrRefCount(subject);
  nats_fetched_free(fetched);
  return list;
}

/* What is asked for unless it is said: one message, and only what is there unless there is time. */
static int put_usual(Tcl_Interp *interp, Tcl_Obj *const values[], nats_doc **doc, Tcl_Size *batch) {
  Tcl_WideInt ms = 0, size = 1;
  int no_wait = !values[TIMEOUT];
  nats_error *err = NULL;
  if (values[TIMEOUT]) Tcl_GetWideIntFromObj(NULL, values[TIMEOUT], &ms);
  if (values[BATCH_SIZE]) Tcl_GetWideIntFromObj(NULL, values[BATCH_SIZE], &size);
  if (values[NO_WAIT]) Tcl_GetBooleanFromObj(NULL, values[NO_WAIT], &no_wait);
  nats_status status = *doc ? NATS_OK : nats_doc_new(doc, &err);
  if (status == NATS_OK) status = nats_doc_set_int(*doc, NATS_STR("max_messages"), size, &err);
  if (status == NATS_OK) status = nats_doc_set_bool(*doc, NATS_STR("no_wait"), no_wait, &err);
  if (status == NATS_OK && values[TIMEOUT]) {
    status = nats_doc_set_int(*doc, NATS_STR("expires_ms"), patience(ms), &err);
  }
  *batch = (Tcl_Size)size;
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

static int fetch(Tcl_Interp *interp, Js *js, Tcl_Obj *stream, Tcl_Obj *consumer, nats_doc *doc,
                 Tcl_Size batch, Tcl_Obj *command) {
  Tcl_DString stream_room, consumer_room;
  nats_error *err = NULL;
  Home *home = js->target.home;
  Op *op = op_new(home, js->conn, WANT_FETCHED);
  op->tell = TELL_EACH;
  op->wanted = batch;
  op->command = command ? prefix_value(command) : NULL;
  Tcl_DStringInit(&stream_room);
  Tcl_DStringInit(&consumer_room);
  nats_status status = nats_jetstream_fetch_async(
      js->handle, text_arg(stream, &stream_room), text_arg(consumer, &consumer_room),
      settings_json(doc), loop_queue(home->loop), op->target.token, &err);
  Tcl_DStringFree(&stream_room);
  Tcl_DStringFree(&consumer_room);
  return method_result(interp, settings_started(op, FOR_FETCH, status, err), op);
}

/* fetch stream consumer ?-batch_size n? ?-timeout ms? ?-no_wait bool? ?-callback prefix? ?-option
 * value ...?: a list of messages, at most one unless a size is given; without a timeout only what is
 * there. With a callback the answer is a number for cancel_pull_request, and the callback is called
 * as `prefix timedOut message` for each message once the request is over, and a last time with
 * timedOut 1 when fewer have come than were asked for. */
static int fetch_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                        Tcl_Obj *const objv[]) {
  static const Option TABLE[OPTIONS] = {{"timeout", ARG_TIMEOUT},
                                        {"batch_size", ARG_COUNT},
                                        {"no_wait", ARG_BOOL},
                                        {"callback", ARG_CALLBACK}};
  Tcl_Obj *values[OPTIONS], *command = NULL;
  nats_doc *doc;
  Tcl_Size batch;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "stream consumer ?-option value ...?");
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  if (!js || settings_read(interp, objc - at - 2, objv + at + 2, FOR_FETCH, TABLE, OPTIONS, values,
                           &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  int code = put_usual(interp, values, &doc, &batch);
  if (code == TCL_OK && values[CALLBACK]) code = callback_arg(interp, values[CALLBACK], &command);
  if (code == TCL_OK) code = fetch(interp, js, objv[at], objv[at + 1], doc, batch, command);
  nats_doc_free(doc);
  return code;
}

void fetch_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType FETCH = {TCL_OO_METHOD_VERSION_1, "fetch", fetch_method, NULL, NULL};
  add_method(interp, class, &FETCH);
}
