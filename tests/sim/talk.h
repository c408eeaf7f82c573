/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripted conversations over the simulation: one server, a few callers, and
 * a test that says what each says and hears, tick for tick in virtual time.
 * What a handler does is written in the request itself, or in talk_script for
 * raw streams: letters, some with a number behind.
 *
 *   a      answer 200 "ok"               t<status>  answer with a status' text
 *   b<n>   begin an answer of n bytes    B          ... of unknown length
 *   g<st>  begin one of that status      P<flags>   RESPOND with 19 bytes "HTTP/1.1 200 OK\r\n\r\n"
 *   r<n>   READ n bytes at most          R          READ till the end
 *   w<n>   WRITE n bytes, all of them    W<n>       one WRITE
 *   s      SHUTDOWN                      k          KILL
 *   c      close the handle              h<n>       go on with handle n
 *   A      ACCEPT, go on with it         C          CONNECT, the same
 *   F<fl>  FRAME                         z<ms>      sleep
 *   j<n>   a second fiber READs n        J<n>       a second fiber WRITEs n
 *   K      KILL, without an answer
 *   x      crash                         f          fail
 *   n      (first) do not parse the head
 *
 * Each op that has an answer writes its letter and that, a length or an
 * error, to talk.log.
 */
#ifndef TESTS_SIM_TALK_H
#define TESTS_SIM_TALK_H

#include "net/server.h"
#include "net/stream.h"
#include "sim/sim.h"
#include "vk/limits.h"

#define TALK_CALLERS  16u
#define TALK_HEARD    200000u
#define TALK_LOG      4096u
#define TALK_STREAMS  8u
#define TALK_NS       1000000000ull
#define TALK_LISTENER 2u /* handles of a stream's process */
#define TALK_CONNECTS 3u

struct caller {
    uint32_t end;
    bool is_used;
    bool is_open;
    bool is_deaf;    /* reads only when told to */
    bool is_gone;    /* left itself */
    int end_err;     /* how its stream ended: -VK_ECLOSED, -VK_ERESET, -VK_EREFUSED */
    uint64_t end_ns; /* when */
    uint32_t len;    /* heard since the last look */
    uint64_t total;  /* ... and ever */
    char heard[TALK_HEARD];
};

struct talk_options {
    struct net_server_options server; /* program and env are the talk's */
    uint32_t socket_bytes;            /* 0: 65536 */
    uint16_t overflow;                /* odds of the driver's refusals */
    uint32_t processes_max;           /* 0: 64 */
    bool is_tcp;                      /* a raw service instead of HTTP */
    bool uses;                        /* processes of talk_start with a listener and a connector */
};

struct talk {
    struct sim *sim;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server;
    struct net_streams *streams;
    struct proc_addr addr;
    uint32_t listener;
    uint64_t begun_ns;
    const char *script; /* of a stream's process */
    char log[TALK_LOG];
    uint32_t log_len;
    char last_line[200]; /* of the kernel's log */
    struct caller callers[TALK_CALLERS];
};

extern struct talk talk;

void talk_begin(const struct talk_options *options);
/* Every caller leaves, the server drains, nothing is left behind. */
void talk_end(void);

/* With options.uses: another process of the listener and the connector. */
void talk_start(const char *script);

/* Let so much virtual time pass. */
void talk_pass(uint64_t ns);

struct caller *talk_call(void); /* connected when it returns, or refused */
void talk_say(struct caller *caller, const char *text);
uint32_t talk_say_bytes(struct caller *caller, const void *bytes, uint32_t len); /* how many fitted */
uint32_t talk_hear(struct caller *caller, uint32_t max); /* for the deaf: how many bytes it took */
void talk_leave(struct caller *caller);
void talk_reset(struct caller *caller);
void talk_finish(struct caller *caller); /* says no more */

/* Compare and forget what was heard since the last look; Date fields are left out. */
bool talk_heard(struct caller *caller, const char *wanted);
bool talk_logged(const char *wanted);

/* One test of a table; run prints its name when it fails. */
struct talk_case {
    const char *name;
    void (*run)(void);
};
extern const struct talk_case talk_cases_http[]; /* end with a NULL name */
extern const struct talk_case talk_cases_stream[];

void talk_failed(const char *where, const char *what) __attribute__((noreturn));
#define CHECK(cond)                                            \
    do {                                                       \
        if (!(cond))                                           \
            talk_failed(__FILE__ ":" VK_STR(__LINE__), #cond); \
    } while (0)

#endif
