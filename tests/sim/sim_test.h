/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole-server scenarios: the real kernel, HTTP service and native processes
 * over the simulated network, with clients of many manners. A world is one
 * server and its clients; everything in it follows from its seed.
 */
#ifndef TESTS_SIM_SIM_TEST_H
#define TESTS_SIM_SIM_TEST_H

#include "net/server.h"
#include "sim/sim.h"
#include "vk/limits.h"

#define PEERS_MAX   64u
#define EXPECTS_MAX 12u
#define OUT_BYTES   16384u
#define SECOND_NS   1000000000ull
#define ECHO_BYTES  3000u
#define BIG_BYTES   20000u
#define HUGE_BYTES  10000000u

/* ---- app.c: the program that serves ------------------------------------------------- */

/*
 * GET /id?n=N         the digits of N
 * GET /wait?ms=M&n=N  the same, after M milliseconds
 * POST /echo          the body
 * GET /big?n=N        N bytes, streamed
 * GET /crash          a write through a null pointer
 * GET /fail           ends without an answer
 */
extern const struct proc_program app_program;
void app_init(void);

/* ---- peer.c: a client ----------------------------------------------------------------- */

enum manner {
    MANNER_PLAIN,      /* sends all at once, reads at once */
    MANNER_DRIP,       /* sends byte by byte */
    MANNER_SLOW,       /* reads a little now and then */
    MANNER_HALF_CLOSE, /* ends its stream behind the last request */
    MANNER_RESET,      /* resets at some time */
    MANNER_STOP,       /* stops in the middle of a head, and waits */
    MANNER_SILENT,     /* says nothing, and waits */
    MANNER_DEAF,       /* asks for a lot and never reads */
    MANNER_BAD,        /* sends what is no HTTP */
    MANNER_IDLE,       /* all answered, stays until the server closes */
    MANNERS
};

enum expect_kind { EXPECT_ID, EXPECT_ECHO, EXPECT_BIG, EXPECT_ERROR };

/* What the answer to a request must be. */
struct expect {
    enum expect_kind kind;
    uint32_t n; /* EXPECT_ID: the number; ECHO, BIG: bytes; ERROR: the status */
};

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct world;

struct peer {
    struct world *world;
    enum manner manner;
    uint32_t end;
    bool is_open;
    bool is_over;
    int end_err; /* how its stream ended: -VK_ECLOSED, -VK_ERESET, -VK_EREFUSED; 0: it left itself */
    uint64_t opened_ns;
    uint64_t sent_ns;  /* last byte sent */
    uint64_t heard_ns; /* last byte received */
    uint64_t over_ns;
    uint64_t event_ns[2]; /* when the network last stirred, and the time before */

    uint8_t out[OUT_BYTES];
    uint32_t out_len;
    uint32_t out_sent;
    struct expect expects[EXPECTS_MAX];
    uint32_t expects_count;

    /* answers */
    uint32_t answered;
    bool is_body;
    bool said_close; /* the last answer had Connection: close */
    char head[2048];
    uint32_t head_len;
    uint32_t status;
    enum body_kind body;
    uint64_t body_left; /* of the length, or of the chunk */
    uint64_t body_pos;
    uint32_t chunk_state;
    bool is_last_chunk;
};

/* Fill in what the peer will send and wait for; random, by its manner. */
void peer_plan(struct peer *peer);
void peer_request(struct peer *peer, const char *text, enum expect_kind kind, uint32_t n);
void peer_connect(struct peer *peer);
/* What must hold for every peer in the end; is_calm: no fault of the network excuses anything. */
void peer_check(const struct peer *peer, bool is_calm);

/* ---- world.c ----------------------------------------------------------------------------- */

enum weather { WEATHER_CALM, WEATHER_ROUGH, WEATHER_STORM, WEATHER_HURRICANE, WEATHERS };

struct world {
    uint64_t seed;
    enum weather weather;
    struct sim_odds odds;
    uint32_t socket_bytes;
    bool is_crowded;
    struct vk_region region;
    struct sim *sim;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server;
    struct proc_addr addr;
    struct proc_counters before;
    struct peer peers[PEERS_MAX];
    uint32_t peers_count;
    const struct peer *looked_at; /* whose check failed */
};

void world_make(struct world *world, uint64_t seed, enum weather weather);
struct peer *world_peer(struct world *world, enum manner manner); /* not yet planned */
/* Step until every peer is over and every connection gone, then look for leaks. */
void world_run(struct world *world);
/* Drain, destroy; the trace of all that happened. */
uint64_t world_end(struct world *world);
uint32_t world_draw(struct world *world, uint32_t bound);

/* Says where, what and the seed, and ends the program with 1. */
void test_failed(const char *where, const char *what) __attribute__((noreturn));
#define CHECK(cond)                                            \
    do {                                                       \
        if (!(cond))                                           \
            test_failed(__FILE__ ":" VK_STR(__LINE__), #cond); \
    } while (0)

#endif
