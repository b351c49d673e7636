/* What is done to a key of a bucket. */
#include "bucket.h"

typedef nats_status (*StartWith)(nats_kv *kv, nats_str key, nats_bytes value, nats_str options,
                                 nats_queue *queue, uint64_t token, nats_error **err);
typedef nats_status (*Start)(nats_kv *kv, nats_str key, nats_str options, nats_queue *queue,
                             uint64_t token, nats_error **err);

typedef enum { NO_REVISION, MAY_REVISION, MUST_REVISION } Revision;

/* A change has one function or the other. */
typedef struct {
  const char *name;
  const char *usage;
  StartWith start_with;
  Start start;
  Revision revision;
} Change;

static const Change CHANGES[] = {
    {"put", "key value ?-option value ...?", nats_kv_put_async, NULL, NO_REVISION},
    {"create", "key value ?-option value ...?", nats_kv_create_async, NULL, NO_REVISION},
    {"update", "key value revision ?-option value ...?", nats_kv_put_async, NULL, MUST_REVISION},
    {"delete", "key ?revision? ?-option value ...?", NULL, nats_kv_delete_async, MAY_REVISION},
    {"purge", "key ?revision? ?-option value ...?", NULL, nats_kv_purge_async, MAY_REVISION},
};

/* Notes the revision that the key is to have. Where it may be left out, 0 stands for any. */
static int expect(Tcl_Interp *interp, const Change *change, Tcl_Obj *revision, nats_doc **doc) {
  Tcl_WideInt number;
  Tcl_Size length;
  nats_error *err = NULL;
  Tcl_GetStringFromObj(revision, &length);
  if (length == 0 && change->revision == MAY_REVISION) return TCL_OK;
  if (Tcl_GetWideIntFromObj(NULL, revision, &number) != TCL_OK || number < 0) {
    return fail_arg(interp, "Invalid revision \"%.40s\": expected a number",
                    Tcl_GetString(revision));
  }
  if (number == 0 && change->revision == MAY_REVISION) return TCL_OK;
  nats_status status = *doc ? NATS_OK : nats_doc_new(doc, &err);
  if (status == NATS_OK) {
    status = nats_doc_set_int(*doc, NATS_STR("expected_revision"), number, &err);
  }
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

static int start(Tcl_Interp *interp, const Change *change, Kv *kv, Tcl_Obj *key, Tcl_Obj *data,
                 nats_doc *doc, Tcl_Obj *command) {
  Tcl_DString key_room, value_room;
  nats_bytes value;
  nats_error *err = NULL;
  nats_status status;
  Tcl_DStringInit(&key_room);
  Tcl_DStringInit(&value_room);
  int code = data ? payload_arg(interp, data, kv->conn->utf8, &value_room, &value) : TCL_OK;
  if (code == TCL_OK) {
    Op *op = kv_op(kv, WANT_REVISION, command);
    nats_queue *queue = loop_queue(op->target.home->loop);
    const nats_str name = text_arg(key, &key_room), options = settings_json(doc);
    if (change->start_with) {
      status = change->start_with(kv->handle, name, value, options, queue, op->target.token, &err);
    } else {
      status = change->start(kv->handle, name, options, queue, op->target.token, &err);
    }
    code = method_result(interp, settings_started(op, FOR_CHANGE, status, err), op);
  }
  Tcl_DStringFree(&key_room);
  Tcl_DStringFree(&value_room);
  return code;
}

/* put key value, create key value, update key value revision, delete key ?revision?, purge key
 * ?revision?, with ?-ttl ms? ?-expected_revision n? ?-callback prefix?: the key's new revision or,
 * with a callback, a number for cancel_request; then the callback is called as `prefix timedOut
 * revision error`. */
static int change_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                         Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"callback", ARG_CALLBACK}};
  const Change *change = data;
  Tcl_Obj *callback, *command = NULL, *revision = NULL;
  nats_doc *doc;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  const int has_value = change->start_with != NULL;
  int from = at + 1 + has_value;
  if (objc < from + (change->revision == MUST_REVISION)) {
    Tcl_WrongNumArgs(interp, at, objv, change->usage);
    return TCL_ERROR;
  }
  if (change->revision == MUST_REVISION ||
      (change->revision == MAY_REVISION && objc > from && *Tcl_GetString(objv[from]) != '-')) {
    revision = objv[from++];
  }
  Kv *kv = method_kv(interp, context);
  if (!kv || settings_read(interp, objc - from, objv + from, FOR_CHANGE, OPTIONS, 1, &callback,
                           &doc) != TCL_OK) {
    return TCL_ERROR;
  }
  int code = callback ? callback_arg(interp, callback, &command) : TCL_OK;
  if (code == TCL_OK && revision) code = expect(interp, change, revision, &doc);
  if (code == TCL_OK) {
    code = start(interp, change, kv, objv[at], has_value ? objv[at + 1] : NULL, doc, command);
  }
  nats_doc_free(doc);
  return code;
}

void change_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPE = {TCL_OO_METHOD_VERSION_1, "change", change_method, NULL, NULL};
  for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(CHANGES[i].name, -1), 1, &TYPE,
                  (ClientData)&CHANGES[i]);
  }
}
