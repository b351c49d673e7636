/*
 * Documents as Tcl values: objects become dictionaries, arrays lists; true, false and null become
 * these words. Only documents of the library are read, so the text is known to be well-formed.
 */
#include <stdlib.h>
#include <string.h>

#include "nats_tcl.h"

typedef struct {
  const char *at;
  const char *end;
} Reader;

static Tcl_Obj *value(Reader *r);

static void skip(Reader *r) {
  while (r->at < r->end && strchr(" \t\r\n,:", *r->at)) r->at++;
}

static unsigned hex4(Reader *r) {
  unsigned code = 0;
  for (int i = 0; i < 4 && r->at < r->end; i++, r->at++) {
    char digit[2] = {*r->at, 0};
    code = code * 16 + (unsigned)strtoul(digit, NULL, 16);
  }
  return code;
}

static void put_utf8(Tcl_DString *out, unsigned c) {
  char bytes[4];
  int count = 0;
  if (c < 0x80) {
    bytes[count++] = (char)c;
  } else if (c < 0x800) {
    bytes[count++] = (char)(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    bytes[count++] = (char)(0xE0 | c >> 12);
    bytes[count++] = (char)(0x80 | (c >> 6 & 0x3F));
  } else {
    bytes[count++] = (char)(0xF0 | c >> 18);
    bytes[count++] = (char)(0x80 | (c >> 12 & 0x3F));
    bytes[count++] = (char)(0x80 | (c >> 6 & 0x3F));
  }
  if (c >= 0x80) bytes[count++] = (char)(0x80 | (c & 0x3F));
  Tcl_DStringAppend(out, bytes, count);
}

static void escape(Reader *r, Tcl_DString *out) {
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  const char c = *r->at++;
  const char *known = strchr(from, c);
  if (c == 'u') {
    unsigned code = hex4(r);
    if (code >= 0xD800 && code < 0xDC00 && r->end - r->at > 1 && r->at[0] == '\\') {
      r->at += 2;
      code = 0x10000 + ((code - 0xD800) << 10) + (hex4(r) - 0xDC00);
    }
    put_utf8(out, code);
  } else {
    Tcl_DStringAppend(out, known ? &to[known - from] : &c, 1);
  }
}

static Tcl_Obj *string(Reader *r) {
  Tcl_DString out;
  Tcl_DStringInit(&out);
  r->at++;
  while (r->at < r->end && *r->at != '"') {
    if (*r->at == '\\' && r->end - r->at > 1) {
      r->at++;
      escape(r, &out);
    } else {
      Tcl_DStringAppend(&out, r->at++, 1);
    }
  }
  r->at++;
  Tcl_Obj *text = text_value(Tcl_DStringValue(&out), (size_t)Tcl_DStringLength(&out));
  Tcl_DStringFree(&out);
  return text;
}

static Tcl_Obj *container(Reader *r, char close) {
  Tcl_Obj *out = close == '}' ? Tcl_NewDictObj() : Tcl_NewListObj(0, NULL);
  r->at++;
  for (skip(r); r->at < r->end && *r->at != close; skip(r)) {
    Tcl_Obj *item = value(r);
    if (close == '}') {
      skip(r);
      Tcl_DictObjPut(NULL, out, item, value(r));
    } else {
      Tcl_ListObjAppendElement(NULL, out, item);
    }
  }
  r->at++;
  return out;
}

static Tcl_Obj *value(Reader *r) {
  skip(r);
  if (r->at >= r->end) return Tcl_NewObj();
  if (*r->at == '{') return container(r, '}');
  if (*r->at == '[') return container(r, ']');
  if (*r->at == '"') return string(r);
  const char *start = r->at;
  while (r->at < r->end && !strchr(",]} \t\r\n", *r->at)) r->at++;
  return Tcl_NewStringObj(start, (Tcl_Size)(r->at - start));
}

/* The value of a JSON text that the library has written. */
Tcl_Obj *json_value(nats_str json) {
  Reader reader = {json.ptr, json.ptr + json.len};
  return value(&reader);
}

/* The value of a document, which is freed. */
Tcl_Obj *doc_value(nats_doc *doc) {
  nats_str json = {NULL, 0};
  Tcl_Obj *out = nats_doc_json(doc, &json, NULL) == NATS_OK ? json_value(json) : Tcl_NewDictObj();
  nats_doc_free(doc);
  return out;
}
