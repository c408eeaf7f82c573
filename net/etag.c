/* SPDX-License-Identifier: Apache-2.0 */
#include "net/etag.h"

static struct vk_span without_weak(struct vk_span tag)
{
    bool is_weak = tag.len >= 2 && tag.ptr[0] == 'W' && tag.ptr[1] == '/';
    return vk_span_skip(tag, is_weak ? 2 : 0);
}

/* Bytes of the quoted tag that the text begins with; 0: none is there. A comma may stand in it. */
static size_t tag_len(struct vk_span text)
{
    if (text.len < 2 || text.ptr[0] != '"')
        return 0;
    size_t inside = vk_span_find(vk_span_skip(text, 1), '"');
    return inside + 2 <= text.len ? inside + 2 : 0;
}

static struct vk_span skip_between(struct vk_span text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t' || text.ptr[0] == ','))
        text = vk_span_skip(text, 1);
    return text;
}

bool net_etag_matches(struct vk_span field, struct vk_span tag)
{
    field = vk_span_trim(field);
    tag = without_weak(tag);
    if (vk_span_equal(field, VK_SPAN_LIT("*")))
        return tag.len > 0;
    for (field = skip_between(field); field.len; field = skip_between(field)) {
        field = without_weak(field);
        struct vk_span one = vk_span(field.ptr, tag_len(field));
        if (one.len == 0)
            return false;
        if (vk_span_equal(one, tag))
            return true;
        field = vk_span_skip(field, one.len);
    }
    return false;
}
