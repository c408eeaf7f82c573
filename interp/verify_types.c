/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type table: every index it holds exists and is of the kind it must be,
 * and fields come references first. After this the rest of the verifier
 * follows indices without looking.
 */
#include "interp/verify_impl.h"

static const struct interp_type *type_at(const struct interp_module *m, uint16_t index)
{
    return &m->types[index];
}

static bool is_type(const struct verify *v, uint16_t index)
{
    return index < verify_count(v, INTERP_SECTION_TYPES);
}

static bool is_kind(const struct verify *v, uint16_t index, enum interp_kind kind)
{
    return is_type(v, index) && type_at(v->m, index)->kind == kind;
}

/* count types at first: `refs` references, then scalars. */
static bool check_list(struct verify *v, const struct interp_type *type)
{
    uint32_t words = verify_count(v, INTERP_SECTION_TYPE_WORDS);
    if (type->first > words || type->count > words - type->first)
        return verify_refuse(v, "a type's list reaches past the type words");
    if (type->refs > type->count)
        return verify_refuse(v, "a type has more references than fields");
    for (uint32_t i = 0; i < type->count; i++) {
        uint16_t field = v->m->type_words[type->first + i];
        if (!is_type(v, field))
            return verify_refuse(v, "a field of a type that does not exist");
        if ((field != 0) != (i < type->refs))
            return verify_refuse(v, "fields are not references first, then scalars");
    }
    return true;
}

static bool check_fields(struct verify *v, const struct interp_type *type)
{
    if (type->count > INTERP_FIELDS_MAX)
        return verify_refuse(v, "a type has too many fields");
    return check_list(v, type);
}

static bool check_enum(struct verify *v, uint16_t index, const struct interp_type *type)
{
    uint32_t words = verify_count(v, INTERP_SECTION_TYPE_WORDS);
    if (type->first > words || type->count > words - type->first)
        return verify_refuse(v, "a type's list reaches past the type words");
    for (uint32_t i = 0; i < type->count; i++) {
        uint16_t variant = v->m->type_words[type->first + i];
        if (!is_kind(v, variant, INTERP_KIND_VARIANT))
            return verify_refuse(v, "an enum lists something that is no variant");
        if (type_at(v->m, variant)->of != index || type_at(v->m, variant)->tag != i)
            return verify_refuse(v, "an enum's variant has another enum or tag");
    }
    return true;
}

static bool check_variant(struct verify *v, uint16_t index, const struct interp_type *type)
{
    if (!is_kind(v, type->of, INTERP_KIND_ENUM) || type->tag >= type_at(v->m, type->of)->count)
        return verify_refuse(v, "a variant of no enum");
    if (type->tag >= INTERP_VARIANTS_MAX)
        return verify_refuse(v, "an enum has too many variants");
    const struct interp_type *whole = type_at(v->m, type->of);
    uint32_t at = whole->first + type->tag;
    if (at >= verify_count(v, INTERP_SECTION_TYPE_WORDS) || v->m->type_words[at] != index)
        return verify_refuse(v, "a variant that its enum does not list");
    return check_fields(v, type);
}

static bool check_result(struct verify *v, uint16_t result)
{
    if (result != INTERP_TYPE_NONE && !is_type(v, result))
        return verify_refuse(v, "a result of a type that does not exist");
    return true;
}

static bool check_env(struct verify *v, uint16_t index, const struct interp_type *type)
{
    if (!is_kind(v, type->of, INTERP_KIND_FN))
        return verify_refuse(v, "a closure of no function type");
    if (type->key >= verify_count(v, INTERP_SECTION_FUNCTIONS))
        return verify_refuse(v, "a closure of a function that does not exist");
    const struct interp_type *outer = type_at(v->m, type->of);
    uint16_t inner_index = v->m->functions[type->key].signature;
    if (!is_kind(v, inner_index, INTERP_KIND_FN))
        return verify_refuse(v, "a function's signature is no function type");
    const struct interp_type *inner = type_at(v->m, inner_index);
    if (!check_list(v, outer) || !check_list(v, inner))
        return false;
    const uint16_t *own = verify_fields(v, inner), *seen = verify_fields(v, outer);
    bool is_same = inner->count == outer->count + 1u && inner->refs == outer->refs + 1u &&
                   inner->of == outer->of && own[0] == index;
    for (uint32_t i = 0; is_same && i < outer->count; i++)
        is_same = own[i + 1] == seen[i];
    if (!is_same)
        return verify_refuse(v, "a closure's function does not take it and what its type takes");
    return check_fields(v, type);
}

static bool check_element(struct verify *v, uint16_t of)
{
    if (!is_type(v, of))
        return verify_refuse(v, "an element of a type that does not exist");
    return true;
}

static bool check_map(struct verify *v, const struct interp_type *type)
{
    if (!check_element(v, type->of))
        return false;
    if (type->key != 0 && !is_kind(v, type->key, INTERP_KIND_STR) &&
        !is_kind(v, type->key, INTERP_KIND_BYTES))
        return verify_refuse(v, "a map's key is no scalar, Str or Bytes");
    return true;
}

static bool check_opt(struct verify *v, const struct interp_type *type)
{
    if (type->of == 0 || !is_type(v, type->of) || type_at(v->m, type->of)->kind == INTERP_KIND_OPT)
        return verify_refuse(v, "an OPT of something that is no plain reference");
    return true;
}

/* Natives and instructions that make text name no type: there is one. */
static bool check_only(struct verify *v, uint16_t index, uint8_t kind)
{
    for (uint16_t i = 1; i < index; i++)
        if (v->m->types[i].kind == kind)
            return verify_refuse(v, "a second type for Str or Bytes");
    return true;
}

static bool check_type(struct verify *v, uint16_t index, const struct interp_type *type)
{
    if (type->flags & ~INTERP_TYPE_MUTABLE || (type->flags && type->kind != INTERP_KIND_RECORD))
        return verify_refuse(v, "unknown flags of a type");
    switch ((enum interp_kind)type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return check_only(v, index, type->kind);
    case INTERP_KIND_HANDLE:
        return true;
    case INTERP_KIND_RECORD:
        return check_fields(v, type);
    case INTERP_KIND_ENUM:
        return check_enum(v, index, type);
    case INTERP_KIND_VARIANT:
        return check_variant(v, index, type);
    case INTERP_KIND_LIST:
        return check_element(v, type->of);
    case INTERP_KIND_MAP:
        return check_map(v, type);
    case INTERP_KIND_FN:
        return check_list(v, type) && check_result(v, type->of);
    case INTERP_KIND_ENV:
        return check_env(v, index, type);
    case INTERP_KIND_FIBER:
        return check_result(v, type->of);
    case INTERP_KIND_OPT:
        return check_opt(v, type);
    case INTERP_KIND_SCALAR:
        return verify_refuse(v, "a second scalar type");
    case INTERP_KIND_END:
        break;
    }
    return verify_refuse(v, "an unknown kind of type");
}

bool interp_verify_types(struct verify *v, uint32_t *ret_at)
{
    uint32_t count = verify_count(v, INTERP_SECTION_TYPES);
    *ret_at = 0;
    if (count == 0 || v->m->types[0].kind != INTERP_KIND_SCALAR)
        return verify_refuse(v, "type 0 is not the scalar");
    if (count > INTERP_TYPES_MAX)
        return verify_refuse(v, "too many types");
    for (uint32_t i = 1; i < count; i++) {
        *ret_at = i;
        if (!check_type(v, (uint16_t)i, &v->m->types[i]))
            return false;
    }
    return true;
}

bool interp_verify_fits(const struct interp_module *m, uint16_t from, uint16_t to)
{
    if (from == to)
        return true;
    const struct interp_type *wide = type_at(m, to);
    if (from == VERIFY_TYPE_NIL)
        return wide->kind == INTERP_KIND_OPT;
    const struct interp_type *type = type_at(m, from);
    if (type->kind == INTERP_KIND_VARIANT && type->of == to)
        return true;
    if (type->kind == INTERP_KIND_ENV && type->of == to)
        return true;
    return wide->kind == INTERP_KIND_OPT && type->kind != INTERP_KIND_OPT &&
           interp_verify_fits(m, from, wide->of);
}
