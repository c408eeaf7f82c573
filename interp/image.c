/* SPDX-License-Identifier: Apache-2.0 */
/* Laying out a verified module, and finding things in it for reports. */
#include "interp/image.h"

#include "interp/json_codec.h"
#include "vk/err.h"

/* Behind the last object, so that a clamped offset plus any field is readable. */
#define DATA_SLACK_BYTES 2048u

static uint32_t room_for(uint64_t bytes)
{
    uint32_t room = 64;
    while (room < bytes)
        room *= 2;
    return room;
}

/* Offset 0 is no object, so values begin at 8 at least. */
static uint32_t data_bytes(const struct interp_module *m)
{
    uint32_t bytes = m->counts[INTERP_SECTION_DATA];
    return bytes < 8 ? 8 : bytes;
}

struct layout {
    size_t code, calls, types, type_words, functions, constants, refs, natives, hosts, data, bytes;
    uint32_t data_room; /* a power of two */
};

static size_t place(size_t *at, size_t bytes)
{
    size_t begin = *at;
    *at = VK_ALIGN_UP(begin + bytes, (size_t)64);
    return begin;
}

static struct layout lay_out(const struct interp_module *m, uint32_t lets_bytes)
{
    const uint32_t *n = m->counts;
    struct layout l;
    size_t at = 0;
    l.code = place(&at, n[INTERP_SECTION_CODE] * sizeof(uint32_t));
    l.calls = place(&at, n[INTERP_SECTION_FUNCTIONS] * sizeof(uint32_t *));
    l.types = place(&at, n[INTERP_SECTION_TYPES] * sizeof(struct interp_type));
    l.type_words = place(&at, n[INTERP_SECTION_TYPE_WORDS] * sizeof(uint16_t));
    l.functions = place(&at, n[INTERP_SECTION_FUNCTIONS] * sizeof(struct interp_function));
    l.constants = place(&at, n[INTERP_SECTION_CONSTANTS] * sizeof(uint64_t));
    l.refs = place(&at, n[INTERP_SECTION_REFS] * sizeof(uint32_t));
    l.natives = place(&at, n[INTERP_SECTION_NATIVES] * sizeof(struct interp_link));
    l.hosts = place(&at, interp_host_count(m) * sizeof(struct interp_host_link));
    l.data_room = room_for((uint64_t)data_bytes(m) + lets_bytes);
    l.data = place(&at, (size_t)l.data_room + DATA_SLACK_BYTES);
    l.bytes = at;
    return l;
}

size_t interp_image_bytes(const struct interp_module *module, uint32_t lets_bytes)
{
    return lay_out(module, lets_bytes).bytes;
}

size_t interp_image_used_bytes(const struct interp_image *image, const void *memory)
{
    return (size_t)(image->data - (const uint8_t *)memory) + image->data_mask + 1 + DATA_SLACK_BYTES;
}

/* ---- natives ------------------------------------------------------------------ */

static bool is_of(const struct interp_module *m, uint16_t type, uint8_t kind, uint8_t element)
{
    const struct interp_type *t = &m->types[type];
    return t->kind == kind && (element == 0 || m->types[t->of].kind == element);
}

static bool letter_fits(const struct interp_module *m, char letter, uint16_t type)
{
    if (letter == '-')
        return type == INTERP_TYPE_NONE;
    if (letter == 'r')
        return true;
    if (type == INTERP_TYPE_NONE)
        return false;
    switch (letter) {
    case 'i':
        return type == 0;
    case 'S':
        return is_of(m, type, INTERP_KIND_STR, 0);
    case 'B':
        return is_of(m, type, INTERP_KIND_BYTES, 0);
    case 'O':
        return is_of(m, type, INTERP_KIND_OPT, INTERP_KIND_STR);
    case 'P':
        return is_of(m, type, INTERP_KIND_OPT, INTERP_KIND_BYTES);
    case 'L':
        return is_of(m, type, INTERP_KIND_LIST, INTERP_KIND_STR);
    case 'V':
        return m->types[type].kind == INTERP_KIND_LIST;
    case 'I':
        return m->types[type].kind == INTERP_KIND_LIST && m->types[type].of == 0;
    case 'T':
        return is_of(m, type, INTERP_KIND_LIST, INTERP_KIND_STR) ||
               is_of(m, type, INTERP_KIND_LIST, INTERP_KIND_BYTES);
    case 'H':
        return m->types[type].kind == INTERP_KIND_HANDLE && m->types[type].tag == INTERP_HANDLE_STREAM;
    case '*':
    case 'm':
        return type != 0;
    case 'n':
        return type == 0;
    case 'M':
        return is_of(m, type, INTERP_KIND_RECORD, 0);
    case 'A':
        return is_of(m, type, INTERP_KIND_HANDLE, 0) && m->types[type].tag == INTERP_HANDLE_ACTOR;
    case 'F':
        return is_of(m, type, INTERP_KIND_FIBER, 0);
    default:
        return false;
    }
}

static bool is_optional(char letter)
{
    return letter == 'M' || letter == 'm' || letter == 'n';
}

static bool signature_fits(const struct interp_module *m, const char *letters, const struct interp_type *fn)
{
    for (uint32_t i = 0; i < fn->count; i++, letters++) {
        uint16_t type = m->type_words[fn->first + i];
        while (is_optional(*letters) && !letter_fits(m, *letters, type))
            letters++;
        if (*letters == '>' || !letter_fits(m, *letters, type))
            return false;
    }
    while (is_optional(*letters))
        letters++;
    return letters[0] == '>' && letter_fits(m, letters[1], fn->of);
}

static bool is_named(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static const struct interp_native *find_native(const struct interp_image_options *options, const char *name)
{
    for (const struct interp_native *const *table = options->natives; table && *table; table++)
        for (const struct interp_native *native = *table; native->name; native++)
            if (is_named(native->name, name))
                return native;
    return NULL;
}

/* What carries out an import; NULL: why it cannot be. */
static interp_native_fn link_native(const struct interp_module *m, const struct interp_import *import,
                                    const struct interp_image_options *options, const char **ret_why)
{
    const struct interp_native *native = find_native(options, interp_module_name(m, import->name));
    *ret_why = "the module needs a native that this program does not have";
    if (!native)
        return NULL;
    *ret_why = "the module's native has another signature";
    return signature_fits(m, native->signature, &m->types[import->signature]) ? native->fn : NULL;
}

static int link_natives(const struct interp_module *m, struct interp_link *links,
                        struct interp_host_link *hosts, const struct interp_image_options *options,
                        struct interp_refusal *ret)
{
    for (uint32_t i = 0; i < m->counts[INTERP_SECTION_NATIVES]; i++) {
        const struct interp_import *import = &m->natives[i];
        const struct interp_type *fn = &m->types[import->signature];
        struct interp_host_link *host = import->host ? hosts++ : NULL;
        const char *why;
        interp_native_fn native = host ? interp_host_link(m, import, options->hosts, host, &why)
                                       : link_native(m, import, options, &why);
        if (!native) {
            *ret = (struct interp_refusal){why, INTERP_NOWHERE, i};
            return -VK_ENOENT;
        }
        links[i] =
            (struct interp_link){native, fn->of, (uint8_t)fn->refs, (uint8_t)(fn->count - fn->refs), host};
    }
    return 0;
}

/* ---- code ---------------------------------------------------------------------- */

/* What a call needs of its callee; the frame of one without registers still takes a result. */
static void fill_calls(const struct interp_module *m, uint32_t *code, const uint32_t **calls)
{
    for (uint32_t i = 0; i < m->counts[INTERP_SECTION_FUNCTIONS]; i++) {
        const struct interp_function *fn = &m->functions[i];
        uint32_t header = m->code[fn->code - 1], params = header >> 16 & 255;
        code[fn->code - 1] =
            INTERP_HEADER(fn->regs ? fn->regs : 1, params, (uint32_t)fn->refs - params, header >> 24);
        calls[i] = code + fn->code;
    }
}

/* Instructions whose operands need more than their register: here the tag a CAST asks for. */
static uint32_t words_behind(const struct interp_module *m, uint32_t in)
{
    static const char *const effects[INTERP_OP_END] = {
#define EFFECTS(name, operands, effects_) effects_,
        INTERP_OPS(EFFECTS)
#undef EFFECTS
    };
    uint32_t op = in & 255, wide = in >> 16;
    const char *text = effects[op];
    while (*text && *text != '+')
        text++;
    if (!*text)
        return 0;
    if (text[1] == 's')
        return (wide + 1) / 2;
    if (text[1] != 'l')
        return 1;
    return ((op == INTERP_OP_SCAT ? wide : m->types[wide].count) + 3u) / 4;
}

static void patch_casts(const struct interp_module *m, uint32_t *code)
{
    for (uint32_t i = 0; i < m->counts[INTERP_SECTION_FUNCTIONS]; i++) {
        const struct interp_function *fn = &m->functions[i];
        for (uint32_t at = fn->code; at < fn->code + fn->code_words;) {
            uint32_t in = m->code[at];
            if ((in & 255) == INTERP_OP_CAST) {
                uint16_t type = m->reg_types[fn->reg_types + (in >> 8 & 255)];
                code[at] = in | (uint32_t)m->types[type].tag << 24;
            }
            at += 1 + words_behind(m, in);
        }
    }
}

/* ---- constants ------------------------------------------------------------------ */

/* Which Bytes may be codecs; a native is given no other as one. */
static void mark_codecs(const struct interp_module *m, uint8_t *data)
{
    struct json_codec codec;
    for (uint64_t off = 8; off < m->counts[INTERP_SECTION_DATA];) {
        struct interp_object *object = (void *)(data + off);
        const struct interp_type *type = &m->types[object->type];
        struct vk_span bytes = vk_span(object + 1, object->count);
        if (type->kind == INTERP_KIND_BYTES && json_codec_open(&codec, bytes) && json_codec_is_text(&codec))
            object->flags |= INTERP_OBJECT_CODEC;
        off += interp_typed_bytes(type, object);
    }
}

static uint16_t find_kind(const struct interp_module *m, enum interp_kind kind)
{
    for (uint32_t i = 1; i < m->counts[INTERP_SECTION_TYPES]; i++)
        if (m->types[i].kind == kind)
            return (uint16_t)i;
    return 0;
}

static void copy_section(void *dst, const void *src, uint32_t count, size_t element_bytes)
{
    vk_copy(dst, src, count * element_bytes);
}

int interp_image_init(struct interp_image *image, const struct interp_module *module, void *memory,
                      const struct interp_image_options *options, struct interp_refusal *ret_refusal)
{
    const struct interp_module *m = module;
    const uint32_t *n = m->counts;
    struct layout l = lay_out(m, options->lets_bytes);
    uint8_t *base = memory;
    int rc = link_natives(m, (void *)(base + l.natives), (void *)(base + l.hosts), options, ret_refusal);
    if (rc)
        return rc;
    copy_section(base + l.code, m->code, n[INTERP_SECTION_CODE], 4);
    copy_section(base + l.types, m->types, n[INTERP_SECTION_TYPES], sizeof *m->types);
    copy_section(base + l.type_words, m->type_words, n[INTERP_SECTION_TYPE_WORDS], 2);
    copy_section(base + l.functions, m->functions, n[INTERP_SECTION_FUNCTIONS], sizeof *m->functions);
    copy_section(base + l.constants, m->constants, n[INTERP_SECTION_CONSTANTS], 8);
    copy_section(base + l.data, m->data, n[INTERP_SECTION_DATA], 1);
    mark_codecs(m, base + l.data);
    fill_calls(m, (void *)(base + l.code), (void *)(base + l.calls));
    patch_casts(m, (void *)(base + l.code));
    for (uint32_t i = 0; i < n[INTERP_SECTION_REFS]; i++)
        ((uint32_t *)(void *)(base + l.refs))[i] =
            m->refs[i].late ? INTERP_REF_UNSET : m->refs[i].offset | INTERP_REF_IMAGE;
    *image = (struct interp_image){
        .code = (void *)(base + l.code),
        .calls = (void *)(base + l.calls),
        .types = (void *)(base + l.types),
        .type_words = (void *)(base + l.type_words),
        .functions = (void *)(base + l.functions),
        .constants = (void *)(base + l.constants),
        .refs = (void *)(base + l.refs),
        .natives = (void *)(base + l.natives),
        .data = base + l.data,
        .data_mask = l.data_room - 1,
        .data_bytes = data_bytes(m),
        .functions_count = n[INTERP_SECTION_FUNCTIONS],
        .types_count = n[INTERP_SECTION_TYPES],
        .str_type = find_kind(m, INTERP_KIND_STR),
        .bytes_type = find_kind(m, INTERP_KIND_BYTES),
        .entry = m->header->entry,
        .hash_key = options->hash_key,
        .module = *m,
    };
    return 0;
}

void interp_image_close(struct interp_image *image)
{
    image->data_mask = room_for(image->data_bytes) - 1;
}

/* ---- reports ---------------------------------------------------------------------- */

uint32_t interp_image_function_at(const struct interp_image *image, uint32_t at)
{
    uint32_t lo = 0, hi = image->functions_count;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (image->functions[mid].code <= at)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* The table: unsigned LEB128, the file's name; pairs, instructions and lines since the pair before; 0 0. */
static uint32_t take_number(const struct interp_module *m, uint32_t *at)
{
    uint32_t value = 0, end = m->counts[INTERP_SECTION_LINES];
    for (uint32_t shift = 0; shift < 32 && *at < end; shift += 7) {
        uint8_t byte = m->lines[(*at)++];
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

struct interp_place interp_image_place(const struct interp_image *image, uint32_t at)
{
    const struct interp_function *fn = &image->functions[interp_image_function_at(image, at)];
    uint32_t pos = fn->lines, pc = fn->code, line = 0, file = take_number(&image->module, &pos);
    while (pos < image->module.counts[INTERP_SECTION_LINES]) {
        uint32_t step = take_number(&image->module, &pos), lines = take_number(&image->module, &pos);
        if ((step == 0 && lines == 0) || step > at - pc)
            break;
        pc += step;
        line += lines >> 1 ^ (0 - (lines & 1)); /* zigzag: lines may go back */
    }
    return (struct interp_place){.function = interp_module_name(&image->module, fn->name),
                                 .file = interp_module_name(&image->module, file),
                                 .line = line};
}

uint32_t interp_image_find(const struct interp_image *image, struct vk_span name)
{
    for (uint32_t i = 0; i < image->functions_count; i++) {
        if (vk_span_equal(vk_span_text(interp_module_name(&image->module, image->functions[i].name)), name))
            return i;
    }
    return INTERP_NOWHERE;
}
