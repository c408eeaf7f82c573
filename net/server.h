/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP service of a kernel: listeners, connections, and one process per
 * request. The kernel side finds the end of a head, starts a process with it,
 * decodes bodies as that process framed them, keeps the order of responses,
 * and enforces limits and deadlines. It never parses a head: a bug in the
 * parser is one connection's bug.
 *
 * What a process asks of its connection (handle PROC_HANDLE_ORIGIN):
 * HTTP_FRAME once, then READ for the body, HTTP_RESPOND once, then WRITE for
 * the rest of the response. See net/request.h for the process's side.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "proc/service.h"

/* Flags of PROC_OP_HTTP_FRAME; arg is the length for NET_FRAME_LENGTH. */
enum {
    NET_FRAME_LENGTH = 1u << 0,  /* the request has a body of arg bytes */
    NET_FRAME_CHUNKED = 1u << 1, /* ... of chunks */
    NET_FRAME_CLOSE = 1u << 2,   /* the connection ends after this response */
    NET_FRAME_EXPECT = 1u << 3,  /* the client waits for 100 Continue */
    NET_FRAME_HEAD = 1u << 4,    /* answers HEAD: WRITE and SHUTDOWN end with -VK_ECLOSED */
    NET_FRAME_UNKNOWN = 1u << 5, /* the head was not valid: what follows it belongs to nothing */
    NET_FRAME_OLD = 1u << 6,     /* the client speaks HTTP/1.0 */
};

/*
 * Flags of PROC_OP_HTTP_RESPOND. Its bytes are the response head and, behind
 * it, as much of the body as there is; NET_RESPOND_MAX_BYTES at most. Without
 * LENGTH or CHUNKED that is all of the response.
 */
enum {
    NET_RESPOND_LENGTH = 1u << 0,  /* arg more bytes of body follow by WRITE */
    NET_RESPOND_CHUNKED = 1u << 1, /* what follows by WRITE is sent in chunks; SHUTDOWN ends the body */
    NET_RESPOND_CLOSE = 1u << 2,   /* the connection ends after this response */
    NET_RESPOND_STREAM = 1u << 3,  /* what follows is sent as it is, until SHUTDOWN closes the connection */
    NET_RESPOND_TELL =
        1u << 4, /* when the client goes, WRITE says so (-VK_ECLOSED) and the process lives on */
};

#define NET_RESPOND_MAX_BYTES 65536u

/* What the requests of a listener run. */
struct net_handler {
    const struct proc_program *program; /* started for every request, the head as its argument */
    uint64_t deadline_ns;               /* of one request's process; 0: none */
    /*
     * Started when a request's process ended abnormally before it answered, to
     * answer in its place; its argument is a struct net_crash. Nobody answers for
     * this one. NULL: 500 with the crash number.
     */
    const struct proc_program *crash;
};

/* What the process that answers for a dead one is started with; words_len bytes follow. */
struct net_crash {
    uint64_t id;        /* as in the log */
    uint16_t frame;     /* NET_FRAME_*, as the dead one said */
    uint16_t words_len; /* why it ended: bytes of which nothing is known, PROC_WORDS_MAX_BYTES at most */
    uint32_t reserved;
};

/* Zero means the default of vk/limits.h everywhere. */
struct net_server_options {
    struct net_handler handler; /* of the listeners that bring none of their own */
    const struct proc_env *env; /* may be NULL; must outlive the server */
    struct vk_span name;        /* of the Server field in the kernel's own answers; "vkd" by default */
    uint32_t conns_max;
    uint64_t head_timeout_ns;
    uint64_t idle_timeout_ns;
    uint64_t body_timeout_ns;
    uint64_t write_timeout_ns;
};

struct net_server_counters {
    uint64_t accepted;
    uint64_t requests; /* processes started */
    uint64_t refused;  /* answered by the kernel itself: 4xx, 5xx */
    uint64_t overload; /* of those: 503 */
    uint32_t conns;    /* open now */
    uint32_t busy;     /* of those with a process */
};

struct net_server;

/* Memory comes from the kernel's service region. -VK_ENOMEM. */
int net_server_create(struct proc_kernel *kernel, const struct net_server_options *options,
                      struct net_server **ret_server);
size_t net_server_region_bytes(uint32_t conns_max);

/*
 * Accept connections of a listener of the kernel's driver. handler outlives
 * the server; NULL: that of the options. -VK_ENOSPC: too many listeners;
 * -VK_EINVAL: there is no handler; -VK_ECANCELED: it has closed its listeners;
 * -VK_EIO: the driver takes no more requests now.
 */
int net_server_listen(struct net_server *server, uint32_t listener, const struct net_handler *handler);

/* A connection that was accepted elsewhere. */
struct net_attach {
    const struct net_handler *handler; /* outlives the server */
    struct vk_span received;           /* of it already; copied, at most NET_HEAD_MAX_BYTES */
    bool is_single;                    /* answer one request, then end it */
};

/*
 * Serve a connection of the kernel's driver. -VK_ENOSPC: too many; -VK_ETOOBIG
 * received; -VK_ENOMEM. On failure it is still the caller's.
 */
int net_server_attach(struct net_server *server, uint32_t io, const struct net_attach *attach);

/*
 * Stop. Connections idle for NET_DRAIN_RECENT_NS are closed now, the others
 * after their next answer, which says so, or NET_DRAIN_GRACE_NS after the last
 * one when none follows. What is not answered at deadline_ns is cut off, with
 * 503 where nothing was sent yet: a line of the log says how many. Whoever waits in the OS's queue was let in
 * by it, so accepting goes on until net_server_unlisten, or until deadline_ns.
 */
void net_server_drain(struct net_server *server, uint64_t deadline_ns);

/* The last step of draining: close the listeners. Connections accepted until then are served. */
void net_server_unlisten(struct net_server *server);

/* No connection is open and, while draining, no listener. */
bool net_server_is_idle(const struct net_server *server);

void net_server_counters(const struct net_server *server, struct net_server_counters *ret_counters);

/*
 * The same, the kernel's and its stores', for processes: READ gives all of them as lines
 * "name value" (of a store "store_NAME_hits value"; -VK_ETOOBIG when they do not fit), over and over.
 */
struct proc_object net_server_gauges(struct net_server *server);

#endif
