/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: bytes become the tokens that section 1 of docs/language.md says, and
 * newlines end statements where it says. Method: sources of a line or two, and
 * the kinds expected; every prefix of a text with every form, for what only a
 * sanitizer sees.
 */
#include "compiler/lex.h"

#include "tests/unit/test.h"

static struct vkc_program program;
static struct vkc_tokens tokens;

static void lex(const char *text, size_t len)
{
    vkc_program_init(&program);
    const struct vkc_source *source = vkc_source_add(&program.sources, "t.vk", text, len);
    CHECK(source != NULL);
    vkc_lex(&program, source, &tokens);
}

/* The kinds of a source's tokens, END left out, and how many errors it has. */
static void check_kinds(const char *text, uint32_t errors, const enum vkc_token_kind *kinds, uint32_t count)
{
    lex(text, strlen(text));
    CHECK_EQ(program.diags.errors, errors);
    CHECK_EQ(tokens.count, count + 1);
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(tokens.all[i].kind, kinds[i]);
    CHECK_EQ(tokens.all[count].kind, VKC_TOKEN_END);
    vkc_program_fini(&program);
}

#define KINDS(text, errors, ...)                                       \
    do {                                                               \
        static const enum vkc_token_kind wanted[] = {__VA_ARGS__};     \
        check_kinds(text, errors, wanted, (uint32_t)VK_COUNT(wanted)); \
    } while (0)

TEST(lex, numbers_are_told_apart_by_point_exponent_and_suffix)
{
    KINDS("1 10_000 0xff 0b10", 0, VKC_TOKEN_INT, VKC_TOKEN_INT, VKC_TOKEN_INT, VKC_TOKEN_INT);
    KINDS("0.5 0e9 6.02e+23 1E-3", 0, VKC_TOKEN_FLOAT, VKC_TOKEN_FLOAT, VKC_TOKEN_FLOAT, VKC_TOKEN_FLOAT);
    KINDS("1ns 1us 1ms 1s 1min 1h", 0, VKC_TOKEN_DURATION, VKC_TOKEN_DURATION, VKC_TOKEN_DURATION,
          VKC_TOKEN_DURATION, VKC_TOKEN_DURATION, VKC_TOKEN_DURATION);
    KINDS("64k 1m", 0, VKC_TOKEN_SIZE, VKC_TOKEN_SIZE);
    KINDS("0..10 1.max", 0, VKC_TOKEN_INT, VKC_TOKEN_DOTDOT, VKC_TOKEN_INT, VKC_TOKEN_INT, VKC_TOKEN_DOT,
          VKC_TOKEN_NAME);
    KINDS("1x 0_1 1_ 2e", 4, VKC_TOKEN_BAD, VKC_TOKEN_BAD, VKC_TOKEN_BAD, VKC_TOKEN_BAD);
}

TEST(lex, words_and_the_longest_punctuation)
{
    KINDS("on once _ _a b", 0, VKC_TOKEN_ON, VKC_TOKEN_NAME, VKC_TOKEN_UNDERSCORE, VKC_TOKEN_NAME,
          VKC_TOKEN_NAME);
    KINDS("<<=?? =>->...", 0, VKC_TOKEN_SHL, VKC_TOKEN_ASSIGN, VKC_TOKEN_COALESCE, VKC_TOKEN_FAT_ARROW,
          VKC_TOKEN_ARROW, VKC_TOKEN_DOTDOT, VKC_TOKEN_DOT);
    KINDS("a>>b", 0, VKC_TOKEN_NAME, VKC_TOKEN_GT, VKC_TOKEN_GT, VKC_TOKEN_NAME);
}

TEST(lex, interpolations_nest)
{
    KINDS("\"a{b}c{\"d{e}\"}\" f", 0, VKC_TOKEN_STR_HEAD, VKC_TOKEN_NAME, VKC_TOKEN_STR_MID,
          VKC_TOKEN_STR_HEAD, VKC_TOKEN_NAME, VKC_TOKEN_STR_TAIL, VKC_TOKEN_STR_TAIL, VKC_TOKEN_NAME);
    KINDS("\"{ {1: 2} }\"", 0, VKC_TOKEN_STR_HEAD, VKC_TOKEN_LBRACE, VKC_TOKEN_INT, VKC_TOKEN_COLON,
          VKC_TOKEN_INT, VKC_TOKEN_RBRACE, VKC_TOKEN_STR_TAIL);
    KINDS("\"\\{ \\u{41} \\\"\" b\"\\\"{\"", 0, VKC_TOKEN_STR, VKC_TOKEN_BYTES);
    KINDS("\"\"\"\n \"a\" {b\n}\n \"\"\"", 0, VKC_TOKEN_STR_HEAD, VKC_TOKEN_NAME, VKC_TOKEN_STR_TAIL);
    KINDS("\"open\nx", 1, VKC_TOKEN_BAD, VKC_TOKEN_NAME);
    KINDS("\"a{\"b{c\nx", 1, VKC_TOKEN_STR_HEAD, VKC_TOKEN_STR_HEAD, VKC_TOKEN_NAME, VKC_TOKEN_BAD,
          VKC_TOKEN_NAME);
}

/* Whether the newline before the last token ends a statement. */
static bool is_break(const char *text)
{
    lex(text, strlen(text));
    bool is_it = (tokens.all[tokens.count - 2].flags & VKC_FLAG_BREAK) != 0;
    CHECK((tokens.all[tokens.count - 2].flags & VKC_FLAG_NEWLINE) != 0);
    vkc_program_fini(&program);
    return is_it;
}

TEST(lex, newlines_end_statements_where_the_reference_says)
{
    static const char *const ends[] = {"a\nb", "a?\nb",       "a)\nb",  "a\n-",     "a\n|",
                                       "a\n[", "a // c\n\nb", "a\r\nb", "return\na"};
    static const char *const goes_on[] = {
        "a +\nb", "a,\nb", "a =\nb", "a =>\nb", "a ->\nb", "a:\nb", "a.\nb", "(\nb",   "{\nb",      "a\n.",
        "a\n??",  "a\n&&", "a\n||",  "a\nelse", "a\n}",    "a\n]",  "a\n)",  "a |\nb", "a\n// c\n."};
    for (size_t i = 0; i < VK_COUNT(ends); i++)
        CHECK(is_break(ends[i]));
    for (size_t i = 0; i < VK_COUNT(goes_on); i++)
        CHECK(!is_break(goes_on[i]));
}

TEST(lex, comments_stand_aside_before_their_token)
{
    lex("// a\nx // b  \n/// c\n//// d\ny", 28);
    CHECK_EQ(tokens.comments_count, 4);
    CHECK_EQ(tokens.comments[0].before, 0);
    CHECK_EQ(tokens.comments[1].before, 1);
    CHECK_EQ(tokens.comments[1].end - tokens.comments[1].start, 4);
    CHECK(!tokens.comments[1].is_doc && tokens.comments[2].is_doc && !tokens.comments[3].is_doc);
    vkc_program_fini(&program);
}

TEST(lex, values_of_numbers_at_their_limits)
{
    uint64_t value;
    int64_t ns;
    double real;
    CHECK(vkc_literal_int("9223372036854775808", 19, &value));
    CHECK(value == UINT64_C(1) << 63);
    CHECK(!vkc_literal_int("9223372036854775809", 19, &value));
    CHECK(vkc_literal_int("0x8000_0000_0000_0000", 21, &value) && value == UINT64_C(1) << 63);
    CHECK(!vkc_literal_int("0x8000000000000001", 18, &value));
    CHECK(vkc_literal_duration("9223372036s", 11, &ns) && ns == INT64_C(9223372036000000000));
    CHECK(!vkc_literal_duration("9223372037s", 11, &ns));
    CHECK(vkc_literal_duration("9223372036854775807ns", 21, &ns) && ns == INT64_MAX);
    CHECK(!vkc_literal_duration("9223372036854775808ns", 21, &ns));
    CHECK(vkc_literal_size("64k", 3, &value) && value == 65536);
    CHECK(vkc_literal_float("1_0.5e1", 7, &real) && real > 104.9 && real < 105.1);
    CHECK(!vkc_literal_float("1e309", 5, &real));
}

TEST(lex, every_prefix_of_every_form_is_taken)
{
    static const char text[] = "let a = \"x{b[\"y\"]}\\u{41}\" + b\"\\xff\" // c\n\"\"\"\n  {d}\n  "
                               "\"\"\"\n0x1f_f 1.5e+3 10ms ?? 'q' ;#\n/* */ \xc3\xa9";
    for (size_t len = 0; len <= sizeof text - 1; len++) {
        lex(text, len);
        CHECK_EQ(tokens.all[tokens.count - 1].kind, VKC_TOKEN_END);
        vkc_program_fini(&program);
    }
}
