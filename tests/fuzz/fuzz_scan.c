/* SPDX-License-Identifier: Apache-2.0 */
/* The scan finds the same end whole, cut anywhere, without vectors, and as a plain loop does. */
#include "net/scan.h"

#include "tests/fuzz/fuzz.h"
#include "vk/err.h"
#include "vk/limits.h"

int scalar_net_scan_head(struct net_scan *scan, const uint8_t *in, size_t len_bytes, size_t *ret_len_bytes);

static size_t plain_end(const uint8_t *in, size_t start, size_t len)
{
    for (size_t i = start + 1; i < len; i++) {
        if (in[i] == '\n' &&
            (in[i - 1] == '\n' || (i >= start + 2 && in[i - 1] == '\r' && in[i - 2] == '\n')))
            return i + 1;
    }
    return 0;
}

static int scan_in_pieces(const uint8_t *data, size_t size, struct net_scan *scan, size_t *ret_len)
{
    struct fuzz_cuts cuts = fuzz_cuts(data, size);
    int rc = -VK_EAGAIN;
    size_t have = 0;
    while (rc == -VK_EAGAIN && have < size) {
        have += fuzz_next_cut(&cuts, size - have);
        have += have < size - have ? have / 8 : 0; /* fewer pieces of a long input */
        uint8_t *copy = fuzz_copy(data, have);
        rc = net_scan_head(scan, copy, have, ret_len);
        free(copy);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_scan whole = {0}, scalar = {0}, pieces = {0};
    size_t whole_len = 0, scalar_len = 0, pieces_len = 0;
    int rc = net_scan_head(&whole, data, size, &whole_len);
    FUZZ_CHECK(scalar_net_scan_head(&scalar, data, size, &scalar_len) == rc);
    FUZZ_CHECK(scan_in_pieces(data, size, &pieces, &pieces_len) == rc || size == 0);
    if (rc == 0) {
        FUZZ_CHECK(whole.start < whole_len && whole_len <= size && whole_len <= NET_HEAD_MAX_BYTES);
        FUZZ_CHECK(whole_len == plain_end(data, whole.start, size));
        FUZZ_CHECK(scalar_len == whole_len && scalar.start == whole.start);
        FUZZ_CHECK(pieces_len == whole_len && pieces.start == whole.start);
        return 0;
    }
    FUZZ_CHECK(rc == -VK_EAGAIN || rc == -VK_EMALFORMED || rc == -VK_ETOOBIG);
    if (rc == -VK_EAGAIN && whole.has_started)
        FUZZ_CHECK(plain_end(data, whole.start, size) == 0);
    uint32_t status = net_scan_status(&whole, data, size, rc);
    FUZZ_CHECK(status == 400 || (rc == -VK_ETOOBIG && (status == 414 || status == 431)));
    return 0;
}
