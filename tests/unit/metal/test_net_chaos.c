/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever a card does, the driver keeps its memory, what it lent and what
 * it owes the stack. Method: a stack that sends, receives, holds on to frames and
 * gives them back at random over a card that does right mostly and wrong at
 * random, down to writing rubbish over the rings; each seed is a life of a card.
 */
#include "tests/unit/metal/fake.h"

#define SEEDS    16u
#define STEPS    400u
#define HELD_MAX 24u /* frames; fewer pieces than a card has blocks */
#define WRONG    25u /* one step of so many */

static struct fake fake;
static struct net_dev *dev;
static struct metal_net *net;
static uint8_t frame[FAKE_FRAME_MAX];
static uint8_t seen[FAKE_FRAME_MAX];
static uint64_t seed;

/*
 * It has written over what it must read, or given back what it goes on writing to,
 * which no driver can see: until it is reset it does nothing right any more.
 */
static bool is_mad;
static uint32_t mad_resets;

static struct held {
    struct net_dev_buf *first;
    uint32_t sum;
} held[HELD_MAX];
static uint32_t held_count;

static uint32_t below(uint32_t bound)
{
    return test_random_below(&seed, bound);
}

static void fill(size_t len)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)below(256);
}

/* ---- the stack ------------------------------------------------------------------- */

static uint32_t sum_of(const struct net_dev_buf *piece)
{
    uint32_t sum = 1;
    for (; piece != NULL; piece = piece->next)
        for (uint32_t i = 0; i < piece->len_bytes; i++)
            sum = sum * 33 + piece->data[i];
    return sum;
}

static void send_some(void)
{
    size_t len = 1 + below(1514);
    fill(len);
    const struct vk_span pieces[] = {vk_span(frame, len / 2), vk_span(frame + len / 2, len - len / 2)};
    int rc = dev->ops->send(dev, pieces, 2, NULL);
    CHECK(rc == 0 || rc == -VK_EAGAIN);
}

static void give_one(void)
{
    if (held_count == 0)
        return;
    uint32_t at = below(held_count);
    CHECK_EQ(sum_of(held[at].first), held[at].sum);
    struct net_dev_buf *next;
    for (struct net_dev_buf *piece = held[at].first; piece != NULL; piece = next) {
        next = piece->next;
        dev->ops->give(dev, piece);
    }
    held[at] = held[--held_count];
}

static void receive_some(void)
{
    while (held_count < HELD_MAX) {
        struct net_dev_buf *first = dev->ops->receive(dev);
        if (first == NULL)
            return;
        held[held_count++] = (struct held){first, sum_of(first)};
    }
    give_one();
}

static void wait_now(void)
{
    net->retry_ns = 0; /* without sleeping */
    dev->ops->wait(dev, 0);
}

/* ---- the card ------------------------------------------------------------------------ */

static void do_right(void)
{
    struct metal_net_head head;
    if (is_mad || fake.queues[0].rings == NULL)
        return;
    if (below(2) == 0) {
        (void)fake_sent(&fake, &head, seen);
        return;
    }
    size_t len = 14 + below(1501);
    fill(len);
    (void)fake_arrive(&fake, &(struct metal_net_head){0}, frame, len);
}

static void write_rubbish(void *at, size_t len)
{
    uint8_t *bytes = at;
    for (size_t i = 0; i < len; i++)
        if (below(4) == 0)
            bytes[i] = (uint8_t)below(256);
}

/* A buffer comes back with a mistake in what is said of it. */
static void use_wrongly(uint32_t queue)
{
    uint16_t id = 0;
    uint32_t size = fake.queues[queue].size;
    bool has_any = fake_take(&fake, queue, &id);
    uint32_t said = below(3) == 0 || !has_any ? below(2 * size) : id;
    uint32_t len = below(3) == 0 ? (uint32_t)(test_random(&seed) >> below(64)) : below(1200);
    if (has_any && queue == METAL_NET_RX) {
        struct metal_net_head *head = (void *)(uintptr_t)net->rx.desc[id].address;
        head->buffer_count = (uint16_t)below(5);
        head->gso_kind = (uint8_t)below(3);
    }
    is_mad = is_mad || said != id;
    fake_use(&fake, queue, said, len);
}

static void do_wrong(void)
{
    uint32_t queue = below(FAKE_QUEUES);
    struct metal_queue *rings = queue == METAL_NET_RX ? &net->rx : &net->tx;
    bool is_on = fake.queues[queue].rings != NULL && !is_mad;
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        if (is_on)
            use_wrongly(queue);
        break;
    case 3:
        rings->used->index = (uint16_t)(rings->used->index + below(65536));
        break;
    case 4:
        write_rubbish(rings->used, 4 + 8u * rings->size);
        is_mad = true;
        break;
    case 5:
        write_rubbish(rings->desc, 16u * rings->size);
        write_rubbish(rings->avail, 4 + 2u * rings->size);
        is_mad = true;
        break;
    case 6:
        fake.status = below(2) == 0 ? 0 : fake.status | METAL_STATUS_NEEDS_RESET;
        fake.virtio.is_config_changed = true;
        break;
    default:
        fake.refuses_features = below(2) == 0;
        break;
    }
    mad_resets = fake.resets;
}

static void check_traffic(void)
{
    struct metal_net_head head;
    fill(777);
    struct vk_span piece = vk_span(frame, 777);
    CHECK_EQ(dev->ops->send(dev, &piece, 1, NULL), 0);
    CHECK_EQ(fake_sent(&fake, &head, seen), 777);
    CHECK_MEM(seen, frame, 777);
    CHECK(fake_arrive(&fake, &(struct metal_net_head){0}, frame, 777));
    struct net_dev_buf *buf = dev->ops->receive(dev);
    CHECK(buf != NULL && buf->next == NULL);
    CHECK_EQ(buf->len_bytes, 777);
    CHECK_MEM(buf->data, frame, 777);
    dev->ops->give(dev, buf);
}

/* The card comes to its senses and asks for a fresh start. */
static void recover(void)
{
    while (held_count > 0)
        give_one();
    fake.refuses_features = false;
    fake.status |= METAL_STATUS_NEEDS_RESET;
    fake.virtio.is_config_changed = true;
    for (uint32_t i = 0; i < 4; i++)
        wait_now();
    CHECK(net->is_up);
    check_traffic();
    CHECK_EQ(metal_queue_lent(&net->rx), net->block_count);
}

static void live(void)
{
    fake_init(&fake);
    fake.queue_max = 64;
    is_mad = false;
    CHECK_EQ(metal_virtio_net_open(&fake.virtio, &dev), 0);
    net = (struct metal_net *)(void *)dev;
    for (uint32_t step = 0; step < STEPS; step++) {
        if (fake.resets != mad_resets)
            is_mad = false;
        switch (below(4)) {
        case 0:
            send_some();
            break;
        case 1:
            receive_some();
            break;
        case 2:
            dev->ops->flush(dev);
            break;
        default:
            wait_now();
            break;
        }
        do_right();
        if (below(WRONG) == 0)
            do_wrong();
    }
    recover();
    CHECK(net->stats.resets > 0);
    metal_virtio_net_destroy(dev);
}

TEST(metal_virtio_net, survives_a_card_that_does_wrong_at_random)
{
    for (uint32_t i = 1; i <= SEEDS; i++) {
        seed = i;
        live();
    }
}
