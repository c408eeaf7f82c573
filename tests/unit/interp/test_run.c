/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every instruction does what docs/bytecode.md says, and traps where it
 * says so. Method: small functions, assembled, verified and run; what they
 * give, or their trap, is in the table.
 */
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/fmt.h"

static struct vm vm;
static _Alignas(4096) uint8_t heap[64u << 10];

struct run_case {
    const char *what;
    const char *code; /* of main, 8 registers, no reference */
    int64_t result;
    uint32_t trap;
};

#define PRELUDE                                                                              \
    "type Str str\n"                                                                         \
    "type Bytes bytes\n"                                                                     \
    "type F fn > int\n"                                                                      \
    "type One fn int > int\n"                                                                \
    "type Two fn int int > int\n"                                                            \
    "type Cell mutable Str int int\n"                                                        \
    "type Pair record Str Str int\n"                                                         \
    "type Ints list int\n"                                                                   \
    "type Strs list Str\n"                                                                   \
    "type Grid list Ints\n"                                                                  \
    "type IntMap map int int\n"                                                              \
    "type StrMap map Str Str\n"                                                              \
    "type Counts map Str int\n"                                                              \
    "type Shape enum Circle Square\n"                                                        \
    "type Circle variant Shape 0 int\n"                                                      \
    "type Square variant Shape 1 int int\n"                                                  \
    "type Maybe opt Str\n"                                                                   \
    "type Adder env One add_to int\n"                                                        \
    "type Inner fn Adder int > int\n"                                                        \
    "type Job fiber int\n"                                                                   \
    "type TextJob fiber Str\n"                                                               \
    "type Text fn > Str\n"                                                                   \
    "type Join fn Str Str int > Str\n"                                                       \
    "type Echo fn Str > Str\n"                                                               \
    "type Sleep fn int > none\n"                                                             \
    "type Say fn Str > none\n"                                                               \
    "native sleep Sleep\n"                                                                   \
    "native log Say\n"                                                                       \
    "native str.upper Echo\n"                                                                \
    "data hello str Str \"hello\"\n"                                                         \
    "data world str Str \"world\"\n"                                                         \
    "data space str Str \" \"\n"                                                             \
    "data ten list Ints 10 20 30\n"                                                          \
    "func add_to Inner 4\n GETF 1 0 0\n ADD 2 1 1\n GETF 3 0 0\n ADD 1 1 3\n RETS 1\nend\n"  \
    "func twice One 3\n ADD 0 0 0\n RETS 0\nend\n"                                           \
    "func minus Two 3\n SUB 0 0 1\n RETS 0\nend\n"                                           \
    "func join Join 6 Str Str\n SITOA 2 4\n SCAT 3 0 2 1\n RETR 3\nend\n"                    \
    "type Count fn Cell int > int\n"                                                         \
    "type Nothing fn > none\n"                                                               \
    "native pass Nothing\n"                                                                  \
    "func count Count 8\n LDI 2 0\n MOV 3 1\nhead:\n GETF 4 0 1\n MULI 4 4 10\n ADD 4 4 1\n" \
    " SETF 0 1 4\n CALLN 7 pass\n LOOP 2 head\n RETS 2\nend\n"                               \
    "func text Text 2 Str\n LDQ 0 hello\n RETR 0\nend\n"

static const char head_scalars[] = PRELUDE "func main F 12\n";
/* References 0 to 15 of these types, scalars from 16. */
static const char head_refs[] = PRELUDE "func main F 40 Str Str Cell Pair Ints Ints Strs Grid IntMap StrMap "
                                        "Counts Shape Circle Square Maybe Adder "
                                        "Job TextJob Job\n";

static char text[8192];

static void load(const char *head, const char *code)
{
    struct vk_out out;
    vk_out_init(&out, text, sizeof text - 1);
    vk_out_fmt(&out, "%s%s\nend\n", head, code);
    CHECK(vk_out_status(&out) == 0);
    *out.at = 0;
    int rc = vm_load(&vm, text);
    if (rc)
        test_fail(code, vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
}

static void run_all(const char *head, const struct run_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct run_case *c = &cases[i];
        load(head, c->code);
        int value = vm_run(&vm, "main", heap, sizeof heap);
        if (vm.state.trap != c->trap)
            test_fail(c->what, "trap: ", interp_trap_text(vm.state.trap));
        if (value != (c->trap ? PROC_RUN_FAIL : PROC_RUN_END) ||
            (!c->trap && (int64_t)vm.state.result != c->result))
            test_fail(c->what, "another result", "");
    }
}

#define MIN              "-9223372036854775808"
#define MAX              "9223372036854775807"
#define UNARY(op, a)     "LDK 0 " a "\n " op " 1 0\n RETS 1"
#define BINARY(op, a, b) "LDK 0 " a "\n LDK 1 " b "\n " op " 2 0 1\n RETS 2"
#define SMALL(op, a, i)  "LDK 0 " a "\n " op " 2 0 " i "\n RETS 2"
#define BRANCH(jump)     "LDI 0 5\n LDI 1 7\n " jump "\n LDI 2 0\n RETS 2\nyes:\n LDI 2 1\n RETS 2"
#define FBRANCH(jump, a, b) \
    "LDK 0 " a "\n LDK 1 " b "\n " jump " 0 1 yes\n LDI 2 0\n RETS 2\nyes:\n LDI 2 1\n RETS 2"
#define NAN_IN_3 " LDK 3 0.0\n FDIV 3 3 3\n"

TEST(interp_run, integers)
{
    static const struct run_case cases[] = {
        {"MOV", "LDI 0 -5\n MOV 1 0\n RETS 1", -5, 0},
        {"ADD", BINARY("ADD", "2", "-3"), -1, 0},
        {"ADD over", BINARY("ADD", MAX, "1"), 0, INTERP_TRAP_OVERFLOW},
        {"SUB", BINARY("SUB", "2", "-3"), 5, 0},
        {"SUB over", BINARY("SUB", MIN, "1"), 0, INTERP_TRAP_OVERFLOW},
        {"MUL", BINARY("MUL", "-4", "5"), -20, 0},
        {"MUL over", BINARY("MUL", MAX, "2"), 0, INTERP_TRAP_OVERFLOW},
        {"DIV", BINARY("DIV", "-7", "2"), -3, 0},
        {"DIV by 0", BINARY("DIV", "1", "0"), 0, INTERP_TRAP_DIVISION},
        {"DIV by -1", BINARY("DIV", "7", "-1"), -7, 0},
        {"DIV over", BINARY("DIV", MIN, "-1"), 0, INTERP_TRAP_OVERFLOW},
        {"MOD", BINARY("MOD", "-7", "2"), -1, 0},
        {"MOD by 0", BINARY("MOD", "1", "0"), 0, INTERP_TRAP_DIVISION},
        {"MOD by -1", BINARY("MOD", "7", "-1"), 0, 0},
        {"MOD over", BINARY("MOD", MIN, "-1"), 0, INTERP_TRAP_OVERFLOW},
        {"ADDI", SMALL("ADDI", "5", "-6"), -1, 0},
        {"ADDI over", SMALL("ADDI", MIN, "-1"), 0, INTERP_TRAP_OVERFLOW},
        {"MULI", SMALL("MULI", "5", "-6"), -30, 0},
        {"MULI over", SMALL("MULI", MAX, "2"), 0, INTERP_TRAP_OVERFLOW},
        {"DIVI", SMALL("DIVI", "7", "-2"), -3, 0},
        {"DIVI by 0", SMALL("DIVI", "7", "0"), 0, INTERP_TRAP_DIVISION},
        {"DIVI over", SMALL("DIVI", MIN, "-1"), 0, INTERP_TRAP_OVERFLOW},
        {"MODI", SMALL("MODI", "7", "4"), 3, 0},
        {"MODI over", SMALL("MODI", MIN, "-1"), 0, INTERP_TRAP_OVERFLOW},
        {"NEG", UNARY("NEG", "7"), -7, 0},
        {"NEG over", UNARY("NEG", MIN), 0, INTERP_TRAP_OVERFLOW},
        {"AND", BINARY("AND", "12", "10"), 8, 0},
        {"OR", BINARY("OR", "12", "10"), 14, 0},
        {"XOR", BINARY("XOR", "12", "10"), 6, 0},
        {"INV", UNARY("INV", "0"), -1, 0},
        {"SHL", BINARY("SHL", "3", "62"), (int64_t)(3ull << 62), 0},
        {"SHL out", BINARY("SHL", "1", "64"), 0, INTERP_TRAP_SHIFT},
        {"SHR", BINARY("SHR", "-8", "1"), -4, 0},
        {"SHR out", BINARY("SHR", "1", "-1"), 0, INTERP_TRAP_SHIFT},
        {"WADD", BINARY("WADD", MAX, "1"), INT64_MIN, 0},
        {"WSUB", BINARY("WSUB", MIN, "1"), INT64_MAX, 0},
        {"WMUL", BINARY("WMUL", MAX, "2"), -2, 0},
        {"NOT", UNARY("NOT", "0"), 1, 0},
        {"NOT of true", UNARY("NOT", "1"), 0, 0},
        {"EQ", BINARY("EQ", "4", "4"), 1, 0},
        {"LT", BINARY("LT", "-4", "4"), 1, 0},
        {"LT not", BINARY("LT", "4", "4"), 0, 0},
        {"LE", BINARY("LE", "4", "4"), 1, 0},
    };
    run_all(head_scalars, cases, VK_COUNT(cases));
}

TEST(interp_run, floats)
{
    static const struct run_case cases[] = {
        {"FADD", "LDK 0 1.5\n LDK 1 2.25\n FADD 2 0 1\n LDK 3 4.0\n FMUL 2 2 3\n FTOI 4 2\n RETS 4", 15, 0},
        {"FSUB", "LDK 0 1.5\n LDK 1 2.5\n FSUB 2 0 1\n FTOI 4 2\n RETS 4", -1, 0},
        {"FDIV", "LDK 0 9.0\n LDK 1 2.0\n FDIV 2 0 1\n FTOI 4 2\n RETS 4", 4, 0},
        {"FMADD", "LDK 0 1.0\n LDK 1 2.0\n FMADD 0 1 1\n FTOI 4 0\n RETS 4", 5, 0},
        {"FMSUB", "LDK 0 1.0\n LDK 1 2.0\n FMSUB 0 1 1\n FTOI 4 0\n RETS 4", -3, 0},
        {"FNEG", "LDK 0 1.0\n FNEG 1 0\n FTOI 4 1\n RETS 4", -1, 0},
        {"FSQRT", "LDK 0 81.0\n FSQRT 1 0\n FTOI 4 1\n RETS 4", 9, 0},
        {"ITOF", "LDI 0 -3\n ITOF 1 0\n FTOI 4 1\n RETS 4", -3, 0},
        {"FTOI over", "LDK 0 9223372036854775808.0\n FTOI 4 0\n RETS 4", 0, INTERP_TRAP_CONVERT},
        {"FTOI least", "LDK 0 " MIN "\n ITOF 1 0\n FTOI 4 1\n RETS 4", INT64_MIN, 0},
        {"FTOI nan", NAN_IN_3 "FTOI 4 3\n RETS 4", 0, INTERP_TRAP_CONVERT},
        {"FEQ", BINARY("FEQ", "1.0", "1.0"), 1, 0},
        {"FEQ nan", NAN_IN_3 "FEQ 4 3 3\n RETS 4", 0, 0},
        {"FLT", BINARY("FLT", "1.0", "1.5"), 1, 0},
        {"FLE", BINARY("FLE", "1.5", "1.5"), 1, 0},
        {"JFLT", FBRANCH("JFLT", "1.0", "2.0"), 1, 0},
        {"JFLT not", FBRANCH("JFLT", "2.0", "2.0"), 0, 0},
        {"JFGE", FBRANCH("JFGE", "2.0", "2.0"), 1, 0},
        {"JFGE nan", NAN_IN_3 "JFGE 3 3 yes\n LDI 2 0\n RETS 2\nyes:\n LDI 2 1\n RETS 2", 1, 0},
        {"JFLE", FBRANCH("JFLE", "2.0", "2.0"), 1, 0},
        {"JFLE nan", NAN_IN_3 "JFLE 3 3 yes\n LDI 2 0\n RETS 2\nyes:\n LDI 2 1\n RETS 2", 0, 0},
        {"JFGT", FBRANCH("JFGT", "3.0", "2.0"), 1, 0},
    };
    run_all(head_scalars, cases, VK_COUNT(cases));
}

TEST(interp_run, branches)
{
    static const struct run_case cases[] = {
        {"JMP", BRANCH("JT 0 over\n JMP yes\nover:\n JMP yes2\nyes2:"), 0, 0},
        {"JT", BRANCH("JT 0 yes"), 1, 0},
        {"JF", BRANCH("JF 0 yes"), 0, 0},
        {"JEQ", BRANCH("JEQ 0 1 yes"), 0, 0},
        {"JNE", BRANCH("JNE 0 1 yes"), 1, 0},
        {"JLT", BRANCH("JLT 0 1 yes"), 1, 0},
        {"JGE", BRANCH("JGE 0 1 yes"), 0, 0},
        {"JEQI", BRANCH("JEQI 0 5 yes"), 1, 0},
        {"JNEI", BRANCH("JNEI 0 5 yes"), 0, 0},
        {"JLTI", BRANCH("JLTI 0 6 yes"), 1, 0},
        {"JGEI", BRANCH("JGEI 0 5 yes"), 1, 0},
        {"JLEI", BRANCH("JLEI 0 4 yes"), 0, 0},
        {"JGTI", BRANCH("JGTI 0 4 yes"), 1, 0},
        {"SWITCH first",
         "LDI 0 0\n SWITCH 0 a b c\n LDI 1 9\n RETS 1\na:\n LDI 1 1\n RETS 1\nb:\n LDI 1 2\n RETS "
         "1\nc:\n LDI 1 3\n RETS 1",
         1, 0},
        {"SWITCH last",
         "LDI 0 2\n SWITCH 0 a b c\n LDI 1 9\n RETS 1\na:\n LDI 1 1\n RETS 1\nb:\n LDI 1 2\n RETS "
         "1\nc:\n LDI 1 3\n RETS 1",
         3, 0},
        {"SWITCH none",
         "LDI 0 -1\n SWITCH 0 a b c\n LDI 1 9\n RETS 1\na:\n LDI 1 1\n RETS 1\nb:\n LDI 1 2\n RETS "
         "1\nc:\n LDI 1 3\n RETS 1",
         9, 0},
        {"LOOP", "LDI 0 0\n LDI 1 10\n LDI 2 0\nhead:\n ADD 2 2 0\n LOOP 0 head\n RETS 2", 45, 0},
        {"JMPB", "LDI 0 0\nhead:\n JGEI 0 100 out\n ADDI 0 0 1\n JMPB head\nout:\n RETS 0", 100, 0},
        {"TRAP", "TRAP 15", 0, INTERP_TRAP_ASSERT},
    };
    run_all(head_scalars, cases, VK_COUNT(cases));
}

TEST(interp_run, calls)
{
    static const struct run_case cases[] = {
        {"CALLS", "LDI 4 21\n CALLS 4 twice\n RETS 4", 42, 0},
        {"CALL", "LDI 4 21\n CALL 4 twice\n RETS 4", 42, 0},
        {"two arguments", "LDI 4 21\n LDI 5 1\n CALLS 4 minus\n RETS 4", 20, 0},
    };
    run_all(head_scalars, cases, VK_COUNT(cases));
    static const struct run_case refs[] = {
        {"RETR", "CALL 30 text 0\n SLEN 20 0\n RETS 20", 5, 0},
        {"RETR dropped", "CALL 30 text none\n LDI 20 1\n RETS 20", 1, 0},
        {"references in the window",
         "LDQ 30 hello\n LDQ 31 world\n LDI 34 -12\n CALL 30 join 0\n SLEN 20 0\n LDI 21 7\n BYTE 22 0 21\n "
         "MULI 20 20 10\n "
         "MULI 20 20 10\n ADD 20 20 22\n RETS 20",
         1300 + '2', 0},
        {"CALLC", "LDI 20 5\n CLOSURE 15 Adder 20\n LDI 31 100\n CALLC 30 15\n RETS 30", 10 + 0, 0},
        {"CALLN", "LDQ 30 hello\n CALLN 30 str.upper 0\n LDI 21 0\n BYTE 20 0 21\n RETS 20", 'H', 0},
        {"CALLN waits", "LDI 30 1000\n CALLN 30 sleep\n LDI 20 3\n RETS 20", 3, 0},
        {"FAIL", "LDQ 0 hello\n FAIL 0 0", 0, INTERP_TRAP_FAIL},
        {"FAIL", "LDQ 0 hello\n FAIL 0 1", 0, INTERP_TRAP_ASSERT},
    };
    run_all(head_refs, refs, VK_COUNT(refs));
}

TEST(interp_run, records)
{
    static const struct run_case cases[] = {
        {"MOVR and LDNIL",
         "LDQ 0 hello\n MOVR 14 0\n JNIL 14 no\n LDNIL 14\n JSOME 14 no\n LDI 20 1\n RETS 20\nno:\n LDI "
         "20 0\n RETS 20",
         1, 0},
        {"SOME", "LDQ 0 hello\n MOVR 14 0\n SOME 1 14\n SLEN 20 1\n RETS 20", 5, 0},
        {"SOME of none", "LDNIL 14\n SOME 1 14\n SLEN 20 1\n RETS 20", 0, INTERP_TRAP_NIL},
        {"NEW, GETF, GETR",
         "LDQ 0 hello\n LDQ 1 space\n LDI 20 7\n NEW 3 Pair 0 1 20\n GETF 21 3 2\n GETR 0 3 1\n SLEN 22 "
         "0\n ADD 21 21 22\n RETS 21",
         8, 0},
        {"SETF, SETR",
         "LDQ 0 hello\n LDI 20 1\n NEW 2 Cell 0 20 20\n LDI 21 40\n SETF 2 2 21\n LDQ 1 space\n SETR 2 0 "
         "1\n GETF 22 2 2\n GETR 0 2 0\n SLEN 23 0\n ADD 22 22 23\n RETS 22",
         41, 0},
        {"GADDF, SADDF",
         "LDQ 0 hello\n LDK 20 1.5\n NEW 2 Cell 0 20 20\n LDK 21 2.0\n SADDF 2 1 21\n GADDF 21 2 1\n LDK "
         "22 2.0\n FMUL 21 21 22\n FTOI 23 21\n RETS 23",
         11, 0},
        {"TAG", "LDI 20 3\n NEW 11 Square 20 20\n TAG 21 11\n RETS 21", 1, 0},
        {"CAST", "LDI 20 3\n LDI 21 4\n NEW 11 Square 20 21\n CAST 13 11\n GETF 22 13 1\n RETS 22", 4, 0},
        {"CAST to another", "LDI 20 3\n NEW 11 Square 20 20\n CAST 12 11\n GETF 22 12 0\n RETS 22", 0,
         INTERP_TRAP_VARIANT},
    };
    run_all(head_refs, cases, VK_COUNT(cases));
}

#define THREE "LNEW 4 Ints 0\n LDI 20 10\n LPUSH 4 20\n LDI 20 20\n LPUSH 4 20\n LDI 20 30\n LPUSH 4 20\n"
#define TENS  "LNEW 4 Ints 2\n LDI 20 0\n LDI 21 100\nhead:\n LPUSH 4 20\n LOOP 20 head\n"

TEST(interp_run, lists)
{
    static const struct run_case cases[] = {
        {"LLEN of an empty one", "LNEW 4 Ints 3\n LLEN 20 4\n RETS 20", 0, 0},
        {"LPUSH, LGET", THREE "LDI 21 1\n LGET 22 4 21\n RETS 22", 20, 0},
        {"LGET out", THREE "LDI 21 3\n LGET 22 4 21\n RETS 22", 0, INTERP_TRAP_INDEX},
        {"LGET below", THREE "LDI 21 -1\n LGET 22 4 21\n RETS 22", 0, INTERP_TRAP_INDEX},
        {"growth", TENS "LLEN 22 4\n LDI 23 99\n LGET 24 4 23\n ADD 22 22 24\n RETS 22", 199, 0},
        {"LSET", THREE "LDI 21 1\n LDI 22 5\n LSET 4 21 22\n LGET 23 4 21\n RETS 23", 5, 0},
        {"LSET out", THREE "LDI 21 7\n LSET 4 21 21\n RETS 21", 0, INTERP_TRAP_INDEX},
        {"a shared one is copied",
         THREE "SHARE 4\n MOVR 5 4\n LDI 21 1\n LDI 22 5\n LSET 4 21 22\n LGET 23 5 21\n LGET 24 "
               "4 21\n ADD 23 23 24\n RETS 23",
         25, 0},
        {"one of the image is copied",
         "LDQ 4 ten\n LDI 21 1\n LPUSH 4 21\n LDQ 5 ten\n LLEN 22 5\n LLEN 23 4\n MULI 22 22 "
         "10\n ADD 22 22 23\n RETS 22",
         34, 0},
        {"LOWN", "LDQ 4 ten\n LOWN 4\n LDI 21 0\n LGET 22 4 21\n RETS 22", 10, 0},
        {"of references",
         "LNEW 6 Strs 0\n LDQ 0 hello\n LPUSHR 6 0\n LDQ 0 space\n LPUSHR 6 0\n LDI 20 0\n LSETR 6 20 0\n "
         "LGETR 1 6 20\n SLEN 21 1\n RETS 21",
         1, 0},
        {"what a copy has in common is shared",
         "LNEW 7 Grid 0\n" THREE
         "LPUSHR 7 4\n SHARE 7\n LOWN 7\n LDI 21 0\n LGETR 5 7 21\n LDI 22 5\n LSET 5 21 22\n LGET "
         "23 4 21\n RETS 23",
         10, 0},
    };
    run_all(head_refs, cases, VK_COUNT(cases));
}

#define FILL "MNEW 8 IntMap\n LDI 20 0\n LDI 21 100\nhead:\n MUL 22 20 20\n MSET 8 20 22\n LOOP 20 head\n"

TEST(interp_run, maps)
{
    static const struct run_case cases[] = {
        {"MLEN", FILL "MLEN 22 8\n RETS 22", 100, 0},
        {"MFIND, MVAL", FILL "LDI 23 9\n MFIND 24 8 23\n MVAL 25 8 24\n RETS 25", 81, 0},
        {"MKEY", FILL "LDI 23 9\n MKEY 25 8 23\n RETS 25", 9, 0},
        {"not there", FILL "LDI 23 -9\n MFIND 24 8 23\n RETS 24", -1, 0},
        {"MVAL of nothing", FILL "LDI 24 -1\n MVAL 25 8 24\n RETS 25", 0, INTERP_TRAP_KEY},
        {"the same key again",
         FILL "LDI 23 9\n LDI 24 1\n MSET 8 23 24\n MFIND 25 8 23\n MVAL 26 8 25\n MLEN 27 8\n ADD "
              "26 26 27\n RETS 26",
         101, 0},
        {"MDEL",
         FILL "LDI 23 9\n MDEL 24 8 23\n MFIND 25 8 23\n MLEN 26 8\n ADD 26 26 25\n ADD 26 26 24\n RETS 26",
         99, 0},
        {"MDEL of nothing", FILL "LDI 23 -9\n MDEL 24 8 23\n MLEN 26 8\n ADD 26 26 24\n RETS 26", 100, 0},
        {"MNEXT in order, past the removed",
         FILL
         "LDI 23 0\n MDEL 24 8 23\n LDI 25 -1\n LDI 26 0\nnext:\n MNEXT 25 8 out\n MKEY 27 8 25\n MULI 26 26 "
         "2\n MODI "
         "26 26 127\n ADD 26 26 27\n JMPB next\nout:\n MLEN 27 8\n MULI 27 27 10\n ADD 25 25 27\n RETS 25",
         1090, 0},
        {"texts as keys",
         "MNEW 10 Counts\n LDQ 0 hello\n LDI 20 5\n MSET 10 0 20\n LDQ 30 hello\n CALLN 30 str.upper 1\n "
         "MFIND 21 10 1\n SCAT 1 0\n MFIND 22 10 1\n MULI 21 21 10\n ADD 21 21 22\n RETS 21",
         -10, 0},
        {"a shared one is copied", FILL "SHARE 8\n LDI 23 9\n MDEL 24 8 23\n MLEN 25 8\n RETS 25", 99, 0},
        {"texts as values",
         "MNEW 9 StrMap\n LDQ 0 hello\n LDQ 1 space\n MSET 9 0 1\n MFIND 20 9 0\n MVAL 1 9 20\n SLEN 21 "
         "1\n RETS 21",
         1, 0},
    };
    run_all(head_refs, cases, VK_COUNT(cases));
}

TEST(interp_run, texts)
{
    static const struct run_case cases[] = {
        {"SLEN", "LDQ 0 hello\n SLEN 20 0\n RETS 20", 5, 0},
        {"SEQ", "LDQ 0 hello\n LDQ 1 hello\n SEQ 20 0 1\n RETS 20", 1, 0},
        {"SEQ not", "LDQ 0 hello\n LDQ 1 world\n SEQ 20 0 1\n RETS 20", 0, 0},
        {"SCMP", "LDQ 0 hello\n LDQ 1 world\n SCMP 20 0 1\n RETS 20", -1, 0},
        {"SCMP after", "LDQ 0 world\n LDQ 1 hello\n SCMP 20 0 1\n RETS 20", 1, 0},
        {"SCAT", "LDQ 0 hello\n LDQ 1 space\n SCAT 0 0 1 0\n SLEN 20 0\n RETS 20", 11, 0},
        {"SCAT of none", "SCAT 0\n SLEN 20 0\n RETS 20", 0, 0},
        {"SITOA", "LDK 20 " MIN "\n SITOA 0 20\n SLEN 21 0\n RETS 21", 20, 0},
        {"SFTOA", "LDK 20 -2.25\n SFTOA 0 20\n SLEN 21 0\n RETS 21", 5, 0},
        {"BYTE", "LDQ 0 hello\n LDI 20 1\n BYTE 21 0 20\n RETS 21", 'e', 0},
        {"BYTE out", "LDQ 0 hello\n LDI 20 5\n BYTE 21 0 20\n RETS 21", 0, INTERP_TRAP_INDEX},
    };
    run_all(head_refs, cases, VK_COUNT(cases));
}

TEST(interp_run, fibers)
{
    static const struct run_case cases[] = {
        {"SPAWN, AWAITS",
         "LDI 30 21\n SPAWN 30 twice 16\n AWAITS 20 16\n AWAITS 21 16\n ADD 20 20 21\n RETS 20", 84, 0},
        {"AWAIT", "SPAWN 30 text 17\n AWAIT 0 17\n SLEN 20 0\n RETS 20", 5, 0},
        {"each takes its turn",
         "LDQ 0 hello\n LDI 20 0\n NEW 2 Cell 0 20 20\n MOVR 30 2\n LDI 31 3\n SPAWN 30 count 16\n MOVR 30 "
         "2\n LDI 31 "
         "5\n SPAWN 30 count 18\n AWAITS 21 16\n AWAITS 22 18\n GETF 23 2 1\n RETS 23",
         35353555, 0},
        {"the rest ends with the root", "LDI 30 21\n SPAWN 30 twice 16\n LDI 20 1\n RETS 20", 1, 0},
    };
    run_all(head_refs, cases, VK_COUNT(cases));
}

/* A top-level value whose function has not run yet: no reference, whoever reads it. */
TEST(interp_run, a_late_constant_that_is_not_set_traps)
{
    load(head_refs, "LDQ 0 hello\n SLEN 20 0\n RETS 20");
    struct interp_header *h = (struct interp_header *)(void *)vm.file;
    struct interp_ref *refs =
        (struct interp_ref *)(void *)(vm.file + h->sections[INTERP_SECTION_REFS].offset);
    refs[0].offset = 0;
    refs[0].late = 1;
    asm_seal(vm.file);
    CHECK_EQ(vm_open(&vm), 0);
    CHECK_EQ(vm_run(&vm, "main", heap, sizeof heap), PROC_RUN_FAIL);
    CHECK_EQ(vm.state.trap, INTERP_TRAP_NIL);
}
