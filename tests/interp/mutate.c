/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever is changed in a module, it is refused or runs without
 * touching anything but its own objects. Method: bits flipped, fields edited,
 * words copied from elsewhere in the file, checksum made right; what the
 * verifier accepts is run under the checks of INTERP_CHECKED (every access
 * lies where objects are), in a heap with unmapped pages around it.
 *
 * Usage: mutate [ROUNDS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/interp/corpus.h"
#include "tests/interp/vm.h"

#define HEAP_BYTES (64u << 10)

static struct vm vm;
static uint8_t good[VM_FILE_BYTES];

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state << 13; /* Marsaglia, "Xorshift RNGs", 2003 */
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % limit);
}

/* A place in a section with something in it; code more often than the rest. */
static uint32_t place(const struct interp_header *h, uint32_t align)
{
    for (;;) {
        const struct interp_span *span =
            &h->sections[below(3) ? INTERP_SECTION_CODE : below(INTERP_SECTION_END)];
        if (span->bytes >= align)
            return span->offset + below(span->bytes / align) * align;
    }
}

static void change(struct interp_header *h)
{
    uint8_t *bytes = (uint8_t *)h;
    uint32_t at;
    switch (below(5)) {
    case 0:
        at = place(h, 1);
        bytes[at] = (uint8_t)(bytes[at] ^ 1u << below(8));
        break;
    case 1:
        at = place(h, 1);
        bytes[at] = (uint8_t)below(256);
        break;
    case 2:
        at = place(h, 1);
        bytes[at] = (uint8_t)(bytes[at] + (below(2) ? 1 : -1));
        break;
    case 3: /* another opcode */
        at = h->sections[INTERP_SECTION_CODE].offset + below(h->sections[INTERP_SECTION_CODE].bytes / 4) * 4;
        bytes[at] = (uint8_t)below(INTERP_OP_END);
        break;
    default: /* a word of elsewhere */
        at = place(h, 4);
        memcpy(bytes + at, bytes + place(h, 4), 4);
        break;
    }
}

static void *guarded_heap(void)
{
    uint8_t *map = mmap(NULL, HEAP_BYTES + 2 * VK_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + VK_PAGE_BYTES, HEAP_BYTES, PROT_READ | PROT_WRITE))
        abort();
    return map + VK_PAGE_BYTES;
}

static unsigned run_all(void *heap)
{
    unsigned collections = 0;
    static const char *const functions[] = {"main", "ints", "floats"};
    for (uint32_t i = 0; i < VK_COUNT(functions); i++) {
        uint32_t index = interp_image_find(&vm.image, vk_span(functions[i], i == 0 ? 4 : i == 1 ? 4 : 6));
        if (index == INTERP_NOWHERE || vm.image.types[vm.image.functions[index].signature].count != 0)
            continue;
        (void)vm_run(&vm, functions[i], heap, HEAP_BYTES);
        collections += vm.state.collections;
    }
    return collections;
}

int main(int argc, char **argv)
{
    unsigned long long collections = 0;
    uint32_t rounds = argc > 1 ? (uint32_t)atol(argv[1]) : 100000, accepted = 0;
    uint64_t seed = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    void *heap = guarded_heap();
    if (vm_load(&vm, corpus_module)) {
        printf("the module is refused: %s %s\n", vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
        return 1;
    }
    if (vm_run(&vm, "main", heap, HEAP_BYTES) != PROC_RUN_END) {
        printf("the module does not run: %s\n", vm.log);
        return 1;
    }
    size_t len = vm.file_bytes;
    memcpy(good, vm.file, len);
    vm.runs_max = 20;
    for (uint32_t i = 0; i < rounds; i++) {
        random_state = (seed + i) * 0x9e3779b97f4a7c15u | 1;
        memcpy(vm.file, good, len);
        for (uint32_t n = 1 + below(4); n > 0; n--)
            change((struct interp_header *)(void *)vm.file);
        asm_seal(vm.file);
        if (vm_open(&vm))
            continue;
        accepted++;
        collections += run_all(heap);
    }
    printf("%u modules from seed %llu, %u accepted and run, %llu collections\n", rounds,
           (unsigned long long)seed, accepted, collections);
    return accepted > 0 && accepted < rounds ? 0 : 1;
}
