/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a source file. It is lexed and parsed, its messages printed; when it
 * has no errors it is formatted: the result has no errors either, the very
 * same tokens and comments, and formats to itself. Without a byte to spare
 * behind the text but its zero, a read past it is caught.
 */
#include "compiler/fmt.h"
#include "compiler/limits.h"

#include "tests/fuzz/fuzz.h"

struct parsed {
    struct vkc_program program;
    const struct vkc_module *module;
};

static bool parse(struct parsed *parsed, const char *text, size_t size)
{
    vkc_program_init(&parsed->program);
    struct vkc_source *source = vkc_source_add(&parsed->program.sources, "fuzz.vk", text, size);
    FUZZ_CHECK(source != NULL);
    parsed->module = vkc_program_parse(&parsed->program, source);
    return parsed->program.diags.errors == 0;
}

/* Texts are compared with CR LF as LF, as the formatter writes it. */
static void check_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t j = 0;
    for (size_t i = 0; i < a_len; i++) {
        if (a[i] == '\r')
            continue;
        FUZZ_CHECK(j < b_len && a[i] == b[j]);
        j++;
    }
    FUZZ_CHECK(j == b_len);
}

/* A text in three quotes is one piece to the formatter; inside an interpolation nothing changes either. */
static void check_tokens(const struct vkc_module *a, const struct vkc_module *b)
{
    FUZZ_CHECK(a->tokens.count == b->tokens.count && a->tokens.comments_count == b->tokens.comments_count);
    for (uint32_t i = 0; i < a->tokens.count; i++) {
        const struct vkc_token *x = &a->tokens.all[i], *y = &b->tokens.all[i];
        FUZZ_CHECK(x->kind == y->kind);
        check_same(a->source->text + x->start, x->end - x->start, b->source->text + y->start,
                   y->end - y->start);
    }
    for (uint32_t i = 0; i < a->tokens.comments_count; i++) {
        const struct vkc_comment *x = &a->tokens.comments[i], *y = &b->tokens.comments[i];
        FUZZ_CHECK(x->before == y->before && x->is_doc == y->is_doc);
        check_same(a->source->text + x->start, x->end - x->start, b->source->text + y->start,
                   y->end - y->start);
    }
}

static void check_formatted(const struct vkc_module *module)
{
    struct vkc_text once = {0}, twice = {0};
    struct parsed parsed;
    vkc_fmt(module, &once);
    if (once.len <= VKC_SOURCE_MAX_BYTES) {
        FUZZ_CHECK(parse(&parsed, once.bytes, once.len));
        check_tokens(module, parsed.module);
        vkc_fmt(parsed.module, &twice);
        check_same(once.bytes, once.len, twice.bytes, twice.len);
        vkc_program_fini(&parsed.program);
    }
    vkc_text_fini(&once);
    vkc_text_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parsed parsed;
    struct vkc_text messages = {0};
    if (size > VKC_SOURCE_MAX_BYTES)
        return 0;
    if (parse(&parsed, (const char *)data, size))
        check_formatted(parsed.module);
    vkc_diags_print(&parsed.program.diags, false, &messages);
    FUZZ_CHECK((messages.len > 0) == (parsed.program.diags.errors > 0));
    vkc_text_fini(&messages);
    vkc_program_fini(&parsed.program);
    return 0;
}
