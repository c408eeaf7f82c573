/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/text/int.h"

#include "vk/err.h"

int interp_int_parse(struct vk_span text, int64_t *ret_value)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t magnitude;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = vk_span_skip(text, 1);
    int err = vk_span_to_u64(text, &magnitude);
    if (err)
        return err;
    if (magnitude > (uint64_t)INT64_MAX + is_negative)
        return -VK_ERANGE;
    *ret_value = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return 0;
}

size_t interp_int_hex(uint8_t dst[INTERP_INT_HEX_BYTES], int64_t value)
{
    if (value >= 0)
        return vk_fmt_hex(dst, (uint64_t)value);
    dst[0] = '-';
    return 1 + vk_fmt_hex(dst + 1, 0 - (uint64_t)value);
}
