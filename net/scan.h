/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the end of a request head in raw connection input, however it is cut
 * into pieces. This is all the kernel itself looks at; whether the head is
 * valid is for net/head.h to say, inside the process. Bytes seen once are
 * never looked at again, so a peer that drips them costs no more for it.
 *
 * A head ends at its first empty line. A line that ends in a bare LF counts
 * too, so that the parser can refuse it at once rather than wait for more.
 */
#ifndef NET_SCAN_H
#define NET_SCAN_H

#include "vk/base.h"

/* Zeroed for each head. Holds offsets only: the input may move between calls. */
struct net_scan {
    uint16_t start; /* offset of the request line, after at most two leading empty lines (RFC 9112, 2.2) */

    /* private */
    uint16_t seen;    /* input before this offset is behind us */
    uint8_t line;     /* which of the two bytes before `seen` are LF, see scan.c */
    uint8_t skipped;  /* leading empty lines */
    bool has_started; /* start is final and the first byte was good */
};

/*
 * Look at the input, of which in[0 .. seen-1] is as it was in the calls before.
 *
 * len_bytes      all input there is, the old part included; may be 0
 * ret_len_bytes  set on success: length of the input up to and with the empty
 *                line. The head is in[scan->start .. *ret_len_bytes - 1].
 *
 * Returns 0; -VK_EAGAIN when the end is not there yet; -VK_EMALFORMED when the
 * first byte cannot begin a request line; -VK_ETOOBIG when the first
 * NET_HEAD_MAX_BYTES of input hold no end. After an error the scan is over:
 * net_scan_status says what to answer.
 */
int net_scan_head(struct net_scan *scan, const uint8_t *in, size_t len_bytes, size_t *ret_len_bytes);

/*
 * The HTTP status for an error of net_scan_head over the same input: 400; 414
 * when the request target is what is too long; else 431.
 */
uint32_t net_scan_status(const struct net_scan *scan, const uint8_t *in, size_t len_bytes, int err);

#endif
