/* Texts and payloads between Tcl and the library. */
#include <string.h>

#include "nats_tcl.h"

/* Whether all bytes are below 0x80. Looks at a block at a time, which compilers vectorise. */
static int is_ascii(const char *bytes, size_t length) {
  enum { BLOCK = 256 };
  unsigned char all = 0;
  size_t at = 0;
  for (; length - at >= BLOCK && all < 0x80; at += BLOCK) {
    for (size_t i = 0; i < BLOCK; i++) all |= (unsigned char)bytes[at + i];
  }
  for (; at < length; at++) all |= (unsigned char)bytes[at];
  return all < 0x80;
}

static Tcl_Encoding utf8_encoding(void) {
  static Tcl_ThreadDataKey key;
  Tcl_Encoding *encoding = Tcl_GetThreadData(&key, sizeof *encoding);
  if (!*encoding) *encoding = Tcl_GetEncoding(NULL, "utf-8");
  return *encoding;
}

/* The text of `value` as UTF-8; Tcl's own form differs for NUL and beyond U+FFFF. `room` must be
 * initialised and be freed by the caller; the view lives as long as `value` and `room`. */
nats_str text_arg(Tcl_Obj *value, Tcl_DString *room) {
  nats_str out;
  Tcl_Size length;
  const char *bytes = Tcl_GetStringFromObj(value, &length);
  out.ptr = bytes;
  out.len = (size_t)length;
  if (!is_ascii(bytes, out.len)) {
    Tcl_DStringFree(room);
    out.ptr = Tcl_UtfToExternalDString(utf8_encoding(), bytes, length, room);
    out.len = (size_t)Tcl_DStringLength(room);
  }
  return out;
}

/* Whether every character is a byte. */
static int is_binary(const char *bytes, Tcl_Size length) {
  const char *end = bytes + length;
  Tcl_UniChar c = 0;
  while (bytes < end) {
    bytes += Tcl_UtfToUniChar(bytes, &c);
    if (c > 0xFF) return 0;
  }
  return 1;
}

/* A byte array that has no other form yet is taken as it is, without making its text. */
static int is_pure_bytes(Tcl_Obj *value) {
  return value->typePtr && !value->bytes && strcmp(value->typePtr->name, "bytearray") == 0;
}

/* One byte per character; 0 when there are characters that are none. */
static int as_bytes(Tcl_Obj *value, nats_bytes *out) {
  Tcl_Size length;
  if (!is_pure_bytes(value)) {
    const char *bytes = Tcl_GetStringFromObj(value, &length);
    if (is_ascii(bytes, (size_t)length)) {
      *out = nats_bytes_of(bytes, (size_t)length);
      return 1;
    }
    if (!is_binary(bytes, length)) return 0;
  }
  const unsigned char *bytes = Tcl_GetByteArrayFromObj(value, &length);
  *out = nats_bytes_of(bytes, (size_t)length);
  return 1;
}

/* Bytes: one per character. `what` is what they are called. */
int bytes_arg(Tcl_Interp *interp, const char *what, Tcl_Obj *value, nats_bytes *out) {
  if (as_bytes(value, out)) return TCL_OK;
  return fail_arg(interp, "%s: expected bytes, found characters beyond U+00FF: encode them", what);
}

/* A payload: with `utf8` the text in UTF-8, otherwise one byte per character. */
int payload_arg(Tcl_Interp *interp, Tcl_Obj *value, int utf8, Tcl_DString *room, nats_bytes *out) {
  if (utf8) {
    nats_str text = text_arg(value, room);
    *out = nats_bytes_of(text.ptr, text.len);
    return TCL_OK;
  }
  if (as_bytes(value, out)) return TCL_OK;
  return fail_arg(interp, "the payload holds characters beyond U+00FF: encode it, or configure "
                          "-utf8_convert true");
}

/* A command prefix: a list of at least one word. */
int prefix_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out) {
  Tcl_Size words;
  if (Tcl_ListObjLength(NULL, value, &words) != TCL_OK || words == 0) {
    return fail_arg(interp, "invalid callback: expected a command prefix");
  }
  *out = value;
  return TCL_OK;
}

/* The same where none may be meant: NULL for an empty value. */
int callback_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj **out) {
  Tcl_Size length;
  *out = NULL;
  Tcl_GetStringFromObj(value, &length);
  return length == 0 ? TCL_OK : prefix_arg(interp, value, out);
}

/* A command prefix of its own, with one reference: as the words of a value that the program uses,
 * too, would be made anew whenever it has another form. */
Tcl_Obj *prefix_value(Tcl_Obj *prefix) {
  Tcl_Size count;
  Tcl_Obj **words;
  Tcl_ListObjGetElements(NULL, prefix, &count, &words);
  Tcl_Obj *value = Tcl_NewListObj(count, words);
  Tcl_IncrRefCount(value);
  return value;
}

/* Text from the network. Bytes that are not UTF-8 become one character each. */
Tcl_Obj *text_value(const char *bytes, size_t length) {
  /* Tcl writes NUL in two bytes. */
  if (is_ascii(bytes, length) && (length == 0 || !memchr(bytes, 0, length))) {
    return Tcl_NewStringObj(bytes, (Tcl_Size)length);
  }
  Tcl_DString room;
  Tcl_ExternalToUtfDString(utf8_encoding(), bytes, (Tcl_Size)length, &room);
  Tcl_Obj *value = Tcl_NewStringObj(Tcl_DStringValue(&room), Tcl_DStringLength(&room));
  Tcl_DStringFree(&room);
  return value;
}

/* The same for a text that often repeats: the value in `slot`, which is changed to another text. */
Tcl_Obj *text_kept(Tcl_Obj **slot, nats_str text) {
  Tcl_Size length;
  if (*slot) {
    const char *last = Tcl_GetStringFromObj(*slot, &length);
    /* Beyond ASCII the bytes of different texts may be Tcl's form of one. */
    if ((size_t)length == text.len && memcmp(last, text.ptr, text.len) == 0 &&
        is_ascii(last, text.len)) {
      return *slot;
    }
  }
  Tcl_Obj *value = text_value(text.ptr, text.len);
  Tcl_IncrRefCount(value);
  if (*slot) Tcl_DecrRefCount(*slot);
  *slot = value;
  return value;
}

/* A payload as a byte array, or as text with `utf8`. */
Tcl_Obj *payload_value(nats_bytes payload, int utf8) {
  if (utf8) return text_value((const char *)payload.ptr, payload.len);
  return Tcl_NewByteArrayObj(payload.ptr, (Tcl_Size)payload.len);
}
