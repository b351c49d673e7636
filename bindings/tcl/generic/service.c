/*
 * Services: what the class nats::service knows of the library. Objects know theirs by metadata, and
 * a service ends with its object.
 */
#include <stdlib.h>

#include "service.h"

/* Ends the subscriptions of its endpoints, and gives all requests up that are open. */
void service_abandon(Service *service) {
  Tcl_HashSearch search;
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&service->conn->subs, &search);
  while (entry) {
    Sub *sub = Tcl_GetHashValue(entry);
    if (sub->service == service) {
      sub_close(sub, NATS_ERR_CANCELLED);
      entry = Tcl_FirstHashEntry(&service->conn->subs, &search);
    } else {
      entry = Tcl_NextHashEntry(&search);
    }
  }
  while ((entry = Tcl_FirstHashEntry(&service->open, &search)) != NULL) {
    nats_msg_free(Tcl_GetHashValue(entry));
    Tcl_DeleteHashEntry(entry);
  }
}

static void drop_service(ClientData data) {
  Service *service = data;
  if (!service) return;
  service->target.gone = 1;
  service_abandon(service);
  nats_service_free(service->handle);
  service->handle = NULL;
  target_release(&service->target);
}

/* A copy of an object has none. */
static int clone_service(Tcl_Interp *interp, ClientData service, ClientData *copy) {
  (void)interp, (void)service;
  *copy = NULL;
  return TCL_OK;
}

static const Tcl_ObjectMetadataType SERVICE = {TCL_OO_METADATA_VERSION_CURRENT, "nats::service",
                                               drop_service, clone_service};

/* Takes over the handle. */
static Service *service_new(Conn *conn, nats_service *handle) {
  Service *service = allocate(sizeof *service);
  service->target =
      (Target){.kind = OF_SERVICE, .refs = 1, .gone = 0, .token = 0, .home = conn->target.home};
  service->target.home->refs++;
  service->conn = conn;
  target_hold(&conn->target);
  service->handle = handle;
  Tcl_InitHashTable(&service->open, TCL_ONE_WORD_KEYS);
  return service;
}

void service_free(Service *service) {
  Tcl_HashSearch search;
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&service->open, &search);
  for (; entry; entry = Tcl_NextHashEntry(&search)) nats_msg_free(Tcl_GetHashValue(entry));
  Tcl_DeleteHashTable(&service->open);
  nats_service_free(service->handle);
  target_release(&service->conn->target);
  free(service);
}

/* The service of the object whose method was called; NULL leaves an error in the interpreter. */
Service *method_service(Tcl_Interp *interp, Tcl_ObjectContext context) {
  Service *service = Tcl_ObjectGetMetadata(Tcl_ObjectContextObject(context), &SERVICE);
  if (service && service->handle) return service;
  no_conn(interp);
  return NULL;
}

/* An operation on a service; `command` may be NULL. */
Op *service_op(Service *service, Want want, Tcl_Obj *command) {
  Op *op = op_new(service->target.home, service->conn, want);
  op->tell = TELL_END;
  op->command = command ? prefix_value(command) : NULL;
  return op;
}

/* attach_service OBJECT CONN ?-option value ...?: the methods of the object use a new service. */
static int attach_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc;
  nats_service *handle;
  nats_error *err = NULL;
  (void)data;
  if (objc < 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "object conn ?-option value ...?");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[2]) : NULL;
  Tcl_Object object = conn ? Tcl_GetObjectFromObj(interp, objv[1]) : NULL;
  if (!object || settings_read(interp, objc - 3, objv + 3, FOR_SERVICE, NULL, 0, NULL, &doc) !=
                     TCL_OK) {
    return TCL_ERROR;
  }
  nats_status status = nats_service_new(conn->nc, settings_json(doc), &handle, &err);
  nats_doc_free(doc);
  if (status != NATS_OK) return settings_fail(interp, FOR_SERVICE, status, err);
  Tcl_ObjectSetMetadata(object, &SERVICE, service_new(conn, handle));
  return TCL_OK;
}

/* The number of a new subscription whose requests go to the command. */
static void serve(Tcl_Interp *interp, Service *service, nats_subscription *handle,
                  Tcl_Obj *command) {
  Sub *sub = sub_new(service->conn, handle, command, 1);
  sub->service = service;
  target_hold(&service->target);
  Tcl_SetObjResult(interp, sub_number(sub));
}

/* Endpoint COMMAND ?-option value ...?: the number of a subscription. */
static int endpoint_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                           Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Obj *command;
  nats_subscription *handle;
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "command ?-option value ...?");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service || prefix_arg(interp, objv[at], &command) != TCL_OK ||
      settings_read(interp, objc - at - 1, objv + at + 1, FOR_ENDPOINT, NULL, 0, NULL, &doc) !=
          TCL_OK) {
    return TCL_ERROR;
  }
  nats_status status = nats_service_add_endpoint(service->handle, settings_json(doc), NULL, NULL,
                                                 NULL, &handle, &err);
  nats_doc_free(doc);
  if (status != NATS_OK) return settings_fail(interp, FOR_ENDPOINT, status, err);
  serve(interp, service, handle, command);
  return TCL_OK;
}

/* StatsRequests COMMAND: the number of the subscription of those who ask for statistics. */
static int stats_requests_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context,
                                 int objc, Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_Obj *command;
  nats_subscription *handle;
  nats_error *err = NULL;
  (void)data;
  if (objc != at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "command");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service || prefix_arg(interp, objv[at], &command) != TCL_OK) return TCL_ERROR;
  nats_status status =
      nats_service_stats_requests(service->handle, NULL, NULL, NULL, &handle, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  serve(interp, service, handle, command);
  return TCL_OK;
}

typedef nats_status (*Telling)(nats_service *service, nats_doc **out, nats_error **err);

typedef struct {
  const char *name;
  Telling tell;
} Account;

static const Account ACCOUNTS[] = {{"info", nats_service_info}, {"stats", nats_service_stats}};

/* info, stats: what the service is, and has done, as dictionaries. */
static int telling_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  const Account *account = data;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_doc *doc;
  nats_error *err = NULL;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service) return TCL_ERROR;
  nats_status status = account->tell(service->handle, &doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, doc_value(doc));
  return TCL_OK;
}

/* reset: counts from zero. */
static int reset_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                        Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  nats_error *err = NULL;
  (void)data;
  if (objc != at) {
    Tcl_WrongNumArgs(interp, at, objv, NULL);
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service) return TCL_ERROR;
  nats_status status = nats_service_reset(service->handle, &err);
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

typedef nats_status (*Wait)(nats_service *service, nats_queue *queue, uint64_t token,
                            nats_error **err);

typedef struct {
  const char *name;
  Wait wait;
} Waiting;

static const Waiting WAITINGS[] = {{"Stop", nats_service_stop_async},
                                   {"Stopped", nats_service_stopped_async}};

/* Stop TIMEOUT, Stopped TIMEOUT ?COMMAND?: waits for the end of the service, for so many
 * milliseconds, below 0 as long as the library does. The command is called with the failure, or
 * nothing. */
static int waiting_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  const Waiting *waiting = data;
  const int at = Tcl_ObjectContextSkippedArgs(context);
  Tcl_WideInt ms;
  nats_error *err = NULL;
  if (objc != at + 1 && objc != at + 2) {
    Tcl_WrongNumArgs(interp, at, objv, "timeout ?command?");
    return TCL_ERROR;
  }
  Service *service = method_service(interp, context);
  if (!service || Tcl_GetWideIntFromObj(interp, objv[at], &ms) != TCL_OK) return TCL_ERROR;
  Tcl_Obj *command = objc > at + 1 ? objv[at + 1] : NULL;
  if (command && prefix_arg(interp, command, &command) != TCL_OK) return TCL_ERROR;
  Op *op = service_op(service, WANT_NOTHING, command);
  nats_status status = waiting->wait(service->handle, loop_queue(op->target.home->loop),
                                     op->target.token, &err);
  if (status == NATS_OK && ms >= 0) op_expire_after(op, ms);
  return method_result(interp, op_started(op, status, err), op);
}

/* Abandon: ends the endpoints, and gives open requests up; how many these were. */
static int abandon_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                          Tcl_Obj *const objv[]) {
  (void)data, (void)objc, (void)objv;
  Service *service = method_service(interp, context);
  if (!service) return TCL_ERROR;
  const Tcl_WideInt count = service->open.numEntries;
  service_abandon(service);
  Tcl_SetObjResult(interp, Tcl_NewWideIntObj(count));
  return TCL_OK;
}

/* service_methods CLASS: adds the methods of a service to the class. */
static int service_methods_cmd(ClientData data, Tcl_Interp *interp, int objc,
                               Tcl_Obj *const objv[]) {
  static const Tcl_MethodType HIDDEN[] = {
      {TCL_OO_METHOD_VERSION_1, "Endpoint", endpoint_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "StatsRequests", stats_requests_method, NULL, NULL},
      {TCL_OO_METHOD_VERSION_1, "Abandon", abandon_method, NULL, NULL},
  };
  static const Tcl_MethodType TELL = {TCL_OO_METHOD_VERSION_1, "tell", telling_method, NULL, NULL};
  static const Tcl_MethodType WAIT = {TCL_OO_METHOD_VERSION_1, "wait", waiting_method, NULL, NULL};
  static const Tcl_MethodType RESET = {TCL_OO_METHOD_VERSION_1, "reset", reset_method, NULL, NULL};
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(HIDDEN[i].name, -1), 0, &HIDDEN[i], NULL);
  }
  for (size_t i = 0; i < sizeof ACCOUNTS / sizeof *ACCOUNTS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(ACCOUNTS[i].name, -1), 1, &TELL,
                  (ClientData)&ACCOUNTS[i]);
  }
  for (size_t i = 0; i < sizeof WAITINGS / sizeof *WAITINGS; i++) {
    Tcl_NewMethod(interp, class, Tcl_NewStringObj(WAITINGS[i].name, -1), 0, &WAIT,
                  (ClientData)&WAITINGS[i]);
  }
  add_method(interp, class, &RESET);
  answer_methods(interp, class);
  return TCL_OK;
}

void service_commands(Tcl_Interp *interp) {
  add_command(interp, "attach_service", attach_cmd);
  add_command(interp, "service_methods", service_methods_cmd);
}
