/* What a connection asks services. */
#include <string.h>

#include "nats_tcl.h"

typedef nats_status (*Ask)(nats_connection *nc, nats_str input, nats_queue *queue, uint64_t token,
                           nats_error **err);

static const struct {
  const char *what;
  Ask ask;
} ASKS[] = {{"ping", nats_services_ping_async},
            {"info", nats_services_info_async},
            {"stats", nats_services_stats_async}};

enum { COUNT = sizeof ASKS / sizeof *ASKS };

/* Discover what ?-option value ...?: a dictionary of `services` and `errors`. */
static int discover_method(ClientData data, Tcl_Interp *interp, Tcl_ObjectContext context, int objc,
                           Tcl_Obj *const objv[]) {
  const int at = Tcl_ObjectContextSkippedArgs(context);
  int which = 0;
  nats_doc *doc;
  nats_error *err = NULL;
  (void)data;
  if (objc < at + 1) {
    Tcl_WrongNumArgs(interp, at, objv, "ping|info|stats ?-option value ...?");
    return TCL_ERROR;
  }
  const char *word = Tcl_GetString(objv[at]);
  while (which < COUNT && strcmp(ASKS[which].what, word) != 0) which++;
  if (which == COUNT) {
    return fail_arg(interp, "what: expected ping, info or stats, not \"%.40s\"", word);
  }
  Conn *conn = method_conn(interp, context);
  if (!conn || settings_read(interp, objc - at - 1, objv + at + 1, FOR_ASK, NULL, 0, NULL, &doc) !=
                   TCL_OK) {
    return TCL_ERROR;
  }
  Op *op = op_new(conn->target.home, conn, WANT_DOC);
  nats_status status = ASKS[which].ask(conn->nc, settings_json(doc),
                                       loop_queue(conn->target.home->loop), op->target.token, &err);
  nats_doc_free(doc);
  return method_result(interp, settings_started(op, FOR_ASK, status, err), op);
}

void ask_methods(Tcl_Interp *interp, Tcl_Class class) {
  static const Tcl_MethodType TYPE = {TCL_OO_METHOD_VERSION_1, "Discover", discover_method, NULL,
                                      NULL};
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(TYPE.name, -1), 0, &TYPE, NULL);
}
