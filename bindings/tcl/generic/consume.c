/* Messages without end: subscriptions like any other, of the connection. */
#include "nats_tcl.h"

/* What the names in front of the options are. */
enum { MOST_NAMES = 3 };

typedef nats_status (*Begin)(nats_jetstream *js, const nats_str *names, nats_str options,
                             nats_queue *queue, uint64_t token, nats_error **err);

/* A way to take messages. `begin` is NULL for the one that the server is not asked for first. */
typedef struct {
  const char *name;
  int names;
  const char *usage;
  Table table;
  Begin begin;
} Way;

static nats_status ordered(nats_jetstream *js, const nats_str *names, nats_str options,
                           nats_queue *queue, uint64_t token, nats_error **err) {
  return nats_jetstream_consume_ordered_async(js, names[0], options, queue, token, err);
}

static nats_status pushed(nats_jetstream *js, const nats_str *names, nats_str options,
                          nats_queue *queue, uint64_t token, nats_error **err) {
  return nats_jetstream_consume_pushed_async(js, names[0], names[1], options, queue, token, err);
}

static nats_status grouped(nats_jetstream *js, const nats_str *names, nats_str options,
                           nats_queue *queue, uint64_t token, nats_error **err) {
  return nats_jetstream_consume_group_async(js, names[0], names[1], names[2], options, queue, token,
                                            err);
}

static const Way WAYS[] = {
    {"consume", 2, "stream consumer ?-option value ...?", FOR_CONSUME, NULL},
    {"consume_ordered", 1, "stream ?-option value ...?", FOR_ORDERED, ordered},
    {"consume_pushed", 2, "stream consumer ?-option value ...?", FOR_PUSHED, pushed},
    {"consume_group", 3, "stream group member ?-option value ...?", FOR_CONSUME, grouped},
};

enum { CALLBACK, POLL, DICTMSG, OPTIONS };

/* Begins at once. */
static int begin_now(Tcl_Interp *interp, const Way *way, Js *js, const nats_str *names,
                     nats_str options, Tcl_Obj *command, int dict) {
  nats_subscription *handle;
  nats_error *err = NULL;
  nats_status status = nats_jetstream_consume(js->handle, names[0], names[1], options, NULL, NULL,
                                              NULL, &handle, &err);
  if (status != NATS_OK) return settings_fail(interp, way->table, status, err);
  Sub *sub = sub_new(js->conn, handle, command, dict);
  sub->consumes = 1;
  Tcl_SetObjResult(interp, sub_number(sub));
  return TCL_OK;
}

/* Begins once the server has answered. */
static int begin_later(Tcl_Interp *interp, const Way *way, Js *js, const nats_str *names,
                       nats_str options, Tcl_Obj *command, int dict) {
  nats_error *err = NULL;
  Op *op = op_new(js->target.home, js->conn, WANT_SUBSCRIPTION);
  op->listener = command ? prefix_value(command) : NULL;
  op->dict = dict;
  nats_status status = way->begin(js->handle, names, options, loop_queue(op->target.home->loop),
                                  op->target.token, &err);
  return method_result(interp, settings_started(op, way->table, status, err), op);
}

static int begin(Tcl_Interp *interp, const Way *way, Js *js, Tcl_Obj *const objv[], nats_doc *doc,
                 Tcl_Obj *command, int dict) {
  Tcl_DString rooms[MOST_NAMES];
  nats_str names[MOST_NAMES];
  for (int i = 0; i < way->names; i++) {
    Tcl_DStringInit(&rooms[i]);
    names[i] = text_arg(objv[i], &rooms[i]);
  }
  const nats_str options = settings_json(doc);
  const int code = way->begin ? begin_later(interp, way, js, names, options, command, dict)
                              : begin_now(interp, way, js, names, options, command, dict);
  for (int i = 0; i < way->names; i++) Tcl_DStringFree(&rooms[i]);
  return code;
}

/* NAME names ... -callback prefix ?-dictmsg bool? ?-option value ...?: the number of a subscription
 * of the connection, which ends it. The callback is called as `prefix subject message reply`;
 * messages are dictionaries unless -dictmsg is false. With -poll true there is no callback, and
 * messages are read with `next` and `take` of the connection. Those ways that make or look for a
 * consumer wait for the server's answer. */
static int consume_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  static const Option TABLE[OPTIONS] = {
      {"callback", ARG_CALLBACK}, {"poll", ARG_BOOL}, {"dictmsg", ARG_BOOL}};
  const Way *way = data;
  Tcl_Obj *values[OPTIONS], *command = NULL;
  nats_doc *doc;
  int poll = 0, dict = 1;
  const int at = Tcl_ObjectContextSkippedArgs(context), from = at + way->names;
  if (objc < from) {
    Tcl_WrongNumArgs(interp, at, objv, way->usage);
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  if (!js || settings_read(interp, objc - from, objv + from, way->table, TABLE, OPTIONS, values,
                           &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  int code = TCL_OK;
  if (values[CALLBACK]) code = callback_arg(interp, values[CALLBACK], &command);
  if (values[POLL]) Tcl_GetBooleanFromObj(NULL, values[POLL], &poll);
  if (values[DICTMSG]) Tcl_GetBooleanFromObj(NULL, values[DICTMSG], &dict);
  if (code == TCL_OK && !command == !poll) {
    code = fail_arg(interp, "Invalid callback: expected -callback, or -poll true");
  }
  if (code == TCL_OK) code = begin(interp, way, js, objv + at, doc, command, dict);
  nats_doc_free(doc);
  return code;
}

void consume_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPE = {TCL_OO_METHOD_VERSION_1, "consume", consume_method, NULL,
                                      NULL};
  for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(WAYS[i].name, -1), 1, &TYPE,
                  (ClientData)&WAYS[i]);
  }
}
