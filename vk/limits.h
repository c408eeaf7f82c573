/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed bound of the system, one line each, with what happens when it
 * is reached. A bound that can be set at start has its default here.
 */
#ifndef VK_LIMITS_H
#define VK_LIMITS_H

#define VK_PAGE_BYTES       4096u      /* smallest unit of protection; fixed */
#define VK_LARGE_PAGE_BYTES (2u << 20) /* of what fills half of it; what is larger grows by such pages */
#define VK_CACHE_LINE_BYTES 64u

/* Slots. */
#define VK_SLOT_CLASSES        4u           /* 64 KiB, 1 MiB, 16 MiB, 256 MiB of addresses */
#define VK_SLOT_CLASS0_BYTES   (64u << 10)  /* each next class is 16 times larger */
#define VK_SLOT_WARM           32u          /* class 0 slots made and touched at start */
#define VK_SLOT_BEYOND_BYTES   (1ull << 32) /* behind a class lies nothing, as far as an offset reaches */
#define VK_SLOT_WIPE_MAX_BYTES (256u << 10) /* above this a wipe gives pages back instead */
#define VK_MAPPINGS_RESERVED   4000u        /* kernel mappings left to the rest of the OS process */

/* Processes. */
#define PROC_MAX                65536u  /* table entries; a start beyond it fails with -VK_ENOSPC */
#define PROC_HANDLES_MAX        65536u  /* handles of all processes; a new one beyond it is -VK_ENOSPC */
#define PROC_REQUESTS_MAX       131072u /* ops in flight of all processes; one more is -VK_EOVERFLOW */
#define PROC_MESSAGES_MAX       65536u  /* messages waiting in all mailboxes; one more is -VK_ENOMEM */
#define PROC_SERVED_MAX         65536u  /* objects served by processes; SERVE beyond it is -VK_ENOSPC */
#define PROC_LINKS_MAX          65536u  /* links between processes; LINK beyond it is -VK_ENOSPC */
#define PROC_NATIVE_STACK_BYTES 65536u  /* deeper native code ends its process */
#define PROC_RING_ENTRIES       16u     /* ops and completions in a heap; kernel stages the excess */
#define PROC_OPS_MAX            1024u   /* ops in flight of one process; one more is -VK_EOVERFLOW */
#define PROC_OPS_SHARE          16u   /* ops in flight that any process may have while the table is crowded */
#define PROC_REQUESTS_KEPT      8u    /* one of so many entries is kept for processes below that share */
#define PROC_BUDGET             4000u /* reductions per dispatch; then the process goes to the back */
#define PROC_RUN_COST           50u   /* reductions of another run in the same dispatch; then to the back */
#define PROC_NATIVE_TICK_NS     2000000u /* a native step seen at two ticks of this CPU timer is ended */
#define PROC_COUNTED_TICKS      50u      /* ... and one of a program that counts its reductions at so many */
#define PROC_PARK_MAX_BYTES     8192u /* of a heap kept outside its slot while it waits; larger stay in it */
#define PROC_PARK_SMALL_BYTES   2048u /* ... and of one that takes no page for itself */
#define PROC_PARKS_MAX \
    32768u /* such heaps of either size, unless told otherwise; one more stays in its slot */
#define PROC_ARG_HERE_BYTES     40u /* of a start argument, in the process table; a longer one takes a buffer */
#define PROC_MESSAGE_HERE_BYTES 56u  /* of a message, in its table; a longer one takes a buffer */
#define PROC_REPLY_HERE_BYTES   24u  /* of an answer, in the table of ops; likewise */
#define PROC_MAIL_HERE_BYTES    128u /* of a first message that an actor begins with; a longer one follows */
#define PROC_MAILBOX_MAX        64u  /* messages waiting; the next sender waits */
#define PROC_CIRCLE_MAX         16u  /* calls followed to say that one waits for itself; longer is not seen */
#define PROC_LOG_MAX_BYTES      512u /* of one line a process logs; the rest is cut */
#define PROC_WORDS_MAX_BYTES    256u /* kept of why a process failed, in its own words; likewise */
#define PROC_MESSAGE_MAX_BYTES  65536u /* one message; larger is -VK_ETOOBIG */
#define PROC_ENV_MAX            14u    /* objects of an environment, handles 2 to 15; no more can be put in */
#define PROC_CHILDREN_MAX       16u    /* of one supervisor; its creation fails with -VK_EINVAL */
#define PROC_RESTARTS_MAX       64u    /* largest restarts_max of a supervisor; likewise */
#define PROC_RESTART_RETRY_NS   100000000u /* a child that found no slot is started again after this */

/* Stores: temporary values of programs, in memory. */
#define VK_KV_BYTES_MAX            (64u << 20) /* of one table's keys and values; its init is -VK_EINVAL */
#define VK_KV_EXPIRED_PER_CALL     32u    /* entries given back by one call; the others by the next ones */
#define PROC_STORE_KEY_MAX_BYTES   256u   /* a longer one cannot be put: -VK_ETOOBIG; no get finds it */
#define PROC_STORE_VALUE_MAX_BYTES 65536u /* a larger one is -VK_ETOOBIG */
#define INTERP_STORES_MAX          8u     /* of a program; one more is refused */
#define INTERP_HOST_PARAMS_MAX     16u    /* of a function that the host supplies; more is no signature */
#define INTERP_HOST_WORDS_MAX      200u   /* bytes of why one failed; the rest of it is cut off */
#define INTERP_STORE_ENTRIES       10000u /* of one that does not say */
#define INTERP_STORE_ENTRIES_MAX   1000000u
#define INTERP_STORE_BYTES         (4u << 20)   /* likewise */
#define INTERP_STORE_BYTES_MIN     (128u << 10) /* so that any value fits; less is refused */
#define INTERP_STORE_BYTES_MAX     VK_KV_BYTES_MAX

/* Processes of bytecode. */
#define INTERP_HEAP_BYTES          65536u /* of an actor that says nothing of it; out of memory */
#define INTERP_FIBERS_MAX          4096u  /* alive in one process; one more is a trap */
#define INTERP_TIMERS_MAX          64u    /* of one actor, a bit of a word each; more are refused */
#define INTERP_MESSAGE_OBJECTS_MAX 32768u /* in a message, numbered by 16 bits; one of more is too large */
#define INTERP_JSON_FRAMES_MAX     256u   /* of a JSON reader: a level of the text takes at most four */

/* Text. */
#define INTERP_NUMBER_MAX_BYTES 4096u  /* text of one number; longer is -VK_ETOOBIG */
#define INTERP_JSON_DEPTH_MAX   64u    /* arrays and objects in each other; deeper is malformed */
#define INTERP_JSON_WRITTEN_MAX 512u   /* values in each other that are written as JSON; deeper traps */
#define INTERP_TURN_BYTES       65536u /* what a native touches before other processes have their turn */

/* Top-level values of a program, all of them together; a program that needs more is refused. */
#define INTERP_LETS_MAX_REDUCTIONS 100000000u
#define INTERP_LETS_MAX_BYTES      (64u << 20) /* alive while they are evaluated, and frozen */

/* One tick of the kernel; what is left waits for the next one. */
#define PROC_EVENTS_MAX      256u  /* completions taken from the driver in one wait */
#define PROC_RUNS_MAX        1024u /* dispatches before the driver is asked again */
#define PROC_TIMERS_PER_TICK 4096u /* timers fired or moved to a finer level */
#define PROC_LOG_LINES_PER_S 100u  /* lines about crashes; the next line tells how many were left out */

/* HTTP: what a client may send. */
#define NET_HEAD_MAX_BYTES      16384u     /* request head; larger is 431 */
#define NET_TARGET_MAX_BYTES    8192u      /* request target; larger is 414 */
#define NET_FIELDS_MAX          64u        /* header fields; more is 431 */
#define NET_CHUNK_EXT_MAX_BYTES 256u       /* chunk extensions of one chunk; larger is 400 */
#define NET_TRAILER_MAX_BYTES   8192u      /* trailer section; larger is 431 */
#define NET_BIND_BODY_MAX_BYTES (1u << 20) /* body that a program takes as one value; larger is 413 */
#define NET_BIND_GATHER_BYTES   4096u  /* of one READ for it, less in a small heap; the next one follows */
#define NET_BIND_PIECE_BYTES    8192u  /* of a body read in pieces; likewise */
#define NET_DISCARD_MAX_BYTES   65536u /* unread body thrown away to keep its connection; more closes it */
#define NET_REQUESTS_PER_TURN   64u    /* pipelined requests of a connection; the next ones wait for a turn */

/* HTTP: what a program of the language answers, and what a block has that says nothing of it. */
#define NET_BIND_WHOLE_MAX_BYTES 32768u /* body that goes with its head; a larger one follows in WRITEs */
#define NET_BIND_WRITE_BYTES     16384u /* of one WRITE; the next one follows */
#define NET_BIND_HEAP_BYTES      65536u /* out of memory */
#define NET_BIND_CPU_NS          1000000000u  /* CPU limit spent */
#define NET_BIND_DEADLINE_NS     30000000000u /* deadline passed, or 408 while the client lets it wait */

/* HTTP: how long a connection may take. */
#define NET_HEAD_TIMEOUT_NS  10000000000ull /* 408 and close */
#define NET_IDLE_TIMEOUT_NS  75000000000ull /* close */
#define NET_WRITE_TIMEOUT_NS 30000000000ull /* a peer that takes nothing of what is sent: reset */
#define NET_DRAIN_TIMEOUT_NS 10000000000ull /* SIGTERM: what is left then is closed */
#define NET_DRAIN_ARRIVAL_NS 100000000ull   /* of it, for who was on the way in; who comes later is refused */
#define NET_DRAIN_SILENT_NS  1000000000ull  /* while draining, for a first byte; then close */
#define NET_DRAIN_RECENT_NS  1000000000ull  /* while draining, who was silent for longer is closed at once */
#define NET_DRAIN_GRACE_NS   100000000ull   /* ... others so much later: a request may be on its way */
#define NET_DRAIN_CUT_NS     200000000ull /* behind a drain's end, for the 503 of who is cut off; then reset */

/* For who was answered early and still sends, so that the answer arrives; then it is cut off. */
#define NET_LINGER_TIMEOUT_NS 2000000000ull

/* Connections. */
#define NET_CONNS_DEFAULT      16384u /* HTTP connections of a worker; accepting pauses before the last */
#define NET_STREAMS_DEFAULT    16384u /* raw streams of a worker; likewise */
#define NET_LISTENERS_MAX      8u     /* of an HTTP server; one more is -VK_ENOSPC */
#define NET_DOORS_MAX          16u    /* listeners and connectors of raw streams; one more is -VK_ENOSPC */
#define NET_INPUT_PAUSE_BYTES  16384u /* input that nobody takes; receiving pauses there ... */
#define NET_INPUT_RESUME_BYTES 4096u  /* ... and goes on when no more than that is left */
#define NET_INPUT_LARGE_BYTES \
    65536u /* a body's piece that is there already; without a buffer of that size, smaller ones */
#define NET_OUTPUT_MAX_BYTES 65536u         /* output not sent yet; whoever adds more waits */
#define NET_COMPLAIN_EACH_NS 60000000000ull /* one log line for a spell of overload; the rest is counted */
#define NET_UNCLOSED_MAX     64u        /* refused connections whose CLOSE is tried again; more stay open */
#define NET_RETRY_NS         100000000u /* accepting, or closing, that could not be done is tried again */

/* Tests of a program, in simulation. */
#define VKD_TRIAL_PROCESSES_MAX   8192u    /* actors and requests of one test; a start beyond it fails */
#define VKD_TRIAL_STEPS_MAX       5000000u /* ticks of the kernel; a test that takes more has failed */
#define VKD_TRIAL_TIME_MAX_NS     36000000000000000u /* 10,000 hours of its clock; likewise */
#define VKD_TRIAL_HEAP_BYTES      (16u << 20)        /* of the test's own process; out of memory */
#define VKD_TRIAL_REDUCTIONS      2500000000u        /* of it, ten seconds; CPU limit spent */
#define VKD_TRIAL_LOG_MAX_BYTES   65536u      /* of its log, shown when it fails; more lines are counted */
#define VKD_TRIAL_REQUESTS_MAX    1000u       /* of a test at once; one more fails it */
#define VKD_TRIAL_REPLY_MAX_BYTES (4u << 20)  /* body of a reply; a request with a larger one fails */
#define VKD_TRIAL_HEAD_MAX_BYTES  (64u << 10) /* head of a reply; likewise */
#define VKD_TRIAL_EPOCH_S         1767225600  /* its wall clock at the start: 2026-01-01 00:00 UTC */

/* Virtio devices of the bare machine. */
#define METAL_QUEUE_MAX        256u        /* entries of a queue; a device that offers more gets so many */
#define METAL_DEVICE_VECTORS   15u         /* interrupts of devices; one more is -VK_ENOSPC */
#define METAL_VIRTIO_MAX       8u          /* devices in use; likewise */
#define METAL_VIRTIO_RESET_NS  10000000u   /* a device that is not reset after this is -VK_EIO */
#define METAL_RNG_WAIT_NS      1000000000u /* random bytes that take longer are -VK_EIO */
#define METAL_CONSOLE_WAIT_NS  100000000u  /* a console that takes longer for a page is given up */
#define METAL_NET_BLOCKS_MIN   32u         /* pieces of frames in each direction: those of any card ... */
#define METAL_NET_MEMORY_SHARE 32u         /* ... and at most METAL_QUEUE_MAX in this part of free memory */
#define METAL_NET_MTU_MAX      9000u       /* a card that offers more is used with so much */
#define METAL_NET_HANG_NS      500000000u  /* a card that sends nothing for twice this is reset */
#define METAL_NET_RETRY_FIRST_NS \
    1000000u /* a reset in vain is tried again after this, doubled each time ... */
#define METAL_NET_RETRY_MAX_NS 1000000000u /* ... up to this */

/* The parent of the workers. */
#define VKD_WORKERS_MAX       256           /* --workers; more is refused */
#define VKD_SLOTS_MAX         60000         /* --slots and its default: about what vm.max_map_count allows */
#define VKD_DESCRIPTORS       32768u        /* soft limit asked for; more than a worker's connections */
#define VKD_BIND_TIMEOUT_NS   1000000000ull /* an address still in use after this is refused */
#define VKD_BIND_RETRY_NS     10000000ull   /* until then it is tried again after this */
#define VKD_RELAYED_MAX       1024u /* connections that `vkd metal` carries to a machine by IPv6; others wait */
#define VKD_SECOND_SIGNAL_NS  500000000ull   /* a stop signal sooner after the first means the same stop */
#define VKD_DRAIN_GRACE_NS    2000000000ull  /* after the timeout of the drain; then workers are killed */
#define VKD_REALTIME_PRIORITY 1              /* of workers under --realtime; their parent is one above */
#define VKD_REALTIME_POLL_NS  200000u        /* of polling before a sleep, likewise; then the worker sleeps */
#define VKD_QUICK_DEATH_NS    1000000000ull  /* a worker that lives no longer has died quickly */
#define VKD_RESTART_FIRST_NS  100000000ull   /* wait after two quick deaths, doubled by each in a row ... */
#define VKD_RESTART_MAX_NS    10000000000ull /* ... up to this */

/* The library, unless told otherwise (include/vk.h). */
#define VK_LIB_SERVICE_BYTES     (256u << 20) /* addresses for the tables of modules; one more is -VK_ENOMEM */
#define VK_LIB_FILE_MAX_BYTES    (512u << 20) /* of a module's file; larger is -VK_ETOOBIG */
#define VK_LIB_TICKS_MAX         16u          /* of one step; what is left is due at once */
#define VK_LIB_NAME_MAX_BYTES    64u          /* of a host function's name; longer is -VK_EINVAL */
#define VK_LIB_OPTIONS_MAX_BYTES 4096u        /* of a caller's options; larger is -VK_EINVAL */

/* The TCP stack on metal; what each costs is in docs/metal.md, "Network". */
#define METAL_LWIP_CONNS_DEFAULT 1280u  /* listeners and connections; SYNs beyond it wait for their retry */
#define METAL_LWIP_CONNS_MAX     60000u /* more is refused when the driver is created */
#define METAL_LWIP_BUFFERS_BYTES \
    (2u << 20) /* data on its way in and out; sends wait, what comes in is lost */
#define METAL_LWIP_BUFFERS_MIN_BYTES 65536u /* less is refused */
#define METAL_LWIP_WINDOW_MAX        128u /* segments on their way in each direction; more wait with the sender */
#define METAL_LWIP_WINDOW_MIN        44u  /* ... where memory is little: what 16 bits can say */
#define METAL_LWIP_LENT_MAX          64u  /* received pieces kept in the device's memory; others are copied */
#define METAL_LWIP_TIME_WAIT_MAX     128u /* the oldest beyond it are forgotten early */
#define METAL_LWIP_HALF_OPEN_MAX     512u /* the oldest gives way to a new SYN */
#define METAL_LWIP_LOOKUPS_MAX       8u   /* names asked for at once; one more is -VK_EOVERFLOW */
#define METAL_LWIP_DEFER_NS          1000000000ull /* a client that does not speak first is accepted silent */

_Static_assert(VK_SLOT_CLASS0_BYTES % VK_PAGE_BYTES == 0, "slots are whole pages");
_Static_assert(VK_SLOT_WIPE_MAX_BYTES >= VK_SLOT_CLASS0_BYTES, "slots of requests are wiped, not given back");
_Static_assert(PROC_OPS_SHARE >= PROC_RING_ENTRIES, "one run's ops may all be in flight");
_Static_assert(PROC_OPS_SHARE < PROC_OPS_MAX, "a crowd takes what is beyond the share");
_Static_assert(PROC_OPS_MAX <= PROC_REQUESTS_MAX / 64, "one process cannot take the table of ops in flight");
_Static_assert(PROC_MAILBOX_MAX <= PROC_MESSAGES_MAX / 64, "one mailbox cannot take the table of messages");
_Static_assert(INTERP_JSON_FRAMES_MAX >= 4 * INTERP_JSON_DEPTH_MAX,
               "what is read is not refused for its frames");
_Static_assert(PROC_RUNS_MAX >= PROC_EVENTS_MAX, "what one wait brings can run in the same tick");
_Static_assert(NET_TARGET_MAX_BYTES < NET_HEAD_MAX_BYTES, "a target is part of its head");
_Static_assert(NET_INPUT_PAUSE_BYTES >= NET_HEAD_MAX_BYTES,
               "a whole head can gather before receiving pauses");
_Static_assert(NET_INPUT_RESUME_BYTES < NET_INPUT_PAUSE_BYTES, "receiving does not flutter");
_Static_assert(NET_OUTPUT_MAX_BYTES >= PROC_MESSAGE_MAX_BYTES, "a message fits into an empty output");
_Static_assert(PROC_MAX >= NET_CONNS_DEFAULT + NET_STREAMS_DEFAULT, "every connection can have its process");
_Static_assert(PROC_REQUESTS_MAX >= 2 * (NET_CONNS_DEFAULT + NET_STREAMS_DEFAULT),
               "every connection can have its READ and its WRITE in flight");
_Static_assert(NET_LINGER_TIMEOUT_NS < NET_DRAIN_TIMEOUT_NS, "a drain lets the last answers arrive");
_Static_assert(NET_DRAIN_ARRIVAL_NS + NET_DRAIN_SILENT_NS < NET_DRAIN_TIMEOUT_NS,
               "who comes in last can be answered");

#endif
