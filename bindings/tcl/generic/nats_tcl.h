/*
 * What the files of the Tcl extension share.
 *
 * One Loop per Tcl thread holds the thread's only nats_queue. Everything that the queue can speak
 * of is a Target with a token: an operation, a subscription or a connection. A Home is one
 * interpreter. All of it is used by the thread that made it only; the exceptions are loop_wake()
 * and delay.c.
 */
#ifndef NATS_TCL_H
#define NATS_TCL_H

#include <stdint.h>

#include <tcl.h>

#include <nats_ffi.h>

#ifndef TCL_SIZE_MAX
typedef int Tcl_Size;
#endif

/* The oldest Tcl that a binary for this one's headers can be loaded into. */
#if TCL_MAJOR_VERSION < 9
#define TCL_NEEDED "8.6-"
#else
#define TCL_NEEDED "9.0"
#endif

typedef struct Loop Loop;
typedef struct Home Home;
typedef struct Conn Conn;
typedef struct Sub Sub;
typedef struct Op Op;
typedef struct Delay Delay;

typedef enum { OF_OP, OF_SUB, OF_CONN } Kind;

/* What a token stands for. Freed when the last reference goes; `gone` once it is of no use. */
typedef struct Target {
  Kind kind;
  int refs;
  int gone;
  uint64_t token;
  Home *home;
} Target;

/* The words that message dictionaries are made of, once per interpreter. */
enum { KEY_HEADER, KEY_DATA, KEY_SUBJECT, KEY_REPLY, KEY_SUB_ID, KEY_ERROR, KEY_COUNT };

/* An interpreter. */
struct Home {
  int refs;
  int dead;
  int next_conn;
  Tcl_Interp *interp;
  Loop *loop;
  Op *ops; /* those that belong to no connection yet */
  Tcl_HashTable conns;
  Tcl_Obj *keys[KEY_COUNT];
};

struct Conn {
  Target target;
  int id;
  int utf8;
  int next_sub;
  nats_connection *nc;
  Op *ops;
  Delay *delay;
  Tcl_Obj *on_event;
  Tcl_HashTable subs;
};

enum { SUB_BATCH = 64 };

/* A subscription, or the answers to a request. */
struct Sub {
  Target target;
  Conn *conn;
  nats_subscription *handle;
  int id;
  int dict;
  int answers;      /* of a request: called with `timedOut reply` */
  int waited_for;   /* of a request without callback: of use only while the script waits */
  int more;         /* another look is needed once the batch is delivered */
  int listed;
  uint64_t delivered;
  uint64_t limit;
  Tcl_Obj *command; /* NULL: taken from by the script */
  Sub *next;
  Sub *previous;
  size_t at;
  size_t count;
  nats_msg *batch[SUB_BATCH];
};

/* What the value of a completion is. */
typedef enum { WANT_NOTHING, WANT_MESSAGE, WANT_CONNECTION } Want;

/* An operation under way. */
struct Op {
  Target target;
  Want want;
  int done;
  int dict;
  int outstanding; /* the library has still to complete it */
  nats_status status;
  Conn *conn;
  Sub *sub;         /* set while it waits for messages, or for the end, of a subscription */
  Sub *drains;      /* the subscription with a callback that it ends */
  Delay *delay;     /* of the connection that is being made */
  Tcl_Obj *value;   /* the result, or the text of the error */
  Tcl_Obj *command; /* called with `timedOut reply` when done */
  Tcl_Obj *resume;  /* called without arguments when done */
  Tcl_TimerToken timer;
  Op **list;
  Op *next;
  Op *previous;
};

/* Subscriptions that have messages, in the order of their turns. */
typedef struct {
  Sub *first;
  Sub *last;
} Ready;

/* loop.c */
Loop *loop_get(Tcl_Interp *interp);
nats_queue *loop_queue(Loop *loop);
void loop_wake(Loop *loop);
void loop_hold(Loop *loop);
void loop_release(Loop *loop);
void loop_add(Loop *loop, Target *target);
void loop_remove(Loop *loop, Target *target);
Target *loop_find(Loop *loop, uint64_t token);
Ready *loop_ready(Loop *loop);

/* home.c */
void *allocate(size_t size);
Home *home_get(Tcl_Interp *interp);
void home_call(Home *home, Tcl_Obj *prefix, int count, Tcl_Obj *const *args);
Conn *home_conn(Home *home, Tcl_Obj *id);
void home_release(Home *home);
void target_hold(Target *target);
void target_release(Target *target);

/* connection.c */
Conn *conn_new(Home *home, nats_connection *nc, Delay *delay);
void conn_close(Conn *conn, nats_status reason);
void conn_event(Conn *conn, const nats_event *event);
void conn_free(Conn *conn);
void connection_commands(Tcl_Interp *interp);

/* subscription.c */
Sub *sub_new(Conn *conn, nats_subscription *handle, Tcl_Obj *command, int dict);
void sub_answers(Sub *sub, uint64_t limit);
Tcl_Obj *sub_number(const Sub *sub);
void sub_wake(Sub *sub);
void sub_abandoned(Sub *sub);
void sub_close(Sub *sub, nats_status reason);
void sub_free(Sub *sub);
void subscription_commands(Tcl_Interp *interp);

/* delivery.c */
int sub_ready(Sub *sub);
int sub_deliver(Loop *loop);
void sub_deliver_all(Conn *conn);
void sub_delist(Sub *sub);
void sub_call(Sub *sub, int count, Tcl_Obj **args);
Tcl_Obj *sub_message(Sub *sub, const nats_msg *msg);

/* op.c */
Op *op_new(Home *home, Conn *conn, Want want);
int op_started(Op *op, nats_status status, nats_error *err);
void op_complete(Op *op, const nats_event *event);
void op_end(Op *op, nats_status status, const char *text);
void op_forget(Op *op);
void op_expire_after(Op *op, int64_t ms);
void op_free(Op *op);
void op_commands(Tcl_Interp *interp);

/* request.c */
void request_commands(Tcl_Interp *interp);

/* publish.c */
void publish_commands(Tcl_Interp *interp);

/* options.c */
int options_json(Tcl_Interp *interp, Tcl_Obj *spec, nats_doc **doc, nats_str *json);
void options_commands(Tcl_Interp *interp);

/* value.c */
nats_str text_arg(Tcl_Obj *value, Tcl_DString *room);
int payload_arg(Tcl_Interp *interp, Tcl_Obj *value, int utf8, Tcl_DString *room, nats_bytes *out);
int prefix_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out);
Tcl_Obj *text_value(const char *bytes, size_t length);
Tcl_Obj *payload_value(nats_bytes payload, int utf8);

/* message.c */
int headers_arg(Tcl_Interp *interp, Tcl_Obj *dict, nats_headers **out);
Tcl_Obj *message_dict(Home *home, const nats_msg *msg, int utf8, int sub_id);
Tcl_Obj *no_responders_value(Home *home, int dict);

/* json.c */
Tcl_Obj *json_value(nats_str json);
Tcl_Obj *doc_value(nats_doc *doc);

/* error.c */
int fail(Tcl_Interp *interp, nats_status status, nats_error *err);
int fail_with(Tcl_Interp *interp, nats_status status, Tcl_Obj *text);
int fail_arg(Tcl_Interp *interp, const char *format, ...);
Tcl_Obj *error_code_value(nats_status status);

/* delay.c */
Delay *delay_new(Home *home, Tcl_Obj *command);
nats_status delay_install(Delay *delay, nats_options *options, nats_error **err);
void delay_answer(Loop *loop);
int delay_waiting(Loop *loop);
void delay_stop(Delay *delay);
void delay_stop_all(void);

/* Adds a command of the namespace nats::core. */
void add_command(Tcl_Interp *interp, const char *name, Tcl_ObjCmdProc *proc);

#endif
