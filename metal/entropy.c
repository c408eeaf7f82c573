/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plat_random: the processor's own generator, or the host's by a device.
 * Source: Intel SDM vol. 1, 7.3.17.
 */
#include "metal/cpu.h"
#include "metal/virtio/find.h"
#include "metal/virtio/rng.h"
#include "vk/err.h"
#include "vk/plat.h"

#define CPUID_1_ECX_RDRAND (1u << 30)
#define RDRAND_TRIES       10u /* Intel: ten failures in a row mean a broken generator */

/* Eight random bytes; false when the generator gives none. */
static bool rdrand(uint64_t *ret_value)
{
    for (uint32_t i = 0; i < RDRAND_TRIES; i++) {
        bool is_valid;
        __asm__ volatile("rdrand %0" : "=r"(*ret_value), "=@ccc"(is_valid));
        if (is_valid)
            return true;
    }
    return false;
}

static int read_processor(void *dst, size_t len_bytes)
{
    if (!(metal_cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND))
        return -VK_EIO;
    uint8_t *to = dst;
    while (len_bytes > 0) {
        uint64_t value;
        size_t piece_bytes = len_bytes < sizeof value ? len_bytes : sizeof value;
        if (!rdrand(&value))
            return -VK_EIO;
        memcpy(to, &value, piece_bytes);
        to += piece_bytes;
        len_bytes -= piece_bytes;
    }
    return 0;
}

/* The device is looked for once, when it is needed first. */
static int read_device(void *dst, size_t len_bytes)
{
    static struct metal_rng rng;
    static bool has_looked, is_open;
    struct metal_virtio *device;
    if (!has_looked)
        is_open = metal_virtio_find(METAL_VIRTIO_RNG, &device) == 0 && metal_rng_open(&rng, device) == 0;
    has_looked = true;
    return is_open ? metal_rng_read(&rng, dst, len_bytes) : -VK_EIO;
}

int plat_random(void *dst, size_t len_bytes)
{
    return read_processor(dst, len_bytes) == 0 ? 0 : read_device(dst, len_bytes);
}
