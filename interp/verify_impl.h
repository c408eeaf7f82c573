/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the verifier share: the state of one pass over a function. */
#ifndef INTERP_VERIFY_IMPL_H
#define INTERP_VERIFY_IMPL_H

#include "interp/verify.h"

#define VERIFY_TYPE_NIL 0xfffeu /* of LDNIL in transit: fits every OPT */

/* The registers that have a value, as bits. */
struct verify_set {
    uint64_t words[4];
};

/* What is known of one word of the function. */
struct verify_word {
    struct verify_set set; /* the state at this instruction, where a branch or the pass has brought one */
    uint8_t flags;         /* WORD_* */
    uint8_t reserved[7];
};

enum {
    WORD_HAS_STATE = 1u, /* set is valid */
    WORD_IS_HEAD = 2u,   /* a loop head: backward branches may come here */
    WORD_IS_START = 4u,  /* the pass has found an instruction here */
};

struct verify {
    const struct interp_module *m;
    const struct interp_function *fn;
    const struct interp_type *signature;
    const uint32_t *code;      /* of the function */
    const uint16_t *reg_types; /* of the function's references */
    struct verify_word *words; /* of the function, one for each of its code words */
    uint32_t pc;               /* the instruction under the pass */
    uint32_t next;             /* the instruction after it */
    uint32_t in;
    struct verify_set set;    /* registers with a value, those in transit not among them */
    struct verify_set moving; /* registers in transit */
    uint16_t moving_types[INTERP_REGS_MAX + 1];
    uint32_t services_left; /* bytes of SERVICES that no array checked so far takes for itself */
    const char *why;        /* the first refusal */
};

VK_INLINE bool verify_has(const struct verify_set *set, uint32_t reg)
{
    return set->words[reg / 64] >> reg % 64 & 1;
}

VK_INLINE void verify_add(struct verify_set *set, uint32_t reg)
{
    set->words[reg / 64] |= (uint64_t)1 << reg % 64;
}

VK_INLINE void verify_remove(struct verify_set *set, uint32_t reg)
{
    set->words[reg / 64] &= ~((uint64_t)1 << reg % 64);
}

/* false, and the reason is kept. */
VK_INLINE bool verify_refuse(struct verify *v, const char *why)
{
    if (!v->why)
        v->why = why;
    return false;
}

VK_INLINE uint32_t verify_count(const struct verify *v, enum interp_section section)
{
    return v->m->counts[section];
}

/* verify_types.c */
bool interp_verify_types(struct verify *v, uint32_t *ret_at);
bool interp_verify_fits(const struct interp_module *m, uint16_t from, uint16_t to);
VK_INLINE const uint16_t *verify_fields(const struct verify *v, const struct interp_type *type)
{
    return v->m->type_words + type->first;
}

/* verify_data.c; scratch holds a bit for each 8 bytes of DATA */
bool interp_verify_data(struct verify *v, uint8_t *scratch, uint32_t *ret_at);

/* verify_services.c; after types and functions were found right */
bool interp_verify_services(struct verify *v, uint32_t *ret_at);

/* verify_op.c: the instruction at v->pc; sets v->next, and *ret_ends where nothing falls through. */
bool interp_verify_op(struct verify *v, bool *ret_ends);

/* verify_call.c: instructions with a window; letters in interp/bytecode.h. */
bool interp_verify_call(struct verify *v, uint32_t op);

/* verify_op.c, for verify_call.c */
bool interp_verify_read_ref(struct verify *v, uint32_t reg, uint16_t *ret_type);
bool interp_verify_read_scalar(struct verify *v, uint32_t reg);
bool interp_verify_write_ref(struct verify *v, uint32_t reg, uint16_t type);
bool interp_verify_words(struct verify *v, uint32_t count);

#endif
