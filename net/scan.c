/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen bytes at a time: bit masks of where LF and CR are, and shifts of
 * them say where an LF follows "LF" or "LF CR". Three facts cross from one
 * block to the next, bits of net_scan.line: none of them, the last byte was
 * the LF of a line, or the last two were LF CR.
 */
#include "net/scan.h"

#include "net/chars.h"
#include "vk/err.h"
#include "vk/limits.h"

#define SKIP_MAX 2u

enum {
    AFTER_LF = 1u << 0,
    AFTER_LF_CR = 1u << 1,
};

struct marks {
    uint32_t lf;
    uint32_t cr;
};

VK_INLINE struct marks marks_plain(const uint8_t *p, size_t len_bytes)
{
    struct marks m = {0, 0};
    for (uint32_t i = 0; i < len_bytes; i++) {
        m.lf |= (uint32_t)(p[i] == '\n') << i;
        m.cr |= (uint32_t)(p[i] == '\r') << i;
    }
    return m;
}

#if NET_SSE2
VK_INLINE struct marks marks_block(const uint8_t *p)
{
    net_block b = net_block_load(p);
    return (struct marks){net_block_mask((net_block)(b == '\n')), net_block_mask((net_block)(b == '\r'))};
}

/* The last left_bytes (below NET_BLOCK_BYTES) of in[0 .. len-1]. */
VK_INLINE struct marks marks_tail(const uint8_t *in, size_t len_bytes, size_t left_bytes)
{
    if (len_bytes < NET_BLOCK_BYTES)
        return marks_plain(in + len_bytes - left_bytes, left_bytes);
    struct marks m = marks_block(in + len_bytes - NET_BLOCK_BYTES);
    return (struct marks){m.lf >> (NET_BLOCK_BYTES - left_bytes), m.cr >> (NET_BLOCK_BYTES - left_bytes)};
}
#else
VK_INLINE struct marks marks_block(const uint8_t *p)
{
    return marks_plain(p, NET_BLOCK_BYTES);
}

VK_INLINE struct marks marks_tail(const uint8_t *in, size_t len_bytes, size_t left_bytes)
{
    return marks_plain(in + len_bytes - left_bytes, left_bytes);
}
#endif

/* Bits of the LFs that end an empty line; *line is carried over block_bytes bytes. */
VK_INLINE uint32_t empty_lines(struct marks m, uint32_t block_bytes, uint32_t *line)
{
    uint32_t after_lf = m.lf << 1 | (*line & AFTER_LF);
    uint32_t cr_after_lf = m.cr & after_lf;
    uint32_t after_lf_cr = cr_after_lf << 1 | (*line >> 1);
    uint32_t last = block_bytes - 1;
    *line = (m.lf >> last & 1) | (cr_after_lf >> last & 1) << 1;
    return m.lf & (after_lf | after_lf_cr);
}

/* Skip leading empty lines and judge the first byte: 0, -VK_EAGAIN, -VK_EMALFORMED. */
static int scan_start(struct net_scan *scan, const uint8_t *in, size_t len_bytes)
{
    size_t pos = scan->seen;
    for (; pos < len_bytes; scan->skipped++) {
        if (net_char_is(in[pos], NET_CHAR_TOKEN)) {
            scan->start = scan->seen = (uint16_t)pos;
            scan->has_started = true;
            return 0;
        }
        if (scan->skipped == SKIP_MAX)
            return -VK_EMALFORMED;
        size_t lf = pos + (in[pos] == '\r');
        if (lf == len_bytes)
            break;
        if (in[lf] != '\n')
            return -VK_EMALFORMED;
        pos = lf + 1;
        scan->seen = (uint16_t)pos;
    }
    return -VK_EAGAIN;
}

int net_scan_head(struct net_scan *scan, const uint8_t *in, size_t len_bytes, size_t *ret_len_bytes)
{
    size_t max = len_bytes < NET_HEAD_MAX_BYTES ? len_bytes : NET_HEAD_MAX_BYTES;
    if (VK_UNLIKELY(!scan->has_started)) {
        int err = scan_start(scan, in, max);
        if (VK_UNLIKELY(err))
            return err;
    }
    size_t pos = scan->seen;
    uint32_t line = scan->line;
    while (pos < max) {
        uint32_t block = max - pos < NET_BLOCK_BYTES ? (uint32_t)(max - pos) : NET_BLOCK_BYTES;
        struct marks m = block == NET_BLOCK_BYTES ? marks_block(in + pos) : marks_tail(in, max, block);
        uint32_t ends = empty_lines(m, block, &line);
        if (ends != 0) {
            *ret_len_bytes = pos + (uint32_t)__builtin_ctz(ends) + 1;
            return 0;
        }
        pos += block;
    }
    scan->seen = (uint16_t)pos;
    scan->line = (uint8_t)line;
    return pos == NET_HEAD_MAX_BYTES ? -VK_ETOOBIG : -VK_EAGAIN;
}

uint32_t net_scan_status(const struct net_scan *scan, const uint8_t *in, size_t len_bytes, int err)
{
    if (err != -VK_ETOOBIG)
        return 400;
    const uint8_t *p = in + scan->start, *end = in + len_bytes;
    while (p < end && *p != ' ' && *p != '\n')
        p++;
    if (p < end && *p == ' ')
        p++;
    const uint8_t *target = p;
    while (p < end && *p != ' ' && *p != '\n')
        p++;
    return (size_t)(p - target) > NET_TARGET_MAX_BYTES ? 414 : 431;
}
