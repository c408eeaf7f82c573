/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as messages: bytes that mean the same in every program whose types
 * have the same structure, whatever their numbers there.
 *
 *   message = nothing | the 8 bytes of a scalar | objects heap_bytes reference content..
 *
 * objects and heap_bytes are 32-bit numbers: how many objects follow, and the
 * heap that they take once they are read. Objects are numbered in the order in
 * which they are first met, and their contents follow in that order, breadth
 * first, so that neither side recurses and what is shared stays so. A
 * reference is a number of seven bits a byte, low ones first: 0 is none, 1 a
 * new object, whose size follows (of a text its bytes, of a list or map its
 * items, of an enum its tag, of others nothing), n + 2 object n again. Content
 * of a text is its bytes; of an object its references, then its scalars, 8
 * bytes each; of a list its items; of a map keys and values in order; of an
 * actor's address 8 bytes. The types of the reader say what comes next.
 */
#ifndef INTERP_MESSAGE_H
#define INTERP_MESSAGE_H

#include "interp/native.h"

/* What of a call's arguments a message is made of. */
enum interp_part {
    INTERP_PART_NONE,
    INTERP_PART_REF,    /* the reference with that index */
    INTERP_PART_SCALAR, /* the scalar with that index */
};

/*
 * Make a message of an argument of the call behind head_len bytes, which lie
 * outside of the heap. *ret_off and *ret_len are for an op of the call. DONE;
 * TRAP when part of it cannot be sent, it would be larger than
 * PROC_MESSAGE_MAX_BYTES, or memory is out.
 */
enum interp_say interp_message_make(struct interp_call *call, enum interp_part part, uint32_t index,
                                    const void *head, uint32_t head_len, uint32_t *ret_off,
                                    uint32_t *ret_len);

/*
 * What a message behind head_bytes of something else takes of the objects of
 * the heap that it is sent to: as it comes, and as what is read of it. Nothing
 * in the bytes is trusted.
 */
uint64_t interp_message_need(struct vk_span bytes, uint32_t head_bytes);

/* How much of that an actor with such a heap takes: half of it is for objects, and some of those are its own.
 */
uint64_t interp_message_room(uint32_t heap_bytes);

enum interp_from {
    INTERP_FROM_LANDED, /* what landed for this fiber; it is left afterwards */
    INTERP_FROM_START,  /* the start argument of the process */
};

/*
 * Read the message behind skip_bytes as the call's result, of call->type. DONE;
 * TRAP when it is none of that type or memory is out: nothing has happened then.
 */
enum interp_say interp_message_read(struct interp_call *call, enum interp_from from, uint32_t skip_bytes);

#endif
