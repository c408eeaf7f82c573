/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/sha256.h"

#include "vk/bytes.h"

#include <string.h>

#define BLOCK_BYTES 64u

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t right(uint32_t x, uint32_t bits)
{
    return x >> bits | x << (32 - bits);
}

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_word(uint8_t *p, uint32_t word)
{
    for (uint32_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* The message schedule of a block (6.2.2, step 1). */
static void schedule(const uint8_t *block, uint32_t w[64])
{
    for (uint32_t i = 0; i < 16; i++)
        w[i] = word_at(block + 4 * i);
    for (uint32_t i = 16; i < 64; i++) {
        uint32_t a = right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
}

static void take_block(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64], v[8];
    schedule(block, w);
    memcpy(v, h, sizeof v);
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t e = right(v[4], 6) ^ right(v[4], 11) ^ right(v[4], 25);
        uint32_t a = right(v[0], 2) ^ right(v[0], 13) ^ right(v[0], 22);
        uint32_t first = v[7] + e + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i];
        uint32_t second = a + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[0] = first + second;
        v[4] += first;
    }
    for (uint32_t i = 0; i < 8; i++)
        h[i] += v[i];
}

void vkc_sha256(const void *bytes, size_t len_bytes, uint8_t ret_digest[VKC_SHA256_BYTES])
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const uint8_t *at = bytes;
    size_t left = len_bytes;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES)
        take_block(h, at);
    /* The rest, a one bit, zeros, and the length in bits: one block or two (5.1.1). */
    uint8_t end[2 * BLOCK_BYTES] = {0};
    size_t end_len = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    vk_copy(end, at, left);
    end[left] = 0x80;
    put_word(end + end_len - 8, (uint32_t)((uint64_t)len_bytes >> 29));
    put_word(end + end_len - 4, (uint32_t)((uint64_t)len_bytes << 3));
    for (size_t i = 0; i < end_len; i += BLOCK_BYTES)
        take_block(h, end + i);
    for (uint32_t i = 0; i < 8; i++)
        put_word(ret_digest + 4 * i, h[i]);
}
