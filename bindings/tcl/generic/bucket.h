/* Buckets of keys, as the files of the Tcl extension share them. */
#ifndef NATS_TCL_BUCKET_H
#define NATS_TCL_BUCKET_H

#include "nats_tcl.h"

/* A bucket of keys, as an object of the script has it, or its values in memory. */
struct Kv {
  Target target;
  Conn *conn;
  Tcl_Obj *name;
  nats_kv *handle;      /* NULL: not there yet, or values in memory */
  nats_kv_cache *cache;
  Kv *of;               /* whose values these are; NULL for a bucket */
  Kv *after;
  Kv *before;
};

/* bucket.c */
Kv *kv_attach(Tcl_Interp *interp, Tcl_Obj *object, Conn *conn, Tcl_Obj *name, Kv *of);
void kv_close(Kv *kv);
void kv_free(Kv *kv);
Kv *method_kv(Tcl_Interp *interp, Tcl_ObjectContext context);
Op *kv_op(Kv *kv, Want want, Tcl_Obj *command);
void kv_arrived(Op *op, const nats_event *event);
void kv_bind_methods(Tcl_Interp *interp, Tcl_Class class);
void kv_commands(Tcl_Interp *interp);

/* entry.c */
Tcl_Obj *entry_value(const Kv *kv, const nats_msg *msg, Want want, nats_error **err);
Tcl_Obj *entry_told(const Kv *kv, const nats_msg *msg);
Tcl_Obj *kv_result(Op *op, const nats_event *event, nats_status *status);
nats_status kv_reason(const Op *op, nats_status status, Tcl_Obj **text);

/* change.c */
void change_methods(Tcl_Interp *interp, Tcl_Class class);

/* lookup.c */
void lookup_methods(Tcl_Interp *interp, Tcl_Class class);

/* kv_watch.c */
void kv_watch_methods(Tcl_Interp *interp, Tcl_Class class);

/* cache.c */
void cache_methods(Tcl_Interp *interp, Tcl_Class class);

#endif
