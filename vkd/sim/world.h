/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated world: one server, whole, on the simulated network, the clients
 * of a script, and what must hold after each tick. It runs in an OS process of
 * its own: what does not hold ends that, with the reason in memory that the
 * parent shares.
 */
#ifndef VKD_SIM_WORLD_H
#define VKD_SIM_WORLD_H

#include "net/bind/host.h"
#include "net/server.h"
#include "net/stream.h"
#include "sim/rand.h"
#include "vkd/sim/script.h"

#define PEERS_MAX       64u
#define EXPECTS_MAX     16u
#define OUT_BYTES       131072u
#define SECOND_NS       1000000000ull
#define ECHO_BYTES      3000u
#define LARGE_BYTES     60000u
#define BIG_BYTES       20000u
#define HUGE_BYTES      10000000u
#define VKD_DEADLINE_NS (60 * SECOND_NS) /* of a request, in the programs that come with the simulator */
#define RAW_MAX         32u              /* raw streams at a time */
#define TALES_BYTES     65536u           /* of the last lines of a run; a power of two */

/* What the parent sees of a run. */
struct vkd_told {
    uint64_t seed;  /* whose script runs */
    uint64_t runs;  /* that ended well */
    uint64_t trace; /* of the last one */
    uint64_t ticks; /* of all */
    uint64_t asked; /* requests that clients sent whole, of all runs */
    uint64_t answered;
    uint64_t cpu_ns; /* of the ticks and the clients, without making worlds */
    uint64_t tick;   /* of this run */
    uint64_t now_ns; /* likewise, since the server stands */
    bool is_endless; /* it took too long: ... */
    bool is_broken;  /* something did not hold: */
    char why[512];
    bool has_tales;     /* set by the parent: tell what happens */
    uint32_t tales_len; /* ever */
    char tales[TALES_BYTES];
};

enum vkd_expect_kind { EXPECT_TEXT, EXPECT_ECHO, EXPECT_BIG, EXPECT_STORE, EXPECT_ERROR, EXPECT_ANY };

/* What the answer to a request must be. */
struct vkd_expect {
    enum vkd_expect_kind kind;
    uint32_t n;        /* TEXT: the number; ECHO, BIG: bytes; ERROR: the status */
    uint32_t alt;      /* another status that is right; 0: none */
    uint64_t after_ns; /* it cannot come sooner after the client has connected */
    uint32_t tag;      /* stands in the request, and in no other */
    bool is_head;      /* a HEAD: no body */
};

enum vkd_body { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct vkd_world;

struct vkd_peer {
    struct vkd_world *world;
    enum vkd_manner manner;
    struct sim_rand rand; /* its own chance, so that the others change nothing of it */
    uint32_t number;
    uint32_t end;
    bool is_open;
    bool is_over;
    bool is_planned;
    int end_err; /* how its stream ended: -VK_ECLOSED, -VK_ERESET, -VK_EREFUSED; 0: it left itself */
    uint64_t opened_ns;
    uint64_t sent_ns;  /* last byte sent */
    uint64_t heard_ns; /* last byte received */
    uint64_t over_ns;
    uint64_t event_ns[2]; /* when the network last stirred, and the time before */

    uint32_t out_len;
    uint32_t out_sent;
    struct vkd_expect expects[EXPECTS_MAX];
    uint32_t ends[EXPECTS_MAX]; /* of each request, in out */
    uint32_t expects_count;

    /* answers */
    uint32_t answered; /* of a raw one: bytes heard */
    bool is_body;
    bool said_close; /* the last answer had Connection: close */
    char head[2048];
    uint32_t head_len;
    uint32_t status;
    enum vkd_body body;
    uint64_t body_left; /* of the length, or of the chunk */
    uint64_t body_pos;
    uint32_t chunk_state;
    bool is_last_chunk;
    char text[32]; /* the beginning of a body */
    char last[10]; /* the last bytes of a body, for tags */

    uint8_t out[OUT_BYTES]; /* last: the rest is cleared for each run */
};

struct vkd_world {
    const struct vkd_script *script;
    struct vkd_told *told;
    const struct net_bind_host *host; /* NULL: the native program is served */
    struct vk_region region;
    struct sim *sim;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server;
    struct net_bind_hosted hosted;
    struct net_streams *streams; /* of the native program; NULL: there are none */
    struct proc_addr raw_addr;
    struct proc_addr addrs[NET_LISTENERS_MAX];
    uint32_t listeners_count; /* of HTTP */
    struct proc_counters before;
    struct proc_counters last; /* of the tick before */
    uint64_t begun_ns;
    bool is_fair; /* no fault of the network and no want of anything excuses an answer that does not come */
    bool is_provided;     /* nothing but the program itself can be why one of its processes fails */
    bool is_stateless;    /* the program keeps nothing between two requests */
    bool has_kicks;       /* somebody makes the keeper crash */
    bool has_drained;     /* the server drains */
    char log_line[200];   /* the last one */
    bool is_due;          /* an event's time has come */
    uint64_t unlisten_ns; /* when a server that drains closes its listeners; 0: it did, or does not drain */
    uint32_t events_left; /* that have not happened, clients apart */
    bool happened[VKD_SCRIPT_EVENTS_MAX];
    uint32_t peers_count;

    /* Buffers that an event holds. */
    struct vk_buf held[1024];
    uint32_t held_count;
    uint64_t held_until_ns;

    uint64_t store_seen[4096 / 64]; /* which numbers of the store's counter were answered */
    uint32_t store_asked;           /* requests for one that were sent, as a whole or in part */
};

/* What is served by scripts whose program is not the native one. */
struct vkd_served {
    const struct net_bind_host *host;
};
extern struct vkd_served vkd_served;

/* Runs a script from the beginning to the end; whatever does not hold ends the OS process. */
void vkd_world_run(const struct vkd_script *script, struct vkd_told *told);

/* ---- for its parts -------------------------------------------------------------------- */

/* Something does not hold. Does not return. */
void vkd_world_broken(struct vkd_world *world, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* Tells what happens, when anybody listens. */
void vkd_world_tell(struct vkd_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define TELL(world, ...)                           \
    do {                                           \
        if (VK_UNLIKELY((world)->told->has_tales)) \
            vkd_world_tell((world), __VA_ARGS__);  \
    } while (0)

/* native.c */
extern const struct proc_program vkd_native_program;
extern const struct proc_program
    vkd_sleeper_program; /* holds a place in the tables, for a time in its argument */
void vkd_native_init(void);
size_t vkd_native_region_bytes(void);
void vkd_native_setup(struct vkd_world *world, struct proc_env *env);
/* Whether a supervisor has restarted more often than it may; to be asked after each tick. */
bool vkd_native_is_frantic(uint64_t now_ns);

/* raw.c */
extern const struct proc_program vkd_raw_program;

/* peer.c */
void vkd_peer_plan(struct vkd_peer *peer, const struct vkd_event *asks, uint32_t asks_count);
void vkd_peer_connect(struct vkd_peer *peer);
/* What must hold of every peer in the end. */
void vkd_peer_check(const struct vkd_peer *peer);

#endif
