/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the kernel object, for the files of proc/ only. Services see
 * proc/service.h.
 */
#ifndef PROC_KERNEL_IMPL_H
#define PROC_KERNEL_IMPL_H

#include "proc/service.h"

enum proc_state {
    PROC_STATE_READY,   /* runnable, perhaps queued */
    PROC_STATE_RUNNING, /* its code or its ops are being carried out */
    PROC_STATE_WAITING, /* nothing to do until an op finishes */
    PROC_STATE_ENDING,  /* being taken apart */
};

/*
 * An entry of the process table. Every queue is empty while the entry is free. In the order of use: what
 * posting a message to it touches are its first two cache lines.
 */
struct proc_process {
    struct vk_entry entry; /* its handle is the pid */
    struct vk_link run;    /* in the run queue while queued */
    uint64_t name;         /* index and the number of its start: unlike the pid, it never comes back */
    const struct proc_program *program;
    struct vk_slot *slot; /* NULL: it has not begun, or its heap is parked */
    const struct proc_env *env;
    struct proc_object origin;

    uint8_t state;  /* enum proc_state */
    uint8_t reason; /* enum proc_reason, set when it ends */
    bool queued;
    bool doomed; /* ends at its next turn, with `reason` */
    bool fresh;  /* not run yet: the argument is still to be copied in */
    bool made;   /* the lists below are initialised; true from the first use of the entry on */

    uint8_t done_count; /* completions of the last run's ops that lie in the heap already */
    bool has_backlog;   /* done[] was full and there was more; ops stay where they are until it has place */
    bool keeps_ops;     /* those of the last run were not taken */
    uint32_t reqs_count;

    /* proc/mailbox.c */
    struct vk_fifo mail;       /* struct proc_mail, in order of arrival */
    struct vk_list calls;      /* reqs of others that wait for an answer from here */
    struct proc_req *receiver; /* the one pending RECV */
    uint32_t messages_count;   /* of sort MESSAGE; with the next at most PROC_MAILBOX_MAX */
    uint32_t promised_count;   /* places kept for senders that were woken and had no turn yet */

    const void *arg; /* until the first run */
    uint32_t arg_len;
    uint32_t parked_bytes;
    uint8_t arg_here[PROC_ARG_HERE_BYTES]; /* when it was copied and is short */
    struct proc_child *child;              /* proc/supervise.c: whose incarnation this is, or NULL */

    struct vk_list reqs;    /* ops in flight */
    struct vk_fifo ready;   /* finished ones, to be delivered */
    struct vk_list senders; /* reqs of others that wait for room here; empty unless there is none */
    struct vk_list handles;

    /* proc/link.c */
    struct vk_list monitors; /* reqs that wait for this process's end */
    struct vk_list links;

    struct vk_buf arg_buf; /* when the argument was copied and is long */
    struct vk_buf parked;  /* the heap, while slot is NULL */
    uint64_t crash_id;
    uint64_t deadline_ns; /* to be armed when its first turn does not end it; 0: none, or done */
    struct proc_timer deadline;
};
_Static_assert(offsetof(struct proc_process, arg) == 2 * VK_CACHE_LINE_BYTES, "layout of an entry");

/* A handle in the table; handles below PROC_ENV_MAX + 2 are not in it. */
struct proc_handle {
    struct vk_entry entry;
    struct vk_node node; /* in the owner's list */
    struct proc_object object;
    struct proc_process *owner;
};

/* What lies in a mailbox. */
enum proc_mail_sort {
    PROC_MAIL_MESSAGE,
    PROC_MAIL_NOTICE, /* a message that takes no sender's place */
    PROC_MAIL_CLOSE,  /* the end of a served object */
};
struct proc_mail {
    struct vk_link link;
    uint8_t sort;
};

struct proc_message {
    struct vk_entry entry;
    struct proc_mail mail;
    struct vk_buf data;
    uint32_t len;
    uint32_t user;  /* the sender's word */
    uint32_t req;   /* request id that wants an answer, or 0 */
    uint32_t flags; /* PROC_DONE_* */
    struct proc_object passed;
    uint8_t here[PROC_MESSAGE_HERE_BYTES]; /* the bytes, when they are few; data has no buffer then */
};

/*
 * An object that a process serves. It lives while handles and ops in flight
 * refer to it, then until the server has received its end.
 */
struct proc_served {
    struct vk_entry entry;
    struct proc_mail mail; /* in the server's mailbox when refs is 0 */
    uint64_t badge;
    uint64_t server; /* its name */
    uint32_t refs;
};

/* Two processes whose fates are tied. */
struct proc_link_pair;
struct proc_link_end {
    struct vk_node node; /* in the process's list */
    struct proc_process *process;
    struct proc_link_pair *pair;
};
struct proc_link_pair {
    struct vk_entry entry;
    struct proc_link_end ends[2];
};

struct proc_store;

struct proc_kernel {
    struct vk_guard guard; /* first: hot, and what mprotect+kernel closes */
    struct vk_pool pool;

    struct proc_io *io;
    struct plat_runner *runner; /* NULL: trusted code only */
    uint64_t now_ns;
    int64_t wall_s;
    uint8_t date[PROC_DATE_BYTES + 3];

    struct vk_fifo runnable;
    struct vk_fifo laters;
    struct proc_process *running;
    struct vk_wheel wheel;
    struct vk_list expired;

    struct vk_table processes;
    struct vk_table handles;
    struct vk_table reqs;
    uint32_t reqs_crowded; /* from this count on, reqs are for processes with less than PROC_OPS_SHARE */
    struct vk_table messages;
    struct vk_table served;
    struct vk_table links;
    struct vk_bufs bufs;
    struct vk_bufs parks; /* heaps of processes that wait */
    uint32_t slotless;    /* processes of slot class 0 that have no slot */
    bool has_native;      /* native code has run: see proc/park.c */
    bool counts;          /* the program that runs does: read at ticks, when tables may be closed */
    struct vk_region region;
    struct proc_store *stores; /* in the order they were made */

    struct proc_counters counters;
    uint64_t crash_seq;
    uint8_t words[PROC_WORDS_MAX_BYTES]; /* of the process that is being taken apart after it failed */
    uint32_t words_len;
    uint8_t place[PROC_WORDS_MAX_BYTES]; /* likewise, of one that ended abnormally */
    uint32_t place_len;
    int64_t wall_base_s;
    bool logs_all;
    uint64_t log_window_ns; /* crash lines are limited per second */
    uint32_t log_lines;
    uint32_t log_dropped;
    bool ending; /* destroy is under way */

    proc_log_fn log;
    void *log_ctx;
    struct proc_io_event events[PROC_EVENTS_MAX];
    uint32_t events_last; /* how many the last wait brought */
};

/* proc/kernel.c: false while too many lines were logged this second. */
bool proc_log_allowed(struct proc_kernel *kernel);
/* The same, but nothing is about to be logged yet. */
bool proc_log_is_open(const struct proc_kernel *kernel);

/* proc/process.c */
/* The living process with this pid, or NULL. For pids that are forgotten when their process ends. */
struct proc_process *proc_process_find(struct proc_kernel *kernel, uint32_t pid);
/* Take it apart now; it must not be running. fault may be NULL. */
void proc_process_dead(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason,
                       const struct plat_fault *fault);
void proc_process_free(struct proc_kernel *kernel, struct proc_process *process);
/* End it at its next turn: for ends that cause ends, so that no chain recurses. */
void proc_process_doom(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason);

/* proc/sched.c */
void proc_queue(struct proc_kernel *kernel, struct proc_process *process);
/* A message has come for a process that has not run: if it is one that waits for that, it begins. */
void proc_wake_fresh(struct proc_kernel *kernel, struct proc_process *process);
void proc_dispatch(struct proc_kernel *kernel, struct proc_process *process);
/*
 * Heap range [off, off+len) of process, open; NULL when it is not inside the heap or cannot be opened.
 * Slow: it ends behind the heap, or behind what is open of it.
 */
uint8_t *proc_reach_slow(struct proc_kernel *kernel, struct proc_process *process, uint32_t off,
                         uint32_t len);
VK_INLINE uint8_t *proc_reach(struct proc_kernel *kernel, struct proc_process *process, uint32_t off,
                              uint32_t len)
{
    const struct vk_slot *slot = process->slot;
    uint64_t end = (uint64_t)off + len;
    if (VK_LIKELY(end <= slot->open_bytes && end <= process->program->heap_bytes))
        return slot->base + off;
    return proc_reach_slow(kernel, process, off, len);
}
bool proc_grow(void *kernel, uintptr_t addr); /* a plat_grow_fn */
/* A plat_is_over_fn. Bytecode ends its own loops; what takes long there is the machine, or a native's bug. */
bool proc_is_over(void *kernel, uint32_t ticks);

/* proc/park.c */
/* A fresh process gets its slot, or the right to one. -VK_ENOMEM: there is none. */
int proc_place_slow(struct proc_kernel *kernel, struct proc_process *process, bool needs_slot,
                    uint32_t slot_class, uint32_t prefix_bytes);
VK_INLINE int proc_place(struct proc_kernel *kernel, struct proc_process *process, bool needs_slot,
                         uint32_t slot_class, uint32_t prefix_bytes)
{
    if (VK_LIKELY(needs_slot && kernel->slotless == 0))
        return vk_pool_take(&kernel->pool, slot_class, prefix_bytes, &process->slot);
    return proc_place_slow(kernel, process, needs_slot, slot_class, prefix_bytes);
}

/* The process has run and goes on later: a large heap is made cheap to close and open. */
void proc_gather_slow(struct proc_kernel *kernel, struct proc_process *process);
VK_INLINE void proc_gather(struct proc_kernel *kernel, struct proc_process *process)
{
    if (VK_UNLIKELY(process->slot->size_bytes > VK_LARGE_PAGE_BYTES))
        proc_gather_slow(kernel, process);
}

/* The heap of a process that waits leaves its slot, when that is worth it and harms nobody. */
void proc_park(struct proc_kernel *kernel, struct proc_process *process);
/* Native code is about to run for the first time: no heap may lie open then. No heap is open now. */
void proc_park_none(struct proc_kernel *kernel);
/* The process has a slot, its heap lies in it, and it is open. -VK_ENOMEM: the platform refused. */
int proc_enter_slow(struct proc_kernel *kernel, struct proc_process *process);
VK_INLINE int proc_enter(struct proc_kernel *kernel, struct proc_process *process)
{
    return process->slot && !process->parked.cap_bytes ? vk_guard_enter(&kernel->guard, process->slot)
                                                       : proc_enter_slow(kernel, process);
}

/* It has ended: what it had is given back. */
void proc_leave(struct proc_kernel *kernel, struct proc_process *process);

/* proc/ops.c */
void proc_take_ops(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self);
void proc_deliver(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self);
void proc_req_drop(struct proc_kernel *kernel, struct proc_req *req); /* cancel and forget, no completion */
/* The handle is given up: what was asked of it ends with -VK_ECANCELED. */
void proc_reqs_close(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle);

/* Whether the answer's bytes wait for room that the program makes. */
VK_INLINE bool proc_op_lands(const struct proc_op *op)
{
    return (op->flags & PROC_OP_LAND) &&
           ((op->code & PROC_OP_IN) || op->code == PROC_OP_CALL || op->code == PROC_OP_MONITOR);
}

/* proc/handle.c */
struct proc_object proc_handle_find(struct proc_kernel *kernel, struct proc_process *process,
                                    uint32_t handle);
int proc_handle_close(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle);
void proc_handles_close_all(struct proc_kernel *kernel, struct proc_process *process);
/*
 * The object of a handle for somebody else to hold: shared, or moved out of
 * the handle. Handle 0 gives no object. -VK_EBADH, -VK_EPERM (not shareable).
 */
int proc_handle_detach(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle, bool move,
                       struct proc_object *ret_object);
/* The held object becomes a handle of process; released when that fails. Returns the handle or 0. */
uint32_t proc_handle_attach(struct proc_kernel *kernel, struct proc_process *process,
                            struct proc_object *object);
/* The same for what goes along with a completion, which says so when it fails. */
void proc_done_attach(struct proc_kernel *kernel, struct proc_process *process, struct proc_object *object,
                      struct proc_done *done);
void proc_object_release(struct proc_kernel *kernel, struct proc_object *object);

/* proc/mailbox.c */
extern const struct proc_kind proc_kind_process;
extern const struct proc_kind proc_kind_program;
/* A message: head, then bytes. */
struct proc_letter {
    const void *head;
    const uint8_t *bytes;
    uint32_t head_len;
    uint32_t bytes_len;
    uint32_t user;
    uint32_t flags;
    bool is_notice;  /* goes in even when the mailbox is full: at most one per call, so it is bounded too */
    bool moves;      /* the handle leaves its owner */
    uint32_t handle; /* goes along; 0 none */
    struct proc_process *from; /* whose handle that is */
    struct proc_req *req;      /* waits for the answer; NULL none */
};
/*
 * Put a letter into a mailbox. 0; -VK_EAGAIN no room; -VK_ETOOBIG; -VK_ENOMEM;
 * -VK_EBADH, -VK_EPERM of the handle. On failure nothing is taken.
 */
int proc_mail_post(struct proc_kernel *kernel, struct proc_process *to, const struct proc_letter *letter);
/* Ask a process (SEND or CALL), for the kinds that stand for one. */
int proc_mail_op(struct proc_kernel *kernel, struct proc_process *from, struct proc_process *to, void *object,
                 const struct proc_op *op, const uint8_t *bytes);
/* Wait for room in a full mailbox: when it comes, deliver is called and must claim it. */
void proc_mail_queue(struct proc_process *to, struct proc_req *req);
/* Take the place that was kept for req, which no longer is. The owner of the mailbox; NULL: it died. */
struct proc_process *proc_mail_claim(struct proc_kernel *kernel, const struct proc_req *req);
/* A place that was claimed is not needed: the next sender gets it. */
/* The first message into a heap that is about to be run for the first time, where that can be done. */
void proc_mail_begin(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self);
void proc_mail_room(struct proc_kernel *kernel, struct proc_process *process);
void proc_mail_cancel(struct proc_kernel *kernel, struct proc_req *req);
int proc_op_recv(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                 uint8_t *bytes, struct proc_done *done);
int proc_op_reply(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                  const uint8_t *bytes);
/* Something for RECV to find has come. */
void proc_mail_put(struct proc_kernel *kernel, struct proc_process *process, struct proc_mail *mail,
                   enum proc_mail_sort sort);
void proc_mailbox_end(struct proc_kernel *kernel, struct proc_process *process);

/* proc/serve.c */
extern const struct proc_kind proc_kind_served;
int proc_op_serve(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                  struct proc_done *done);
void proc_served_free(struct proc_kernel *kernel, struct proc_served *served);

/* proc/link.c */
int proc_op_monitor(struct proc_kernel *kernel, struct proc_process *process, struct proc_process *other,
                    const struct proc_op *op);
int proc_link(struct proc_kernel *kernel, struct proc_process *a, struct proc_process *b);
void proc_links_end(struct proc_kernel *kernel, struct proc_process *process);

/* proc/supervise.c */
void proc_child_ended(struct proc_kernel *kernel, struct proc_process *process);

#endif
