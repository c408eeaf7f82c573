/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/hash.h"

#include "vk/block.h"
#include "vk/err.h"

VK_INLINE uint64_t rotate(uint64_t x, uint32_t bits)
{
    return x << bits | x >> (64 - bits);
}

VK_INLINE void round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

VK_INLINE void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    round(v);
    v[0] ^= word;
}

VK_INLINE void begin(uint64_t v[4], const uint64_t key[2])
{
    v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
    v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    v[3] = key[1] ^ UINT64_C(0x7465646279746573);
}

/* The last bytes, fewer than 8, as a little-endian number. */
VK_INLINE uint64_t tail(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    if (len >= 4)
        return vk_load4(p) | (uint64_t)vk_load4(p + len - 4) << (len - 4) * 8;
    if (len > 0) {
        word = p[0];
        word |= (uint64_t)p[len / 2] << len / 2 * 8;
        word |= (uint64_t)p[len - 1] << (len - 1) * 8;
    }
    return word;
}

VK_INLINE uint64_t finish(uint64_t v[4], struct vk_span bytes, size_t at)
{
    absorb(v, (uint64_t)bytes.len << 56 | tail(bytes.ptr + at, bytes.len - at));
    v[2] ^= 0xff;
    round(v);
    round(v);
    round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t vk_hash_bytes(const uint64_t key[2], struct vk_span bytes)
{
    uint64_t v[4];
    size_t at = 0;
    begin(v, key);
    for (; bytes.len - at >= 8; at += 8)
        absorb(v, vk_load8(bytes.ptr + at));
    return finish(v, bytes, at);
}

void vk_hash_begin(struct vk_hash *hash, const uint64_t key[2])
{
    begin(hash->v, key);
    hash->at = 0;
}

int vk_hash_more(struct vk_hash *hash, struct vk_span bytes, size_t bytes_max)
{
    for (; bytes.len - hash->at >= 8; hash->at += 8, bytes_max -= 8) {
        if (bytes_max < 8)
            return -VK_EAGAIN;
        absorb(hash->v, vk_load8(bytes.ptr + hash->at));
    }
    return 0;
}

uint64_t vk_hash_end(struct vk_hash *hash, struct vk_span bytes)
{
    return finish(hash->v, bytes, hash->at);
}
