/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: any value that may be sent comes out as it went in, what is shared
 * stays so, the bytes do not depend on where things lie, and no bytes at all
 * do harm. Method: random values of a type that has every kind in it, inside
 * of a native; messages are read, made again and compared; then changed.
 */
#include "interp/interp_impl.h"
#include "interp/message.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"

#define HEAP_BYTES (1u << 20)
#define ROUNDS     400u

static struct vm vm;
static _Alignas(4096) uint8_t heap[HEAP_BYTES];

static const char program[] =
    "type Str str\n"
    "type Bytes bytes\n"
    "type Address handle\n"
    "type Empty record\n"
    "type Ints list int\n"
    "type Strs list Str\n"
    "type MaybeStr opt Str\n"
    "type Tree enum Leaf Node Named\n"
    "type Leaf variant Tree 0\n"
    "type Node variant Tree 1 Tree Tree int\n"
    "type Named variant Tree 2 MaybeStr\n"
    "type MaybeTree opt Tree\n"
    "type Trees list Tree\n"
    "type Maybes list MaybeStr\n"
    "type IntMap map int int\n"
    "type StrMap map Str Trees\n"
    "type BytesMap map Bytes Str\n"
    "type All record Str Bytes Address Empty Ints Strs Maybes MaybeTree Trees IntMap "
    "StrMap BytesMap Tree int int\n"
    "type Cell mutable Str\n"
    "type Holder record Strs Cell\n"
    "type F fn > int\n"
    "type Round fn Str > All\n"
    "type Largest fn Str > Strs\n"
    "native test.round Round\n"
    "native test.largest Largest\n"
    "type Job fiber int\n"
    "type Sent fn Job > int\n"
    "native test.sent Sent\n"
    "native test.scalar F\n"
    "data text str Str \"frozen\"\n"
    "func scalars F 6\n CALLN 4 test.scalar\n RETS 4\nend\n"
    "func main F 8 Str All\n";

/* ---- random values -------------------------------------------------------------- */

static uint64_t state;

static uint32_t length(const char *text)
{
    uint32_t len = 0;
    while (text[len])
        len++;
    return len;
}

static uint32_t any(uint32_t below)
{
    return test_random_below(&state, below);
}

/* What was made, to be used again. */
static uint32_t made[4096];
static uint32_t made_count;

static uint64_t make(struct interp_run *run, uint16_t index, uint32_t depth);

static uint64_t make_value(struct interp_run *run, uint16_t type, uint32_t depth)
{
    return type ? make(run, type, depth) : (uint64_t)any(1000) * 0x100000001u - 7;
}

static uint32_t make_text(struct interp_run *run, uint16_t type, bool is_str)
{
    static const char *const words[] = {
        "", "a", "key", "größer", "a longer text than one word holds", "\xf0\x9f\x98\x80"};
    const char *word = words[any(6)];
    uint32_t len = length(word);
    uint32_t ref = interp_take(run, (uint32_t)interp_text_bytes(len + 2), type, len + 2);
    uint8_t *bytes = interp_write_at(run, ref) + sizeof(struct interp_object);
    memcpy(bytes, word, len);
    bytes[len] = (uint8_t)('a' + any(26));
    bytes[len + 1] = is_str ? (uint8_t)('a' + any(26)) : (uint8_t)any(256);
    return ref;
}

static uint32_t make_map(struct interp_run *run, uint16_t index, uint32_t depth)
{
    const struct interp_type *type = &run->image->types[index];
    uint32_t n = any(6), bytes = (uint32_t)interp_map_bytes(8);
    uint32_t ref = interp_take(run, bytes, index, 8);
    struct interp_map *map = (void *)interp_write_at(run, ref);
    memset(&map->live, 0, bytes - sizeof map->head);
    map->buckets = interp_map_buckets(8);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = make_value(run, type->key, depth), value = make_value(run, type->of, depth);
        int64_t at = interp_map_find(run, ref, key, interp_map_hash(run, ref, key));
        if (at < 0)
            interp_map_add(run, ref, key, value, interp_map_hash(run, ref, key));
        else if (any(2)) /* a dead entry stays behind */
            interp_map_remove(run, ref, at);
    }
    return ref;
}

static uint32_t make_list(struct interp_run *run, uint16_t index, uint32_t depth)
{
    uint32_t n = any(5), spare = any(3);
    uint32_t ref = interp_take(run, (uint32_t)interp_list_bytes(n + spare), index, n + spare);
    struct interp_list *list = (void *)interp_write_at(run, ref);
    list->len = n;
    for (uint32_t i = 0; i < n; i++)
        list->items[i].u = make_value(run, run->image->types[index].of, depth);
    return ref;
}

static uint32_t make_fields(struct interp_run *run, uint16_t index, uint32_t count, uint32_t depth)
{
    const struct interp_type *type = &run->image->types[index];
    uint32_t ref = interp_take(run, 8 + 8u * type->count, index, count);
    for (uint32_t i = 0; i < type->count; i++) {
        uint64_t word = make_value(run, run->image->type_words[type->first + i], depth);
        memcpy(interp_write_at(run, ref) + 8 + 8 * i, &word, 8);
    }
    return ref;
}

static uint32_t make_kind(struct interp_run *run, uint16_t index, uint32_t depth)
{
    const struct interp_type *type = &run->image->types[index];
    uint32_t variant;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return make_text(run, index, type->kind == INTERP_KIND_STR);
    case INTERP_KIND_LIST:
        return make_list(run, index, depth);
    case INTERP_KIND_MAP:
        return make_map(run, index, depth);
    case INTERP_KIND_HANDLE: {
        uint32_t ref = interp_take(run, 16, index, 0);
        uint64_t name = (uint64_t)any(1000) << 20;
        memcpy(interp_write_at(run, ref) + 8, &name, 8);
        return ref;
    }
    case INTERP_KIND_ENUM:
        variant = depth < 5 ? any(3) : 0;
        return make_fields(run, run->image->type_words[type->first + variant], variant, depth);
    default:
        return make_fields(run, index, type->count, depth);
    }
}

static bool is_of(const struct interp_run *run, uint32_t ref, uint16_t index)
{
    uint16_t type = interp_object_at(run, ref)->type;
    return type == index ||
           (run->image->types[type].kind == INTERP_KIND_VARIANT && run->image->types[type].of == index);
}

static uint64_t make(struct interp_run *run, uint16_t index, uint32_t depth)
{
    const struct interp_type *type = &run->image->types[index];
    if (type->kind == INTERP_KIND_OPT)
        return any(3) ? make(run, type->of, depth) : 0;
    if (type->kind == INTERP_KIND_STR && any(8) == 0)
        return run->image->refs[0]; /* frozen */
    for (uint32_t i = 0; i < 3 && made_count && any(3) == 0; i++) {
        uint32_t ref = made[any(made_count)];
        if (is_of(run, ref, index))
            return ref;
    }
    uint32_t ref = make_kind(run, index, depth + 1);
    if (made_count < VK_COUNT(made))
        made[made_count++] = ref;
    return ref;
}

/* ---- comparing -------------------------------------------------------------------- */

static bool same(const struct interp_run *run, uint64_t a, uint64_t b, uint16_t index, uint32_t depth);

static bool same_words(const struct interp_run *run, uint32_t a, uint32_t b, const struct interp_type *type,
                       uint32_t depth)
{
    const uint64_t *x = (const void *)(interp_read_at(run, a) + 8),
                   *y = (const void *)(interp_read_at(run, b) + 8);
    for (uint32_t i = 0; i < type->count; i++)
        if (!same(run, x[i], y[i], run->image->type_words[type->first + i], depth))
            return false;
    return true;
}

static bool same_lists(const struct interp_run *run, const struct interp_list *x, const struct interp_list *y,
                       uint16_t of, uint32_t depth)
{
    if (x->len != y->len)
        return false;
    for (uint64_t i = 0; i < x->len; i++)
        if (!same(run, x->items[i].u, y->items[i].u, of, depth))
            return false;
    return true;
}

/* y has no dead entries, and finds its keys. */
static bool same_maps(const struct interp_run *run, const struct interp_map *x, const struct interp_map *y,
                      uint32_t y_ref, uint32_t depth)
{
    const struct interp_type *type = &run->image->types[x->head.type];
    uint32_t at = 0;
    if (x->live != y->live || y->used != y->live)
        return false;
    for (uint32_t i = 0; i < x->used; i++) {
        const struct interp_entry *e = &x->entries[i], *f = &y->entries[at];
        if (e->next == INTERP_ENTRY_DEAD)
            continue;
        if (!same(run, e->key, f->key, type->key, depth) || !same(run, e->value, f->value, type->of, depth) ||
            interp_map_find(run, y_ref, e->key, interp_map_hash(run, y_ref, e->key)) != at++)
            return false;
    }
    return true;
}

static bool same(const struct interp_run *run, uint64_t a, uint64_t b, uint16_t index, uint32_t depth)
{
    if (index == 0 || a == 0 || b == 0 || depth > 40)
        return depth > 40 || a == b;
    const struct interp_object *x = interp_object_at(run, (uint32_t)a),
                               *y = interp_object_at(run, (uint32_t)b);
    const struct interp_type *type = &run->image->types[x->type];
    if (x->type != y->type)
        return false;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return vk_span_equal(interp_text(run, (uint32_t)a), interp_text(run, (uint32_t)b));
    case INTERP_KIND_LIST:
        return same_lists(run, (const void *)x, (const void *)y, type->of, depth + 1);
    case INTERP_KIND_MAP:
        return same_maps(run, (const void *)x, (const void *)y, (uint32_t)b, depth + 1);
    case INTERP_KIND_HANDLE:
        return memcmp(x + 1, y + 1, 8) == 0;
    default:
        return x->count == y->count && same_words(run, (uint32_t)a, (uint32_t)b, type, depth + 1);
    }
}

/* ---- rounds ------------------------------------------------------------------------- */

static uint8_t bytes[PROC_MESSAGE_MAX_BYTES + 64], again[PROC_MESSAGE_MAX_BYTES + 64];
static uint32_t refused, accepted;

static void set_argument(struct interp_call *call, uint64_t ref)
{
    struct interp_fiber *fiber = interp_fiber_at(call->run, call->run->p->current);
    ((union interp_word *)(void *)interp_write_at(call->run, fiber->stack + fiber->base))[fiber->window].u =
        ref;
}

static uint32_t make_bytes(struct interp_call *call, uint8_t *dst)
{
    uint32_t off, len;
    const char head[4] = "head";
    CHECK_EQ(interp_message_make(call, INTERP_PART_REF, 0, head, sizeof head, &off, &len), INTERP_DONE);
    CHECK(memcmp(interp_write_at(call->run, off), head, sizeof head) == 0);
    memcpy(dst, interp_write_at(call->run, off), len);
    return len;
}

static enum interp_say read_bytes(struct interp_call *call, const uint8_t *src, uint32_t len)
{
    uint32_t ref = interp_alloc(call->run, interp_text_bytes(len), INTERP_OWN_RAW, len);
    CHECK(ref != 0);
    vk_copy(interp_write_at(call->run, ref) + sizeof(struct interp_object), src, len);
    interp_fiber_at(call->run, call->run->p->current)->landed = ref;
    return interp_message_read(call, INTERP_FROM_LANDED, 4);
}

static void round_trip(struct interp_call *call)
{
    made_count = 0;
    CHECK(interp_room(call->run, 200000));
    set_argument(call, make(call->run, call->type, 0));
    CHECK(call->run->p->top <= call->run->p->half);
    uint32_t len = make_bytes(call, bytes);
    CHECK_EQ(read_bytes(call, bytes, len), INTERP_DONE);
    CHECK(same(call->run, interp_call_ref(call, 0), call->result.u, call->type, 0));
    set_argument(call, call->result.u);
    CHECK_EQ(make_bytes(call, again), len);
    CHECK(memcmp(bytes, again, len) == 0);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t cut = any(8) ? len : 4 + any(len - 4);
        memcpy(again, bytes, len);
        for (uint32_t n = any(4) + (cut == len); n-- > 0;)
            again[4 + any(len - 4)] = any(2) ? (uint8_t)any(256) : (uint8_t)any(3);
        enum interp_say say = read_bytes(call, again, cut);
        CHECK(say == INTERP_DONE || say == INTERP_TRAP);
        refused += say == INTERP_TRAP;
        accepted += say == INTERP_DONE;
        if (say == INTERP_DONE)
            set_argument(call, call->result.u);
        (void)interp_collect(call->run, 0, 0); /* walks what was read */
    }
}

static enum interp_say test_round(struct interp_call *call)
{
    call->run->p->at_once = true; /* what is made and read here goes over many collections in one call */
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_trip(call);
    call->result.u = interp_call_ref(call, 0);
    return INTERP_DONE;
}

/* Scalars and nothing are messages too. */
static enum interp_say test_scalar(struct interp_call *call)
{
    uint32_t off, len;
    const uint64_t head = 0x1122334455667788u;
    CHECK_EQ(interp_message_make(call, INTERP_PART_NONE, 0, &head, 8, &off, &len), INTERP_DONE);
    CHECK_EQ(len, 8);
    interp_fiber_at(call->run, call->run->p->current)->landed = off - 8;
    CHECK_EQ(interp_message_read(call, INTERP_FROM_LANDED, 8),
             INTERP_TRAP); /* nothing, and a scalar is expected */
    interp_fiber_at(call->run, call->run->p->current)->landed = off - 8;
    CHECK_EQ(interp_message_read(call, INTERP_FROM_LANDED, 0), INTERP_DONE);
    CHECK_EQ(call->result.u, head);
    call->type = INTERP_TYPE_NONE;
    interp_fiber_at(call->run, call->run->p->current)->landed = off - 8;
    CHECK_EQ(interp_message_read(call, INTERP_FROM_LANDED, 8), INTERP_DONE);
    call->type = 0;
    call->result.u = 1;
    return INTERP_DONE;
}

#define PARTS 6500u /* of 10 bytes each: with its head, a little less than a message may be */

/* A list of Strs, each of its own. */
static uint32_t make_parts(struct interp_run *run, uint16_t type)
{
    uint32_t ref = interp_take(run, (uint32_t)interp_list_bytes(PARTS), type, PARTS);
    ((struct interp_list *)(void *)interp_write_at(run, ref))->len = PARTS;
    for (uint32_t i = 0; i < PARTS; i++) {
        uint32_t text = interp_take(run, (uint32_t)interp_text_bytes(8), run->image->str_type, 8);
        memset(interp_write_at(run, text) + sizeof(struct interp_object), 'x', 8);
        ((struct interp_list *)(void *)interp_write_at(run, ref))->items[i].u = text;
    }
    return ref;
}

/* As large as a message may be, and a byte more; it grows by so little at a time that the area doubles. */
static enum interp_say test_largest(struct interp_call *call)
{
    uint8_t head[PROC_MESSAGE_MAX_BYTES / 64] = {0};
    uint32_t off, len, rest;
    call->run->p->at_once = true;
    CHECK(interp_room(call->run, 200000));
    set_argument(call, make_parts(call->run, call->type));
    CHECK_EQ(interp_message_make(call, INTERP_PART_REF, 0, head, 0, &off, &len), INTERP_DONE);
    CHECK(len < PROC_MESSAGE_MAX_BYTES && PROC_MESSAGE_MAX_BYTES - len < sizeof head);
    rest = PROC_MESSAGE_MAX_BYTES - len;
    CHECK_EQ(interp_message_make(call, INTERP_PART_REF, 0, head, rest, &off, &len), INTERP_DONE);
    CHECK_EQ(len, PROC_MESSAGE_MAX_BYTES);
    CHECK_EQ(interp_message_make(call, INTERP_PART_REF, 0, head, rest + 1, &off, &len), INTERP_TRAP);
    CHECK_EQ(call->trap, INTERP_TRAP_SENT);
    call->result.u = interp_call_ref(call, 0);
    return INTERP_DONE;
}

/* A fiber is none of the types: what lies behind them, where its own number would be, is none either. */
static enum interp_say test_sent(struct interp_call *call)
{
    const struct interp_type type = {.kind = INTERP_KIND_HANDLE, .tag = INTERP_HANDLE_ACTOR};
    uint8_t *behind = (uint8_t *)(uintptr_t)call->run->image->types + INTERP_OWN_FIBER * sizeof type;
    uint32_t off, len;
    CHECK(behind > vm.memory && behind + sizeof type <= (uint8_t *)&vm.image);
    memcpy(behind, &type, sizeof type);
    CHECK_EQ(interp_message_make(call, INTERP_PART_REF, 0, NULL, 0, &off, &len), INTERP_TRAP);
    CHECK_EQ(call->trap, INTERP_TRAP_SENT);
    call->result.u = 1;
    return INTERP_DONE;
}

static const struct interp_native natives[] = {{"test.round", "S>*", test_round},
                                               {"test.scalar", ">i", test_scalar},
                                               {"test.largest", "S>*", test_largest},
                                               {"test.sent", "*>i", test_sent},
                                               {0}};
static const struct interp_native *const tables[] = {interp_natives, natives, NULL};

static int run(const char *code, const char *function)
{
    static char text[4096];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text - 1);
    vk_out_bytes(&out, program, sizeof program - 1);
    vk_out_bytes(&out, code, length(code));
    *out.at = 0;
    vm.natives = tables;
    int rc = vm_load(&vm, text);
    if (rc)
        test_fail(code, vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
    memset(heap, 0, sizeof heap);
    return vm_run(&vm, function, heap, HEAP_BYTES);
}

/* main calls the native with a value of the right type that never is looked at: it makes its own. */
static const char calls[] = " LDQ 0 text\n MOVR 4 0\n CALLN 4 test.round 1\n LDI 3 1\n RETS 3\nend\n";

TEST(interp_message, values_come_out_as_they_went_in)
{
    state = 0x9e3779b97f4a7c15u;
    refused = accepted = 0;
    CHECK_EQ(run(calls, "main"), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 1);
    CHECK(refused > ROUNDS && accepted > ROUNDS);
}

TEST(interp_message, exactly_so_large)
{
    static const char largest[] =
        " LDI 2 0\n RETS 2\nend\nfunc largest F 8 Str Strs\n LDQ 0 text\n MOVR 4 0\n "
        "CALLN 4 test.largest 1\n LDI 3 1\n RETS 3\nend\n";
    CHECK_EQ(run(largest, "largest"), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 1);
}

TEST(interp_message, a_fiber_cannot_be_sent)
{
    static const char sent[] =
        " LDI 2 0\n RETS 2\nend\nfunc one F 2\n LDI 0 1\n RETS 0\nend\nfunc sends F 12 Job\n "
        "SPAWN 6 one 0\n MOVR 6 0\n CALLN 6 test.sent\n RETS 6\nend\n";
    CHECK_EQ(run(sent, "sends"), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 1);
}

TEST(interp_message, scalars_and_nothing)
{
    CHECK_EQ(run(" LDI 2 0\n RETS 2\nend\n", "scalars"), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 1);
}
