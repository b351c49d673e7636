/*
 * Publishing with acknowledgement. A message without callback is an operation that is waited for;
 * those with one go through a publisher, in order and many at once.
 */
#include <stdlib.h>
#include <string.h>

#include "nats_tcl.h"

enum { OUTCOMES = 256 };

/* What is published. */
typedef struct {
  nats_str subject;
  nats_bytes payload;
  nats_headers *headers;
  nats_str options;
} Message;

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value) {
  Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* A message under way whose callback is to be told. */
typedef struct {
  Js *js;
  uint64_t number;
  Tcl_Obj *command;
  Tcl_TimerToken timer;
} Pending;

/* The callback of a message, with its reference; NULL when nobody is to be told. */
static Tcl_Obj *take_callback(Js *js, uint64_t number) {
  Tcl_HashEntry *entry = Tcl_FindHashEntry(&js->callbacks, (void *)(uintptr_t)number);
  if (!entry) return NULL;
  Pending *pending = Tcl_GetHashValue(entry);
  Tcl_Obj *command = pending->command;
  Tcl_DeleteHashEntry(entry);
  if (pending->timer) Tcl_DeleteTimerHandler(pending->timer);
  free(pending);
  return command;
}

/* Calls `prefix timedOut pubAck pubError`; the error is freed. */
static void tell(Js *js, Tcl_Obj *command, const nats_outcome *outcome) {
  Tcl_Obj *args[3];
  Tcl_Obj *ack = Tcl_NewDictObj(), *refusal = NULL, *failure = Tcl_NewObj();
  if (outcome->status == NATS_OK) {
    put(ack, "seq", Tcl_NewWideIntObj((Tcl_WideInt)outcome->sequence));
    if (outcome->duplicate) put(ack, "duplicate", Tcl_NewStringObj("true", -1));
  } else {
    const nats_str text =
        outcome->error ? nats_error_text(outcome->error) : nats_status_text(outcome->status);
    Tcl_DecrRefCount(failure);
    refusal = refusal_value(outcome->error);
    failure = failure_value(outcome->status, text_value(text.ptr, text.len), refusal);
  }
  args[0] = Tcl_NewBooleanObj(outcome->status != NATS_OK && !refusal);
  args[1] = ack;
  args[2] = failure;
  if (refusal) Tcl_DecrRefCount(refusal);
  nats_error_free(outcome->error);
  home_call(js->target.home, command, 3, args);
  Tcl_DecrRefCount(command);
}

/* The program does not wait longer for this one. */
static void late(ClientData data) {
  Pending *pending = data;
  Js *js = pending->js;
  const nats_outcome outcome = {.token = pending->number, .status = NATS_ERR_TIMEOUT};
  pending->timer = NULL;
  target_hold(&js->target);
  tell(js, take_callback(js, outcome.token), &outcome);
  target_release(&js->target);
}

static void remember(Js *js, uint64_t number, Tcl_Obj *command, Tcl_Obj *timeout) {
  int is_new;
  Tcl_WideInt ms = 0;
  Pending *pending = allocate(sizeof *pending);
  *pending = (Pending){js, number, prefix_value(command), NULL};
  if (timeout) Tcl_GetWideIntFromObj(NULL, timeout, &ms);
  if (ms > 0) {
    pending->timer = Tcl_CreateTimerHandler(ms > INT32_MAX ? INT32_MAX : (int)ms, late, pending);
  }
  void *key = (void *)(uintptr_t)number;
  Tcl_SetHashValue(Tcl_CreateHashEntry(&js->callbacks, key, &is_new), pending);
}

/* Takes what is known, without telling anybody yet; whether there may be more.
 * `timeout`: how long to wait for the first, in milliseconds. */
static int take(Js *js, int64_t timeout) {
  nats_outcome known[OUTCOMES];
  size_t count = 0;
  if (nats_publisher_take(js->publisher, known, OUTCOMES, timeout, &count, NULL) != NATS_OK) {
    return 0;
  }
  if (js->count + count > js->room) {
    js->room = 2 * (js->count + count);
    nats_outcome *grown = allocate(js->room * sizeof *grown);
    if (js->count) memcpy(grown, js->taken, js->count * sizeof *grown);
    free(js->taken);
    js->taken = grown;
  }
  memcpy(js->taken + js->count, known, count * sizeof *known);
  js->count += count;
  return count == OUTCOMES;
}

/* Tells what was taken. A callback may turn the event loop, which then goes on here. */
static void tell_taken(Js *js) {
  while (js->told < js->count) {
    const nats_outcome outcome = js->taken[js->told++];
    Tcl_Obj *command = take_callback(js, outcome.token);
    if (command) {
      tell(js, command, &outcome);
    } else {
      nats_error_free(outcome.error);
    }
  }
  js->told = js->count = 0;
}

/* The library knows what became of messages. */
void js_outcomes(Js *js) {
  target_hold(&js->target);
  int more = 1;
  while (more && !js->target.gone) {
    more = take(js, 0);
    tell_taken(js);
  }
  target_release(&js->target);
}

/* What became of the others will not be known. */
void js_forget_outcomes(Js *js, nats_status reason) {
  Tcl_HashSearch search;
  Tcl_HashEntry *entry;
  if (reason != NATS_ERR_CANCELLED) tell_taken(js);
  for (; js->told < js->count; js->told++) nats_error_free(js->taken[js->told].error);
  while ((entry = Tcl_FirstHashEntry(&js->callbacks, &search)) != NULL) {
    const uint64_t number = (uint64_t)(uintptr_t)Tcl_GetHashKey(&js->callbacks, entry);
    const nats_outcome outcome = {.token = number, .status = reason};
    Tcl_Obj *command = take_callback(js, number);
    if (reason == NATS_ERR_CANCELLED) {
      Tcl_DecrRefCount(command);
    } else {
      tell(js, command, &outcome);
    }
  }
  free(js->taken);
  js->taken = NULL;
  js->told = js->count = js->room = 0;
}

static nats_status open_publisher(Js *js, nats_error **err) {
  /* When the window is full, this thread makes room itself. */
  const nats_str options = NATS_STR("{\"stall_ms\":0}");
  if (js->publisher) return NATS_OK;
  nats_status status =
      nats_publisher_new(js->handle, options, NULL, NULL, NULL, &js->publisher, err);
  if (status != NATS_OK) return status;
  return nats_publisher_watch(js->publisher, loop_queue(js->target.home->loop), js->target.token,
                              err);
}

/* Publishes through the publisher. While its window is full, takes what is known of messages: they
 * are told when the event loop turns. */
static nats_status publish_now(Js *js, const Message *message, uint64_t number, nats_error **err) {
  enum { WAIT_MS = 5000 };
  nats_status status = open_publisher(js, err);
  if (status != NATS_OK) return status;
  for (;;) {
    status = nats_publisher_publish(js->publisher, message->subject, message->headers,
                                    message->payload, message->options, number, err);
    if (status != NATS_ERR_PUBLISHER_STALLED) return status;
    const size_t before = js->count;
    take(js, WAIT_MS);
    if (js->count == before) return status;
    nats_error_free(*err);
    *err = NULL;
  }
}

enum { TIMEOUT, CALLBACK, HEADER, OPTIONS };

/* Waits for the stream's word, or leaves with a callback. */
static int send_message(Tcl_Interp *interp, Js *js, const Message *message, Tcl_Obj *command,
                        Tcl_Obj *timeout) {
  nats_error *err = NULL;
  if (command) {
    const uint64_t number = ++js->next;
    nats_status status = publish_now(js, message, number, &err);
    if (status != NATS_OK) return settings_fail(interp, FOR_PUBLISH, status, err);
    remember(js, number, command, timeout);
    return TCL_OK;
  }
  Home *home = js->target.home;
  Op *op = op_new(home, js->conn, WANT_DOC);
  nats_status status = nats_jetstream_publish_async(
      js->handle, message->subject, message->headers, message->payload, message->options,
      loop_queue(home->loop), op->target.token, &err);
  return method_result(interp, settings_started(op, FOR_PUBLISH, status, err), op);
}

/* The message's parts are read, and sent. `header` may be NULL. */
static int store(Tcl_Interp *interp, Js *js, Tcl_Obj *subject, Tcl_Obj *data, Tcl_Obj *header,
                 nats_doc *doc, Tcl_Obj *const values[]) {
  Message message;
  Tcl_Obj *command = NULL;
  Tcl_DString subject_room, payload_room;
  Conn *conn = js->conn;
  if (values[CALLBACK] && callback_arg(interp, values[CALLBACK], &command) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&subject_room);
  Tcl_DStringInit(&payload_room);
  /* A command that adds headers may change the values that these are parts of. */
  Tcl_IncrRefCount(subject);
  Tcl_IncrRefCount(data);
  int code = conn_headers(conn, header, &message.headers);
  if (code == TCL_OK && js->target.gone) {
    no_conn(interp);
    code = TCL_ERROR;
  }
  if (code == TCL_OK) {
    code = payload_arg(interp, data, conn->utf8, &payload_room, &message.payload);
  }
  if (code == TCL_OK) {
    message.subject = text_arg(subject, &subject_room);
    message.options = settings_json(doc);
    code = send_message(interp, js, &message, command, values[TIMEOUT]);
  }
  Tcl_DStringFree(&subject_room);
  Tcl_DStringFree(&payload_room);
  Tcl_DecrRefCount(subject);
  Tcl_DecrRefCount(data);
  return code;
}

/* Reads the options and publishes. */
static int store_with(Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                      Tcl_Obj *const objv[], const Fields *fields, int own) {
  static const Option TABLE[OPTIONS] = {
      {"timeout", ARG_TIMEOUT}, {"callback", ARG_CALLBACK}, {"header", ARG_ANY}};
  Tcl_Obj *values[OPTIONS] = {NULL};
  nats_error *err = NULL;
  nats_doc *doc;
  Js *js = method_js(interp, context);
  if (!js || settings_read(interp, objc, objv, FOR_PUBLISH, TABLE, own, values, &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  int code = TCL_OK;
  if (values[TIMEOUT] && !values[CALLBACK]) {
    Tcl_WideInt ms;
    Tcl_GetWideIntFromObj(NULL, values[TIMEOUT], &ms);
    nats_status status = doc ? NATS_OK : nats_doc_new(&doc, &err);
    if (status == NATS_OK) {
      status = nats_doc_set_int(doc, NATS_STR("timeout_ms"), patience(ms), &err);
    }
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  Tcl_Obj *header = values[HEADER] ? values[HEADER] : fields->header;
  target_hold(&js->target);
  if (code == TCL_OK) code = store(interp, js, fields->subject, fields->data, header, doc, values);
  target_release(&js->target);
  nats_doc_free(doc);
  return code;
}

/* publish subject message ?-header dict? ?-timeout ms? ?-callback prefix? ?-option value ...?: what
 * the stream says, as a dictionary. With a callback nothing is waited for: it is called as `prefix
 * timedOut pubAck pubError`. */
static int publish_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "subject message ?-option value ...?");
    return TCL_ERROR;
  }
  const Fields fields = {.subject = objv[at], .data = objv[at + 1], .reply = NULL, .header = NULL};
  return store_with(interp, context, objc - at - 2, objv + at + 2, &fields, OPTIONS);
}

/* publish_msg msg ?-timeout ms? ?-callback prefix? ?-option value ...?: the same with the message's
 * own headers. */
static int publish_msg_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context,
                              int objc, Tcl_Obj *const objv[]) {
  Fields fields;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "msg ?-option value ...?");
    return TCL_ERROR;
  }
  if (message_arg(interp, objv[at], &fields) != TCL_OK) return TCL_ERROR;
  return store_with(interp, context, objc - at - 1, objv + at + 1, &fields, HEADER);
}

void store_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType PUBLISH = {TCL_OO_METHOD_VERSION_1, "publish", publish_method, NULL,
                                         NULL};
  static const Tcl_MethodType PUBLISH_MSG = {TCL_OO_METHOD_VERSION_1, "publish_msg",
                                             publish_msg_method, NULL, NULL};
  add_method(interp, class, &PUBLISH);
  add_method(interp, class, &PUBLISH_MSG);
}
