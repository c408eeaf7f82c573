/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection. A whole server and its clients live in one thread: a native
 * program and one of the language, each once for bystanders, whose answers are
 * checked to the byte, and once for victims, which the faults are aimed at.
 * The kernel's system calls go through doubles (calls.c) that fail as asked.
 *
 * A round is one request of each victim and of some bystanders, with faults in
 * it. Whatever happens to the victims, the bystanders are answered, the OS
 * process lives, and in the end the counters are what they were before.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "interp/program.h"
#include "net/linux/io.h"
#include "net/server.h"
#include "proc/kernel_impl.h"
#include "vkd/load.h"

#include <stdio.h>

#define VICTIMS    4u
#define BYSTANDERS 6u

/* Says where, what and which round, and ends the program with 1. */
void faults_failed(const char *where, const char *what) __attribute__((noreturn));
#define CHECK(cond)                                              \
    do {                                                         \
        if (!(cond))                                             \
            faults_failed(__FILE__ ":" VK_STR(__LINE__), #cond); \
    } while (0)

uint32_t faults_below(uint32_t bound); /* random, by the seed of the round */

/* ---- calls.c: what the OS kernel says -------------------------------------- */

enum call {
    CALL_NONE,
    /* of one descriptor */
    CALL_RECV,
    CALL_SEND,
    CALL_SHUTDOWN,
    CALL_CLOSE,
    CALL_SETSOCKOPT,
    CALL_GETSOCKOPT,
    CALL_GETPEERNAME,
    CALL_POLL,
    CALL_EPOLL_CTL,
    RING_RECV, /* completions of the ring */
    RING_SEND,
    RING_CLOSE,
    /* of all */
    CALL_ACCEPT,
    CALL_EPOLL_CTL_ANY,
    CALL_EPOLL_WAIT,
    CALL_ENTER,
    CALL_READ,
    CALL_MPROTECT, /* that opens: what closes restores what was there, and is not refused */
    CALL_MADVISE,
    CALL_MMAP,
    RING_ACCEPT,
    RING_READ,
    CALLS_END
};

#define CALL_SHORT 9999 /* in place of an errno: a part of the bytes goes through */

struct call_fault {
    enum call call;
    int err;
    uint32_t skip;  /* so many of these calls pass first */
    uint32_t times; /* fail so often in a row */
    uint32_t fired;
};

extern struct call_fault call_fault; /* what is to fail in this round */
extern bool calls_in_kernel;         /* the doubles are looked at; else they pass everything on */
extern bool
    calls_one_accept; /* the ring accepts one at a time, as it may: there are more occasions to fail */
void calls_aim_at(uint16_t port, bool is_victim); /* the client's port: its connection on the server's side */
void calls_forget(void);                          /* a new driver is about to be made */

/* ---- victim.c: what a native process does to itself and to others ------------------ */

enum evil {
    EVIL_NONE,
    EVIL_FLIP_OPS,    /* bits of the ops it has submitted */
    EVIL_FLIP_DONE,   /* of its completions */
    EVIL_FLIP_HEAD,   /* of its header */
    EVIL_FLIP_HEAP,   /* anywhere in its heap */
    EVIL_RANDOM_OPS,  /* ops made up */
    EVIL_WORDS,       /* header fields get values that mean something */
    EVIL_RANDOM_HEAP, /* a range of its heap is overwritten */
    EVIL_WHOLE_HEAP,  /* all of it, and as far as it goes */
    EVIL_WILD_WRITE,
    EVIL_WILD_READ,
    EVIL_WILD_JUMP,
    EVIL_STACK, /* its stack is overwritten */
    EVIL_DEEP,  /* its stack is spent */
    EVIL_SYSCALL,
    EVIL_RETURN, /* a value that no run returns */
    EVIL_LOOP,
    EVILS_END
};

struct evil_plan {
    enum evil evil;
    uint64_t seed;
    uintptr_t addr; /* of the wild ones */
};

extern struct evil_plan evil_plan;
extern struct proc_program evil_program;
void evil_init(void);

/* ---- peer.c: clients ------------------------------------------------------------ */

enum ask { ASK_ID, ASK_WAIT, ASK_ECHO, ASK_BIG, ASK_CODE_ID, ASK_CODE_WORK, ASK_CODE_ECHO };

struct peer {
    uint16_t port; /* of the server's listener */
    bool is_victim;
    int fd; /* -1: not connected */
    enum ask ask;
    uint32_t n;
    uint8_t out[8192];
    uint32_t out_len, out_sent, out_until; /* until: more is held back */
    uint8_t in[65536];
    uint32_t in_len;
    uint32_t status; /* of a whole answer; 0: none yet */
    uint32_t head_len, body_len;
    bool is_asking, is_closed;
};

void peer_ask(struct peer *peer, enum ask ask, uint32_t n, bool holds_back);
/* Send and receive what can be now. */
void peer_pump(struct peer *peer);
void peer_check(const struct peer *peer, bool may_be_refused);
void peer_close(struct peer *peer);

/* ---- world.c: the server ----------------------------------------------------------- */

struct world {
    enum net_io_kind driver;
    enum vk_guard_kind guard;
    bool is_code_only; /* no native code: heaps that wait are kept elsewhere */
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server, *victim_server;
    struct proc_env env;
    struct net_bind_hosted code, victim_code;
    uint16_t port, victim_port, evil_port, code_port, victim_code_port;
    struct peer bystanders[BYSTANDERS];
    struct peer victims[VICTIMS];
    struct proc_counters before;
    uint32_t conns_before, ops_before, fds_before;
};

extern struct world world;
extern struct proc_program victim_program;

bool world_load(const char *path); /* the program of the language, once for all worlds */
void world_make(enum net_io_kind driver, enum vk_guard_kind guard, bool is_code_only);
void world_step(uint64_t wait_ns);
void world_note(void);    /* what is held now, while nobody asks */
void world_balance(void); /* the same is held again */
void world_end(void);

/* A process of a victim that waits, at random; NULL: none does. */
struct proc_process *world_waiting(const struct proc_program *program);
const struct proc_program *world_victim_code(void);
/* Turn one bit of its heap, wherever that is; within [from, end). */
void world_flip(struct proc_process *process, uint32_t from, uint32_t end);
/* An address that no promise of docs/isolation.md leaves open to a process. */
uintptr_t world_wild_address(void);

#endif
