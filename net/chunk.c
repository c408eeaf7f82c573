/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chunk.h"

#include "net/chars.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/url.h"

#define SIZE_DIGITS_MAX 16u

_Static_assert(NET_TRAILER_MAX_BYTES < UINT16_MAX && NET_CHUNK_EXT_MAX_BYTES < UINT16_MAX, "counters fit");

/* Each step takes one byte and returns the state after it. */

static uint8_t step_size(struct net_chunk *chunk, uint8_t c)
{
    uint32_t digit = vk_hex_value(c);
    if (digit < 16) {
        if (chunk->digits == SIZE_DIGITS_MAX || chunk->left_bytes > (uint64_t)INT64_MAX >> 4)
            return NET_CHUNK_BAD;
        chunk->left_bytes = chunk->left_bytes << 4 | digit;
        chunk->digits++;
        return NET_CHUNK_SIZE;
    }
    if (chunk->digits == 0)
        return NET_CHUNK_BAD;
    if (c == '\r')
        return NET_CHUNK_SIZE_LF;
    chunk->ext_bytes = 1;
    return c == ';' ? NET_CHUNK_EXT : NET_CHUNK_BAD;
}

static uint8_t step_ext(struct net_chunk *chunk, uint8_t c)
{
    if (c == '\r')
        return NET_CHUNK_SIZE_LF;
    if (chunk->ext_bytes == NET_CHUNK_EXT_MAX_BYTES || !net_char_is(c, NET_CHAR_VALUE))
        return NET_CHUNK_BAD;
    chunk->ext_bytes++;
    return NET_CHUNK_EXT;
}

static uint8_t step_size_lf(struct net_chunk *chunk, uint8_t c)
{
    chunk->digits = 0;
    if (c != '\n')
        return NET_CHUNK_BAD;
    return chunk->left_bytes == 0 ? NET_CHUNK_TRAILER : NET_CHUNK_DATA;
}

/* One byte of the trailer section: field lines without folding, then an empty line. */
static uint8_t step_trailer(struct net_chunk *chunk, uint8_t c)
{
    bool is_first = chunk->state == NET_CHUNK_TRAILER;
    if (chunk->trailer_bytes == NET_TRAILER_MAX_BYTES)
        return NET_CHUNK_BIG;
    chunk->trailer_bytes++;
    switch (chunk->state) {
    case NET_CHUNK_TRAILER_VALUE:
        if (c == '\r')
            return NET_CHUNK_TRAILER_LF;
        return net_char_is(c, NET_CHAR_VALUE) ? NET_CHUNK_TRAILER_VALUE : NET_CHUNK_BAD;
    case NET_CHUNK_TRAILER_LF:
        return c == '\n' ? NET_CHUNK_TRAILER : NET_CHUNK_BAD;
    case NET_CHUNK_LAST_LF:
        return c == '\n' ? NET_CHUNK_DONE : NET_CHUNK_BAD;
    default:
        if (net_char_is(c, NET_CHAR_TOKEN))
            return NET_CHUNK_TRAILER_NAME;
        if (is_first)
            return c == '\r' ? NET_CHUNK_LAST_LF : NET_CHUNK_BAD;
        return c == ':' ? NET_CHUNK_TRAILER_VALUE : NET_CHUNK_BAD;
    }
}

static uint8_t step(struct net_chunk *chunk, uint8_t c)
{
    switch (chunk->state) {
    case NET_CHUNK_SIZE:
        return step_size(chunk, c);
    case NET_CHUNK_EXT:
        return step_ext(chunk, c);
    case NET_CHUNK_SIZE_LF:
        return step_size_lf(chunk, c);
    case NET_CHUNK_DATA_CR:
        return c == '\r' ? NET_CHUNK_DATA_LF : NET_CHUNK_BAD;
    case NET_CHUNK_DATA_LF:
        return c == '\n' ? NET_CHUNK_SIZE : NET_CHUNK_BAD;
    default:
        return step_trailer(chunk, c);
    }
}

static void take_data(struct net_chunk *chunk, struct vk_span *in, struct vk_span *ret_data)
{
    size_t take = in->len < chunk->left_bytes ? in->len : (size_t)chunk->left_bytes;
    *ret_data = vk_span(in->ptr, take);
    *in = vk_span(in->ptr + take, in->len - take);
    chunk->left_bytes -= take;
    if (chunk->left_bytes == 0)
        chunk->state = NET_CHUNK_DATA_CR;
}

int net_chunk_next(struct net_chunk *chunk, struct vk_span *in, struct vk_span *ret_data)
{
    for (;;) {
        if (chunk->state == NET_CHUNK_DONE) {
            *ret_data = vk_span(in->ptr, 0);
            return 0;
        }
        if (chunk->state == NET_CHUNK_BAD)
            return -VK_EMALFORMED;
        if (chunk->state == NET_CHUNK_BIG)
            return -VK_ETOOBIG;
        if (in->len == 0)
            return -VK_EAGAIN;
        if (chunk->state == NET_CHUNK_DATA) {
            take_data(chunk, in, ret_data);
            return 0;
        }
        chunk->state = step(chunk, *in->ptr);
        *in = vk_span(in->ptr + 1, in->len - 1);
    }
}

size_t net_chunk_begin(uint8_t out[NET_CHUNK_BEGIN_MAX], uint64_t data_bytes)
{
    vk_assert(data_bytes > 0);
    uint32_t digits = (67u - (uint32_t)__builtin_clzll(data_bytes)) / 4;
    for (uint32_t i = 0; i < digits; i++)
        out[i] = (uint8_t) "0123456789abcdef"[data_bytes >> 4 * (digits - 1 - i) & 15];
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return digits + 2;
}
