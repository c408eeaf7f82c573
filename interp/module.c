/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a module file: sizes, sections and checksum. Source of the
 * checksum: Fowler, Noll, Vo, "FNV-1a", on words instead of bytes.
 */
#include "interp/module.h"

#include "vk/err.h"

static const uint8_t element_bytes[INTERP_SECTION_END] = {
    [INTERP_SECTION_TYPES] = sizeof(struct interp_type),
    [INTERP_SECTION_TYPE_WORDS] = 2,
    [INTERP_SECTION_FUNCTIONS] = sizeof(struct interp_function),
    [INTERP_SECTION_REG_TYPES] = 2,
    [INTERP_SECTION_HEADS] = 4,
    [INTERP_SECTION_CODE] = 4,
    [INTERP_SECTION_CONSTANTS] = 8,
    [INTERP_SECTION_DATA] = 1,
    [INTERP_SECTION_REFS] = sizeof(struct interp_ref),
    [INTERP_SECTION_NATIVES] = sizeof(struct interp_import),
    [INTERP_SECTION_NAMES] = 1,
    [INTERP_SECTION_LINES] = 1,
    [INTERP_SECTION_SERVICES] = 1,
};

uint64_t interp_module_checksum(const void *bytes, size_t len_bytes)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len_bytes; i += 8) {
        uint64_t word = 0;
        size_t n = len_bytes - i < 8 ? len_bytes - i : 8;
        memcpy(&word, (const uint8_t *)bytes + i, n);
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 29;
    }
    return sum;
}

const char *interp_module_name(const struct interp_module *module, uint32_t offset)
{
    return offset < module->counts[INTERP_SECTION_NAMES] ? module->names + offset : "?";
}

static int refuse(struct interp_refusal *ret, const char *why, uint32_t at)
{
    *ret = (struct interp_refusal){why, INTERP_NOWHERE, at};
    return -VK_EMALFORMED;
}

/* Sections lie behind the header in the order of their kinds, so they cannot overlap. */
static int check_sections(struct interp_module *m, const struct interp_header *h, struct interp_refusal *ret)
{
    uint64_t end = sizeof *h;
    for (uint32_t i = 0; i < INTERP_SECTION_END; i++) {
        const struct interp_span *span = &h->sections[i];
        if (span->offset % 8)
            return refuse(ret, "a section is not aligned to 8", i);
        if (span->offset < end)
            return refuse(ret, "sections overlap or are out of order", i);
        end = (uint64_t)span->offset + span->bytes;
        if (end > h->bytes)
            return refuse(ret, "a section reaches past the end of the file", i);
        if (span->bytes % element_bytes[i])
            return refuse(ret, "a section is no whole number of entries", i);
        m->counts[i] = span->bytes / element_bytes[i];
    }
    return 0;
}

static int check_names(const struct interp_module *m, struct interp_refusal *ret)
{
    uint32_t n = m->counts[INTERP_SECTION_NAMES];
    if (n == 0 || m->names[0] != 0 || m->names[n - 1] != 0)
        return refuse(ret, "the names do not begin and end with NUL", INTERP_SECTION_NAMES);
    return 0;
}

static const void *section(const uint8_t *bytes, uint32_t kind)
{
    return bytes + ((const struct interp_header *)(const void *)bytes)->sections[kind].offset;
}

int interp_module_open(struct interp_module *module, const void *bytes, size_t len_bytes,
                       struct interp_refusal *ret_refusal)
{
    const struct interp_header *h = bytes;
    struct interp_module m = {.header = h};
    vk_assert((uintptr_t)bytes % 8 == 0);
    if (len_bytes < sizeof *h)
        return refuse(ret_refusal, "the file is shorter than a header", 0);
    if (h->magic != INTERP_MAGIC)
        return refuse(ret_refusal, "this is no module file", 0);
    if (h->version != INTERP_FORMAT_VERSION)
        return refuse(ret_refusal, "the module has another format version; build it anew", h->version);
    if (h->bytes != len_bytes)
        return refuse(ret_refusal, "the file is cut short or has something behind it", h->bytes);
    int rc = check_sections(&m, h, ret_refusal);
    if (rc)
        return rc;
    if (h->checksum != interp_module_checksum(h + 1, len_bytes - sizeof *h))
        return refuse(ret_refusal, "wrong checksum: the file is damaged", 0);
    m.types = section(bytes, INTERP_SECTION_TYPES);
    m.type_words = section(bytes, INTERP_SECTION_TYPE_WORDS);
    m.functions = section(bytes, INTERP_SECTION_FUNCTIONS);
    m.reg_types = section(bytes, INTERP_SECTION_REG_TYPES);
    m.heads = section(bytes, INTERP_SECTION_HEADS);
    m.code = section(bytes, INTERP_SECTION_CODE);
    m.constants = section(bytes, INTERP_SECTION_CONSTANTS);
    m.data = section(bytes, INTERP_SECTION_DATA);
    m.refs = section(bytes, INTERP_SECTION_REFS);
    m.natives = section(bytes, INTERP_SECTION_NATIVES);
    m.names = section(bytes, INTERP_SECTION_NAMES);
    m.lines = section(bytes, INTERP_SECTION_LINES);
    m.services = section(bytes, INTERP_SECTION_SERVICES);
    *module = m;
    return check_names(module, ret_refusal);
}
