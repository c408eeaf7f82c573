/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a codec that is none of the compiler's ends the process, and makes no
 * object with a reference of 0; a fiber is never looked at as a value. Method:
 * codecs written here, read with texts that fit them, or made for a fiber
 * while what lies behind the types would fit as one.
 */
#include "interp/interp_impl.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/fmt.h"

static struct vm vm;
static _Alignas(4096) uint8_t heap[64u << 10];

/* The numbers of the types below. */
enum { STR = 1, BYTES, PAIR, ERROR, MALFORMED, MISMATCH, RESULT };

static const char program[] = "type Str str\n"
                              "type Bytes bytes\n"
                              "type Pair record Str Str\n"
                              "type Error enum Malformed Mismatch\n"
                              "type Malformed variant Error 0 Str int\n"
                              "type Mismatch variant Error 1 Str Str\n"
                              "type Result enum Ok Err\n"
                              "type Ok variant Result 0 Pair\n"
                              "type Err variant Result 1 Error\n"
                              "type Read fn Str Bytes > Result\n"
                              "type F fn > int\n"
                              "native json.read Read\n"
                              "data text str Str %s\n"
                              "data codec bytes Bytes \"%.*s\"\n"
                              "func main F 8 Result Str\n"
                              " LDQ 4 text\n LDQ 5 codec\n CALLN 4 json.read 0\n TAG 3 0\n RETS 3\nend\n";

/* Reading a Pair: its fields are named a and b. */
struct codec {
    struct interp_codec head;
    struct interp_codec_node nodes[3];
    struct interp_codec_field fields[3];
    char names[8];
};

static struct codec codec_of(enum interp_codec_kind kind, uint16_t place_a, uint16_t place_b)
{
    uint32_t names = offsetof(struct codec, names);
    return (struct codec){
        .head = {3, 3},
        .nodes = {{.kind = INTERP_CODEC_RESULT, .type = RESULT, .first = 0, .count = 1},
                  {.kind = (uint8_t)kind, .type = PAIR, .first = 1, .count = 2},
                  {.kind = INTERP_CODEC_STR, .type = STR}},
        .fields = {{.node = 1},
                   {.name = names + 1, .name_len = 1, .node = 2, .place = place_a},
                   {.name = names + 5, .name_len = 1, .node = 2, .place = place_b}},
        .names = {'"', 'a', '"', ':', '"', 'b', '"', ':'},
    };
}

/* Loads a program, as a format, with its first datum, as the assembler wants it, and the codec as its second.
 */
static void load(const char *format, const char *quoted, const struct codec *codec)
{
    static char text[4096], room[sizeof *codec];
    struct vk_out out;
    memset(room, 'x', sizeof room);
    vk_out_init(&out, text, sizeof text - 1);
    vk_out_fmt(&out, format, quoted, (int)sizeof room, (const char *)room);
    CHECK_EQ(vk_out_status(&out), 0);
    *out.at = 0;
    if (vm_load(&vm, text))
        test_fail(quoted, vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
    const struct interp_header *h = (const void *)vm.file;
    uint32_t data = h->sections[INTERP_SECTION_DATA].offset;
    memcpy(vm.file + data + vm.module.refs[1].offset + sizeof(struct interp_object), codec, sizeof *codec);
    asm_seal(vm.file);
    CHECK_EQ(vm_open(&vm), 0);
    memset(heap, 0, sizeof heap);
}

/* How it ends when that codec reads the text. */
static int read_with(const char *quoted, const struct codec *codec)
{
    load(program, quoted, codec);
    return vm_run(&vm, "main", heap, sizeof heap);
}

static const struct {
    enum interp_codec_kind kind;
    const char *text;
} forms[] = {
    {INTERP_CODEC_RECORD, "\"{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"y\\\"}\""},
    {INTERP_CODEC_TUPLE, "\"[\\\"x\\\",\\\"y\\\"]\""},
};

TEST(interp_codec, each_field_has_a_place_of_its_own)
{
    for (uint32_t i = 0; i < VK_COUNT(forms); i++) {
        struct codec right = codec_of(forms[i].kind, 0, 1), turned = codec_of(forms[i].kind, 1, 0);
        CHECK_EQ(read_with(forms[i].text, &right), PROC_RUN_END);
        CHECK_EQ(vm.state.result, 0); /* Ok */
        CHECK_EQ(read_with(forms[i].text, &turned), PROC_RUN_END);
        CHECK_EQ(vm.state.result, 0);
        struct codec first = codec_of(forms[i].kind, 0, 0), second = codec_of(forms[i].kind, 1, 1);
        struct codec beyond = codec_of(forms[i].kind, 0, 2);
        CHECK_EQ(read_with(forms[i].text, &first), PROC_RUN_FAIL);
        CHECK_EQ(read_with(forms[i].text, &second), PROC_RUN_FAIL);
        CHECK_EQ(read_with(forms[i].text, &beyond), PROC_RUN_FAIL);
    }
}

/* A name is part of what is written and of what is said of errors: text. */
TEST(interp_codec, a_name_that_is_no_text_makes_no_codec)
{
    struct codec codec = codec_of(forms[0].kind, 0, 1);
    codec.fields[2].name_len = 0; /* none is text */
    CHECK_EQ(read_with(forms[0].text, &codec), PROC_RUN_END);
    codec = codec_of(forms[0].kind, 0, 1);
    codec.names[5] = (char)0xff;
    CHECK_EQ(read_with(forms[0].text, &codec), PROC_RUN_FAIL);
    CHECK_EQ(vm.state.trap, INTERP_TRAP_SENT);
    codec.names[5] = (char)0xc3; /* with the quote behind it no character */
    CHECK_EQ(read_with(forms[0].text, &codec), PROC_RUN_FAIL);
}

static const char writing[] = "type Str str\n"
                              "type Bytes bytes\n"
                              "type Job fiber int\n"
                              "type Write fn Job Bytes > Str\n"
                              "type F fn > int\n"
                              "native json.write Write\n"
                              "data text str Str %s\n"
                              "data codec bytes Bytes \"%.*s\"\n"
                              "func one F 2\n LDI 0 1\n RETS 0\nend\n"
                              "func main F 12 Job Str\n SPAWN 6 one 0\n MOVR 6 0\n LDQ 7 codec\n"
                              " CALLN 6 json.write 1\n SLEN 3 1\n RETS 3\nend\n";

TEST(interp_codec, a_fiber_is_no_value)
{
    static const uint8_t kinds[][2] = {{INTERP_CODEC_RECORD, INTERP_KIND_RECORD},
                                       {INTERP_CODEC_ENUM, INTERP_KIND_VARIANT}};
    for (uint32_t i = 0; i < VK_COUNT(kinds); i++) {
        struct codec codec = codec_of(INTERP_CODEC_RECORD, 0, 1);
        codec.nodes[0] =
            (struct interp_codec_node){.kind = kinds[i][0], .type = INTERP_OWN_FIBER, .count = 0};
        if (kinds[i][0] == INTERP_CODEC_ENUM) {
            codec.nodes[0] =
                (struct interp_codec_node){.kind = kinds[i][0], .type = 1, .first = 1, .count = 1};
            codec.fields[1].node = INTERP_CODEC_NOTHING;
        }
        load(writing, "\"\"", &codec);
        const struct interp_type type = {.kind = kinds[i][1], .of = 1};
        uint8_t *behind = (uint8_t *)(uintptr_t)vm.image.types + INTERP_OWN_FIBER * sizeof type;
        CHECK(behind > vm.memory && behind + sizeof type <= (uint8_t *)&vm.image);
        memcpy(behind, &type, sizeof type);
        CHECK_EQ(vm_run(&vm, "main", heap, sizeof heap), PROC_RUN_FAIL);
    }
}
