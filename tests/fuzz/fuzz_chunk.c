/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder gives the same payload, verdict and rest whole and cut anywhere;
 * what it gives, encoded again, decodes to itself.
 */
#include "net/chunk.h"

#include "tests/fuzz/fuzz.h"
#include "vk/err.h"

struct result {
    int rc;
    size_t taken; /* input taken */
    size_t len;   /* payload */
    uint8_t *payload;
};

static int drain(struct net_chunk *chunk, struct vk_span *in, struct result *result)
{
    for (;;) {
        const uint8_t *start = in->ptr;
        size_t left = in->len;
        struct vk_span data;
        int rc = net_chunk_next(chunk, in, &data);
        FUZZ_CHECK(in->len <= left && in->ptr == start + (left - in->len));
        if (rc || data.len == 0)
            return rc;
        FUZZ_CHECK(data.ptr >= start && data.ptr + data.len <= in->ptr);
        memcpy(result->payload + result->len, data.ptr, data.len);
        result->len += data.len;
    }
}

static struct result decode(const uint8_t *data, size_t size, bool in_pieces)
{
    struct net_chunk chunk = {0};
    struct result result = {.rc = -VK_EAGAIN, .payload = fuzz_copy(data, size)};
    struct fuzz_cuts cuts = fuzz_cuts(data, size);
    while (result.rc == -VK_EAGAIN && result.taken < size) {
        size_t len = in_pieces ? fuzz_next_cut(&cuts, size - result.taken) : size;
        uint8_t *copy = fuzz_copy(data + result.taken, len);
        struct vk_span in = vk_span(copy, len);
        result.rc = drain(&chunk, &in, &result);
        result.taken += len - in.len;
        free(copy);
    }
    FUZZ_CHECK(net_chunk_is_done(&chunk) == (result.rc == 0));
    return result;
}

/* The payload as chunks of various sizes. */
static size_t encode(const struct result *from, uint8_t *out)
{
    struct fuzz_cuts cuts = fuzz_cuts(from->payload, from->len);
    size_t len = 0;
    for (size_t at = 0; at < from->len;) {
        size_t take = fuzz_next_cut(&cuts, from->len - at);
        len += net_chunk_begin(out + len, take);
        memcpy(out + len, from->payload + at, take);
        len += take;
        memcpy(out + len, NET_CHUNK_END, 2);
        len += 2;
        at += take;
    }
    memcpy(out + len, NET_CHUNK_LAST, 5);
    return len + 5;
}

static void check_encoded_again(const struct result *from)
{
    uint8_t *out = malloc(from->len * (NET_CHUNK_BEGIN_MAX + 3) + 64);
    FUZZ_CHECK(out != NULL);
    size_t len = encode(from, out);
    struct result back = decode(out, len, true);
    FUZZ_CHECK(back.rc == 0 && back.taken == len && back.len == from->len);
    FUZZ_CHECK(memcmp(back.payload, from->payload, from->len) == 0);
    free(back.payload);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole = decode(data, size, false);
    struct result pieces = decode(data, size, true);
    FUZZ_CHECK(whole.rc == pieces.rc && whole.len == pieces.len && whole.taken == pieces.taken);
    FUZZ_CHECK(memcmp(whole.payload, pieces.payload, whole.len) == 0);
    FUZZ_CHECK(whole.rc == 0 || whole.rc == -VK_EAGAIN || whole.rc == -VK_EMALFORMED ||
               whole.rc == -VK_ETOOBIG);
    check_encoded_again(&whole);
    free(whole.payload);
    free(pieces.payload);
    return 0;
}
