/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service inside the kernel (net/, mailboxes, served handles) sees of
 * it: objects behind handles, ops in flight, sinks for I/O completions,
 * timers, work for the end of the tick, and starting processes. Trusted code
 * only; nothing here is visible to a process.
 */
#ifndef PROC_SERVICE_H
#define PROC_SERVICE_H

#include "proc/kernel.h"
#include "vk/err.h"
#include "vk/queue.h"
#include "vk/table.h"
#include "vk/wheel.h"

struct proc_process;
struct proc_req;

/* ---- objects behind handles --------------------------------------------- */

/* op's and deliver's answer when the op goes on: a proc_req was made for it. */
#define PROC_PENDING 1

/* deliver's answer when proc_land found no room: it is called again when the process has made some. */
#define PROC_NO_ROOM 2

/*
 * Behaviour of a kind of object. An object is a pointer or a number the kind
 * understands; the kernel only passes it on.
 */
struct proc_kind {
    const char *name;
    bool shareable; /* may be duplicated and stay with the giver when it goes along in a message */
    bool lands;     /* IN ops may have PROC_OP_LAND: bytes is NULL then, and deliver calls proc_land */

    /*
     * Carry out an op. bytes is the checked and open heap range of an IN or
     * OUT op, NULL for others. Returns 0 or -VK_E... when it is finished, with
     * done->len, arg, handle as the code says; PROC_PENDING after a
     * proc_req_begin that some proc_req_finish will end.
     */
    int (*op)(struct proc_kernel *kernel, struct proc_process *process, void *object,
              const struct proc_op *op, uint8_t *bytes, struct proc_done *done);

    /*
     * The same while the process runs (proc_op_now), of ops that finish at once, open no slot and end nobody.
     * false: it is not of that kind, and nothing was done. May be NULL: none is.
     */
    bool (*now)(struct proc_kernel *kernel, struct proc_process *process, void *object,
                const struct proc_op *op, uint8_t *bytes, struct proc_done *done);

    /*
     * The op will not be waited for any longer: forget req. Not called once it
     * is finished, unless its deliver was still to come. Required of kinds
     * whose ops go on.
     */
    void (*cancel)(struct proc_kernel *kernel, struct proc_req *req);

    /*
     * req was finished with deliver set and its process's heap is open: move
     * the bytes now and set req->done. PROC_PENDING to go on waiting.
     */
    int (*deliver)(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes);

    /* One more handle names the object. NULL when that needs no record. */
    void (*share)(struct proc_kernel *kernel, void *object);

    /*
     * Of a process's origin, when its deadline comes while it waits: whether it
     * waits for whoever is behind the object. Then the end is no crash of its own,
     * and the object has said to the other side what is to be said. May be NULL.
     */
    bool (*keeps_waiting)(struct proc_kernel *kernel, void *object);

    /* A handle is gone: closed, or its process ended. */
    void (*release)(struct proc_kernel *kernel, void *object, struct proc_process *process);
};

struct proc_object {
    const struct proc_kind *kind; /* NULL: none */
    void *object;
};

/* ---- I/O completions ------------------------------------------------------ */

struct proc_sink;
typedef void (*proc_sink_fn)(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                             const struct proc_io_event *event);

/* First member of whatever waits for completions; 16-byte aligned. */
struct proc_sink {
    proc_sink_fn on_event;
} __attribute__((aligned(16)));

/* The tag by which a completion finds its sink; kind is 0 .. 15. */
VK_INLINE uint64_t proc_tag(struct proc_sink *sink, uint32_t kind)
{
    return (uint64_t)(uintptr_t)sink | kind;
}

struct proc_io *proc_kernel_io(struct proc_kernel *kernel);

/* ---- time ------------------------------------------------------------------ */

struct proc_timer;
typedef void (*proc_timer_fn)(struct proc_kernel *kernel, struct proc_timer *timer);

struct proc_timer {
    struct vk_timer timer;
    proc_timer_fn fire;
};

uint64_t proc_now_ns(const struct proc_kernel *kernel);     /* of this tick */
const uint8_t *proc_date(const struct proc_kernel *kernel); /* PROC_DATE_BYTES characters */

/* (Re)arm; deadlines in the past fire in the next tick. */
void proc_timer_set(struct proc_kernel *kernel, struct proc_timer *timer, uint64_t deadline_ns);
void proc_timer_clear(struct proc_kernel *kernel, struct proc_timer *timer); /* idle ones are fine */

/* ---- work for later in this tick, or at the start of the next --------------- */

struct proc_later;
typedef void (*proc_later_fn)(struct proc_kernel *kernel, struct proc_later *later);

struct proc_later {
    struct vk_link link;
    proc_later_fn run;
    bool queued;
};

/* Runs once, after the processes of this tick; queueing a queued one changes nothing. */
void proc_later(struct proc_kernel *kernel, struct proc_later *later);

/* ---- memory and words --------------------------------------------------------- */

struct vk_region *proc_kernel_region(struct proc_kernel *kernel);
struct vk_bufs *proc_kernel_bufs(struct proc_kernel *kernel);
void proc_log(struct proc_kernel *kernel, enum proc_log_level level, struct vk_span text);
/* Whether a line about what goes on may be said again: each_ns after the last; *last_ns is 0 at first. */
bool proc_log_again(const struct proc_kernel *kernel, uint64_t *last_ns, uint64_t each_ns);

/* ---- processes ------------------------------------------------------------------ */

/* Objects every process of a service may use, as handles 2, 3, ...; must outlive them. */
struct proc_env {
    uint32_t count;
    struct proc_object objects[PROC_ENV_MAX];
};

struct proc_spawn {
    const struct proc_program *program;
    const void *arg; /* copied at the first run: valid until then, or copy_arg */
    uint32_t arg_len;
    bool copy_arg;
    bool runs_now;              /* proc_run_now follows at once: it needs its slot */
    struct proc_object origin;  /* handle PROC_HANDLE_ORIGIN */
    const struct proc_env *env; /* may be NULL */
    uint64_t deadline_ns;       /* absolute; 0 none */
};

/*
 * Start a process. It is runnable but not yet queued: call proc_run_now or
 * proc_run_soon. 0; -VK_ENOSPC table full; -VK_ENOMEM no slot; -VK_ETOOBIG the
 * argument does not fit the program's heap. On failure the origin is not released.
 */
int proc_spawn(struct proc_kernel *kernel, const struct proc_spawn *spawn, struct proc_process **ret_process);

/* Whether starting a process of it takes an entry of the table and nothing else, as kind->now must. */
bool proc_is_light(const struct proc_program *program);

/* Run it at once (from a sink or a later function, never from op). It may be gone afterwards. */
void proc_run_now(struct proc_kernel *kernel, struct proc_process *process);
void proc_run_soon(struct proc_kernel *kernel, struct proc_process *process);

/* End a process; safe at any time. Its origin is released before this returns, unless it is running now. */
void proc_end(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason);

uint32_t proc_pid(const struct proc_process *process);
/* What names the process, for handles and environments; it may outlive the process, and names no other then.
 */
struct proc_object proc_process_object(const struct proc_process *process);
/* What SPAWN starts it by, with the environment of whoever asks. The program outlives the kernel. */
struct proc_object proc_program_object(const struct proc_program *program);
/* The same as a number, which never comes back: for addresses that outlive what they name. */
uint64_t proc_name(const struct proc_process *process);
/* An op of a process on the one with that name, as if it had a handle of it. For a kind's op. -VK_EDIED. */
int proc_named_op(struct proc_kernel *kernel, struct proc_process *process, uint64_t name,
                  const struct proc_op *op, uint8_t *bytes, struct proc_done *done);
/* The process with that name, for now; NULL: it has ended. */
struct proc_process *proc_process_named(struct proc_kernel *kernel, uint64_t name);
/* A message to it from the kernel's side, copied. -VK_EDIED; -VK_EAGAIN its mailbox is full; -VK_ETOOBIG,
 * -VK_ENOMEM. */
int proc_send(struct proc_kernel *kernel, uint64_t name, const void *bytes, uint32_t len_bytes);
/* What the process with that name runs; NULL: it has ended. */
const struct proc_program *proc_named_program(struct proc_kernel *kernel, uint64_t name);
enum proc_reason proc_end_reason(const struct proc_process *process); /* inside release */
/* A number for the log line and the client's answer of an abnormal end; inside release. */
uint64_t proc_crash_id(const struct proc_process *process);
const char *proc_reason_text(enum proc_reason reason);
/* Why it ended abnormally, in its own words or the kernel's: bytes of which nothing is known; inside release.
 */
struct vk_span proc_end_words(const struct proc_kernel *kernel, const struct proc_process *process);
/* Where it stood then, as far as its program says; likewise. */
struct vk_span proc_end_place(const struct proc_kernel *kernel, const struct proc_process *process);

/* A new handle of this process. -VK_ENOSPC. */
int proc_handle_new(struct proc_kernel *kernel, struct proc_process *process, struct proc_object object,
                    uint32_t *ret_handle);

/* ---- ops in flight ---------------------------------------------------------------- */

struct proc_req {
    struct vk_entry entry; /* its handle is the request id that a served handle's owner sees */
    struct vk_node wait;   /* the service's: in whatever queue it waits */
    struct proc_op op;     /* checked copy */
    struct proc_done done; /* what the process will get; tag is set */
    struct proc_process *process;
    void *object;
    bool deliver; /* set before finish: call kind->deliver when the heap is open */

    /* private */
    const struct proc_kind *kind;
    struct vk_node node;     /* in the process's list of ops in flight */
    struct vk_link ready;    /* in its FIFO of finished ones */
    struct proc_timer timer; /* SLEEP */
    struct vk_buf data; /* bytes of a reply, until delivery; before it, those of an OUT op that were kept */
    uint32_t data_len;  /* of a reply */
    bool has_timer;     /* timer may be armed */
    bool is_late;       /* a CALL's time is over */
    bool is_owed;       /* its message was posted: the server owes the answer */
    bool finished;
    uint64_t server;           /* name of the process whose mailbox it waits for or is in, or 0 */
    struct proc_object passed; /* goes along with the answer as a handle */
    uint8_t
        here[PROC_REPLY_HERE_BYTES]; /* the bytes of a reply, when they are few; data has no buffer then */
};

/*
 * Make the op pending. NULL when too many are in flight: return -VK_EOVERFLOW,
 * which ends nobody; a process that has few in flight is refused last.
 */
struct proc_req *proc_req_begin(struct proc_kernel *kernel, struct proc_process *process,
                                const struct proc_kind *kind, void *object, const struct proc_op *op);

/* The op is finished with res (see kind->deliver); its process becomes runnable. */
void proc_req_finish(struct proc_kernel *kernel, struct proc_req *req, int res);

/*
 * From deliver, of an op with PROC_OP_LAND: where len_bytes of the answer go.
 * NULL: deliver returns *ret_rc, PROC_NO_ROOM or -VK_EFAULT, and has taken nothing.
 */
uint8_t *proc_land(struct proc_kernel *kernel, struct proc_req *req, uint32_t len_bytes, int *ret_rc);

/*
 * The bytes of an OUT op are needed again by its deliver: copied, unless its
 * heap keeps them where they are. -VK_ENOMEM without a buffer.
 */
int proc_req_keep(struct proc_kernel *kernel, struct proc_req *req, const uint8_t *bytes);

#endif
