/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: top-level values are computed in order, frozen whole, with what they
 * share still shared, and refused with the reason when they cannot be. Method:
 * small modules; their image is looked at, and functions that use the values
 * are run.
 */
#include "interp/interp_impl.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"

static struct vm vm;
static _Alignas(4096) uint8_t heap[64u << 10];

#define TYPES                                                                                            \
    "type Str str\ntype F fn > int\ntype Text fn > Str\ntype Ints list int\ntype Strs list Str\n"        \
    "type Pair record Str Str int\ntype MakePair fn > Pair\ntype MakeInts fn > Ints\n"                   \
    "type MakeStrs fn > Strs\ntype Map map Str Ints\ntype MakeMap fn > Map\ntype Maybe opt Str\n"        \
    "type MakeMaybe fn > Maybe\ntype Cell mutable Str int\ntype MakeCell fn > Cell\ntype Sleep fn int "  \
    "> none\ntype Say fn Str > none\nnative sleep Sleep\nnative log Say\ndata hello str Str \"hello\"\n" \
    "data world str Str \" world\"\n"

/* A list of n numbers. */
#define COUNT                                                                                          \
    "type Counted fn int > Ints\n"                                                                     \
    "func count Counted 4 Ints\n LNEW 0 Ints 0\n LDI 2 0\n MOV 3 1\n JGE 2 3 out\nloop:\n LPUSH 0 2\n" \
    " LOOP 2 loop\nout:\n RETR 0\nend\n"

static void load(const char *text)
{
    int rc = vm_load(&vm, text);
    if (rc)
        test_fail(text, vm.assembly.error, vm.refusal.why ? vm.refusal.why : vm.lets_refusal.why);
}

static int64_t run_main(void)
{
    CHECK_EQ(vm_run(&vm, "main", heap, sizeof heap), PROC_RUN_END);
    return (int64_t)vm.state.result;
}

TEST(interp_freeze, each_is_computed_after_those_before_it)
{
    load(TYPES "let one first int\nlet greeting second Str\nlet three third int\n"
               "func first F 1\n LDI 0 40\n RETS 0\nend\n"
               "func second Text 3 Str Str\n LDQ 0 hello\n LDQ 1 world\n SCAT 0 0 1\n RETR 0\nend\n"
               "func third F 3 Str\n LDQ 0 greeting\n SLEN 1 0\n LDK 2 one\n ADD 1 1 2\n RETS 1\nend\n"
               "func main F 1\n LDK 0 three\n RETS 0\nend\n");
    CHECK_EQ(run_main(), 51);
}

TEST(interp_freeze, what_is_shared_stays_shared_and_room_is_dropped)
{
    load(TYPES COUNT "let pair make Pair\nlet list make_list Ints\n"
                     "func make MakePair 5 Str Str Str Pair\n LDQ 0 hello\n LDQ 1 world\n SCAT 2 0 1\n"
                     " LDI 4 7\n NEW 3 Pair 2 2 4\n RETR 3\nend\n"
                     "func make_list MakeInts 4 Ints\n LDI 3 5\n CALL 2 count 0\n RETR 0\nend\n"
                     "func main F 4 Pair Str\n LDQ 0 pair\n GETR 1 0 0\n SLEN 2 1\n GETF 3 0 2\n ADD 2 2 3\n"
                     " RETS 2\nend\n");
    CHECK_EQ(run_main(), 18);
    const struct interp_image *image = &vm.image;
    uint32_t before = image->module.counts[INTERP_SECTION_DATA];
    /* one record of three fields, one text of 11 bytes, one list of 5 */
    CHECK_EQ(image->data_bytes, before + 32 + 24 + 16 + 40);
    CHECK(image->data_bytes <= image->data_mask + 1 && image->data_mask < 4096);
    const uint64_t *pair = (const void *)(image->data + before);
    CHECK_EQ(pair[1], pair[2]);
}

TEST(interp_freeze, a_map_is_found_in_and_copied_when_written)
{
    load(TYPES COUNT
         "let map make Map\n"
         "func make MakeMap 6 Map Str Ints\n MNEW 0 Map\n LDI 5 3\n CALL 4 count 2\n LDQ 1 hello\n"
         " MSET 0 1 2\n LDQ 1 world\n MSET 0 1 2\n LDQ 1 hello\n MDEL 3 0 1\n RETR 0\nend\n"
         "func main F 8 Map Str Ints Map\n LDQ 0 map\n LDQ 3 map\n LDQ 1 world\n MFIND 4 0 1\n MVAL 2 0 4\n"
         " LDI 5 9\n LPUSH 2 5\n MSET 3 1 2\n MVAL 2 0 4\n LLEN 5 2\n MFIND 4 3 1\n MVAL 2 3 4\n LLEN 6 2\n"
         " MULI 6 6 10\n ADD 5 5 6\n MLEN 6 0\n MULI 6 6 100\n ADD 5 5 6\n RETS 5\nend\n");
    CHECK_EQ(run_main(), 143);
}

TEST(interp_freeze, no_value_is_a_value)
{
    load(TYPES
         "let none make Maybe\n"
         "func make MakeMaybe 1 Maybe\n LDNIL 0\n RETR 0\nend\n"
         "func main F 2 Maybe\n LDQ 0 none\n JNIL 0 yes\n LDI 1 0\n RETS 1\nyes:\n LDI 1 1\n RETS 1\nend\n");
    CHECK_EQ(run_main(), 1);
}

TEST(interp_freeze, lines_are_logged)
{
    load(TYPES "let one first int\n"
               "func first F 3 Str\n LDQ 0 hello\n MOVR 2 0\n CALLN 2 log\n LDI 1 1\n RETS 1\nend\n"
               "func main F 1\n LDK 0 one\n RETS 0\nend\n");
    CHECK_MEM(vm.log, "hello\n", 7);
}

struct refused {
    const char *what;
    const char *why; /* how the reason begins */
};

static bool begins(const struct interp_freeze_refusal *refusal, const char *with)
{
    uint32_t i = 0;
    while (with[i] && i < refusal->why_len && with[i] == refusal->why[i])
        i++;
    return with[i] == 0;
}

TEST(interp_freeze, what_cannot_be_computed_is_refused)
{
    static const struct refused cases[] = {
        {"let one f int\nfunc f F 2\n LDI 0 1\n DIVI 1 0 0\n RETS 1\nend\n", "division by zero in f:"},
        {"let one f int\nfunc f F 3\n LDI 2 1\n CALLN 2 sleep\n LDI 0 1\n RETS 0\nend\n",
         "it waits, or asks the kernel for something"},
        {"let one f Cell\nfunc f MakeCell 3 Str Cell\n LDQ 0 hello\n LDI 2 1\n NEW 1 Cell 0 2\n RETR "
         "1\nend\n",
         "its type cannot be a top-level value"},
        {"let one f Str\nfunc f Text 1 Str\n LDQ 0 one\n RETR 0\nend\n", "no value in f:"},
        {"let one f int\nfunc f F 1\nloop:\n JMPB loop\nend\n",
         "the top-level values need more than 100,000,000 reductions; CPU limit in f:"},
        {COUNT "let one f Ints\nfunc f MakeInts 4 Ints\n LDI 3 30000\n CALL 2 count 0\n RETR 0\nend\n",
         "the top-level values need more than 64 MiB; out of memory in count:"},
    };
    static char text[4096];
    for (size_t i = 0; i < VK_COUNT(cases); i++) {
        struct vk_out out;
        vk_out_init(&out, text, sizeof text - 1);
        VK_OUT_LIT(&out, TYPES);
        for (size_t n = 0; cases[i].what[n]; n++)
            vk_out_byte(&out, (uint8_t)cases[i].what[n]);
        *out.at = 0;
        if (vm_load(&vm, text) != -VK_EINVAL || vm.assembly.error[0])
            test_fail(cases[i].what, "is not refused ", vm.assembly.error);
        if (!begins(&vm.lets_refusal, cases[i].why))
            test_fail(cases[i].what, "is refused otherwise: ", vm.lets_refusal.why);
        CHECK_MEM(vm.lets_refusal.let, "one", 4);
    }
}
