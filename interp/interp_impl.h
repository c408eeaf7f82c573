/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of a bytecode process as run loop, collector and natives see it.
 *
 *   struct proc_self | struct interp_process | start argument | objects ... top | free
 *
 * Objects lie between `floor` and `top`. A collection copies what is alive
 * above top, as it will be, and moves it down to floor again.
 */
#ifndef INTERP_INTERP_IMPL_H
#define INTERP_INTERP_IMPL_H

#include "interp/image.h"
#include "interp/native.h"
#include "proc/program.h"

/* Types of objects that no module names. */
enum {
    INTERP_OWN_FIBER = 0xfff0,
    INTERP_OWN_STACK,
    INTERP_OWN_TABLE, /* of fibers that wait for ops */
    INTERP_OWN_RAW, /* bytes that have no type: of an op that the kernel has not taken yet, or that landed */
};

/* Objects end this far below the end of the heap: a clamped offset plus any field is inside. */
#define INTERP_SLACK_BYTES   2048u
#define INTERP_ROOT_WORDS    40u /* of a fresh stack, beyond what its function needs */
#define INTERP_SPAWN_WORDS   12u
#define INTERP_COLLECT_BYTES (32u << 10)  /* garbage that is not worth a collection */
#define INTERP_AT_ONCE_BYTES (256u << 10) /* objects that are collected at once; more: in slices */

enum interp_fiber_state {
    INTERP_FIBER_READY,
    INTERP_FIBER_AWAITS, /* another fiber */
    INTERP_FIBER_OP,     /* a completion */
    INTERP_FIBER_ENDED,
};

struct interp_fiber {
    struct interp_object head;
    uint32_t next; /* in the run queue, or among those who wait for the same fiber */
    uint32_t stack;
    uint32_t waiters; /* the last of those that wait for this one; its next is the first */
    uint32_t awaits;  /* the fiber this one waits for */
    uint32_t pc;      /* index in the code: the instruction to go on with */
    uint32_t base;    /* of the top frame, in bytes from the stack object */
    uint8_t state;
    uint8_t window;      /* register of a call under way, whose first window_refs registers are references */
    uint8_t window_refs; /* 0: no call under way */
    uint8_t has_done;    /* the completion the native waits for is in done */
    uint8_t gives_ref;   /* result is a reference */
    uint8_t may_refuse;  /* what lands for it without room ends its op, not the process */
    uint8_t reserved[2];
    uint32_t step;   /* of the native under way */
    uint32_t slot;   /* in the table, while state is OP */
    uint32_t landed; /* bytes that came with done, until the next op; 0 none */
    uint32_t reserved2;
    uint64_t result;
    struct proc_done done;
};
_Static_assert(sizeof(struct interp_fiber) == 96, "heap layout");

/* A fiber's stack: head.count words. The first frame's link is words[0] and says that it is the first. */
struct interp_stack {
    struct interp_object head;
    union interp_word words[];
};

struct interp_list {
    struct interp_object head; /* count: room */
    uint64_t len;
    union interp_word items[];
};

struct interp_table {
    struct interp_object head; /* count: entries */
    uint32_t free;             /* index + 1 of the first free entry; 0 none */
    uint32_t reserved;
    uint64_t entries[]; /* a fiber; or 2 * (index + 1 of the next free one) + 1 */
};

enum interp_gc_phase {
    INTERP_GC_IDLE,
    INTERP_GC_WANTED,  /* nothing is marked yet */
    INTERP_GC_COPYING, /* the old objects are as they were, but for their heads */
    INTERP_GC_MOVING,  /* all are copied */
};

/*
 * A collection under way. New offsets are those after the end. Before it,
 * the object of new offset n lies at n - floor + above.
 */
struct interp_gc {
    uint32_t phase;
    uint32_t floor;  /* new offset of the first object */
    uint32_t above;  /* where it lies until it is moved */
    uint32_t to;     /* new offset of the next copy */
    uint32_t at;     /* new offset of the object to scan next */
    uint32_t source; /* old offset of the object that is copied in parts; 0: none is */
    uint32_t part;   /* bytes of it that are copied; while moving: bytes of all that are moved */
    uint32_t entry;  /* entries of it that are scanned, when it is a map */
    uint32_t frame;  /* of the fiber at `at`, to scan next, in bytes from its stack; 0: none */
    uint32_t pc;     /* ... and where it stands in the code */
    uint64_t lands;  /* tag of the op whose answer has to land first then; 0: none */
    uint64_t need;   /* bytes that must find room then */
};

/* Behind struct proc_self; all offsets are from the heap's base. */
struct interp_process {
    uint32_t top;   /* the next object */
    uint32_t soft;  /* an object that would end above this collects first */
    uint32_t floor; /* the first object */
    uint32_t half;  /* no object ends above this: what is above serves the collection, while it can */
    uint32_t end;   /* nothing is written above this */
    uint32_t high;  /* highest byte ever written, plus one */
    uint32_t begun;
    uint32_t current; /* fibers */
    uint32_t run_first;
    uint32_t run_last;
    uint32_t root;
    uint32_t table;
    uint32_t fibers;     /* alive */
    uint32_t waiting;    /* of those, for ops */
    uint32_t generation; /* of tags */
    uint32_t trap;       /* enum interp_trap */
    uint32_t trap_text;  /* reference to a Str with the reason, or 0 */
    uint32_t words;      /* offset of the reason once it is reported */
    uint32_t words_len;
    uint32_t place; /* and of the calls that led there */
    uint32_t place_len;
    uint32_t held;     /* a service's own object, or 0 */
    uint32_t roots[4]; /* of natives */
    uint32_t request;  /* offset of what the service keeps, outside of the objects */
    /* of an actor: interp/actor.c */
    uint32_t inbox;      /* the message that landed and had no turn yet, 0 none */
    uint32_t server;     /* the fiber that waits for the next turn, 0 none */
    uint32_t caller;     /* request id that the turn under way answers, 0 none */
    uint16_t actor;      /* its place in SERVICES, plus one */
    uint8_t inbox_state; /* of the one RECV */
    uint8_t last_turn;
    bool stops;          /* there is no next turn */
    bool is_returning;   /* the root has ended; its result waits for a place among the ops */
    int32_t turn_error;  /* negative: why the RECV or a timer failed; there is no next turn */
    uint64_t inbox_arg;  /* of the completion of the RECV */
    uint64_t timers_due; /* a bit for each */
    uint32_t collections;
    uint32_t call_top;  /* top when the native under way was called */
    uint32_t sent;      /* messages for ops lie from here to sent_top ... */
    uint32_t sent_top;  /* ... which is top as long as nothing was made behind them; 0: none do */
    uint32_t clean_top; /* top at the end of the last collection */
    uint32_t gc_cost;   /* reductions of collections that nobody was charged yet */
    bool at_once;       /* all collections are: nobody else waits meanwhile */
    struct interp_gc gc;
    uint64_t cpu_left; /* reductions */
    uint64_t result;   /* of the root, a scalar */
    uint64_t work[16]; /* of the native under way, over its turns */
    uint32_t moving;   /* the copy that an instruction makes over several turns; 0 none */
    uint32_t refused;  /* tag of the op whose answer is to find no room when it is brought again; 0 none */
    uint64_t moved;    /* how far it is; or bytes that are known to be equal */
    uint64_t randoms;  /* random numbers given so far */
};

#define INTERP_PROCESS_OFF VK_ALIGN_UP((uint32_t)sizeof(struct proc_self), 16u)

/* What functions outside of the loop are given; on the C stack, valid during one run. */
struct interp_run {
    uint8_t *heap;
    const struct interp_image *image;
    struct interp_process *p;
    uint32_t heap_mask;  /* size of the slot - 1 */
    const void *service; /* of the program */
    struct interp_call
        *call; /* of the native under way, whose arguments move with the stack; NULL: none is */
};

/* ---- the one way to memory ------------------------------------------------------- */

/*
 * The clamp: whatever a reference holds, the access stays inside the heap or
 * the image. With INTERP_CHECKED, for fuzzing, it is asserted instead that
 * the offset lies where objects are.
 */
VK_INLINE uint8_t *interp_write_at(const struct interp_run *run, uint32_t ref)
{
#ifdef INTERP_CHECKED
    vk_assert(ref >= run->p->floor && ref < run->p->top);
    return run->heap + ref;
#else
    return run->heap + (ref & run->heap_mask);
#endif
}

VK_INLINE uint8_t *interp_read_at(const struct interp_run *run, uint32_t ref)
{
    if (VK_UNLIKELY((int32_t)ref < 0)) {
#ifdef INTERP_CHECKED
        vk_assert((ref & ~INTERP_REF_IMAGE) < run->image->data_bytes);
        return (uint8_t *)(uintptr_t)run->image->data + (ref & ~INTERP_REF_IMAGE);
#else
        return (uint8_t *)(uintptr_t)run->image->data + (ref & run->image->data_mask);
#endif
    }
    return interp_write_at(run, ref);
}

VK_INLINE bool interp_in_image(uint32_t ref)
{
    return (int32_t)ref < 0;
}

VK_INLINE struct interp_object *interp_object_at(const struct interp_run *run, uint32_t ref)
{
    return (struct interp_object *)(void *)interp_read_at(run, ref);
}

/* The type of an object; the scalar's for what is the interpreter's own, as fibers are. */
VK_INLINE const struct interp_type *interp_type_at(const struct interp_run *run,
                                                   const struct interp_object *object)
{
    return &run->image->types[object->type < run->image->types_count ? object->type : 0];
}

/* Whoever writes it copies it first. */
VK_INLINE bool interp_is_shared(uint32_t ref, const struct interp_object *object)
{
    return interp_in_image(ref) || (object->flags & INTERP_OBJECT_SHARED);
}

/* Two hold what is referred to from now on. */
VK_INLINE void interp_share(const struct interp_run *run, uint64_t ref)
{
    if (ref != 0 && !interp_in_image((uint32_t)ref))
        interp_object_at(run, (uint32_t)ref)->flags |= INTERP_OBJECT_SHARED;
}

/* What interp_text gives, without a call. */
VK_INLINE struct vk_span interp_text_at(const struct interp_run *run, uint64_t ref)
{
    const struct interp_object *object = interp_object_at(run, (uint32_t)ref);
    return vk_span(object + 1, object->count);
}

VK_INLINE struct interp_fiber *interp_fiber_at(const struct interp_run *run, uint32_t ref)
{
    return (struct interp_fiber *)(void *)interp_write_at(run, ref);
}

/* ---- heap.c ------------------------------------------------------------------------ */

/* An object of so many bytes, head filled in; 0: no room (see interp_room). May collect. */
uint32_t interp_alloc(struct interp_run *run, uint64_t len_bytes, uint16_t type, uint32_t count);

/*
 * Room for len_bytes without another collection. false: out of memory, or a
 * large heap is to be collected first (gc.phase): the run ends with
 * PROC_RUN_AGAIN, and what was to be done is done from its start later.
 */
bool interp_room_slow(struct interp_run *run, uint64_t len_bytes);
VK_INLINE bool interp_room(struct interp_run *run, uint64_t len_bytes)
{
    return VK_LIKELY(run->p->top + len_bytes <= run->p->soft) || interp_room_slow(run, len_bytes);
}

/*
 * An object for what cannot be done a second time: a collection that makes the
 * room is done at once, however large the heap. 0: out of memory.
 */
uint32_t interp_alloc_now(struct interp_run *run, uint64_t len_bytes, uint16_t type, uint32_t count);
bool interp_room_now(struct interp_run *run, uint64_t len_bytes);

/* The same, known to be there after interp_room. */
VK_INLINE uint32_t interp_take(struct interp_run *run, uint32_t len_bytes, uint16_t type, uint32_t count)
{
    uint32_t ref = run->p->top;
    run->p->top = ref + len_bytes;
    *(struct interp_object *)(void *)(run->heap + ref) = (struct interp_object){type, 0, count};
    return ref;
}

/* Bytes up to `end` were written, above the objects: they are wiped with the heap. */
VK_INLINE void interp_touched(struct interp_run *run, uint32_t end)
{
    if (run->p->high < end)
        run->p->high = end;
}

/* The last objects, from `ref` on, are nobody's any more: their room is free again. */
VK_INLINE void interp_untake(struct interp_run *run, uint32_t ref)
{
    interp_touched(run, run->p->top);
    run->p->top = run->p->call_top = ref;
    run->p->sent_top = 0;
    if (run->p->clean_top > ref)
        run->p->clean_top = ref;
}

/* The last object is a message, which nobody needs once the kernel has taken its op. */
VK_INLINE void interp_will_send(const struct interp_run *run, uint32_t ref)
{
    if (run->p->sent_top != ref)
        run->p->sent = ref;
    run->p->sent_top = run->p->top;
}

/*
 * Once the kernel has taken the ops of the last run, messages that lie last in the heap because of them are
 * free again. Nothing here is trusted: a wrong offset harms this heap alone.
 */
VK_INLINE void interp_forget_sent(const struct proc_self *self, struct interp_process *p)
{
    if (p->sent_top != p->top || p->sent >= p->top || self->ops_count > 0)
        return;
    p->high = p->high < p->top ? p->top : p->high;
    p->top = p->sent;
    p->clean_top = p->clean_top < p->top ? p->clean_top : p->top;
    p->sent_top = 0;
}

VK_INLINE uint64_t interp_text_bytes(uint64_t len_bytes)
{
    return sizeof(struct interp_object) + VK_ALIGN_UP(len_bytes, (uint64_t)8);
}

VK_INLINE uint64_t interp_list_bytes(uint64_t room)
{
    return sizeof(struct interp_list) + 8 * room;
}

/* A copy with so much room, of its own; interp_list_bytes(room) are there. */
uint32_t interp_list_copy(struct interp_run *run, uint32_t list, uint64_t room);

/* Whether the list must be copied before element len is written or added, and the room the copy needs. */
bool interp_list_grows(const struct interp_run *run, uint32_t list, bool adds, uint64_t *ret_room);

/* ---- gc.c -------------------------------------------------------------------------- */

/* Collect, so that need_bytes can follow what lies below `from`; false: as interp_room. */
bool interp_collect(struct interp_run *run, uint32_t from, uint64_t need_bytes);

/* The same for the answer to the op with that tag, which then lands before any fiber runs. */
bool interp_collect_landing(struct interp_run *run, uint64_t need_bytes, uint64_t tag);

/*
 * The last resort of a request, which ends soon: what collecting would need
 * becomes room for objects, up to `end` at least, and hardly anything can be
 * collected from then on. false: there is not so much, or it is open already.
 */
bool interp_open_reserve(struct interp_run *run, uint64_t end);

enum interp_collected { INTERP_COLLECTED, INTERP_COLLECTING, INTERP_COLLECTED_FULL };

/* Go on with a wanted collection for so many reductions; *reductions becomes how many it took. */
enum interp_collected interp_collect_some(struct interp_run *run, uint32_t *reductions);

/* Size of an object, and what of it is worth copying. */
uint64_t interp_object_bytes(const struct interp_run *run, const struct interp_object *object);

/* ---- fiber.c ------------------------------------------------------------------------ */

/* A fiber at the function's first instruction, references zeroed; 0: out of memory. */
uint32_t interp_fiber_new(struct interp_run *run, uint32_t function, uint32_t spare_words);
/* A larger stack for the running fiber, whose pc and base are saved; false: out of memory. */
bool interp_stack_grow(struct interp_run *run, uint32_t words);
void interp_fiber_ready(struct interp_run *run, uint32_t fiber);
/* A slot for the fiber in the table, as the tag of its op; 0: out of memory. */
uint64_t interp_fiber_tag(struct interp_run *run);
/* The completion that the running fiber has a slot for will be nobody's. */
void interp_fiber_disown(struct interp_run *run);
/* Completions wake their fibers. */
void interp_take_completions(struct interp_run *run);
/* Whether awaiting `target` would wait for itself. */
bool interp_is_cycle(const struct interp_run *run, uint32_t fiber, uint32_t target);
/* The running fiber waits for another one, which has not ended. */
void interp_fiber_await(struct interp_run *run, uint32_t target);
/* The running fiber has ended: wake who waits for it. */
void interp_fiber_ended(struct interp_run *run, uint64_t result, bool gives_ref);

/* ---- actor.c --------------------------------------------------------------------------- */

/* Tags that are no fiber's begin here. */
#define INTERP_TAG_OWN  ((uint64_t)1 << 32)
#define INTERP_TAG_RECV INTERP_TAG_OWN /* the messages of an actor: what lands goes into the inbox */

/* The process ends: who waits for a message that had no turn hears that it had none. false: ops[] is full. */
bool interp_actor_leave(struct interp_run *run);

/* The message that was there before the actor ran is in its inbox. false: out of memory. */
bool interp_actor_begin(struct interp_run *run);

/* A completion with such a tag. */
void interp_actor_done(struct interp_run *run, const struct proc_done *done);
/* Whether an actor takes no message before the running fiber goes on: it is the turn, or one that this
 * awaits. */
bool interp_actor_is_in_turn(const struct interp_run *run);

/* ---- land.c --------------------------------------------------------------------------- */

/* For proc_program.land. */
uint32_t interp_land(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len);
/* An answer found no room: make some. false: out of memory, reported. */
bool interp_make_landing(struct interp_run *run);
/* There is none for the answer to that op. true: it will be refused; false: the process fails, reported. */
bool interp_no_landing(struct interp_run *run, uint64_t tag);

/* ---- map.c --------------------------------------------------------------------------- */

struct interp_entry {
    uint64_t key;
    uint64_t value;
    uint32_t hash;
    uint32_t next; /* in the bucket: index + 1, 0 at the end; INTERP_ENTRY_DEAD */
};

#define INTERP_ENTRY_DEAD 0xffffffffu

struct interp_map {
    struct interp_object head; /* count: room for entries */
    uint32_t live;
    uint32_t used;    /* entries written, the dead ones among them */
    uint32_t buckets; /* a power of two; they follow the entries */
    uint32_t reserved;
    struct interp_entry entries[];
};

uint64_t interp_map_bytes(uint64_t room);

#define INTERP_HANDLE_BYTES 16u

/* Of an object that a module's type names: fields and addresses, which most are, without a jump by a table.
 */
VK_INLINE uint64_t interp_typed_bytes(const struct interp_type *type, const struct interp_object *object)
{
    uint64_t fields_bytes = sizeof *object + 8 * (uint64_t)type->count;
    if (type->kind == INTERP_KIND_HANDLE)
        return INTERP_HANDLE_BYTES;
    if (type->kind == INTERP_KIND_RECORD || type->kind == INTERP_KIND_VARIANT)
        return fields_bytes;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return interp_text_bytes(object->count);
    case INTERP_KIND_LIST:
        return interp_list_bytes(object->count);
    case INTERP_KIND_MAP:
        return interp_map_bytes(object->count);
    default:
        return fields_bytes;
    }
}
/* Of a map with that room. */
uint32_t interp_map_buckets(uint32_t room);
uint32_t interp_map_hash(const struct interp_run *run, uint32_t map, uint64_t key);
/* hash: of the key, by interp_map_hash. */
int64_t interp_map_find(const struct interp_run *run, uint32_t map, uint64_t key, uint32_t hash);
/* As for lists: whether writing needs a copy, and its room. adds: a key that is not there. */
bool interp_map_grows(const struct interp_run *run, uint32_t map, bool adds, uint64_t *ret_room);
uint32_t interp_map_copy(struct interp_run *run, uint32_t map, uint64_t room);
/* A fresh map of that room becomes an empty one whose buckets are still to be cleared; the same, cleared. */
void interp_map_open(struct interp_map *map);
void interp_map_clear(const struct interp_run *run, uint32_t map);
/* Adds to a map with room; false: the key is there already. */
bool interp_map_put(const struct interp_run *run, uint32_t map, uint64_t key, uint64_t value);
/* The living entries of old into a new map with so much room. */
void interp_map_pack(struct interp_map *map, const struct interp_map *old, uint64_t room);
void interp_map_add(const struct interp_run *run, uint32_t map, uint64_t key, uint64_t value, uint32_t hash);
void interp_map_remove(const struct interp_run *run, uint32_t map, int64_t index);

/* ---- program.c ------------------------------------------------------------------------- */

/* What is under way of a collection, then the fibers; a trap is reported. */
enum proc_run interp_go_on(struct interp_run *run);

/* ---- moves.c --------------------------------------------------------------------------- */

#define INTERP_LONG_ITEMS   (INTERP_TURN_BYTES / 8)
#define INTERP_LONG_ENTRIES (INTERP_TURN_BYTES / 64)

/* Each does a turn's part of a copy for which there is room, and gives it when it is complete, until then 0.
 */
uint32_t interp_move_list(struct interp_run *run, uint32_t list, uint64_t room);
uint32_t interp_move_map(struct interp_run *run, uint32_t map, uint64_t room);
uint32_t interp_move_texts(struct interp_run *run, const union interp_word *r, const uint8_t *regs,
                           uint32_t count, uint64_t len);
/* A turn's part of comparing two texts; true: *ret_order is -1, 0 or 1. */
bool interp_compare_long(struct interp_run *run, uint32_t a, uint32_t b, int64_t *ret_order);

/* ---- run.c ----------------------------------------------------------------------------- */

enum proc_run interp_loop(struct interp_run *run);

/* ---- trap.c ------------------------------------------------------------------------------ */

/* Write the report of the trap into the log. */
void interp_report(struct interp_run *run);

/* Which trap a want of memory is: the stack's, when much of the heap is the running fiber's. */
enum interp_trap interp_memory_trap(const struct interp_run *run);

/* What and where: "division by zero in half:3 < main:7". */
void interp_describe(const struct interp_run *run, struct vk_out *out);

#endif
