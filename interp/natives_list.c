/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives that compiled code needs of lists: cutting, and the order of their
 * items by a merge sort of places. Source: Knuth, The Art of Computer
 * Programming, vol. 3, 5.2.4, natural order kept.
 */
#include "interp/interp_impl.h"

static struct interp_list *list_of(const struct interp_call *call)
{
    return (void *)interp_read_at(call->run, interp_call_ref(call, 0));
}

/* The list, which nobody shares, keeps its first n items. */
static enum interp_say list_cut(struct interp_call *call)
{
    uint32_t ref = interp_call_ref(call, 0);
    struct interp_list *list = list_of(call);
    uint64_t len = interp_call_scalar(call, 0).u;
    if (interp_in_image(ref) || (list->head.flags & INTERP_OBJECT_SHARED) || len > list->len)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    list->len = len;
    return INTERP_DONE;
}

typedef bool (*is_after_fn)(const struct interp_run *run, union interp_word a, union interp_word b);

static bool is_after_int(const struct interp_run *run, union interp_word a, union interp_word b)
{
    (void)run;
    return a.i > b.i;
}

static bool is_after_float(const struct interp_run *run, union interp_word a, union interp_word b)
{
    (void)run;
    return a.f > b.f;
}

static bool is_after_text(const struct interp_run *run, union interp_word a, union interp_word b)
{
    struct vk_span x = interp_text(run, (uint32_t)a.u), y = interp_text(run, (uint32_t)b.u);
    size_t n = x.len < y.len ? x.len : y.len;
    int order = n ? memcmp(x.ptr, y.ptr, n) : 0;
    return order ? order > 0 : x.len > y.len;
}

struct runs {
    const struct interp_run *run;
    const union interp_word *keys;
    is_after_fn is_after;
};

/* [from, mid) and [mid, end) of `in` to [from, end) of `out`. */
static void merge(const struct runs *r, const union interp_word *in, union interp_word *out, uint64_t from,
                  uint64_t mid, uint64_t end)
{
    uint64_t a = from, b = mid;
    for (uint64_t i = from; i < end; i++) {
        bool takes_b = a == mid || (b < end && r->is_after(r->run, r->keys[in[a].u], r->keys[in[b].u]));
        out[i] = takes_b ? in[b++] : in[a++];
    }
}

/* Places in `out`, with `other` as large. Returns which of them holds the result. */
static union interp_word *sort(const struct runs *r, union interp_word *out, union interp_word *other,
                               uint64_t len)
{
    for (uint64_t i = 0; i < len; i++)
        out[i].u = i;
    for (uint64_t width = 1; width < len; width *= 2) {
        for (uint64_t from = 0; from < len; from += 2 * width) {
            uint64_t mid = from + width < len ? from + width : len;
            merge(r, out, other, from, mid, mid + width < len ? mid + width : len);
        }
        union interp_word *t = out;
        out = other;
        other = t;
    }
    return out;
}

static enum interp_say order(struct interp_call *call, is_after_fn is_after)
{
    struct interp_run *run = call->run;
    uint64_t len = list_of(call)->len, bytes = interp_list_bytes(len);
    if (!interp_room(run, 2 * bytes))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint32_t first = interp_take(run, (uint32_t)bytes, call->type, (uint32_t)len);
    uint32_t second = interp_take(run, (uint32_t)bytes, call->type, (uint32_t)len);
    struct interp_list *a = (void *)interp_write_at(run, first), *b = (void *)interp_write_at(run, second);
    a->len = b->len = len;
    const struct runs runs = {run, list_of(call)->items, is_after};
    call->result.u = sort(&runs, a->items, b->items, len) == a->items ? first : second;
    call->cost += (uint32_t)len * 4;
    return INTERP_DONE;
}

static enum interp_say list_order(struct interp_call *call)
{
    return order(call, is_after_int);
}

static enum interp_say list_order_float(struct interp_call *call)
{
    return order(call, is_after_float);
}

static enum interp_say list_order_text(struct interp_call *call)
{
    return order(call, is_after_text);
}

static enum interp_say ref_same(struct interp_call *call)
{
    call->result.u = interp_call_ref(call, 0) == interp_call_ref(call, 1);
    return INTERP_DONE;
}

static enum interp_say process_end(struct interp_call *call)
{
    (void)call;
    return INTERP_END;
}

const struct interp_native interp_list_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_LIST_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
