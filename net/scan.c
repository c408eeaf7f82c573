/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to 64 bytes at a time: a bit mask of where LF is, shifted by one and two,
 * tells where an LF comes one or two bytes after another. The first ends an
 * empty line; the second does when the byte between is CR. Only the last two
 * bits of the mask cross from one window to the next (net_scan.line).
 */
#include "net/scan.h"

#include "net/chars.h"
#include "vk/err.h"
#include "vk/limits.h"

#define SKIP_MAX 2u

/*
 * The length up to and with the first empty line that ends in the window at
 * pos, 0 when none does. before: bit 0, in[pos - 1] is LF; bit 1, in[pos - 2] is.
 */
VK_INLINE size_t find_empty_line(const uint8_t *in, size_t pos, uint64_t lf, uint32_t before)
{
    uint64_t after_lf = lf << 1 | (before & 1);
    uint64_t after_lf_and_one = after_lf << 1 | (before >> 1);
    uint64_t found = lf & (after_lf | after_lf_and_one);
    for (; VK_UNLIKELY(found != 0); found &= found - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(found);
        if (in[pos + i - 1] == '\r' || (after_lf >> i & 1))
            return pos + i + 1;
    }
    return 0;
}

/* `before` for the window that follows one of len_bytes (at least 1). */
VK_INLINE uint32_t last_two(uint64_t lf, uint32_t len_bytes, uint32_t before)
{
    vk_assert_slow(len_bytes > 0);
    uint32_t last = (uint32_t)(lf >> (len_bytes - 1)) & 1;
    uint32_t last_but_one = len_bytes > 1 ? (uint32_t)(lf >> (len_bytes - 2)) & 1 : before & 1;
    return last | last_but_one << 1;
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
    size_t pos = scan->seen, end = 0;
    uint32_t before = scan->line;
    while (pos < max) {
        uint64_t lf = net_window(in, pos, max, NET_FIND_LF);
        end = find_empty_line(in, pos, lf, before);
        if (end != 0)
            break;
        uint32_t len = max - pos < NET_WINDOW_BYTES ? (uint32_t)(max - pos) : NET_WINDOW_BYTES;
        before = last_two(lf, len, before);
        pos += len;
    }
    if (VK_LIKELY(end != 0)) {
        *ret_len_bytes = end;
        return 0;
    }
    scan->seen = (uint16_t)max;
    scan->line = (uint8_t)before;
    return max == NET_HEAD_MAX_BYTES ? -VK_ETOOBIG : -VK_EAGAIN;
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
