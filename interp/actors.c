/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See actors.h. An address is looked up anew for each op, so that the name of
 * a supervised child reaches whichever process runs it.
 */
#include "interp/actors.h"

#include "interp/actor.h"
#include "interp/interp_impl.h"
#include "interp/message.h"
#include "proc/supervise.h"
#include "vk/err.h"

/* Where a supervised child is found. */
struct place {
    uint32_t supervisor;
    uint32_t index;
};

struct interp_actors {
    struct proc_kernel *kernel;
    const struct interp_cast *cast;
    const struct proc_env *env;
    struct proc_supervisor **supervisors; /* in order; NULL: not started */
    struct place *places;                 /* by child, in the order of the program */
};

/* ---- the tables of the module ------------------------------------------------------- */

static const struct interp_actor *actors_of(const struct interp_module *module, uint32_t *ret_count)
{
    const struct interp_services *services = interp_module_services(module);
    *ret_count = services ? services->actors.count : 0;
    return services ? interp_module_at(module, services->actors) : NULL;
}

static const struct interp_supervisor *supervisors_of(const struct interp_module *module, uint32_t *ret_count)
{
    const struct interp_services *services = interp_module_services(module);
    *ret_count = services ? services->supervisors.count : 0;
    return services ? interp_module_at(module, services->supervisors) : NULL;
}

static uint32_t children_of(const struct interp_module *module)
{
    uint32_t count, sum = 0;
    const struct interp_supervisor *supervisors = supervisors_of(module, &count);
    for (uint32_t i = 0; i < count; i++)
        sum += supervisors[i].children.count;
    return sum;
}

size_t interp_cast_bytes(const struct interp_module *module)
{
    uint32_t actors;
    (void)actors_of(module, &actors);
    return (actors + children_of(module) + 1) * sizeof(struct interp_program);
}

static void make_program(struct interp_cast *cast, uint32_t at, uint32_t name, uint32_t function,
                         const struct interp_actor *actor)
{
    interp_program_init(&cast->programs[at], interp_module_name(&cast->image->module, name), cast->image,
                        function, actor->heap_bytes ? actor->heap_bytes : INTERP_HEAP_BYTES,
                        interp_turn_reductions(actor));
    cast->programs[at].program.waits_first = interp_starts_quietly(cast->image, function);
}

void interp_cast_init(struct interp_cast *cast, const struct interp_image *image, void *memory)
{
    const struct interp_module *module = &image->module;
    *cast = (struct interp_cast){.image = image, .programs = memory};
    const struct interp_actor *actors = actors_of(module, &cast->actors_count);
    const struct interp_supervisor *supervisors = supervisors_of(module, &cast->supervisors_count);
    for (uint32_t i = 0; i < cast->actors_count; i++)
        make_program(cast, i, actors[i].name, actors[i].function, &actors[i]);
    for (uint32_t i = 0; i < cast->supervisors_count; i++) {
        const struct interp_child *children = interp_module_at(module, supervisors[i].children);
        for (uint32_t k = 0; k < supervisors[i].children.count; k++)
            make_program(cast, cast->actors_count + cast->children_count++, children[k].name,
                         children[k].function, &actors[children[k].actor]);
    }
}

/* ---- the service ---------------------------------------------------------------------- */

/* The name of the process behind an address; 0: none runs. */
static uint64_t find(const struct interp_actors *a, uint64_t address)
{
    if (!(address & INTERP_ADDRESS_CHILD))
        return address;
    uint64_t child = address & ~INTERP_ADDRESS_CHILD;
    if (child >= a->cast->children_count)
        return 0;
    const struct place *place = &a->places[child];
    const struct proc_supervisor *supervisor = a->supervisors[place->supervisor];
    return supervisor ? proc_supervisor_name(a->kernel, supervisor, place->index) : 0;
}

/* Whether an actor that had nothing of its own could take it. */
static int check_room(uint64_t need, uint64_t room, struct proc_done *done)
{
    if (need <= room)
        return 0;
    done->arg = (need < UINT32_MAX ? need : UINT32_MAX) << 32 | room;
    return -VK_ETOOBIG;
}

/* The parameters stay where they came, below the objects; they become values among these. */
static int check_start(const struct proc_program *program, const struct proc_op *op, const uint8_t *bytes,
                       struct proc_done *done)
{
    uint64_t need = interp_message_need(vk_span(bytes, op->len), 0) - interp_text_bytes(op->len);
    uint32_t heap_bytes = program->heap_bytes > op->len ? program->heap_bytes - op->len : 0;
    return check_room(need, interp_message_room(heap_bytes), done);
}

static int op_start(struct interp_actors *a, const struct proc_op *op, const uint8_t *bytes,
                    struct proc_done *done)
{
    if (op->arg >= a->cast->actors_count)
        return -VK_ENOENT;
    const struct proc_spawn spawn = {.program = &a->cast->programs[op->arg].program,
                                     .arg = bytes,
                                     .arg_len = op->len,
                                     .copy_arg = true,
                                     .env = a->env};
    struct proc_process *process;
    int rc = check_start(spawn.program, op, bytes, done);
    if (rc == 0)
        rc = proc_spawn(a->kernel, &spawn, &process);
    if (rc)
        return rc;
    done->arg = proc_name(process);
    proc_run_soon(a->kernel, process);
    return 0;
}

/* Of the process behind that address, or of nobody. */
static int op_named(struct interp_actors *a, struct proc_process *process, uint64_t address,
                    const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    uint64_t name = find(a, address);
    int rc = name ? proc_named_op(a->kernel, process, name, op, bytes, done) : -VK_EDIED;
    done->arg = rc == -VK_EDIED ? INTERP_ENDED_BEFORE : done->arg;
    return rc;
}

static int op_message(struct interp_actors *a, struct proc_process *process, const struct proc_op *op,
                      uint8_t *bytes, struct proc_done *done)
{
    struct interp_letter letter;
    if (op->len < sizeof letter)
        return -VK_EINVAL;
    memcpy(&letter, bytes, sizeof letter);
    const struct proc_program *to = proc_named_program(a->kernel, find(a, letter.to));
    uint64_t need = interp_message_need(vk_span(bytes, op->len), sizeof letter);
    int rc = to ? check_room(need, interp_message_room(to->heap_bytes), done) : 0;
    return rc ? rc : op_named(a, process, letter.to, op, bytes, done);
}

static int actors_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                     const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct interp_actors *a = object;
    (void)kernel;
    switch (op->code) {
    case PROC_OP_SPAWN:
        return op_start(a, op, bytes, done);
    case PROC_OP_SEND:
    case PROC_OP_CALL:
        return op_message(a, process, op, bytes, done);
    case PROC_OP_MONITOR:
    case PROC_OP_LINK:
        return op_named(a, process, op->arg, op, bytes, done);
    default:
        return -VK_ENOTSUP;
    }
}

static bool actors_now(struct proc_kernel *kernel, struct proc_process *process, void *object,
                       const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct interp_actors *a = object;
    (void)kernel;
    (void)process;
    if (op->code != PROC_OP_SPAWN || op->arg >= a->cast->actors_count ||
        !proc_is_light(&a->cast->programs[op->arg].program))
        return false;
    done->res = op_start(a, op, bytes, done);
    return true;
}

static const struct proc_kind kind_actors = {.name = "actors", .op = actors_op, .now = actors_now};

struct proc_object interp_actors_object(struct interp_actors *actors)
{
    return (struct proc_object){&kind_actors, actors};
}

/* ---- starting -------------------------------------------------------------------------- */

size_t interp_actors_region_bytes(const struct interp_cast *cast)
{
    return sizeof(struct interp_actors) + cast->children_count * sizeof(struct place) +
           cast->supervisors_count * (sizeof(void *) + proc_supervisor_region_bytes()) + 256;
}

static void number_children(struct interp_actors *a)
{
    uint32_t count, at = 0;
    const struct interp_supervisor *supervisors = supervisors_of(&a->cast->image->module, &count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < supervisors[i].children.count; k++)
            a->places[at++] = (struct place){i, k};
}

int interp_actors_create(struct proc_kernel *kernel, const struct interp_cast *cast,
                         const struct proc_env *env, struct interp_actors **ret_actors)
{
    struct vk_region *region = proc_kernel_region(kernel);
    struct interp_actors *a = vk_region_alloc(region, sizeof *a, 64);
    if (!a)
        return -VK_ENOMEM;
    *a = (struct interp_actors){.kernel = kernel, .cast = cast, .env = env};
    a->supervisors = vk_region_alloc(region, (cast->supervisors_count + 1) * sizeof *a->supervisors, 8);
    a->places = vk_region_alloc(region, (cast->children_count + 1) * sizeof *a->places, 8);
    if (!a->supervisors || !a->places)
        return -VK_ENOMEM;
    number_children(a);
    *ret_actors = a;
    return 0;
}

static int start(struct interp_actors *a, uint32_t i, const struct interp_supervisor *s, uint32_t first)
{
    static const enum proc_strategy strategies[] = {
        [INTERP_STRATEGY_RESTART] = PROC_ONE_FOR_ONE,
        [INTERP_STRATEGY_REST] = PROC_REST_FOR_ONE,
        [INTERP_STRATEGY_ALL] = PROC_ONE_FOR_ALL,
    };
    const struct interp_module *module = &a->cast->image->module;
    const struct interp_child *children = interp_module_at(module, s->children);
    struct proc_supervisor_options options = {.name = interp_module_name(module, children[0].name),
                                              .strategy = strategies[s->strategy],
                                              .restarts_max = s->max,
                                              .period_ns = s->per_ns,
                                              .keeps_ended = true,
                                              .children_count = s->children.count};
    for (uint32_t k = 0; k < s->children.count; k++)
        options.children[k] = (struct proc_child_spec){
            .program = &a->cast->programs[a->cast->actors_count + first + k].program, .env = a->env};
    return proc_supervisor_create(a->kernel, &options, &a->supervisors[i]);
}

int interp_actors_start(struct interp_actors *actors)
{
    uint32_t count, first = 0;
    const struct interp_supervisor *supervisors = supervisors_of(&actors->cast->image->module, &count);
    for (uint32_t i = 0; i < count; i++) {
        int rc = start(actors, i, &supervisors[i], first);
        if (rc) {
            while (i > 0)
                proc_supervisor_stop(actors->kernel, actors->supervisors[--i]);
            return rc;
        }
        first += supervisors[i].children.count;
    }
    return 0;
}

bool interp_actors_gave_up(const struct interp_actors *actors)
{
    for (uint32_t i = 0; i < actors->cast->supervisors_count; i++)
        if (actors->supervisors[i] && proc_supervisor_gave_up(actors->supervisors[i]))
            return true;
    return false;
}
