/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a file that is no module is refused with the reason. Method: a good
 * file, one change, the message.
 */
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"

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

TEST(interp_module, natives_are_linked_by_name_and_signature)
{
    CHECK_EQ(vm_load(&vm, "type F fn > int\nnative no.such F\n"), -VK_ENOENT);
    CHECK_EQ(vm_load(&vm, "type F fn > int\nnative now F\n"), 0);
    CHECK_EQ(vm_load(&vm, "type F fn int > int\nnative now F\n"), -VK_ENOENT);
    CHECK_EQ(vm_load(&vm, "type F fn > none\nnative now F\n"), -VK_ENOENT);
}
