/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the command line of the application image means what docs/metal.md
 * says, and what it does not mean is refused; the division of memory fits into
 * the machine, whatever its size.
 */
#include "metal/app/options.h"
#include "metal/app/plan.h"
#include "metal/app/ports.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

#define MIB ((size_t)1 << 20)

static struct app_options options;
static char why[APP_WHY_BYTES];

static bool says(const char *part)
{
    for (const char *at = why; *at != '\0'; at++) {
        size_t i = 0;
        while (part[i] != '\0' && at[i] == part[i])
            i++;
        if (part[i] == '\0')
            return true;
    }
    return false;
}

static void check_refused(const char *line, const char *part)
{
    CHECK_EQ(app_options_parse(&options, line, why), -VK_EINVAL);
    CHECK(says(part));
}

TEST(metal_app_options, defaults_are_dhcp_and_mprotect)
{
    CHECK_EQ(app_options_parse(&options, "", why), 0);
    CHECK(!options.has_listen);
    CHECK_MEM(options.ip, "dhcp", 5);
    CHECK_EQ(options.guard, VK_GUARD_MPROTECT);
    CHECK_EQ(options.slots, APP_SLOTS_AUTO);
    CHECK_EQ(options.stats_s, 0);
}

TEST(metal_app_options, every_word_is_taken_among_those_of_the_machine)
{
    const char *line =
        " listen=10.0.2.15:81  ip=10.0.2.15/24,router=10.0.2.2 virtio_mmio.device=512@0xfeb00e00:12 "
        "guard=off slots=7 stats=60 virtio_mmio.device=512@0xfeb00c00:11 ";
    CHECK_EQ(app_options_parse(&options, line, why), 0);
    CHECK_EQ(why[0], '\0');
    CHECK(options.has_listen);
    CHECK_EQ(options.listen.family, 4);
    CHECK_EQ(options.listen.port, 81);
    CHECK_MEM(options.listen.ip, "\x0a\x00\x02\x0f", 4);
    CHECK_MEM(options.ip, "10.0.2.15/24,router=10.0.2.2", 29);
    CHECK_EQ(options.guard, VK_GUARD_OFF);
    CHECK_EQ(options.slots, 7);
    CHECK_EQ(options.stats_s, 60);
}

/* As Firecracker puts it together: what it was given, and its own words behind that. */
TEST(metal_app_options, words_of_other_machines_are_theirs)
{
    CHECK_EQ(app_options_parse(&options, "ip=172.16.0.2/24 pci=off virtio_mmio.device=4K@0xd0000000:5", why),
             0);
    CHECK_MEM(options.ip, "172.16.0.2/24", 14);
    check_refused("pci=on", "pci=on: unknown option");
}

TEST(metal_app_options, listen_takes_a_port_alone_and_all_addresses_of_ipv6)
{
    static const uint8_t all[16];
    CHECK_EQ(app_options_parse(&options, "listen=65535", why), 0);
    CHECK_EQ(options.listen.family, 4);
    CHECK_EQ(options.listen.port, 65535);
    CHECK_MEM(options.listen.ip, all, sizeof all);
    CHECK_EQ(app_options_parse(&options, "listen=[::]:80", why), 0);
    CHECK_EQ(options.listen.family, 6);
    CHECK_EQ(options.listen.port, 80);
    CHECK_MEM(options.listen.ip, all, sizeof all);
}

TEST(metal_app_options, listen_takes_any_address_of_ipv6)
{
    static const uint8_t own[16] = {0xfd, [15] = 2}, link[16] = {0xfe, 0x80, [14] = 0x12, 0x34};
    CHECK_EQ(app_options_parse(&options, "listen=[fd00::2]:8080 ip=fd00::2/64", why), 0);
    CHECK_EQ(options.listen.family, 6);
    CHECK_EQ(options.listen.port, 8080);
    CHECK_MEM(options.listen.ip, own, sizeof own);
    CHECK_EQ(app_options_parse(&options, "listen=[fe80::1234]:1", why), 0);
    CHECK_MEM(options.listen.ip, link, sizeof link);
}

TEST(metal_app_options, what_is_wrong_is_refused_and_named)
{
    check_refused("frobnicate", "frobnicate: unknown option");
    check_refused("slots", "slots: unknown option");
    check_refused("slots=1 slots=2", "slots=2: it is given twice");
    check_refused("slots=0", "slots=0: expected a number from 1 to");
    check_refused("slots=60001", "expected a number");
    check_refused("stats=0", "stats=0: expected a number from 1 to 86400");
    check_refused("slots=-1", "expected a number");
    check_refused("guard=maybe", "guard=maybe: expected auto");
    check_refused("guard=mprotectmprotectmprotectmprotect", "expected auto");
    check_refused("ip=", "expected ip=dhcp");
    check_refused("listen=0", "a port is a number");
    check_refused("listen=65536", "a port is a number");
    check_refused("listen=1.2.3:80", "expected listen=PORT");
    check_refused("listen=1.2.3.4.5:80", "expected listen=PORT");
    check_refused("listen=1.2.3.256:80", "expected listen=PORT");
    check_refused("listen=1.2..4:80", "expected listen=PORT");
    check_refused("listen=[::1", "expected listen=PORT");
    check_refused("listen=::1:80", "expected listen=PORT");
    check_refused("listen=[fd00::2]:0", "a port is a number");
    check_refused("listen=[fe80::1%eth0]:80", "a link-local address needs no %");
    check_refused("listen=1.2.3.4:", "expected listen=PORT");
    check_refused("listen=1.2.3.4:0", "a port is a number");
    check_refused("listen=1.2.3.4:65536", "a port is a number");
}

/* What the parts come to when all of them are used. */
static size_t sum_of(const struct app_plan *plan)
{
    static const uint32_t buf_bytes[VK_BUF_CLASSES] = {512, 2048, 8192, 65536, 262144};
    size_t sum = plan->io_bytes + (size_t)plan->parks_max * (PROC_PARK_MAX_BYTES + PROC_PARK_SMALL_BYTES) +
                 (size_t)plan->conns_max * 1024;
    for (uint32_t i = 0; i < VK_BUF_CLASSES; i++)
        sum += (size_t)plan->bufs_max[i] * buf_bytes[i];
    return sum + (size_t)plan->slots_max[0] * (vk_pool_class_bytes(0) / 4);
}

TEST(metal_app_plan, everything_fits_into_the_machine)
{
    struct app_plan plan;
    for (size_t free_bytes = APP_MEMORY_MIN_BYTES; free_bytes <= 3 * 1024 * MIB;
         free_bytes += free_bytes / 3) {
        app_plan_make(&plan, free_bytes, 0);
        CHECK(sum_of(&plan) < free_bytes);
        CHECK(plan.freeze_heap_bytes <= free_bytes / 2);
        CHECK(plan.slots_warm <= plan.slots_max[0]);
        CHECK(plan.processes_max >= plan.slots_max[0]);
        CHECK(plan.io_conns_max > plan.conns_max);
    }
}

TEST(metal_app_plan, sixteen_mib_hold_a_thousand_connections)
{
    struct app_plan plan;
    app_plan_make(&plan, 14 * MIB, 0);
    CHECK(plan.conns_max >= 1000);
}

TEST(metal_app_plan, a_large_machine_has_the_bounds_of_linux)
{
    struct app_plan plan;
    app_plan_make(&plan, 3 * 1024 * MIB, 0);
    CHECK_EQ(plan.conns_max, NET_CONNS_DEFAULT);
    CHECK_EQ(plan.parks_max, PROC_PARKS_MAX);
    CHECK(plan.slots_max[0] > 40000 && plan.slots_max[0] <= VKD_SLOTS_MAX);
}

TEST(metal_app_plan, slots_asked_for_are_given)
{
    struct app_plan plan;
    app_plan_make(&plan, 64 * MIB, 5);
    CHECK_EQ(plan.slots_max[0], 5);
    CHECK_EQ(plan.slots_warm, 5);
}

/* ---- ports ---------------------------------------------------------------------- */

#define BLOCKS 4u

static struct interp_block ported[BLOCKS];
static struct net_bind_block blocks[BLOCKS];
static const struct net_bind_host host = {.blocks = blocks, .blocks_count = BLOCKS};
static uint16_t ports[NET_LISTENERS_MAX];

/* What comes of blocks at these ports; a text is an address instead. */
static int choose(uint16_t first, const uint16_t named[BLOCKS], const char *text, uint32_t *ret_block)
{
    for (uint32_t i = 0; i < BLOCKS; i++) {
        ported[i].port = named[i];
        blocks[i].block = &ported[i];
        blocks[i].address = i == 1 ? text : NULL;
    }
    return app_ports_choose(&host, first, ports, ret_block);
}

static void check_ports(uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
    const uint16_t wanted[BLOCKS] = {a, b, c, d};
    CHECK_MEM(ports, wanted, sizeof wanted);
}

TEST(metal_app_ports, are_the_programs_or_the_next_that_no_block_has)
{
    uint32_t at;
    CHECK_EQ(choose(0, (const uint16_t[]){81, 82, 83, 84}, NULL, &at), 0);
    check_ports(81, 82, 83, 84);
    CHECK_EQ(choose(0, (const uint16_t[]){0, 0, 0, 0}, NULL, &at), 0);
    check_ports(8080, 8081, 8082, 8083);
    CHECK_EQ(choose(0, (const uint16_t[]){8081, 0, 8082, 0}, NULL, &at), 0);
    check_ports(8081, 8083, 8082, 8084);
    CHECK_EQ(choose(8083, (const uint16_t[]){8081, 0, 8081, 0}, "10.0.0.1:0", &at), 0);
    check_ports(8083, 8082, 8081, 8084);
}

TEST(metal_app_ports, two_of_a_kind_and_no_addresses_are_refused)
{
    uint32_t at;
    CHECK_EQ(choose(0, (const uint16_t[]){81, 82, 83, 82}, NULL, &at), -VK_EADDRINUSE);
    CHECK_EQ(at, 3);
    CHECK_EQ(choose(83, (const uint16_t[]){81, 82, 83, 84}, NULL, &at), -VK_EADDRINUSE);
    CHECK_EQ(at, 2);
    CHECK_EQ(choose(0, (const uint16_t[]){81, 82, 83, 84}, "localhost", &at), -VK_EMALFORMED);
    CHECK_EQ(at, 1);
    CHECK_EQ(choose(0, (const uint16_t[]){81, 82, 83, 84}, "[::1]:81", &at), -VK_EADDRINUSE);
    CHECK_EQ(at, 1);
}
