/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel for tests: a driver without a network whose clock goes where the
 * kernel sleeps to, and processes whose program is a function of the test. An
 * actor's function is called once per dispatch, with its heap open.
 */
#ifndef TESTS_UNIT_PROC_WORLD_H
#define TESTS_UNIT_PROC_WORLD_H

#include "proc/kernel_impl.h"
#include "tests/unit/test.h"

#define MS         UINT64_C(1000000)
#define ACTORS_MAX 128u
#define HEAP_BYTES 65536u
#define OUT_OFF    4096u /* where actors keep what they send ... */
#define IN_OFF     8192u /* ... and the room for what they receive */
#define USED_BYTES 12288u

struct actor;
typedef int (*actor_fn)(struct actor *actor, struct proc_self *self); /* returns enum proc_run */

struct actor {
    actor_fn run;
    uint32_t id;
    uint32_t pid;
    uint32_t step; /* the function's own */
    uint32_t runs;
    uint32_t handle;
    uint32_t stays;
    struct actor *other;
    uint64_t word;
};

struct world {
    struct proc_io io; /* first: it is the driver */
    uint64_t clock_ns;
    uint32_t waits;
    struct proc_kernel *kernel;
    struct actor actors[ACTORS_MAX];
    uint32_t actors_count;
    uint32_t lines; /* logged */
    char last_line[256];
    char line_before[256];
};

static struct world world;

/* ---- the driver ------------------------------------------------------------------ */

static inline uint32_t world_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                                  uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    (void)io;
    (void)events;
    (void)max;
    world.waits++;
    if (deadline_ns != UINT64_MAX && deadline_ns > world.clock_ns)
        world.clock_ns = deadline_ns;
    *ret_now_ns = world.clock_ns;
    return 0;
}

static inline uint64_t world_now(struct proc_io *io)
{
    (void)io;
    return world.clock_ns;
}

static inline void world_log(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx;
    (void)level;
    size_t len = text.len < sizeof(world.last_line) - 1 ? text.len : sizeof(world.last_line) - 1;
    memcpy(world.line_before, world.last_line, sizeof(world.last_line));
    memcpy(world.last_line, text.ptr, len);
    world.last_line[len] = '\0';
    world.lines++;
}

/* ---- programs -------------------------------------------------------------------- */

static inline int actor_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    uint32_t id;
    memcpy(&id, proc_at(self, self->arg_off), sizeof(id));
    struct actor *actor = &world.actors[id];
    actor->runs++;
    return actor->run(actor, self);
}

/* What an actor writes lies below USED_BYTES, or it says so by its mark. */
static inline uint32_t actor_used(const struct proc_program *program, const struct proc_self *self)
{
    (void)program;
    return self->heap.top_bytes > USED_BYTES ? self->heap.top_bytes : USED_BYTES;
}

static const struct proc_program actor_program = {
    .name = "actor", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .used = actor_used};

/* ---- the world -------------------------------------------------------------------- */

static inline void world_end(void)
{
    proc_kernel_destroy(world.kernel);
    memset(&world, 0, sizeof(world));
}

static inline int world_start_with(struct proc_kernel_options options)
{
    static const struct proc_io_ops ops = {.name = "none", .wait = world_wait, .now = world_now};
    world_end(); /* of a test that failed half-way */
    world.io.ops = &ops;
    world.clock_ns = 1000 * MS;
    options.io = &world.io;
    options.no_native = true;
    options.log = world_log;
    for (size_t i = 0; i < VK_SLOT_CLASSES; i++)
        options.slots_max[i] = options.slots_max[i] != 0 ? options.slots_max[i] : i == 0 ? ACTORS_MAX : 1;
    for (size_t i = 0; i < VK_BUF_CLASSES; i++)
        options.bufs_max[i] = options.bufs_max[i] != 0 ? options.bufs_max[i] : 256u >> i;
    options.slots_warm = 4;
    return proc_kernel_create(&options, &world.kernel);
}

static inline void world_start(void)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.service_bytes = 65536}), 0);
}

/* An actor that does not run yet: for SPAWN and supervisors, by its id. */
static inline struct actor *actor_new(actor_fn run)
{
    CHECK(world.actors_count < ACTORS_MAX);
    struct actor *actor = &world.actors[world.actors_count];
    *actor = (struct actor){.run = run, .id = world.actors_count++};
    return actor;
}

static inline int actor_start(struct actor *actor, const struct proc_spawn *spawn)
{
    struct proc_spawn own = *spawn;
    struct proc_process *process;
    own.program = own.program != NULL ? own.program : &actor_program;
    own.arg = &actor->id;
    own.arg_len = sizeof(actor->id);
    int rc = proc_spawn(world.kernel, &own, &process);
    if (rc != 0)
        return rc;
    actor->pid = proc_pid(process);
    proc_run_soon(world.kernel, process);
    return 0;
}

static inline struct actor *start(actor_fn run)
{
    struct actor *actor = actor_new(run);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){0}), 0);
    return actor;
}

/* Starts an actor that has handles 2, 3, ... to others. */
static inline struct actor *start_with(actor_fn run, const struct proc_env *env)
{
    struct actor *actor = actor_new(run);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.env = env}), 0);
    return actor;
}

static inline struct proc_object object_of(const struct actor *actor)
{
    return proc_process_object(proc_process_find(world.kernel, actor->pid));
}

static inline bool is_alive(const struct actor *actor)
{
    return proc_process_find(world.kernel, actor->pid) != NULL;
}

/* A tick that does not sleep. */
static inline void step(void)
{
    proc_kernel_step(world.kernel, 0);
}

/* Ticks, none of which sleeps, until there is nothing to run. */
static inline void settle_down(void)
{
    uint32_t ticks = 0;
    do {
        step();
        CHECK(++ticks < 10000);
    } while (proc_kernel_busy(world.kernel));
}

/* Ticks that sleep until the clock has come that far. */
static inline void pass(uint64_t ns)
{
    uint64_t until_ns = world.clock_ns + ns;
    while (world.clock_ns < until_ns)
        proc_kernel_step(world.kernel, until_ns - world.clock_ns);
    settle_down();
}

static inline struct proc_counters counters(void)
{
    struct proc_counters now;
    proc_kernel_counters(world.kernel, &now);
    return now;
}

/* Nothing is left of any process: the end of a test that has ended all of its own. */
static inline void check_nothing_held(void)
{
    struct proc_counters now = counters();
    CHECK_EQ(now.processes, 0);
    CHECK_EQ(now.handles, 0);
    CHECK_EQ(now.requests, 0);
    CHECK_EQ(now.buffers, 0);
    CHECK_EQ(now.slots, 0);
    CHECK_EQ(world.kernel->messages.count, 0);
    CHECK_EQ(world.kernel->served.count, 0);
    CHECK_EQ(world.kernel->links.count, 0);
}

/* ---- for actors ------------------------------------------------------------------- */

static inline void ask(struct proc_self *self, struct proc_op op)
{
    struct proc_op *slot = proc_op_next(self);
    CHECK(slot != NULL);
    *slot = op;
}

/* Puts text where OUT ops find it. */
static inline uint32_t put(struct proc_self *self, struct vk_span text)
{
    memcpy(proc_at(self, OUT_OFF), text.ptr, text.len);
    return (uint32_t)text.len;
}

static inline void ask_send(struct proc_self *self, uint32_t handle, struct vk_span text)
{
    uint32_t len = put(self, text);
    ask(self, (struct proc_op){.code = PROC_OP_SEND, .handle = handle, .off = OUT_OFF, .len = len});
}

static inline void ask_recv(struct proc_self *self, uint32_t room)
{
    ask(self, (struct proc_op){.code = PROC_OP_RECV, .off = IN_OFF, .len = room});
}

static inline void ask_sleep(struct proc_self *self, uint64_t ns)
{
    ask(self, (struct proc_op){.code = PROC_OP_SLEEP, .arg = ns});
}

/* The only completion of this dispatch. */
static inline const struct proc_done *the_done(const struct proc_self *self)
{
    CHECK_EQ(self->done_count, 1);
    return &self->done[0];
}

static inline bool in_is(struct proc_self *self, struct vk_span text)
{
    return vk_span_equal(vk_span(proc_at(self, IN_OFF), text.len), text);
}

/* Actors of many tests. */
static inline int actor_waits_forever(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0)
        ask_recv(self, 64);
    return PROC_RUN_WAIT;
}

static inline int actor_ends(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    (void)self;
    return PROC_RUN_END;
}

static inline int actor_fails(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    (void)self;
    return PROC_RUN_FAIL;
}

#endif
