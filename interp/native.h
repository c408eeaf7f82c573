/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives: C functions that bytecode calls. A native finds its arguments in
 * the window of the call, says that it is done, traps, or waits for an op of
 * its own and is called again with the completion. Whatever allocates may
 * move every object: fetch references and pointers anew afterwards.
 *
 * A native that finds no room says so by the trap MEMORY, and must have done
 * nothing yet that may not be done twice: when a large heap has to be
 * collected first, the native is called again, from the same step, with the
 * same completion.
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
    INTERP_DONE,    /* the result is in call->result */
    INTERP_WAIT,    /* for the op that interp_call_submit took */
    INTERP_TRAP,    /* for call->trap */
    INTERP_FULL,    /* ops[] is full: call again, with the same completion, after the kernel took them */
    INTERP_AGAIN,   /* its share of this turn is used: other processes go first, then it is called again */
    INTERP_PASS,    /* done, without a result; the other fibers that can run go first */
    INTERP_END,     /* the process ends normally, now */
    INTERP_COLLECT, /* the run loop's own: the heap is collected, then the native is called again */
};

#define INTERP_TEXT_HEAD_BYTES 8u /* of a text, before its bytes */

struct interp_run;
struct interp_host_link;

struct interp_call {
    struct interp_run *run;
    const union interp_word *args;       /* references, then scalars: until the next allocation */
    const struct proc_done *done;        /* the completion waited for; NULL at the first call */
    uint32_t step;                       /* the native's own, kept over WAIT, FULL and AGAIN; 0 at first */
    uint16_t type;                       /* of the result */
    uint8_t refs;                        /* parameters that are references */
    uint8_t scalars;                     /* and those that are not */
    uint8_t trap;                        /* enum interp_trap */
    union interp_word result;            /* a scalar, or a reference */
    uint32_t cost;                       /* reductions to charge, for bytes touched */
    int64_t left;                        /* reductions of this turn before this call */
    const struct interp_host_link *host; /* of a function that the host supplies: interp/host.h */
};

typedef enum interp_say (*interp_native_fn)(struct interp_call *call);

/*
 * The signature is letters: the parameters, references first, '>', the
 * result. i scalar, S Str, B Bytes, O Option of Str, L list of Str, P Option
 * of Bytes, I list of scalars, T list of Str or of Bytes, V any list, * any
 * reference, A an actor's address, H the handle of a stream, F any fiber,
 * - (result) nothing, r (result) whatever it is. Parameters that may be left
 * out: M a record, m any reference, n a scalar.
 */
struct interp_native {
    const char *name;
    const char *signature;
    interp_native_fn fn;
};

/*
 * The natives that every program has: X(name, signature, function); the
 * functions are declared in interp/natives_impl.h. NAME? says whether NAME has
 * a value. These are natives.c's and natives_search.c's.
 */
#define INTERP_NATIVES(X)                                \
    X("assert.part", "S>S", interp_assert_part)          \
    X("log", "S>-", interp_log)                          \
    X("sleep", "i>-", interp_sleep)                      \
    X("pass", ">-", interp_pass_turn)                    \
    X("now", ">i", interp_now)                           \
    X("time", ">i", interp_time)                         \
    X("ref.same", "**>i", interp_ref_same)               \
    X("process.end", ">-", interp_process_end)           \
    X("str.find", "SS>i", interp_text_find)              \
    X("bytes.find", "BB>i", interp_text_find)            \
    X("str.starts_with", "SS>i", interp_str_starts_with) \
    X("str.ends_with", "SS>i", interp_str_ends_with)     \
    X("str.replace", "SSS>S", interp_str_replace)        \
    X("str.split", "SS>L", interp_str_split)             \
    X("str.lines", "S>L", interp_str_lines)              \
    X("str.chars", "S>L", interp_str_chars)

extern const struct interp_native interp_natives[]; /* the table of INTERP_NATIVES */

/* Of lists: natives_list.c. */
#define INTERP_LIST_NATIVES(X)                            \
    X("list.cut", "Vi>-", interp_list_cut)                \
    X("list.join", "LS>S", interp_list_join)              \
    X("list.order", "I>I", interp_list_order)             \
    X("list.order_float", "I>I", interp_list_order_float) \
    X("list.order_text", "T>I", interp_list_order_text)

extern const struct interp_native interp_list_natives[];

/* Texts of texts, numbers, times and values, and back: natives_text.c, natives_number.c, json_*.c. */
#define INTERP_TEXT_NATIVES(X)                          \
    X("str.slice", "Sii>S", interp_str_slice)           \
    X("str.trim", "S>S", interp_str_trim)               \
    X("str.repeat", "Si>S", interp_str_repeat)          \
    X("str.lower", "S>S", interp_str_lower)             \
    X("str.upper", "S>S", interp_str_upper)             \
    X("str.bytes", "S>B", interp_str_bytes)             \
    X("str.debug", "S>S", interp_str_debug)             \
    X("str.url_encode", "S>S", interp_str_url_encode)   \
    X("str.url_decode", "S>O", interp_str_url_decode)   \
    X("str.html_escape", "S>S", interp_str_html_escape) \
    X("bytes.slice", "Bii>B", interp_bytes_slice)       \
    X("bytes.text", "B>O", interp_bytes_text)           \
    X("bytes.debug", "B>S", interp_bytes_debug)         \
    X("bytes.hex", "B>S", interp_bytes_to_hex)          \
    X("bytes.base64", "B>S", interp_bytes_to_base64)    \
    X("from_hex", "S>P", interp_from_hex)               \
    X("from_base64", "S>P", interp_from_base64)         \
    X("json.quote", "S>S", interp_json_quote)           \
    X("json.float", "i>S", interp_json_float)           \
    X("json.duration", "i>S", interp_json_duration)     \
    X("json.write", "*B>S", interp_json_write)          \
    X("json.read", "SB>*", interp_json_read)            \
    X("int.hex", "i>S", interp_int_to_hex)              \
    X("float.abs", "i>i", interp_float_abs)             \
    X("float.floor", "i>i", interp_float_floor)         \
    X("float.ceil", "i>i", interp_float_ceil)           \
    X("float.trunc", "i>i", interp_float_trunc)         \
    X("float.round", "i>i", interp_float_round)         \
    X("duration.str", "i>S", interp_duration_str)       \
    X("random", "i>i", interp_random)                   \
    X("rfc3339", "i>S", interp_rfc3339)                 \
    X("http_date", "i>S", interp_http_date)             \
    X("parse_rfc3339?", "S>i", interp_is_rfc3339)       \
    X("parse_rfc3339", "S>i", interp_parse_rfc3339)     \
    X("str.parse_int?", "S>i", interp_is_int)           \
    X("str.parse_int", "S>i", interp_parse_int)         \
    X("str.parse_float?", "S>i", interp_is_float)       \
    X("str.parse_float", "S>i", interp_parse_float)     \
    X("str.parse_bool?", "S>i", interp_is_bool)         \
    X("str.parse_bool", "S>i", interp_parse_bool)

extern const struct interp_native interp_text_natives[];

/* Arguments: references are counted from 0, scalars after them from 0 too. */
VK_INLINE uint32_t interp_call_ref(const struct interp_call *call, uint32_t index)
{
    return (uint32_t)call->args[index].u;
}

VK_INLINE union interp_word interp_call_scalar(const struct interp_call *call, uint32_t index)
{
    return call->args[call->refs + index];
}

/* A Str or Bytes argument, or any such object. Valid until the next allocation. */
struct vk_span interp_call_text(const struct interp_call *call, uint32_t index);
struct vk_span interp_text(const struct interp_run *run, uint32_t ref);

/* A list of Str or Bytes. */
uint64_t interp_list_len(const struct interp_run *run, uint32_t list);
struct vk_span interp_list_text(const struct interp_run *run, uint32_t list, uint64_t index);

/* The text becomes shorter where it lies. */
void interp_shorten(struct interp_run *run, uint32_t ref, uint32_t len_bytes);

/* The type of an object. */
uint16_t interp_type_of(const struct interp_run *run, uint32_t ref);

/* A handle as the call's result, whose type says what it is of. 0: out of memory. */
uint32_t interp_call_handle(struct interp_call *call, uint64_t handle);

/*
 * A new Str (or Bytes) of len_bytes as the call's result, its bytes to be
 * written before anything else is allocated. NULL, and call->trap is set.
 */
uint8_t *interp_call_text_new(struct interp_call *call, uint16_t type, uint64_t len_bytes);

/* Give a copy of text, which must not lie in the heap, as the result. */
enum interp_say interp_call_give_text(struct interp_call *call, struct vk_span text);

enum interp_say interp_call_trap(struct interp_call *call, enum interp_trap trap);
/* The same with what is to be said behind the trap's own text, which must not lie in the heap. */
enum interp_say interp_call_trap_text(struct interp_call *call, enum interp_trap trap, struct vk_span text);

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
/* The same, and their room is free again at once where it can be. Nothing has been given. */
void interp_call_drop(struct interp_call *call);

/* They become the result, a Str or Bytes, without a copy. For a Str they have been checked. */
enum interp_say interp_call_give_landed(struct interp_call *call, uint16_t type);

/*
 * After a want of room: whether a collection is to come that may make it.
 * Then the answer is the trap MEMORY, whatever else the native would do
 * without the room.
 */
bool interp_call_collects(const struct interp_call *call);

/* Before the trap MEMORY: if a collection goes first, the native is called again at that step. */
void interp_call_restart(const struct interp_call *call, uint32_t step);

/* An op without a completion; false when ops[] is full. */
bool interp_submit_silent(struct interp_run *run, const struct proc_op *op);

/* Heap offset of the bytes of a text in the heap. */
VK_INLINE uint32_t interp_text_off(uint32_t ref)
{
    return ref + INTERP_TEXT_HEAD_BYTES;
}

/* The same for an op, which needs bytes of the heap: a text of the image is copied. 0: out of memory. */
uint32_t interp_text_for_op(struct interp_call *call, uint32_t ref);
/* len_bytes of it from a place on. */
uint32_t interp_part_for_op(struct interp_call *call, uint32_t ref, uint32_t from, uint32_t len_bytes);

/* Bytes that the heap has for objects and for their copies. */
uint32_t interp_call_heap_bytes(const struct interp_call *call);

/* The text just given gets shorter; nothing was allocated since. */
void interp_call_cut(struct interp_call *call, uint32_t len_bytes);

/* Where a service keeps its own, below the objects: set by interp_choose_fn, 0 at first. */
void interp_keep(struct proc_self *self, uint32_t off);
uint32_t interp_kept(const struct proc_self *self);

/* An object that a service keeps: a reference that the collector knows, 0 at first. */
uint32_t *interp_held(struct interp_run *run);

/* interp_program.service */
const void *interp_service(const struct interp_run *run);

/* The types of Str and Bytes in the running module. */
uint16_t interp_str_type(const struct interp_run *run);
uint16_t interp_bytes_type(const struct interp_run *run);

struct proc_self *interp_self(const struct interp_run *run);

#endif
