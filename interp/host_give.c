/* SPDX-License-Identifier: Apache-2.0 */
/* What a function of the host gives: checked against its signature, copied into the heap. */
#include "interp/host_impl.h"

#include "interp/text/utf8.h"
#include "vk/err.h"

#define LIST_ROOM_FIRST 8u

static int mistake(struct interp_host_call *h, const char *what, int err)
{
    if (!h->wrong)
        h->wrong = what;
    return err;
}

static int full(struct interp_host_call *h)
{
    h->is_full = true;
    return -VK_ENOMEM;
}

/* ---- bytes that may be an argument's: those move when room is made -------------------- */

struct source {
    struct vk_span bytes;
    uint32_t param;
    uint64_t item;  /* of the list that it is */
    uint64_t delta; /* from the text's first byte */
};

static bool is_within(struct vk_span whole, struct vk_span part)
{
    return part.ptr >= whole.ptr && part.ptr <= whole.ptr + whole.len &&
           part.len <= (size_t)(whole.ptr + whole.len - part.ptr);
}

static bool is_text_list(uint8_t code)
{
    return (code & INTERP_HOST_LIST) && interp_signature_is_ref(INTERP_HOST_BASE(code));
}

static bool find_in_list(struct interp_host_call *h, struct source *source)
{
    uint64_t len = interp_host_len(h, source->param);
    for (source->item = 0; source->item < len; source->item++) {
        struct vk_span text = interp_host_text_at(h, source->param, source->item);
        source->delta = (uintptr_t)source->bytes.ptr - (uintptr_t)text.ptr;
        if (is_within(text, source->bytes))
            return true;
    }
    return false;
}

/* Which text of an argument it is a part of; false: of none. */
static bool find(struct interp_host_call *h, struct source *source)
{
    const struct interp_signature *signature = &h->link->signature;
    for (source->param = 0; source->param < signature->count; source->param++) {
        uint8_t code = signature->params[source->param];
        if (is_text_list(code) && find_in_list(h, source))
            return true;
        if ((code & INTERP_HOST_LIST) || !interp_signature_is_ref(INTERP_HOST_BASE(code)))
            continue;
        struct vk_span text = interp_host_text(h, source->param);
        source->delta = (uintptr_t)source->bytes.ptr - (uintptr_t)text.ptr;
        if (is_within(text, source->bytes))
            return true;
    }
    return false;
}

static void follow(struct interp_host_call *h, struct source *source)
{
    bool is_item = h->link->signature.params[source->param] & INTERP_HOST_LIST;
    struct vk_span text =
        is_item ? interp_host_text_at(h, source->param, source->item) : interp_host_text(h, source->param);
    source->bytes.ptr = text.ptr + source->delta;
}

/* A copy of the text in the heap; 0: no room. */
static uint32_t copy_text(struct interp_host_call *h, uint16_t type, struct vk_span text)
{
    struct interp_run *run = h->call->run;
    struct source source = {.bytes = text};
    uint64_t bytes = interp_text_bytes(text.len);
    bool moves = text.len > 0 && run->p->top + bytes > run->p->soft && find(h, &source);
    if (text.len >= run->p->end || !interp_room_now(run, bytes))
        return 0;
    if (moves)
        follow(h, &source);
    uint32_t ref = interp_take(run, (uint32_t)bytes, type, (uint32_t)text.len);
    if (text.len) /* an empty one may end where the objects do */
        memcpy(interp_write_at(run, interp_text_off(ref)), source.bytes.ptr, text.len);
    h->call->cost += (uint32_t)(text.len / 64);
    return ref;
}

static bool is_utf8(struct vk_span text)
{
    size_t at = 0;
    return interp_utf8_check(&at, text, text.len + 1) == 0;
}

static uint16_t text_type(const struct interp_host_call *h, uint32_t base)
{
    return base == INTERP_HOST_STR ? interp_str_type(h->call->run) : interp_bytes_type(h->call->run);
}

/* ---- the whole result ---------------------------------------------------------------- */

/* Whether the result has one of these bases and is a list or not, and there is none yet. */
static bool may_give(struct interp_host_call *h, uint32_t bases, bool is_list)
{
    uint8_t code = h->link->signature.result;
    return h->given == INTERP_HOST_GAVE_NOTHING && (bases >> INTERP_HOST_BASE(code) & 1) &&
           !(code & INTERP_HOST_LIST) == !is_list;
}

static const char other_result[] = "it gave a result that its signature does not have, or a second one";
static const char not_utf8[] = "it gave a Str that is no UTF-8";

static int give_scalar(struct interp_host_call *h, uint32_t bases, union interp_word value)
{
    if (!may_give(h, bases, false))
        return mistake(h, other_result, -VK_EINVAL);
    h->value = value;
    h->given = INTERP_HOST_GAVE_SCALAR;
    h->is_full = false;
    return 0;
}

#define INTS (1u << INTERP_HOST_INT | 1u << INTERP_HOST_DURATION | 1u << INTERP_HOST_BOOL)

/* A Bool is 0 or 1, whatever the host has for true. */
static int64_t as_base(const struct interp_host_call *h, int64_t value)
{
    return INTERP_HOST_BASE(h->link->signature.result) == INTERP_HOST_BOOL ? value != 0 : value;
}

int interp_host_give_int(struct interp_host_call *h, int64_t value)
{
    return give_scalar(h, INTS, (union interp_word){.i = as_base(h, value)});
}

int interp_host_give_float(struct interp_host_call *h, double value)
{
    return give_scalar(h, 1u << INTERP_HOST_FLOAT, (union interp_word){.f = value});
}

int interp_host_give_text(struct interp_host_call *h, struct vk_span text)
{
    uint32_t base = INTERP_HOST_BASE(h->link->signature.result);
    if (!may_give(h, 1u << INTERP_HOST_STR | 1u << INTERP_HOST_BYTES, false))
        return mistake(h, other_result, -VK_EINVAL);
    if (base == INTERP_HOST_STR && !is_utf8(text))
        return mistake(h, not_utf8, -VK_EMALFORMED);
    uint32_t ref = copy_text(h, text_type(h, base), text);
    if (!ref)
        return full(h);
    h->call->run->p->roots[0] = ref;
    h->given = INTERP_HOST_GAVE_REF;
    h->is_full = false;
    return 0;
}

int interp_host_give_none(struct interp_host_call *h)
{
    if (h->given != INTERP_HOST_GAVE_NOTHING || !(h->link->signature.result & INTERP_HOST_OPTION))
        return mistake(h, other_result, -VK_EINVAL);
    h->given = INTERP_HOST_GAVE_NONE;
    h->is_full = false;
    return 0;
}

/* ---- lists -------------------------------------------------------------------------------- */

static struct interp_list *list_at(const struct interp_host_call *h)
{
    return (void *)interp_write_at(h->call->run, h->call->run->p->roots[0]);
}

/* The type of the list in the result: within its Result, if it is one. */
static uint16_t list_type(const struct interp_host_call *h)
{
    const struct interp_image *image = h->call->run->image;
    uint16_t type = h->call->type;
    if (!(h->link->signature.result & INTERP_HOST_RESULT))
        return type;
    uint16_t ok = image->type_words[image->types[type].first];
    return image->type_words[image->types[ok].first];
}

int interp_host_give_list(struct interp_host_call *h, uint32_t room)
{
    if (!may_give(h, ~0u, true))
        return mistake(h, other_result, -VK_EINVAL);
    uint32_t ref = interp_alloc_now(h->call->run, interp_list_bytes(room), list_type(h), room);
    if (!ref)
        return full(h);
    h->call->run->p->roots[0] = ref;
    list_at(h)->len = 0;
    h->given = INTERP_HOST_GAVE_REF;
    h->is_full = false;
    return 0;
}

/* Room for one item more; false: none. */
static bool grow(struct interp_host_call *h)
{
    struct interp_run *run = h->call->run;
    uint64_t len = list_at(h)->len, room = len < LIST_ROOM_FIRST ? LIST_ROOM_FIRST : len + len / 2;
    if (len < list_at(h)->head.count)
        return true;
    if (!interp_room_now(run, interp_list_bytes(room)))
        return false;
    run->p->roots[0] = interp_list_copy(run, run->p->roots[0], room);
    h->call->cost += (uint32_t)(len / 8);
    return true;
}

static bool is_open(const struct interp_host_call *h, uint32_t bases)
{
    uint8_t code = h->link->signature.result;
    return h->given == INTERP_HOST_GAVE_REF && (code & INTERP_HOST_LIST) &&
           (bases >> INTERP_HOST_BASE(code) & 1);
}

static const char other_item[] = "it put an item into no list, or of another type than the list's";

static int push(struct interp_host_call *h, uint32_t bases, union interp_word value)
{
    if (!is_open(h, bases))
        return mistake(h, other_item, -VK_EINVAL);
    if (!grow(h))
        return full(h);
    struct interp_list *list = list_at(h);
    list->items[list->len++] = value;
    return 0;
}

int interp_host_push_int(struct interp_host_call *h, int64_t value)
{
    return push(h, INTS, (union interp_word){.i = as_base(h, value)});
}

int interp_host_push_float(struct interp_host_call *h, double value)
{
    return push(h, 1u << INTERP_HOST_FLOAT, (union interp_word){.f = value});
}

/* The list grows first, so that nothing moves between the copy and its place. */
int interp_host_push_text(struct interp_host_call *h, struct vk_span text)
{
    uint32_t base = INTERP_HOST_BASE(h->link->signature.result);
    struct source source = {.bytes = text};
    if (!is_open(h, 1u << INTERP_HOST_STR | 1u << INTERP_HOST_BYTES))
        return mistake(h, other_item, -VK_EINVAL);
    if (base == INTERP_HOST_STR && !is_utf8(text))
        return mistake(h, not_utf8, -VK_EMALFORMED);
    bool moves = text.len > 0 && list_at(h)->len == list_at(h)->head.count && find(h, &source);
    if (!grow(h))
        return full(h);
    if (moves)
        follow(h, &source);
    uint32_t ref = copy_text(h, text_type(h, base), source.bytes);
    if (!ref)
        return full(h);
    struct interp_list *list = list_at(h);
    list->items[list->len++].u = ref;
    return 0;
}
