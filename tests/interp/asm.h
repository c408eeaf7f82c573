/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An assembler for tests: text to a module file, so that verifier and run
 * loop are tested without a compiler. It checks little: wrong modules are
 * what tests want. One item a line, words between blanks, `;` begins a
 * comment.
 *
 *   type NAME str|bytes|handle          type NAME handle stream
 *                                       type NAME record|mutable TYPE..
 *   type NAME enum VARIANT..            type NAME variant ENUM TAG TYPE..
 *   type NAME list TYPE                 type NAME map KEY VALUE
 *   type NAME fn TYPE.. > TYPE          type NAME env FN FUNCTION TYPE..
 *   type NAME fiber TYPE                type NAME opt TYPE
 *   (a TYPE is a name, `int` or, as a result, `none`; references come first)
 *   native NAME FN
 *   host NAME FN "fn(Int) -> Int"       a native that the host supplies
 *   data NAME str|bytes TYPE "text"
 *   data NAME new TYPE WORD..           data NAME list TYPE WORD..
 *   (a WORD is a number or the name of a datum)
 *   let NAME FUNCTION TYPE              a top-level value: its name is a datum, or for `int` a constant
 *   entry FUNCTION
 *   services WORD..                     32-bit words of the section, in order; a number or a function's name
 *   func NAME FN REGS [TYPE..]          REGS registers; the types of references that are no parameters
 *     LABEL:
 *     OPCODE OPERAND..                  registers as numbers; distances as labels; in the order of
 *   end                                 INTERP_OPS, what follows in words last (RESULT, lists, labels)
 */
#ifndef TESTS_INTERP_ASM_H
#define TESTS_INTERP_ASM_H

#include "interp/bytecode.h"
#include "vk/bytes.h"

enum {
    ASM_NAMES_MAX = 512,
    ASM_CODE_MAX = 8192,
    ASM_LABELS_MAX = 256,
    ASM_TEXT_MAX = 65536,
};

struct asm_name {
    struct vk_span text;
    uint32_t value;
};

struct asm_names {
    struct asm_name names[ASM_NAMES_MAX];
    uint32_t count;
};

struct asm_fix {
    uint32_t word; /* in code */
    uint32_t shift;
    uint32_t bits;
    uint32_t base; /* what the distance is counted from */
    bool is_back;
    struct vk_span label;
};

/* All of an assembly, some 400 KiB; zeroed at first. */
struct asm_state {
    struct vk_span rest; /* of the text */
    struct vk_span words[256];
    uint32_t words_count;
    uint32_t line;
    char error[128];
    struct asm_names types, functions, natives, data, labels, numbers;
    struct interp_type type[ASM_NAMES_MAX];
    uint16_t type_words[4096];
    struct interp_function function[ASM_NAMES_MAX];
    uint16_t reg_types[4096];
    uint32_t heads[512];
    uint32_t code[ASM_CODE_MAX];
    uint64_t constants[1024];
    uint64_t data_words[ASM_TEXT_MAX / 8];
    struct interp_ref refs[ASM_NAMES_MAX];
    struct interp_import native[ASM_NAMES_MAX];
    char name_text[16384];
    uint8_t lines[32768];
    uint64_t services[512];
    struct asm_fix fixes[1024];
    uint32_t fixes_count;
    uint32_t counts[INTERP_SECTION_END];
    uint32_t entry;
    struct interp_function *open; /* the function whose code is read */
    uint32_t noted_at;            /* the last entry of its line table */
    uint32_t noted_line;
};

/*
 * Assemble text into `memory`, aligned to 8. Returns the file's length; 0 with
 * state->error set.
 */
size_t asm_module(struct asm_state *state, const char *text, void *memory, size_t memory_bytes);

/* Compute a changed file's checksum anew. */
void asm_seal(void *memory);

#endif
