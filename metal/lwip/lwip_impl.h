/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the driver, shared by its files: driver.c (requests and the
 * wait), conn.c (lwIP's call-backs), card.c (frames), address.c, mem.c.
 *
 * lwIP's call-backs only note what happened and put the connection into a
 * list; every call that could free what lwIP is working on is made from wait
 * or submit, never from inside of lwIP.
 */
#ifndef METAL_LWIP_LWIP_IMPL_H
#define METAL_LWIP_LWIP_IMPL_H

#include "metal/lwip/driver.h"
#include "net/io_table.h"
#include "vk/limits.h"

#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <stdatomic.h>

#define METAL_LWIP_CLASSES   5u
#define METAL_LWIP_CLASS_PCB 2u

#define METAL_LWIP_BUCKETS      256u
#define METAL_LWIP_BUCKET_ALL   METAL_LWIP_BUCKETS /* all connections */
#define METAL_LWIP_BUCKET_NONE  (METAL_LWIP_BUCKETS + 1u)
#define METAL_LWIP_BUCKET_WORDS 5u /* of an IPv6 address and two ports */

struct metal_lwip_class {
    uint8_t *base;
    void *free_first; /* threaded through the free blocks */
    uint32_t made;    /* blocks ever used */
    uint32_t max;
    uint32_t in_use;
};

struct metal_lwip_mem {
    struct metal_lwip_class classes[METAL_LWIP_CLASSES]; /* in ascending order of their places */
    uint64_t shorts;
};

struct metal_lwip_chance {
    uint64_t key[2]; /* of the sequence numbers' hash */
    uint64_t bucket_keys[METAL_LWIP_BUCKET_WORDS];
    uint32_t words[64];
    uint32_t left;
};

/* A piece of the device's memory that lwIP holds as a pbuf. */
struct metal_lwip_lent {
    struct pbuf_custom pbuf; /* first */
    struct net_dev_buf *buf;
    struct metal_lwip_lent *next; /* while free */
};

enum metal_lwip_queue {
    METAL_LWIP_QUEUE_NONE,
    METAL_LWIP_QUEUE_DEFER,  /* accepted by lwIP, its first bytes are waited for */
    METAL_LWIP_QUEUE_ACCEPT, /* waits for an ACCEPT of its listener */
};

/* What a connection or listener is now; cleared when its entry is taken. */
struct metal_lwip_state {
    struct tcp_pcb *pcb; /* NULL: not connected yet, or over */
    struct pbuf *rx_first,
        *rx_last; /* received, not delivered; linked by next, their tot_len means nothing */
    uint32_t rx_pieces;
    uint32_t rx_lent_bytes; /* delivered, their place in the window not given back yet */
    int32_t rx_end;         /* 1: goes on; 0: end of stream; else the error */
    int32_t tx_end;         /* 0: may send; else what a SEND gets */
    int32_t connected;      /* 1: not known yet; else the result of CONNECT */
    uint64_t acked;         /* bytes that the peer took */
    struct proc_addr peer;
    uint64_t since_ns;     /* in the list of those deferred: since when */
    uint32_t listener;     /* while in a queue */
    uint32_t queue_next;   /* in its queue ... */
    uint32_t queue_prev;   /* ... likewise */
    uint32_t accept_first; /* listener: its queue of those to be accepted */
    uint32_t accept_last;
    uint8_t queue;     /* enum metal_lwip_queue */
    bool is_deferring; /* listener */
};

/* Lists of connections with something to do. */
enum metal_lwip_work {
    METAL_LWIP_READY,   /* something to deliver, or to accept */
    METAL_LWIP_UNSENT,  /* outgoing operations to go on with */
    METAL_LWIP_TOUCHED, /* received something: window and acknowledgement */
    METAL_LWIP_WORKS,
};

struct metal_lwip_conn {
    struct metal_lwip_state s;

    /* Its places in the lists, which outlive its entry. */
    uint32_t work_next[METAL_LWIP_WORKS]; /* index 0: the end */
    bool has_work[METAL_LWIP_WORKS];
};

struct metal_lwip_list {
    uint32_t first, last;
};

struct metal_lwip_question {
    struct metal_lwip_lookup *lookup; /* NULL: free, or forgotten while lwIP asks on */
    bool is_asked;                    /* lwIP will call back with it */
};

struct metal_lwip {
    struct proc_io io; /* first */
    struct net_dev *dev;
    struct net_table table;
    struct metal_lwip_conn *conns; /* by index of the table */
    struct metal_lwip_list works[METAL_LWIP_WORKS];
    uint32_t starved_first;          /* taken out of METAL_LWIP_UNSENT while there is no memory for them */
    struct metal_lwip_list deferred; /* of all listeners, oldest first */
    struct pbuf *lent_pieces;        /* delivered since the last wait, linked by next */
    uint64_t now_ns;
    atomic_bool is_woken;
    bool is_choked; /* the device had no room */

    struct tcp_pcb *buckets[METAL_LWIP_BUCKETS]; /* lwIP's connections, while it is not shown them */
    uint32_t bucket_shown;

    struct metal_lwip_mem mem;
    uint32_t
        window_segments; /* of each connection: what its peer may send, and what waits to be acknowledged */
    struct metal_lwip_chance chance;

    struct netif netif;
    struct net_dev_caps caps;
    struct metal_lwip_lent lents[METAL_LWIP_LENT_MAX];
    struct metal_lwip_lent *lent_free;
    struct metal_lwip_config config;
    ip_addr_t router6; /* config.router6 as lwIP has it */
    struct metal_lwip_question questions[METAL_LWIP_LOOKUPS_MAX];
    uint64_t frames_in, frames_out, frames_lost;
};

/* The one that lives: lwIP's call-backs for memory and time name none. */
extern struct metal_lwip *metal_lwip_the;

VK_INLINE uint32_t metal_lwip_index(const struct metal_lwip *d, const struct metal_lwip_conn *conn)
{
    return (uint32_t)(conn - d->conns);
}

/* ---- mem.c ---- */

size_t metal_lwip_mem_bytes(const struct metal_lwip_options *options);
int metal_lwip_mem_init(struct metal_lwip_mem *mem, const struct metal_lwip_options *options,
                        struct vk_region *region);

uint64_t metal_lwip_mem_used(const struct metal_lwip_mem *mem);

/* What a connection may have on its way in each direction, in segments: METAL_LWIP_WINDOW_MIN to _MAX. */
uint32_t metal_lwip_window(const struct metal_lwip_mem *mem);

/* Pieces of data that one connection may hold in each direction at the moment; at least 1. */
uint32_t metal_lwip_share(const struct metal_lwip *d);

/* ---- buckets.c ---- */

/* Where a connection belongs, and the segment in a frame; or METAL_LWIP_BUCKET_ALL, _NONE. */
uint32_t metal_lwip_bucket_of(const struct metal_lwip *d, const struct tcp_pcb *pcb);
uint32_t metal_lwip_bucket_of_frame(const struct metal_lwip *d, const uint8_t *frame, uint32_t len);
/* Let lwIP see these connections until hide; not while it sees others. */
void metal_lwip_show(struct metal_lwip *d, uint32_t bucket);
void metal_lwip_hide(struct metal_lwip *d);
/* tcp_abandon of a connection in any state, whatever lwIP sees now. */
void metal_lwip_abandon(struct metal_lwip *d, struct tcp_pcb *pcb, bool reset);

/* ---- conn.c ---- */

/* Put it behind the others of the list, unless it is in there. */
void metal_lwip_push(struct metal_lwip *d, enum metal_lwip_work work, uint32_t index);

/* Start to connect; 0, or what CONNECT gets. */
int metal_lwip_connect(struct metal_lwip *d, uint32_t index);
/* A listener on addr: 0, or what listen returns; *ret_bound is set. */
int metal_lwip_bind(struct metal_lwip *d, uint32_t index, const struct proc_addr *addr,
                    struct proc_addr *ret_bound);
/* The first connection of a listener's queue; 0: none. Its number is known to the caller from now on. */
uint32_t metal_lwip_accept(struct metal_lwip *d, uint32_t listener);
/* Those deferred for too long are accepted silent; when to look again. */
uint64_t metal_lwip_ripen(struct metal_lwip *d);
/* Give the room of what was delivered back to the peer. */
void metal_lwip_open_window(struct metal_lwip *d, struct metal_lwip_conn *conn);
/* No more sends: the peer sees the end. 0, or what SHUTDOWN gets. */
int metal_lwip_finish(struct metal_lwip_conn *conn);
/* Over: reset, or in order (the rest is lwIP's matter). Frees all that the entry holds. */
void metal_lwip_drop(struct metal_lwip *d, uint32_t index, bool abort);
/* Forget the oldest connections in TIME_WAIT when there are too many. */
void metal_lwip_trim(struct metal_lwip *d);

/* ---- card.c ---- */

int metal_lwip_card_init(struct metal_lwip *d);
void metal_lwip_card_fini(struct metal_lwip *d);
/* Take in what came. */
void metal_lwip_card_poll(struct metal_lwip *d);

/* ---- address.c ---- */

void metal_lwip_address_init(struct metal_lwip *d);
void metal_lwip_address_fini(struct metal_lwip *d);
void metal_lwip_addr_from(const ip_addr_t *ip, uint16_t port, struct proc_addr *ret_addr);
/* False for an unknown family. */
bool metal_lwip_addr_to(const struct metal_lwip *d, const struct proc_addr *addr, ip_addr_t *ret_ip);

#endif
