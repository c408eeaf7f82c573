/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: registers are found where the configuration space says they are, and
 * nothing in it that makes no sense becomes an address. Method: a configuration
 * space in memory, with BARs that tell their size; each field broken in turn,
 * then all of it at random.
 */
#include "metal/virtio/pci.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#define WINDOW_START 0xfd000000u
#define WINDOW_END   0xfe000000u
#define COMMON       0x40u /* where the capabilities are */
#define KICKS        0x50u
#define CONFIG       0x64u
#define MSIX         0x74u

static uint32_t space[64];
static uint64_t bar_bytes[METAL_PCI_BARS]; /* 0: none */
static struct metal_pci_window window;
static struct metal_pci_layout layout;
static const char *why;

static uint32_t read_space(const struct metal_pci_space *self, uint32_t offset)
{
    (void)self;
    CHECK(offset % 4 == 0 && offset < sizeof space);
    return space[offset / 4];
}

/* A BAR keeps the bits above its size; the status half of the command word is not written. */
static void write_space(const struct metal_pci_space *self, uint32_t offset, uint32_t value)
{
    (void)self;
    CHECK(offset % 4 == 0 && offset < sizeof space);
    uint32_t bar = offset / 4 - 4;
    if (offset == 4)
        value = (value & 0xffff) | (space[1] & 0xffff0000);
    if (offset >= 0x10 && bar < METAL_PCI_BARS) {
        CHECK(!(space[1] & 2)); /* while it answers to memory */
        bool is_high = bar > 0 && (space[offset / 4 - 1] & 7) == 4;
        uint64_t mask = ~(bar_bytes[is_high ? bar - 1 : bar] - 1);
        value &= (uint32_t)(is_high ? mask >> 32 : mask);
        value |= is_high ? 0 : space[offset / 4] & 15;
    }
    space[offset / 4] = value;
}

static const struct metal_pci_space self = {read_space, write_space, 8};

static void put_virtio(uint32_t at, uint32_t next, uint32_t kind, uint32_t offset, uint32_t len)
{
    space[at / 4] = 0x09 | next << 8 | 16u << 16 | kind << 24;
    space[at / 4 + 1] = 4; /* BAR */
    space[at / 4 + 2] = offset;
    space[at / 4 + 3] = len;
}

/* As QEMU's card looks under a firmware that gave its BARs no addresses. */
static void make(void)
{
    memset(space, 0, sizeof space);
    memset(bar_bytes, 0, sizeof bar_bytes);
    space[0] = 0x10411af4;
    space[1] = 0x00100007;
    space[0x34 / 4] = COMMON;
    space[0x10 / 4 + 4] = 0xc; /* 64 bits wide, prefetchable */
    bar_bytes[4] = 0x4000;
    bar_bytes[1] = 0x1000;
    put_virtio(COMMON, KICKS, 1, 0, 0x1000);
    put_virtio(KICKS, CONFIG, 2, 0x3000, 0x1000);
    space[KICKS / 4 + 4] = 4;
    put_virtio(CONFIG, MSIX, 4, 0x2000, 0x1000);
    space[MSIX / 4] = 0x11 | 2u << 16;
    space[MSIX / 4 + 1] = 1;
    window = (struct metal_pci_window){WINDOW_START, WINDOW_END};
}

static int read_all(void)
{
    return metal_pci_read(&self, &window, &layout, &why);
}

TEST(metal_virtio_pci, finds_registers_and_gives_them_addresses)
{
    make();
    CHECK_EQ(metal_pci_type(&self), METAL_VIRTIO_NET);
    CHECK_EQ(read_all(), 0);
    CHECK_EQ(layout.common.base, WINDOW_START);
    CHECK_EQ(layout.kicks.base, WINDOW_START + 0x3000);
    CHECK_EQ(layout.config.base, WINDOW_START + 0x2000);
    CHECK_EQ(layout.kick_step_bytes, 4);
    CHECK_EQ(layout.vectors.base, WINDOW_START + 0x4000);
    CHECK_EQ(layout.vectors.len_bytes, 3 * 16);
    CHECK_EQ(layout.vectors_at, MSIX);
    CHECK_EQ(space[0x20 / 4], WINDOW_START | 0xc);
    CHECK_EQ(space[0x24 / 4], 0);
    CHECK_EQ(space[0x14 / 4], WINDOW_START + 0x4000);
    CHECK_EQ(space[1], 0x00100407);
}

TEST(metal_virtio_pci, leaves_addresses_that_firmware_gave)
{
    make();
    space[0x20 / 4] = 0x4000000c;
    space[0x24 / 4] = 0x10; /* above 4 GiB */
    space[0x14 / 4] = 0xfebf1000;
    CHECK_EQ(read_all(), 0);
    CHECK_EQ(layout.common.base, 0x1040000000);
    CHECK_EQ(layout.vectors.base, 0xfebf1000);
    CHECK_EQ(space[0x20 / 4], 0x4000000c);
    CHECK_EQ(space[0x24 / 4], 0x10);
    CHECK_EQ(window.next, WINDOW_START);
}

TEST(metal_virtio_pci, knows_the_kinds_of_devices)
{
    static const uint32_t cases[][3] = {
        {0x10411af4, 0, 1},          {0x10441af4, 0, 4},          {0x10001af4, 0x00010000, 1},
        {0x10051af4, 0x00040000, 4}, {0x10411af5, 0, 0},          {0xffffffff, 0, 0},
        {0x0fff1af4, 0x00010000, 0}, {0x10801af4, 0x00010000, 0}, {0x29c08086, 0x11001af4, 0},
        {0x107f1af4, 0, 63},
    };
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        make();
        space[0] = cases[i][0];
        space[0x2c / 4] = cases[i][1];
        CHECK_EQ(metal_pci_type(&self), cases[i][2]);
    }
    make();
    space[0x0c / 4] = 0x00010000; /* a bridge */
    CHECK_EQ(metal_pci_type(&self), 0);
}

TEST(metal_virtio_pci, legacy_devices_and_those_without_messages_are_refused)
{
    make();
    space[1] &= 0xffff; /* no list of capabilities */
    CHECK_EQ(read_all(), -VK_ENOTSUP);
    make();
    space[0x34 / 4] = MSIX; /* none of virtio's */
    CHECK_EQ(read_all(), -VK_ENOTSUP);
    make();
    space[CONFIG / 4] &= 0xffff00ff; /* the list ends before MSI-X */
    CHECK_EQ(read_all(), -VK_ENOTSUP);
    make();
    space[MSIX / 4] = 0x11; /* one message only */
    CHECK_EQ(read_all(), -VK_ENOTSUP);
    make();
    space[COMMON / 4 + 3] = 55;
    CHECK_EQ(read_all(), -VK_ENOTSUP);
    make();
    space[COMMON / 4 + 3] = 56;
    CHECK_EQ(read_all(), 0);
}

TEST(metal_virtio_pci, what_makes_no_sense_is_refused)
{
    static const struct {
        uint32_t at;
        uint32_t value;
    } cases[] = {
        {COMMON + 4, 6}, /* no such BAR */
        {COMMON + 4, 255},
        {COMMON + 4, 0},      /* a BAR that is not there */
        {COMMON + 8, 0x3004}, /* behind the end of its BAR */
        {COMMON + 8, 0xfffff000},
        {COMMON + 8, 2}, /* registers on no word */
        {COMMON + 12, 0x4001},
        {COMMON + 12, 0xffffffff},
        {KICKS + 8, 0x3004},
        {CONFIG + 12, 0x2001},
        {MSIX + 4, 0x0fe1}, /* the table reaches beyond the BAR */
        {MSIX + 4, 7},
        {0x20, 0xd},                           /* a BAR of ports */
        {0x20, 0x1},                           /* another, whose bits would do for memory */
        {MSIX, 0x11 | 2u << 16 | COMMON << 8}, /* a list that is a circle */
        {MSIX, 0x11 | 2u << 16 | 0x3cu << 8},  /* a list that leads out of itself */
    };
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        make();
        space[cases[i].at / 4] = cases[i].value;
        CHECK_EQ(read_all(), -VK_EMALFORMED);
    }
    make();
    space[KICKS / 4 + 1] = 5; /* 64 bits wide, and the last */
    space[0x10 / 4 + 4] = 0;
    space[0x10 / 4 + 5] = 4;
    bar_bytes[5] = 0x4000;
    CHECK_EQ(read_all(), -VK_EMALFORMED);
    make();
    space[0x20 / 4] = 0xffffc00c; /* it would end where addresses end */
    space[0x24 / 4] = 0xffffffff;
    CHECK_EQ(read_all(), -VK_EMALFORMED);
}

/* A capability may begin where the space still has room for its head, but not for all of it. */
TEST(metal_virtio_pci, capabilities_end_within_the_space)
{
    make();
    space[0x34 / 4] = 0xf0;
    put_virtio(0xf0, KICKS, 1, 0, 0x1000);
    CHECK_EQ(read_all(), 0);
    make();
    space[0x34 / 4] = 0xf4;
    space[0xf4 / 4] = 0x09 | KICKS << 8 | 1u << 24;
    CHECK_EQ(read_all(), -VK_EMALFORMED);
    make();
    space[KICKS / 4] = 0x09 | 0xf0u << 8 | 1u << 24; /* the second of its kind; that of kicks is longer */
    space[0xf0 / 4] = 0x09 | CONFIG << 8 | 2u << 24;
    CHECK_EQ(read_all(), -VK_EMALFORMED);
    make();
    space[CONFIG / 4] = 0x09 | 0xf4u << 8 | 4u << 24;
    space[0xf4 / 4] = 0x11 | 2u << 16;
    space[0xf8 / 4] = 1;
    CHECK_EQ(read_all(), 0);
    space[CONFIG / 4] = 0x09 | 0xf8u << 8 | 4u << 24;
    space[0xf8 / 4] = 0x11 | 2u << 16;
    CHECK_EQ(read_all(), -VK_EMALFORMED);
}

TEST(metal_virtio_pci, window_without_room_gives_no_address)
{
    make();
    window.end = WINDOW_START + 0x3fff;
    CHECK_EQ(read_all(), -VK_ENOSPC);
    CHECK_EQ(space[0x20 / 4], 0xc);
    make();
    window.end = WINDOW_START + 0x4000;
    CHECK_EQ(read_all(), -VK_ENOSPC); /* the second BAR */
    make();
    window.end = WINDOW_START + 0x5000;
    CHECK_EQ(read_all(), 0);
    CHECK_EQ(window.next, window.end);
    window = (struct metal_pci_window){UINT64_MAX - 100, UINT64_MAX};
    make();
    window = (struct metal_pci_window){UINT64_MAX - 100, UINT64_MAX};
    CHECK_EQ(read_all(), -VK_ENOSPC);
    make();
    window = (struct metal_pci_window){WINDOW_END - 0x1000,
                                       WINDOW_END - 0x800}; /* aligned, it begins behind the end */
    CHECK_EQ(read_all(), -VK_ENOSPC);
}

static void check_inside(const struct metal_pci_part *part)
{
    for (uint32_t bar = 0; bar < METAL_PCI_BARS; bar++) {
        bool is_wide = (space[4 + bar] & 6) == 4;
        uint64_t base = space[4 + bar] & ~15u;
        if (is_wide && bar + 1 < METAL_PCI_BARS)
            base |= (uint64_t)space[5 + bar] << 32;
        if (bar_bytes[bar] > 0 && part->base >= base && part->base - base <= bar_bytes[bar] &&
            part->len_bytes <= bar_bytes[bar] - (part->base - base))
            return;
    }
    CHECK(part->len_bytes == 0);
}

/* Whatever is accepted lies inside the BARs. */
TEST(metal_virtio_pci, random_spaces_give_no_address_outside_the_bars)
{
    uint64_t seed = 3;
    uint32_t good = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        make();
        for (uint32_t change = test_random_below(&seed, 4); change > 0; change--)
            ((uint8_t *)space)[0x34 + test_random_below(&seed, sizeof space - 0x34)] =
                (uint8_t)test_random(&seed);
        if (read_all() != 0)
            continue;
        good++;
        check_inside(&layout.common);
        check_inside(&layout.kicks);
        check_inside(&layout.config);
        check_inside(&layout.vectors);
    }
    CHECK(good > 100);
}
