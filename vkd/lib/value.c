/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the host's as streams of interp/export.h, and back. */
#include "vkd/lib/lib_impl.h"

#include "interp/text/utf8.h"

#define WORD 8u

_Static_assert(VK_TYPE_INT - 1 == (int)INTERP_HOST_INT && VK_TYPE_FLOAT - 1 == (int)INTERP_HOST_FLOAT &&
                   VK_TYPE_BOOL - 1 == (int)INTERP_HOST_BOOL &&
                   VK_TYPE_DURATION - 1 == (int)INTERP_HOST_DURATION &&
                   VK_TYPE_STR - 1 == (int)INTERP_HOST_STR && VK_TYPE_BYTES - 1 == (int)INTERP_HOST_BYTES,
               "a type is one more than its code");

static enum vk_type type_of(uint8_t code)
{
    uint32_t base = INTERP_HOST_BASE(code);
    return base == INTERP_HOST_NIL ? VK_TYPE_NIL : (enum vk_type)(base + 1);
}

static bool is_text(uint8_t code)
{
    return interp_signature_is_ref(INTERP_HOST_BASE(code));
}

/* ---- arguments ---- */

struct writer {
    uint8_t *to;
    size_t room;
    size_t len; /* also of what had no room */
    int error;  /* the first one */
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    size_t whole = VK_ALIGN_UP(len, (size_t)WORD);
    if (w->len + whole <= w->room) {
        memset(w->to + w->len, 0, whole);
        vk_copy(w->to + w->len, bytes, len);
    }
    w->len += whole;
}

static void put_word(struct writer *w, uint64_t word)
{
    put(w, &word, sizeof word);
}

static bool is_utf8(const struct vk_value *value)
{
    size_t at = 0;
    return interp_utf8_check(&at, vk_span(value->as.text.bytes, value->as.text.len),
                             value->as.text.len + 1) == 0;
}

static void put_base(struct writer *w, uint8_t code, const struct vk_value *value)
{
    if (value->type != type_of(code) ||
        (value->type == VK_TYPE_BOOL && value->as.i != 0 && value->as.i != 1)) {
        w->error = -VK_EINVAL;
    } else if (!is_text(code)) {
        put_word(w, (uint64_t)value->as.i);
    } else if (value->as.text.len > PROC_MESSAGE_MAX_BYTES) {
        w->error = -VK_ETOOBIG;
    } else if (value->type == VK_TYPE_STR && !is_utf8(value)) {
        w->error = -VK_EMALFORMED;
    } else {
        put_word(w, value->as.text.len);
        put(w, value->as.text.bytes, value->as.text.len);
    }
}

static void put_value(struct writer *w, uint8_t code, const struct vk_value *value)
{
    if (code & INTERP_HOST_OPTION) {
        put_word(w, value->type != VK_TYPE_NIL);
        if (value->type != VK_TYPE_NIL)
            put_base(w, code, value);
    } else if (!(code & INTERP_HOST_LIST)) {
        put_base(w, code, value);
    } else if (value->type != VK_TYPE_LIST) {
        w->error = -VK_EINVAL;
    } else {
        put_word(w, value->as.list.count);
        for (size_t i = 0; i < value->as.list.count && w->error == 0; i++)
            put_base(w, code, &value->as.list.items[i]);
    }
}

int vkd_lib_put_args(const struct interp_exported *exported, const struct vk_value *args, size_t count,
                     uint8_t *to, size_t to_bytes, size_t *ret_bytes)
{
    struct writer w = {.to = to, .room = to_bytes};
    if (count != exported->signature.count)
        return -VK_EINVAL;
    for (size_t i = 0; i < count && w.error == 0; i++)
        put_value(&w, exported->signature.params[i], &args[i]);
    *ret_bytes = w.len;
    return w.error != 0 ? w.error : w.len > PROC_MESSAGE_MAX_BYTES ? -VK_ETOOBIG : 0;
}

/* ---- results ---- */

/* What is read beyond the end is 0, and it is bad then. */
struct reader {
    struct vk_span left;
    bool is_bad;
};

static uint64_t get_word(struct reader *r)
{
    uint64_t word = 0;
    if (r->left.len < sizeof word) {
        r->is_bad = true;
        return 0;
    }
    memcpy(&word, r->left.ptr, sizeof word);
    r->left = vk_span_skip(r->left, sizeof word);
    return word;
}

static struct vk_value get_base(struct reader *r, uint8_t code)
{
    struct vk_value value = {.type = type_of(code)};
    uint64_t word = value.type != VK_TYPE_NIL ? get_word(r) : 0;
    if (!is_text(code) || value.type == VK_TYPE_NIL) {
        value.as.i = value.type == VK_TYPE_BOOL ? word != 0 : (int64_t)word; /* any word to the verifier */
        return value;
    }
    uint64_t whole = VK_ALIGN_UP(word, (uint64_t)WORD);
    if (word > r->left.len || whole > r->left.len) {
        r->is_bad = true;
        word = whole = 0;
    }
    value.as.text.bytes = r->left.ptr;
    value.as.text.len = (size_t)word;
    r->left = vk_span_skip(r->left, (size_t)whole);
    return value;
}

static int get_list(struct vk_kernel *k, struct reader *r, uint8_t code, struct vk_value *ret_value,
                    struct vk_value **ret_items, size_t *ret_room)
{
    uint64_t count = get_word(r);
    if (count > r->left.len / WORD)
        return -VK_EMALFORMED;
    *ret_room = (size_t)count * sizeof **ret_items;
    *ret_items = count > 0 ? vkd_lib_alloc(k, *ret_room) : NULL;
    if (count > 0 && *ret_items == NULL)
        return -VK_ENOMEM;
    for (uint64_t i = 0; i < count; i++)
        (*ret_items)[i] = get_base(r, code);
    *ret_value = (struct vk_value){.type = VK_TYPE_LIST, .as.list = {*ret_items, (size_t)count}};
    return 0;
}

int vkd_lib_get_result(struct vk_kernel *kernel, const struct interp_exported *exported,
                       struct vk_span stream, struct vk_value *ret_value, struct vk_value **ret_items,
                       size_t *ret_room)
{
    struct reader r = {.left = stream};
    uint8_t code = INTERP_HOST_WITHIN(exported->signature.result);
    int rc = 0;
    bool is_err = (exported->signature.result & INTERP_HOST_RESULT) && get_word(&r) != 0;
    if (is_err)
        *ret_value = get_base(&r, INTERP_HOST_STR);
    else if ((code & INTERP_HOST_OPTION) && get_word(&r) == 0)
        *ret_value = (struct vk_value){.type = VK_TYPE_NIL};
    else if (code & INTERP_HOST_LIST)
        rc = get_list(kernel, &r, code, ret_value, ret_items, ret_room);
    else
        *ret_value = get_base(&r, code);
    if (rc == 0 && r.is_bad)
        rc = -VK_EMALFORMED;
    return rc == 0 && is_err ? -VK_EIO : rc;
}
