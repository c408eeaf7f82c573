/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops and completions: all that a process can ask of the kernel, and all it
 * is ever told. Both lie in the process's heap and are plain bytes; the
 * kernel copies an op out before it looks at it and checks every field.
 */
#ifndef PROC_OP_H
#define PROC_OP_H

#include "vk/base.h"

/* A request, 32 bytes. Fields an op does not use are 0. */
struct proc_op {
    uint16_t code;   /* enum proc_op_code */
    uint16_t flags;  /* PROC_OP_*, and those of the code */
    uint32_t handle; /* what it is asked of; 0: the kernel itself */
    uint32_t off;    /* heap offset of the bytes sent, or of the room for bytes received */
    uint32_t len;    /* their number */
    uint64_t arg;
    uint64_t tag; /* comes back in the completion */
};

/* An answer, 32 bytes. Those of ops that finish at once come before those of others. */
struct proc_done {
    uint64_t tag;
    uint64_t arg;
    int32_t res;     /* >= 0, or -VK_E... */
    uint32_t len;    /* bytes moved into or out of the heap */
    uint32_t handle; /* a handle this process now owns, or 0 */
    uint32_t flags;  /* PROC_DONE_* */
};

_Static_assert(sizeof(struct proc_op) == 32 && sizeof(struct proc_done) == 32, "layout of the heap's rings");

/* Which way the bytes at off go; part of every code. */
#define PROC_OP_OUT 0x100u /* out of the heap */
#define PROC_OP_IN  0x200u /* into the heap */

enum proc_op_code {
    /* Asked of the kernel itself. */
    PROC_OP_SLEEP = 1,             /* completes after arg ns */
    PROC_OP_SERVE = 2,             /* a handle whose ops come to this process as requests; arg: its badge */
    PROC_OP_CANCEL = 3,            /* the op with tag arg finishes with -VK_ECANCELED */
    PROC_OP_RECV = PROC_OP_IN | 4, /* next message of the own mailbox */
    PROC_OP_REPLY =
        PROC_OP_OUT | 5, /* answers request arg & 0xffffffff with result arg >> 32; handle goes along */
    /*
     * (the bytes go to the room of the op; of an OUT op, len is how many of its bytes were taken. When there
     * is no memory for them, a silent REPLY ends the request with -VK_ENOMEM, and another may be tried
     * again.)
     */
    /* Asked of a process, program or mailbox handle. */
    PROC_OP_SPAWN = PROC_OP_OUT | 6, /* handle: a program; the bytes: its start argument */
    PROC_OP_SEND =
        PROC_OP_OUT | 7, /* a message; handle arg & 0xffffffff goes along, arg >> 32 is the sender's */
    PROC_OP_MONITOR = 8, /* completes when the process has ended; res: enum proc_reason */
    PROC_OP_LINK = 9,    /* the abnormal end of one ends the other */
    PROC_OP_KILL = 10,   /* ends the process, reason killed */
    PROC_OP_CLOSE = 11,  /* any handle: gives it up */
    PROC_OP_DUP = 12,    /* any shareable handle: another one to the same object */
    PROC_OP_CALL =
        PROC_OP_OUT | 13, /* a message that wants a reply, whose bytes go to arg: off | room << 32 */
    PROC_OP_LOG = PROC_OP_OUT | 14, /* of the kernel itself: the bytes as a line of the log */

    /* Asked of streams and other services; a process may serve them too. */
    PROC_OP_SERVICE_FIRST = 32,
    PROC_OP_READ = PROC_OP_IN | 32,   /* res 0 and len bytes; len 0: end of the stream */
    PROC_OP_WRITE = PROC_OP_OUT | 33, /* len bytes taken, at least 1 */
    PROC_OP_SHUTDOWN = 34,            /* no more writes */
    PROC_OP_ACCEPT = 35,              /* a handle to the next connection */
    PROC_OP_CONNECT = 36,             /* a handle to a new connection; of a connector */
    PROC_OP_HTTP_FRAME = 48,          /* how the request is framed: net/server.h */
    PROC_OP_HTTP_RESPOND = PROC_OP_OUT | 49,
    PROC_OP_SERVICE_LAST = 63,
};

#define PROC_OP_NUMBER(code) ((code)&0xffu)

/* Flags of any op. */
#define PROC_OP_SILENT 0x8000u /* no completion when it succeeds at once */

/*
 * Of IN ops, CALL and MONITOR, by programs that can land (proc/program.h): the bytes
 * of the answer go where the program makes room for them once they are there.
 * off of an IN op is not used, its len is the most that is taken; the answer
 * to a CALL may be of any length, and arg says how long it may take, in ns (0:
 * for ever): -VK_ETIMEDOUT then, arg being 1 if who was asked waits for an
 * answer of the asking process, directly or around corners; -VK_ETOOBIG when the
 * program makes no room for it, len being how long it is. The bytes of a
 * MONITOR's answer are why the process ended abnormally, in words.
 */
#define PROC_OP_LAND 0x4000u

/* Of a CALL that lands: an answer of at most 8 bytes needs no room, it is the completion's arg
 * (PROC_DONE_HERE). */
#define PROC_OP_SHORT 0x2000u

/* Flags of SPAWN. */
#define PROC_SPAWN_LINK 1u /* link with the new process */

/* Flags of SEND and REPLY: the handle that goes along leaves this process (else it is a DUP). */
#define PROC_SEND_MOVE 1u
/* Of SEND: into a full mailbox of one's own it is -VK_EAGAIN instead of waiting. */
#define PROC_SEND_NO_WAIT_SELF 2u

/* arg of a SEND or CALL that is -VK_EDIED: it was never received. */
#define PROC_DIED_BEFORE 2u

/* Flags of a completion. */
#define PROC_DONE_REQUEST 1u /* RECV: arg low half is a request id that wants a REPLY */
#define PROC_DONE_OP      2u /* RECV: the message is a struct proc_request, an op on a served handle */
#define PROC_DONE_HERE    8u /* the bytes of the answer, len of them, are in arg */
#define PROC_DONE_LOST    4u /* a handle came along, and there was no place for it: handle is 0 */

/*
 * The message a process-served handle sends its server: this, then the bytes
 * of an OUT op. Two want no reply: CLOSE, the last handle is gone, and CANCEL,
 * nobody waits for request arg any longer.
 */
struct proc_request {
    uint64_t arg;   /* of the op */
    uint64_t badge; /* of the SERVE that made the handle */
    uint16_t code;
    uint16_t flags;
    uint32_t len; /* OUT: bytes that follow; IN: room the holder has */
};
_Static_assert(sizeof(struct proc_request) == 24, "layout of a message");

/* Why a process ended. */
enum proc_reason {
    PROC_REASON_NORMAL = 0,
    PROC_REASON_FAIL,  /* it said so */
    PROC_REASON_FAULT, /* hardware fault in native code */
    PROC_REASON_TIME,  /* one native step ran too long */
    PROC_REASON_CPU,   /* reductions or CPU limit spent */
    PROC_REASON_DEADLINE,
    PROC_REASON_OP,       /* it submitted an op that no correct program can */
    PROC_REASON_MEMORY,   /* heap quota or kernel mappings exhausted */
    PROC_REASON_DEADLOCK, /* waits, and nothing can ever wake it */
    PROC_REASON_LINK,     /* a linked process ended abnormally */
    PROC_REASON_KILLED,
    PROC_REASON_SHUTDOWN, /* its supervisor or the kernel stops */
    PROC_REASON_END
};

#endif
