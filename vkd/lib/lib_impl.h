/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libvk share. Everything here is private to the library. */
#ifndef VKD_LIB_LIB_IMPL_H
#define VKD_LIB_LIB_IMPL_H

#include "vk/err.h" /* before vk.h, which has the same errors for those outside */

#include "include/vk.h"
#include "net/bind/host.h"
#include "net/linux/io.h"
#include "proc/native.h"
#include "vkd/verified.h"

#include <stdatomic.h>

struct vk_kernel {
    struct vk_allocator allocator;
    vk_log_fn log;
    void *log_context;
    struct proc_io *io;
    struct proc_kernel *proc;
    struct proc_sink nobody; /* takes completions that mean nothing */
    uint64_t thread;         /* the number of the one that created it */
    uint32_t *present;       /* 1 in the process that created it: a page that a fork wipes */
    bool is_stepping;        /* or ending, or calling the host: it may be neither stepped nor destroyed */
    atomic_bool is_stopped;  /* vk_stop was called and vk_run has not seen it yet */
    uint32_t conns_max;      /* of options */
    struct vk_module *modules;
    struct vk_program *programs;
    struct vkd_host_function *functions; /* of the host's: host.c */
    uint32_t functions_count;
    bool is_in_host; /* a function of the host's runs in the middle of a process's turn */

    struct net_server *server; /* of native programs; NULL: none listens */
    uint32_t asks_open;        /* whose answer was not given yet */
    bool is_draining;
    uint64_t drain_ns;          /* then: when what is not answered is cut off */
    struct proc_timer unlisten; /* while it drains */
    struct vkd_ask *asks_free;
    struct vk_fifo answers; /* asks whose answer is there; called back at the end of the tick */
    struct proc_later later;
    bool has_natives;          /* counted: native programs without protection keys */
    bool is_ending;            /* destruction is under way: nothing new begins */
    struct vkd_lib_loop *loop; /* NULL: it is not on a loop of the host's */
};

struct vk_module {
    struct vk_kernel *kernel;
    struct vk_module *next;
    uint8_t *file; /* the host allocator's, as host_memory */
    size_t file_bytes;
    size_t file_room;
    void *host_memory;
    size_t host_bytes;
    struct vkd_verified code;
    struct net_bind_host host;
    struct net_bind_hosted hosted;
    struct vk_function *functions;
    uint32_t calls; /* of them that have no answer yet */
};

/* A function of a module, with the quotas of its calls. */
struct vk_function {
    struct vk_module *module;
    struct vk_function *next;
    struct interp_exported exported;
    struct interp_program program;
    uint64_t deadline_ns;
};

/* Where a native program serves. */
struct vkd_handler {
    struct vkd_handler *next;
    struct net_handler handler;
};

struct vk_program {
    struct vkd_handler *handlers;
    struct vk_kernel *kernel;
    struct vk_program *next;
    struct proc_program program;
    struct proc_native native;
    char *name; /* a copy */
    size_t name_room;
};

#define VKD_ASK_SMALL_BYTES 64u

/* Something that the host asked and is to be told about. */
struct vkd_ask {
    struct vk_kernel *kernel;
    struct vkd_ask *next_free;
    struct vk_link link; /* in kernel->answers */
    vk_answer_fn fn;     /* NULL: nobody is told */
    void *context;
    vk_pid about;
    uint64_t target;     /* of a courier: the process that it goes to; 0: the process itself answers */
    uint64_t timeout_ns; /* of a courier that calls; 0: none */
    uint64_t said;       /* by a courier */
    bool is_monitor;     /* of a courier */
    bool is_spawn;       /* the end is the answer, with or without bytes */
    bool is_answered;
    struct vk_function *function; /* whose result the bytes are; NULL: of none */
    int error;
    enum proc_reason reason;
    uint64_t crash_id;
    uint32_t data_len; /* of the answer: in small, or in data when that has room */
    uint32_t words_len;
    uint32_t place_len;
    struct vk_buf data;
    /* These alone are not zeroed. */
    uint8_t small[VKD_ASK_SMALL_BYTES];
    uint8_t words[PROC_WORDS_MAX_BYTES];
    uint8_t place[PROC_WORDS_MAX_BYTES];
};

/* ---- check.c ---- */

/* Whoever calls is on the kernel's thread, in the process that created it. */
void vkd_lib_check(const struct vk_kernel *kernel);
uint64_t vkd_lib_thread(void);

/* What a version of the header had of a struct, by its last field there. */
#define VKD_LIB_BYTES_TO(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

/*
 * Copy options of the caller's header version: what it did not have is 0.
 * -VK_EINVAL no such size; -VK_ENOTSUP it sets what this library does not have.
 */
int vkd_lib_options(void *to, size_t to_bytes, size_t min_bytes, const void *from);

void *vkd_lib_alloc(struct vk_kernel *kernel, size_t len_bytes);             /* zeroed, aligned to 64; NULL */
void vkd_lib_free(struct vk_kernel *kernel, void *memory, size_t len_bytes); /* accepts NULL */

/* A line to the host, who wants them. */
void vkd_lib_log(struct vk_kernel *kernel, enum vk_level level, struct vk_span text);

/* The caller's thread has one kernel more, or less. -VK_EPERM: native programs run in another one. */
int vkd_lib_thread_get(void);
void vkd_lib_thread_put(const struct vk_kernel *kernel);
/* The kernel will have native programs. -VK_EPERM: other threads have kernels. */
int vkd_lib_natives_get(struct vk_kernel *kernel);

/* Whoever calls may start something, and a step follows. -VK_ECANCELED: the kernel ends. */
int vkd_lib_begin(struct vk_kernel *kernel);

/* ---- answer.c ---- */

extern const struct proc_kind vkd_lib_kind_ask;
struct vkd_ask *vkd_lib_ask_new(struct vk_kernel *kernel, vk_answer_fn fn, void *context);
void vkd_lib_ask_free(struct vkd_ask *ask);
void vkd_lib_asks_init(struct vk_kernel *kernel);
void vkd_lib_asks_fini(struct vk_kernel *kernel);

/* ---- host.c ---- */

/* The functions of the host's for modules; used during their loading alone. */
int vkd_lib_hosts_begin(struct vk_kernel *kernel, struct interp_hosts *ret_hosts);
void vkd_lib_hosts_end(struct vk_kernel *kernel, const struct interp_hosts *hosts);
void vkd_lib_hosts_fini(struct vk_kernel *kernel);

/* Answers that are there are given now; no process runs. */
void vkd_lib_asks_answer(struct vk_kernel *kernel);

/* ---- process.c ---- */

/*
 * Starts a process whose origin is the ask, which is gone when that fails. now:
 * it has run once when this returns.
 */
int vkd_lib_start(struct vkd_ask *ask, struct proc_spawn *spawn, bool now, vk_pid *ret_pid);
uint64_t vkd_lib_deadline(const struct vk_kernel *kernel, uint64_t after_ns); /* absolute; 0: none */

/* ---- value.c ---- */

/* Bytes of the arguments as a stream (interp/export.h), put there when `to` has room for all. -VK_EINVAL,
 * -VK_EMALFORMED. */
int vkd_lib_put_args(const struct interp_exported *exported, const struct vk_value *args, size_t count,
                     uint8_t *to, size_t to_bytes, size_t *ret_bytes);

/*
 * What a function gave, of a stream that points into it. items: of a list, of
 * the host's allocator, *ret_room bytes; NULL none. -VK_EIO: an Err, value being
 * its text; -VK_ENOMEM; -VK_EMALFORMED.
 */
int vkd_lib_get_result(struct vk_kernel *kernel, const struct interp_exported *exported,
                       struct vk_span stream, struct vk_value *ret_value, struct vk_value **ret_items,
                       size_t *ret_room);

/* ---- function.c ---- */

void vkd_lib_functions_fini(struct vk_module *module);

/* ---- native.c ---- */

void vkd_lib_programs_fini(struct vk_kernel *kernel);

/* ---- loop_ev.c ---- */

int vkd_lib_loop_create(struct vk_kernel *kernel, struct ev_loop *loop);
/* Something was begun or done outside of the loop's own step: it turns once more before it waits or ends. */
void vkd_lib_loop_turn(struct vk_kernel *kernel);
void vkd_lib_loop_destroy(struct vk_kernel *kernel); /* accepts one without */

/* ---- listen.c ---- */

/* The next server of the kernel, from NULL on; NULL: there are no more. */
struct net_server *vkd_lib_server_next(const struct vk_kernel *kernel, const struct net_server *server);
/* A new one of the kernel's: where that drains, it drains as the others do. */
void vkd_lib_server_made(const struct vk_kernel *kernel, struct net_server *server);
/* A listener of the kernel's driver. address NULL: `own`. */
int vkd_lib_open_listener(struct vk_kernel *kernel, const char *address, const struct proc_addr *own,
                          uint32_t *ret_listener, uint16_t *ret_port);
void vkd_lib_close_listener(struct vk_kernel *kernel, uint32_t listener);

/* ---- module.c ---- */

void vkd_lib_module_free(struct vk_module *module);

#endif
