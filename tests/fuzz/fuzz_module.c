/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: edits of a module that uses every instruction, 6 bytes each: a place
 * and the word to put there. What the verifier accepts runs under the checks
 * of INTERP_CHECKED.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/interp/corpus.h"
#include "tests/interp/vm.h"

static struct vm vm;
static uint8_t good[VM_FILE_BYTES];
static size_t good_bytes;
static _Alignas(4096) uint8_t heap[64u << 10];

static void edit(const uint8_t *data, size_t size)
{
    memcpy(vm.file, good, good_bytes);
    for (; size >= 6; data += 6, size -= 6) {
        size_t words = (good_bytes - sizeof(struct interp_header)) / 4;
        size_t at = sizeof(struct interp_header) + (size_t)(data[0] | data[1] << 8) % words * 4;
        memcpy(vm.file + at, data + 2, 4);
    }
    asm_seal(vm.file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (good_bytes == 0) {
        FUZZ_CHECK(vm_load(&vm, corpus_module) == 0);
        good_bytes = vm.file_bytes;
        memcpy(good, vm.file, good_bytes);
        vm.runs_max = 20;
    }
    vm.file_bytes = good_bytes;
    edit(data, size);
    if (vm_open(&vm))
        return 0;
    uint32_t index = interp_image_find(&vm.image, VK_SPAN_LIT("main"));
    if (index != INTERP_NOWHERE && vm.image.types[vm.image.functions[index].signature].count == 0)
        (void)vm_run(&vm, "main", heap, sizeof heap);
    return 0;
}
