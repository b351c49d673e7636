/*
 * Requests to services, and their answers. A request is a message's dictionary with the number of
 * the library's message, which is kept until the first answer, or until it is given up: then it
 * counts.
 */
#include "service.h"

/* The dictionary of a request, which is open from now on. */
Tcl_Obj *service_request(Sub *sub, nats_msg *msg) {
  Service *service = sub->service;
  Home *home = sub->target.home;
  int is_new;
  void *number = (void *)(uintptr_t)++home->next_request;
  Tcl_SetHashValue(Tcl_CreateHashEntry(&service->open, number, &is_new), msg);
  Tcl_Obj *dict = sub_message(sub, msg);
  Tcl_DictObjPut(NULL, dict, home->words[WORD_REQUEST],
                 Tcl_NewWideIntObj((Tcl_WideInt)home->next_request));
  return dict;
}

/* The entry of a request that is open; NULL: it is not. */
static Tcl_HashEntry *open_entry(Service *service, Tcl_Obj *request) {
  Tcl_WideInt number;
  Tcl_Obj *value = NULL;
  Tcl_DictObjGet(NULL, request, service->target.home->words[WORD_REQUEST], &value);
  if (!value || Tcl_GetWideIntFromObj(NULL, value, &number) != TCL_OK) return NULL;
  return Tcl_FindHashEntry(&service->open, (void *)(uintptr_t)number);
}

static void settle(Tcl_HashEntry *entry) {
  nats_msg_free(Tcl_GetHashValue(entry));
  Tcl_DeleteHashEntry(entry);
}

/* What answers have in common. */
typedef struct {
  Service *service;
  Tcl_Obj *request;
  Tcl_Obj *data;
  Tcl_Obj *header; /* or NULL */
  int is_error;
  int code;
  Tcl_Obj *description;
} Answer;

/* Publishes the answer to a request that is open, or another one to one that was answered before.
 * */
static nats_status publish(const Answer *answer, const nats_msg *msg, nats_headers *headers,
                           nats_bytes payload, nats_error **err) {
  Tcl_DString room;
  Tcl_DStringInit(&room);
  nats_status status;
  if (answer->is_error) {
    status = nats_msg_respond_error(msg, answer->code, text_arg(answer->description, &room),
                                    headers, payload, err);
  } else if (msg) {
    status = nats_msg_respond_msg(msg, headers, payload, err);
  } else {
    Fields fields;
    const nats_str none = {NULL, 0};
    message_arg(answer->service->target.home->interp, answer->request, &fields);
    const nats_str reply = text_arg(fields.reply, &room);
    status = reply.len == 0 ? NATS_ERR_NO_REPLY
                            : nats_publish_msg(answer->service->conn->nc, reply, none, headers,
                                               payload, err);
  }
  Tcl_DStringFree(&room);
  return status;
}

static int send_answer(Tcl_Interp *interp, const Answer *answer) {
  Tcl_DString room;
  nats_headers *headers;
  nats_bytes payload;
  nats_error *err = NULL;
  Service *service = answer->service;
  Fields fields;
  if (message_arg(interp, answer->request, &fields) != TCL_OK) return TCL_ERROR;
  Tcl_IncrRefCount(answer->data);
  Tcl_DStringInit(&room);
  target_hold(&service->target);
  int code = conn_headers(service->conn, answer->header, &headers);
  if (code == TCL_OK && !service->handle) {
    no_conn(interp);
    code = TCL_ERROR;
  }
  if (code == TCL_OK) {
    code = payload_arg(interp, answer->data, service->conn->utf8, &room, &payload);
  }
  if (code == TCL_OK) {
    /* A command that adds headers may have answered it. */
    Tcl_HashEntry *entry = open_entry(service, answer->request);
    if (!entry && answer->is_error) {
      code = fail_arg(interp, "request: it was answered before, or given up");
    } else {
      nats_msg *msg = entry ? Tcl_GetHashValue(entry) : NULL;
      nats_status status = publish(answer, msg, headers, payload, &err);
      if (status == NATS_OK && entry) settle(entry);
      if (status != NATS_OK) code = fail(interp, status, err);
    }
  }
  Tcl_DStringFree(&room);
  Tcl_DecrRefCount(answer->data);
  target_release(&service->target);
  return code;
}

/* respond request data ?-header dict?: answers. A request counts with its first answer, others may
 * follow. */
static int respond_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"header", ARG_ANY}};
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Obj *header = NULL;
  (void)data;
  if (objc < at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "request data ?-header dict?");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service ||
      arguments_read(interp, objc - at - 2, objv + at + 2, OPTIONS, 1, &header) != TCL_OK) {
    return TCL_ERROR;
  }
  const Answer answer = {service, objv[at], objv[at + 1], header, 0, 0, NULL};
  return send_answer(interp, &answer);
}

/* respond_error request code description ?data? ?-header dict?: answers that it came to an error.
 * */
static int error_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                        Tcl_Obj *const objv[]) {
  static const Option OPTIONS[] = {{"header", ARG_ANY}};
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Obj *header = NULL;
  int code;
  (void)data;
  const int has_data = (objc - at) % 2 == 0;
  if (objc < at + 3) {
    Tcl_WrongNumArgs(interp, at, objv, "request code description ?data? ?-header dict?");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  const int from = at + 3 + has_data;
  if (!service ||
      arguments_read(interp, objc - from, objv + from, OPTIONS, 1, &header) != TCL_OK) {
    return TCL_ERROR;
  }
  if (Tcl_GetIntFromObj(NULL, objv[at + 1], &code) != TCL_OK) {
    return fail_arg(interp, "code: expected a number from 1 to 65535, not \"%.40s\"",
                    Tcl_GetString(objv[at + 1]));
  }
  Tcl_Obj *body = has_data ? objv[at + 3] : service->target.home->words[WORD_EMPTY];
  const Answer answer = {service, objv[at], body, header, 1, code, objv[at + 2]};
  return send_answer(interp, &answer);
}

/* Failed REQUEST TEXT: the handler has failed; nothing happens when it has answered before. */
static int failed_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                         Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_DString room;
  (void)data;
  if (objc != at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "request text");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service) return TCL_ERROR;
  Tcl_HashEntry *entry = open_entry(service, objv[at]);
  if (!entry) return TCL_OK;
  Tcl_DStringInit(&room);
  /* One that cannot be answered is counted as this error all the same. */
  nats_msg_respond_failed(Tcl_GetHashValue(entry), text_arg(objv[at + 1], &room), NULL);
  Tcl_DStringFree(&room);
  settle(entry);
  return TCL_OK;
}

/* give_up request: it will not be answered, and counts now. False when it was answered before. */
static int give_up_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "request");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service) return TCL_ERROR;
  Tcl_HashEntry *entry = open_entry(service, objv[at]);
  if (entry) settle(entry);
  Tcl_SetObjResult(interp, Tcl_NewBooleanObj(entry != NULL));
  return TCL_OK;
}

/* The service's statistics with data of endpoints: a list of JSON texts, in their order. */
static nats_status own_stats(Service *service, Tcl_Obj **texts, Tcl_Size count, nats_doc **doc,
                             nats_error **err) {
  nats_status status = nats_service_stats(service->handle, doc, err);
  if (status != NATS_OK) return status;
  for (Tcl_Size i = 0; i < count && status == NATS_OK; i++) {
    Tcl_DString room;
    Tcl_Obj *path = Tcl_ObjPrintf("endpoints.%d.data", (int)i);
    Tcl_IncrRefCount(path);
    Tcl_DStringInit(&room);
    const nats_str to = nats_zstr(Tcl_GetString(path));
    status = nats_doc_set_json(*doc, to, text_arg(texts[i], &room), err);
    Tcl_DStringFree(&room);
    Tcl_DecrRefCount(path);
  }
  if (status != NATS_OK) nats_doc_free(*doc);
  return status;
}

/* AnswerStats REQUEST TEXTS: tells who has asked for statistics. */
static int answer_stats_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context,
                               int objc, Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Size count;
  Tcl_Obj **texts;
  nats_doc *doc;
  nats_str json = {NULL, 0};
  nats_error *err = NULL;
  (void)data;
  if (objc != at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "request texts");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service || Tcl_ListObjGetElements(interp, objv[at + 1], &count, &texts) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_HashEntry *entry = open_entry(service, objv[at]);
  if (!entry) return TCL_OK;
  nats_status status = own_stats(service, texts, count, &doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  nats_doc_json(doc, &json, NULL);
  status = nats_msg_respond(Tcl_GetHashValue(entry), nats_bytes_of(json.ptr, json.len), &err);
  nats_doc_free(doc);
  settle(entry);
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

void answer_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const struct {
    Tcl_MethodType type;
    int is_public;
  } METHODS[] = {
      {{TCL_OO_METHOD_VERSION_1, "respond", respond_method, NULL, NULL}, 1},
      {{TCL_OO_METHOD_VERSION_1, "respond_error", error_method, NULL, NULL}, 1},
      {{TCL_OO_METHOD_VERSION_1, "give_up", give_up_method, NULL, NULL}, 1},
      {{TCL_OO_METHOD_VERSION_1, "Failed", failed_method, NULL, NULL}, 0},
      {{TCL_OO_METHOD_VERSION_1, "AnswerStats", answer_stats_method, NULL, NULL}, 0},
  };
  for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(METHODS[i].type.name, -1), METHODS[i].is_public,
                  &METHODS[i].type, NULL);
  }
}
