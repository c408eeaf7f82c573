/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: frames go and come whole through a card, each way in which a card can
 * break the rules or hang ends in one reset, and what was lent to the stack
 * outlives it. Method: a fake card (fake.h) that does as it is told, and one that
 * does wrong at random.
 */
#include "metal/frames.h"
#include "tests/unit/metal/fake.h"
#include "vk/plat.h"

#define HANG_NS 2000000u
#define SOON_NS 20000000u

static struct fake fake;
static struct net_dev *dev;
static struct metal_net *net;
static uint8_t frame[FAKE_FRAME_MAX];
static uint8_t seen[FAKE_FRAME_MAX];
static const struct metal_net_head plain;

static void open_card(void)
{
    CHECK_EQ(metal_virtio_net_open(&fake.virtio, &dev), 0);
    net = (struct metal_net *)(void *)dev;
    net->hang_ns = HANG_NS;
}

/* The usual card, opened. */
static void start(void)
{
    fake_init(&fake);
    open_card();
}

static void stop(void)
{
    metal_virtio_net_destroy(dev);
    dev = NULL;
}

static void fill(size_t len, uint32_t number)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(i * 31 + number);
}

static int send_whole(size_t len, const struct net_dev_sum *sum)
{
    struct vk_span piece = vk_span(frame, len);
    return dev->ops->send(dev, &piece, 1, sum);
}

/* Takes a frame apart into seen, gives it back, and returns its length; 0 when there was none. */
static size_t receive_whole(uint32_t *ret_pieces)
{
    struct net_dev_buf *piece = dev->ops->receive(dev), *next;
    size_t len = 0;
    *ret_pieces = 0;
    for (; piece != NULL; piece = next) {
        next = piece->next;
        CHECK(piece->len_bytes > 0);
        memcpy(seen + len, piece->data, piece->len_bytes);
        len += piece->len_bytes;
        ++*ret_pieces;
        dev->ops->give(dev, piece);
    }
    return len;
}

/* A frame each way, byte by byte. */
static void check_traffic(uint32_t number)
{
    struct metal_net_head head;
    uint32_t pieces;
    fill(1000, number);
    CHECK_EQ(send_whole(1000, NULL), 0);
    dev->ops->flush(dev);
    CHECK_EQ(fake_sent(&fake, &head, seen), 1000);
    CHECK_MEM(seen, frame, 1000);
    fill(1514, number + 1);
    CHECK(fake_arrive(&fake, &plain, frame, 1514));
    CHECK_EQ(receive_whole(&pieces), 1514);
    CHECK_MEM(seen, frame, 1514);
}

/* ---- what it should do ------------------------------------------------------------ */

TEST(metal_virtio_net, says_what_the_card_says)
{
    struct net_dev_caps caps;
    start();
    dev->ops->caps(dev, &caps);
    CHECK_MEM(caps.address, "\x52\x54\x00\x12\x34\x56", 6);
    CHECK_EQ(caps.mtu_bytes, 1500);
    CHECK(caps.can_sum);
    CHECK_EQ(fake.status, METAL_STATUS_ACKNOWLEDGE | METAL_STATUS_DRIVER | METAL_STATUS_FEATURES_OK |
                              METAL_STATUS_DRIVER_OK);
    CHECK_EQ(fake.accepted, FAKE_OFFERED);
    stop();
    CHECK_EQ(fake.status, 0);
}

TEST(metal_virtio_net, sends_frames_of_every_size)
{
    struct metal_net_head head;
    start();
    for (uint32_t len = 1; len <= 1514; len++) {
        fill(len, len);
        const struct vk_span pieces[] = {vk_span(frame, len / 3), vk_span(NULL, 0),
                                         vk_span(frame + len / 3, len - len / 3)};
        CHECK_EQ(dev->ops->send(dev, pieces, 3, NULL), 0);
        dev->ops->flush(dev);
        CHECK_EQ(fake_sent(&fake, &head, seen), len);
        CHECK_MEM(seen, frame, len);
        CHECK_EQ(head.flags, 0);
    }
    CHECK_EQ(net->stats.sent, 1514);
    CHECK_EQ(net->stats.resets, 0);
    stop();
}

TEST(metal_virtio_net, refuses_what_cannot_be_sent)
{
    start();
    CHECK_EQ(send_whole(0, NULL), -VK_EINVAL);
    CHECK_EQ(dev->ops->send(dev, NULL, 0, NULL), -VK_EINVAL);
    CHECK_EQ(send_whole(1515, NULL), -VK_EINVAL);
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){34, 65}), -VK_EINVAL);
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){34, UINT16_MAX}), -VK_EINVAL);
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){34, 64}), 0);
    CHECK_EQ(net->stats.sent, 1);
    stop();
    fake_init(&fake);
    fake.offered &= ~METAL_F_NET_CSUM;
    open_card();
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){34, 16}), -VK_EINVAL);
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){0, 16}), 0);
    stop();
}

TEST(metal_virtio_net, leaves_the_check_sum_to_the_card)
{
    struct metal_net_head head;
    start();
    CHECK_EQ(send_whole(100, &(struct net_dev_sum){34, 16}), 0);
    CHECK_EQ(fake_sent(&fake, &head, seen), 100);
    CHECK_EQ(head.flags, METAL_NET_NEEDS_SUM);
    CHECK_EQ(head.sum_start, 34);
    CHECK_EQ(head.sum_offset, 16);
    CHECK_EQ(head.gso_kind, 0);
    stop();
}

TEST(metal_virtio_net, full_queue_waits_for_the_card)
{
    struct metal_net_head head;
    start();
    uint32_t count = 0;
    while (send_whole(1514, NULL) == 0)
        count++;
    CHECK_EQ(count, net->block_count / 2);
    CHECK_EQ(send_whole(1514, NULL), -VK_EAGAIN);
    CHECK_EQ(fake_sent(&fake, &head, seen), 1514);
    uint64_t sleeps = net->stats.sleeps;
    dev->ops->wait(dev, UINT64_MAX);
    CHECK_EQ(net->stats.sleeps, sleeps); /* room has come */
    CHECK_EQ(send_whole(1514, NULL), 0);
    CHECK_EQ(send_whole(1514, NULL), -VK_EAGAIN);
    while (fake_sent(&fake, &head, seen) > 0)
        ;
    check_traffic(1);
    stop();
}

/* What came while nobody looked has no interrupt: it is seen before sleeping, which would else be for ever.
 */
TEST(metal_virtio_net, frame_that_came_before_the_sleep_ends_it)
{
    uint32_t pieces;
    start();
    check_traffic(1);
    dev->ops->wait(dev, plat_mono_ns() + 1000); /* slept once, and is not woken any more */
    uint64_t sleeps = net->stats.sleeps;
    CHECK(fake_arrive(&fake, &plain, frame, 100));
    dev->ops->wait(dev, UINT64_MAX);
    CHECK_EQ(net->stats.sleeps, sleeps);
    CHECK_EQ(receive_whole(&pieces), 100);
    CHECK_EQ(receive_whole(&pieces), 0);
    dev->ops->wait(dev, plat_mono_ns() + 1000);
    CHECK_EQ(net->stats.sleeps, sleeps + 1);
    stop();
}

TEST(metal_virtio_net, receives_frames_of_every_size)
{
    start();
    for (uint32_t len = 14; len <= 1518; len++) {
        uint32_t pieces;
        fill(len, len);
        CHECK(fake_arrive(&fake, &plain, frame, len));
        CHECK_EQ(receive_whole(&pieces), len);
        CHECK_MEM(seen, frame, len);
        CHECK_EQ(pieces, len + sizeof plain <= net->block_bytes ? 1 : 2);
    }
    CHECK_EQ(net->stats.resets, 0);
    stop();
}

TEST(metal_virtio_net, jumbo_frames_go_both_ways)
{
    struct metal_net_head head;
    uint32_t pieces;
    fake_init(&fake);
    fake.offered |= METAL_F_NET_MTU;
    memcpy(fake.config + FAKE_CONFIG_MTU_AT, "\x28\x23", 2); /* 9000 */
    open_card();
    CHECK_EQ(net->caps.mtu_bytes, 9000);
    fill(9014, 3);
    CHECK_EQ(send_whole(9014, NULL), 0);
    CHECK_EQ(send_whole(9015, NULL), -VK_EINVAL);
    CHECK_EQ(fake_sent(&fake, &head, seen), 9014);
    CHECK_MEM(seen, frame, 9014);
    CHECK(fake_arrive(&fake, &plain, frame, 9014));
    CHECK_EQ(receive_whole(&pieces), 9014);
    CHECK_MEM(seen, frame, 9014);
    CHECK_EQ(pieces, 9);
    stop();
}

TEST(metal_virtio_net, mtu_beyond_what_we_do_is_cut_and_a_tiny_one_refused)
{
    fake_init(&fake);
    fake.offered |= METAL_F_NET_MTU;
    memcpy(fake.config + FAKE_CONFIG_MTU_AT, "\xff\xff", 2);
    open_card();
    CHECK_EQ(net->caps.mtu_bytes, METAL_NET_MTU_MAX);
    stop();
    memcpy(fake.config + FAKE_CONFIG_MTU_AT, "\x43\x00", 2); /* 67 */
    CHECK_EQ(metal_virtio_net_open(&fake.virtio, &dev), -VK_EIO);
    memcpy(fake.config + FAKE_CONFIG_MTU_AT, "\x44\x00", 2);
    open_card();
    CHECK_EQ(net->caps.mtu_bytes, 68);
    stop();
}

TEST(metal_virtio_net, without_mergeable_buffers_a_frame_lies_in_one)
{
    uint32_t pieces;
    fake_init(&fake);
    fake.offered &= ~METAL_F_NET_MRG_RXBUF;
    open_card();
    const struct metal_net_head head = {.buffer_count = 77}; /* not to be looked at */
    for (uint32_t len = 14; len <= 1514; len += 100) {
        fill(len, len);
        CHECK(fake_arrive(&fake, &head, frame, len));
        CHECK_EQ(receive_whole(&pieces), len);
        CHECK_MEM(seen, frame, len);
        CHECK_EQ(pieces, 1);
    }
    check_traffic(2);
    stop();
}

/* Who is sure that the sum is right: the card found it so, or the frame never was on a wire. */
TEST(metal_virtio_net, says_which_check_sums_are_known_to_be_right)
{
    static const uint8_t flags[] = {0, METAL_NET_NEEDS_SUM, METAL_NET_SUM_VALID};
    for (uint32_t i = 0; i < 2 * VK_COUNT(flags); i++) {
        const struct metal_net_head head = {.flags = flags[i / 2], .sum_start = 34, .sum_offset = 16};
        fake_init(&fake);
        fake.offered &= i % 2 == 0 ? UINT64_MAX : ~METAL_F_NET_GUEST_CSUM;
        open_card();
        CHECK(fake_arrive(&fake, &head, frame, 100));
        struct net_dev_buf *buf = dev->ops->receive(dev);
        CHECK(buf != NULL);
        CHECK_EQ(buf->is_summed, flags[i / 2] != 0 && i % 2 == 0);
        dev->ops->give(dev, buf);
        stop();
    }
}

TEST(metal_virtio_net, what_is_no_frame_is_dropped_and_costs_no_reset)
{
    uint32_t pieces;
    start();
    const struct metal_net_head segments = {.gso_kind = 1};
    CHECK(fake_arrive(&fake, &plain, frame, 13)); /* too short for two addresses and a type */
    CHECK(fake_arrive(&fake, &plain, frame, 0));
    CHECK(fake_arrive(&fake, &plain, frame, 1519)); /* longer than any may be */
    CHECK(fake_arrive(&fake, &plain, frame, 8000));
    CHECK(fake_arrive(&fake, &segments, frame, 100)); /* to be cut by whoever agreed to that */
    fill(100, 9);
    CHECK(fake_arrive(&fake, &plain, frame, 100));
    CHECK_EQ(receive_whole(&pieces), 100);
    CHECK_MEM(seen, frame, 100);
    CHECK_EQ(net->stats.dropped, 5);
    CHECK_EQ(net->stats.resets, 0);
    CHECK_EQ(receive_whole(&pieces), 0);
    stop();
}

TEST(metal_virtio_net, card_without_a_good_address_gets_one)
{
    static const char *const addresses[] = {"\0\0\0\0\0\0", "\1\2\3\4\5\6", "\377\377\377\377\377\377"};
    for (uint32_t i = 0; i <= VK_COUNT(addresses); i++) {
        struct net_dev_caps caps;
        fake_init(&fake);
        if (i < VK_COUNT(addresses))
            memcpy(fake.config, addresses[i], 6);
        else
            fake.offered &= ~METAL_F_NET_MAC;
        open_card();
        dev->ops->caps(dev, &caps);
        CHECK_EQ(caps.address[0] & 3, 2); /* of one station, made up */
        stop();
    }
}

/* ---- cards that cannot be used -------------------------------------------------------- */

TEST(metal_virtio_net, unusable_cards_are_refused_without_a_leak)
{
    size_t free_count = metal_frames_free();
    struct fake good;
    fake_init(&good);
    struct fake bad[6] = {good, good, good, good, good, good};
    bad[0].offered &= ~METAL_F_VERSION_1;
    bad[1].refuses_features = true;
    bad[2].refuses_queues = true;
    bad[3].queue_max = 0;
    bad[4].queue_max = 16;
    bad[5].generation_moves = true;
    static const int wanted[6] = {-VK_ENOTSUP, -VK_EIO, -VK_EIO, -VK_ENOTSUP, -VK_ENOTSUP, -VK_EIO};
    for (uint32_t i = 0; i < 6; i++) {
        fake = bad[i];
        CHECK_EQ(metal_virtio_net_open(&fake.virtio, &dev), wanted[i]);
        CHECK_EQ(metal_frames_free(), free_count);
        CHECK_EQ(fake.status, 0);
    }
}

TEST(metal_virtio_net, card_that_stays_as_it_is_keeps_its_memory)
{
    fake_init(&fake);
    fake.status = METAL_STATUS_DRIVER_OK;
    fake.stuck_resets = UINT32_MAX;
    CHECK_EQ(metal_virtio_net_open(&fake.virtio, &dev), -VK_EIO);
    size_t free_count = metal_frames_free();
    start();
    fake.stuck_resets = UINT32_MAX;
    stop();
    CHECK(metal_frames_free() < free_count); /* the card may go on writing */
}

/* As many frames of memory as there may be at the start: it works, or says so and takes none. */
TEST(metal_virtio_net, opens_in_any_memory_or_takes_none)
{
    bool has_worked = false;
    start();
    stop(); /* on bare metal tables of pages stay behind */
    size_t total = metal_frames_free();
    uint64_t hoarded = fake_hoard(0);
    for (size_t count = 0; count < 40 && !has_worked; count++) {
        size_t before = metal_frames_free();
        int rc = metal_virtio_net_open(&fake.virtio, &dev);
        CHECK(rc == 0 || rc == -VK_ENOMEM);
        has_worked = rc == 0;
        if (has_worked) {
            CHECK_EQ(((struct metal_net *)(void *)dev)->block_count, METAL_NET_BLOCKS_MIN);
            stop();
        }
        CHECK_EQ(metal_frames_free(), before);
        hoarded = fake_share(hoarded);
    }
    CHECK(has_worked);
    while (hoarded != METAL_FRAME_NONE)
        hoarded = fake_share(hoarded);
    CHECK_EQ(metal_frames_free(), total);
}

/* ---- cards that break the rules ------------------------------------------------------------ */

static uint16_t take_rx(void)
{
    uint16_t id = 0;
    CHECK(fake_take(&fake, METAL_NET_RX, &id));
    return id;
}

static void put_head(uint16_t id, uint16_t buffer_count)
{
    struct metal_net_head *head = (void *)(uintptr_t)net->rx.desc[id].address;
    *head = (struct metal_net_head){.buffer_count = buffer_count};
}

static void rx_index_jumps(void)
{
    net->rx.used->index = (uint16_t)(net->rx.used->index + net->block_count + 1);
}

static void rx_unknown_buffer(void)
{
    fake_use(&fake, METAL_NET_RX, 100000, 100);
}

static void rx_same_buffer_twice(void)
{
    uint16_t id = take_rx();
    put_head(id, 2);
    fake_put(&fake, METAL_NET_RX, id, 100);
    fake_put(&fake, METAL_NET_RX, id, 100);
    fake_show(&fake, METAL_NET_RX);
}

static void rx_longer_than_its_buffer(void)
{
    fake_use(&fake, METAL_NET_RX, take_rx(), net->block_bytes + 1);
}

static void rx_shorter_than_its_head(void)
{
    uint16_t id = take_rx();
    put_head(id, 1);
    fake_use(&fake, METAL_NET_RX, id, sizeof plain - 1);
}

static void rx_of_no_buffers(void)
{
    uint16_t id = take_rx();
    put_head(id, 0);
    fake_use(&fake, METAL_NET_RX, id, 100);
}

/* The second one stands in the ring, yet is not shown. */
static void rx_of_more_buffers_than_there_are(void)
{
    uint16_t id = take_rx();
    put_head(id, 2);
    fake_use(&fake, METAL_NET_RX, id, 100);
    fake_put(&fake, METAL_NET_RX, take_rx(), 100);
}

static void rx_with_an_empty_end(void)
{
    uint16_t id = take_rx();
    put_head(id, 2);
    fake_put(&fake, METAL_NET_RX, id, 100);
    fake_put(&fake, METAL_NET_RX, take_rx(), 0);
    fake_show(&fake, METAL_NET_RX);
}

static void rx_with_an_empty_start(void)
{
    uint16_t id = take_rx();
    put_head(id, 2);
    fake_put(&fake, METAL_NET_RX, id, sizeof plain);
    fake_put(&fake, METAL_NET_RX, take_rx(), 100);
    fake_show(&fake, METAL_NET_RX);
}

static void tx_index_jumps(void)
{
    net->tx.used->index = (uint16_t)(net->tx.used->index + 1);
}

static void tx_unknown_buffer(void)
{
    CHECK_EQ(send_whole(100, NULL), 0);
    fake_use(&fake, METAL_NET_TX, net->tx.size, 0);
}

static void tx_never_lent(void)
{
    CHECK_EQ(send_whole(100, NULL), 0);
    uint16_t id;
    CHECK(fake_take(&fake, METAL_NET_TX, &id));
    fake_use(&fake, METAL_NET_TX, (id + 1u) % net->tx.size, 0);
}

static void tx_written_to(void)
{
    uint16_t id;
    CHECK_EQ(send_whole(100, NULL), 0);
    CHECK(fake_take(&fake, METAL_NET_TX, &id));
    fake_use(&fake, METAL_NET_TX, id, 1);
}

static void asks_for_a_reset(void)
{
    fake.status |= METAL_STATUS_NEEDS_RESET;
    fake.virtio.is_config_changed = true;
}

static void has_forgotten_everything(void)
{
    fake.status = 0;
    fake.virtio.is_config_changed = true;
}

static void (*const misdeeds[])(void) = {
    rx_index_jumps,
    rx_unknown_buffer,
    rx_same_buffer_twice,
    rx_longer_than_its_buffer,
    rx_shorter_than_its_head,
    rx_of_no_buffers,
    rx_of_more_buffers_than_there_are,
    rx_with_an_empty_end,
    rx_with_an_empty_start,
    tx_index_jumps,
    tx_unknown_buffer,
    tx_never_lent,
    tx_written_to,
    asks_for_a_reset,
    has_forgotten_everything,
};

/* What a stack does in each round. */
static void look(void)
{
    uint32_t pieces;
    while (receive_whole(&pieces) > 0)
        ;
    dev->ops->wait(dev, 0);
}

TEST(metal_virtio_net, each_misdeed_costs_one_reset_and_nothing_else)
{
    start();
    for (uint32_t i = 0; i < VK_COUNT(misdeeds); i++) {
        check_traffic(i);
        fill(600, i);
        CHECK(fake_arrive(&fake, &plain, frame, 600));
        struct net_dev_buf *lent = dev->ops->receive(dev);
        CHECK(lent != NULL);
        uint64_t received = net->stats.received;
        misdeeds[i]();
        look();
        CHECK_EQ(net->stats.received, received);
        CHECK_EQ(net->stats.resets, i + 1);
        CHECK(net->is_up);
        check_traffic(i + 100);
        fill(600, i);
        CHECK_EQ(lent->len_bytes, 600);
        CHECK_MEM(lent->data, frame, 600);
        dev->ops->give(dev, lent);
        check_traffic(i + 200);
        CHECK_EQ(net->stats.resets, i + 1);
    }
    CHECK_EQ(metal_queue_lent(&net->rx), net->block_count);
    stop();
}

/* A change of configuration that is none of ours is no reason. */
TEST(metal_virtio_net, change_of_configuration_alone_resets_nothing)
{
    start();
    fake.virtio.is_config_changed = true;
    look();
    CHECK_EQ(net->stats.resets, 0);
    CHECK(!fake.virtio.is_config_changed);
    stop();
}

TEST(metal_virtio_net, card_that_sends_nothing_is_told_again_then_reset)
{
    start();
    check_traffic(1);
    CHECK_EQ(send_whole(100, NULL), 0);
    dev->ops->flush(dev);
    uint32_t kicks = fake.queues[METAL_NET_TX].kicks;
    uint64_t start_ns = plat_mono_ns();
    while (fake.queues[METAL_NET_TX].kicks == kicks)
        dev->ops->wait(dev, UINT64_MAX);
    CHECK(plat_mono_ns() - start_ns >= HANG_NS);
    CHECK_EQ(net->stats.resets, 0);
    while (net->stats.resets == 0)
        dev->ops->wait(dev, UINT64_MAX);
    CHECK(plat_mono_ns() - start_ns >= 2 * HANG_NS);
    check_traffic(2);
    stop();
}

TEST(metal_virtio_net, card_that_is_slow_is_left_alone)
{
    struct metal_net_head head;
    start();
    check_traffic(1);
    for (uint32_t i = 0; i < 12; i++)
        CHECK_EQ(send_whole(100, NULL), 0);
    for (uint32_t i = 0; i < 12; i++) {
        dev->ops->wait(dev, plat_mono_ns() + HANG_NS / 2);
        CHECK_EQ(fake_sent(&fake, &head, seen), 100);
    }
    dev->ops->wait(dev, 0);
    CHECK_EQ(net->stats.resets, 0);
    /* Idle for longer than the time allowed, then busy: the time starts with the frame. */
    dev->ops->wait(dev, plat_mono_ns() + 3 * HANG_NS);
    CHECK_EQ(send_whole(100, NULL), 0);
    uint32_t kicks = fake.queues[METAL_NET_TX].kicks;
    dev->ops->flush(dev);
    dev->ops->flush(dev);
    CHECK_EQ(fake.queues[METAL_NET_TX].kicks, kicks + 1);
    CHECK_EQ(fake_sent(&fake, &head, seen), 100);
    /* One that has nothing to send is left alone however long that is. */
    for (uint32_t i = 0; i < 4; i++)
        dev->ops->wait(dev, plat_mono_ns() + HANG_NS + 1);
    CHECK_EQ(fake.queues[METAL_NET_TX].kicks, kicks + 1);
    CHECK_EQ(net->stats.resets, 0);
    stop();
}

/* Down for a while: nothing is sent or received, lent blocks are good, and it comes back by itself. */
TEST(metal_virtio_net, card_that_does_not_come_back_is_tried_again)
{
    uint32_t pieces;
    start();
    check_traffic(1);
    fill(300, 5);
    CHECK(fake_arrive(&fake, &plain, frame, 300));
    struct net_dev_buf *lent = dev->ops->receive(dev);
    CHECK(lent != NULL);
    fake.refuses_features = true;
    rx_index_jumps();
    look();
    CHECK(!net->is_up);
    CHECK_EQ(send_whole(100, NULL), -VK_EAGAIN);
    CHECK_EQ(receive_whole(&pieces), 0);
    CHECK_MEM(lent->data, frame, 300);
    dev->ops->give(dev, lent);
    for (uint32_t i = 0; i < 4; i++)
        dev->ops->wait(dev, UINT64_MAX);
    CHECK(!net->is_up);
    fake.refuses_features = false;
    uint64_t deadline_ns = plat_mono_ns() + 50u * SOON_NS;
    while (!net->is_up && plat_mono_ns() < deadline_ns)
        dev->ops->wait(dev, deadline_ns);
    check_traffic(2);
    CHECK_EQ(net->stats.resets, 1);
    CHECK_EQ(metal_queue_lent(&net->rx), net->block_count);
    stop();
}

/* One that breaks the rules whenever it is up is reset less and less often. */
TEST(metal_virtio_net, card_that_never_does_right_is_reset_ever_more_rarely)
{
    start();
    check_traffic(1);
    uint64_t start_ns = plat_mono_ns();
    while (net->stats.resets < 6) {
        if (net->is_up)
            rx_index_jumps();
        look();
        if (!net->is_up)
            dev->ops->wait(dev, UINT64_MAX);
    }
    CHECK(plat_mono_ns() - start_ns >= (1 + 2 + 4 + 8) * METAL_NET_RETRY_FIRST_NS);
    while (!net->is_up)
        dev->ops->wait(dev, UINT64_MAX);
    check_traffic(2);
    stop();
}

/* Features and queues must be the same after a reset, since the stack was told what the card can do. */
TEST(metal_virtio_net, card_that_comes_back_poorer_stays_down)
{
    start();
    check_traffic(1);
    fake.offered &= ~METAL_F_NET_CSUM;
    asks_for_a_reset();
    look();
    CHECK(!net->is_up);
    fake.offered = FAKE_OFFERED;
    fake.queue_max = 32;
    dev->ops->wait(dev, UINT64_MAX);
    CHECK(!net->is_up);
    fake.queue_max = 1024;
    while (!net->is_up)
        dev->ops->wait(dev, UINT64_MAX);
    check_traffic(2);
    stop();
}
