/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytecode without a kernel: assemble, open, verify, lay out, and run a
 * function in a heap of the test's own. Sleeps are answered at once, lines of
 * the log are kept.
 */
#ifndef TESTS_INTERP_VM_H
#define TESTS_INTERP_VM_H

#include "interp/freeze.h"
#include "interp/program.h"
#include "interp/verify.h"
#include "tests/interp/asm.h"

#define VM_FILE_BYTES      (256u << 10)
#define VM_LETS_BYTES      (16u << 10)
#define VM_LETS_HEAP_BYTES (64u << 10)

struct vm { /* NOLINT(clang-analyzer-optin.performance.Padding): in the order of what happens */
    struct asm_state assembly;
    _Alignas(8) uint8_t file[VM_FILE_BYTES];
    size_t file_bytes;
    struct interp_module module;
    struct interp_refusal refusal;
    _Alignas(8) uint8_t scratch[512u << 10];
    _Alignas(64) uint8_t memory[1u << 20]; /* of the image */
    _Alignas(64) uint8_t lets_heap[VM_LETS_HEAP_BYTES];
    struct interp_freeze_refusal lets_refusal;
    struct interp_image image;
    struct interp_program program;
    const struct interp_native *const *natives; /* NULL: the usual ones */
    const struct interp_hosts *hosts;           /* NULL: the usual one, `ask` of vm.c */
    struct interp_state state;                  /* after vm_run */
    char log[2048];
    uint32_t log_len;
    uint32_t runs;     /* dispatches of the last vm_run */
    uint32_t runs_max; /* 0: no end */
};

/* Each says 0, or why not: -VK_EINVAL the text does not assemble (assembly.error), else as the interpreter.
 */
int vm_assemble(struct vm *vm, const char *text);
int vm_open(struct vm *vm);                   /* open, verify, lay out, freeze what is in file[] */
int vm_load(struct vm *vm, const char *text); /* both */

/*
 * Run a function without parameters in `heap`, of heap_bytes (a slot class)
 * and zeroed for the first run. Returns how it ended: PROC_RUN_END or FAIL;
 * AGAIN when runs_max was reached.
 */
int vm_run(struct vm *vm, const char *function, void *heap, uint32_t heap_bytes);
int vm_run_at(struct vm *vm, uint32_t index, void *heap, uint32_t heap_bytes); /* by its index */

#endif
