/* Buckets of keys and of objects, as the files of the Tcl extension share them. */
#ifndef NATS_TCL_BUCKET_H
#define NATS_TCL_BUCKET_H

#include "nats_tcl.h"

/* A bucket of keys, as an object of the script has it, its values in memory, or a bucket of
 * objects. */
struct Kv {
  Target target;
  Conn *conn;
  Tcl_Obj *name;
  nats_kv *handle;          /* one of these three, once it is there */
  nats_kv_cache *cache;
  nats_object_store *store;
  Kv *of;                   /* whose values these are; NULL for a bucket */
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

/* An object that is being put or read, as an object of the script has it. */
struct Flow {
  Target target;
  Kv *kv;
  nats_object_writer *writer; /* one of these two, once it is there */
  nats_object_reader *reader;
};

/* object.c */
Tcl_Obj *object_told(const Kv *kv, const nats_msg *msg);
void object_bind_methods(Tcl_Interp *interp, Tcl_Class class);
void object_commands(Tcl_Interp *interp);

/* flow.c */
void flow_arrived(Op *op, const nats_event *event);
void flow_free(Flow *flow);
void flow_methods(Tcl_Interp *interp, Tcl_Class class);
void flow_commands(Tcl_Interp *interp);

#endif
