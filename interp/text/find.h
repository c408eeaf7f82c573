/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching for a string in another, in time linear in both whatever they
 * hold, in constant space, and in slices; and what is made of it. Splitting is
 * interp_find and interp_find_again; the pieces are what lies between.
 *
 * Source: Crochemore and Perrin, "Two-way string-matching", 1991.
 */
#ifndef INTERP_TEXT_FIND_H
#define INTERP_TEXT_FIND_H

#include "interp/text/pass.h"

/* Holds no pointers. Zeroed for each search; text and needle stay the same in all its calls. */
struct interp_find {
    size_t at; /* after 0: where the needle is; after -VK_EAGAIN: it is not before here */

    /* private */
    size_t critical; /* where the needle is cut in two; the right part is compared first */
    size_t period;   /* how far to move when the right part fits; of the needle when it has a short one */
    size_t memory;   /* bytes of the needle known to fit at `at` */
    size_t i, j, k;  /* of the stage */
    size_t suffix;   /* of the first of both orders, while cutting */
    uint8_t stage;
    bool is_periodic;
};

/*
 * The first place. bytes_max: how many bytes to compare, at least 1.
 * Returns 0; -VK_EAGAIN; -VK_ENOENT. An empty needle is at 0.
 */
int interp_find(struct interp_find *find, struct vk_span text, struct vk_span needle, size_t bytes_max);

/* After 0, for a needle that is not empty: makes interp_find go on behind that place. */
void interp_find_again(struct interp_find *find, struct vk_span needle);

/* Zeroed for each replacement, and again between measuring and writing. */
struct interp_replace {
    struct interp_pass pass;
    struct interp_find find;
};

/*
 * The text with every needle replaced, from left to right. As the conversions
 * of interp/text/pass.h: dst NULL measures. A call writes about bytes_max
 * bytes, or more when one replacement is longer. An empty needle is nowhere.
 * Returns 0, -VK_EAGAIN.
 */
int interp_replace(struct interp_replace *replace, struct vk_span text, struct vk_span needle,
                   struct vk_span with, uint8_t *dst, size_t bytes_max);

/*
 * Moves *start and *end, 0 and text.len at first, inwards over white space
 * (space, HT, LF, VT, FF, CR). Returns 0; -VK_EAGAIN after bytes_max bytes.
 */
int interp_trim(struct vk_span text, size_t *start, size_t *end, size_t bytes_max);

/*
 * The next cookie of a Cookie field's value (RFC 6265, 4.2.1 and 5.4), of
 * which *rest is what is left. White space around it and one pair of quotes
 * around its value are taken off; pieces without "=" or without a name are
 * passed over. False at the end.
 */
bool interp_cookie_next(struct vk_span *rest, struct vk_span *ret_name, struct vk_span *ret_value);

#endif
