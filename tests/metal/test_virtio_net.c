/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a real card sends, receives, has its check sums made, and survives its
 * own resets. Method: QEMU's user network answers ARP, ICMP echo and DHCP by
 * itself; what it answers is compared with what was asked. The rings are
 * corrupted from our side, which the driver cannot tell from the device's.
 */
#include "metal/irq.h"
#include "metal/virtio/net_impl.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/plat.h"

#define ANSWER_NS    2000000000u
#define RUN_NS       3000000u
#define RUNS         30u
#define STACK_BYTES  16384u
#define FRAME_MAX    1514u
#define RESETS       100u
#define TYPE_IP      0x0800u
#define TYPE_ARP     0x0806u
#define PROTO_ICMP   1u
#define PROTO_UDP    17u
#define ETHER_BYTES  14u
#define IP_BYTES     20u
#define ECHO_BYTES   8u
#define ECHO_PAYLOAD 1400u /* with its headers more than one block */

static const uint8_t our_ip[4] = {10, 0, 2, 15};
static const uint8_t gateway_ip[4] = {10, 0, 2, 2};
static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

static struct net_dev *the_card;
static struct net_dev_caps caps;
static uint8_t gateway[6];

static uint8_t frame[FRAME_MAX];
static uint8_t answer[FRAME_MAX];
static size_t answer_len;

/* The card, made once: a device is found once. */
static struct net_dev *card(void)
{
    if (the_card == NULL)
        CHECK_EQ(metal_virtio_net_create(&the_card), 0);
    the_card->ops->caps(the_card, &caps);
    return the_card;
}

static struct metal_net *inside(void)
{
    return (struct metal_net *)card();
}

static uint8_t *put_16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint32_t get_16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

/* Ones' complement sum (RFC 1071), not complemented. */
static uint32_t add_up(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get_16(bytes + i);
    if (len % 2 == 1)
        sum += (uint32_t)bytes[len - 1] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint8_t *put_ether(uint8_t *at, const uint8_t *to, uint32_t type)
{
    at = put(at, to, 6);
    at = put(at, caps.address, 6);
    return put_16(at, type);
}

static uint8_t *put_ip(uint8_t *at, uint8_t proto, const uint8_t *from, const uint8_t *to, size_t payload_len)
{
    uint8_t *start = at;
    at = put(at, "\x45\0", 2);
    at = put_16(at, (uint32_t)(IP_BYTES + payload_len));
    at = put(at, "\0\0\0\0\x40", 5);
    *at++ = proto;
    at = put_16(at, 0);
    at = put(at, from, 4);
    at = put(at, to, 4);
    put_16(start + 10, ~add_up(start, IP_BYTES, 0) & 0xffff);
    return at;
}

static void send_frame(size_t len, const struct net_dev_sum *sum)
{
    const struct vk_span pieces[] = {vk_span(frame, 7), vk_span(NULL, 0), vk_span(frame + 7, len - 7)};
    CHECK_EQ(card()->ops->send(card(), pieces, VK_COUNT(pieces), sum), 0);
    card()->ops->flush(card());
}

/* The next frame, as a whole, into answer. False: it did not come in time. */
static bool receive_frame(uint64_t deadline_ns)
{
    struct net_dev *dev = card();
    struct net_dev_buf *piece = dev->ops->receive(dev), *next;
    while (piece == NULL) {
        if (dev->ops->now(dev) >= deadline_ns)
            return false;
        dev->ops->wait(dev, deadline_ns);
        piece = dev->ops->receive(dev);
    }
    answer_len = 0;
    for (; piece != NULL; piece = next) {
        next = piece->next;
        CHECK(piece->len_bytes > 0 && piece->len_bytes <= sizeof answer - answer_len);
        memcpy(answer + answer_len, piece->data, piece->len_bytes);
        answer_len += piece->len_bytes;
        dev->ops->give(dev, piece);
    }
    return true;
}

/* Wait for a frame of a kind; others are thrown away. */
static bool receive_kind(uint32_t type, uint32_t proto, uint64_t patience_ns)
{
    uint64_t deadline_ns = plat_mono_ns() + patience_ns;
    while (receive_frame(deadline_ns))
        if (get_16(answer + 12) == type && (proto == 0 || answer[ETHER_BYTES + 9] == proto))
            return true;
    return false;
}

/* Who has 10.0.2.2? */
static void send_question(void)
{
    (void)card();
    uint8_t *at = put_ether(frame, everybody, TYPE_ARP);
    at = put(at, "\0\1\x08\0\6\4\0\1", 8);
    at = put(at, caps.address, 6);
    at = put(at, our_ip, 4);
    at = put(at, "\0\0\0\0\0\0", 6);
    at = put(at, gateway_ip, 4);
    send_frame((size_t)(at - frame), NULL);
}

/* The answer gives the gateway's address. */
static bool ask_gateway(void)
{
    send_question();
    if (!receive_kind(TYPE_ARP, 0, ANSWER_NS) || memcmp(answer + ETHER_BYTES + 14, gateway_ip, 4) != 0)
        return false;
    memcpy(gateway, answer + ETHER_BYTES + 8, sizeof gateway);
    return true;
}

/* An echo request that must come back byte by byte. */
static bool echo(size_t payload_len, uint32_t number)
{
    uint8_t *at = put_ether(frame, gateway, TYPE_IP);
    at = put_ip(at, PROTO_ICMP, our_ip, gateway_ip, ECHO_BYTES + payload_len);
    uint8_t *icmp = at;
    at = put(at, "\x08\0\0\0\x12\x34", 6);
    at = put_16(at, number);
    for (size_t i = 0; i < payload_len; i++)
        *at++ = (uint8_t)(i * 7 + number);
    put_16(icmp + 2, ~add_up(icmp, ECHO_BYTES + payload_len, 0) & 0xffff);
    send_frame((size_t)(at - frame), NULL);
    size_t data_at = (size_t)(icmp + 4 - frame), data_len = payload_len + 4;
    return receive_kind(TYPE_IP, PROTO_ICMP, ANSWER_NS) && answer_len >= data_at + data_len &&
           answer[ETHER_BYTES + IP_BYTES] == 0 && memcmp(answer + data_at, frame + data_at, data_len) == 0;
}

TEST(metal_virtio_net, has_an_address_and_frames_of_the_usual_size)
{
    (void)card();
    CHECK_EQ(caps.address[0] & 1, 0);
    CHECK_EQ(caps.mtu_bytes, 1500);
}

TEST(metal_virtio_net, gateway_answers)
{
    CHECK(ask_gateway());
}

TEST(metal_virtio_net, echoes_of_every_size_come_back_whole)
{
    CHECK(ask_gateway());
    for (uint32_t i = 0; i <= ECHO_PAYLOAD; i += 50)
        CHECK(echo(i, i));
}

TEST(metal_virtio_net, goes_on_after_a_hundred_resets)
{
    CHECK(ask_gateway());
    struct metal_net *net = inside();
    uint64_t before = net->stats.resets;
    for (uint32_t i = 0; i < RESETS; i++) {
        if (i % 2 == 0)
            net->rx.used->index = (uint16_t)(net->rx.used->index + 1000);
        else
            net->tx.used->index = (uint16_t)(net->tx.used->index + 1000);
        if (i % 2 == 0)
            CHECK(card()->ops->receive(card()) == NULL);
        else
            card()->ops->flush(card());
        CHECK(ask_gateway());
        CHECK(echo(100, i));
    }
    CHECK_EQ(net->stats.resets, before + RESETS);
}

/* A process that computes for a while. */
static int spin(void *arg)
{
    uint64_t end_ns = plat_mono_ns() + RUN_NS;
    while (plat_mono_ns() < end_ns)
        ++*(volatile uint32_t *)arg;
    return 7;
}

/* The answer interrupts the process, which goes on, and is there afterwards. */
TEST(metal_virtio_net, interrupt_during_a_run_disturbs_nobody_and_loses_nothing)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES};
    struct plat_runner *runner = NULL;
    CHECK_EQ(plat_runner_create(&options, &runner), 0);
    CHECK(ask_gateway());
    uint32_t interrupted = 0;
    for (uint32_t i = 0; i < RUNS; i++) {
        struct plat_fault fault;
        uint32_t work = 0;
        int value = 0;
        uint64_t before = metal_irq_count();
        metal_queue_arm(&inside()->rx);
        send_question();
        CHECK_EQ(plat_run_guarded(runner, spin, &work, &value, &fault), 0);
        CHECK_EQ(value, 7);
        CHECK(work > 0);
        interrupted += metal_irq_count() != before;
        CHECK(receive_kind(TYPE_ARP, 0, ANSWER_NS));
    }
    CHECK(interrupted > 0);
    plat_runner_destroy(runner);
}

/* A busy card costs few interrupts: one for each sleep at most, and none for what was sent. */
TEST(metal_virtio_net, interrupts_are_no_more_than_sleeps)
{
    CHECK(ask_gateway());
    struct metal_net *net = inside();
    uint64_t interrupts = metal_irq_count(), sleeps = net->stats.sleeps, kicks = net->stats.kicks;
    for (uint32_t i = 0; i < 200; i++)
        CHECK(echo(100, i));
    CHECK(metal_irq_count() - interrupts <= net->stats.sleeps - sleeps + 1);
    CHECK(net->stats.kicks - kicks <= 200 + 200);
}
