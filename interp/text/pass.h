/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a conversion of bytes into bytes has come. All conversions have one
 * form, interp_convert_fn, so that one native can drive any of them in slices:
 * first with dst NULL, which measures; then, zeroed again, with a dst of the
 * size measured, which writes.
 *
 *     struct interp_pass pass = {0};
 *     while ((rc = convert(&pass, text, dst, bytes_max)) == -VK_EAGAIN)
 *         ... wait for the next turn; text and dst may have moved, their bytes have not changed ...
 *
 * A call looks at about bytes_max bytes (at least 1; a few more, to end what
 * was begun) of the text. It returns 0 at the end; -VK_EAGAIN; -VK_EMALFORMED,
 * where a conversion can fail, with pass->in at what is wrong.
 */
#ifndef INTERP_TEXT_PASS_H
#define INTERP_TEXT_PASS_H

#include "vk/bytes.h"
#include "vk/err.h"

/* Zeroed at first. */
struct interp_pass {
    size_t in;  /* bytes of the text that are done */
    size_t out; /* bytes of the result so far */
};

typedef int (*interp_convert_fn)(struct interp_pass *pass, struct vk_span text, uint8_t *dst,
                                 size_t bytes_max);

/* Where the slice that begins at `at` ends. */
VK_INLINE size_t interp_slice_end(struct vk_span text, size_t at, size_t bytes_max)
{
    return text.len - at > bytes_max ? at + bytes_max : text.len;
}

/* Appends to the result, or measures. */
VK_INLINE void interp_pass_put(struct interp_pass *pass, uint8_t *dst, const void *bytes, size_t len_bytes)
{
    if (dst != NULL)
        vk_copy(dst + pass->out, bytes, len_bytes);
    pass->out += len_bytes;
}

VK_INLINE void interp_pass_byte(struct interp_pass *pass, uint8_t *dst, uint8_t byte)
{
    if (dst != NULL)
        dst[pass->out] = byte;
    pass->out++;
}

/* What a conversion returns when it has come to `at`. */
VK_INLINE int interp_pass_stop(struct interp_pass *pass, struct vk_span text, size_t at)
{
    pass->in = at;
    return at < text.len ? -VK_EAGAIN : 0;
}

#endif
