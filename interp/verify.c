/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a verification (types, functions' records, constants, data,
 * services, code), and the pass over one function's instructions. Source of the method:
 * Leroy, "Java bytecode verification: algorithms and formalizations", 2003,
 * with the state at branch targets met in one pass since backward targets are
 * declared.
 */
#include "interp/signature.h"
#include "interp/verify_impl.h"

#include "vk/err.h"

size_t interp_verify_scratch_bytes(const struct interp_module *module)
{
    uint32_t words = 0;
    for (uint32_t i = 0; i < module->counts[INTERP_SECTION_FUNCTIONS]; i++)
        if (module->functions[i].code_words > words)
            words = module->functions[i].code_words;
    if (words > module->counts[INTERP_SECTION_CODE])
        words = module->counts[INTERP_SECTION_CODE];
    size_t data_bytes = module->counts[INTERP_SECTION_DATA] / 8 * 2 + 16;
    size_t code_bytes = words * sizeof(struct verify_word);
    return code_bytes > data_bytes ? code_bytes : data_bytes;
}

/* ---- records -------------------------------------------------------------------- */

static bool check_header(struct verify *v, const struct interp_function *fn,
                         const struct interp_type *signature)
{
    uint32_t header = v->m->code[fn->code - 1];
    uint32_t scalars = (uint32_t)signature->count - signature->refs;
    if (header != INTERP_HEADER(fn->regs, fn->refs, signature->refs, scalars))
        return verify_refuse(v, "a function's header word does not say what its record says");
    if (fn->refs < signature->refs || fn->regs < fn->refs + scalars)
        return verify_refuse(v, "a function has too few registers for its parameters");
    return true;
}

static bool check_lists(struct verify *v, const struct interp_function *fn,
                        const struct interp_type *signature)
{
    uint32_t types = verify_count(v, INTERP_SECTION_REG_TYPES), heads = verify_count(v, INTERP_SECTION_HEADS);
    if (fn->reg_types > types || fn->refs > types - fn->reg_types)
        return verify_refuse(v, "a function's register types lie outside their section");
    if (fn->heads > heads || fn->heads_count > heads - fn->heads)
        return verify_refuse(v, "a function's loop heads lie outside their section");
    if (fn->lines > verify_count(v, INTERP_SECTION_LINES))
        return verify_refuse(v, "a function's lines lie outside their section");
    for (uint32_t i = 0; i < fn->refs; i++) {
        uint16_t type = v->m->reg_types[fn->reg_types + i];
        if (type == 0 || type >= verify_count(v, INTERP_SECTION_TYPES))
            return verify_refuse(v, "a reference register of a type that does not exist");
        if (i < signature->refs && type != verify_fields(v, signature)[i])
            return verify_refuse(v, "a parameter's register has another type than the signature");
    }
    for (uint32_t i = 0; i < fn->heads_count; i++)
        if (v->m->heads[fn->heads + i] >= fn->code_words)
            return verify_refuse(v, "a loop head lies outside its function");
    return true;
}

/* Functions lie in the order of their code, so that a place in the code names its function. */
static bool check_record(struct verify *v, const struct interp_function *fn, uint32_t *end)
{
    uint32_t words = verify_count(v, INTERP_SECTION_CODE);
    if (fn->code <= *end || fn->code >= words || fn->code_words > words - fn->code || fn->code_words == 0)
        return verify_refuse(v, "a function's code lies outside its section or overlaps another's");
    *end = fn->code + fn->code_words;
    if (fn->signature >= verify_count(v, INTERP_SECTION_TYPES) ||
        v->m->types[fn->signature].kind != INTERP_KIND_FN)
        return verify_refuse(v, "a function's signature is no function type");
    const struct interp_type *signature = &v->m->types[fn->signature];
    return check_header(v, fn, signature) && check_lists(v, fn, signature);
}

static bool check_records(struct verify *v, uint32_t *ret_at)
{
    uint32_t count = verify_count(v, INTERP_SECTION_FUNCTIONS), end = 0;
    if (count > INTERP_FUNCTIONS_MAX || verify_count(v, INTERP_SECTION_CODE) > INTERP_CODE_WORDS_MAX)
        return verify_refuse(v, "too many functions or instructions");
    for (uint32_t i = 0; i < count; i++) {
        *ret_at = i;
        if (!check_record(v, &v->m->functions[i], &end))
            return false;
    }
    return true;
}

/* What the host will be given by the text is what bytecode gives by the type. */
static bool check_host(struct verify *v, const struct interp_import *native)
{
    struct interp_signature signature;
    if (native->host == 0)
        return true;
    if (native->host >= verify_count(v, INTERP_SECTION_NAMES))
        return verify_refuse(v, "a host function's signature lies outside the names");
    if (!interp_signature_read(vk_span_text(v->m->names + native->host), &signature))
        return verify_refuse(v, "a host function's signature is none");
    if (!interp_signature_fits(v->m, &signature, native->signature))
        return verify_refuse(v, "a host function's signature is not that of its type");
    return true;
}

static bool check_natives(struct verify *v, uint32_t *ret_at)
{
    for (uint32_t i = 0; i < verify_count(v, INTERP_SECTION_NATIVES); i++) {
        const struct interp_import *native = &v->m->natives[i];
        *ret_at = i;
        if (native->name >= verify_count(v, INTERP_SECTION_NAMES))
            return verify_refuse(v, "a native's name lies outside the names");
        if (native->signature >= verify_count(v, INTERP_SECTION_TYPES) ||
            v->m->types[native->signature].kind != INTERP_KIND_FN)
            return verify_refuse(v, "a native's signature is no function type");
        if (!check_host(v, native))
            return false;
    }
    return true;
}

static bool check_entry(struct verify *v)
{
    uint32_t entry = v->m->header->entry;
    if (entry == INTERP_NOWHERE)
        return true;
    if (entry >= verify_count(v, INTERP_SECTION_FUNCTIONS))
        return verify_refuse(v, "the entry is no function");
    if (v->m->types[v->m->functions[entry].signature].count != 0)
        return verify_refuse(v, "the entry takes parameters");
    return true;
}

/* ---- one function ---------------------------------------------------------------------- */

static void begin_function(struct verify *v, const struct interp_function *fn)
{
    v->fn = fn;
    v->signature = &v->m->types[fn->signature];
    v->code = v->m->code + fn->code;
    v->reg_types = v->m->reg_types + fn->reg_types;
    memset(v->words, 0, fn->code_words * sizeof *v->words);
    for (uint32_t i = 0; i < fn->heads_count; i++)
        v->words[v->m->heads[fn->heads + i]].flags |= WORD_IS_HEAD;
    memset(&v->set, 0, sizeof v->set);
    memset(&v->moving, 0, sizeof v->moving);
    for (uint32_t i = 0; i < v->signature->count; i++)
        verify_add(&v->set, i < v->signature->refs ? i : fn->refs + i - v->signature->refs);
}

/* The state at the instruction: what comes from above met with what branches brought. */
static bool meet(struct verify *v, bool is_alive)
{
    struct verify_word *word = &v->words[v->pc];
    if (!is_alive && !(word->flags & WORD_HAS_STATE))
        return verify_refuse(v, "an instruction that is never reached");
    if (word->flags & (WORD_HAS_STATE | WORD_IS_HEAD))
        memset(&v->moving, 0, sizeof v->moving);
    if (word->flags & WORD_HAS_STATE) {
        for (int i = 0; i < 4; i++)
            v->set.words[i] = word->set.words[i] & (is_alive ? v->set.words[i] : UINT64_MAX);
    }
    word->set = v->set;
    word->flags |= WORD_IS_START;
    return true;
}

static bool check_code(struct verify *v)
{
    bool is_alive = true;
    for (v->pc = 0; v->pc < v->fn->code_words; v->pc = v->next) {
        bool ends = false;
        v->in = v->code[v->pc];
        if (!meet(v, is_alive) || !interp_verify_op(v, &ends))
            return false;
        for (uint32_t i = v->pc + 1; i < v->next; i++)
            if (v->words[i].flags & WORD_HAS_STATE)
                return verify_refuse(v, "a branch into the operands of an instruction");
        is_alive = !ends;
    }
    if (is_alive)
        return verify_refuse(v, "the function's end can be reached");
    return true;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool check_all(struct verify *v, void *scratch, struct interp_refusal *ret)
{
    ret->function = INTERP_NOWHERE;
    if (!interp_verify_types(v, &ret->at) || !check_records(v, &ret->at) || !check_natives(v, &ret->at) ||
        !check_entry(v) || !interp_verify_data(v, scratch, &ret->at) || !interp_verify_services(v, &ret->at))
        return false;
    v->words = scratch;
    for (uint32_t i = 0; i < verify_count(v, INTERP_SECTION_FUNCTIONS); i++) {
        begin_function(v, &v->m->functions[i]);
        if (!check_code(v)) {
            ret->function = i;
            ret->at = v->pc;
            return false;
        }
    }
    return true;
}

int interp_verify(const struct interp_module *module, void *scratch, struct interp_refusal *ret_refusal)
{
    struct verify v = {.m = module};
    struct interp_refusal refusal = {0};
    if (check_all(&v, scratch, &refusal))
        return 0;
    refusal.why = v.why;
    *ret_refusal = refusal;
    return -VK_EMALFORMED;
}
