/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: signatures of functions of the host are read as docs/language.md has
 * them, and nothing else is. Method: tables of texts; every text with each of
 * its bytes left out is read, and taken for what it was in no case.
 */
#include "interp/signature.h"
#include "tests/unit/test.h"

static struct interp_signature read_good(const char *text)
{
    struct interp_signature signature;
    if (!interp_signature_read(vk_span_text(text), &signature))
        test_fail(text, "is refused", "");
    return signature;
}

TEST(interp_signature, good_ones)
{
    struct interp_signature s = read_good("fn(Int, Float, Bool, Duration, Str, Bytes) -> Float");
    CHECK(s.count == 6 && s.result == INTERP_HOST_FLOAT);
    for (uint8_t i = 0; i < 6; i++)
        CHECK(s.params[i] == i);
    s = read_good("fn()");
    CHECK(s.count == 0 && s.result == INTERP_HOST_NIL);
    s = read_good("fn(Str?, List<Bytes>) -> List<Int>");
    CHECK(s.params[0] == (INTERP_HOST_STR | INTERP_HOST_OPTION));
    CHECK(s.params[1] == (INTERP_HOST_BYTES | INTERP_HOST_LIST));
    CHECK(s.result == (INTERP_HOST_INT | INTERP_HOST_LIST));
    s = read_good("fn() -> Result<Bool?, Str>");
    CHECK(s.result == (INTERP_HOST_BOOL | INTERP_HOST_OPTION | INTERP_HOST_RESULT));
    CHECK(INTERP_HOST_WITHIN(s.result) == (INTERP_HOST_BOOL | INTERP_HOST_OPTION));
    CHECK(read_good("fn() -> Result<Nil, Str>").result == (INTERP_HOST_NIL | INTERP_HOST_RESULT));
    s = read_good("fn(Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int)");
    CHECK(s.count == INTERP_HOST_PARAMS_MAX);
}

TEST(interp_signature, blanks_do_not_matter)
{
    struct interp_signature a = read_good("fn(Str?, Int) -> Result<List<Str>, Str>");
    struct interp_signature b = read_good(" fn ( Str ? ,Int )->Result < List<Str> , Str > ");
    CHECK(interp_signature_is_equal(&a, &b));
    a = read_good("fn() -> Nil");
    b = read_good("fn()");
    CHECK(interp_signature_is_equal(&a, &b));
    a = read_good("fn(Int, Float)");
    b = read_good("fn(Float, Int)");
    CHECK(!interp_signature_is_equal(&a, &b));
}

TEST(interp_signature, bad_ones)
{
    static const char *const bad[] = {
        "",
        "fn",
        "fn(",
        "fn)",
        "(Int)",
        "fnInt",
        "func(Int)",
        "fn(Int",
        "fn(Int,)",
        "fn(,Int)",
        "fn(Int) ->",
        "fn(Int) > Int",
        "fn(Int) -> Int x",
        "fn(Ints)",
        "fn(int)",
        "fn(x: Int)",
        "fn(Nil)",
        "fn(Nil?)",
        "fn() -> Nil?",
        "fn() -> List<Nil>",
        "fn(List<Int>?)",
        "fn(List<Int?>)",
        "fn(List<List<Int>>)",
        "fn(Int? ?)",
        "fn(List)",
        "fn(List<Int)",
        "fn(Map<Str, Int>)",
        "fn(Result<Int, Str>)",
        "fn() -> Result<Int>",
        "fn() -> Result<Int, Int>",
        "fn() -> Result<Int, Str>?",
        "fn() -> Result<Result<Int, Str>, Str>",
        "fn() -> Never",
        "fn(fn() -> Int)",
        "fn(Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int,Int)"};
    struct interp_signature signature;
    for (size_t i = 0; i < VK_COUNT(bad); i++)
        if (interp_signature_read(vk_span_text(bad[i]), &signature))
            test_fail(bad[i], "is accepted", "");
}

TEST(interp_signature, a_byte_less_is_another)
{
    static const char text[] = "fn(Str?,List<Int>)->Result<List<Str>,Str>";
    struct interp_signature whole = read_good(text), part;
    uint8_t less[sizeof text];
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        memcpy(less, text, i);
        memcpy(less + i, text + i + 1, sizeof text - 2 - i);
        if (interp_signature_read(vk_span(less, sizeof text - 2), &part))
            CHECK(!interp_signature_is_equal(&whole, &part));
    }
}
