/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of reading JSON share: the state of one reading, its memory, and its errors. */
#ifndef INTERP_JSON_READ_IMPL_H
#define INTERP_JSON_READ_IMPL_H

#include "interp/json_codec.h"
#include "interp/natives_impl.h"
#include "interp/text/json.h"

#define READ_NOTHING UINT32_MAX

enum read_outcome {
    READ_ON,
    READ_AGAIN,   /* its part of this turn is used */
    READ_FULL,    /* the room has ended */
    READ_REFUSED, /* the text is wrong: the error is what is given */
    READ_BAD      /* the codec is none of the compiler's */
};

/* What a value of which a part is read waits for. */
enum read_state { READ_OPEN, READ_IN_FIELD, READ_HAS_VALUE };

struct read_frame {
    uint16_t node;
    uint8_t state; /* enum read_state, of objects */
    uint8_t reserved;
    uint32_t base; /* words on the stack below its own */
    uint32_t at;   /* field or variant under way, or expected next */
    uint32_t met;  /* fields of a record that were there */
};

/* A text that is being copied out, or a list or map that is being made of what the stack holds. */
enum read_stage { READ_NO_STAGE, READ_TEXT, READ_BYTES, READ_ITEMS, READ_ENTRIES };

/* Holds no pointers: kept in the heap between turns, up to the frames in use. */
struct read_state_kept {
    struct interp_json scan;
    uint32_t start; /* top of the heap when reading began */
    uint32_t stack; /* offset of the stack of words */
    uint32_t count; /* words on it */
    uint32_t want;  /* node of the value that comes next; READ_NOTHING: a name or an end does */
    uint32_t skips; /* levels open of a value that nobody wants */
    bool is_skipping;
    bool is_done;
    uint8_t stage;
    uint32_t made;   /* object of the stage */
    uint32_t copied; /* READ_BYTES: a Str that holds its bytes without escapes, or 0 */
    uint64_t from;   /* READ_TEXT, READ_BYTES: its bytes in the text */
    uint64_t len;
    struct interp_pass pass;
    uint64_t result;
    uint32_t depth;
    struct read_frame frames[INTERP_JSON_FRAMES_MAX];
};

struct reader {
    struct interp_run *run;
    struct interp_call *call;
    const struct interp_type *types;
    struct json_codec codec;
    struct vk_span text;
    uint32_t limit; /* nothing is written above this */
    int64_t left;   /* bytes that may still be touched in this turn */
    struct read_state_kept s;
};

/* ---- json_read_make.c: objects, the stack of words, errors ---------------------------- */

/* An object behind the last one; 0: READ_FULL. */
uint32_t interp_read_make(struct reader *r, uint64_t bytes, uint16_t type, uint32_t count);
/* So many words more on the stack, the first of them; NULL: READ_FULL. */
uint64_t *interp_read_push(struct reader *r, uint32_t words);
uint64_t *interp_read_words(const struct reader *r, uint32_t base);
/* A record or variant of these words; its tag or count is its type's. */
uint32_t interp_read_make_object(struct reader *r, uint16_t type, const uint64_t *words);
/* The type of a variant of an enum; 0: there is none. */
uint16_t interp_read_variant(const struct reader *r, uint16_t type, uint32_t tag);
/* The type of the values that a node gives; 0: scalars. */
uint16_t interp_read_given(const struct interp_codec_node *node);
/* Whether field `place` of such objects takes what the node gives. */
bool interp_read_fits(const struct reader *r, uint16_t type, uint32_t place,
                      const struct interp_codec_node *node);

enum read_outcome interp_read_malformed(struct reader *r, uint64_t at, struct vk_span what);
/* `what` of the value under way; its place in the whole is made out here. */
enum read_outcome interp_read_mismatch(struct reader *r, struct vk_span what);
/* The value that is done, in an Ok. */
enum read_outcome interp_read_give(struct reader *r, uint64_t word);

/* ---- json_read_value.c: what a token means to the value wanted ------------------------------ */

enum read_outcome interp_read_take(struct reader *r, enum interp_json_token token);
enum read_outcome interp_read_go_on(struct reader *r);

#endif
