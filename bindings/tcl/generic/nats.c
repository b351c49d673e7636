/* The extension's one entry: commands in the namespace nats::core, for the package's scripts. */
#include "bucket.h"
#include "service.h"

void add_command(Tcl_Interp *interp, const char *name, Tcl_ObjCmdProc *proc) {
  Tcl_Obj *full = Tcl_ObjPrintf("::nats::core::%s", name);
  Tcl_IncrRefCount(full);
  Tcl_CreateObjCommand(interp, Tcl_GetString(full), proc, NULL, NULL);
  Tcl_DecrRefCount(full);
}

/* handles: how many handles of the library are alive, for leak tests. */
static int handles_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 1) {
    Tcl_WrongNumArgs(interp, 1, objv, NULL);
    return TCL_ERROR;
  }
  Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)nats_library_handles()));
  return TCL_OK;
}

/* error_code NUMBER: the list {NATS ErrName} of one of the library's codes. */
static int error_code_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  int number;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "number");
    return TCL_ERROR;
  }
  if (Tcl_GetIntFromObj(interp, objv[1], &number) != TCL_OK) return TCL_ERROR;
  Tcl_SetObjResult(interp, error_code_value(number));
  return TCL_OK;
}

/* Called by `load`. */
DLLEXPORT int Nats_Init(Tcl_Interp *interp) {
  if (!Tcl_InitStubs(interp, TCL_NEEDED, 0) || !Tcl_OOInitStubs(interp)) return TCL_ERROR;
  if (nats_abi_version() != NATS_ABI_VERSION) {
    return fail_arg(interp, "the library and its header do not belong together");
  }
  Tcl_CreateNamespace(interp, "::nats", NULL, NULL);
  Tcl_CreateNamespace(interp, "::nats::core", NULL, NULL);
  add_command(interp, "handles", handles_cmd);
  add_command(interp, "error_code", error_code_cmd);
  arguments_commands(interp);
  options_commands(interp);
  nkey_commands(interp);
  jwt_commands(interp);
  creds_commands(interp);
  log_commands(interp);
  message_commands(interp);
  connection_commands(interp);
  subscription_commands(interp);
  take_commands(interp);
  request_commands(interp);
  op_commands(interp);
  method_commands(interp);
  jetstream_commands(interp);
  ack_commands(interp);
  kv_commands(interp);
  object_commands(interp);
  flow_commands(interp);
  service_commands(interp);
  return TCL_OK;
}
