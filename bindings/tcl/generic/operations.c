/* The control plane: a method for each row of the library's table of operations. */
#include <string.h>

#include "nats_tcl.h"

typedef nats_status (*Start)(nats_jetstream *js, nats_queue *queue, uint64_t token,
                             nats_error **err);
typedef nats_status (*StartWith)(nats_jetstream *js, nats_str input, nats_queue *queue,
                                 uint64_t token, nats_error **err);

/* An operation has one function or the other. */
typedef struct {
  const char *name;
  Start start;
  StartWith start_with;
  const char *members; /* names and kinds of those that a dictionary may have */
} Operation;

static const Operation OPERATIONS[] = {
#include "operations_gen.h"
};

enum { COUNT = sizeof OPERATIONS / sizeof *OPERATIONS };

/* A JSON text begins with a brace, which no name of a member does. */
static int is_json(Tcl_Obj *input) {
  const char *text = Tcl_GetString(input);
  while (*text && strchr(" \t\r\n", *text)) text++;
  return *text == '{';
}

/* The kind of a member; NULL leaves an error in the interpreter. */
static const char *kind_of(Tcl_Interp *interp, const Operation *operation, Tcl_Obj **members,
                           Tcl_Size count, Tcl_Obj *name) {
  const char *word = Tcl_GetString(name);
  for (Tcl_Size i = 0; i < count; i += 2) {
    if (strcmp(Tcl_GetString(members[i]), word) == 0) return Tcl_GetString(members[i + 1]);
  }
  Tcl_Obj *text = Tcl_ObjPrintf("%s: unknown member \"%s\": expected ", operation->name, word);
  Tcl_AppendToObj(text, count ? "" : "a JSON text", -1);
  for (Tcl_Size i = 0; i < count; i += 2) {
    Tcl_AppendPrintfToObj(text, "%s%s", i ? ", " : "", Tcl_GetString(members[i]));
  }
  fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
  return NULL;
}

/* The document of a dictionary, each member of the kind that the operation's table has for it. */
static int members_doc(Tcl_Interp *interp, const Operation *operation, Tcl_Obj *input,
                       nats_doc **doc) {
  Tcl_Size size, known;
  Tcl_Obj **items, **members;
  nats_error *err = NULL;
  if (Tcl_ListObjGetElements(NULL, input, &size, &items) != TCL_OK || size % 2 != 0) {
    return fail_arg(interp, "%s: expected a JSON text or a dictionary", operation->name);
  }
  Tcl_Obj *table = Tcl_NewStringObj(operation->members, -1);
  Tcl_IncrRefCount(table);
  Tcl_ListObjGetElements(NULL, table, &known, &members);
  nats_status status = nats_doc_new(doc, &err);
  int code = status == NATS_OK ? TCL_OK : fail(interp, status, err);
  for (Tcl_Size i = 0; i < size && code == TCL_OK; i += 2) {
    const char *kind = kind_of(interp, operation, members, known, items[i]);
    if (!kind) {
      code = TCL_ERROR;
      break;
    }
    status = option_put(*doc, Tcl_GetString(items[i]), kind, items[i + 1], &err);
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  Tcl_DecrRefCount(table);
  if (code != TCL_OK) nats_doc_free(*doc);
  return code;
}

/* Starts an operation with its document: a JSON text, a dictionary, or NULL. */
static int start_with(Tcl_Interp *interp, const Operation *operation, Js *js, Tcl_Obj *input,
                      Op *op) {
  nats_queue *queue = loop_queue(op->target.home->loop);
  nats_doc *doc = NULL;
  nats_str json = {NULL, 0};
  nats_error *err = NULL;
  Tcl_DString room;
  Tcl_DStringInit(&room);
  if (input && is_json(input)) {
    json = text_arg(input, &room);
  } else if (input) {
    if (members_doc(interp, operation, input, &doc) != TCL_OK) {
      op_forget(op);
      return TCL_ERROR;
    }
    json = settings_json(doc);
  }
  nats_status status = operation->start_with(js->handle, json, queue, op->target.token, &err);
  Tcl_DStringFree(&room);
  nats_doc_free(doc);
  return op_started(op, status, err);
}

/* NAME ?document? ?-callback prefix?: the answer as a dictionary or, with a callback, a number for
 * cancel_request; then the callback is called as `prefix timedOut answer error`. */
static int operation_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context,
                            int objc, Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"callback", ARG_CALLBACK}};
  const Operation *operation = data;
  Tcl_Obj *value, *command = NULL, *input = NULL;
  nats_error *err = NULL;
  int at = Tcl_ObjectContextSkippedArgs(context);
  if (operation->start_with && objc > at && *Tcl_GetString(objv[at]) != '-') input = objv[at++];
  if (arguments_read(interp, objc - at, objv + at, OPTIONS, 1, &value) != TCL_OK ||
      (value && callback_arg(interp, value, &command) != TCL_OK)) {
    return TCL_ERROR;
  }
  Js *js = method_js(interp, context);
  if (!js) return TCL_ERROR;
  Op *op = op_new(js->target.home, js->conn, WANT_DOC);
  op->tell = TELL_WORD;
  op->command = command ? prefix_value(command) : NULL;
  if (operation->start_with) {
    return method_result(interp, start_with(interp, operation, js, input, op), op);
  }
  nats_status status = operation->start(js->handle, loop_queue(op->target.home->loop),
                                        op->target.token, &err);
  return method_result(interp, op_started(op, status, err), op);
}

void operation_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPE = {TCL_OO_METHOD_VERSION_1, "operation", operation_method, NULL,
                                      NULL};
  for (int i = 0; i < COUNT; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(OPERATIONS[i].name, -1), 1, &TYPE,
                  (ClientData)&OPERATIONS[i]);
  }
}
