/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed bound of the system, one line each, with what happens when it
 * is reached. A bound that can be set at start has its default here.
 */
#ifndef VK_LIMITS_H
#define VK_LIMITS_H

#define VK_PAGE_BYTES       4096u /* smallest unit of protection; fixed */
#define VK_CACHE_LINE_BYTES 64u

/* Slots. */
#define VK_SLOT_CLASSES        4u           /* 64 KiB, 1 MiB, 16 MiB, 256 MiB of addresses */
#define VK_SLOT_CLASS0_BYTES   (64u << 10)  /* each next class is 16 times larger */
#define VK_SLOT_WARM           32u          /* class 0 slots made and touched at start */
#define VK_SLOT_WIPE_MAX_BYTES (256u << 10) /* above this a wipe gives pages back instead */
#define VK_MAPPINGS_RESERVED   4000u        /* kernel mappings left to the rest of the OS process */

/* Processes. */
#define PROC_MAX                65536u   /* table entries; a start beyond it fails with -VK_ENOSPC */
#define PROC_HANDLES_MAX        65536u   /* handles of all processes; a new one beyond it is -VK_ENOSPC */
#define PROC_REQUESTS_MAX       131072u  /* ops in flight of all processes; one more is -VK_EOVERFLOW */
#define PROC_MESSAGES_MAX       65536u   /* messages waiting in all mailboxes; one more is -VK_ENOMEM */
#define PROC_SERVED_MAX         65536u   /* objects served by processes; SERVE beyond it is -VK_ENOSPC */
#define PROC_LINKS_MAX          65536u   /* links between processes; LINK beyond it is -VK_ENOSPC */
#define PROC_NATIVE_STACK_BYTES 65536u   /* deeper native code ends its process */
#define PROC_RING_ENTRIES       16u      /* ops and completions in a heap; kernel stages the excess */
#define PROC_OPS_MAX            1024u    /* ops in flight of one process; one more ends the process */
#define PROC_BUDGET             4000u    /* reductions per dispatch; then the process goes to the back */
#define PROC_NATIVE_TICK_NS     2000000u /* a native step seen at two ticks of this CPU timer is ended */
#define PROC_MAILBOX_MAX        64u      /* messages waiting; the next sender waits */
#define PROC_LOG_MAX_BYTES      512u     /* of one line a process logs; the rest is cut */
#define PROC_MESSAGE_MAX_BYTES  65536u   /* one message; larger is -VK_ETOOBIG */

/* Text. */
#define INTERP_NUMBER_MAX_BYTES 4096u /* text of one number; longer is -VK_ETOOBIG */
#define INTERP_JSON_DEPTH_MAX   64u   /* arrays and objects in each other; deeper is malformed */

/* HTTP. */
#define NET_HEAD_MAX_BYTES      16384u         /* request head; larger is 431 */
#define NET_TARGET_MAX_BYTES    8192u          /* request target; larger is 414 */
#define NET_FIELDS_MAX          64u            /* header fields; more is 431 */
#define NET_CHUNK_EXT_MAX_BYTES 256u           /* chunk extensions of one chunk; larger is 400 */
#define NET_TRAILER_MAX_BYTES   8192u          /* trailer section; larger is 431 */
#define NET_HEAD_TIMEOUT_NS     10000000000ull /* 408 and close */
#define NET_IDLE_TIMEOUT_NS     75000000000ull /* close */
#define NET_WRITE_TIMEOUT_NS    30000000000ull /* reset */
#define NET_DRAIN_TIMEOUT_NS    10000000000ull /* SIGTERM: what is left then is closed */
#define NET_LINGER_TIMEOUT_NS                                                    \
    2000000000ull /* reading on after an early close, so that the answer arrives \
                   */

#endif
