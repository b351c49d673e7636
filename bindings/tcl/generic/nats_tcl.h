/*
 * What the files of the Tcl extension share.
 *
 * One Loop per Tcl thread holds the thread's only nats_queue. Everything that the queue can speak
 * of is a Target with a token: an operation, a subscription, a connection or a JetStream. A Home is
 * one interpreter. All of it is used by the thread that made it only; the exceptions are
 * loop_wake(), question.c and log.c.
 */
#ifndef NATS_TCL_H
#define NATS_TCL_H

#include <stdint.h>

#include <tcl.h>
#include <tclOO.h>

#include <nats_ffi.h>

#ifndef TCL_SIZE_MAX
typedef int Tcl_Size;
#endif

#ifndef TCL_OO_METHOD_VERSION_1
#define TCL_OO_METHOD_VERSION_1 TCL_OO_METHOD_VERSION_CURRENT
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
typedef struct Js Js;
typedef struct Kv Kv;
typedef struct Service Service;
typedef struct Flow Flow;
typedef struct Op Op;
typedef struct Asked Asked;

typedef enum { OF_OP, OF_SUB, OF_CONN, OF_JS, OF_KV, OF_SERVICE, OF_FLOW } Kind;

/* What a token stands for; buckets, services and flows have none. Freed when the last reference
 * goes; `gone` once it is of no use. */
typedef struct Target {
  Kind kind;
  int refs;
  int gone;
  uint64_t token;
  Home *home;
} Target;

/* Words that are made once per interpreter: those of the dictionaries of messages and entries, and
 * commands. */
enum {
  WORD_HEADER,
  WORD_DATA,
  WORD_SUBJECT,
  WORD_REPLY,
  WORD_SUB_ID,
  WORD_ERROR,
  WORD_EMPTY,
  WORD_AWAIT,
  WORD_TAKE_LATER,
  WORD_BUCKET,
  WORD_KEY,
  WORD_VALUE,
  WORD_REVISION,
  WORD_CREATED,
  WORD_DELTA,
  WORD_OPERATION,
  WORD_SIZE,
  WORD_REQUEST,
  WORD_PUT, /* operations, in the library's order */
  WORD_DEL,
  WORD_PURGE,
  WORD_COUNT
};

/* A header as it came last in its place; text_kept() has the reason. */
typedef struct {
  Tcl_Obj *name;
  Tcl_Obj *value;
  Tcl_Obj *list; /* of `value` alone */
} Seen;

enum { SEEN_COUNT = 8 };

/* An interpreter. */
struct Home {
  int refs;
  int dead;
  int next_conn;
  uint64_t next_request;
  Tcl_Interp *interp;
  Loop *loop;
  Op *ops; /* those that belong to no connection yet */
  Tcl_HashTable conns;
  Tcl_Obj *words[WORD_COUNT];
  Seen seen[SEEN_COUNT];
};

struct Conn {
  Target target;
  int id;
  int utf8;                /* the settings of its object: */
  int dict;
  int64_t request_timeout;
  Tcl_Obj *inject;         /* NULL: nothing is added to headers */
  int injecting;
  int next_sub;
  nats_connection *nc;
  Tcl_Obj *header;         /* what `headers` was made of, for as long as it is published again */
  nats_headers *headers;
  Op *ops;
  Asked *asked;
  Js *streams;
  Kv *buckets;
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
  int consumes;     /* of a stream: its end is told as an event */
  Kv *kv;           /* the bucket that it watches; its messages are entries */
  Service *service; /* whose endpoint it is; its messages are requests */
  int more;         /* another look is needed once the batch is delivered */
  int listed;
  uint64_t delivered;
  uint64_t limit;
  Tcl_Obj *command; /* NULL: taken from by the script */
  Tcl_Obj *subject; /* of the last message; most have the same one */
  Tcl_Obj *reason;  /* why it has ended by itself, in words */
  Sub *next;
  Sub *previous;
  size_t at;
  size_t count;
  nats_msg *batch[SUB_BATCH];
};

/* What the value of a completion is. */
typedef enum {
  WANT_NOTHING,
  WANT_MESSAGE,
  WANT_CONNECTION,
  WANT_DOC,
  WANT_FETCHED,
  WANT_SUBSCRIPTION,
  /* of a bucket: */
  WANT_REVISION,
  WANT_ENTRY,
  WANT_VALUE,
  WANT_ENTRIES,
  WANT_BUCKET,
  WANT_CACHE,
  /* of a bucket of objects: */
  WANT_STORE,
  WANT_BYTES,
  WANT_WRITER,
  WANT_READER
} Want;

/* How a callback is called in the end. */
typedef enum {
  TELL_ANSWER, /* `timedOut answer` */
  TELL_WORD,   /* `timedOut answer error`: what JetStream has said */
  TELL_END,    /* `error`, empty when there was none */
  TELL_EACH    /* `timedOut message` for each, and once more when some are missing */
} Tell;

/* An operation under way. */
struct Op {
  Target target;
  Want want;
  Tell tell;
  Tcl_Size wanted; /* so many messages */
  int done;
  int dict;
  int outstanding; /* the library has still to complete it */
  nats_status status;
  Conn *conn;
  Sub *sub;         /* set while it waits for messages, or for the end, of a subscription */
  Sub *drains;      /* the subscription with a callback that it ends */
  Asked *asked;     /* of the connection that is being made */
  Kv *kv;           /* the bucket that it is about */
  Flow *flow;       /* the object that it begins to put or to read */
  nats_subscription *made; /* what it has made, until the script takes it */
  Tcl_Obj *listener;       /* the callback of that; NULL: taken from by the script */
  Tcl_Obj *value;   /* the result, or the text of the error */
  Tcl_Obj *refusal; /* what JetStream itself has said; NULL when it was not JetStream */
  Tcl_Obj *command; /* called when done */
  Tcl_Obj *resume;  /* called without arguments when done */
  Tcl_TimerToken timer;
  Op **list;
  Op *next;
  Op *previous;
};

/* A JetStream, as an object of the script has it. */
struct Js {
  Target target; /* its token is for what became of messages */
  Conn *conn;
  int64_t timeout;           /* of a wait for the server's word */
  nats_jetstream *handle;
  nats_publisher *publisher; /* made for the first message with a callback */
  uint64_t next;
  Tcl_HashTable callbacks;   /* of messages under way, by their numbers */
  nats_outcome *taken;       /* outcomes that wait to be told */
  size_t told;
  size_t count;
  size_t room;
  Js *after;
  Js *before;
};

/* An option of JetStream's methods: its name, the library's key and kind. */
typedef struct {
  const char *name;
  const char *key;
  const char *kind;
} Setting;

/* Their tables. */
typedef enum {
  FOR_JETSTREAM,
  FOR_PUBLISH,
  FOR_FETCH,
  FOR_CONSUME,
  FOR_ORDERED,
  FOR_PUSHED,
  FOR_BUCKET,
  FOR_CHANGE,
  FOR_WATCH,
  FOR_OBJECT_PUT,
  FOR_OBJECT_GET,
  FOR_OBJECT_WATCH,
  FOR_SERVICE,
  FOR_ENDPOINT,
  FOR_ASK,
} Table;

/* The kinds of values that options have; arguments.c has their names. */
typedef enum {
  ARG_ANY,
  ARG_GIVEN,
  ARG_BOOL,
  ARG_COUNT,
  ARG_NUMBER,
  ARG_TIMEOUT,
  ARG_CALLBACK
} ArgKind;

/* An option of a method, without its dash. */
typedef struct {
  const char *name;
  ArgKind kind;
} Option;

/* What a message that the program hands over consists of, empty where it has nothing. */
typedef struct {
  Tcl_Obj *subject;
  Tcl_Obj *data;
  Tcl_Obj *reply;
  Tcl_Obj *header;
} Fields;

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
Conn *no_conn(Tcl_Interp *interp);
Conn *home_conn(Home *home, Tcl_Obj *id);
void home_release(Home *home);
void target_hold(Target *target);
void target_release(Target *target);

/* connection.c */
Conn *conn_new(Home *home, nats_connection *nc, Asked *asked);
void conn_close(Conn *conn, nats_status reason);
void conn_event(Conn *conn, const nats_event *event);
void conn_free(Conn *conn);
void connection_commands(Tcl_Interp *interp);

/* subscription.c */
Sub *sub_new(Conn *conn, nats_subscription *handle, Tcl_Obj *command, int dict);
int sub_made(Tcl_Interp *interp, Op *op);
void sub_answers(Sub *sub, uint64_t limit);
Tcl_Obj *sub_number(const Sub *sub);
Sub *conn_sub(Conn *conn, Tcl_Obj *id);
void sub_wake(Sub *sub);
void sub_abandoned(Sub *sub);
void sub_close(Sub *sub, nats_status reason);
void sub_free(Sub *sub);
void subscription_commands(Tcl_Interp *interp);

/* delivery.c */
int sub_ready(Sub *sub);
int sub_deliver(Loop *loop, int most);
void sub_deliver_all(Conn *conn);
void sub_delist(Sub *sub);
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

/* result.c */
Tcl_Obj *result_take(Op *op, const nats_event *event, nats_status *status);
void result_discard(const Op *op, const nats_event *event);

/* request.c */
void request_commands(Tcl_Interp *interp);
void request_methods(Tcl_Interp *interp, Tcl_Class class);

/* publish.c */
void publish_methods(Tcl_Interp *interp, Tcl_Class class);

/* jetstream.c */
Js *method_js(Tcl_Interp *interp, Tcl_ObjectContext context);
void js_close(Js *js, nats_status reason);
void js_free(Js *js);
void jetstream_commands(Tcl_Interp *interp);

/* operations.c */
void operation_methods(Tcl_Interp *interp, Tcl_Class class);

/* store.c */
void js_outcomes(Js *js);
void js_forget_outcomes(Js *js, nats_status reason);
void store_methods(Tcl_Interp *interp, Tcl_Class class);

/* fetch.c */
Tcl_Obj *fetched_value(Conn *conn, nats_fetched *fetched);
void fetch_methods(Tcl_Interp *interp, Tcl_Class class);

/* consume.c */
void consume_methods(Tcl_Interp *interp, Tcl_Class class);

/* ack.c */
void ack_methods(Tcl_Interp *interp, Tcl_Class class);
void ack_commands(Tcl_Interp *interp);

/* settings.c */
int settings_read(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], Table table,
                  const Option *own, int count, Tcl_Obj **values, nats_doc **doc);
nats_str settings_json(nats_doc *doc);
int settings_started(Op *op, Table table, nats_status status, nats_error *err);
int settings_fail(Tcl_Interp *interp, Table table, nats_status status, nats_error *err);

/* ask.c */
void ask_methods(Tcl_Interp *interp, Tcl_Class class);

/* take.c */
void take_commands(Tcl_Interp *interp);
void take_methods(Tcl_Interp *interp, Tcl_Class class);

/* method.c */
Conn *method_conn(Tcl_Interp *interp, Tcl_ObjectContext context);
void add_method(Tcl_Interp *interp, Tcl_Class class, const Tcl_MethodType *type);
Tcl_Class class_arg(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]);
int method_result(Tcl_Interp *interp, int code, Op *op);
int method_continue(Tcl_Interp *interp, int count, Tcl_Obj *const *words);
int method_await(Tcl_Interp *interp, Home *home, Tcl_Obj *token);
void method_commands(Tcl_Interp *interp);

/* arguments.c */
int arguments_read(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], const Option *options,
                   int count, Tcl_Obj **values);
int64_t patience(int64_t timeout);
void arguments_commands(Tcl_Interp *interp);

/* options.c */
nats_status option_put(nats_doc *doc, const char *key, const char *kind, Tcl_Obj *value,
                       nats_error **err);
int options_json(Tcl_Interp *interp, Tcl_Obj *spec, nats_doc **doc, nats_str *json);
void options_commands(Tcl_Interp *interp);

/* value.c */
nats_str text_arg(Tcl_Obj *value, Tcl_DString *room);
int bytes_arg(Tcl_Interp *interp, const char *what, Tcl_Obj *value, nats_bytes *out);
int payload_arg(Tcl_Interp *interp, Tcl_Obj *value, int utf8, Tcl_DString *room, nats_bytes *out);
int prefix_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out);
int callback_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out);
Tcl_Obj *prefix_value(Tcl_Obj *prefix);
Tcl_Obj *text_value(const char *bytes, size_t length);
Tcl_Obj *text_kept(Tcl_Obj **slot, nats_str text);
Tcl_Obj *payload_value(nats_bytes payload, int utf8);

/* nkey.c */
Tcl_Obj *key_value(Tcl_Interp *interp, nats_nkey *key);
nats_nkey *key_arg(Tcl_Interp *interp, Tcl_Obj *name);
nats_str public_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_DString *room);
void nkey_commands(Tcl_Interp *interp);

/* jwt.c */
Tcl_Obj *text_taken(nats_text *text);
void jwt_commands(Tcl_Interp *interp);

/* creds.c */
void creds_commands(Tcl_Interp *interp);

/* headers.c */
int conn_headers(Conn *conn, Tcl_Obj *dict, nats_headers **out);
void conn_drop_headers(Conn *conn);
Tcl_Obj *headers_value(Home *home, const nats_msg *msg);
Tcl_Obj *headers_none(int32_t status);
void headers_forget(Home *home);

/* message.c */
Tcl_Obj *subject_value(const nats_msg *msg);
Tcl_Obj *reply_value(Home *home, const nats_msg *msg);
int message_arg(Tcl_Interp *interp, Tcl_Obj *msg, Fields *out);
void message_commands(Tcl_Interp *interp);
Tcl_Obj *message_dict(Home *home, const nats_msg *msg, Tcl_Obj *subject, int utf8,
                      int sub_id);
Tcl_Obj *no_responders_value(Home *home, int dict);

/* json.c */
Tcl_Obj *json_value(nats_str json);
Tcl_Obj *doc_value(nats_doc *doc);

/* error.c */
int fail(Tcl_Interp *interp, nats_status status, nats_error *err);
int fail_with(Tcl_Interp *interp, nats_status status, Tcl_Obj *text);
int fail_arg(Tcl_Interp *interp, const char *format, ...);
int fail_refused(Tcl_Interp *interp, nats_status status, Tcl_Obj *text, Tcl_Obj *refusal);
Tcl_Obj *error_code_value(nats_status status);
Tcl_Obj *refusal_value(const nats_error *err);
Tcl_Obj *failure_value(nats_status status, Tcl_Obj *text, Tcl_Obj *refusal);

/* question.c */
Asked *asked_new(Home *home, Tcl_Obj *commands);
nats_status asked_install(Asked *asked, nats_options *options, nats_error **err);
void asked_answer(Loop *loop);
int asked_waiting(Loop *loop);
void asked_stop(Asked *asked);
void asked_stop_all(void);

/* log.c */
void log_commands(Tcl_Interp *interp);
int log_waiting(Loop *loop);
void log_deliver(Loop *loop);
void log_forget(Loop *loop);

/* Adds a command of the namespace nats::core. */
void add_command(Tcl_Interp *interp, const char *name, Tcl_ObjCmdProc *proc);

#endif
