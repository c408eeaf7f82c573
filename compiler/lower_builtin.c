/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-ins that are instructions, and calls of natives. A native that gives
 * an Option of a scalar is two: NAME? says whether there is a value, NAME
 * gives it; one that gives an Option of a text gives an OPT.
 */
#include "compiler/asset.h"
#include "compiler/lower_impl.h"

#include <string.h>

static bool is(const struct vkc_built *b, const char *key)
{
    return strcmp(b->key, key) == 0;
}

/* ---- numbers ----------------------------------------------------------------------- */

static uint32_t two_of(struct vkc_fun *f, const struct vkc_built *b, enum interp_op branch, bool swaps)
{
    uint32_t result = vkc_ir_value(f->code, 0), end = vkc_ir_label(f->code);
    vkc_ir_move(f->code, result, b->args[0]);
    vkc_ir_branch(f->code, branch, b->args[swaps], b->args[!swaps], end);
    vkc_ir_move(f->code, result, b->args[1]);
    vkc_ir_place(f->code, end);
    return result;
}

/* Of floats: nan when one of them is. */
static uint32_t two_floats(struct vkc_fun *f, const struct vkc_built *b, bool is_max)
{
    uint32_t result = vkc_ir_value(f->code, 0), end = vkc_ir_label(f->code);
    vkc_ir_move(f->code, result, b->args[0]);
    vkc_ir_branch(f->code, INTERP_OP_JFLE, b->args[is_max], b->args[!is_max], end);
    vkc_ir_move(f->code, result, b->args[1]);
    vkc_ir_branch(f->code, INTERP_OP_JFLE, b->args[!is_max], b->args[is_max], end);
    vkc_ir_op3(f->code, INTERP_OP_FADD, result, b->args[0], b->args[1]);
    vkc_ir_place(f->code, end);
    return result;
}

static uint32_t absolute(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t result = vkc_ir_value(f->code, 0), end = vkc_ir_label(f->code);
    vkc_ir_move(f->code, result, b->args[0]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JGEI, result, 0, end);
    vkc_ir_op2(f->code, INTERP_OP_NEG, result, result);
    vkc_ir_place(f->code, end);
    return result;
}

static uint32_t is_nan(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t is_equal = vkc_ir_value(f->code, 0), result = vkc_ir_value(f->code, 0);
    vkc_ir_op3(f->code, INTERP_OP_FEQ, is_equal, b->args[0], b->args[0]);
    vkc_ir_op2(f->code, INTERP_OP_NOT, result, is_equal);
    return result;
}

static uint32_t divided(struct vkc_fun *f, const struct vkc_built *b, int64_t by)
{
    uint32_t result = vkc_ir_value(f->code, 0), divisor = vkc_fun_number(f, by, VKC_NONE);
    vkc_ir_op3(f->code, INTERP_OP_DIV, result, b->args[0], divisor);
    return result;
}

/* key, instruction, operands */
static const struct {
    const char *key;
    uint8_t op;
    uint8_t count;
} simple[] = {{"int.to_float", INTERP_OP_ITOF, 1},     {"int.wrapping_add", INTERP_OP_WADD, 2},
              {"int.wrapping_sub", INTERP_OP_WSUB, 2}, {"int.wrapping_mul", INTERP_OP_WMUL, 2},
              {"float.sqrt", INTERP_OP_FSQRT, 1},      {"float.to_int", INTERP_OP_FTOI, 1},
              {"str.len", INTERP_OP_SLEN, 1},          {"bytes.len", INTERP_OP_SLEN, 1}};

static bool built_simple(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    for (uint32_t i = 0; i < VK_COUNT(simple); i++)
        if (is(b, simple[i].key)) {
            *ret = vkc_fun_dest(f, b->want, 0);
            vkc_ir_op3(f->code, (enum interp_op)simple[i].op, *ret, b->args[0],
                       simple[i].count == 2 ? b->args[1] : VKC_NONE);
            return true;
        }
    return false;
}

static bool built_number(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    if (is(b, "int.min"))
        *ret = two_of(f, b, INTERP_OP_JLT, false);
    else if (is(b, "int.max"))
        *ret = two_of(f, b, INTERP_OP_JLT, true);
    else if (is(b, "float.min") || is(b, "float.max"))
        *ret = two_floats(f, b, is(b, "float.max"));
    else if (is(b, "int.abs"))
        *ret = absolute(f, b);
    else if (is(b, "float.is_nan"))
        *ret = is_nan(f, b);
    else if (is(b, "duration.ms"))
        *ret = divided(f, b, 1000000);
    else if (is(b, "duration.s"))
        *ret = divided(f, b, 1000000000);
    else if (is(b, "int.str") || is(b, "float.str") || is(b, "bool.str") || is(b, "str.str") ||
             is(b, "duration.str"))
        *ret = vkc_fun_to_text(f, b->of, b->args[0], b->want);
    else
        return false;
    return true;
}

/* ---- texts --------------------------------------------------------------------------- */

/* What a native gives as an index or -1. */
static uint32_t index_option(struct vkc_fun *f, const struct vkc_built *b, uint32_t at)
{
    uint32_t none = vkc_ir_label(f->code);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, at, 0, none);
    return vkc_fun_some_or_none(f, b->result, at, none);
}

static uint32_t compare(struct vkc_fun *f, enum interp_op op, uint32_t a, uint32_t b)
{
    uint32_t result = vkc_ir_value(f->code, 0);
    vkc_ir_op3(f->code, op, result, a, b);
    return result;
}

static uint32_t read_json(struct vkc_fun *f, const struct vkc_built *b)
{
    bool is_request = is(b, "request.json");
    uint32_t text = vkc_fun_native(f, is_request ? "http.body" : "reply.text", b->args, !is_request,
                                   vkc_unit_str(f->unit), VKC_NONE);
    return vkc_fun_expect_json(f, b->result, text, is_request, VKC_NONE);
}

static bool built_text(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    if (is(b, "to_json"))
        *ret = vkc_fun_json(f, vkc_fun_type(f, b->call->args[0].value->type), b->args[0], VKC_NONE);
    else if (is(b, "parse_json"))
        *ret = vkc_fun_parse_json(f, b->result, b->args[0], VKC_NONE);
    else if (is(b, "json.get"))
        *ret = vkc_fun_json_get(f, b->of, b->result, b->args[0], b->args[1]);
    else if (is(b, "debug"))
        *ret = vkc_fun_debug(f, vkc_fun_type(f, b->call->args[0].value->type), b->args[0], VKC_NONE);
    else if (is(b, "request.json") || is(b, "reply.json"))
        *ret = read_json(f, b);
    else if (is(b, "str.find") || is(b, "bytes.find")) {
        *ret = index_option(f, b, vkc_fun_native(f, b->key, b->args, 2, 0, VKC_NONE));
    } else if (is(b, "str.contains")) {
        uint32_t at = vkc_fun_native(f, "str.find", b->args, 2, 0, VKC_NONE);
        *ret = compare(f, INTERP_OP_LT, vkc_fun_number(f, -1, VKC_NONE), at);
    } else if (is(b, "str.is_empty")) {
        uint32_t len = vkc_ir_value(f->code, 0);
        vkc_ir_op2(f->code, INTERP_OP_SLEN, len, b->args[0]);
        *ret = compare(f, INTERP_OP_EQ, len, vkc_fun_number(f, 0, VKC_NONE));
    } else {
        return false;
    }
    return true;
}

/* ---- Option and Result ------------------------------------------------------------------- */

static uint32_t is_variant(struct vkc_fun *f, const struct vkc_built *b, bool is_some)
{
    uint32_t result = vkc_fun_number(f, 1, VKC_NONE), end = vkc_ir_label(f->code);
    vkc_jump_some(f, b->of, b->args[0], is_some, end);
    vkc_ir_load(f->code, result, 0);
    vkc_ir_place(f->code, end);
    return result;
}

static uint32_t option_map(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t none = vkc_ir_label(f->code);
    vkc_jump_some(f, b->of, b->args[0], false, none);
    uint32_t value = vkc_fun_some(f, b->of, b->args[0], VKC_NONE);
    value = vkc_fun_apply(f, b->args[1], &value, 1, VKC_NONE);
    if (value == VKC_NONE)
        value = vkc_fun_number(f, 0, VKC_NONE);
    return vkc_fun_some_or_none(f, b->result, value, none);
}

static uint32_t tag_is(struct vkc_fun *f, const struct vkc_built *b, uint32_t tag)
{
    uint32_t t = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, t, b->args[0]);
    return compare(f, INTERP_OP_EQ, t, vkc_fun_number(f, tag, VKC_NONE));
}

/* map and map_err: the payload of variant `tag` goes through the function, the other stays. */
static uint32_t result_map(struct vkc_fun *f, const struct vkc_built *b, uint32_t tag)
{
    uint32_t other = vkc_ir_label(f->code), end = vkc_ir_label(f->code), result = vkc_fun_fresh(f, b->result);
    uint32_t t = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, t, b->args[0]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JNEI, t, tag, other);
    uint32_t value = vkc_fun_payload(f, b->of, tag, 0, b->args[0], VKC_NONE);
    value = vkc_fun_apply(f, b->args[1], &value, 1, VKC_NONE);
    if (value == VKC_NONE)
        value = vkc_fun_number(f, 0, VKC_NONE);
    (void)vkc_fun_make_variant(f, b->result, tag, &value, result);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, other);
    value = vkc_fun_payload(f, b->of, 1 - tag, 0, b->args[0], VKC_NONE);
    (void)vkc_fun_make_variant(f, b->result, 1 - tag, &value, result);
    vkc_ir_place(f->code, end);
    return result;
}

static uint32_t result_ok(struct vkc_fun *f, const struct vkc_built *b, uint32_t ok)
{
    uint32_t none = vkc_ir_label(f->code);
    uint32_t t = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, t, b->args[0]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JNEI, t, ok, none);
    uint32_t value = vkc_fun_payload(f, b->of, ok, 0, b->args[0], VKC_NONE);
    return vkc_fun_some_or_none(f, b->result, value, none);
}

static bool built_option(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    bool is_result = b->of && strncmp(b->key, "result.", 7) == 0;
    uint32_t ok = is_result && !vkc_name_is(b->of->symbol->members[0]->name, "Ok");
    if (is(b, "option.is_some") || is(b, "option.is_none"))
        *ret = is_variant(f, b, is(b, "option.is_some"));
    else if (is(b, "option.map"))
        *ret = option_map(f, b);
    else if (is(b, "result.is_ok") || is(b, "result.is_err"))
        *ret = tag_is(f, b, is(b, "result.is_ok") ? ok : 1 - ok);
    else if (is(b, "result.map") || is(b, "result.map_err"))
        *ret = result_map(f, b, is(b, "result.map") ? ok : 1 - ok);
    else if (is(b, "result.ok"))
        *ret = result_ok(f, b, ok);
    else
        return false;
    return true;
}

/* ---- responses ------------------------------------------------------------------------------ */

static uint32_t empty_list(struct vkc_fun *f)
{
    uint16_t list = vkc_unit_list(f->unit, vkc_unit_str(f->unit));
    uint64_t len = 0;
    return vkc_fun_ref(f, vkc_unit_object(f->unit, list, 0, &len, 1), list, VKC_NONE);
}

/* A part that most responses have not, as an OPT. */
static uint32_t option_of(struct vkc_fun *f, uint32_t part, uint32_t value)
{
    const struct interp_type *type = &f->unit->types[vkc_lower_response(f->lower)];
    uint32_t option = vkc_ir_value(f->code, f->unit->type_words[type->first + part]);
    if (value == VKC_NONE)
        vkc_ir_op1(f->code, INTERP_OP_LDNIL, option);
    else
        vkc_ir_move(f->code, option, value);
    return option;
}

/* A Response of those parts; VKC_NONE: the part is as most have it. */
static uint32_t response(struct vkc_fun *f, const struct vkc_built *b, uint32_t *parts)
{
    f->lower->has_bytes |= parts[VKC_RESPONSE_BYTES] != VKC_NONE;
    f->lower->has_streams |= parts[VKC_RESPONSE_STREAM] != VKC_NONE;
    f->lower->has_headers |= parts[VKC_RESPONSE_HEADERS] != VKC_NONE;
    parts[VKC_RESPONSE_BYTES] = option_of(f, VKC_RESPONSE_BYTES, parts[VKC_RESPONSE_BYTES]);
    parts[VKC_RESPONSE_STREAM] = option_of(f, VKC_RESPONSE_STREAM, parts[VKC_RESPONSE_STREAM]);
    if (parts[VKC_RESPONSE_TYPE] == VKC_NONE)
        parts[VKC_RESPONSE_TYPE] = vkc_fun_text(f, "", 0, VKC_NONE);
    if (parts[VKC_RESPONSE_BODY] == VKC_NONE)
        parts[VKC_RESPONSE_BODY] = vkc_fun_text(f, "", 0, VKC_NONE);
    if (parts[VKC_RESPONSE_HEADERS] == VKC_NONE)
        parts[VKC_RESPONSE_HEADERS] = empty_list(f);
    if (parts[VKC_RESPONSE_STATUS] == VKC_NONE)
        parts[VKC_RESPONSE_STATUS] = vkc_fun_number(f, 200, VKC_NONE);
    return vkc_fun_new(f, vkc_lower_response(f->lower), parts, VKC_RESPONSE_PARTS, b->want);
}

static void no_parts(uint32_t *parts)
{
    for (uint32_t i = 0; i < VKC_RESPONSE_PARTS; i++)
        parts[i] = VKC_NONE;
}

uint32_t vkc_fun_respond(struct vkc_fun *f, const char *type, uint32_t body, int64_t status, uint32_t want)
{
    const struct vkc_built b = {.want = want};
    uint32_t parts[VKC_RESPONSE_PARTS];
    no_parts(parts);
    parts[VKC_RESPONSE_TYPE] = vkc_fun_text(f, type, strlen(type), VKC_NONE);
    parts[VKC_RESPONSE_BODY] = body;
    parts[VKC_RESPONSE_STATUS] = vkc_fun_number(f, status, VKC_NONE);
    return response(f, &b, parts);
}

/* One more header line of a response whose parts these are. */
static void add_header(struct vkc_fun *f, const struct vkc_built *b, uint32_t *parts)
{
    bool is_cookie = is(b, "response.cookie");
    uint32_t list = vkc_ir_value(f->code, f->code->values[parts[VKC_RESPONSE_HEADERS]].type);
    uint32_t value = b->args[2];
    if (is_cookie)
        value = vkc_fun_native(f, "http.cookie_line", b->args + 1, 2, vkc_unit_str(f->unit), VKC_NONE);
    else
        (void)vkc_fun_native(f, "http.check_field", b->args + 1, 2, INTERP_TYPE_NONE, VKC_NONE);
    f->lower->has_headers = true;
    vkc_ir_move(f->code, list, parts[VKC_RESPONSE_HEADERS]);
    vkc_ir_op1(f->code, INTERP_OP_SHARE, list);
    vkc_fun_push(f, list, is_cookie ? vkc_fun_text(f, "set-cookie", 10, VKC_NONE) : b->args[1]);
    vkc_fun_push(f, list, value);
    parts[VKC_RESPONSE_HEADERS] = list;
}

static uint32_t changed_response(struct vkc_fun *f, const struct vkc_built *b)
{
    const struct interp_type *type = &f->unit->types[vkc_lower_response(f->lower)];
    uint32_t parts[VKC_RESPONSE_PARTS];
    for (uint32_t i = 0; i < VKC_RESPONSE_PARTS; i++)
        parts[i] = vkc_fun_field(f, b->args[0], i, f->unit->type_words[type->first + i], VKC_NONE);
    if (is(b, "response.status"))
        parts[VKC_RESPONSE_STATUS] = b->args[1];
    else
        add_header(f, b, parts);
    return vkc_fun_new(f, vkc_lower_response(f->lower), parts, VKC_RESPONSE_PARTS, b->want);
}

static uint32_t redirect(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t checked[] = {b->args[1], b->args[0]}, parts[VKC_RESPONSE_PARTS];
    no_parts(parts);
    (void)vkc_fun_native(f, "http.check_redirect", checked, 2, INTERP_TYPE_NONE, VKC_NONE);
    uint32_t list = vkc_fun_list(f, vkc_unit_list(f->unit, vkc_unit_str(f->unit)), 2);
    vkc_fun_push(f, list, vkc_fun_text(f, "location", 8, VKC_NONE));
    vkc_fun_push(f, list, b->args[1]);
    parts[VKC_RESPONSE_HEADERS] = list;
    parts[VKC_RESPONSE_STATUS] = b->args[0];
    return response(f, b, parts);
}

static bool built_response(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    static const char plain[] = "text/plain; charset=utf-8", html[] = "text/html; charset=utf-8";
    uint32_t parts[VKC_RESPONSE_PARTS];
    no_parts(parts);
    if (is(b, "response.redirect")) {
        *ret = redirect(f, b);
        return true;
    }
    if (is(b, "response.header") || is(b, "response.cookie") || is(b, "response.status")) {
        *ret = changed_response(f, b);
        return true;
    }
    if (is(b, "response.text") || is(b, "response.html") || is(b, "response.text_status") ||
        is(b, "response.html_status")) {
        const char *type = b->key[9] == 't' ? plain : html;
        parts[VKC_RESPONSE_TYPE] = vkc_fun_text(f, type, strlen(type), VKC_NONE);
        parts[VKC_RESPONSE_BODY] = b->args[b->count - 1];
        parts[VKC_RESPONSE_STATUS] = b->count == 2 ? b->args[0] : VKC_NONE;
    } else if (is(b, "response.bytes") || is(b, "response.bytes_status")) {
        parts[VKC_RESPONSE_TYPE] = b->args[b->count - 2];
        parts[VKC_RESPONSE_BYTES] = b->args[b->count - 1];
        parts[VKC_RESPONSE_STATUS] = b->count == 3 ? b->args[0] : VKC_NONE;
    } else if (is(b, "response.empty")) {
        parts[VKC_RESPONSE_STATUS] = b->args[0];
    } else if (is(b, "response.stream")) {
        parts[VKC_RESPONSE_TYPE] = b->args[0];
        parts[VKC_RESPONSE_STREAM] = b->args[1];
    } else {
        return false;
    }
    *ret = response(f, b, parts);
    return true;
}

/* ---- requests --------------------------------------------------------------------------------- */

/* The pairs of the body, each found by its place in it; of two with one key the later one counts. */
static uint32_t request_form(struct vkc_fun *f, const struct vkc_built *b)
{
    uint16_t str = vkc_unit_str(f->unit), type = vkc_lower_type(f->lower, b->result);
    uint32_t head = vkc_ir_label(f->code), end = vkc_ir_label(f->code), map = vkc_ir_value(f->code, type);
    uint32_t args[] = {vkc_fun_native(f, "http.form", NULL, 0, str, VKC_NONE), vkc_ir_value(f->code, 0)};
    uint32_t next = vkc_ir_value(f->code, 0);
    vkc_ir_imm(f->code, INTERP_OP_MNEW, map, VKC_NONE, type);
    vkc_ir_load(f->code, args[1], 0);
    vkc_ir_place(f->code, head);
    (void)vkc_fun_native(f, "http.form_next", args, 2, 0, next);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, next, 0, end);
    uint32_t key = vkc_fun_native(f, "http.form_key", args, 2, str, VKC_NONE);
    vkc_ir_op3(f->code, INTERP_OP_MSET, map, key,
               vkc_fun_native(f, "http.form_value", args, 2, str, VKC_NONE));
    vkc_ir_move(f->code, args[1], next);
    vkc_ir_jump(f->code, head);
    vkc_ir_place(f->code, end);
    return map;
}

static bool built_request(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    if (!is(b, "request.form"))
        return false;
    *ret = request_form(f, b);
    return true;
}

/* ---- natives ------------------------------------------------------------------------------- */

/* NAME? says whether; NAME gives. */
static uint32_t scalar_option(struct vkc_fun *f, const struct vkc_built *b, const uint32_t *args,
                              uint32_t count)
{
    uint32_t none = vkc_ir_label(f->code);
    struct vkc_text name = {0};
    vkc_text_print(&name, "%s?", b->key);
    uint32_t has = vkc_fun_native(f, name.bytes, args, count, 0, VKC_NONE);
    vkc_text_fini(&name);
    vkc_ir_branch(f->code, INTERP_OP_JF, has, VKC_NONE, none);
    return vkc_fun_some_or_none(f, b->result, vkc_fun_native(f, b->key, args, count, 0, VKC_NONE), none);
}

static uint32_t call_native(struct vkc_fun *f, struct vkc_built *b)
{
    bool is_ghost = b->of && (b->of->kind == VKC_TYPE_REQUEST || b->of->kind == VKC_TYPE_CRASH);
    const uint32_t *args = b->args + is_ghost;
    uint32_t count = b->count - is_ghost;
    struct vkc_type *some = vkc_type_option(f->lower->checked, b->result);
    if (strncmp(b->key, "request.", 8) == 0) {
        struct vkc_text name = {0};
        vkc_text_print(&name, "http.%s", strcmp(b->key + 8, "text") == 0 ? "body" : b->key + 8);
        b->key = vkc_arena_text(f->lower->arena, name.bytes, name.len);
        vkc_text_fini(&name);
    }
    if (is(b, "actor.monitor"))
        return vkc_fun_monitor(f, b->args[0], b->want);
    if (some && vkc_lower_type(f->lower, some) == 0)
        return scalar_option(f, b, args, count);
    return vkc_fun_native(f, b->key, args, count, vkc_lower_result(f->lower, b->result), b->want);
}

/* ---- all ------------------------------------------------------------------------------------ */

static void eval_args(struct vkc_fun *f, struct vkc_built *b, uint32_t first)
{
    const struct vkc_call *call = b->call;
    for (uint32_t i = 0; i < call->count && i < 6; i++) {
        const struct vkc_expr *later = NULL;
        for (uint32_t k = i + 1; k < call->count; k++)
            if (!vkc_is_calm(call->args[k].value))
                later = call->args[k].value;
        b->args[first + call->args[i].index] = vkc_expr_stable(f, call->args[i].value, later);
    }
    b->count = first + call->count;
}

static uint32_t change(struct vkc_fun *f, struct vkc_built *b)
{
    uint32_t value;
    struct vkc_place_of *place = vkc_place_open(f, b->call->receiver);
    eval_args(f, b, 1);
    b->args[0] = vkc_place_take(f, place);
    if (!vkc_built_change(f, b, &value))
        vkc_lower_error(f->lower, b->expr->span, "this built-in");
    vkc_place_put(f, place, b->args[0]);
    if (value != VKC_NONE && b->want != VKC_NONE) {
        vkc_ir_move(f->code, b->want, value);
        return b->want;
    }
    return value;
}

/* ---- embedded files ---------------------------------------------------------------------------- */

/* The headers of a response with a file as its body: a constant list of their names and values. */
static uint32_t asset_headers(struct vkc_fun *f, const struct vkc_asset *asset)
{
    uint16_t str = vkc_unit_str(f->unit), list = vkc_unit_list(f->unit, str);
    uint32_t name = vkc_unit_text(f->unit, str, "etag", 4);
    uint32_t value = vkc_unit_text(f->unit, str, asset->tag, VKC_ASSET_TAG_LEN);
    const uint64_t words[] = {2, f->unit->refs[name].offset | INTERP_REF_IMAGE,
                              f->unit->refs[value].offset | INTERP_REF_IMAGE};
    return vkc_fun_ref(f, vkc_unit_object(f->unit, list, 2, words, VK_COUNT(words)), list, VKC_NONE);
}

static uint32_t built_asset(struct vkc_fun *f, const struct vkc_built *b)
{
    const struct vkc_asset *asset = b->call->asset;
    bool is_text = is(b, "asset.text"), is_value = is_text || is(b, "asset.bytes");
    uint16_t type = is_text ? vkc_unit_str(f->unit) : vkc_unit_bytes(f->unit);
    uint32_t parts[VKC_RESPONSE_PARTS];
    vk_assert(is_value || is(b, "asset.response"));
    uint32_t bytes = vkc_fun_ref(f, vkc_unit_text(f->unit, type, asset->bytes, asset->len_bytes), type,
                                 is_value ? b->want : VKC_NONE);
    if (is_value)
        return bytes;
    no_parts(parts);
    parts[VKC_RESPONSE_TYPE] = vkc_fun_text(f, asset->type, strlen(asset->type), VKC_NONE);
    parts[VKC_RESPONSE_BYTES] = bytes;
    parts[VKC_RESPONSE_HEADERS] = asset_headers(f, asset);
    return response(f, b, parts);
}

uint32_t vkc_expr_builtin(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    struct vkc_built b = {.expr = e, .call = e->meaning, .key = e->meaning->builtin->native, .want = want};
    uint32_t value = VKC_NONE;
    b.result = vkc_fun_type(f, e->type);
    if (b.call->asset)
        return built_asset(f, &b);
    if (b.call->receiver)
        b.of = vkc_fun_type(f, b.call->receiver->type);
    if (b.call->builtin->changes)
        return change(f, &b);
    const struct vkc_expr *later = NULL;
    for (uint32_t i = 0; i < b.call->count; i++)
        if (!vkc_is_calm(b.call->args[i].value))
            later = b.call->args[i].value;
    if (b.call->receiver)
        b.args[0] = vkc_expr_stable(f, b.call->receiver, later);
    eval_args(f, &b, b.call->receiver != NULL);
    if (!built_simple(f, &b, &value) && !built_number(f, &b, &value) && !built_text(f, &b, &value) &&
        !built_option(f, &b, &value) && !built_response(f, &b, &value) && !built_request(f, &b, &value) &&
        !vkc_built_list(f, &b, &value) && !vkc_built_store(f, &b, &value))
        return call_native(f, &b);
    if (value == want || want == VKC_NONE)
        return value;
    vkc_ir_move(f->code, want, value);
    return want;
}
