/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the verifier refuses what breaks one of its rules, for that rule.
 * Method: a small wrong module for each, and the reason.
 */
#include "interp/verify_impl.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/fmt.h"

static struct vm vm;
static char text[8192];

struct wrong {
    const char *why;
    const char *what;
};

static bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void check_wrong(const char *head, const struct wrong *cases, size_t count, const char *tail)
{
    for (size_t i = 0; i < count; i++) {
        struct vk_out out;
        vk_out_init(&out, text, sizeof text - 1);
        vk_out_fmt(&out, "%s%s\n%s", head, cases[i].what, tail);
        CHECK(vk_out_status(&out) == 0);
        *out.at = 0;
        int rc = vm_assemble(&vm, text);
        if (rc)
            test_fail(cases[i].what, "does not assemble: ", vm.assembly.error);
        if (vm_open(&vm) != -VK_EMALFORMED)
            test_fail(cases[i].what, "is accepted: ", cases[i].why);
        if (!is_same(vm.refusal.why, cases[i].why))
            test_fail(cases[i].what, "is refused otherwise: ", vm.refusal.why);
    }
}

#define CLOSURE_FN "a closure's function does not take it and what its type takes"

TEST(interp_verify, types)
{
    static const struct wrong cases[] = {
        {"a second scalar type", "type A int"},
        {"a field of a type that does not exist", "type A record 99"},
        {"fields are not references first, then scalars", "type S str\ntype A record int S"},
        {"an enum lists something that is no variant", "type S str\ntype A enum S"},
        {"an enum's variant has another enum or tag", "type E enum A\ntype A variant E 1"},
        {"an enum's variant has another enum or tag", "type E enum A A\ntype A variant E 0"},
        {"a variant of no enum", "type S str\ntype A variant S 0"},
        {"a variant of no enum", "type R record int\ntype A variant R 0"},
        {"a variant of no enum", "type E enum A\ntype A variant E 0\ntype B variant E 1"},
        {"a variant of no enum", "type A variant 999 0"},
        {"a variant that its enum does not list", "type E enum A\ntype A variant E 0\ntype B variant E 0"},
        {"a closure of no function type", "type S str\ntype A env S 0"},
        {"a closure of a function that does not exist", "type F fn > int\ntype A env F 9"},
        {"a function's signature is no function type",
         "type S str\ntype F fn > int\ntype A env F main\nfunc main S 1\n RETS 0\nend"},
        {"a field of a type that does not exist",
         "type A env F main\ntype F fn 99 > int\nfunc main F 2\n RETS 1\nend"},
        {"a field of a type that does not exist",
         "type A env F main\ntype F fn > int\ntype I fn 99 > int\nfunc main I 2\n RETS 1\nend"},
        {"a field of a type that does not exist", "type F fn 99 > int"},
        {CLOSURE_FN, "type F fn > int\ntype A env F main\nfunc main F 1\n LDI 0 0\n RETS 0\nend"},
        {CLOSURE_FN, "type F fn int > int\ntype I fn int int > int\ntype A env F main\nfunc main I 2\n RETS "
                     "0\nend"},
        {CLOSURE_FN, "type S str\ntype F fn > int\ntype I fn A > S\ntype A env F main\nfunc main I 2\n RETS "
                     "1\nend"},
        {CLOSURE_FN, "type S str\ntype F fn > int\ntype I fn S > int\ntype A env F main\nfunc main I 2\n "
                     "RETS 1\nend"},
        {CLOSURE_FN, "type S str\ntype B bytes\ntype F fn S > int\ntype I fn A B > int\ntype A env F "
                     "main\nfunc main I 3\n RETS 2\nend"},
        {"a result of a type that does not exist", "type F fn > 99"},
        {"an element of a type that does not exist", "type L list 99"},
        {"a map's key is no scalar, Str or Bytes", "type L list int\ntype M map L int"},
        {"an OPT of something that is no plain reference", "type O opt int"},
        {"an OPT of something that is no plain reference", "type S str\ntype O opt S\ntype P opt O"},
        {"a second type for Str or Bytes", "type S str\ntype T str"},
        {"a native's signature is no function type", "type S str\nnative now S"},
        {"the entry takes parameters", "type F fn int > int\nentry main\nfunc main F 1\n RETS 0\nend"},
        {"the entry is no function", "entry 3"},
    };
    check_wrong("", cases, VK_COUNT(cases), "");
}

#define NO_FIT_RETR "what RETR gives does not fit the function's result"

TEST(interp_verify, functions)
{
    static const struct wrong cases[] = {
        {"a function's signature is no function type", "type S str\nfunc main S 1\n LDI 0 0\n RETS 0\nend"},
        {"a function has too few registers for its parameters",
         "type F fn int int > int\nfunc main F 1\n RETS 0\nend"},
        {"a function's code lies outside its section or overlaps another's",
         "type F fn > int\nfunc main F 1\nend"},
        {"a reference register of a type that does not exist",
         "type F fn > int\nfunc main F 2 99\n LDI 1 0\n RETS 1\nend"},
        {"a reference register of a type that does not exist",
         "type F fn > int\nfunc main F 2 int\n LDI 1 0\n RETS 1\nend"},
        {"the function's end can be reached", "type F fn > none\nfunc main F 1\n LDI 0 0\nend"},
        {"the closure has no place in the window",
         "type One fn int > int\ntype G fn One > int\nfunc call G 4\n CALLC 4 0\n RETS 3\nend"},
        {"an instruction reaches past the function's end",
         "type R record int\ntype F fn > none\nfunc main F 2 R\n LDI 1 0\n NEW 0 R\nend"},
        {"an instruction reaches past the function's end",
         "type R record int int int int int\ntype F fn > none\nfunc main F 7 R\n NEW 0 R\n RET\nend"},
        {"an instruction that is never reached", "type F fn > none\nfunc main F 1\n RET\n RET\nend"},
        {"RET in a function that gives something", "type F fn > int\nfunc main F 1\n RET\nend"},
        {"RETS in a function that gives no scalar",
         "type F fn > none\nfunc main F 1\n LDI 0 0\n RETS 0\nend"},
        {NO_FIT_RETR, "type S str\ntype F fn > int\nfunc main F 2 S\n LDI 1 0\n SITOA 0 1\n RETR 0\nend"},
        {NO_FIT_RETR, "type S str\ntype B bytes\ntype F fn > B\nfunc main F 2 S\n LDI 1 0\n SITOA 0 1\n RETR "
                      "0\nend"},
        {"the module has no type for strings",
         "type F fn > none\ntype L list int\nfunc main F 2 L\n LDI 1 0\n SITOA 0 1\n RET\nend"},
        {"the module has no type for strings",
         "type F fn > none\ntype L list int\nfunc main F 2 L\n LNEW 0 L 0\n SCAT 0 0 0\n RET\nend"},
        {"a native's result has no place in the window",
         "type F fn > int\nnative now F\nfunc main F 2\n CALLN 2 now\n LDI 0 0\n RETS 0\nend"},
    };
    check_wrong("", cases, VK_COUNT(cases), "");
}

/* Registers: 0 Str, 1 Pair, 2 Cell, 3 Ints, 4 Strs, 5 Map, 6 Shape, 7 Circle, 8 Maybe, 9 One, 10 Job, 11
 * Bytes, 12.. */
#define HEAD                                                                                              \
    "type Str str\ntype Bytes bytes\ntype F fn > int\ntype One fn int > int\ntype G fn Str int > Str\n"   \
    "type Pair record Str int\ntype Cell mutable Str int\ntype Ints list int\ntype Strs list Str\n"       \
    "type Map map Str int\ntype Shape enum Circle\ntype Circle variant Shape 0 int\ntype Maybe opt Str\n" \
    "type Job fiber int\ntype H fn > none\ndata hello str Str \"hello\"\ndata raw bytes Bytes \"raw\"\n"  \
    "type U fn Str > Str\nnative str.upper U\n"                                                           \
    "func one One 2\n RETS 0\nend\nfunc give G 3\n RETR 0\nend\nfunc none H 0\n RET\nend\n"               \
    "func main F 30 Str Pair Cell Ints Strs Map Shape Circle Maybe One Job Bytes\n LDI 12 0\n"
#define NO_SCALAR    "an operand is no scalar register"
#define NO_REF       "an operand is no reference register"
#define NO_VALUE     "a scalar register without a value is read"
#define NO_REF_YET   "a reference register without a value is read"
#define BAD_FIT      "the result does not fit the register's type"
#define OUT_OF_TABLE "an index past the end of its table"
#define STR          "LDQ 0 hello\n"
#define PAIR         STR "NEW 1 Pair 0 12\n"
#define CELL         STR "NEW 2 Cell 0 12\n"

TEST(interp_verify, operands)
{
    static const struct wrong cases[] = {
        {NO_SCALAR, "MOV 13 0"},
        {NO_SCALAR, "MOV 13 30"},
        {NO_VALUE, "MOV 13 14"},
        {"the result is no scalar register", "MOV 0 12"},
        {"the result is no scalar register", "MOV 40 12"},
        {NO_REF, "MOVR 0 12"},
        {NO_REF_YET, "MOVR 0 0"},
        {"the result is no register of the function", STR "MOVR 30 0"},
        {BAD_FIT, "LDQ 1 hello"},
        {BAD_FIT, "LDNIL 0"},
        {OUT_OF_TABLE, "LDQ 0 99"},
        {OUT_OF_TABLE, "LDQ 0 2"},
        {OUT_OF_TABLE, "LDQ 20 99"},
        {OUT_OF_TABLE, "NEW 1 99"},
        {OUT_OF_TABLE, "NEW 1 17"},
        {OUT_OF_TABLE, "LNEW 3 17"},
        {OUT_OF_TABLE, "CALLS 20 99"},
        {OUT_OF_TABLE, "CALLN 20 99"},
        {"the type cannot be made by this instruction", "NEW 3 Ints"},
        {"the type cannot be made by this instruction", "CLOSURE 1 Pair"},
        {"the type cannot be made by this instruction", "LNEW 1 Pair 0"},
        {"the type cannot be made by this instruction", "MNEW 3 Ints"},
        {"a branch past the function's end",
         "JT 12 far\n RETS 12\nend\nfunc other F 1\n LDI 0 0\nfar:\n RETS 0"},
        {"an unknown trap", "TRAP 99"},
        {"an unknown trap", "TRAP 0"},
        {"an unknown way to fail", STR "FAIL 0 2"},
    };
    /* The label of another function is none: this one case is made by hand below. */
    struct wrong fine[VK_COUNT(cases)];
    size_t count = 0;
    for (size_t i = 0; i < VK_COUNT(cases); i++)
        if (cases[i].what[0] != 'J')
            fine[count++] = cases[i];
    check_wrong(HEAD, fine, count, " RETS 12\nend\n");
}

TEST(interp_verify, objects)
{
    static const struct wrong cases[] = {
        {"the operand has no fields", STR "GETF 13 0 0"},
        {"no such field, or of the other kind", PAIR "GETF 13 1 0"},
        {"no such field, or of the other kind", PAIR "GETF 13 1 2"},
        {"no such field, or of the other kind", PAIR "GETR 0 1 1"},
        {"a field of something that is not mutable is written", PAIR "SETF 1 1 12"},
        {"no such field, or of the other kind", CELL "SETF 2 0 12"},
        {"the value does not fit the field", CELL "LDQ 11 raw\n SETR 2 0 11"},
        {"the value does not fit the field", "LDQ 11 raw\n NEW 1 Pair 11 12"},
        {NO_REF, STR "NEW 1 Pair 12 12"},
        {NO_SCALAR, STR "NEW 1 Pair 0 0"},
        {"the operand is no enum", STR "TAG 13 0"},
        {"the operand has no fields", STR "SETR 0 0 0"},
        {BAD_FIT, "NEW 7 Circle 12\n MOVR 1 7"},
        {"a CAST to something that is no variant of the operand", STR "CAST 7 0"},
        {"a CAST to something that is no variant of the operand", "NEW 6 Circle 12\n CAST 0 6"},
        {"the result of a CAST is in transit", "NEW 6 Circle 12\n CAST 20 6"},
        {BAD_FIT, "NEW 7 Circle 12\n MOVR 6 7\n MOVR 7 6"},
        {"the operand is no OPT", STR "SOME 0 0"},
        {"the operand is no OPT", STR "JNIL 0 x\nx:"},
        {"the operand is no Str", PAIR "FAIL 1 0"},
        {"the operand is no list", STR "LLEN 13 0"},
        {"the operand is no list", STR "LGET 13 0 12"},
        {"the operand is no list", STR "LPUSHR 0 0"},
        {"the list has elements of the other kind", "LNEW 4 Strs 0\n LGET 13 4 12"},
        {"the list has elements of the other kind", "LNEW 3 Ints 0\n LGETR 0 3 12"},
        {"the value does not fit the list", "LDQ 11 raw\n LNEW 4 Strs 0\n LPUSHR 4 11"},
        {"the operand is no list or map", STR "LOWN 0"},
        {"the operand is no map", STR "MLEN 13 0"},
        {"the value does not fit the map", "LDQ 11 raw\n MNEW 5 Map\n MSET 5 11 12"},
        {NO_REF, "MNEW 5 Map\n MFIND 13 5 12"},
        {NO_SCALAR, STR "MNEW 5 Map\n MSET 5 0 0"},
        {"the operands are not two Str or two Bytes", STR "LDQ 11 raw\n SEQ 13 0 11"},
        {"the operands are not two Str or two Bytes", PAIR "SLEN 13 1"},
        {"the operands are not all Str or all Bytes", STR "LDQ 11 raw\n SCAT 0 0 11"},
        {"the operands are not all Str or all Bytes", PAIR "SCAT 1 1 1"},
        {NO_REF_YET, STR "SCAT 0 0 11"},
        {"the operand is no fiber", STR "AWAITS 13 0"},
        {"the fiber's result is of the other kind", "LDI 20 0\n SPAWN 20 one 10\n AWAIT 0 10"},
        {"the fiber's result is of the other kind", "SPAWN 20 none 10"},
    };
    struct wrong fine[VK_COUNT(cases)];
    memcpy(fine, cases, sizeof cases);
    /* A fiber of a function that gives nothing does not fit a fiber of an Int. */
    fine[VK_COUNT(cases) - 1].why = BAD_FIT;
    check_wrong(HEAD, fine, VK_COUNT(fine), " RETS 12\nend\n");
}

TEST(interp_verify, calls)
{
    static const struct wrong cases[] = {
        {"the window does not lie above the references and a link", "CALLS 12 one"},
        {"the window does not lie above the references and a link", "CALLS 31 one"},
        {NO_VALUE, "CALLS 20 one"},
        {"an argument that is a reference is not in the window", "LDI 20 0\n CALL 30 give 0"},
        {"an argument that is a reference is not in the window", "CALLN 20 str.upper 0"},
        {BAD_FIT, "LDQ 20 hello\n CALLN 20 str.upper 1"},
        {NO_REF, "CALLC 20 12"},
        {"an argument that is a reference is not in the window", "LDI 20 0\n CALL 20 give 0"},
        {"an argument that is a reference is not in the window",
         STR "MOVR 20 0\n LNEW 3 Ints 0\n LDI 21 0\n CALL 20 give 0"},
        {"an argument that is a reference is not in the window",
         STR "MOVR 20 0\n JT 12 on\non:\n LDI 21 0\n CALL 20 give 0"},
        {"an argument does not fit its parameter", "LDQ 20 raw\n LDI 21 0\n CALL 20 give 0"},
        {"CALLS of a function that gives a reference", "LDQ 20 hello\n LDI 21 0\n CALLS 20 give"},
        {"RESULT names no reference register", "LDQ 20 hello\n LDI 21 0\n CALL 20 give 13"},
        {"RESULT names a register, and there is no reference", "LDI 20 0\n CALL 20 one 0"},
        {BAD_FIT, "LDQ 20 hello\n LDI 21 0\n CALL 20 give 1"},
        {"the operand is no closure", STR "LDI 21 0\n CALLC 20 0"},
        {NO_VALUE, "LDI 21 1\n LDI 20 0\n CALLS 20 one\n MOV 13 21"},
        {"RESULT names no reference register", "LDI 20 0\n SPAWN 20 one none"},
        {BAD_FIT, "LDI 20 0\n SPAWN 20 one 0"},
    };
    check_wrong(HEAD, cases, VK_COUNT(cases), " RETS 12\nend\n");
}

TEST(interp_verify, loops)
{
    static const struct wrong cases[] = {
        {"a register that the loop head needs has no value",
         "LDI 13 0\n LDI 14 9\nhead:\n ADD 12 12 13\n LDI 21 0\n CALLS 14 one\n LOOP 12 head"},
        {NO_VALUE, "JT 12 over\n LDI 13 1\nover:\n MOV 14 13"},
        {NO_VALUE, "SWITCH 12 over\n LDI 13 1\nover:\n MOV 14 13"},
        {NO_VALUE, "head:\n LOOP 12 head"},
        {NO_VALUE, "JT 12 over\n LDI 13 1\n JT 12 over\n RETS 12\nover:\n MOV 14 13"},
    };
    struct wrong fine[VK_COUNT(cases)];
    memcpy(fine, cases, sizeof cases);
    fine[0].what = "LDI 13 9\n LDI 22 5\nhead:\n ADD 12 12 22\n LDI 21 0\n CALLS 21 one\n LOOP 12 head";
    check_wrong(HEAD, fine, VK_COUNT(fine), " RETS 12\nend\n");
}

/* Registers: 0 E, which is a G, 1 C, which is a T, 2 S, 3 O, 4 P, 5 F, 6 .. */
#define CLOSURES                                                                                         \
    "type S str\ntype F fn > int\ntype G fn int > int\ntype E env G body\ntype B fn E int > int\n"       \
    "type T fn > S\ntype C env T text\ntype U fn C > S\ntype O opt S\ntype R record int\ntype P opt R\n" \
    "data s str S \"x\"\nfunc body B 2\n RETS 1\nend\nfunc text U 2 S\n LDQ 1 s\n RETR 1\nend\n"         \
    "func main F 12 E C S O P F\n LDI 6 0\n CLOSURE 0 E\n CLOSURE 1 C\n LDNIL 3\n"

TEST(interp_verify, closures_and_options)
{
    static const struct wrong cases[] = {
        {NO_VALUE, "CALLC 8 0"}, {BAD_FIT, "CALLC 8 1 0"}, {BAD_FIT, "MOVR 5 0"},
        {BAD_FIT, "MOVR 4 3"},   {BAD_FIT, "LDQ 4 s"},
    };
    check_wrong(CLOSURES, cases, VK_COUNT(cases), " RETS 6\nend\n");
    CHECK_EQ(vm_load(&vm, CLOSURES " LDI 9 1\n CALLC 8 0\n CALLC 8 1 2\n LDQ 3 s\n RETS 6\nend\n"), 0);
    CHECK_EQ(vm_load(&vm, CLOSURES " JT 6 on\n CALLS 12 zero\nhead:\n LDI 7 1\non:\n JMPB head\nend\n"
                                   "func zero F 1\n LDI 0 0\n RETS 0\nend\n"),
             0);
    /* A window at the frame's end has no place for what a function gives. */
    CHECK_EQ(vm_load(&vm, CLOSURES " CALLS 12 zero\n RETS 6\nend\nfunc zero F 1\n LDI 0 0\n RETS 0\nend\n"),
             0);
}

/* What the assembler does not write: a function's words, changed. */
static uint32_t *code_of_good(void)
{
    CHECK_EQ(
        vm_load(&vm,
                "type F fn > int\nfunc main F 4\n LDI 0 1\nhead:\n JT 0 out\n JMPB head\nout:\n SWITCH 0 a "
                "b\na:\n LDI 1 2\nb:\n LDI 2 1\n RETS 2\nend\n"),
        0);
    struct interp_header *h = (struct interp_header *)vm.file;
    return (uint32_t *)(void *)(vm.file + h->sections[INTERP_SECTION_CODE].offset);
}

static void check_changed(const char *why)
{
    asm_seal(vm.file);
    CHECK_EQ(vm_open(&vm), -VK_EMALFORMED);
    if (!is_same(vm.refusal.why, why))
        test_fail(why, "is refused otherwise: ", vm.refusal.why);
}

TEST(interp_verify, words)
{
    code_of_good()[0] ^= 1;
    check_changed("a function's header word does not say what its record says");
    code_of_good()[1] = 255;
    check_changed("an unknown instruction");
    code_of_good()[2] |= 0x40 << 16;
    check_changed("a branch past the function's end");
    code_of_good()[2] = INTERP_OP_JT | 6 << 16; /* just behind the last word */
    check_changed("a branch past the function's end");
    code_of_good()[3] = INTERP_OP_JT | 1 << 16;
    check_changed("a branch into the operands of an instruction");
    code_of_good()[3] = INTERP_OP_JMPB | 3 << 8;
    check_changed("a branch back to something that is no loop head");
    code_of_good()[3] = INTERP_OP_JMPB;
    check_changed("a branch back to something that is no loop head");
    code_of_good()[5] |= 0x4000;
    check_changed("a branch past the function's end");
    code_of_good()[3] = INTERP_OP_JMPB | 9 << 8;
    check_changed("a branch back past the function's start");
    code_of_good()[7] = INTERP_OP_SWITCH | 9 << 16;
    check_changed("an instruction reaches past the function's end");
    code_of_good()[1] = INTERP_OP_MOV | 1u << 24;
    check_changed("a scalar register without a value is read");
    code_of_good()[1] = INTERP_OP_LDNIL | 1u << 24;
    check_changed("an operand that must be 0 is not");
}

/* Each instruction with words behind it, as the last one, and the RESULT words out of their range. */
TEST(interp_verify, words_behind_an_instruction)
{
    static const char calls[] =
        "type S str\ntype F fn > int\ntype E env F body\ntype B fn E > int\ntype L list int\nnative now F\n"
        "func main F 8 E S L\n CLOSURE 0 E\n LDI 3 0\n CALL 5 main\n CALLN 5 now\n CALLC 5 0\n SITOA 1 3\n"
        " RETS 3\nend\nfunc body B 2\n LDI 1 0\n RETS 1\nend\n";
    static const uint32_t result_words[] = {4, 6, 8};
    const uint32_t last[] = {INTERP_OP_CALL | 5 << 8, INTERP_OP_CALLN | 5 << 8, INTERP_OP_CALLC | 5 << 8,
                             INTERP_OP_LNEW | 2 << 8 | 5 << 16, INTERP_OP_SCAT | 1 << 8 | 1 << 16};
    for (uint32_t i = 0; i < VK_COUNT(result_words) + VK_COUNT(last); i++) {
        CHECK_EQ(vm_load(&vm, calls), 0);
        const struct interp_header *h = (const void *)vm.file;
        uint32_t *code = (uint32_t *)(void *)(vm.file + h->sections[INTERP_SECTION_CODE].offset) + 1;
        if (i < VK_COUNT(result_words))
            code[result_words[i] - 1]++; /* was INTERP_RESULT_NONE */
        else
            code[9] = last[i - VK_COUNT(result_words)];
        check_changed(i < VK_COUNT(result_words) ? "RESULT names no register"
                                                 : "an instruction reaches past the function's end");
    }
}

static uint64_t *data_of_good(void)
{
    CHECK_EQ(
        vm_load(
            &vm,
            "type Str str\ntype Strs list Str\ntype P record Str int\ntype Cell mutable int\ntype M map Str "
            "int\ndata a str Str \"abc\"\ndata l list Strs a a\ndata p new P a 5\n"),
        0);
    struct interp_header *h = (struct interp_header *)vm.file;
    return (uint64_t *)(void *)(vm.file + h->sections[INTERP_SECTION_DATA].offset);
}

static struct interp_ref *refs_of_good(void)
{
    const struct interp_header *h = (const void *)vm.file;
    return (struct interp_ref *)(void *)(vm.file + h->sections[INTERP_SECTION_REFS].offset);
}

TEST(interp_verify, data)
{
    data_of_good()[1] = 99;
    check_changed("a constant object has no valid head");
    data_of_good()[1] |= 1 << 16;
    check_changed("a constant object has no valid head");
    data_of_good()[1] = 4;
    check_changed("a constant object of a type that cannot be constant");
    data_of_good()[1] = 5;
    check_changed("a constant object of a type that cannot be constant");
    data_of_good()[1] = 0;
    check_changed("a constant object has no valid head");
    data_of_good()[2] = 0xf06261; /* a character of which three bytes are not there */
    check_changed("a constant Str is no valid UTF-8");
    data_of_good()[1] |= (uint64_t)1 << 60;
    check_changed("a constant object reaches past its section");
    data_of_good()[4] = 3;
    check_changed("a constant list is longer than its room");
    data_of_good()[5]++;
    check_changed("a constant reference points to no object");
    data_of_good()[5] = 0;
    check_changed("a constant reference points to no object");
    data_of_good()[5] = INTERP_REF_IMAGE | 16; /* inside of an object */
    check_changed("a constant reference points to no object");
    data_of_good()[5] = INTERP_REF_IMAGE | vm.module.counts[INTERP_SECTION_DATA];
    check_changed("a constant reference points to no object");
    data_of_good()[8] = 0;
    check_changed("a constant reference points to no object");
    data_of_good()[5] |= (uint64_t)1 << 40;
    check_changed("a constant reference points to no object");
    data_of_good()[5] = INTERP_REF_IMAGE | 24;
    check_changed("a constant reference points to an object of another type");
    data_of_good()[7] += (uint64_t)1 << 32;
    check_changed("a constant object has another number of fields, or another tag, than its type");
    data_of_good();
    refs_of_good()[0].offset = 16;
    check_changed("a constant reference points to no object");
    data_of_good();
    ((struct interp_header *)vm.file)->sections[INTERP_SECTION_DATA].bytes -= 4;
    check_changed("the constant objects are no multiple of 8 bytes, or too many");
    CHECK_EQ(vm_load(&vm, "type S str\ntype O opt S\ntype P record O\ndata none new P 0\n"), 0);
}

TEST(interp_verify, scratch_holds_a_state_for_each_word)
{
    static const char line[] = " LDI 0 1\n";
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    VK_OUT_LIT(&out, "type F fn > none\nfunc main F 1\n");
    for (uint32_t i = 0; i < 500; i++)
        vk_out_put(&out, vk_span(line, sizeof line - 1));
    VK_OUT_LIT(&out, " RET\nend\n");
    vk_out_byte(&out, 0);
    CHECK_EQ(vm_load(&vm, text), 0);
    CHECK(interp_verify_scratch_bytes(&vm.module) >= 501 * sizeof(struct verify_word));
}

TEST(interp_verify, data_that_nothing_refers_to)
{
    data_of_good()[7] = 4;
    refs_of_good()[2].offset = 0;
    refs_of_good()[2].late = 1;
    check_changed("a constant object of a type that cannot be constant");
}

/* A module with types of each kind, a native, constants and a loop, and one field of a record of it changed.
 */
static const char rich[] = "type Str str\n"
                           "type R record Str int\n"
                           "type E enum A B\n"
                           "type A variant E 0\n"
                           "type B variant E 1 Str int\n"
                           "type L list Str\n"
                           "type M map Str int\n"
                           "type O opt Str\n"
                           "type F fn > int\n"
                           "type G fn int > Str\n"
                           "type P fn Str int > Str\n"
                           "native int.hex G\n"
                           "data a str Str \"abc\"\n"
                           "func main F 6 Str\n LDI 3 0\n LDI 4 10\nhead:\n LOOP 3 head\n RETS 3\nend\n"
                           "func same P 6\n RETR 0\nend\n";
enum { T_STR = 1, T_R, T_E, T_A, T_B, T_L, T_M, T_O, T_F, T_G, T_P };

struct change {
    const char *why;
    uint32_t section;
    uint32_t at; /* of the field, in the section */
    uint32_t bytes;
    uint64_t value;
};

#define CHANGED(section, record, index, field, value)                                         \
    INTERP_SECTION_##section,                                                                 \
        (index) * (uint32_t)sizeof(struct record) + (uint32_t)offsetof(struct record, field), \
        (uint32_t)sizeof(((struct record *)0)->field), (value)
#define OF_TYPE(index, field, value)     CHANGED(TYPES, interp_type, index, field, value)
#define OF_FUNCTION(index, field, value) CHANGED(FUNCTIONS, interp_function, index, field, value)

TEST(interp_verify, every_field_of_a_record)
{
    static const struct change changes[] = {
        {"unknown flags of a type", OF_TYPE(T_STR, flags, INTERP_TYPE_MUTABLE)},
        {"unknown flags of a type", OF_TYPE(T_R, flags, 0x80)},
        {"a type's list reaches past the type words", OF_TYPE(T_R, first, 0xffffffffu)},
        {"a type's list reaches past the type words", OF_TYPE(T_R, count, 200)},
        {"a type has too many fields", OF_TYPE(T_R, count, 255)},
        {"a type has more references than fields", OF_TYPE(T_R, refs, 3)},
        {"fields are not references first, then scalars", OF_TYPE(T_R, refs, 2)},
        {"fields are not references first, then scalars", OF_TYPE(T_R, refs, 0)},
        {"a type's list reaches past the type words", OF_TYPE(T_E, first, 0xffffffffu)},
        {"a type's list reaches past the type words", OF_TYPE(T_E, count, 0xffff)},
        {"an enum's variant has another enum or tag", OF_TYPE(T_A, of, T_R)},
        {"a variant of no enum", OF_TYPE(T_R, kind, INTERP_KIND_VARIANT)},
        {"an enum's variant has another enum or tag", OF_TYPE(T_A, tag, 1)},
        {"an enum lists something that is no variant", OF_TYPE(T_B, kind, INTERP_KIND_RECORD)},
        {"an element of a type that does not exist", OF_TYPE(T_L, of, 999)},
        {"an element of a type that does not exist", OF_TYPE(T_M, of, 999)},
        {"a map's key is no scalar, Str or Bytes", OF_TYPE(T_M, key, T_R)},
        {"an OPT of something that is no plain reference", OF_TYPE(T_O, of, 0)},
        {"an OPT of something that is no plain reference", OF_TYPE(T_O, of, 999)},
        {"an OPT of something that is no plain reference", OF_TYPE(T_O, of, T_O)},
        {"a result of a type that does not exist", OF_TYPE(T_G, of, 999)},
        {"a second type for Str or Bytes", OF_TYPE(T_R, kind, INTERP_KIND_STR)},
        {"an unknown kind of type", OF_TYPE(T_R, kind, INTERP_KIND_END)},
        {"an unknown kind of type", OF_TYPE(T_R, kind, 200)},
        {"type 0 is not the scalar", OF_TYPE(0, kind, INTERP_KIND_STR)},
        {"a function's code lies outside its section or overlaps another's", OF_FUNCTION(0, code, 0)},
        {"a function's code lies outside its section or overlaps another's", OF_FUNCTION(0, code, 1u << 30)},
        {"a function's code lies outside its section or overlaps another's",
         OF_FUNCTION(0, code_words, 1u << 30)},
        {"a function's code lies outside its section or overlaps another's", OF_FUNCTION(0, code_words, 0)},
        {"a function's code lies outside its section or overlaps another's", OF_FUNCTION(0, code_words, 5)},
        {"a function's signature is no function type", OF_FUNCTION(0, signature, 999)},
        {"a function's signature is no function type", OF_FUNCTION(0, signature, T_R)},
        {"a function's header word does not say what its record says", OF_FUNCTION(0, regs, 7)},
        {"a function's register types lie outside their section", OF_FUNCTION(0, reg_types, 1u << 30)},
        {"a function's register types lie outside their section", OF_FUNCTION(0, reg_types, 2)},
        {"a function's loop heads lie outside their section", OF_FUNCTION(0, heads, 1u << 30)},
        {"a function's loop heads lie outside their section", OF_FUNCTION(0, heads_count, 1u << 30)},
        {"a function's lines lie outside their section", OF_FUNCTION(0, lines, 1u << 30)},
        {"a reference register of a type that does not exist", INTERP_SECTION_REG_TYPES, 0, 2, 0},
        {"a reference register of a type that does not exist", INTERP_SECTION_REG_TYPES, 0, 2, T_P + 1},
        {"a reference register of a type that does not exist", INTERP_SECTION_REG_TYPES, 0, 2, 999},
        {"a parameter's register has another type than the signature", INTERP_SECTION_REG_TYPES, 2, 2, T_R},
        {"a loop head lies outside its function", INTERP_SECTION_HEADS, 0, 4, 99},
        {"a native's name lies outside the names", CHANGED(NATIVES, interp_import, 0, name, 1u << 30)},
        {"a native's signature is no function type", CHANGED(NATIVES, interp_import, 0, signature, 999)},
        {"a native's signature is no function type", CHANGED(NATIVES, interp_import, 0, signature, T_R)},
        {"a host function's signature lies outside the names",
         CHANGED(NATIVES, interp_import, 0, host, 1u << 30)},
        {"a host function's signature is none", CHANGED(NATIVES, interp_import, 0, host, 1)},
        {"a reference constant of a type that does not exist", CHANGED(REFS, interp_ref, 0, type, 0)},
        {"a reference constant of a type that does not exist", CHANGED(REFS, interp_ref, 0, type, 999)},
        {"a reference constant that is late and not", CHANGED(REFS, interp_ref, 0, late, 1)},
        {"a reference constant that is late and not", CHANGED(REFS, interp_ref, 0, late, 2)},
    };
    for (uint32_t i = 0; i < VK_COUNT(changes); i++) {
        CHECK_EQ(vm_load(&vm, rich), 0);
        const struct interp_header *h = (const void *)vm.file;
        memcpy(vm.file + h->sections[changes[i].section].offset + changes[i].at, &changes[i].value,
               changes[i].bytes);
        check_changed(changes[i].why);
    }
}

/* Two fields at once, so that an earlier check does not see the first. */
TEST(interp_verify, records_that_lie_in_two_places)
{
    CHECK_EQ(vm_load(&vm, rich), 0);
    const struct interp_header *h = (const void *)vm.file;
    struct interp_function *fn = (void *)(vm.file + h->sections[INTERP_SECTION_FUNCTIONS].offset);
    uint32_t *code = (void *)(vm.file + h->sections[INTERP_SECTION_CODE].offset);
    fn[1].refs = 0; /* of a function with a parameter that is one */
    code[fn[1].code - 1] = INTERP_HEADER(fn[1].regs, 0, 1, 1);
    check_changed("a function has too few registers for its parameters");
}

/* Variants in front of their enum are checked before it. */
TEST(interp_verify, variants_that_their_enum_cannot_list)
{
    static const struct {
        const char *why;
        uint16_t tag, count;
        uint32_t first;
    } cases[] = {
        {"an enum has too many variants", INTERP_VARIANTS_MAX, INTERP_VARIANTS_MAX + 1, 0},
        {"a variant that its enum does not list", INTERP_VARIANTS_MAX - 1, INTERP_VARIANTS_MAX, 0},
        {"a variant that its enum does not list", 1, 2, 1u << 30},
    };
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        CHECK_EQ(vm_load(&vm, "type B variant E 1\ntype A variant E 0\ntype E enum A B\n"), 0);
        const struct interp_header *h = (const void *)vm.file;
        struct interp_type *types = (void *)(vm.file + h->sections[INTERP_SECTION_TYPES].offset);
        types[1].tag = cases[i].tag;
        types[3].count = cases[i].count;
        types[3].first = cases[i].first;
        check_changed(cases[i].why);
    }
}

/* name, reserved, then first and count of: lets, actors, supervisors, blocks, tests, stores,
 * exports; what they name follows.
 */
#define STORE              " 0 1 131072 0 0 0"
#define CHILD              " 0 0 none 0"
#define FOUR_CHILDREN      CHILD CHILD CHILD CHILD
#define SEVENTEEN_CHILDREN FOUR_CHILDREN FOUR_CHILDREN FOUR_CHILDREN FOUR_CHILDREN CHILD
#define NINE_STORES        STORE STORE STORE STORE STORE STORE STORE STORE STORE

TEST(interp_verify, services)
{
    static const struct wrong cases[] = {
        {"the services are shorter than their head", "services 0 0"},
        {"a name of the services lies outside the names", "services 9999 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"},
        {"an array of the services lies outside their section", "services 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 4294967295 0 0 0 0 0 0 0 0 0 0 0 0"},
        {"a top-level value of a constant that does not exist",
         "services 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 0 0 main 7 0"},
        {"a top-level value of a constant that does not exist",
         "services 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 0 0 main 0 2"},
        {"a top-level value of a constant that is not late",
         "services 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 0 0 main 0 1"},
        {"a function of the services does not exist", "services 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 77 0 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 0 9999 none 0 0"},
        {"a function of the services takes or gives something else",
         "services 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 main 0 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 9999 88 0 0 0 0 0 0 0 0 4294967295 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 88 0 0 0 0 0 0 112 1 none 0 9999 none 0 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 9999 none 0 0 0 0 0 0"},
        {"a port above 65535",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 65536 0 0 0 0 0 0 0 0 4294967295 0"},
        {"a function of the services takes or gives something else",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 88 0 0 0 0 0 0 0 0 one 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 88 0 0 0 0 0 0 104 2 4294967295 0 0 none 0 0"},
        {"a function of the services does not exist",
         "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 88 0 0 0 0 0 0 112 1 4294967295 0 0 999 0 0"},
        {"a function of the services takes or gives something else",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 main 0 0 0 0 0 0"},
        {"an actor with too many timers or methods",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 none 65 0 0 0 0 0"},
        {"an actor's heap of more than 256 MiB",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 none 0 536870912 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 none 0 0 96 1 0 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 none 0 0 96 1 0 0 0 0 9999 0"},
        {"arrays of the services overlap", /* two actors with the same two methods */
         "services 0 0 0 0 64 2 0 0 0 0 0 0 0 0 0 0 0 none 0 0 128 2 0 0 0 none 0 0 128 2 0 0 0 0 0 0 0 0 0 "
         "0"},
        {"arrays of the services overlap", "services 0 0 0 0 0 0 0 0 0 0 16 2 0 0 0 0"},
    };
    check_wrong(HEAD " RETS 12\nend\n", cases, VK_COUNT(cases), "");
}

TEST(interp_verify, supervisors_stores_and_exports)
{
    static const struct wrong cases[] = {
        {"a supervisor of no actor, or of too many", "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 1 0 0 0 0"},
        {"a supervisor of no actor, or of too many",
         "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 1 0 0 88 17" SEVENTEEN_CHILDREN},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 1 0 0 8000 1"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 64 1 96 1 0 0 0 0 0 0 0 0 0 none 64 0 0 0 0 0 2 64 0 0 120 1 9999 0 none 0"},
        {"a function of the services takes or gives something else",
         "services 0 0 0 0 64 1 96 1 0 0 0 0 0 0 0 0 0 none 64 0 0 0 0 0 2 64 0 0 120 1 0 0 main 0"},
        {"a supervisor of an unknown strategy, or with too many restarts",
         "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 3 1 0 0 88 1 0 0 none 0"},
        {"a supervisor of an unknown strategy, or with too many restarts",
         "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 65 0 0 88 1 0 0 none 0"},
        {"a supervised actor that does not exist",
         "services 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 0 0 1 0 0 88 1 0 0 none 0"},
        {"too many stores", "services 0 0 0 0 0 0 0 0 0 0 0 0 64 9 0 0" NINE_STORES},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 0 9999 1 131072 0 0 0"},
        {"a store of no entries, or of too many",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 0 131072 0 0 0"},
        {"a store of no entries, or of too many",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 1000001 131072 0 0 0"},
        {"a store of too few bytes, or of too many",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 1 131071 0 0 0"},
        {"a store of too few bytes, or of too many",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 1 67108865 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 64 2 0 0 0 1 131072 0 0 0"},
        {"an array of the services lies outside their section", "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1 9999 one 0 0"},
        {"a name of the services lies outside the names",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 one 9999 0"},
        {"a function of the services does not exist", "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 999 0 0"},
        {"the signature of a function for the host is none",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 one 0 0"},
    };
    check_wrong(HEAD " RETS 12\nend\n", cases, VK_COUNT(cases), "");
}

TEST(interp_verify, arrays_of_the_services)
{
    static const struct wrong cases[] = {
        {"an array of the services lies outside their section", "services 0 0 4 0 0 0 0 0 0 0 0 0 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 8000 1 0 0 0 0 0 0 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 8000 1 0 0 0 0 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 8000 1 0 0 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 0 0 8000 1 0 0 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 8000 1 0 0"},
        {"an array of the services lies outside their section",
         "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 8000 1"},
        {"a name of the services lies outside the names",
         "services 0 0 64 1 0 0 0 0 0 0 0 0 0 0 0 0 9999 main 0 0"},
    };
    check_wrong(HEAD " RETS 12\nend\n", cases, VK_COUNT(cases), "");
}

TEST(interp_verify, right_services)
{
    static const char *const right[] = {
        "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "services 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 0 0 88 0 0 0 0 0 0 112 1 none 0 0 none 0 0",
        "services 0 0 0 0 0 0 0 0 0 0 64 1 0 0 0 0 0 none 0 0",
        "services 0 0 0 0 64 2 0 0 0 0 0 0 0 0 0 0 0 none 0 0 128 1 0 0 0 none 0 0 144 1 0 0 0 0 0 0 0 0 0 0",
        "services 0 0 0 0 64 1 96 1 0 0 0 0 0 0 0 0 0 none 64 0 0 0 0 0 2 64 0 0 120 1 0 0 none 0",
        ("services 0 0 0 0 0 0 0 0 0 0 0 0 64 2 0 0 0 1 131072 0 0 0 0 1000000 67108864 0 4294967295 "
         "4294967295"),
    };
    for (uint32_t i = 0; i < VK_COUNT(right); i++) {
        struct vk_out out;
        vk_out_init(&out, text, sizeof text - 1);
        vk_out_fmt(&out, "%s RETS 12\nend\n%s\n", HEAD, right[i]);
        *out.at = 0;
        if (vm_load(&vm, text))
            test_fail(right[i], "is refused: ", vm.assembly.error[0] ? vm.assembly.error : vm.refusal.why);
    }
}

TEST(interp_verify, text_of_an_export_that_its_type_does_not_say)
{
    CHECK_EQ(vm_assemble(&vm, HEAD " RETS 12\nend\nhost h U \"fn(Str) -> Str\"\n"
                                   "services 0 0 0 0 0 0 0 0 0 0 0 0 0 0 64 1 0 one 0 0\n"),
             0);
    const struct interp_header *h = (const void *)vm.file;
    struct interp_export *export = (void *)(vm.file + h->sections[INTERP_SECTION_SERVICES].offset + 64);
    export->signature = vm.assembly.native[1].host;
    check_changed("the signature of a function for the host is not that of its type");
}

#define LETS \
    "type S str\ntype F fn > int\ntype G fn > S\ntype O opt S\ntype P fn int > int\ndata s str S \"s\"\n"

TEST(interp_verify, top_level_values)
{
    static const char why[] = "a function of the services takes or gives something else";
    static const struct wrong cases[] = {
        {why, LETS "let a main int\nfunc main P 1\n RETS 0\nend"},
        {why, LETS "let a main int\nfunc main G 1 S\n LDQ 0 s\n RETR 0\nend"},
        {why, LETS "let a main S\nfunc main F 1\n LDI 0 1\n RETS 0\nend"},
        {why, LETS "type H fn > O\nlet a main S\nfunc main H 1 O\n LDNIL 0\n RETR 0\nend"},
    };
    check_wrong("", cases, VK_COUNT(cases), "");
}
