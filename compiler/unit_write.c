/* SPDX-License-Identifier: Apache-2.0 */
/* From functions to the file: registers, words, line tables, sections, checksum. */
#include "compiler/unit.h"

#include <string.h>

struct file {
    struct vkc_unit *unit;
    struct vkc_live **live; /* by function */
    struct interp_function *functions;
    uint16_t *reg_types;
    uint32_t reg_types_count, reg_types_room;
    uint32_t *heads;
    uint32_t heads_count, heads_room;
    uint32_t *code;
    uint32_t code_count, code_room;
    uint8_t *lines;
    uint32_t lines_count, lines_room;
};

/* ---- functions -------------------------------------------------------------------- */

static void put_leb(struct file *f, uint32_t value)
{
    do {
        uint8_t byte = (uint8_t)(value & 127);
        value >>= 7;
        *VKC_APPEND(f->unit->arena, f->lines, f->lines_count, f->lines_room) = byte | (value ? 128 : 0);
    } while (value);
}

static void put_lines(struct file *f, const struct vkc_words *words, const char *file)
{
    uint32_t at = 0, line = 0;
    put_leb(f, file ? vkc_unit_name(f->unit, file) : 0);
    for (uint32_t i = 0; i < words->lines_count; i += 2) {
        uint32_t step = words->lines[i + 1] - line; /* its highest bit is its sign */
        put_leb(f, words->lines[i] - at);
        put_leb(f, step << 1 ^ (step >> 31 ? UINT32_MAX : 0));
        at = words->lines[i];
        line = words->lines[i + 1];
    }
    put_leb(f, 0);
    put_leb(f, 0);
}

static void put_function(struct file *f, struct vkc_code *code)
{
    struct vkc_arena *arena = f->unit->arena;
    struct vkc_words words = {0};
    vkc_emit(code, &words);
    f->functions[code->id] = (struct interp_function){.code = f->code_count + 1,
                                                      .code_words = words.count - 1,
                                                      .signature = code->signature,
                                                      .refs = (uint8_t)code->refs,
                                                      .regs = (uint8_t)code->regs,
                                                      .reg_types = f->reg_types_count,
                                                      .heads = f->heads_count,
                                                      .heads_count = words.heads_count,
                                                      .name = vkc_unit_name(f->unit, code->name),
                                                      .lines = f->lines_count};
    for (uint32_t i = 0; i < words.count; i++)
        *VKC_APPEND(arena, f->code, f->code_count, f->code_room) = words.words[i];
    for (uint32_t i = 0; i < words.heads_count; i++)
        *VKC_APPEND(arena, f->heads, f->heads_count, f->heads_room) = words.heads[i];
    for (uint32_t i = 0; i < code->refs; i++)
        *VKC_APPEND(arena, f->reg_types, f->reg_types_count, f->reg_types_room) = code->reg_types[i];
    put_lines(f, &words, code->file);
}

static bool put_functions(struct file *f)
{
    struct vkc_unit *unit = f->unit;
    bool fits = true;
    f->live = VKC_NEW_ARRAY(unit->arena, struct vkc_live *, unit->functions_count + 1);
    f->functions = VKC_NEW_ARRAY(unit->arena, struct interp_function, unit->functions_count + 1);
    for (uint32_t i = 0; i < unit->functions_count; i++) {
        vkc_ir_simplify(unit->functions[i]);
        vkc_ir_lift_constants(unit->functions[i]);
        f->live[i] = vkc_live_find(unit->functions[i]);
        vkc_regs_refs(unit->functions[i], f->live[i]);
    }
    for (uint32_t i = 0; i < unit->functions_count; i++) {
        vkc_regs_scalars(unit->functions[i], f->live[i]);
        fits &= !unit->functions[i]->is_too_large;
    }
    for (uint32_t i = 0; fits && i < unit->functions_count; i++) {
        put_function(f, unit->functions[i]);
        fits &= !unit->functions[i]->is_too_large;
    }
    return fits;
}

/* ---- the file ------------------------------------------------------------------------ */

/* FNV-1a on words; the same as interp_module_checksum. */
static uint64_t checksum(const char *bytes, size_t len)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 29;
    }
    return sum;
}

struct part {
    const void *bytes;
    size_t len;
};

static void put_parts(const struct file *f, struct part *parts)
{
    const struct vkc_unit *u = f->unit;
    parts[INTERP_SECTION_TYPES] = (struct part){u->types, u->types_count * sizeof *u->types};
    parts[INTERP_SECTION_TYPE_WORDS] =
        (struct part){u->type_words, u->type_words_count * sizeof *u->type_words};
    parts[INTERP_SECTION_FUNCTIONS] = (struct part){f->functions, u->functions_count * sizeof *f->functions};
    parts[INTERP_SECTION_REG_TYPES] = (struct part){f->reg_types, f->reg_types_count * sizeof *f->reg_types};
    parts[INTERP_SECTION_HEADS] = (struct part){f->heads, f->heads_count * sizeof *f->heads};
    parts[INTERP_SECTION_CODE] = (struct part){f->code, f->code_count * sizeof *f->code};
    parts[INTERP_SECTION_CONSTANTS] = (struct part){u->constants, u->constants_count * sizeof *u->constants};
    parts[INTERP_SECTION_DATA] = (struct part){u->data, u->data_count};
    parts[INTERP_SECTION_REFS] = (struct part){u->refs, u->refs_count * sizeof *u->refs};
    parts[INTERP_SECTION_NATIVES] = (struct part){u->natives, u->natives_count * sizeof *u->natives};
    parts[INTERP_SECTION_NAMES] = (struct part){u->names, u->names_count};
    parts[INTERP_SECTION_LINES] = (struct part){f->lines, f->lines_count};
    parts[INTERP_SECTION_SERVICES] = (struct part){u->services, u->services_count};
}

bool vkc_unit_write(struct vkc_unit *unit, struct vkc_text *file)
{
    struct file f = {.unit = unit};
    struct part parts[INTERP_SECTION_END];
    if (!put_functions(&f))
        return false;
    put_parts(&f, parts);
    struct interp_header header = {
        .magic = INTERP_MAGIC, .version = INTERP_FORMAT_VERSION, .entry = 0xffffffffu};
    vkc_text_clear(file);
    vkc_text_add(file, (const char *)&header, sizeof header);
    for (uint32_t i = 0; i < INTERP_SECTION_END; i++) {
        header.sections[i] = (struct interp_span){(uint32_t)file->len, (uint32_t)parts[i].len};
        vkc_text_add(file, parts[i].bytes, parts[i].len);
        vkc_text_fill(file, 0, VK_ALIGN_UP(file->len, (size_t)8) - file->len);
    }
    header.bytes = (uint32_t)file->len;
    header.checksum = checksum(file->bytes + sizeof header, file->len - sizeof header);
    memcpy(file->bytes, &header, sizeof header);
    return true;
}
