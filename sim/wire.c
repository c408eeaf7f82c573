/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame is copied into a slot when it is sent and stands in the list of the
 * end it goes to, in the order of arrival, until it is received and given back.
 */
#include "sim/wire.h"

#include "sim/rand.h"
#include "vk/err.h"
#include "vk/limits.h"

#define DAMAGE_MAX 8u

struct slot {
    struct net_dev_buf buf; /* first */
    struct slot *next;      /* in the list of its end, or of the free ones */
    uint64_t at_ns;
    uint8_t *bytes;
};

struct end {
    struct net_dev dev; /* first */
    struct sim_wire *wire;
    uint32_t number;
    struct slot *coming; /* in order of arrival */
    struct slot *last;   /* of them; meaningless while there is none */
    uint64_t last_ns;    /* arrival of the last one that keeps its order */
    sim_wire_sleep_fn sleep_fn;
    void *sleep_ctx;
};

struct sim_wire {
    struct end ends[SIM_WIRE_ENDS];
    struct sim_wire_options options;
    struct sim_rand rand;
    uint64_t now_ns;
    struct slot *free;
    struct sim_wire_counters counters;
};

static bool drawn(struct sim_wire *wire, uint16_t per_10000)
{
    return per_10000 != 0 && sim_rand_below(&wire->rand, 10000) < per_10000;
}

/* ---- sending ---------------------------------------------------------------- */

static void complete_sum(uint8_t *frame, uint32_t len, const struct net_dev_sum *sum)
{
    uint32_t total = 0;
    for (uint32_t i = sum->start; i < len; i += 2)
        total += (uint32_t)frame[i] << 8 | (i + 1 < len ? frame[i + 1] : 0);
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    total = ~total & 0xffff;
    if (total == 0)
        total = 0xffff; /* UDP: 0 means none, and both are zero in ones' complement */
    frame[sum->start + sum->offset] = (uint8_t)(total >> 8);
    frame[sum->start + sum->offset + 1] = (uint8_t)total;
}

static void damage(struct sim_wire *wire, struct slot *slot)
{
    uint32_t len = slot->buf.len_bytes;
    uint64_t hits = sim_rand_between(&wire->rand, 0, DAMAGE_MAX);
    if (hits == 0)
        slot->buf.len_bytes = (uint32_t)sim_rand_between(&wire->rand, 1, len);
    for (; hits > 0; hits--) {
        /* Half of them among the heads, where they are read. */
        uint64_t within = len > 80 && sim_rand_below(&wire->rand, 2) == 0 ? 80 : len;
        slot->bytes[sim_rand_below(&wire->rand, within)] = (uint8_t)sim_rand_below(&wire->rand, 256);
    }
    wire->counters.damaged++;
}

static uint64_t draw_arrival(struct sim_wire *wire, struct end *to)
{
    const struct sim_wire_options *o = &wire->options;
    uint64_t at_ns = wire->now_ns + sim_rand_between(&wire->rand, o->latency_min_ns, o->latency_max_ns);
    if (drawn(wire, o->overtaken)) {
        wire->counters.overtaken++;
        return at_ns + sim_rand_between(&wire->rand, 0, o->overtake_ns);
    }
    if (at_ns < to->last_ns)
        at_ns = to->last_ns;
    to->last_ns = at_ns;
    return at_ns;
}

/* Behind all that arrive no later; mostly that is all. */
static void enqueue(struct end *to, struct slot *slot)
{
    struct slot **link = &to->coming;
    if (to->coming != NULL && to->last->at_ns <= slot->at_ns)
        link = &to->last->next;
    while (*link != NULL && (*link)->at_ns <= slot->at_ns)
        link = &(*link)->next;
    slot->next = *link;
    *link = slot;
    if (slot->next == NULL)
        to->last = slot;
}

static struct slot *take_slot(struct sim_wire *wire)
{
    struct slot *slot = wire->free;
    wire->free = slot->next;
    slot->buf = (struct net_dev_buf){.data = slot->bytes};
    return slot;
}

static void launch(struct sim_wire *wire, struct end *to, struct slot *slot)
{
    if (drawn(wire, wire->options.loss)) {
        wire->counters.lost++;
        slot->next = wire->free;
        wire->free = slot;
        return;
    }
    slot->buf.is_summed = wire->options.can_sum;
    if (drawn(wire, wire->options.damage))
        damage(wire, slot);
    slot->at_ns = draw_arrival(wire, to);
    enqueue(to, slot);
}

static int end_send(struct net_dev *dev, const struct vk_span *pieces, uint32_t count,
                    const struct net_dev_sum *sum)
{
    struct end *from = (struct end *)dev;
    struct sim_wire *wire = from->wire;
    struct end *to = &wire->ends[1 - from->number];
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++)
        len += pieces[i].len;
    if (len == 0 || len > NET_DEV_HEAD_BYTES + (size_t)wire->options.mtu_bytes)
        return -VK_EINVAL;
    if (wire->free == NULL || wire->free->next == NULL) { /* it may be doubled */
        wire->counters.refused++;
        return -VK_EAGAIN;
    }
    struct slot *slot = take_slot(wire);
    for (uint32_t i = 0; i < count; i++) {
        vk_copy(slot->bytes + slot->buf.len_bytes, pieces[i].ptr, pieces[i].len);
        slot->buf.len_bytes += (uint32_t)pieces[i].len;
    }
    if (sum->start != 0) {
        vk_assert(wire->options.can_sum && sum->start + sum->offset + 2u <= len); /* the caller's half */
        complete_sum(slot->bytes, slot->buf.len_bytes, sum);
    }
    wire->counters.sent++;
    if (drawn(wire, wire->options.duplicate)) {
        struct slot *twin = take_slot(wire);
        memcpy(twin->bytes, slot->bytes, len);
        twin->buf.len_bytes = (uint32_t)len;
        wire->counters.duplicates++;
        launch(wire, to, twin);
    }
    launch(wire, to, slot);
    return 0;
}

/* ---- receiving -------------------------------------------------------------- */

static struct net_dev_buf *end_receive(struct net_dev *dev)
{
    struct end *end = (struct end *)dev;
    struct slot *slot = end->coming;
    if (slot == NULL || slot->at_ns > end->wire->now_ns)
        return NULL;
    end->coming = slot->next;
    end->wire->counters.delivered++;
    return &slot->buf;
}

static void end_give(struct net_dev *dev, struct net_dev_buf *buf)
{
    struct end *end = (struct end *)dev;
    struct slot *slot = (struct slot *)buf;
    memset(slot->bytes, 0xdd, slot->buf.len_bytes); /* whoever still reads it shall see so */
    slot->next = end->wire->free;
    end->wire->free = slot;
}

/* ---- the rest of the seam --------------------------------------------------- */

static void end_caps(const struct net_dev *dev, struct net_dev_caps *ret_caps)
{
    const struct end *end = (const struct end *)dev;
    *ret_caps = (struct net_dev_caps){
        .address = {2, 0, 0, 0, 0, (uint8_t)(end->number + 1)},
        .mtu_bytes = end->wire->options.mtu_bytes,
        .can_sum = end->wire->options.can_sum,
    };
}

static void end_flush(struct net_dev *dev)
{
    (void)dev; /* send held nothing back */
}

static uint64_t end_now(struct net_dev *dev)
{
    return ((const struct end *)dev)->wire->now_ns;
}

static void end_wait(struct net_dev *dev, uint64_t deadline_ns)
{
    struct end *end = (struct end *)dev;
    struct sim_wire *wire = end->wire;
    if (end->sleep_fn != NULL) {
        end->sleep_fn(end->sleep_ctx, deadline_ns);
        return;
    }
    uint64_t next_ns = sim_wire_next(wire, end->number);
    sim_wire_advance(wire, next_ns < deadline_ns ? next_ns : deadline_ns);
}

static const struct net_dev_ops end_ops = {
    .name = "wire",
    .caps = end_caps,
    .send = end_send,
    .flush = end_flush,
    .receive = end_receive,
    .give = end_give,
    .now = end_now,
    .wait = end_wait,
};

/* ---- the wire --------------------------------------------------------------- */

void sim_wire_options_default(struct sim_wire_options *options, uint64_t seed)
{
    *options = (struct sim_wire_options){
        .seed = seed,
        .start_ns = 1000000000u,
        .frames_max = 1024,
        .mtu_bytes = 1500,
        .latency_min_ns = 20000,
        .latency_max_ns = 60000,
        .overtake_ns = 500000,
    };
}

static size_t slot_bytes(const struct sim_wire_options *options)
{
    return VK_ALIGN_UP(NET_DEV_HEAD_BYTES + (size_t)options->mtu_bytes, 64u);
}

size_t sim_wire_region_bytes(const struct sim_wire_options *options)
{
    return sizeof(struct sim_wire) + options->frames_max * (sizeof(struct slot) + slot_bytes(options)) +
           3 * (size_t)VK_PAGE_BYTES;
}

static bool are_valid(const struct sim_wire_options *o)
{
    return o->start_ns > 0 && o->frames_max >= 2 && o->mtu_bytes >= 68 &&
           o->latency_min_ns <= o->latency_max_ns;
}

int sim_wire_create(const struct sim_wire_options *options, struct vk_region *region,
                    struct sim_wire **ret_wire)
{
    if (!are_valid(options))
        return -VK_EINVAL;
    struct sim_wire *wire = vk_region_alloc(region, sizeof(*wire), VK_CACHE_LINE_BYTES);
    struct slot *slots =
        vk_region_alloc(region, options->frames_max * sizeof(struct slot), VK_CACHE_LINE_BYTES);
    uint8_t *bytes = vk_region_alloc(region, options->frames_max * slot_bytes(options), VK_CACHE_LINE_BYTES);
    if (wire == NULL || slots == NULL || bytes == NULL)
        return -VK_ENOMEM;
    wire->options = *options;
    wire->now_ns = options->start_ns;
    sim_rand_init(&wire->rand, options->seed);
    for (uint32_t i = 0; i < SIM_WIRE_ENDS; i++)
        wire->ends[i] = (struct end){.dev.ops = &end_ops, .wire = wire, .number = i};
    for (uint32_t i = 0; i < options->frames_max; i++) {
        slots[i].bytes = bytes + i * slot_bytes(options);
        slots[i].next = wire->free;
        wire->free = &slots[i];
    }
    *ret_wire = wire;
    return 0;
}

struct net_dev *sim_wire_end(struct sim_wire *wire, uint32_t end)
{
    vk_assert(end < SIM_WIRE_ENDS);
    return &wire->ends[end].dev;
}

void sim_wire_on_sleep(struct sim_wire *wire, uint32_t end, sim_wire_sleep_fn fn, void *ctx)
{
    vk_assert(end < SIM_WIRE_ENDS);
    wire->ends[end].sleep_fn = fn;
    wire->ends[end].sleep_ctx = ctx;
}

uint64_t sim_wire_now(const struct sim_wire *wire)
{
    return wire->now_ns;
}

uint64_t sim_wire_next(const struct sim_wire *wire, uint32_t end)
{
    vk_assert(end < SIM_WIRE_ENDS);
    const struct slot *slot = wire->ends[end].coming;
    return slot != NULL ? slot->at_ns : UINT64_MAX;
}

void sim_wire_advance(struct sim_wire *wire, uint64_t to_ns)
{
    if (to_ns > wire->now_ns)
        wire->now_ns = to_ns;
}

void sim_wire_set_odds(struct sim_wire *wire, const struct sim_wire_options *options)
{
    struct sim_wire_options *o = &wire->options;
    o->latency_min_ns = options->latency_min_ns;
    o->latency_max_ns = options->latency_max_ns;
    o->overtake_ns = options->overtake_ns;
    o->loss = options->loss;
    o->duplicate = options->duplicate;
    o->overtaken = options->overtaken;
    o->damage = options->damage;
    vk_assert(are_valid(o));
}

const struct sim_wire_counters *sim_wire_counters(const struct sim_wire *wire)
{
    return &wire->counters;
}
