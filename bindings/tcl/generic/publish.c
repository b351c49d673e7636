/* Publishing. */
#include "nats_tcl.h"

/* publish CONN SUBJECT PAYLOAD REPLY HEADER */
static int publish_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_DString subject_room, reply_room, payload_room;
  nats_headers *headers;
  nats_bytes payload;
  nats_error *err = NULL;
  (void)data;
  if (objc != 6) {
    Tcl_WrongNumArgs(interp, 1, objv, "conn subject payload reply header");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[1]) : NULL;
  if (!conn || headers_arg(interp, objv[5], &headers) != TCL_OK) return TCL_ERROR;
  Tcl_DStringInit(&subject_room);
  Tcl_DStringInit(&reply_room);
  Tcl_DStringInit(&payload_room);
  int code = payload_arg(interp, objv[3], conn->utf8, &payload_room, &payload);
  if (code == TCL_OK) {
    nats_status status = nats_publish_msg(conn->nc, text_arg(objv[2], &subject_room),
                                          text_arg(objv[4], &reply_room), headers, payload, &err);
    if (status != NATS_OK) code = fail(interp, status, err);
  }
  nats_headers_free(headers);
  Tcl_DStringFree(&subject_room);
  Tcl_DStringFree(&reply_room);
  Tcl_DStringFree(&payload_room);
  return code;
}

void publish_commands(Tcl_Interp *interp) {
  add_command(interp, "publish", publish_cmd);
}
