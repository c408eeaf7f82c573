/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in a simulated world, as a list that can be drawn from a seed,
 * written to a file, read back, and shortened: settings of the world, and
 * events at their times. Whatever else is chance follows from the seed that
 * stands in it, so a script is a whole run.
 *
 * As text, one line each: `seed N`, `app PATH`, `set NAME VALUE` for what is
 * not as usual, and `NS EVENT WHAT N`; `#` begins a comment.
 */
#ifndef VKD_SIM_SCRIPT_H
#define VKD_SIM_SCRIPT_H

#include "sim/sim.h"

#include <stdio.h>

/*
 * X(name, usual, least, most): the settings. The odds of the network in parts
 * per 10,000, by the names of struct sim_odds; then the sizes of tables, and
 * the kind of guard (enum vk_guard_kind), the tick at which the server drains (0:
 * none), and whether a process of a program that is a file may fail.
 */
#define VKD_SIM_ODDS(X) \
    X(partial_read)     \
    X(partial_write)    \
    X(reset)            \
    X(reset_discard)    \
    X(refuse)           \
    X(emfile) X(delay) X(reorder) X(step_delay) X(multi_end) X(short_batch) X(spurious) X(jump) X(overflow)
#define VKD_SIM_SIZES(X)              \
    X(socket_kib, 64, 4, 64)          \
    X(descriptors, 64, 3, 64)         \
    X(conns, 56, 1, 56)               \
    X(processes, 256, 8, 256)         \
    X(handles, 1024, 16, 1024)        \
    X(requests, 4096, 16, 4096)       \
    X(slots, 128, 4, 128)             \
    X(buffers, 256, 16, 256)          \
    X(parks, 128, 1, 128)             \
    X(jump_ms, 20000, 1, 1000000)     \
    X(wait_cost_ns, 1000, 1, 1000000) \
    X(guard, 1, 1, 2)                 \
    X(ticks, 0, 0, 1000000)           \
    X(failures, 0, 0, 1)

enum vkd_setting {
#define X(name) VKD_SET_##name,
    VKD_SIM_ODDS(X)
#undef X
#define X(name, usual, least, most) VKD_SET_##name,
        VKD_SIM_SIZES(X)
#undef X
            VKD_SETTINGS
};

/* What an event is; WHAT is a manner, a route or a thing, by its name in the text. */
enum vkd_event_kind {
    VKD_EVENT_CLIENT,  /* one connects, in manner `what`; N: its own chance */
    VKD_EVENT_ASK,     /* ... and asks this: route `what` with number N */
    VKD_EVENT_HOLD,    /* `what` is short: all but N of them are taken for a while */
    VKD_EVENT_JUMP,    /* the clock jumps N ms */
    VKD_EVENT_KILL,    /* a process ends: the N-th of those alive */
    VKD_EVENT_DRAIN,   /* the server drains, for N ms at most */
    VKD_EVENT_WEATHER, /* the network is as the settings say (N 1), or fair (N 0) */
    VKD_EVENT_KINDS
};

/* How a client behaves. */
enum vkd_manner {
    VKD_MANNER_PLAIN,      /* sends all at once, reads at once */
    VKD_MANNER_DRIP,       /* sends byte by byte */
    VKD_MANNER_SLOW,       /* reads a little now and then */
    VKD_MANNER_HALF_CLOSE, /* ends its stream behind the last request */
    VKD_MANNER_RESET,      /* resets at some time */
    VKD_MANNER_STOP,       /* stops in the middle of a head, and waits */
    VKD_MANNER_SILENT,     /* says nothing, and waits */
    VKD_MANNER_DEAF,       /* asks for a lot and never reads */
    VKD_MANNER_BAD,        /* sends what is no HTTP */
    VKD_MANNER_IDLE,       /* all answered, stays until the server closes */
    VKD_MANNER_TURNS,      /* asks the next when the last is answered */
    VKD_MANNER_RAW,        /* speaks to the raw service, and hears the same */
    VKD_MANNERS
};

/* What is asked, of the programs that come with the simulator. */
enum vkd_route {
    VKD_ROUTE_ID,     /* the digits of N */
    VKD_ROUTE_WAIT,   /* the same after N % 3000 ms */
    VKD_ROUTE_ECHO,   /* a body there and back, in one piece or in chunks */
    VKD_ROUTE_BIG,    /* a body of N % 20000 bytes, streamed */
    VKD_ROUTE_CRASH,  /* the process crashes */
    VKD_ROUTE_FAIL,   /* ... ends without an answer */
    VKD_ROUTE_GONE,   /* nothing is there */
    VKD_ROUTE_COUNT,  /* an actor counts, and says N */
    VKD_ROUTE_KICK,   /* the actor crashes */
    VKD_ROUTE_STORE,  /* a counter in a store: no number comes twice */
    VKD_ROUTE_FIBERS, /* N % 8 fibers that sleep, and their sum */
    VKD_ROUTE_PEEK,   /* a process reads all of its fresh heap */
    VKD_ROUTE_SERVED, /* by a handle that a process serves */
    VKD_ROUTE_CHILD,  /* a process that starts others, with links and monitors */
    VKD_ROUTE_RELAY,  /* by a raw stream to the server itself */
    VKD_ROUTE_FLOOD,  /* more calls at a time than the keeper's mailbox holds */
    VKD_ROUTE_LATE,   /* a handler that its deadline ends */
    VKD_ROUTE_ALL,    /* all of the language */
    VKD_ROUTES
};

/* What may be short. */
enum vkd_scarce { VKD_SCARCE_BUFFERS, VKD_SCARCE_PROCESSES, VKD_SCARCES };

struct vkd_event {
    uint64_t at_ns; /* since the server stands */
    uint32_t kind;  /* enum vkd_event_kind */
    uint32_t what;
    uint32_t n;
};

#define VKD_SCRIPT_EVENTS_MAX 512u

/* Which program is served. */
enum vkd_program { VKD_PROGRAM_NATIVE, VKD_PROGRAM_LANGUAGE, VKD_PROGRAM_FILE };

struct vkd_script {
    uint64_t seed;
    enum vkd_program program;
    char path[512]; /* of VKD_PROGRAM_FILE */
    uint32_t set[VKD_SETTINGS];
    uint32_t count;
    struct vkd_event events[VKD_SCRIPT_EVENTS_MAX];
};

/* Draws one. routes: how many a program that is a file has. */
void vkd_script_draw(struct vkd_script *script, uint64_t seed, enum vkd_program program, uint32_t routes);

/* All settings as usual, and no events. */
void vkd_script_clear(struct vkd_script *script, uint64_t seed);

uint32_t vkd_setting_usual(enum vkd_setting setting);
void vkd_script_odds(const struct vkd_script *script, struct sim_odds *ret_odds);
/* Nothing excuses an answer that does not come. */
bool vkd_script_is_fair(const struct vkd_script *script);
/* Nothing is short, nobody is killed, and the clock does not jump. */
bool vkd_script_is_provided(const struct vkd_script *script);

void vkd_script_write(const struct vkd_script *script, FILE *to);
/* *ret_line, from 1 on, and the sentence returned say what is wrong; NULL: nothing. */
const char *vkd_script_read(struct vkd_script *script, FILE *from, uint32_t *ret_line);

extern const char *const vkd_manner_names[VKD_MANNERS];
extern const char *const vkd_route_names[VKD_ROUTES];

#endif
