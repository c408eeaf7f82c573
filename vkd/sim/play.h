/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scripts in OS processes of their own, so that a world may end in
 * whatever way: something that does not hold, an assertion, a fault, or no end.
 */
#ifndef VKD_SIM_PLAY_H
#define VKD_SIM_PLAY_H

#include "vkd/sim/world.h"

/* Memory that this process shares with those it forks; NULL when there is none. */
struct vkd_told *vkd_told_new(void);

/* One script. False: it broke, and told says how. */
bool vkd_play(const struct vkd_script *script, struct vkd_told *told, bool has_tales);

/* Draws the script of a seed. */
typedef void (*vkd_draw_fn)(struct vkd_script *script, uint64_t seed);

struct vkd_plays {
    uint64_t first, count; /* seeds */
    uint32_t jobs;         /* OS processes at a time, 1 .. VKD_JOBS_MAX */
    bool repeats;          /* each seed runs twice, and both have to be the same run */
    vkd_draw_fn draw;
};
#define VKD_JOBS_MAX 64u

/* Many seeds; sums into told. False: one broke, told says which and how. */
bool vkd_play_seeds(const struct vkd_plays *plays, struct vkd_told *told);

/*
 * Makes a script that breaks shorter, as long as it still does. told: of the
 * shortest one, in the end.
 */
void vkd_shrink(struct vkd_script *script, struct vkd_told *told);

#endif
