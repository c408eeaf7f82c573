/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with their suffixes: which kind they are, and that they are written as the language wants. */
#include "compiler/lex_impl.h"

static const char *const units[] = {"ns", "us", "ms", "s", "min", "h"};

static void skip_digits(struct vkc_lexer *lx)
{
    while (vkc_lexer_is_digit(lx->text[lx->at]) || lx->text[lx->at] == '_')
        lx->at++;
}

/* Whether an exponent begins here: e, a sign if any, a digit. */
static bool is_exponent(const char *text)
{
    if (text[0] != 'e' && text[0] != 'E')
        return false;
    return vkc_lexer_is_digit(text[1]) || ((text[1] == '+' || text[1] == '-') && vkc_lexer_is_digit(text[2]));
}

/* Whether every _ stands between two digits. */
static bool is_spaced_well(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '_')
            continue;
        if (i == 0 || i + 1 == len || text[i - 1] == '_' || text[i + 1] == '_' ||
            !vkc_lexer_is_word(text[i - 1]) || !vkc_lexer_is_word(text[i + 1]))
            return false;
    }
    return true;
}

static bool check_digits(struct vkc_lexer *lx, uint32_t start, uint32_t end, uint32_t digits)
{
    struct vkc_diags *diags = &lx->program->diags;
    if (!is_spaced_well(lx->text + digits, end - digits)) {
        vkc_error(diags, vkc_lexer_span(lx, start, end), "`_` stands between two digits of a number");
        return false;
    }
    if (digits == start && lx->text[start] == '0' && end - start > 1 && lx->text[start + 1] != '.' &&
        lx->text[start + 1] != 'e' && lx->text[start + 1] != 'E') {
        struct vkc_diag *diag =
            vkc_error(diags, vkc_lexer_span(lx, start, end), "a number has no leading zero");
        vkc_diag_help(diags, diag, "there are no octal numbers");
        return false;
    }
    return true;
}

/* 0x or 0b */
static void based(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    bool is_hex = lx->text[start + 1] == 'x';
    lx->at += 2;
    bool is_good = true;
    while (vkc_lexer_is_word(lx->text[lx->at])) {
        char c = lx->text[lx->at++];
        bool is_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        is_good &= c == '_' || c == '0' || c == '1' || (is_hex && (vkc_lexer_is_digit(c) || is_letter));
    }
    if (!is_good || lx->at == start + 2)
        vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, lx->at), "expected %s digits after `%s`",
                  is_hex ? "hexadecimal" : "binary", is_hex ? "0x" : "0b");
    else
        is_good = check_digits(lx, start, lx->at, start + 2);
    vkc_lexer_add(lx, is_good && lx->at > start + 2 ? VKC_TOKEN_INT : VKC_TOKEN_BAD, start, 0);
}

static bool is_unit(const char *text, size_t len)
{
    for (size_t i = 0; i < VK_COUNT(units); i++) {
        if (strlen(units[i]) == len && memcmp(units[i], text, len) == 0)
            return true;
    }
    return false;
}

static void bad_suffix(struct vkc_lexer *lx, uint32_t start, uint32_t suffix)
{
    struct vkc_diags *diags = &lx->program->diags;
    const char *text = lx->text + suffix;
    size_t len = lx->at - suffix;
    struct vkc_diag *diag = vkc_error(diags, vkc_lexer_span(lx, start, lx->at),
                                      "a number cannot end with `%.*s`", (int)(len < 20 ? len : 20), text);
    vkc_diag_help(diags, diag,
                  "a Duration is an Int and one of `ns us ms s min h`, a size an Int and `k` or `m`");
}

/* The kind that a suffix makes of a number; BAD, and reported, when it is none. */
static enum vkc_token_kind with_suffix(struct vkc_lexer *lx, uint32_t start, uint32_t suffix, bool is_float)
{
    const char *text = lx->text + suffix;
    size_t len = lx->at - suffix;
    if (len == 0)
        return is_float ? VKC_TOKEN_FLOAT : VKC_TOKEN_INT;
    if (is_float && is_unit(text, len)) {
        vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, lx->at),
                  "a Duration's number is an Int: use a smaller unit, as in `1500ms`");
        return VKC_TOKEN_BAD;
    }
    if (!is_float && is_unit(text, len))
        return VKC_TOKEN_DURATION;
    if (!is_float && len == 1 && (text[0] == 'k' || text[0] == 'm'))
        return VKC_TOKEN_SIZE;
    bad_suffix(lx, start, suffix);
    return VKC_TOKEN_BAD;
}

void vkc_lexer_number(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    bool is_float = false;
    if (lx->text[start] == '0' && (lx->text[start + 1] == 'x' || lx->text[start + 1] == 'b')) {
        based(lx);
        return;
    }
    skip_digits(lx);
    if (lx->text[lx->at] == '.' && vkc_lexer_is_digit(lx->text[lx->at + 1])) {
        is_float = true;
        lx->at++;
        skip_digits(lx);
    }
    if (is_exponent(lx->text + lx->at)) {
        is_float = true;
        lx->at += 2;
        skip_digits(lx);
    }
    uint32_t suffix = lx->at;
    while (vkc_lexer_is_word(lx->text[lx->at]))
        lx->at++;
    enum vkc_token_kind kind = with_suffix(lx, start, suffix, is_float);
    if (kind != VKC_TOKEN_BAD && !check_digits(lx, start, suffix, start))
        kind = VKC_TOKEN_BAD;
    vkc_lexer_add(lx, kind, start, 0);
}
