/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constant objects: walked once in order to find where objects begin, a
 * second time to see that every reference points to such a place and fits.
 */
#include "interp/text/utf8.h"
#include "interp/verify_impl.h"

static const struct interp_object *object_at(const struct verify *v, uint32_t off)
{
    return (const void *)(v->m->data + off);
}

static bool is_start(const uint8_t *starts, uint32_t off)
{
    return starts[off / 64] >> off / 8 % 8 & 1;
}

/* Bytes of the object, or 0: refused. */
static uint64_t object_bytes(struct verify *v, const struct interp_object *object)
{
    if (object->type == 0 || object->type >= verify_count(v, INTERP_SECTION_TYPES) || object->flags != 0) {
        verify_refuse(v, "a constant object has no valid head");
        return 0;
    }
    const struct interp_type *type = &v->m->types[object->type];
    uint32_t expected = type->kind == INTERP_KIND_VARIANT ? type->tag : type->count;
    switch ((enum interp_kind)type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return 8 + VK_ALIGN_UP((uint64_t)object->count, 8u);
    case INTERP_KIND_RECORD:
    case INTERP_KIND_VARIANT:
    case INTERP_KIND_ENV:
        if (type->flags & INTERP_TYPE_MUTABLE)
            break;
        if (object->count == expected)
            return 8 + 8 * (uint64_t)type->count;
        verify_refuse(v, "a constant object has another number of fields, or another tag, than its type");
        return 0;
    case INTERP_KIND_LIST:
        return 16 + 8 * (uint64_t)object->count;
    default:
        break;
    }
    verify_refuse(v, "a constant object of a type that cannot be constant");
    return 0;
}

static bool find_starts(struct verify *v, uint8_t *starts, uint32_t *ret_at)
{
    uint32_t end = verify_count(v, INTERP_SECTION_DATA);
    if (end % 8 || end > INTERP_DATA_MAX_BYTES)
        return verify_refuse(v, "the constant objects are no multiple of 8 bytes, or too many");
    memset(starts, 0, end / 64 + 1);
    for (uint64_t off = 8; off < end;) {
        *ret_at = (uint32_t)off;
        uint64_t bytes = object_bytes(v, object_at(v, (uint32_t)off));
        if (bytes == 0)
            return false;
        if (bytes > end - off)
            return verify_refuse(v, "a constant object reaches past its section");
        starts[off / 64] |= (uint8_t)(1u << off / 8 % 8);
        off += bytes;
    }
    return true;
}

/* A reference in an object: its target begins an object that fits, or it is none and may be. */
static bool check_reference(struct verify *v, const uint8_t *starts, uint64_t word, uint16_t wanted)
{
    if (word == 0 && v->m->types[wanted].kind == INTERP_KIND_OPT)
        return true;
    uint64_t off = word ^ INTERP_REF_IMAGE;
    if (off >= verify_count(v, INTERP_SECTION_DATA) || off % 8 || !is_start(starts, (uint32_t)off))
        return verify_refuse(v, "a constant reference points to no object");
    if (!interp_verify_fits(v->m, object_at(v, (uint32_t)off)->type, wanted))
        return verify_refuse(v, "a constant reference points to an object of another type");
    return true;
}

/* The natives go by whole characters and rely on it. */
static bool check_text(struct verify *v, const struct interp_object *object)
{
    if (interp_utf8_check(&(size_t){0}, vk_span(object + 1, object->count), SIZE_MAX) != 0)
        return verify_refuse(v, "a constant Str is no valid UTF-8");
    return true;
}

static bool check_object(struct verify *v, const uint8_t *starts, uint32_t off)
{
    const struct interp_object *object = object_at(v, off);
    const struct interp_type *type = &v->m->types[object->type];
    const uint64_t *words = (const uint64_t *)(const void *)(object + 1);
    if (type->kind == INTERP_KIND_LIST) {
        if (words[0] > object->count)
            return verify_refuse(v, "a constant list is longer than its room");
        for (uint64_t i = 0; type->of != 0 && i < words[0]; i++)
            if (!check_reference(v, starts, words[1 + i], type->of))
                return false;
        return true;
    }
    if (type->kind == INTERP_KIND_STR)
        return check_text(v, object);
    if (type->kind == INTERP_KIND_BYTES)
        return true;
    for (uint32_t i = 0; i < type->refs; i++)
        if (!check_reference(v, starts, words[i], verify_fields(v, type)[i]))
            return false;
    return true;
}

bool interp_verify_data(struct verify *v, uint8_t *scratch, uint32_t *ret_at)
{
    if (!find_starts(v, scratch, ret_at))
        return false;
    for (uint32_t off = 8; off < verify_count(v, INTERP_SECTION_DATA); off += 8) {
        *ret_at = off;
        if (is_start(scratch, off) && !check_object(v, scratch, off))
            return false;
    }
    for (uint32_t i = 0; i < verify_count(v, INTERP_SECTION_REFS); i++) {
        const struct interp_ref *ref = &v->m->refs[i];
        *ret_at = i;
        if (ref->type == 0 || ref->type >= verify_count(v, INTERP_SECTION_TYPES))
            return verify_refuse(v, "a reference constant of a type that does not exist");
        if (ref->late > 1 || (ref->late && ref->offset != 0))
            return verify_refuse(v, "a reference constant that is late and not");
        if (!ref->late && !check_reference(v, scratch, (uint64_t)ref->offset | INTERP_REF_IMAGE, ref->type))
            return false;
    }
    return true;
}
