/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores: temporary values behind a handle. A store is a bounded table from
 * keys to values (vk/kv.h) in the kernel's memory: nothing of it is on any
 * disk, and when it is full it forgets what was not used for longest. A
 * process that holds the handle asks by CALL, with a struct proc_store_ask and
 * bytes behind it, as it would ask a process, so that a process may stand in
 * front of a store, or in its place. One that does not hold the handle cannot
 * name it. Everybody gets copies.
 *
 * A CALL is answered at once, one after the other: what one of them does,
 * whatever it is, happens between those of others. So INCREMENT, ADD and SWAP
 * are all that counters, locks and changes of a value need.
 */
#ifndef PROC_STORE_H
#define PROC_STORE_H

#include "proc/service.h"

enum proc_store_what {
    PROC_STORE_GET = 1,   /* the answer is the value; -VK_ENOENT: there is none */
    PROC_STORE_TAKE,      /* the same, and it is no longer there */
    PROC_STORE_PUT,       /* the key has that value now, whatever it had */
    PROC_STORE_ADD,       /* unless it has one: -VK_EEXIST */
    PROC_STORE_SWAP,      /* if it has the old one, byte for byte; -VK_ENOENT, -VK_EEXIST: it has another */
    PROC_STORE_INCREMENT, /* an int64_t grows by `by`, from 0 where there is none; the answer is the new one.
                             -VK_ERANGE: it would not fit; -VK_EINVAL: the value is none; nothing happened */
};

/*
 * The message of a CALL: this, key_len bytes of key, old_len bytes (of SWAP:
 * the old value), and the rest is the value (of PUT, ADD and SWAP). What is
 * malformed is -VK_EINVAL; a key or value that is too large for a PUT, ADD,
 * SWAP or INCREMENT -VK_ETOOBIG (PROC_STORE_KEY_MAX_BYTES, PROC_STORE_VALUE_MAX_BYTES).
 */
struct proc_store_ask {
    uint8_t what; /* enum proc_store_what */
    uint8_t reserved[3];
    uint32_t key_len;
    uint32_t old_len;
    uint32_t reserved_too;
    /*
     * How long the value is there from now on; 0: as the store says. INCREMENT
     * does not change the time of a value that is there.
     */
    uint64_t ttl_ns;
    int64_t by; /* of INCREMENT */
};
_Static_assert(sizeof(struct proc_store_ask) == 32, "layout of a message");

struct proc_store_options {
    const char *name;     /* for the log; lives as long as the store */
    uint32_t entries_max; /* 1 .. VK_TABLE_MAX - 1 */
    uint32_t bytes_max;   /* of keys and values, in pieces of 128; 128 .. VK_KV_BYTES_MAX */
    uint64_t ttl_ns;      /* of values whose ask says none; 0: for ever */
};

struct proc_store;

/* In the kernel's region, for as long as the kernel lives. 0, -VK_EINVAL, -VK_ENOMEM, -VK_EIO (no entropy).
 */
int proc_store_create(struct proc_kernel *kernel, const struct proc_store_options *options,
                      struct proc_store **ret_store);

/* Region bytes it takes, for proc_kernel_options.service_bytes. */
size_t proc_store_region_bytes(const struct proc_store_options *options);

/* For an environment, or proc_handle_new. Its handle may be duplicated and sent. */
struct proc_object proc_store_object(struct proc_store *store);

struct proc_store_counters {
    const char *name;
    uint32_t entries; /* held, those included whose time is over and whose room was not needed yet */
    uint32_t bytes;   /* of memory that they take */
    uint64_t hits;    /* GET and TAKE that found something */
    uint64_t misses;  /* that did not */
    uint64_t evicted; /* entries forgotten for want of room */
    uint64_t expired; /* entries whose time was over, given back */
};

void proc_store_counters(const struct proc_store *store, struct proc_store_counters *ret_counters);

/* Forget those that were made after that one, or all; nobody has their objects. Their memory is the region's.
 */
void proc_stores_forget(struct proc_kernel *kernel, const struct proc_store *after);

/* The stores of a kernel one after the other, as they were made: NULL gives the first, and is the end. */
const struct proc_store *proc_store_after(const struct proc_kernel *kernel, const struct proc_store *store);

/* A line for the log: "store reports: 12 entries, 1536 bytes, 40 hits, 12 misses, 0 evicted, 3 expired". */
void proc_store_print(const struct proc_store *store, struct vk_out *out);

#endif
