/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: devices on a command line are found, and what is no such word is seen
 * to be none; registers tell modern devices from others. Method: every form, and
 * every prefix of a good one.
 */
#include "metal/virtio/mmio.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#ifndef TEST_FREESTANDING
#include <signal.h>
#include <sys/mman.h>
#endif

static const char *at;
static struct metal_mmio_place place;
static bool is_good;

static bool next(void)
{
    return metal_mmio_parse(&at, &place, &is_good);
}

static void check_place(uint64_t len_bytes, uint64_t base, uint32_t line)
{
    CHECK(next());
    CHECK(is_good);
    CHECK_EQ(place.len_bytes, len_bytes);
    CHECK_EQ(place.base, base);
    CHECK_EQ(place.line, line);
}

TEST(metal_virtio_mmio, finds_every_device_of_a_command_line)
{
    at = "console=hvc0 virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@0xd0000000:5 "
         "xvirtio_mmio.device=1@2:3 virtio_mmio.device=0x200@4273999872:0x7:3 virtio_mmio.device=1M@0x0:0";
    check_place(512, 0xfeb00e00, 12);
    check_place(4096, 0xd0000000, 5);
    check_place(512, 4273999872, 7);
    check_place(1048576, 0, 0);
    CHECK(!next());
    CHECK(!next());
    at = "";
    CHECK(!next());
}

TEST(metal_virtio_mmio, words_that_make_no_sense_are_named_as_such)
{
    static const char *const bad[] = {
        "virtio_mmio.device=",
        "virtio_mmio.device=@",
        "virtio_mmio.device=512",
        "virtio_mmio.device=512@0x",
        "virtio_mmio.device=512@0x10",
        "virtio_mmio.device=512@0x10:",
        "virtio_mmio.device=512@10:5x",
        "virtio_mmio.device=512@0x10:4294967296",
        "virtio_mmio.device=-1@0x10:5",
        "virtio_mmio.device=512 @0x10:5",
        "virtio_mmio.device=512@0x10000000000000000:5",
        "virtio_mmio.device=18446744073709551616@0x10:5",
    };
    for (uint32_t i = 0; i < VK_COUNT(bad); i++) {
        at = bad[i];
        CHECK(next());
        CHECK(!is_good);
        CHECK(!next());
    }
    at = "virtio_mmio.device=oops virtio_mmio.device=512@0x1000:5";
    CHECK(next());
    CHECK(!is_good);
    check_place(512, 0x1000, 5);
}

TEST(metal_virtio_mmio, every_prefix_of_a_good_word_is_seen_to_be_cut)
{
    static const char word[] = "virtio_mmio.device=512@0x10:5";
    char cut[sizeof word];
    for (size_t len = 0; len + 1 < sizeof word; len++) {
        memcpy(cut, word, len);
        cut[len] = '\0';
        at = cut;
        CHECK_EQ(next(), len >= sizeof "virtio_mmio.device=" - 1);
        CHECK(!is_good || len < sizeof "virtio_mmio.device=" - 1);
        is_good = false;
    }
}

TEST(metal_virtio_mmio, tells_modern_devices_from_others)
{
    static uint32_t registers[128] = {0x74726976, 2, 1};
    struct metal_mmio mmio;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_GOOD);
    CHECK_EQ(mmio.virtio.type, METAL_VIRTIO_NET);
    registers[1] = 1;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_LEGACY);
    registers[2] = 0;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_NOTHING);
    registers[2] = 1;
    registers[0]++;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_NOTHING);
}

/* Registers that keep what is written to them. */
TEST(metal_virtio_mmio, a_queue_is_told_once_and_fields_have_their_width)
{
    static uint32_t registers[128] = {0x74726976, 2, 1};
    const struct metal_queue queue = {
        .size = 8, .desc = (void *)0x1122334455667788, .avail = (void *)0x2000, .used = (void *)0x3000};
    struct metal_mmio mmio;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_GOOD);
    const struct metal_virtio_ops *ops = mmio.virtio.ops;
    CHECK_EQ(ops->queue_on(&mmio.virtio, 1, &queue), 0);
    CHECK_EQ(registers[0x30 / 4], 1);
    CHECK_EQ(registers[0x38 / 4], 8);
    CHECK_EQ(registers[0x80 / 4], 0x55667788);
    CHECK_EQ(registers[0x84 / 4], 0x11223344);
    CHECK_EQ(registers[0x90 / 4], 0x2000);
    CHECK_EQ(registers[0xa0 / 4], 0x3000);
    CHECK_EQ(registers[0x44 / 4], 1);
    registers[0xa0 / 4] = 5;
    CHECK_EQ(ops->queue_on(&mmio.virtio, 1, &queue), -VK_EIO); /* it is on still, and may be in use */
    CHECK_EQ(registers[0xa0 / 4], 5);
    registers[0x100 / 4] = 0x84838281;
    CHECK_EQ(ops->config(&mmio.virtio, 1, 1), 0x82);
    CHECK_EQ(ops->config(&mmio.virtio, 2, 2), 0x8483);
    CHECK_EQ(ops->config(&mmio.virtio, 0, 4), 0x84838281);
}

/* The fake device keeps its causes for ever, and is left alone after some answers. */
TEST(metal_virtio_mmio, interrupt_quiets_the_device_and_notes_a_change)
{
    static uint32_t registers[128] = {0x74726976, 2, 1};
    struct metal_mmio mmio;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_GOOD);
    for (uint32_t why = 0; why < 4; why++) {
        registers[0x60 / 4] = why;
        registers[0x64 / 4] = 99;
        mmio.virtio.is_config_changed = false;
        metal_mmio_interrupt(&mmio);
        CHECK_EQ(registers[0x64 / 4], why != 0 ? why : 99);
        CHECK_EQ(mmio.virtio.is_config_changed, (why & 2) != 0);
    }
}

#ifndef TEST_FREESTANDING
static uint32_t *answer_page; /* begins with the register that is written to answer */

/* The first answer: while it is on its way, the device has another cause. */
static void on_answer(int signal)
{
    (void)signal;
    answer_page[-1] = 2;
    (void)mprotect(answer_page, VK_PAGE_BYTES, PROT_READ | PROT_WRITE);
}

TEST(metal_virtio_mmio, a_cause_that_comes_during_the_answer_is_answered)
{
    uint8_t *pages =
        mmap(NULL, 2 * (size_t)VK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    answer_page = (uint32_t *)(void *)(pages + VK_PAGE_BYTES);
    uint32_t *registers = answer_page - 0x64 / 4;
    registers[0] = 0x74726976, registers[1] = 2, registers[2] = 1, registers[0x60 / 4] = 1;
    struct metal_mmio mmio;
    CHECK_EQ(metal_mmio_init(&mmio, registers), METAL_MMIO_GOOD);
    CHECK_EQ(mprotect(answer_page, VK_PAGE_BYTES, PROT_READ), 0);
    struct sigaction during = {.sa_handler = on_answer}, before;
    CHECK_EQ(sigaction(SIGSEGV, &during, &before), 0);
    metal_mmio_interrupt(&mmio);
    CHECK_EQ(sigaction(SIGSEGV, &before, NULL), 0);
    CHECK_EQ(registers[0x64 / 4], 2);
    CHECK(mmio.virtio.is_config_changed);
    CHECK_EQ(munmap(pages, 2 * (size_t)VK_PAGE_BYTES), 0);
}
#endif
