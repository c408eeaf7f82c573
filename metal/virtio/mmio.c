/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 4.2. */
#include "metal/virtio/mmio.h"

#include "vk/bytes.h"
#include "vk/err.h"

#define MAGIC          0x74726976u /* "virt" */
#define VERSION_MODERN 2u

/* Registers, as offsets of bytes. */
#define REG_MAGIC            0x000u
#define REG_VERSION          0x004u
#define REG_DEVICE_ID        0x008u
#define REG_OFFERED          0x010u
#define REG_OFFERED_SELECT   0x014u
#define REG_ACCEPT           0x020u
#define REG_ACCEPT_SELECT    0x024u
#define REG_QUEUE_SELECT     0x030u
#define REG_QUEUE_MAX        0x034u
#define REG_QUEUE_SIZE       0x038u
#define REG_QUEUE_READY      0x044u
#define REG_KICK             0x050u
#define REG_INTERRUPT_STATUS 0x060u
#define REG_INTERRUPT_ACK    0x064u
#define REG_STATUS           0x070u
#define REG_QUEUE_DESC       0x080u
#define REG_QUEUE_AVAIL      0x090u
#define REG_QUEUE_USED       0x0a0u
#define REG_GENERATION       0x0fcu
#define REG_CONFIG           0x100u

#define INTERRUPT_CONFIG 2u
#define QUIETS_MAX       8u /* a device that never falls silent must not hold the machine */

static struct metal_mmio *mmio_of(struct metal_virtio *device)
{
    return VK_CONTAINER(device, struct metal_mmio, virtio);
}

static uint32_t read_register(struct metal_virtio *device, uint32_t offset)
{
    return mmio_of(device)->registers[offset / 4];
}

static void write_register(struct metal_virtio *device, uint32_t offset, uint32_t value)
{
    mmio_of(device)->registers[offset / 4] = value;
}

static void write_pair(struct metal_virtio *device, uint32_t offset, uint64_t value)
{
    write_register(device, offset, (uint32_t)value);
    write_register(device, offset + 4, (uint32_t)(value >> 32));
}

/* ---- the table of functions ------------------------------------------------------ */

static uint32_t status(struct metal_virtio *device)
{
    return read_register(device, REG_STATUS);
}

static void set_status(struct metal_virtio *device, uint32_t value)
{
    write_register(device, REG_STATUS, value);
}

static uint64_t offered(struct metal_virtio *device)
{
    write_register(device, REG_OFFERED_SELECT, 0);
    uint64_t low = read_register(device, REG_OFFERED);
    write_register(device, REG_OFFERED_SELECT, 1);
    return low | (uint64_t)read_register(device, REG_OFFERED) << 32;
}

static void accept(struct metal_virtio *device, uint64_t features)
{
    write_register(device, REG_ACCEPT_SELECT, 0);
    write_register(device, REG_ACCEPT, (uint32_t)features);
    write_register(device, REG_ACCEPT_SELECT, 1);
    write_register(device, REG_ACCEPT, (uint32_t)(features >> 32));
}

static uint32_t queue_max(struct metal_virtio *device, uint16_t index)
{
    write_register(device, REG_QUEUE_SELECT, index);
    return read_register(device, REG_QUEUE_MAX);
}

static int queue_on(struct metal_virtio *device, uint16_t index, const struct metal_queue *queue)
{
    write_register(device, REG_QUEUE_SELECT, index);
    if (read_register(device, REG_QUEUE_READY) != 0)
        return -VK_EIO;
    write_register(device, REG_QUEUE_SIZE, queue->size);
    write_pair(device, REG_QUEUE_DESC, (uintptr_t)queue->desc);
    write_pair(device, REG_QUEUE_AVAIL, (uintptr_t)queue->avail);
    write_pair(device, REG_QUEUE_USED, (uintptr_t)queue->used);
    write_register(device, REG_QUEUE_READY, 1);
    return read_register(device, REG_QUEUE_READY) == 1 ? 0 : -VK_EIO;
}

static void kick(struct metal_virtio *device, uint16_t index)
{
    write_register(device, REG_KICK, index);
}

static uint32_t config(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes)
{
    volatile uint8_t *at = (volatile uint8_t *)mmio_of(device)->registers + REG_CONFIG + offset;
    if (width_bytes == 1)
        return *at;
    if (width_bytes == 2)
        return *(volatile uint16_t *)(volatile void *)at;
    return *(volatile uint32_t *)(volatile void *)at;
}

static uint32_t config_generation(struct metal_virtio *device)
{
    return read_register(device, REG_GENERATION);
}

static const struct metal_virtio_ops mmio_ops = {
    .name = "virtio-mmio",
    .status = status,
    .set_status = set_status,
    .offered = offered,
    .accept = accept,
    .queue_max = queue_max,
    .queue_on = queue_on,
    .kick = kick,
    .config = config,
    .config_generation = config_generation,
};

enum metal_mmio_look metal_mmio_init(struct metal_mmio *mmio, volatile uint32_t *registers)
{
    uint32_t device_id = registers[REG_DEVICE_ID / 4];
    if (registers[REG_MAGIC / 4] != MAGIC || device_id == 0)
        return METAL_MMIO_NOTHING;
    if (registers[REG_VERSION / 4] != VERSION_MODERN)
        return METAL_MMIO_LEGACY;
    *mmio = (struct metal_mmio){.virtio = {.ops = &mmio_ops, .type = device_id}, .registers = registers};
    return METAL_MMIO_GOOD;
}

/*
 * Quiet the device first: a buffer that it uses after this makes the line rise
 * again. It must have fallen before, so a cause that came between the look and
 * the answer is answered as well.
 */
void metal_mmio_interrupt(void *ctx)
{
    struct metal_mmio *mmio = ctx;
    uint32_t why;
    for (uint32_t i = 0; i < QUIETS_MAX && (why = read_register(&mmio->virtio, REG_INTERRUPT_STATUS)) != 0;
         i++) {
        write_register(&mmio->virtio, REG_INTERRUPT_ACK, why);
        if (why & INTERRUPT_CONFIG)
            mmio->virtio.is_config_changed = true;
    }
}

/* ---- the command line --------------------------------------------------------------- */

/* A number, decimal or after 0x hexadecimal; false when there is none or it does not fit. */
static bool take_number(const char **at, uint64_t *ret_value)
{
    uint32_t base = 10;
    if ((*at)[0] == '0' && (*at)[1] == 'x') {
        base = 16;
        *at += 2;
    }
    const char *start = *at;
    uint64_t value = 0;
    for (;; (*at)++) {
        char c = **at;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                                                : base;
        if (digit >= base)
            break;
        if (value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *ret_value = value;
    return *at != start;
}

/* SIZE@BASE:LINE up to a space; SIZE may end in K or M. A fourth part, an identifier, is not for us. */
static bool take_place(const char **at, struct metal_mmio_place *place)
{
    uint64_t line;
    if (!take_number(at, &place->len_bytes))
        return false;
    if (**at == 'K' || **at == 'M')
        place->len_bytes <<= *(*at)++ == 'K' ? 10 : 20;
    if (*(*at)++ != '@' || !take_number(at, &place->base))
        return false;
    if (*(*at)++ != ':' || !take_number(at, &line) || line > UINT32_MAX)
        return false;
    place->line = (uint32_t)line;
    return **at == '\0' || **at == ' ' || **at == ':';
}

bool metal_mmio_parse(const char **at, struct metal_mmio_place *ret_place, bool *ret_is_good)
{
    *ret_place = (struct metal_mmio_place){0};
    static const char name[] = "virtio_mmio.device=";
    const size_t name_len = sizeof name - 1;
    for (bool is_start = true; **at != '\0'; is_start = *(*at)++ == ' ') {
        size_t len = 0;
        while (is_start && len < name_len && (*at)[len] == name[len])
            len++;
        if (len < name_len)
            continue;
        const char *word = *at + name_len;
        *ret_is_good = take_place(&word, ret_place);
        while (**at != '\0' && **at != ' ')
            (*at)++;
        return true;
    }
    return false;
}
