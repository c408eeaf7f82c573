/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives: C functions that bytecode calls. A native finds its arguments in
 * the window of the call, says that it is done, traps, or waits for an op of
 * its own and is called again with the completion. Whatever allocates may
 * move every object: fetch references and pointers anew afterwards.
 */
#ifndef INTERP_NATIVE_H
#define INTERP_NATIVE_H

#include "interp/bytecode.h"
#include "proc/self.h"
#include "vk/bytes.h"

union interp_word {
    int64_t i;
    uint64_t u;
    double f;
};

enum interp_say {
    INTERP_DONE,  /* the result is in call->result */
    INTERP_WAIT,  /* for the op that interp_call_submit took */
    INTERP_TRAP,  /* for call->trap */
    INTERP_FULL,  /* ops[] is full: call again after the kernel took them */
    INTERP_AGAIN, /* its share of this turn is used: other processes go first, then it is called again */
    INTERP_PASS,  /* done, without a result; the other fibers that can run go first */
    INTERP_END,   /* the process ends normally, now */
};

struct interp_run;

struct interp_call {
    struct interp_run *run;
    const struct proc_done *done; /* the completion waited for; NULL at the first call */
    uint32_t step;                /* the native's own, kept over WAIT, FULL and AGAIN; 0 at first */
    uint16_t type;                /* of the result */
    uint8_t refs;                 /* parameters that are references */
    uint8_t trap;                 /* enum interp_trap */
    union interp_word result;     /* a scalar, or a reference */
    uint32_t cost;                /* reductions to charge, for bytes touched */
    int64_t left;                 /* reductions of this turn before this call */
};

typedef enum interp_say (*interp_native_fn)(struct interp_call *call);

/*
 * The signature is letters: the parameters, references first, '>', the
 * result. i scalar, S Str, B Bytes, O Option of Str, L list of Str, P Option
 * of Bytes, I list of scalars, T list of Str or of Bytes, V any list, * any
 * reference, - (result) nothing.
 */
struct interp_native {
    const char *name;
    const char *signature;
    interp_native_fn fn;
};

/* X(name, signature, function) of those every program has; the functions are natives.c's. */
#define INTERP_NATIVES(X)                         \
    X("str.find", "SS>i", str_find)               \
    X("str.slice", "Sii>S", str_slice)            \
    X("str.starts_with", "SS>i", str_starts_with) \
    X("str.ends_with", "SS>i", str_ends_with)     \
    X("str.lower", "S>S", str_lower)              \
    X("str.upper", "S>S", str_upper)              \
    X("str.trim", "S>S", str_trim)                \
    X("str.repeat", "Si>S", str_repeat)           \
    X("list.join", "LS>S", list_join)             \
    X("assert.part", "S>S", assert_part)          \
    X("log", "S>-", log_text)                     \
    X("sleep", "i>-", sleep_ns)                   \
    X("pass", ">-", pass_turn)                    \
    X("now", ">i", now_ns)                        \
    X("time", ">i", wall_s)

extern const struct interp_native interp_natives[]; /* the table of INTERP_NATIVES */

/* Those that compiled code needs of lists, references and its process; the functions are natives_list.c's. */
#define INTERP_LIST_NATIVES(X)                     \
    X("list.cut", "Vi>-", list_cut)                \
    X("list.order", "I>I", list_order)             \
    X("list.order_float", "I>I", list_order_float) \
    X("list.order_text", "T>I", list_order_text)   \
    X("ref.same", "**>i", ref_same)                \
    X("process.end", ">-", process_end)

extern const struct interp_native interp_list_natives[];

/* Conversions; a native NAME? says whether NAME has a value. The functions are natives_text.c's. */
#define INTERP_TEXT_NATIVES(X)                 \
    X("json.quote", "S>S", json_quote)         \
    X("json.float", "i>S", json_float)         \
    X("json.duration", "i>S", json_duration)   \
    X("str.debug", "S>S", str_debug)           \
    X("bytes.debug", "B>S", bytes_debug)       \
    X("json.write", "*B>S", interp_json_write) \
    X("json.read", "SB>*", interp_json_read)   \
    X("str.url_encode", "S>S", url_encode)     \
    X("str.html_escape", "S>S", html_escape)   \
    X("bytes.hex", "B>S", bytes_hex)           \
    X("bytes.base64", "B>S", bytes_base64)     \
    X("int.hex", "i>S", int_hex)               \
    X("duration.str", "i>S", duration_str)     \
    X("str.parse_int?", "S>i", is_int)         \
    X("str.parse_int", "S>i", parse_int)       \
    X("str.parse_float?", "S>i", is_float)     \
    X("str.parse_float", "S>i", parse_float)   \
    X("str.parse_bool?", "S>i", is_bool)       \
    X("str.parse_bool", "S>i", parse_bool)

extern const struct interp_native interp_text_natives[];

/* Arguments: references are counted from 0, scalars after them from 0 too. */
uint32_t interp_call_ref(const struct interp_call *call, uint32_t index);
union interp_word interp_call_scalar(const struct interp_call *call, uint32_t index);

/* A Str or Bytes argument, or any such object. Valid until the next allocation. */
struct vk_span interp_call_text(const struct interp_call *call, uint32_t index);
struct vk_span interp_text(const struct interp_run *run, uint32_t ref);

/*
 * A new Str (or Bytes) of len_bytes as the call's result, its bytes to be
 * written before anything else is allocated. NULL, and call->trap is set.
 */
uint8_t *interp_call_text_new(struct interp_call *call, uint16_t type, uint64_t len_bytes);

/* Give a copy of text, which must not lie in the heap, as the result. */
enum interp_say interp_call_give_text(struct interp_call *call, struct vk_span text);

enum interp_say interp_call_trap(struct interp_call *call, enum interp_trap trap);

/* The same as `fail` with that text, which must not lie in the heap. */
enum interp_say interp_call_fail(struct interp_call *call, struct vk_span text);

/*
 * Submit a copy of op for the calling fiber: return what this returns. Its
 * bytes may lie in the heap: they stay what they are until the kernel took
 * the op, wherever they move.
 */
enum interp_say interp_call_submit(struct interp_call *call, const struct proc_op *op);

/*
 * The bytes of the answer to an op with PROC_OP_LAND, empty when none came.
 * They are kept until this fiber's next op, or until it leaves them. The span
 * is valid until the next allocation.
 */
struct vk_span interp_call_landed(const struct interp_call *call);
void interp_call_leave(struct interp_call *call);

/* They become the result, a Str or Bytes, without a copy. For a Str they have been checked. */
enum interp_say interp_call_give_landed(struct interp_call *call, uint16_t type);

/* An op without a completion; false when ops[] is full. */
bool interp_submit_silent(struct interp_run *run, const struct proc_op *op);

/* Heap offset of the bytes of a text in the heap. */
uint32_t interp_text_off(uint32_t ref);

/* The same for an op, which needs bytes of the heap: a text of the image is copied. 0: out of memory. */
uint32_t interp_text_for_op(struct interp_call *call, uint32_t ref);

/* The text just given gets shorter; nothing was allocated since. */
void interp_call_cut(struct interp_call *call, uint32_t len_bytes);

/*
 * Bytes of the heap that never move, for what the kernel writes, as long as
 * the process lives. Their offset; 0: out of memory. May collect.
 */
uint32_t interp_pin(struct interp_run *run, uint32_t len_bytes);

/* Where a service keeps its own, below the objects: set by interp_choose_fn, 0 at first. */
void interp_keep(struct proc_self *self, uint32_t off);
uint32_t interp_kept(const struct proc_self *self);

/* The types of Str and Bytes in the running module. */
uint16_t interp_str_type(const struct interp_run *run);
uint16_t interp_bytes_type(const struct interp_run *run);

struct proc_self *interp_self(const struct interp_run *run);

#endif
