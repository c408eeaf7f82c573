/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 5.1. */
#include "metal/virtio/net_impl.h"

#include "metal/frames.h"
#include "vk/err.h"
#include "vk/fmt.h"
#include "vk/plat.h"

#define OPTIONAL_FEATURES                                                                                    \
    (METAL_F_NET_CSUM | METAL_F_NET_GUEST_CSUM | METAL_F_NET_MTU | METAL_F_NET_MAC | METAL_F_NET_MRG_RXBUF | \
     METAL_F_EVENT_IDX)

#define CONFIG_ADDRESS 0u
#define CONFIG_MTU     10u

#define HEAD_BYTES       sizeof(struct metal_net_head)
#define VLAN_BYTES       4u /* a tag that a received frame may have besides */
#define MTU_DEFAULT      1500u
#define MTU_MIN          68u   /* RFC 791 */
#define BLOCK_BYTES      1024u /* most frames fit into one, the others into a few */
#define BLOCK_LONE_BYTES 2048u /* where a received frame must lie in one: it fits, of the usual size */
#define LINE_MAX_BYTES   200u
#define ADDRESS_GROUP    1u /* bits of an address's first byte: of many stations; */
#define ADDRESS_LOCAL    2u /* ... made up */

_Static_assert(HEAD_BYTES + NET_DEV_HEAD_BYTES + VLAN_BYTES + MTU_DEFAULT <= BLOCK_LONE_BYTES,
               "a frame of the usual size fits into a lone block");
_Static_assert(HEAD_BYTES + NET_DEV_HEAD_BYTES + METAL_NET_MTU_MAX <= METAL_NET_BLOCKS_MIN * BLOCK_BYTES,
               "the largest frame can be sent");

/* The card and its blocks. */
#define REGION_BYTES \
    (sizeof(struct metal_net) + 2 * METAL_QUEUE_MAX * sizeof(struct metal_net_block) + VK_CACHE_LINE_BYTES)
#define REGION_TABLES 4u /* tables of pages that its first touches may take */

static struct metal_net *net_of(struct net_dev *dev)
{
    return VK_CONTAINER(dev, struct metal_net, dev);
}

static const struct metal_net *net_of_const(const struct net_dev *dev)
{
    return (const struct metal_net *)(const void *)dev;
}

_Static_assert(offsetof(struct metal_net, dev) == 0, "net_of_const");

/* ---- up and down ------------------------------------------------------------------- */

/* A block to receive into goes to the device. */
static void post(struct metal_net *net, uint16_t block)
{
    const struct metal_queue_piece piece = {net->blocks[block].memory, net->block_bytes};
    int rc = metal_queue_add(&net->rx, &piece, 1, true, block);
    vk_assert(rc == 0); /* no more blocks than entries */
}

static void free_tx(struct metal_net *net, uint16_t first)
{
    uint16_t last = first, count = 1;
    for (; net->blocks[last].next != METAL_NET_NO_BLOCK; count++)
        last = net->blocks[last].next;
    net->blocks[last].next = net->tx_free;
    net->tx_free = first;
    net->tx_free_count = (uint16_t)(net->tx_free_count + count);
}

/* The device has no memory of ours any more: all but the lent blocks are free. */
static void reclaim(struct metal_net *net)
{
    for (uint16_t i = 0; i < net->block_count; i++)
        if (!net->blocks[i].is_lent)
            post(net, i);
    net->tx_free = METAL_NET_NO_BLOCK;
    net->tx_free_count = 0;
    for (uint16_t i = net->block_count; i < 2 * net->block_count; i++) {
        net->blocks[i].next = METAL_NET_NO_BLOCK;
        free_tx(net, i);
    }
}

/* From wherever it is to running. */
static int come_up(struct metal_net *net)
{
    struct metal_virtio *device = net->device;
    int rc = metal_virtio_begin(device, net->features, 0);
    if (rc == 0)
        rc = metal_virtio_queue(device, METAL_NET_RX, net->rx.size, &net->rx);
    if (rc == 0)
        rc = metal_virtio_queue(device, METAL_NET_TX, net->tx.size, &net->tx);
    if (rc != 0)
        return rc;
    reclaim(net);
    metal_virtio_run(device);
    metal_virtio_kick(device, METAL_NET_RX, &net->rx);
    net->is_up = true;
    net->is_good = false;
    net->tx_seen = 0;
    net->has_rekicked = false;
    return 0;
}

static void say_up(const struct metal_net *net, uint64_t now_ns)
{
    char line[LINE_MAX_BYTES];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "virtio-net: reset, since %s; running again after %lu us\n", net->why,
               (unsigned long)((now_ns - net->down_ns) / 1000));
    plat_console(line, vk_out_span(&out).len);
}

static void say_down(const struct metal_net *net, int rc)
{
    char line[LINE_MAX_BYTES];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "virtio-net: %s, and a reset fails: %s; trying again for ever\n", net->why,
               vk_err_text(rc));
    plat_console(line, vk_out_span(&out).len);
}

static void try_later(struct metal_net *net)
{
    net->retry_ns = plat_mono_ns() + net->retry_wait_ns;
    net->retry_wait_ns *= 2;
    if (net->retry_wait_ns > METAL_NET_RETRY_MAX_NS)
        net->retry_wait_ns = METAL_NET_RETRY_MAX_NS;
}

/* It is down, and it is time to try. */
static void try_again(struct metal_net *net)
{
    int rc = come_up(net);
    if (rc == 0) {
        say_up(net, plat_mono_ns());
        return;
    }
    if (!net->has_said_down)
        say_down(net, rc);
    net->has_said_down = true;
    try_later(net);
}

/* Reset at once what worked since the last reset; what did not waits longer each time. */
static void go_down(struct metal_net *net, const char *why)
{
    net->is_up = false;
    net->why = why;
    net->stats.resets++;
    net->has_said_down = false;
    net->down_ns = plat_mono_ns();
    if (net->is_good) {
        net->retry_wait_ns = METAL_NET_RETRY_FIRST_NS;
        try_again(net);
        return;
    }
    /* It may write to what it was lent until it is stopped; the next try makes sure that it is. */
    (void)metal_virtio_stop(net->device);
    try_later(net);
}

/* ---- sending ------------------------------------------------------------------------- */

/* Blocks of frames that went out are free again. False: the device broke the rules, and is down. */
static bool reap(struct metal_net *net)
{
    uint16_t count;
    int rc = metal_queue_ready(&net->tx, &count);
    for (; rc == 0 && count > 0; count--) {
        struct metal_queue_used used;
        rc = metal_queue_take(&net->tx, &used);
        if (rc == 0) {
            free_tx(net, used.cookie);
            net->is_good = true;
        }
    }
    if (rc != 0)
        go_down(net, "it corrupted the queue of sent frames");
    return rc == 0;
}

static size_t sum_of_lengths(const struct vk_span *pieces, uint32_t count)
{
    size_t sum_bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        sum_bytes += pieces[i].len;
    return sum_bytes;
}

/* A place in the blocks of a frame. */
struct place {
    uint16_t block;
    uint32_t used_bytes;
};

static void put(struct metal_net *net, struct place *place, const void *src, size_t len_bytes)
{
    const uint8_t *from = src;
    while (len_bytes > 0) {
        if (place->used_bytes == net->block_bytes)
            *place = (struct place){net->blocks[place->block].next, 0};
        size_t room_bytes = net->block_bytes - place->used_bytes;
        size_t part_bytes = len_bytes < room_bytes ? len_bytes : room_bytes;
        memcpy(net->blocks[place->block].memory + place->used_bytes, from, part_bytes);
        place->used_bytes += (uint32_t)part_bytes;
        from += part_bytes;
        len_bytes -= part_bytes;
    }
}

/* The first count blocks of the free list, now a frame of their own. */
static uint16_t take_tx(struct metal_net *net, uint16_t count)
{
    uint16_t first = net->tx_free, last = first;
    for (uint16_t i = 1; i < count; i++)
        last = net->blocks[last].next;
    net->tx_free = net->blocks[last].next;
    net->tx_free_count = (uint16_t)(net->tx_free_count - count);
    net->blocks[last].next = METAL_NET_NO_BLOCK;
    return first;
}

/* The device gets a frame that fills its blocks but for the last. */
static void lend(struct metal_net *net, uint16_t first, size_t len_bytes)
{
    struct metal_queue_piece pieces[METAL_NET_BLOCKS_MIN];
    uint16_t count = 0;
    for (uint16_t at = first; at != METAL_NET_NO_BLOCK; at = net->blocks[at].next) {
        uint32_t part_bytes = len_bytes < net->block_bytes ? (uint32_t)len_bytes : net->block_bytes;
        pieces[count++] = (struct metal_queue_piece){net->blocks[at].memory, part_bytes};
        len_bytes -= part_bytes;
    }
    if (metal_queue_lent(&net->tx) == 0) {
        net->tx_seen = net->tx.taken;
        net->tx_moved_ns = plat_mono_ns();
        net->has_rekicked = false;
    }
    int rc = metal_queue_add(&net->tx, pieces, count, false, first);
    vk_assert(rc == 0); /* no more blocks than entries */
}

static int send(struct net_dev *dev, const struct vk_span *pieces, uint32_t count,
                const struct net_dev_sum *sum)
{
    struct metal_net *net = net_of(dev);
    size_t len_bytes = sum_of_lengths(pieces, count);
    if (len_bytes == 0 || len_bytes > (size_t)NET_DEV_HEAD_BYTES + net->caps.mtu_bytes)
        return -VK_EINVAL;
    bool has_sum = sum != NULL && sum->start != 0;
    if (has_sum && (!net->caps.can_sum || (size_t)sum->start + sum->offset + 2 > len_bytes))
        return -VK_EINVAL;
    uint16_t blocks = (uint16_t)((HEAD_BYTES + len_bytes + net->block_bytes - 1) / net->block_bytes);
    if (!net->is_up || (net->tx_free_count < blocks && !reap(net)))
        return -VK_EAGAIN;
    if (net->tx_free_count < blocks) {
        net->tx_wanted = blocks;
        return -VK_EAGAIN;
    }
    struct metal_net_head head = {0};
    if (has_sum) {
        head.flags = METAL_NET_NEEDS_SUM;
        head.sum_start = sum->start;
        head.sum_offset = sum->offset;
    }
    struct place place = {take_tx(net, blocks), 0};
    uint16_t first = place.block;
    put(net, &place, &head, sizeof head);
    for (uint32_t i = 0; i < count; i++)
        put(net, &place, pieces[i].ptr, pieces[i].len);
    lend(net, first, HEAD_BYTES + len_bytes);
    net->stats.sent++;
    return 0;
}

/* Frames that do not go out: tell the device once more, since a kick may be lost; then reset it. */
static void check_hang(struct metal_net *net)
{
    if (metal_queue_lent(&net->tx) == 0)
        return;
    uint64_t now_ns = plat_mono_ns();
    if (net->tx.taken != net->tx_seen) {
        net->tx_seen = net->tx.taken;
        net->tx_moved_ns = now_ns;
        net->has_rekicked = false;
    } else if (now_ns - net->tx_moved_ns < net->hang_ns) {
        return;
    } else if (!net->has_rekicked) {
        net->device->ops->kick(net->device, METAL_NET_TX);
        net->has_rekicked = true;
        net->tx_moved_ns = now_ns;
    } else {
        go_down(net, "it sends nothing");
    }
}

static void kick(struct metal_net *net, uint16_t index, struct metal_queue *queue)
{
    if (!metal_queue_must_kick(queue))
        return;
    net->device->ops->kick(net->device, index);
    net->stats.kicks++;
}

static void flush(struct net_dev *dev)
{
    struct metal_net *net = net_of(dev);
    if (!net->is_up)
        return;
    kick(net, METAL_NET_TX, &net->tx);
    kick(net, METAL_NET_RX, &net->rx);
    if (reap(net))
        check_hang(net);
}

/* ---- receiving ------------------------------------------------------------------------- */

/* The next block that came back, as a piece; skip_bytes of it are no frame. */
static int take_piece(struct metal_net *net, uint32_t skip_bytes, struct net_dev_buf **ret_piece)
{
    struct metal_queue_used used;
    int rc = metal_queue_take(&net->rx, &used);
    if (rc != 0)
        return rc;
    if (used.len_bytes < skip_bytes)
        return -VK_EMALFORMED;
    struct metal_net_block *block = &net->blocks[used.cookie];
    block->buf = (struct net_dev_buf){
        .data = block->memory + skip_bytes,
        .len_bytes = used.len_bytes - skip_bytes,
    };
    *ret_piece = &block->buf;
    return 0;
}

/* The blocks behind the first one of a frame; none of them is empty, and neither is the first then. */
static int take_rest(struct metal_net *net, struct net_dev_buf *first, uint16_t count, size_t *len_bytes)
{
    struct net_dev_buf *last = first;
    for (uint16_t i = 1; i < count; i++) {
        if (last->len_bytes == 0)
            return -VK_EMALFORMED;
        int rc = take_piece(net, 0, &last->next);
        if (rc != 0)
            return rc;
        last = last->next;
        *len_bytes += last->len_bytes;
    }
    return count > 1 && last->len_bytes == 0 ? -VK_EMALFORMED : 0;
}

static uint16_t index_of(const struct metal_net *net, const struct net_dev_buf *buf)
{
    const struct metal_net_block *block =
        (const struct metal_net_block *)(const void *)((const char *)buf -
                                                       offsetof(struct metal_net_block, buf));
    return (uint16_t)(block - net->blocks);
}

static bool is_frame(const struct metal_net *net, const struct metal_net_head *head, size_t len_bytes)
{
    size_t max_bytes = (size_t)NET_DEV_HEAD_BYTES + VLAN_BYTES + net->caps.mtu_bytes;
    return head->gso_kind == 0 && len_bytes >= NET_DEV_HEAD_BYTES && len_bytes <= max_bytes;
}

/* The stack gets a frame, or what is none goes back. Returns the frame, or NULL. */
static struct net_dev_buf *deliver(struct metal_net *net, struct net_dev_buf *frame, bool is_good)
{
    struct net_dev_buf *next;
    for (struct net_dev_buf *piece = frame; piece != NULL; piece = next) {
        next = piece->next;
        uint16_t block = index_of(net, piece);
        if (is_good)
            net->blocks[block].is_lent = true;
        else
            post(net, block);
    }
    net->stats.received += is_good;
    net->stats.dropped += !is_good;
    return is_good ? frame : NULL;
}

/* One frame off the queue; *ret_frame is NULL when it was none. -VK_EAGAIN: there is nothing. */
static int take_frame(struct metal_net *net, struct net_dev_buf **ret_frame)
{
    uint16_t ready;
    int rc = metal_queue_ready(&net->rx, &ready);
    if (rc == 0 && ready == 0)
        return -VK_EAGAIN;
    struct net_dev_buf *frame;
    if (rc == 0)
        rc = take_piece(net, HEAD_BYTES, &frame);
    if (rc != 0)
        return rc;
    struct metal_net_head head;
    memcpy(&head, frame->data - HEAD_BYTES, sizeof head);
    uint16_t count = net->features & METAL_F_NET_MRG_RXBUF ? head.buffer_count : 1;
    if (count == 0 || count > ready)
        return -VK_EMALFORMED;
    size_t len_bytes = frame->len_bytes;
    rc = take_rest(net, frame, count, &len_bytes);
    if (rc != 0)
        return rc;
    frame->is_summed = (net->features & METAL_F_NET_GUEST_CSUM) &&
                       (head.flags & (METAL_NET_NEEDS_SUM | METAL_NET_SUM_VALID));
    net->is_good = true;
    *ret_frame = deliver(net, frame, is_frame(net, &head, len_bytes));
    return 0;
}

static struct net_dev_buf *receive(struct net_dev *dev)
{
    struct metal_net *net = net_of(dev);
    for (uint32_t i = 0; net->is_up && i < METAL_QUEUE_MAX; i++) {
        struct net_dev_buf *frame;
        int rc = take_frame(net, &frame);
        if (rc == 0 && frame != NULL)
            return frame;
        if (rc == -VK_EAGAIN)
            return NULL;
        if (rc != 0)
            go_down(net, "it corrupted the queue of received frames");
    }
    return NULL;
}

static void give(struct net_dev *dev, struct net_dev_buf *buf)
{
    struct metal_net *net = net_of(dev);
    uint16_t block = index_of(net, buf);
    vk_assert(block < net->block_count);
    vk_assert(net->blocks[block].is_lent);
    net->blocks[block].is_lent = false;
    if (net->is_up)
        post(net, block);
}

/* ---- sleeping ------------------------------------------------------------------------------ */

static uint64_t now(struct net_dev *dev)
{
    (void)dev;
    return plat_mono_ns();
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* An interrupt said that something other than a queue has changed. */
static void check_device(struct metal_net *net)
{
    if (!net->device->is_config_changed)
        return;
    net->device->is_config_changed = false;
    if (net->is_up && metal_virtio_is_broken(net->device))
        go_down(net, "it asked for it");
}

static bool has_come_back(const struct metal_queue *queue)
{
    uint16_t count;
    return metal_queue_ready(queue, &count) != 0 || count > 0;
}

/* A frame is there, or the room that send missed. */
static bool has_news(const struct metal_net *net)
{
    if (has_come_back(&net->rx))
        return true;
    return net->tx_wanted > 0 && (net->tx_free_count >= net->tx_wanted || has_come_back(&net->tx));
}

static void wait_down(struct metal_net *net, uint64_t deadline_ns)
{
    plat_idle_until(earlier(deadline_ns, net->retry_ns));
    if (plat_mono_ns() >= net->retry_ns)
        try_again(net);
}

static void wait_up(struct metal_net *net, uint64_t deadline_ns)
{
    metal_queue_arm(&net->rx);
    if (net->tx_wanted > 0)
        metal_queue_arm(&net->tx);
    if (metal_queue_lent(&net->tx) > 0)
        deadline_ns = earlier(deadline_ns, net->tx_moved_ns + net->hang_ns);
    if (!has_news(net)) {
        net->stats.sleeps++;
        plat_idle_until(deadline_ns);
    }
    metal_queue_disarm(&net->rx);
    if (net->tx_wanted > 0)
        metal_queue_disarm(&net->tx);
    net->tx_wanted = 0;
}

static void wait(struct net_dev *dev, uint64_t deadline_ns)
{
    struct metal_net *net = net_of(dev);
    uint64_t resets = net->stats.resets;
    flush(dev);
    check_device(net);
    if (net->is_up && net->stats.resets != resets)
        return; /* what was lost is a reason to go on */
    if (net->is_up)
        wait_up(net, deadline_ns);
    else
        wait_down(net, deadline_ns);
    check_device(net);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void caps(const struct net_dev *dev, struct net_dev_caps *ret_caps)
{
    *ret_caps = net_of_const(dev)->caps;
}

static const struct net_dev_ops net_ops = {
    .name = "virtio-net",
    .caps = caps,
    .send = send,
    .flush = flush,
    .receive = receive,
    .give = give,
    .now = now,
    .wait = wait,
};

/* A device without an address of its own, or with one that is none, gets one made up. */
static int read_address(struct metal_net *net)
{
    uint8_t *address = net->caps.address;
    int rc = 0;
    if (net->features & METAL_F_NET_MAC)
        rc = metal_virtio_config(net->device, CONFIG_ADDRESS, 1, NET_DEV_ADDRESS_BYTES, address);
    static const uint8_t none[NET_DEV_ADDRESS_BYTES];
    if (rc != 0 || (!(address[0] & ADDRESS_GROUP) && memcmp(address, none, sizeof none) != 0))
        return rc;
    rc = plat_random(address, NET_DEV_ADDRESS_BYTES);
    address[0] = (uint8_t)((address[0] & ~ADDRESS_GROUP) | ADDRESS_LOCAL);
    return rc;
}

static int read_caps(struct metal_net *net)
{
    uint16_t mtu_bytes = MTU_DEFAULT;
    int rc = read_address(net);
    if (rc == 0 && (net->features & METAL_F_NET_MTU))
        rc = metal_virtio_config(net->device, CONFIG_MTU, sizeof mtu_bytes, 1, &mtu_bytes);
    uint32_t max_bytes = net->features & METAL_F_NET_MRG_RXBUF ? METAL_NET_MTU_MAX : MTU_DEFAULT;
    if (rc == 0 && mtu_bytes < MTU_MIN)
        return -VK_EIO;
    net->caps.mtu_bytes = mtu_bytes < max_bytes ? mtu_bytes : (uint16_t)max_bytes;
    net->caps.can_sum = (net->features & METAL_F_NET_CSUM) != 0;
    return rc;
}

/* Blocks for each direction that the machine can afford: a power of two. */
static uint16_t affordable_blocks(uint32_t block_bytes)
{
    size_t share_bytes = metal_frames_free() * VK_PAGE_BYTES / METAL_NET_MEMORY_SHARE;
    uint16_t count = METAL_NET_BLOCKS_MIN;
    while (count < METAL_QUEUE_MAX && (size_t)count * 2 * 2 * block_bytes <= share_bytes)
        count = (uint16_t)(count * 2);
    return count;
}

/* Whether so much of the region can be touched: the kernel does not outlive a page without a frame. */
static bool can_touch(size_t len_bytes)
{
    return metal_frames_free() >= len_bytes / VK_PAGE_BYTES + 2 + REGION_TABLES;
}

static int take_blocks(struct metal_net *net)
{
    size_t table_bytes = 2 * net->block_count * sizeof net->blocks[0];
    if (!can_touch(table_bytes))
        return -VK_ENOMEM;
    net->blocks = vk_region_alloc(&net->region, table_bytes, _Alignof(struct metal_net_block));
    vk_assert(net->blocks != NULL);
    memset(net->blocks, 0, table_bytes); /* touched now, before the frames below are taken */
    uint32_t per_frame = VK_PAGE_BYTES / net->block_bytes;
    for (uint32_t i = 0; i < 2u * net->block_count; i++) {
        if (i % per_frame == 0) {
            uint64_t frame = metal_frame_take();
            if (frame == METAL_FRAME_NONE)
                return -VK_ENOMEM;
            net->blocks[i].memory = (uint8_t *)(uintptr_t)frame;
        } else {
            net->blocks[i].memory = net->blocks[i - 1].memory + net->block_bytes;
        }
    }
    return 0;
}

/* All that is taken once. Agreed features, queues with their frames, blocks. */
static int prepare(struct metal_net *net)
{
    struct metal_virtio *device = net->device;
    int rc = metal_virtio_begin(device, 0, OPTIONAL_FEATURES);
    if (rc != 0)
        return rc;
    net->features = device->features;
    rc = read_caps(net);
    if (rc != 0)
        return rc;
    net->block_bytes = net->features & METAL_F_NET_MRG_RXBUF ? BLOCK_BYTES : BLOCK_LONE_BYTES;
    uint16_t count = affordable_blocks(net->block_bytes);
    rc = metal_virtio_queue(device, METAL_NET_RX, count, &net->rx);
    if (rc == 0)
        rc = metal_virtio_queue(device, METAL_NET_TX, count, &net->tx);
    if (rc != 0)
        return rc;
    net->block_count = net->rx.size < net->tx.size ? net->rx.size : net->tx.size;
    if (net->block_count < METAL_NET_BLOCKS_MIN)
        return -VK_ENOTSUP;
    return take_blocks(net);
}

VK_SELDOM int metal_virtio_net_open(struct metal_virtio *device, struct net_dev **ret_dev)
{
    if (!can_touch(sizeof(struct metal_net)))
        return -VK_ENOMEM;
    struct vk_region region;
    int rc = vk_region_init(&region, REGION_BYTES);
    if (rc != 0)
        return rc;
    struct metal_net *net = vk_region_alloc(&region, sizeof *net, VK_CACHE_LINE_BYTES);
    vk_assert(net != NULL);
    *net = (struct metal_net){.dev = {&net_ops},
                              .device = device,
                              .region = region,
                              .hang_ns = METAL_NET_HANG_NS,
                              .retry_wait_ns = METAL_NET_RETRY_FIRST_NS};
    rc = prepare(net);
    if (rc == 0)
        rc = come_up(net);
    if (rc != 0) {
        metal_virtio_net_destroy(&net->dev);
        return rc;
    }
    *ret_dev = &net->dev;
    return 0;
}

/* A device that cannot be stopped keeps its memory: whoever got it next would find it written to. */
void metal_virtio_net_destroy(struct net_dev *dev)
{
    if (dev == NULL)
        return;
    struct metal_net *net = net_of(dev);
    if (metal_virtio_stop(net->device) == 0) {
        for (uint32_t i = 0; net->blocks != NULL && i < 2u * net->block_count; i++)
            if ((uintptr_t)net->blocks[i].memory % VK_PAGE_BYTES == 0 && net->blocks[i].memory != NULL)
                metal_frame_give((uintptr_t)net->blocks[i].memory);
        metal_queue_fini(&net->rx);
        metal_queue_fini(&net->tx);
    }
    struct vk_region region = net->region;
    vk_region_fini(&region);
}

void metal_virtio_net_stats(const struct net_dev *dev, struct metal_virtio_net_stats *ret_stats)
{
    *ret_stats = net_of_const(dev)->stats;
}
