/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever is changed in a module, it is refused or runs without
 * touching anything but its own objects. Method: bits flipped, bytes and fields
 * edited, words copied from elsewhere in the file, functions spliced, checksum
 * made right; what the verifier accepts is run under the checks of
 * INTERP_CHECKED (no clamp: every access is asserted to lie where objects
 * are), in a heap with unmapped pages around it.
 *
 * With a module of its own (FILE.vkb), constant objects are changed more often
 * than code, and every function without parameters is run: that is for codecs
 * (codecs.vk), which nobody verifies.
 *
 * Usage: mutate [ROUNDS [SEED [FILE.vkb]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/interp/corpus.h"
#include "tests/interp/vm.h"

#define HEAP_BYTES (64u << 10)

static struct vm vm;
static uint8_t good[VM_FILE_BYTES];

static uint64_t random_state;
static enum interp_section favourite = INTERP_SECTION_CODE;

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
            &h->sections[below(3) ? (uint32_t)favourite : below(INTERP_SECTION_END)];
        if (span->bytes >= align)
            return span->offset + below(span->bytes / align) * align;
    }
}

static void *section(struct interp_header *h, enum interp_section kind)
{
    return (uint8_t *)h + h->sections[kind].offset;
}

static uint32_t count(const struct interp_header *h, enum interp_section kind, size_t size)
{
    return h->sections[kind].bytes / (uint32_t)size;
}

static void edit_type(struct interp_header *h, struct interp_type *type)
{
    uint32_t types = count(h, INTERP_SECTION_TYPES, sizeof *type);
    switch (below(7)) {
    case 0:
        type->kind = (uint8_t)below(INTERP_KIND_END);
        break;
    case 1:
        type->of = (uint16_t)below(types);
        break;
    case 2:
        type->key = (uint16_t)below(types);
        break;
    case 3:
        type->flags ^= INTERP_TYPE_MUTABLE;
        break;
    case 4:
        type->refs = (uint16_t)below(6);
        break;
    case 5:
        type->count = (uint16_t)below(6);
        break;
    default:
        type->tag = (uint16_t)below(3);
        break;
    }
}

/* A field of a record gets a value that such a field may have. */
static void edit_field(struct interp_header *h)
{
    struct interp_type *type = section(h, INTERP_SECTION_TYPES);
    struct interp_function *fn = section(h, INTERP_SECTION_FUNCTIONS);
    struct interp_ref *ref = section(h, INTERP_SECTION_REFS);
    uint16_t *words = section(h, INTERP_SECTION_TYPE_WORDS), *regs = section(h, INTERP_SECTION_REG_TYPES);
    uint32_t types = count(h, INTERP_SECTION_TYPES, sizeof *type);
    fn += below(count(h, INTERP_SECTION_FUNCTIONS, sizeof *fn));
    switch (below(7)) {
    case 0:
        fn->signature = (uint16_t)below(types);
        break;
    case 1:
        fn->refs = (uint8_t)below(12);
        break;
    case 2:
        fn->regs = (uint8_t)below(40);
        break;
    case 3:
        ref[below(count(h, INTERP_SECTION_REFS, sizeof *ref))].type = (uint16_t)below(types);
        break;
    case 4:
        words[below(count(h, INTERP_SECTION_TYPE_WORDS, 2))] = (uint16_t)below(types);
        break;
    case 5:
        regs[below(count(h, INTERP_SECTION_REG_TYPES, 2))] = (uint16_t)below(types);
        break;
    default:
        edit_type(h, type + below(types));
        break;
    }
}

/* Some instructions of one function into another; or as much of it as has room there, as what it was. */
static void splice(struct interp_header *h)
{
    struct interp_function *fns = section(h, INTERP_SECTION_FUNCTIONS);
    uint32_t functions = count(h, INTERP_SECTION_FUNCTIONS, sizeof *fns);
    struct interp_function *to = &fns[below(functions)], *from = &fns[below(functions)];
    uint32_t *code = section(h, INTERP_SECTION_CODE);
    uint32_t words = from->code_words < to->code_words ? from->code_words : to->code_words;
    if (below(2)) {
        uint32_t n = 1 + below(words), at = below(to->code_words - n + 1);
        memmove(code + to->code + at, code + from->code + below(from->code_words - n + 1), 4 * (size_t)n);
        return;
    }
    struct interp_function placed = *from;
    memmove(code + to->code - 1, code + from->code - 1, 4 * (size_t)(words + 1));
    placed.code = to->code;
    placed.code_words = below(2) ? words : to->code_words;
    *to = placed;
}

static void change_byte(struct interp_header *h)
{
    uint8_t *at = (uint8_t *)h + place(h, 1);
    switch (below(3)) {
    case 0:
        *at = (uint8_t)(*at ^ 1u << below(8));
        break;
    case 1:
        *at = (uint8_t)below(256);
        break;
    default:
        *at = (uint8_t)(*at + (below(2) ? 1 : -1));
        break;
    }
}

static void change_bytes(struct interp_header *h)
{
    uint32_t *code = section(h, INTERP_SECTION_CODE);
    switch (below(6)) {
    case 0: /* another opcode */
    case 1:
        *(uint8_t *)(code + below(count(h, INTERP_SECTION_CODE, 4))) = (uint8_t)below(INTERP_OP_END);
        break;
    case 2: /* a word of elsewhere */
        memcpy((uint8_t *)h + place(h, 4), (uint8_t *)h + place(h, 4), 4);
        break;
    default:
        change_byte(h);
        break;
    }
}

/* The first change, of the file as it should be: what it follows there is good. */
static void change(struct interp_header *h)
{
    uint32_t kind = favourite == INTERP_SECTION_DATA ? 3 : below(4);
    if (kind == 0)
        splice(h);
    else if (kind == 1)
        edit_field(h);
    else
        change_bytes(h);
}

static void *guarded_heap(void)
{
    uint8_t *map = mmap(NULL, HEAP_BYTES + 2 * VK_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + VK_PAGE_BYTES, HEAP_BYTES, PROT_READ | PROT_WRITE))
        abort();
    return map + VK_PAGE_BYTES;
}

/* Every function that takes nothing. */
static unsigned run_each(void *heap, uint32_t *ret_logged)
{
    unsigned collections = 0;
    *ret_logged = 0;
    for (uint32_t i = 0; i < vm.image.functions_count; i++) {
        if (vm.image.types[vm.image.functions[i].signature].count != 0)
            continue;
        (void)vm_run_at(&vm, i, heap, HEAP_BYTES);
        *ret_logged += vm.log_len;
        collections += vm.state.collections;
    }
    return collections;
}

static unsigned run_all(void *heap)
{
    unsigned collections = 0;
    static const char *const functions[] = {"main", "ints", "floats", "lets", "asks"};
    uint32_t logged;
    if (favourite == INTERP_SECTION_DATA)
        return run_each(heap, &logged);
    for (uint32_t i = 0; i < VK_COUNT(functions); i++) {
        uint32_t index = interp_image_find(&vm.image, vk_span(functions[i], strlen(functions[i])));
        if (index == INTERP_NOWHERE || vm.image.types[vm.image.functions[index].signature].count != 0)
            continue;
        (void)vm_run(&vm, functions[i], heap, HEAP_BYTES);
        collections += vm.state.collections;
    }
    return collections;
}

static bool load_file(const char *path, void *heap)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    vm.file_bytes = fread(vm.file, 1, sizeof vm.file, file);
    fclose(file);
    favourite = INTERP_SECTION_DATA;
    uint32_t logged = 0;
    if (!vm_open(&vm))
        (void)run_each(heap, &logged);
    return logged > 0;
}

static bool load_corpus(void *heap)
{
    return !vm_load(&vm, corpus_module) && vm_run(&vm, "main", heap, HEAP_BYTES) == PROC_RUN_END &&
           vm_run(&vm, "asks", heap, HEAP_BYTES) == PROC_RUN_END && vm.state.result == 5; /* of "hello" */
}

int main(int argc, char **argv)
{
    unsigned long long collections = 0;
    uint32_t rounds = argc > 1 ? (uint32_t)atol(argv[1]) : 100000, accepted = 0;
    uint64_t seed = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    void *heap = guarded_heap();
    if (!(argc > 3 ? load_file(argv[3], heap) : load_corpus(heap))) {
        printf("the module is refused, or does not run: %s %s %s\n", vm.assembly.error,
               vm.refusal.why ? vm.refusal.why : "", vm.log);
        return 1;
    }
    size_t len = vm.file_bytes;
    memcpy(good, vm.file, len);
    vm.runs_max = 20;
    for (uint32_t i = 0; i < rounds; i++) {
        random_state = (seed + i) * 0x9e3779b97f4a7c15u | 1;
        memcpy(vm.file, good, len);
        change((struct interp_header *)(void *)vm.file);
        for (uint32_t n = below(4); n > 0; n--)
            change_bytes((struct interp_header *)(void *)vm.file);
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
