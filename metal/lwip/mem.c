/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lwIP takes for malloc: fixed blocks of a few sizes in the region of the
 * driver, last-in first-out, touched on first use. A TCP control block has a
 * class of its own, so that no data can use up the connections. Also its
 * clock, its chance, and the end of the road.
 */
#include "metal/lwip/hooks.h"
#include "metal/lwip/lwip_impl.h"
#include "vk/err.h"
#include "vk/fmt.h"
#include "vk/hash.h"
#include "vk/limits.h"
#include "vk/plat.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

#define PCB_BYTES LWIP_MEM_ALIGN_SIZE(sizeof(struct tcp_pcb))

#define WINDOW_PARTS 16u /* of the large blocks, a window's worth is one */

/* Ascending, but for what serves one size only. */
static const uint32_t class_bytes[METAL_LWIP_CLASSES] = {64, 128, PCB_BYTES, 512, 2048};

_Static_assert(METAL_LWIP_CLASS_PCB == 2 && PCB_BYTES <= 512, "the class of control blocks");

/* How many blocks of each class. */
static void plan(const struct metal_lwip_options *options, uint32_t counts[METAL_LWIP_CLASSES])
{
    uint32_t conns = options->conns_max;
    uint32_t half_bytes = options->buffers_bytes / 2;
    counts[3] = half_bytes / class_bytes[3];
    counts[4] = half_bytes / class_bytes[4];
    counts[METAL_LWIP_CLASS_PCB] = conns + METAL_LWIP_TIME_WAIT_MAX + METAL_LWIP_HALF_OPEN_MAX;
    counts[1] = conns + METAL_LWIP_HALF_OPEN_MAX + 512; /* SYN, FIN and ACK without data */
    counts[0] = counts[1] + counts[3] + counts[4];      /* what describes each segment */
}

size_t metal_lwip_mem_bytes(const struct metal_lwip_options *options)
{
    uint32_t counts[METAL_LWIP_CLASSES];
    size_t sum = 0;
    plan(options, counts);
    for (uint32_t i = 0; i < METAL_LWIP_CLASSES; i++)
        sum += (size_t)counts[i] * class_bytes[i] + VK_CACHE_LINE_BYTES;
    return sum;
}

VK_SELDOM int metal_lwip_mem_init(struct metal_lwip_mem *mem, const struct metal_lwip_options *options,
                                  struct vk_region *region)
{
    uint32_t counts[METAL_LWIP_CLASSES];
    plan(options, counts);
    for (uint32_t i = 0; i < METAL_LWIP_CLASSES; i++) {
        size_t len_bytes = (size_t)counts[i] * class_bytes[i];
        uint8_t *base = vk_region_alloc(region, len_bytes, VK_CACHE_LINE_BYTES);
        if (base == NULL)
            return -VK_ENOMEM;
        mem->classes[i] = (struct metal_lwip_class){.base = base, .max = counts[i]};
    }
    return 0;
}

/*
 * With ASan what nobody may touch is closed: free blocks behind the link in
 * them, and the rest of a block that is larger than what was asked for.
 */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
void __asan_poison_memory_region(const volatile void *at, size_t len_bytes);
void __asan_unpoison_memory_region(const volatile void *at, size_t len_bytes);

static void fence(void *block, uint32_t class, size_t len_bytes)
{
    __asan_poison_memory_region(block, class_bytes[class]);
    __asan_unpoison_memory_region(block, len_bytes);
}
#else
static void fence(void *block, uint32_t class, size_t len_bytes)
{
    (void)block, (void)class, (void)len_bytes;
}
#endif

static void *take(struct metal_lwip_mem *mem, uint32_t class, size_t len_bytes)
{
    struct metal_lwip_class *c = &mem->classes[class];
    void *block = c->free_first;
    if (block != NULL)
        memcpy(&c->free_first, block, sizeof(c->free_first));
    else if (c->made < c->max)
        block = c->base + (size_t)c->made++ * class_bytes[class];
    if (block == NULL)
        return NULL;
    c->in_use++;
    fence(block, class, len_bytes);
    return block;
}

void *metal_lwip_malloc(size_t len_bytes)
{
    struct metal_lwip_mem *mem = &metal_lwip_the->mem;
    void *block = NULL;
    if (len_bytes == LWIP_MEM_ALIGN_SIZE(sizeof(struct tcp_pcb)))
        return take(mem, METAL_LWIP_CLASS_PCB, len_bytes);
    for (uint32_t i = 0; i < METAL_LWIP_CLASSES && block == NULL; i++) {
        if (i != METAL_LWIP_CLASS_PCB && class_bytes[i] >= len_bytes)
            block = take(mem, i, len_bytes);
    }
    mem->shorts += block == NULL;
    return block;
}

void *metal_lwip_calloc(size_t count, size_t len_bytes)
{
    /* lwIP asks so for small tables of its own: the product cannot overflow. */
    void *block = metal_lwip_malloc(count * len_bytes);
    if (block != NULL)
        memset(block, 0, count * len_bytes);
    return block;
}

void metal_lwip_free(void *block)
{
    struct metal_lwip_mem *mem = &metal_lwip_the->mem;
    if (block == NULL)
        return;
    uint32_t class = 0;
    while (class < METAL_LWIP_CLASSES - 1 && (uint8_t *)block >= mem->classes[class + 1].base)
        class ++; /* their places ascend as they were allocated */
    struct metal_lwip_class *c = &mem->classes[class];
    vk_assert((uint8_t *)block >= c->base &&
              ((size_t)((uint8_t *)block - c->base)) % class_bytes[class] == 0);
    vk_assert(c->in_use > 0);
    fence(block, class, class_bytes[class]);
#ifdef VK_DEBUG
    memset(block, 0xdd, class_bytes[class]);
#endif
    memcpy(block, &c->free_first, sizeof(c->free_first));
    c->free_first = block;
    c->in_use--;
    fence(block, class, sizeof(c->free_first));
}

uint64_t metal_lwip_mem_used(const struct metal_lwip_mem *mem)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < METAL_LWIP_CLASSES; i++)
        sum += (uint64_t)mem->classes[i].in_use * class_bytes[i];
    return sum;
}

/* Sixteen connections that are not read, or do not read, fill the memory. */
uint32_t metal_lwip_window(const struct metal_lwip_mem *mem)
{
    uint32_t part = mem->classes[METAL_LWIP_CLASSES - 1].max / WINDOW_PARTS;
    if (part < METAL_LWIP_WINDOW_MIN)
        return METAL_LWIP_WINDOW_MIN;
    return part < METAL_LWIP_WINDOW_MAX ? part : METAL_LWIP_WINDOW_MAX;
}

/*
 * Who is not read, or does not read, must not take the memory of all: the
 * less is left, the less of it a connection that has some gets more of.
 */
uint32_t metal_lwip_share(const struct metal_lwip *d)
{
    const struct metal_lwip_class *c = &d->mem.classes[METAL_LWIP_CLASSES - 1];
    uint32_t left = c->max - c->in_use;
    return left > c->max / 2 ? 128 : left > c->max / 4 ? 8 : left > c->max / 8 ? 2 : 1;
}

/* ---- the rest of what lwIP asks of a platform ---- */

uint32_t metal_lwip_random(void)
{
    struct metal_lwip_chance *chance = &metal_lwip_the->chance;
    if (chance->left == 0) {
        /* Creation saw that there is entropy; a generator that broke since must not make numbers guessable.
         */
        if (plat_random(chance->words, sizeof(chance->words)) != 0)
            plat_panic("no entropy for the sequence numbers of TCP");
        chance->left = VK_COUNT(chance->words);
    }
    return chance->words[--chance->left];
}

/* An end of a connection as bytes, none of them padding. */
static void name_end(uint8_t name[19], const ip_addr_t *ip, u16_t port)
{
    struct proc_addr addr;
    metal_lwip_addr_from(ip, port, &addr);
    memcpy(name, addr.ip, 16);
    name[16] = addr.family;
    memcpy(name + 17, &port, sizeof(port));
}

u32_t metal_lwip_isn(const ip_addr_t *local_ip, u16_t local_port, const ip_addr_t *remote_ip,
                     u16_t remote_port)
{
    const struct metal_lwip *d = metal_lwip_the;
    uint8_t name[2 * 19];
    name_end(name, local_ip, local_port);
    name_end(name + 19, remote_ip, remote_port);
    uint64_t hash = vk_hash_bytes(d->chance.key, vk_span(name, sizeof(name)));
    return (u32_t)hash + (u32_t)(d->dev->ops->now(d->dev) / 4000u); /* RFC 793: one each 4 us */
}

u32_t sys_now(void)
{
    const struct metal_lwip *d = metal_lwip_the;
    return (uint32_t)(d->dev->ops->now(d->dev) / 1000000u);
}

void metal_lwip_broken(int line)
{
    static char text[80] = "an assertion inside of lwIP failed, line ";
    size_t len = sizeof("an assertion inside of lwIP failed, line ") - 1;
    _Static_assert(sizeof(text) > 42 + VK_FMT_U64_BYTES, "text and number");
    text[len + vk_fmt_u64((uint8_t *)text + len, (uint64_t)line)] = '\0';
    plat_panic(text);
}
