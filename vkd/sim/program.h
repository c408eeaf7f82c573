/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that are simulated: one that is a file, or those that come with vkd. */
#ifndef VKD_SIM_PROGRAM_H
#define VKD_SIM_PROGRAM_H

#include "vkd/load.h"
#include "vkd/sim/world.h"

struct vkd_program_loaded {
    struct vkd_loaded loaded;
    uint32_t routes; /* of all its blocks */
};

/* path NULL: those that come with vkd. Errors go to standard error. */
bool vkd_program_load(const char *path, struct vkd_program_loaded *loaded);
void vkd_program_unload(struct vkd_program_loaded *loaded);

/* Which of those that come with vkd a seed is about. */
enum vkd_program vkd_program_of_seed(uint64_t seed);

#endif
