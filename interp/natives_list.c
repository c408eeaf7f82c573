/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives of lists: cutting, joining, and the order of items by a merge sort
 * of places. Joining and sorting take turns. Source: Knuth, The Art of
 * Computer Programming, vol. 3, 5.2.4, natural order kept.
 */
#include "interp/natives_impl.h"

static struct interp_list *list_at(const struct interp_run *run, uint32_t ref)
{
    return (void *)interp_read_at(run, ref);
}

static struct interp_list *list_of(const struct interp_call *call)
{
    return list_at(call->run, interp_call_ref(call, 0));
}

/* The list, which nobody shares, keeps its first n items. */
enum interp_say interp_list_cut(struct interp_call *call)
{
    uint32_t ref = interp_call_ref(call, 0);
    struct interp_list *list = list_of(call);
    uint64_t len = interp_call_scalar(call, 0).u;
    if (interp_in_image(ref) || (list->head.flags & INTERP_OBJECT_SHARED) || len > list->len)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    list->len = len;
    return INTERP_DONE;
}

/* ---- joining ------------------------------------------------------------------------ */

enum join_step { JOIN_FIRST, JOIN_MEASURES, JOIN_WRITES };

struct join {
    uint64_t at;    /* the part that is next: 2 * index of an item, + 1 for what stands behind it */
    uint64_t bytes; /* measured; then written */
    size_t done;    /* bytes of the part that are written */
};

static struct vk_span join_part(const struct interp_call *call, uint64_t at)
{
    return at & 1 ? interp_call_text(call, 1)
                  : interp_text(call->run, (uint32_t)list_of(call)->items[at / 2].u);
}

/* A turn's parts, measured or written; false: there are more. */
static bool join_turn(struct interp_call *call, struct join *j, uint8_t *dst)
{
    uint64_t count = list_of(call)->len, end = count ? 2 * count - 1 : 0;
    int64_t left = (int64_t)interp_call_turn(call), begun = left;
    for (; j->at < end && left > 0; left -= 16) {
        struct vk_span text = vk_span_skip(join_part(call, j->at), j->done);
        size_t piece = dst && text.len > (size_t)left ? (size_t)left : text.len;
        if (dst) {
            vk_copy(dst + j->bytes, text.ptr, piece);
            left -= (int64_t)piece;
        }
        j->bytes += piece;
        j->done = piece < text.len ? j->done + piece : 0;
        j->at += piece == text.len;
    }
    interp_call_charge(call, (uint64_t)(begun - left) + 63);
    return j->at >= end;
}

/* The texts of the list with the second argument between them. */
enum interp_say interp_list_join(struct interp_call *call)
{
    struct interp_run *run = call->run;
    struct join *j = (void *)run->p->work;
    if (call->step == JOIN_FIRST)
        *j = (struct join){0};
    if (call->step != JOIN_WRITES) {
        call->step = JOIN_MEASURES;
        if (!join_turn(call, j, NULL))
            return INTERP_AGAIN;
        uint32_t ref = j->bytes > UINT32_MAX ? 0
                                             : interp_alloc(run, interp_text_bytes(j->bytes),
                                                            interp_str_type(run), (uint32_t)j->bytes);
        if (!ref)
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        run->p->roots[0] = ref;
        *j = (struct join){0};
        call->step = JOIN_WRITES;
    }
    if (!join_turn(call, j, run->heap + interp_text_off(run->p->roots[0])))
        return INTERP_AGAIN;
    call->result.u = run->p->roots[0];
    run->p->roots[0] = 0;
    return INTERP_DONE;
}

/* ---- order ---------------------------------------------------------------------------- */

struct places;

/* 0, 1 or UNDECIDED. left: of the turn, in bytes; who compares many takes them off. */
typedef int (*is_after_fn)(const struct places *p, union interp_word a, union interp_word b, int64_t *left);

struct places {
    const struct interp_run *run;
    const union interp_word *keys, *in;
    union interp_word *out;
    uint64_t len;
    uint64_t *compared; /* of struct sort */
    is_after_fn is_after;
};

#define ITEM_BYTES 16 /* what placing an item touches, or comparing two */
#define TEXT_SHARE 8  /* of two texts, one byte of so many is taken to be compared */

enum { UNDECIDED = -1 }; /* of is_after: two long texts are equal so far */

static int is_after_int(const struct places *p, union interp_word a, union interp_word b, int64_t *left)
{
    (void)p;
    (void)left;
    return a.i > b.i;
}

/* A nan stands behind all numbers. */
static int is_after_float(const struct places *p, union interp_word a, union interp_word b, int64_t *left)
{
    (void)p;
    (void)left;
    return a.f > b.f || (a.f != a.f && b.f == b.f);
}

/* A turn's part of it; p->compared is how far the two are. */
static int is_after_text(const struct places *p, union interp_word a, union interp_word b, int64_t *left)
{
    struct vk_span x = interp_text(p->run, (uint32_t)a.u), y = interp_text(p->run, (uint32_t)b.u);
    size_t at = *p->compared, rest = (x.len < y.len ? x.len : y.len) - at;
    size_t n = rest < INTERP_TURN_BYTES ? rest : INTERP_TURN_BYTES;
    int order = n ? memcmp(x.ptr + at, y.ptr + at, n) : 0;
    bool goes_on = order == 0 && n < rest;
    *left -= (int64_t)(goes_on ? n : n / TEXT_SHARE);
    *p->compared = goes_on ? at + n : 0;
    if (goes_on)
        return UNDECIDED;
    return order ? order > 0 : x.len > y.len;
}

/* Runs of `width` places in roots[0] are merged by twos into roots[1], which become each other. */
struct sort {
    uint64_t filled; /* places written to roots[0] at first */
    uint64_t width;
    uint64_t from; /* of the two runs being merged */
    uint64_t a;    /* the next of the first and of the second run */
    uint64_t b;
    uint64_t at;       /* where the next one goes */
    uint64_t compared; /* bytes of the texts of a and b that are known to be equal */
};

static void begin_runs(struct sort *s, uint64_t from, uint64_t len)
{
    s->from = s->a = s->at = from;
    s->b = from + s->width < len ? from + s->width : len;
}

/* The two runs at s->from, or what is left of them; false when the turn ends first. */
static bool merge(struct sort *s, const struct places *p, int64_t *left)
{
    uint64_t mid = s->from + s->width < p->len ? s->from + s->width : p->len;
    uint64_t end = mid + s->width < p->len ? mid + s->width : p->len;
    uint64_t a = s->a, b = s->b, at = s->at;
    for (; at<end && * left> 0; at++, *left -= ITEM_BYTES) {
        int takes_b = a == mid;
        if (a < mid && b < end)
            takes_b = p->is_after(p, p->keys[p->in[a].u], p->keys[p->in[b].u], left);
        if (VK_UNLIKELY(takes_b == UNDECIDED))
            break;
        p->out[at] = takes_b ? p->in[b++] : p->in[a++];
    }
    s->a = a;
    s->b = b;
    s->at = at;
    return at == end;
}

static struct places places_of(const struct interp_call *call, is_after_fn is_after)
{
    const struct interp_run *run = call->run;
    return (struct places){.run = run,
                           .keys = list_of(call)->items,
                           .in = list_at(run, run->p->roots[0])->items,
                           .out = list_at(run, run->p->roots[1])->items,
                           .len = list_of(call)->len,
                           .compared = &((struct sort *)(void *)run->p->work)->compared,
                           .is_after = is_after};
}

/* false: there is more to do. */
static bool sort_turn(struct interp_call *call, struct sort *s, is_after_fn is_after, int64_t *left)
{
    struct interp_process *p = call->run->p;
    struct places places = places_of(call, is_after);
    for (; s->filled<places.len && * left> 0; s->filled++, *left -= ITEM_BYTES / 2)
        list_at(call->run, p->roots[0])->items[s->filled].u = s->filled;
    while (s->width < places.len) {
        if (*left <= 0 || !merge(s, &places, left))
            return false;
        begin_runs(s, s->from + 2 * s->width, places.len);
        if (s->from < places.len)
            continue;
        uint32_t sorted = p->roots[1];
        p->roots[1] = p->roots[0];
        p->roots[0] = sorted;
        places = places_of(call, is_after);
        s->width *= 2;
        begin_runs(s, 0, places.len);
    }
    return s->filled == places.len;
}

static bool begin_sort(struct interp_call *call, struct sort *s)
{
    struct interp_run *run = call->run;
    uint64_t len = list_of(call)->len, bytes = interp_list_bytes(len);
    if (!interp_room(run, 2 * bytes))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        run->p->roots[i] = interp_take(run, (uint32_t)bytes, call->type, (uint32_t)len);
        list_at(run, run->p->roots[i])->len = len;
    }
    *s = (struct sort){.width = 1};
    begin_runs(s, 0, len);
    return true;
}

/* The places of the items in ascending order. */
static enum interp_say order(struct interp_call *call, is_after_fn is_after)
{
    struct interp_process *p = call->run->p;
    struct sort *s = (void *)p->work;
    if (call->step == 0 && !begin_sort(call, s))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    call->step = 1;
    int64_t left = (int64_t)interp_call_turn(call), begun = left;
    bool is_done = sort_turn(call, s, is_after, &left);
    interp_call_charge(call, (uint64_t)(begun - left) + 63);
    if (!is_done)
        return INTERP_AGAIN;
    call->result.u = p->roots[0];
    p->roots[0] = p->roots[1] = 0;
    return INTERP_DONE;
}

enum interp_say interp_list_order(struct interp_call *call)
{
    return order(call, is_after_int);
}

enum interp_say interp_list_order_float(struct interp_call *call)
{
    return order(call, is_after_float);
}

enum interp_say interp_list_order_text(struct interp_call *call)
{
    return order(call, is_after_text);
}
