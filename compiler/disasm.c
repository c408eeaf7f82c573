/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/disasm.h"

#include "compiler/ir.h"

#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 3

struct disasm {
    const uint8_t *file;
    const struct interp_header *header;
    const struct interp_type *types;
    const uint16_t *type_words;
    const struct interp_function *functions;
    const char *names;
    struct vkc_text *text;
};

static const void *section(const struct disasm *d, enum interp_section which)
{
    return d->file + d->header->sections[which].offset;
}

/* Names of functions are not verified: one that lies outside the names is "?". */
static const char *name_of(const struct disasm *d, const struct interp_function *fn)
{
    return fn->name < d->header->sections[INTERP_SECTION_NAMES].bytes ? d->names + fn->name : "?";
}

/* ---- types ------------------------------------------------------------------------ */

static void put_type(const struct disasm *d, uint16_t index, int depth);

static void put_fields(const struct disasm *d, const struct interp_type *type, int depth)
{
    vkc_text_put(d->text, "(");
    for (uint32_t i = 0; i < type->count; i++) {
        if (i > 0)
            vkc_text_put(d->text, ", ");
        put_type(d, d->type_words[type->first + i], depth);
    }
    vkc_text_put(d->text, ")");
}

static void put_type(const struct disasm *d, uint16_t index, int depth)
{
    static const char *const kinds[INTERP_KIND_END] = {"int",     "Str",  "Bytes", "record", "enum",
                                                       "variant", "list", "map",   "fn",     "env",
                                                       "fiber",   "opt",  "handle"};
    if (index == INTERP_TYPE_NONE) {
        vkc_text_put(d->text, "none");
        return;
    }
    const struct interp_type *type = &d->types[index];
    vkc_text_put(d->text, kinds[type->kind]);
    if (type->kind == INTERP_KIND_VARIANT)
        vkc_text_print(d->text, "%u.%u", type->of, type->tag);
    else if (type->kind == INTERP_KIND_RECORD || type->kind == INTERP_KIND_ENUM ||
             type->kind == INTERP_KIND_ENV)
        vkc_text_print(d->text, "%u", index);
    if (depth >= DEPTH_MAX)
        return;
    if (type->kind == INTERP_KIND_FN) {
        put_fields(d, type, depth + 1);
        vkc_text_put(d->text, " -> ");
    } else if (type->kind == INTERP_KIND_MAP) {
        vkc_text_put(d->text, " ");
        put_type(d, type->key, depth + 1);
    }
    if (type->kind == INTERP_KIND_LIST || type->kind == INTERP_KIND_OPT || type->kind == INTERP_KIND_FIBER ||
        type->kind == INTERP_KIND_MAP || type->kind == INTERP_KIND_FN) {
        vkc_text_put(d->text, " ");
        put_type(d, type->of, depth + 1);
    }
}

/* ---- instructions -------------------------------------------------------------------- */

/* Words that follow the instruction. */
static uint32_t words_behind(const struct disasm *d, uint32_t in)
{
    const char *more = strchr(vkc_ir_effects(in & 255), '+');
    uint32_t wide = in >> 16;
    if (!more)
        return 0;
    if (more[1] == 's')
        return (wide + 1) / 2;
    if (more[1] != 'l')
        return 1;
    return ((in & 255) == INTERP_OP_SCAT ? wide + 3 : d->types[wide].count + 3u) / 4;
}

static void put_constant(const struct disasm *d, uint32_t index)
{
    const struct interp_ref *ref = (const struct interp_ref *)section(d, INTERP_SECTION_REFS) + index;
    const uint8_t *data = section(d, INTERP_SECTION_DATA);
    struct interp_object object;
    vkc_text_put(d->text, "  ; ");
    put_type(d, ref->type, 1);
    if (ref->late) {
        vkc_text_put(d->text, " of a top-level value");
        return;
    }
    memcpy(&object, data + ref->offset, sizeof object);
    if (d->types[ref->type].kind == INTERP_KIND_BYTES)
        vkc_text_print(d->text, " of %u bytes", object.count);
    if (d->types[ref->type].kind != INTERP_KIND_STR)
        return;
    vkc_text_put(d->text, " \"");
    for (uint32_t i = 0; i < object.count && i < 40; i++) {
        char c = (char)data[ref->offset + sizeof object + i];
        if (c >= ' ' && c < 127)
            vkc_text_fill(d->text, c, 1);
        else
            vkc_text_print(d->text, "\\x%02x", (unsigned char)c);
    }
    vkc_text_put(d->text, object.count > 40 ? "\"..." : "\"");
}

static void put_native(const struct disasm *d, const struct interp_import *native)
{
    if (native->host != 0)
        vkc_text_print(d->text, "  ; host %s: %s", d->names + native->name, d->names + native->host);
    else
        vkc_text_print(d->text, "  ; %s", d->names + native->name);
}

static void put_remark(const struct disasm *d, uint32_t in, uint32_t at)
{
    uint32_t wide = in >> 16;
    switch (in & 255) {
    case INTERP_OP_CALL:
    case INTERP_OP_CALLS:
    case INTERP_OP_SPAWN:
        vkc_text_print(d->text, "  ; %s", name_of(d, &d->functions[wide]));
        break;
    case INTERP_OP_CALLN:
        put_native(d, &((const struct interp_import *)section(d, INTERP_SECTION_NATIVES))[wide]);
        break;
    case INTERP_OP_LDQ:
        put_constant(d, wide);
        break;
    case INTERP_OP_LDK:
        vkc_text_print(d->text, "  ; %lld",
                       (long long)((const int64_t *)section(d, INTERP_SECTION_CONSTANTS))[wide]);
        break;
    case INTERP_OP_NEW:
    case INTERP_OP_CLOSURE:
    case INTERP_OP_LNEW:
    case INTERP_OP_MNEW:
        vkc_text_put(d->text, "  ; ");
        put_type(d, (uint16_t)wide, 1);
        break;
    case INTERP_OP_JMPB:
        vkc_text_print(d->text, "  ; to %u", at + 1 - (in >> 8));
        break;
    case INTERP_OP_LOOP:
        vkc_text_print(d->text, "  ; to %u", at + 1 - wide);
        break;
    default:
        break;
    }
}

static void put_instruction(const struct disasm *d, uint32_t in, uint32_t at)
{
    const char *letters = vkc_ir_operands(in & 255);
    vkc_text_print(d->text, "%-7s", vkc_ir_name(in & 255));
    for (uint32_t i = 0; i < 3 && letters[i] != '-'; i++) {
        bool is_far = i == 0 && letters[0] == 'j',
             is_wide = i == 1 && letters[1] == letters[2] && strchr("siRn", letters[1]) == NULL;
        if (i == 1 && letters[1] == 'i' && letters[2] == 'i')
            is_wide = true;
        uint32_t field = is_far ? in >> 8 : is_wide ? in >> 16 : in >> (8 + 8 * i) & 255;
        if (letters[i] == 'j' && (in & 255) != INTERP_OP_JMPB && (in & 255) != INTERP_OP_LOOP)
            vkc_text_print(d->text, " ->%u", at + 1 + field);
        else if (letters[i] == 'i')
            vkc_text_print(d->text, " %d", is_wide ? (int16_t)field : (int8_t)field);
        else if (strchr("dsxDRWmnw", letters[i]))
            vkc_text_print(d->text, " r%u", field);
        else
            vkc_text_print(d->text, " %u", field);
        if (is_far || is_wide)
            break;
    }
}

static void put_words(const struct disasm *d, uint32_t in, const uint32_t *words, uint32_t at)
{
    const char *more = strchr(vkc_ir_effects(in & 255), '+');
    uint32_t wide = in >> 16,
             count = (in & 255) == INTERP_OP_SCAT ? wide : d->types[more && more[1] == 'l' ? wide : 0].count;
    if (!more)
        return;
    if (more[1] == 'l')
        for (uint32_t i = 0; i < count; i++)
            vkc_text_print(d->text, "%s r%u", i == 0 ? " of" : ",", words[i / 4] >> i % 4 * 8 & 255);
    else if (more[1] == 's')
        for (uint32_t i = 0; i < wide; i++)
            vkc_text_print(d->text, " ->%u", at + 1 + (wide + 1) / 2 + (words[i / 2] >> i % 2 * 16 & 0xffff));
    else if (more[1] == 'r' && words[0] != INTERP_RESULT_NONE)
        vkc_text_print(d->text, " to r%u", words[0]);
}

/* ---- functions ---------------------------------------------------------------------------- */

struct lines {
    const uint8_t *at, *end; /* end: of all functions' tables; nothing behind it is read */
    uint32_t next;           /* instruction of the next entry */
    uint32_t line;
    bool is_over;
};

static uint32_t take(struct lines *l)
{
    uint32_t value = 0;
    for (uint32_t shift = 0; shift < 32 && l->at < l->end; shift += 7) {
        uint8_t byte = *l->at++;
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

/* The line that begins at the instruction, or 0. */
static uint32_t line_at(struct lines *l, uint32_t at)
{
    if (l->is_over)
        return 0;
    struct lines ahead = *l;
    uint32_t step = take(&ahead), zigzag = take(&ahead);
    if (step == 0 && zigzag == 0) {
        l->is_over = true;
        return 0;
    }
    if (ahead.next + step != at)
        return 0;
    ahead.next += step;
    ahead.line += zigzag >> 1 ^ (0 - (zigzag & 1));
    *l = ahead;
    return l->line;
}

/* The table of a function; empty when it would lie outside its section, which is not verified. */
static struct lines lines_of(const struct disasm *d, const struct interp_function *fn)
{
    const struct interp_span *span = &d->header->sections[INTERP_SECTION_LINES];
    const uint8_t *all = section(d, INTERP_SECTION_LINES);
    uint32_t first = fn->lines < span->bytes ? fn->lines : span->bytes;
    struct lines lines = {.at = all + first, .end = all + span->bytes};
    (void)take(&lines); /* the file */
    return lines;
}

static void put_function(const struct disasm *d, uint32_t index)
{
    const struct interp_function *fn = &d->functions[index];
    const uint32_t *code = (const uint32_t *)section(d, INTERP_SECTION_CODE) + fn->code;
    const uint16_t *reg_types = (const uint16_t *)section(d, INTERP_SECTION_REG_TYPES) + fn->reg_types;
    struct lines lines = lines_of(d, fn);
    vkc_text_print(d->text, "\nfunction %u %s: ", index, name_of(d, fn));
    put_type(d, fn->signature, 0);
    vkc_text_print(d->text, ", %u registers\n", fn->regs);
    for (uint32_t i = 0; i < fn->refs; i++) {
        vkc_text_print(d->text, "          r%u: ", i);
        put_type(d, reg_types[i], 1);
        vkc_text_put(d->text, "\n");
    }
    for (uint32_t at = 0; at < fn->code_words;) {
        uint32_t line = line_at(&lines, at), behind = words_behind(d, code[at]);
        if (line)
            vkc_text_print(d->text, "  %5u", line);
        else
            vkc_text_fill(d->text, ' ', 7);
        vkc_text_print(d->text, "  %5u  ", at);
        put_instruction(d, code[at], at);
        put_words(d, code[at], code + at + 1, at);
        put_remark(d, code[at], at);
        vkc_text_put(d->text, "\n");
        at += 1 + behind;
    }
}

static void put_stores(const struct disasm *d)
{
    const uint8_t *all = section(d, INTERP_SECTION_SERVICES);
    const struct interp_services *services = (const void *)all;
    if (d->header->sections[INTERP_SECTION_SERVICES].bytes == 0)
        return;
    const struct interp_store *stores = (const void *)(all + services->stores.first);
    for (uint32_t i = 0; i < services->stores.count; i++) {
        vkc_text_print(d->text, "store %u %s: %u entries, %u bytes", i, d->names + stores[i].name,
                       stores[i].entries, stores[i].bytes);
        if (stores[i].ttl_ns)
            vkc_text_print(d->text, ", for %" PRIu64 " ns", stores[i].ttl_ns);
        vkc_text_put(d->text, "\n");
    }
}

void vkc_disasm(const void *file, struct vkc_text *text)
{
    struct disasm d = {.file = file, .header = file, .text = text};
    d.types = section(&d, INTERP_SECTION_TYPES);
    d.type_words = section(&d, INTERP_SECTION_TYPE_WORDS);
    d.functions = section(&d, INTERP_SECTION_FUNCTIONS);
    d.names = section(&d, INTERP_SECTION_NAMES);
    uint32_t count = d.header->sections[INTERP_SECTION_FUNCTIONS].bytes / (uint32_t)sizeof *d.functions;
    vkc_text_print(text, "%u bytes, %u functions, %u types\n", d.header->bytes, count,
                   d.header->sections[INTERP_SECTION_TYPES].bytes / (uint32_t)sizeof *d.types);
    put_stores(&d);
    for (uint32_t i = 0; i < count; i++)
        put_function(&d, i);
}
