/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors in a kernel: the service behind INTERP_ACTORS_HANDLE, which starts
 * them and finds them by their addresses (interp/actor.h), and the supervisors
 * of a program. What processes read is made once, outside of any kernel; then
 * it is started in each kernel that hosts the program.
 */
#ifndef INTERP_ACTORS_H
#define INTERP_ACTORS_H

#include "interp/program.h"
#include "proc/service.h"

/* What the processes of a program's actors run. */
struct interp_cast {
    const struct interp_image *image;
    struct interp_program *programs; /* of each actor, then of each supervised child in order */
    uint32_t actors_count;
    uint32_t children_count;
    uint32_t supervisors_count;
};

/* Bytes that interp_cast_init takes: zero-filled, aligned to 64, for as long as the cast lives. */
size_t interp_cast_bytes(const struct interp_module *module);
void interp_cast_init(struct interp_cast *cast, const struct interp_image *image, void *memory);

/* Region memory that interp_actors_create takes, for proc_kernel_options.service_bytes. */
size_t interp_actors_region_bytes(const struct interp_cast *cast);

struct interp_actors;

/*
 * The service, in the kernel's region. Actors get `env`, whose first object
 * must be the service's by the time that one starts; it may grow later, and
 * lives as long as the kernel. -VK_ENOMEM.
 */
int interp_actors_create(struct proc_kernel *kernel, const struct interp_cast *cast,
                         const struct proc_env *env, struct interp_actors **ret_actors);

struct proc_object interp_actors_object(struct interp_actors *actors);

/* Start the supervisors in order. 0; -VK_ENOMEM, -VK_ENOSPC: there is no room for all of their actors, and
 * none runs. */
int interp_actors_start(struct interp_actors *actors);

/* Whether a supervisor stopped its actors because too many had ended: the program cannot go on. */
bool interp_actors_gave_up(const struct interp_actors *actors);

#endif
