/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches that stand at the doors of processes: whether a heap is as fresh at
 * its start as it was promised, and open alone while its process runs. What
 * they find they leave where it is seen after the tick: the guarded code of a
 * run cannot end the OS process, but the memory of the simulator is open to it.
 */
#include "vkd/sim/watch.h"
#include "proc/audit.h"

#define LOOK_EVERY 8u /* runs between two looks at what lies behind a heap's end */

static struct vkd_world *world;
static const char *volatile found;
static uint32_t runs;

/* Of all programs of the language. */
static void (*language_start)(const struct proc_program *program, struct proc_self *self);
static int (*language_resume)(const struct proc_program *program, struct proc_self *self);

void vkd_watch_world(struct vkd_world *w)
{
    world = w;
    found = NULL;
    runs = 0;
}

const char *vkd_watch_found(void)
{
    return found;
}

void vkd_watch_report(const char *what)
{
    found = what;
}

bool vkd_watch_is_clean(const void *from, const void *until)
{
    const uint8_t *at = (const uint8_t *)VK_ALIGN_UP((uintptr_t)from, (uintptr_t)8);
    uint64_t sum = 0;
    for (; at + 8 <= (const uint8_t *)until; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sum |= word;
    }
    return sum == 0;
}

void vkd_watch_start(const struct proc_self *self, uint32_t open_bytes)
{
    const uint8_t *base = (const uint8_t *)self;
    if (!vkd_watch_is_clean(base + sizeof *self, base + open_bytes))
        found = "a process begins in a heap that is not clean";
}

void vkd_watch_resume(const struct proc_self *self)
{
    if (!proc_heap_is_alone(world->kernel, self))
        found = "a process runs while another heap is open";
}

/* ---- programs of the language ------------------------------------------------------------ */

static void start(const struct proc_program *program, struct proc_self *self)
{
    vkd_watch_start(self, self->heap.limit_bytes);
    language_start(program, self);
}

/* Its heap may have been kept elsewhere and lie in a slot that was another's. */
static int resume(const struct proc_program *program, struct proc_self *self)
{
    const uint8_t *base = (const uint8_t *)self;
    vkd_watch_resume(self);
    if (runs++ % LOOK_EVERY == 0 &&
        !vkd_watch_is_clean(base + program->used(program, self), base + self->heap.limit_bytes))
        found = "a process goes on in a heap that is not clean";
    return language_resume(program, self);
}

static void watch(struct interp_program *program)
{
    language_start = program->program.start;
    language_resume = program->program.resume;
    program->program.start = start;
    program->program.resume = resume;
}

void vkd_watch_host(struct net_bind_host *host)
{
    for (uint32_t i = 0; i < host->blocks_count; i++) {
        watch(&host->blocks[i].program);
        if (host->blocks[i].handler.crash != NULL)
            watch(&host->blocks[i].crash);
    }
    for (uint32_t i = 0; i < host->cast.actors_count + host->cast.children_count; i++)
        watch(&host->cast.programs[i]);
}
