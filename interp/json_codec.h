/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A codec (interp/bytecode.h) as the natives of JSON look at it. Nothing in it
 * is trusted: a number is compared with what it must stay below, a type with
 * that of the object or field it is used for.
 */
#ifndef INTERP_JSON_CODEC_H
#define INTERP_JSON_CODEC_H

#include "interp/interp_impl.h"
#include "interp/text/utf8.h"

/* Points into the codec's bytes, so it is good until something is allocated. */
struct json_codec {
    struct vk_span bytes;
    const struct interp_codec_node *nodes;
    const struct interp_codec_field *fields;
    uint32_t nodes_count;
    uint32_t fields_count;
};

VK_INLINE bool json_codec_open(struct json_codec *codec, struct vk_span bytes)
{
    const struct interp_codec *head = (const void *)bytes.ptr;
    if (bytes.len < sizeof *head || head->nodes == 0 || head->nodes > UINT16_MAX || head->fields > UINT16_MAX)
        return false;
    size_t nodes_bytes = head->nodes * sizeof *codec->nodes;
    if (bytes.len - sizeof *head < nodes_bytes + head->fields * sizeof *codec->fields)
        return false;
    *codec = (struct json_codec){.bytes = bytes,
                                 .nodes = (const void *)(bytes.ptr + sizeof *head),
                                 .fields = (const void *)(bytes.ptr + sizeof *head + nodes_bytes),
                                 .nodes_count = head->nodes,
                                 .fields_count = head->fields};
    return true;
}

/* What the native was given as its codec: one of the image, since the loader has looked at its names. */
VK_INLINE bool json_codec_given(struct json_codec *codec, const struct interp_call *call, uint32_t index)
{
    uint32_t ref = interp_call_ref(call, index);
    return (interp_object_at(call->run, ref)->flags & INTERP_OBJECT_CODEC) &&
           json_codec_open(codec, interp_text_at(call->run, ref));
}

/* NULL: there is none. */
VK_INLINE const struct interp_codec_node *json_codec_node(const struct json_codec *codec, uint32_t index)
{
    if (index >= codec->nodes_count || codec->nodes[index].kind >= INTERP_CODEC_END)
        return NULL;
    const struct interp_codec_node *node = &codec->nodes[index];
    bool has_fields = node->kind >= INTERP_CODEC_RECORD || node->kind == INTERP_CODEC_CHOICE ||
                      node->kind == INTERP_CODEC_MAYBE;
    if (has_fields && (uint32_t)node->first + node->count > codec->fields_count)
        return NULL;
    return node;
}

VK_INLINE bool json_codec_is_scalar(const struct interp_codec_node *node)
{
    return node->kind < INTERP_CODEC_STR;
}

/* The name alone; empty when it lies outside. */
VK_INLINE struct vk_span json_codec_name(const struct json_codec *codec,
                                         const struct interp_codec_field *field)
{
    size_t len = codec->bytes.len;
    if (field->name == 0 || field->name > len || field->name_len + (size_t)2 > len - field->name)
        return vk_span(NULL, 0);
    return vk_span(codec->bytes.ptr + field->name, field->name_len);
}

/* Whether each name that lies inside is UTF-8: names become parts of a Str. */
VK_INLINE bool json_codec_is_text(const struct json_codec *codec)
{
    for (uint32_t i = 0; i < codec->fields_count; i++) {
        struct vk_span name = json_codec_name(codec, &codec->fields[i]);
        size_t at = 0;
        if (interp_utf8_check(&at, name, name.len + 1))
            return false;
    }
    return true;
}

/* Whether field `place` of objects of that type holds what the node stands for: a scalar, or a reference. */
VK_INLINE bool json_codec_fits(const struct interp_type *type, uint32_t place,
                               const struct interp_codec_node *node)
{
    return place < type->count && (place >= type->refs) == json_codec_is_scalar(node);
}

#endif
