/* Services, as the files of the Tcl extension share them. */
#ifndef NATS_TCL_SERVICE_H
#define NATS_TCL_SERVICE_H

#include "nats_tcl.h"

/* A service, as an object of the script has it. Its endpoints are subscriptions of the connection.
 * */
struct Service {
  Target target;
  Conn *conn;
  nats_service *handle;
  Tcl_HashTable open; /* requests that are not answered yet, by their numbers */
};

/* service.c */
void service_free(Service *service);
Service *method_service(Tcl_Interp *interp, Tcl_ObjectContext context);
Op *service_op(Service *service, Want want, Tcl_Obj *command);
void service_abandon(Service *service);
void service_commands(Tcl_Interp *interp);

/* answer.c */
Tcl_Obj *service_request(Sub *sub, nats_msg *msg);
void answer_methods(Tcl_Interp *interp, Tcl_Class class);

#endif
