/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     test_sim [--seeds N] [--first SEED]
 *
 * Each seed is one world: a weather, a few dozen clients of all manners, and
 * what must hold in the end. A failure prints the seed; --first SEED --seeds 1
 * replays it.
 */
#include "tests/sim/sim_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world world;

void test_failed(const char *where, const char *what)
{
    fprintf(stderr, "%s: %s\n  seed %llu\n", where, what, (unsigned long long)world.seed);
    const struct peer *p = world.looked_at;
    if (p != NULL)
        fprintf(stderr,
                "  peer %zu, manner %d: said %u of %u bytes, heard %u of %u answers, error %d, at %llu ms\n",
                (size_t)(p - world.peers), (int)p->manner, p->out_sent, p->out_len, p->answered,
                p->expects_count, p->end_err, (unsigned long long)(p->over_ns / 1000000));
    exit(1);
}

static uint64_t run_seed(uint64_t seed)
{
    world_make(&world, seed, (enum weather)(seed % WEATHERS));
    uint32_t count = 8 + world_draw(&world, PEERS_MAX / 2);
    for (uint32_t i = 0; i < count; i++) {
        struct peer *peer = world_peer(&world, (enum manner)world_draw(&world, MANNERS));
        peer_plan(peer);
        peer_connect(peer);
    }
    world_run(&world);
    return world_end(&world);
}

int main(int argc, char **argv)
{
    uint64_t first = 0;
    uint64_t seeds = 500;
    uint64_t answered = 0;
    for (int i = 1; i < argc; i += 2) {
        bool has_value = i + 1 < argc;
        if (has_value && strcmp(argv[i], "--seeds") == 0) {
            seeds = strtoull(argv[i + 1], NULL, 0);
        } else if (has_value && strcmp(argv[i], "--first") == 0) {
            first = strtoull(argv[i + 1], NULL, 0);
        } else {
            fprintf(stderr, "usage: test_sim [--seeds N] [--first SEED]\n");
            return 2;
        }
    }
    app_init();
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        uint64_t trace = run_seed(seed);
        for (uint32_t i = 0; i < world.peers_count; i++)
            answered += world.peers[i].answered;
        if (seed % 10 == 0 && run_seed(seed) != trace)
            test_failed(argv[0], "the same seed is the same run");
    }
    printf("%llu worlds, %llu answers checked\n", (unsigned long long)seeds, (unsigned long long)answered);
    return 0;
}
