/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a process that waits costs one page of its slot. Method: the program's
 * first test, which sleeps, is run until it waits; then the pages of its heap
 * that the system has given are counted, and the mark up to which the kernel
 * would wipe is looked at. As a check of the counting, the second test, which
 * fills a list first, takes more.
 *
 * Usage: idle FILE
 */
#include <stdio.h>
#include <sys/mman.h>

#include "interp/program.h"
#include "vkd/load.h"

#define HEAP_BYTES 65536u
#define PAGES      (HEAP_BYTES / VK_PAGE_BYTES)

static struct vkd_loaded loaded = {.has_tests = true, .seed = 1};
static struct interp_program program;

/* Pages of a process that waits; 0: it does not. */
static uint32_t pages_of(uint32_t function, uint32_t *ret_mark)
{
    unsigned char there[PAGES];
    uint32_t count = 0;
    struct proc_self *self =
        mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (self == MAP_FAILED)
        return 0;
    interp_program_init(&program, "test", &loaded.code.image, function, HEAP_BYTES, 1000000);
    self->heap = (struct vk_heap){sizeof *self, HEAP_BYTES};
    program.program.start(&program.program, self);
    self->budget = PROC_BUDGET;
    bool waits = program.program.resume(&program.program, self) == PROC_RUN_WAIT;
    if (mincore(self, HEAP_BYTES, there))
        return 0;
    for (uint32_t i = 0; i < PAGES; i++)
        count += there[i] & 1;
    *ret_mark = program.program.used(&program.program, self);
    (void)munmap(self, HEAP_BYTES);
    return waits ? count : 0;
}

int main(int argc, char **argv)
{
    static const struct interp_native *const natives[] = {interp_natives, interp_list_natives,
                                                          interp_text_natives, NULL};
    uint32_t mark = 0, larger_mark = 0;
    if (argc < 2 || !vkd_load_image(argv[1], natives, &loaded))
        return 2;
    const struct interp_services *services = (const void *)loaded.code.module.services;
    const struct interp_test *tests = (const void *)(loaded.code.module.services + services->tests.first);
    uint32_t pages = pages_of(tests[0].function, &mark), larger = pages_of(tests[1].function, &larger_mark);
    printf("asleep: %u page, mark at %u bytes; with a list: %u pages, mark at %u\n", pages, mark, larger,
           larger_mark);
    return pages == 1 && mark <= VK_PAGE_BYTES && larger > 2 && larger_mark > VK_PAGE_BYTES ? 0 : 1;
}
