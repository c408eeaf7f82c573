/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server program around one function: a small parent opens the listeners,
 * forks the workers, restarts those that die and passes a request to stop on.
 * The parent keeps every listener open, so connections made while a worker is
 * being replaced wait in its queue and are not refused.
 *
 * A worker has SIGTERM, SIGINT, SIGHUP and SIGPIPE ignored and is told to stop
 * through a descriptor: no handler of ours ever runs over a process's code.
 * A worker whose parent is gone is killed by the kernel.
 */
#ifndef VKD_DAEMON_H
#define VKD_DAEMON_H

#include "vkd/app.h"
#include "vkd/options.h"

/* What a worker is given. Valid until its function returns. */
struct vkd_worker {
    const struct vkd_options *options;
    uint32_t index;                    /* 0 .. options->workers - 1; kept over a restart */
    struct vkd_listens bound;          /* where it listens, with the ports really bound */
    int listen_fds[NET_LISTENERS_MAX]; /* bound, listening, blocking, close-on-exec; its own (SO_REUSEPORT) */
    int stop_fd; /* stream socket; each byte asks for counters in the log, the end of stream for draining */

    /* private */
    const char *program;
};

/*
 * The body of a worker; runs in a process of its own. It calls
 * vkd_worker_ready once it accepts, serves until stop_fd reads the end of the
 * stream, then accepts and serves what waits in listen_fds, drains within
 * NET_DRAIN_TIMEOUT_NS and returns 0. By then they let nobody new in, so
 * what waits there comes to an end. Any other value is the exit status of a
 * worker that failed. What it returns while not told to stop is a death, but for
 * VKD_WORKER_OVER.
 */
#define VKD_WORKER_OVER 3 /* what it returns when no other worker could do better: the server ends with 1 */
typedef int (*vkd_serve_fn)(const struct vkd_worker *worker, void *ctx);

struct vkd_service {
    const char *about;  /* one line for --help */
    const char *scheme; /* "http", "tcp": of the line that says where it listens */
    bool client_first;  /* the client speaks first: a connection is accepted with its first bytes */
    bool one_worker;    /* --workers above 1 is refused: it keeps what another worker could not reach */
    uint32_t own_slots; /* taken by processes of its own; --slots that leaves none for clients is refused */
    /* Where it listens, --listen taking the place of the first; NULL: only there. */
    const struct vkd_listens *listens;
    vkd_serve_fn serve;
    void *ctx;
};

/*
 * Tell the parent that this worker accepts, and with what; the names are in
 * the line "listening on ..." (at most VKD_NAME_MAX bytes of each are kept).
 */
#define VKD_NAME_MAX 31u
void vkd_worker_ready(const struct vkd_worker *worker, const char *driver, const char *guard);

/*
 * Say on standard error, after the program's name, why the worker cannot
 * start: one sentence that tells what to do. Returns the exit status, 1.
 */
int vkd_worker_refuse(const struct vkd_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Serve with these options until SIGTERM, SIGINT or SIGHUP (unless SIGHUP was
 * ignored at the start: nohup); a second one, VKD_SECOND_SIGNAL_NS later or
 * more, ends the workers at once. Returns the exit status: 0 when every worker drained
 * in time, 1 otherwise or when the server could not start, 2 when the service refuses the options
 * (both said on standard error).
 * Signals it took stay blocked: the program is about to exit. Raises the soft
 * limit of descriptors towards the hard one.
 */
int vkd_daemon_run(const struct vkd_service *service, const struct vkd_options *options, const char *program);

/* A program's whole main: vkd_options_parse, vkd_daemon_run. */
int vkd_main(const struct vkd_service *service, int argc, char **argv);

#endif
