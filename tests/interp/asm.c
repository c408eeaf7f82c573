/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler of asm.h: names first, then one item after the other. */
#include "tests/interp/asm.h"

#include "interp/module.h"
#include "vk/fmt.h"

struct op {
    const char *name, *operands, *effects;
};

static const struct op ops[INTERP_OP_END] = {
#define ROW(name, operands, effects) {#name, operands, effects},
    INTERP_OPS(ROW)
#undef ROW
};

/* ---- words -------------------------------------------------------------------- */

static bool fail(struct asm_state *s, const char *why, struct vk_span word)
{
    struct vk_out out;
    if (s->error[0])
        return false;
    vk_out_init(&out, s->error, sizeof s->error - 1);
    vk_out_fmt(&out, "line %u: %s: %.*s", s->line, why, (int)word.len, (const char *)word.ptr);
    *out.at = 0;
    return false;
}

static struct vk_span text_of(const char *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    return vk_span(text, len);
}

static bool is_word(struct vk_span word, const char *text)
{
    return vk_span_equal(word, text_of(text));
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == ',';
}

/* A quoted text is one word, quotes and escapes in it. */
static size_t word_len(struct vk_span line, size_t at)
{
    size_t end = at;
    if (line.ptr[at] == '"') {
        for (end = at + 1; end < line.len && line.ptr[end] != '"'; end++)
            end += line.ptr[end] == '\\';
        return end + 1 - at;
    }
    while (end < line.len && !is_blank(line.ptr[end]) && line.ptr[end] != ';')
        end++;
    return end - at;
}

static bool next_line(struct asm_state *s)
{
    while (s->rest.len) {
        struct vk_span line = vk_span(s->rest.ptr, vk_span_find(s->rest, '\n'));
        s->rest = vk_span_skip(s->rest, line.len < s->rest.len ? line.len + 1 : line.len);
        s->line++;
        s->words_count = 0;
        for (size_t at = 0; at < line.len && line.ptr[at] != ';';) {
            if (is_blank(line.ptr[at])) {
                at++;
                continue;
            }
            size_t len = word_len(line, at);
            if (s->words_count < VK_COUNT(s->words))
                s->words[s->words_count++] = vk_span(line.ptr + at, len);
            at += len;
        }
        if (s->words_count)
            return true;
    }
    return false;
}

static bool to_number(struct vk_span word, int64_t *ret)
{
    bool is_negative = word.len && word.ptr[0] == '-';
    uint64_t value = 0;
    if (vk_span_to_u64(is_negative ? vk_span_skip(word, 1) : word, &value))
        return false;
    *ret = (int64_t)(is_negative ? 0 - value : value);
    return true;
}

/* Good enough for benchmarks: digits and a power of ten, rounded more than once. */
static double to_float(struct vk_span word)
{
    bool is_negative = word.len && word.ptr[0] == '-', has_point = false;
    double value = 0, scale = 1;
    for (size_t i = is_negative; i < word.len; i++) {
        if (word.ptr[i] == '.') {
            has_point = true;
            continue;
        }
        value = value * 10 + (word.ptr[i] - '0');
        scale = has_point ? scale * 10 : scale;
    }
    return (is_negative ? -value : value) / scale;
}

static struct asm_name *find(struct asm_names *names, struct vk_span word)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (vk_span_equal(names->names[i].text, word))
            return &names->names[i];
    return NULL;
}

static void define(struct asm_names *names, struct vk_span word, uint32_t value)
{
    if (names->count < ASM_NAMES_MAX)
        names->names[names->count++] = (struct asm_name){word, value};
}

static uint32_t look_up(struct asm_state *s, struct asm_names *names, struct vk_span word, const char *what)
{
    const struct asm_name *name = find(names, word);
    if (name)
        return name->value;
    int64_t number;
    if (to_number(word, &number)) /* for what has no name, on purpose */
        return (uint32_t)number;
    fail(s, what, word);
    return 0;
}

static uint16_t type_named(struct asm_state *s, struct vk_span word)
{
    if (is_word(word, "int"))
        return 0;
    if (is_word(word, "none"))
        return INTERP_TYPE_NONE;
    return (uint16_t)look_up(s, &s->types, word, "no such type");
}

static uint32_t add_name(struct asm_state *s, struct vk_span word)
{
    uint32_t at = s->counts[INTERP_SECTION_NAMES];
    memcpy(s->name_text + at, word.ptr, word.len);
    s->name_text[at + word.len] = 0;
    s->counts[INTERP_SECTION_NAMES] += (uint32_t)word.len + 1;
    return at;
}

/* ---- types --------------------------------------------------------------------- */

static void add_types(struct asm_state *s, struct interp_type *type, uint32_t from, uint32_t to)
{
    type->first = s->counts[INTERP_SECTION_TYPE_WORDS];
    for (uint32_t i = from; i < to; i++) {
        uint16_t field = type_named(s, s->words[i]);
        s->type_words[s->counts[INTERP_SECTION_TYPE_WORDS]++] = field;
        type->count++;
        type->refs = (uint16_t)(type->refs + (field != 0));
    }
}

static void type_fn(struct asm_state *s, struct interp_type *type)
{
    uint32_t at = 3;
    while (at < s->words_count && !is_word(s->words[at], ">"))
        at++;
    add_types(s, type, 3, at);
    type->of = at + 1 < s->words_count ? type_named(s, s->words[at + 1]) : INTERP_TYPE_NONE;
}

static bool add_type(struct asm_state *s)
{
    static const char *const kinds[] = {"int", "str", "bytes", "record", "enum", "variant", "list",
                                        "map", "fn",  "env",   "fiber",  "opt",  "handle"};
    struct interp_type *type = &s->type[look_up(s, &s->types, s->words[1], "no such type")];
    struct vk_span kind = s->words[2], *w = s->words;
    for (uint32_t i = 0; i < VK_COUNT(kinds); i++)
        if (is_word(kind, kinds[i]))
            type->kind = (uint8_t)i;
    if (is_word(kind, "mutable"))
        type->kind = INTERP_KIND_RECORD, type->flags = INTERP_TYPE_MUTABLE;
    if (type->kind == INTERP_KIND_RECORD || type->kind == INTERP_KIND_ENUM)
        add_types(s, type, 3, s->words_count);
    if (type->kind == INTERP_KIND_ENUM)
        type->refs = 0;
    if (type->kind == INTERP_KIND_VARIANT) {
        type->of = type_named(s, w[3]);
        type->tag = (uint16_t)look_up(s, &s->types, w[4], "no tag");
        add_types(s, type, 5, s->words_count);
    }
    if (type->kind == INTERP_KIND_ENV) {
        type->of = type_named(s, w[3]);
        type->key = (uint16_t)look_up(s, &s->functions, w[4], "no such function");
        add_types(s, type, 5, s->words_count);
    }
    if (type->kind == INTERP_KIND_HANDLE && s->words_count > 3 && is_word(w[3], "stream"))
        type->tag = INTERP_HANDLE_STREAM;
    if (type->kind == INTERP_KIND_LIST || type->kind == INTERP_KIND_FIBER || type->kind == INTERP_KIND_OPT)
        type->of = type_named(s, w[3]);
    if (type->kind == INTERP_KIND_MAP)
        type->key = type_named(s, w[3]), type->of = type_named(s, w[4]);
    if (type->kind == INTERP_KIND_FN)
        type_fn(s, type);
    return type->kind || is_word(kind, "int") ? true : fail(s, "no such kind of type", kind);
}

/* ---- data ------------------------------------------------------------------------ */

static uint8_t *data_bytes(struct asm_state *s)
{
    return (uint8_t *)s->data_words + s->counts[INTERP_SECTION_DATA];
}

static uint32_t put_text(struct asm_state *s, struct vk_span quoted)
{
    uint8_t *to = data_bytes(s) + 8, *begin = to;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        uint8_t c = quoted.ptr[i];
        if (c == '\\')
            c = quoted.ptr[++i] == 'n' ? '\n' : quoted.ptr[i];
        *to++ = c;
    }
    return (uint32_t)(to - begin);
}

static uint64_t data_word(struct asm_state *s, struct vk_span word)
{
    const struct asm_name *name = find(&s->data, word);
    int64_t number = 0;
    if (name)
        return s->refs[name->value].offset | INTERP_REF_IMAGE;
    if (!to_number(word, &number))
        fail(s, "no number, no datum", word);
    return (uint64_t)number;
}

static bool add_data(struct asm_state *s)
{
    uint16_t type = type_named(s, s->words[3]);
    uint64_t *words = (uint64_t *)(void *)data_bytes(s);
    struct interp_object head = {type, 0, s->words_count - 4};
    uint32_t bytes = 8;
    if (is_word(s->words[2], "str") || is_word(s->words[2], "bytes")) {
        head.count = put_text(s, s->words[4]);
        bytes += VK_ALIGN_UP(head.count, 8u);
    } else if (is_word(s->words[2], "new") || is_word(s->words[2], "list")) {
        bool is_list = is_word(s->words[2], "list");
        for (uint32_t i = 4; i < s->words_count; i++)
            words[i - 3 + is_list] = data_word(s, s->words[i]);
        if (is_list)
            words[1] = head.count;
        else if (s->type[type].kind == INTERP_KIND_VARIANT)
            head.count = s->type[type].tag;
        bytes += 8 * (s->words_count - 4 + is_list);
    } else {
        return fail(s, "no such kind of datum", s->words[2]);
    }
    memcpy(words, &head, sizeof head);
    define(&s->data, s->words[1], s->counts[INTERP_SECTION_REFS]);
    s->refs[s->counts[INTERP_SECTION_REFS]++] = (struct interp_ref){s->counts[INTERP_SECTION_DATA], type, 0};
    s->counts[INTERP_SECTION_DATA] += bytes;
    return true;
}

/* SERVICES is then the head and the lets. */
static bool add_let(struct asm_state *s)
{
    struct interp_services *head = (void *)s->services;
    struct interp_let *let = (struct interp_let *)(void *)(head + 1) + head->lets.count;
    uint16_t type = type_named(s, s->words[3]);
    if ((uint8_t *)(let + 1) > (uint8_t *)s->services + sizeof s->services)
        return fail(s, "too many lets", s->words[1]);
    *let = (struct interp_let){add_name(s, s->words[1]),
                               look_up(s, &s->functions, s->words[2], "no such function"), 0, type != 0};
    if (type != 0) {
        let->constant = s->counts[INTERP_SECTION_REFS]++;
        s->refs[let->constant] = (struct interp_ref){0, type, 1};
    } else {
        let->constant = s->counts[INTERP_SECTION_CONSTANTS]++;
    }
    define(type != 0 ? &s->data : &s->numbers, s->words[1], let->constant);
    head->lets = (struct interp_array){sizeof *head, head->lets.count + 1};
    s->counts[INTERP_SECTION_SERVICES] = (uint32_t)((uint8_t *)(let + 1) - (uint8_t *)s->services);
    return true;
}

/* ---- functions ---------------------------------------------------------------------- */

static void put_number(struct asm_state *s, uint32_t value)
{
    do {
        s->lines[s->counts[INTERP_SECTION_LINES]++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
}

static void note_line(struct asm_state *s, uint32_t at)
{
    put_number(s, at - s->noted_at);
    put_number(s, (s->line - s->noted_line) << 1);
    s->noted_at = at;
    s->noted_line = s->line;
}

static bool open_function(struct asm_state *s)
{
    uint32_t index = look_up(s, &s->functions, s->words[1], "no such function");
    struct interp_function *fn = s->open = &s->function[index];
    int64_t regs = 0;
    fn->signature = type_named(s, s->words[2]);
    const struct interp_type *type = &s->type[fn->signature];
    if (!to_number(s->words[3], &regs))
        return fail(s, "no number of registers", s->words[3]);
    fn->regs = (uint8_t)regs;
    fn->refs = (uint8_t)(type->refs + s->words_count - 4);
    fn->reg_types = s->counts[INTERP_SECTION_REG_TYPES];
    for (uint32_t i = 0; i < fn->refs; i++)
        s->reg_types[s->counts[INTERP_SECTION_REG_TYPES]++] =
            i < type->refs ? s->type_words[type->first + i] : type_named(s, s->words[4 + i - type->refs]);
    fn->heads = s->counts[INTERP_SECTION_HEADS];
    fn->name = add_name(s, s->words[1]);
    fn->lines = s->counts[INTERP_SECTION_LINES];
    s->code[s->counts[INTERP_SECTION_CODE]++] =
        INTERP_HEADER(fn->regs, fn->refs, type->refs, type->count - type->refs);
    fn->code = s->counts[INTERP_SECTION_CODE];
    s->labels.count = s->fixes_count = 0;
    put_number(s, 0); /* no file */
    s->noted_at = fn->code;
    s->noted_line = 0;
    return true;
}

static void add_head(struct asm_state *s, uint32_t at)
{
    s->heads[s->counts[INTERP_SECTION_HEADS]++] = at - s->open->code;
    s->open->heads_count++;
}

static bool close_function(struct asm_state *s)
{
    for (uint32_t i = 0; i < s->fixes_count; i++) {
        const struct asm_fix *fix = &s->fixes[i];
        const struct asm_name *label = find(&s->labels, fix->label);
        if (!label)
            return fail(s, "no such label", fix->label);
        uint32_t distance = fix->is_back ? fix->base - label->value : label->value - fix->base;
        if (fix->bits < 32 && distance >> fix->bits)
            return fail(s, "too far", fix->label);
        s->code[fix->word] |= distance << fix->shift;
        if (fix->is_back)
            add_head(s, label->value);
    }
    s->open->code_words = s->counts[INTERP_SECTION_CODE] - s->open->code;
    put_number(s, 0);
    put_number(s, 0);
    s->open = NULL;
    return true;
}

/* ---- instructions ------------------------------------------------------------------------ */

struct cursor {
    uint32_t at;    /* word of the line */
    uint32_t in;    /* the instruction */
    uint32_t place; /* its index in the code */
    uint32_t fixes; /* the first of its fixes */
};

static struct vk_span take(struct asm_state *s, struct cursor *c)
{
    return c->at < s->words_count ? s->words[c->at++] : vk_span("", 0);
}

static uint32_t take_reg(struct asm_state *s, struct cursor *c)
{
    struct vk_span word = take(s, c);
    int64_t number = 0;
    if (is_word(word, "none"))
        return INTERP_RESULT_NONE;
    if (!to_number(word, &number))
        fail(s, "an operand is no number", word);
    return (uint32_t)number & 255;
}

static void add_fix(struct asm_state *s, struct cursor *c, uint32_t word, uint32_t shift, uint32_t bits)
{
    s->fixes[s->fixes_count++] =
        (struct asm_fix){.word = word, .shift = shift, .bits = bits, .label = take(s, c)};
}

static uint32_t take_constant(struct asm_state *s, struct cursor *c)
{
    struct vk_span word = take(s, c);
    const struct asm_name *let = find(&s->numbers, word);
    union {
        int64_t i;
        uint64_t u;
        double f;
    } value = {0};
    if (let)
        return let->value;
    if (!to_number(word, &value.i))
        value.f = to_float(word);
    s->constants[s->counts[INTERP_SECTION_CONSTANTS]] = value.u;
    return s->counts[INTERP_SECTION_CONSTANTS]++;
}

static uint32_t take_wide(struct asm_state *s, struct cursor *c, char letter)
{
    int64_t number = 0;
    switch (letter) {
    case 'k':
        return take_constant(s, c);
    case 't':
        return type_named(s, take(s, c));
    case 'f':
        return look_up(s, &s->functions, take(s, c), "no such function");
    case 'v':
        return look_up(s, &s->natives, take(s, c), "no such native");
    case 'q':
        return look_up(s, &s->data, take(s, c), "no such datum");
    case 'i':
        (void)to_number(take(s, c), &number);
        return (uint32_t)number & 0xffff;
    default: /* a count: of what remains */
        return s->words_count - c->at;
    }
}

static void take_operands(struct asm_state *s, struct cursor *c, const struct op *op)
{
    for (uint32_t i = 0; i < 3; i++) {
        char letter = op->operands[i];
        bool is_wide = i == 1 && op->operands[2] == letter && letter != 's' && letter != 'R' && letter != 'n';
        if (letter == '-' || (letter == 'u' && i == 1 && op->operands[0] == 'u'))
            continue;
        if (letter == 'j') {
            add_fix(s, c, c->place, 8 + 8 * i, 24 - 8 * i);
            return;
        }
        if (is_wide) {
            c->in |= take_wide(s, c, letter) << 16;
            return;
        }
        c->in |= take_reg(s, c) << (8 + 8 * i);
    }
}

static void put_list(struct asm_state *s, struct cursor *c)
{
    for (uint32_t i = 0; c->at < s->words_count; i++) {
        if (i % 4 == 0)
            s->code[s->counts[INTERP_SECTION_CODE]++] = 0;
        s->code[s->counts[INTERP_SECTION_CODE] - 1] |= take_reg(s, c) << i % 4 * 8;
    }
}

static void put_labels(struct asm_state *s, struct cursor *c)
{
    for (uint32_t i = 0; c->at < s->words_count; i++) {
        if (i % 2 == 0)
            s->code[s->counts[INTERP_SECTION_CODE]++] = 0;
        add_fix(s, c, s->counts[INTERP_SECTION_CODE] - 1, i % 2 * 16, 16);
    }
}

static void put_words(struct asm_state *s, struct cursor *c, const struct op *op)
{
    const char *more = op->effects;
    while (*more && *more != '+')
        more++;
    if (!*more)
        return;
    if (more[1] == 'l')
        put_list(s, c);
    else if (more[1] == 's')
        put_labels(s, c);
    else if (more[1] == '1')
        s->code[s->counts[INTERP_SECTION_CODE]++] = take_wide(s, c, 'i');
    else
        s->code[s->counts[INTERP_SECTION_CODE]++] =
            c->at < s->words_count ? take_reg(s, c) : INTERP_RESULT_NONE;
}

static bool add_instruction(struct asm_state *s)
{
    uint32_t number = 0;
    while (number < INTERP_OP_END && !is_word(s->words[0], ops[number].name))
        number++;
    if (number == INTERP_OP_END)
        return fail(s, "no such instruction", s->words[0]);
    const struct op *op = &ops[number];
    struct cursor c = {
        .at = 1, .in = number, .place = s->counts[INTERP_SECTION_CODE], .fixes = s->fixes_count};
    note_line(s, c.place);
    s->code[s->counts[INTERP_SECTION_CODE]++] = 0;
    take_operands(s, &c, op);
    s->code[c.place] = c.in;
    put_words(s, &c, op);
    if (c.at < s->words_count)
        return fail(s, "too many operands", s->words[c.at]);
    for (uint32_t i = c.fixes; i < s->fixes_count; i++) {
        s->fixes[i].base = s->counts[INTERP_SECTION_CODE];
        s->fixes[i].is_back = number == INTERP_OP_JMPB || number == INTERP_OP_LOOP;
    }
    return true;
}

static bool add_code(struct asm_state *s)
{
    struct vk_span first = s->words[0];
    if (is_word(first, "end"))
        return close_function(s);
    if (first.ptr[first.len - 1] == ':') {
        define(&s->labels, vk_span(first.ptr, first.len - 1), s->counts[INTERP_SECTION_CODE]);
        return true;
    }
    return add_instruction(s);
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* 32-bit words of the SERVICES section. */
static bool add_services(struct asm_state *s)
{
    for (uint32_t i = 1; i < s->words_count; i++) {
        int64_t value;
        uint32_t *count = &s->counts[INTERP_SECTION_SERVICES];
        if (*count + 4 > sizeof s->services)
            return fail(s, "too many words of services", s->words[i]);
        if (!to_number(s->words[i], &value))
            value = look_up(s, &s->functions, s->words[i], "no such function");
        uint32_t word = (uint32_t)value;
        memcpy((uint8_t *)s->services + *count, &word, 4);
        *count += 4;
    }
    return true;
}

static bool add_item(struct asm_state *s)
{
    struct vk_span first = s->words[0];
    if (s->open)
        return add_code(s);
    if (is_word(first, "type"))
        return add_type(s);
    if (is_word(first, "data"))
        return add_data(s);
    if (is_word(first, "let"))
        return add_let(s);
    if (is_word(first, "func"))
        return open_function(s);
    if (is_word(first, "entry")) {
        s->entry = look_up(s, &s->functions, s->words[1], "no such function");
        return true;
    }
    if (is_word(first, "native") || is_word(first, "host")) {
        struct interp_import *native = &s->native[look_up(s, &s->natives, s->words[1], "no such native")];
        *native =
            (struct interp_import){.name = add_name(s, s->words[1]), .signature = type_named(s, s->words[2])};
        if (is_word(first, "host"))
            native->host = add_name(s, vk_span(s->words[3].ptr + 1, s->words[3].len - 2));
        return true;
    }
    if (is_word(first, "services"))
        return add_services(s);
    return fail(s, "no such item", first);
}

/* Names may be used before they are defined. */
static void gather_names(struct asm_state *s, struct vk_span text)
{
    s->rest = text;
    define(&s->types, text_of("int"), 0);
    while (next_line(s)) {
        struct vk_span first = s->words[0], name = s->words[1];
        if (s->words_count < 2)
            continue;
        if (is_word(first, "type"))
            define(&s->types, name, s->types.count);
        else if (is_word(first, "func"))
            define(&s->functions, name, s->functions.count);
        else if (is_word(first, "native") || is_word(first, "host"))
            define(&s->natives, name, s->natives.count);
    }
    s->counts[INTERP_SECTION_TYPES] = s->types.count;
    s->counts[INTERP_SECTION_FUNCTIONS] = s->functions.count;
    s->counts[INTERP_SECTION_NATIVES] = s->natives.count;
    s->counts[INTERP_SECTION_NAMES] = 1;
    s->counts[INTERP_SECTION_DATA] = 8;
    s->entry = 0xffffffffu;
    s->rest = text;
    s->line = 0;
}

static size_t write_file(struct asm_state *s, uint8_t *memory, size_t memory_bytes)
{
    const struct {
        const void *from;
        size_t element_bytes;
    } sections[INTERP_SECTION_END] = {
        [INTERP_SECTION_TYPES] = {s->type, sizeof s->type[0]},
        [INTERP_SECTION_TYPE_WORDS] = {s->type_words, 2},
        [INTERP_SECTION_FUNCTIONS] = {s->function, sizeof s->function[0]},
        [INTERP_SECTION_REG_TYPES] = {s->reg_types, 2},
        [INTERP_SECTION_HEADS] = {s->heads, 4},
        [INTERP_SECTION_CODE] = {s->code, 4},
        [INTERP_SECTION_CONSTANTS] = {s->constants, 8},
        [INTERP_SECTION_DATA] = {s->data_words, 1},
        [INTERP_SECTION_REFS] = {s->refs, sizeof s->refs[0]},
        [INTERP_SECTION_NATIVES] = {s->native, sizeof s->native[0]},
        [INTERP_SECTION_NAMES] = {s->name_text, 1},
        [INTERP_SECTION_LINES] = {s->lines, 1},
        [INTERP_SECTION_SERVICES] = {s->services, 1},
    };
    struct interp_header header = {
        .magic = INTERP_MAGIC, .version = INTERP_FORMAT_VERSION, .entry = s->entry};
    size_t at = sizeof header;
    for (uint32_t i = 0; i < INTERP_SECTION_END; i++) {
        size_t bytes = s->counts[i] * sections[i].element_bytes;
        if (at + bytes + 8 > memory_bytes)
            return 0;
        vk_copy(memory + at, sections[i].from, bytes);
        header.sections[i] = (struct interp_span){(uint32_t)at, (uint32_t)bytes};
        memset(memory + at + bytes, 0, 8 - bytes % 8);
        at = VK_ALIGN_UP(at + bytes, (size_t)8);
    }
    header.bytes = (uint32_t)at;
    memcpy(memory, &header, sizeof header);
    asm_seal(memory);
    return at;
}

void asm_seal(void *memory)
{
    struct interp_header *header = memory;
    header->checksum = interp_module_checksum(header + 1, header->bytes - sizeof *header);
}

size_t asm_module(struct asm_state *state, const char *text, void *memory, size_t memory_bytes)
{
    memset(state, 0, sizeof *state);
    gather_names(state, text_of(text));
    while (next_line(state))
        if (!add_item(state) || state->error[0])
            return 0;
    if (state->open) {
        fail(state, "a function without end", vk_span("", 0));
        return 0;
    }
    return write_file(state, memory, memory_bytes);
}
