/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight bytes at a time in plain registers: the spans here are header names
 * and values, too short for vectors to pay.
 * Source: Warren, "Hacker's Delight", 2nd ed., chapter 6 (zero byte search).
 */
#include "vk/bytes.h"

#include "vk/block.h"
#include "vk/err.h"

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static uint8_t lower(uint8_t byte)
{
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

/* The same for each byte of a word: sums of 7-bit values cannot carry into the next byte. */
static uint64_t lower8(uint64_t word)
{
    uint64_t low = word & ~HIGHS;
    uint64_t from_a = low + ONES * (0x80 - 'A');
    uint64_t past_z = low + ONES * (0x7f - 'Z');
    uint64_t is_upper = (from_a ^ past_z) & ~word & HIGHS;
    return word | is_upper >> 2;
}

bool vk_span_equal_nocase(struct vk_span a, struct vk_span b)
{
    if (a.len != b.len)
        return false;
    size_t at = 0;
    for (; a.len - at >= 8; at += 8)
        if (lower8(vk_load8(a.ptr + at)) != lower8(vk_load8(b.ptr + at)))
            return false;
    for (; at < a.len; at++)
        if (lower(a.ptr[at]) != lower(b.ptr[at]))
            return false;
    return true;
}

size_t vk_span_find(struct vk_span span, uint8_t byte)
{
    size_t at = 0;
    for (; span.len - at >= 8; at += 8) {
        uint64_t word = vk_load8(span.ptr + at) ^ ONES * byte;
        /* The lowest high bit set marks the first zero byte; ones above it may be false. */
        uint64_t zeros = (word - ONES) & ~word & HIGHS;
        if (zeros != 0)
            return at + (size_t)__builtin_ctzll(zeros) / 8;
    }
    while (at < span.len && span.ptr[at] != byte)
        at++;
    return at;
}

static bool is_ows(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct vk_span vk_span_trim(struct vk_span span)
{
    while (span.len > 0 && is_ows(span.ptr[0]))
        span = vk_span_skip(span, 1);
    while (span.len > 0 && is_ows(span.ptr[span.len - 1]))
        span.len--;
    return span;
}

int vk_span_to_u64(struct vk_span span, uint64_t *ret_value)
{
    uint64_t value = 0;
    bool is_over = false;
    if (span.len == 0)
        return -VK_EMALFORMED;
    for (size_t at = 0; at < span.len; at++) {
        uint8_t digit = (uint8_t)(span.ptr[at] - '0');
        if (digit > 9)
            return -VK_EMALFORMED;
        is_over |= __builtin_mul_overflow(value, UINT64_C(10), &value);
        is_over |= __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (is_over)
        return -VK_ERANGE;
    *ret_value = value;
    return 0;
}

int vk_out_status(const struct vk_out *out)
{
    return out->is_overflown ? -VK_ENOSPC : 0;
}
