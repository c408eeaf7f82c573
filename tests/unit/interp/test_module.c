/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a file that is no module is refused with the reason. Method: a good
 * file, one change, the message.
 */
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/fmt.h"

static struct vm vm;

static struct interp_header *assemble(void)
{
    CHECK_EQ(vm_load(&vm, "type F fn > int\nfunc main F 2\n LDI 0 1\n RETS 0\nend\n"), 0);
    return (struct interp_header *)vm.file;
}

static void check_refused(const char *why)
{
    CHECK_EQ(vm_open(&vm), -VK_EMALFORMED);
    size_t len = 0;
    while (why[len])
        len++;
    CHECK_MEM(vm.refusal.why, why, len + 1);
}

TEST(interp_module, header)
{
    assemble()->magic++;
    check_refused("this is no module file");
    assemble()->version++;
    check_refused("the module has another format version; build it anew");
    assemble()->bytes++;
    check_refused("the file is cut short or has something behind it");
    assemble();
    vm.file_bytes = sizeof(struct interp_header) - 1;
    check_refused("the file is shorter than a header");
    assemble();
    vm.file[vm.file_bytes - 1]++;
    check_refused("wrong checksum: the file is damaged");
}

TEST(interp_module, sections)
{
    struct interp_header *h = assemble();
    h->sections[INTERP_SECTION_CODE].offset += 4;
    check_refused("a section is not aligned to 8");
    h = assemble();
    h->sections[INTERP_SECTION_CODE].offset -= 8;
    check_refused("sections overlap or are out of order");
    h = assemble();
    h->sections[INTERP_SECTION_CODE].bytes = 0xfffffffc;
    check_refused("a section reaches past the end of the file");
    h = assemble();
    h->sections[INTERP_SECTION_CODE].bytes--;
    check_refused("a section is no whole number of entries");
    h = assemble();
    ((uint8_t *)h)[h->sections[INTERP_SECTION_NAMES].offset] = 'x';
    asm_seal(h);
    check_refused("the names do not begin and end with NUL");
    h = assemble();
    h->sections[INTERP_SECTION_NAMES].bytes--;
    check_refused("the names do not begin and end with NUL");
    h = assemble();
    h->sections[INTERP_SECTION_NAMES].bytes = 0;
    check_refused("the names do not begin and end with NUL");
}

TEST(interp_module, a_name_that_lies_elsewhere_is_told_as_none)
{
    assemble();
    uint32_t end = vm.module.counts[INTERP_SECTION_NAMES];
    CHECK(interp_module_name(&vm.module, end)[0] == '?');
    CHECK(interp_module_name(&vm.module, end - 1)[0] == 0);
}

TEST(interp_module, no_prefix_of_a_file_is_a_module)
{
    assemble();
    for (size_t whole = vm.file_bytes; vm.file_bytes > 0;) {
        vm.file_bytes--;
        CHECK(vm.file_bytes < whole);
        CHECK_EQ(vm_open(&vm), -VK_EMALFORMED);
    }
}

#define HOST_TYPES                                                                      \
    "type S str\ntype L list S\ntype N list int\ntype O opt S\ntype M enum Some None\n" \
    "type Some variant M 0 int\ntype None variant M 1\ntype R enum Ok Err\n"            \
    "type Ok variant R 0 int\ntype Err variant R 1 S\ntype F fn S int > int\n"          \
    "type Fl fn L > N\ntype Fo fn O M > O\ntype Fr fn > R\ntype Fn fn S > none\n"
#define PRICE "type S str\ntype F fn S int > int\nhost price F \"fn(Str, Int) -> Float\"\n"

static int price(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_float(call, 1);
}

static bool explains(const struct interp_hosts *hosts, const char *expected)
{
    static uint8_t memory[256];
    struct vk_out out;
    vk_out_init(&out, memory, sizeof memory);
    return interp_host_explain(&vm.module, hosts, vm.refusal.at, &out) &&
           vk_span_equal(vk_out_span(&out), vk_span_text(expected));
}

TEST(interp_module, functions_of_the_host_are_linked_by_name_and_signature)
{
    static struct interp_host_function has = {.name = "price", .text = "fn(Str,Int) -> Float", .fn = price};
    static struct interp_hosts hosts = {.functions = &has, .count = 1};
    vm.hosts = &hosts;
    CHECK(interp_signature_read(vk_span_text(has.text), &has.signature));
    CHECK_EQ(vm_load(&vm, PRICE), 0);
    has.text = "fn(Int, Str) -> Float"; /* the same types in bytecode, not for the host */
    CHECK(interp_signature_read(vk_span_text(has.text), &has.signature));
    CHECK_EQ(vm_load(&vm, PRICE), -VK_ENOENT);
    CHECK(explains(&hosts,
                   "it declares the host function price as fn(Str, Int) -> Float, and the host has it as "
                   "fn(Int, Str) -> Float"));
    has.name = "prices";
    CHECK_EQ(vm_load(&vm, PRICE), -VK_ENOENT);
    CHECK(explains(&hosts, "it needs the host function price, fn(Str, Int) -> Float, and there is none"));
    hosts.is_late = true;
    CHECK_EQ(vm_load(&vm, PRICE), 0);
    vm.hosts = NULL;
    CHECK_EQ(vm_load(&vm, PRICE), -VK_ENOENT);
    CHECK_EQ(vm_load(&vm, "type F fn > int\nnative no.such F\n"), -VK_ENOENT);
    CHECK(!explains(NULL, ""));
}

/* A signature as text that says something else than the type would give the host what is not there. */
TEST(interp_module, text_and_type_of_a_function_of_the_host_agree)
{
    static const char *const good[] = {"F \"fn(Str, Int) -> Duration\"",      "F \"fn(Bool, Str) -> Int\"",
                                       "Fl \"fn(List<Str>) -> List<Float>\"", "Fo \"fn(Str?, Int?) -> Str?\"",
                                       "Fr \"fn() -> Result<Bool, Str>\"",    "Fn \"fn(Str)\""};
    static const char *const bad[] = {"F \"fn(Str, Str) -> Int\"",
                                      "F \"fn(Int, Int) -> Int\"",
                                      "F \"fn(Str) -> Int\"",
                                      "F \"fn(Str, Int, Int) -> Int\"",
                                      "F \"fn(Str, Int)\"",
                                      "F \"fn(Str, Int) -> Str\"",
                                      "F \"fn(Str, Int) -> Int?\"",
                                      "F \"fn(Bytes, Int) -> Int\"",
                                      "F \"fn(Str?, Int) -> Int\"",
                                      "Fl \"fn(List<Int>) -> List<Int>\"",
                                      "Fl \"fn(Str) -> List<Int>\"",
                                      "Fl \"fn(List<Str>) -> List<Str>\"",
                                      "Fo \"fn(Int?, Str?) -> Str?\"",
                                      "Fo \"fn(Str?, Int?) -> Str\"",
                                      "Fo \"fn(Str, Int?) -> Str?\"",
                                      "Fo \"fn(Bytes?, Int?) -> Str?\"",
                                      "Fr \"fn() -> Result<Str, Str>\"",
                                      "Fr \"fn() -> Bool?\"",
                                      "Fr \"fn() -> Result<Nil, Str>?\"",
                                      "Fn \"fn(Str) -> Int\"",
                                      "Fr \"nonsense\"",
                                      "Fr \"fn(\""};
    static struct interp_hosts none = {.is_late = true};
    static char text[1024];
    vm.hosts = &none;
    for (size_t i = 0; i < VK_COUNT(good) + VK_COUNT(bad); i++) {
        struct vk_out out;
        bool is_good = i < VK_COUNT(good);
        vk_out_init(&out, text, sizeof text - 1);
        vk_out_fmt(&out, HOST_TYPES "host h %s\n", is_good ? good[i] : bad[i - VK_COUNT(good)]);
        *out.at = 0;
        if (vm_load(&vm, text) != (is_good ? 0 : -VK_EMALFORMED))
            test_fail(text, is_good ? "is refused" : "is accepted", "");
    }
    vm.hosts = NULL;
}

TEST(interp_module, natives_are_linked_by_name_and_signature)
{
    CHECK_EQ(vm_load(&vm, "type F fn > int\nnative no.such F\n"), -VK_ENOENT);
    CHECK_EQ(vm_load(&vm, "type F fn > int\nnative now F\n"), 0);
    CHECK_EQ(vm_load(&vm, "type F fn int > int\nnative now F\n"), -VK_ENOENT);
    CHECK_EQ(vm_load(&vm, "type F fn > none\nnative now F\n"), -VK_ENOENT);
}
