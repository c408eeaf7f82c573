/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that the host supplies: a program declares them with `host fn`,
 * a registry has them by name and signature, a call of one runs C code of the
 * host's with arguments read in the heap and a result written into it.
 *
 * Such a function is the kernel's code, not the process's: it is trusted with
 * all memory, must return soon, and never lets this kernel run. What it gives
 * is checked against the signature all the same, and a wrong result ends the
 * process that called.
 */
#ifndef INTERP_HOST_H
#define INTERP_HOST_H

#include "interp/native.h"
#include "interp/signature.h"

struct interp_host_call;

/*
 * Answers a call: 0 when a result was given (a function without one gives
 * nothing); anything else, or interp_host_fail(): it failed.
 */
typedef int (*interp_host_fn)(void *context, struct interp_host_call *call);

struct interp_host_function {
    const char *name;
    const char *text; /* its signature, for messages */
    struct interp_signature signature;
    interp_host_fn fn;
    void *context;
};

/* How to call fn(arg) as the kernel's code from within a process's run. */
typedef void (*interp_home_fn)(void (*fn)(void *arg), void *arg);

/* Read when a module is laid out; nothing of it is needed later. */
struct interp_hosts {
    const struct interp_host_function *functions;
    uint32_t count;
    interp_home_fn home; /* NULL: a plain call, where no guard is set around runs */
    bool is_late;        /* one that there is not traps when it is called, instead of being refused */
};

/* ---- arguments ---------------------------------------------------------------- */

/*
 * By their places in the signature, from 0. An argument that is asked for as
 * another type than it has, or where there is none, gives 0, and the call
 * fails whatever its result. T? that is None gives 0 too. Spans are valid
 * until something is given that is a reference (a Str, Bytes or a list).
 */
bool interp_host_is_some(struct interp_host_call *call, uint32_t index); /* of T? */
int64_t interp_host_int(struct interp_host_call *call,
                        uint32_t index); /* Int, Duration in nanoseconds, Bool 0 or 1 */
double interp_host_float(struct interp_host_call *call, uint32_t index);
struct vk_span interp_host_text(struct interp_host_call *call, uint32_t index); /* Str, Bytes */

/* Items of a List<T>; `at` beyond the length is a wrong argument as above. */
uint64_t interp_host_len(struct interp_host_call *call, uint32_t index);
int64_t interp_host_int_at(struct interp_host_call *call, uint32_t index, uint64_t at);
double interp_host_float_at(struct interp_host_call *call, uint32_t index, uint64_t at);
struct vk_span interp_host_text_at(struct interp_host_call *call, uint32_t index, uint64_t at);

/* ---- the result ------------------------------------------------------------------ */

/*
 * Each returns 0; -VK_EINVAL when the signature has another result or there is
 * one already; -VK_EMALFORMED for a Str that is no UTF-8; -VK_ENOMEM when the
 * heap of the process, its quota, has no room. What was refused once makes
 * the call fail, unless a want of room is followed by a result that fits.
 * Bytes are copied; they may be those of an argument.
 */
int interp_host_give_int(struct interp_host_call *call, int64_t value); /* Int, Duration, Bool */
int interp_host_give_float(struct interp_host_call *call, double value);
int interp_host_give_text(struct interp_host_call *call, struct vk_span text);
int interp_host_give_none(struct interp_host_call *call); /* of T? */

/* A List<T>: opened, with room for so many, then its items. One that was not opened was not given. */
int interp_host_give_list(struct interp_host_call *call, uint32_t room);
int interp_host_push_int(struct interp_host_call *call, int64_t value);
int interp_host_push_float(struct interp_host_call *call, double value);
int interp_host_push_text(struct interp_host_call *call, struct vk_span text);

/*
 * It failed, for this reason, UTF-8 of which INTERP_HOST_WORDS_MAX bytes are
 * kept: where the signature's result is a Result, that is its Err; else the
 * process ends with it. Returns -VK_EIO, for the host function to return.
 */
int interp_host_fail(struct interp_host_call *call, struct vk_span why);

/* The name and the process of the call. */
const char *interp_host_name(const struct interp_host_call *call);
struct proc_self *interp_host_self(const struct interp_host_call *call);

/* ---- linking: interp/image.c -------------------------------------------------------- */

/* A function of the host as a module's image has it. */
struct interp_host_link {
    interp_host_fn fn; /* NULL: there is none, and a call traps */
    void *context;
    interp_home_fn home;
    const char *name;
    struct interp_signature signature;
    bool is_plain; /* the result is a scalar, a text or a list by itself: what was given is all of it */
    uint8_t places[INTERP_HOST_PARAMS_MAX]; /* of each parameter in the call's window */
};

/* How many of the module's natives the host supplies. */
uint32_t interp_host_count(const struct interp_module *module);

/* Links one of them, of a verified module; NULL: *ret_why says why not. */
interp_native_fn interp_host_link(const struct interp_module *module, const struct interp_import *import,
                                  const struct interp_hosts *hosts, struct interp_host_link *ret_link,
                                  const char **ret_why);

/*
 * Why the native at that place was refused, in whole: the name, the signature
 * that the module has and the one that the host has. For one that no host supplies, false.
 */
bool interp_host_explain(const struct interp_module *module, const struct interp_hosts *hosts, uint32_t at,
                         struct vk_out *out);

#endif
