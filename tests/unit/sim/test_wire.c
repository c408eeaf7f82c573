/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a wire delivers frames as they were sent, does the damage it promises,
 * repeats itself by its seed, and keeps the rules of net/dev.h. Method: frames
 * with a number in them, sent at one end and looked at where they arrive.
 */
#include "sim/wire.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#define FRAMES 2000u

struct arrivals {
    uint32_t count;
    uint32_t late;    /* arrived behind one that was sent later */
    uint32_t again;   /* arrived before */
    uint32_t changed; /* length or bytes are others */
    uint64_t hash;    /* of all that arrived, and when */
};

static struct vk_region region;

static struct sim_wire *make_wire(const struct sim_wire_options *options)
{
    struct sim_wire *wire;
    vk_region_fini(&region);
    CHECK(vk_region_init(&region, sim_wire_region_bytes(options)) == 0);
    CHECK(sim_wire_create(options, &region, &wire) == 0);
    return wire;
}

static uint32_t length_of(uint32_t number)
{
    return 8 + number % 1500;
}

static int send_number(struct sim_wire *wire, uint32_t number)
{
    static const struct net_dev_sum none;
    uint8_t frame[8 + 1500];
    struct net_dev *dev = sim_wire_end(wire, 0);
    memset(frame, (int)(number & 0xff), sizeof(frame));
    memcpy(frame, &number, sizeof(number));
    const struct vk_span pieces[2] = {vk_span(frame, 5), vk_span(frame + 5, length_of(number) - 5)};
    return dev->ops->send(dev, pieces, 2, &none);
}

static void look(struct arrivals *a, const struct net_dev_buf *buf, uint64_t now_ns)
{
    static bool seen[FRAMES];
    static uint32_t last;
    uint32_t number = 0;
    if (a->count == 0) {
        memset(seen, 0, sizeof(seen));
        last = 0;
    }
    a->count++;
    memcpy(&number, buf->data, buf->len_bytes < 4 ? buf->len_bytes : 4);
    a->hash = (a->hash ^ number ^ now_ns) * 0x100000001b3u;
    if (number >= FRAMES || buf->len_bytes != length_of(number)) {
        a->changed++;
        return;
    }
    for (uint32_t i = 4; i < buf->len_bytes; i++) {
        if (buf->data[i] != (uint8_t)number) {
            a->changed++;
            break;
        }
    }
    a->again += seen[number];
    a->late += number < last;
    seen[number] = true;
    last = number > last ? number : last;
}

static void take_all(struct sim_wire *wire, struct arrivals *a)
{
    struct net_dev *dev = sim_wire_end(wire, 1);
    struct net_dev_buf *buf;
    while ((buf = dev->ops->receive(dev)) != NULL) {
        look(a, buf, dev->ops->now(dev));
        dev->ops->give(dev, buf);
    }
}

/* Send them all, some each microsecond, and take what arrives. */
static struct arrivals run(const struct sim_wire_options *options)
{
    struct arrivals a = {0};
    struct sim_wire *wire = make_wire(options);
    struct net_dev *dev = sim_wire_end(wire, 1);
    for (uint32_t i = 0; i < FRAMES; i++) {
        while (send_number(wire, i) == -VK_EAGAIN) {
            dev->ops->wait(dev, UINT64_MAX);
            take_all(wire, &a);
        }
        sim_wire_advance(wire, sim_wire_now(wire) + 1000);
        take_all(wire, &a);
    }
    while (sim_wire_next(wire, 1) != UINT64_MAX) {
        dev->ops->wait(dev, UINT64_MAX);
        take_all(wire, &a);
    }
    return a;
}

TEST(sim_wire, clean_wire_delivers_all_in_order)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 1);
    struct arrivals a = run(&options);
    CHECK(a.count == FRAMES && a.late == 0 && a.again == 0 && a.changed == 0);
}

TEST(sim_wire, few_slots_refuse_and_lose_nothing)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 2);
    options.frames_max = 8;
    struct arrivals a = run(&options);
    CHECK(a.count == FRAMES && a.late == 0 && a.changed == 0);
}

TEST(sim_wire, faults_happen_as_often_as_asked)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 3);
    options.loss = 1000;
    CHECK(run(&options).count < FRAMES - FRAMES / 20 && run(&options).count > FRAMES - FRAMES / 5);
    options.loss = 0;
    options.duplicate = 1000;
    struct arrivals doubled = run(&options);
    CHECK(doubled.again > FRAMES / 20 && doubled.count == FRAMES + doubled.again &&
          doubled.late <= doubled.again);
    options.duplicate = 0;
    options.overtaken = 1000;
    struct arrivals mixed = run(&options);
    CHECK(mixed.count == FRAMES && mixed.late > FRAMES / 20 && mixed.changed == 0);
    options.overtaken = 0;
    options.damage = 1000;
    struct arrivals damaged = run(&options);
    CHECK(damaged.count == FRAMES && damaged.changed > FRAMES / 20 && damaged.changed < FRAMES / 5);
}

TEST(sim_wire, seed_repeats_the_run)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 4);
    options.loss = options.duplicate = options.overtaken = options.damage = 500;
    uint64_t first = run(&options).hash;
    CHECK(run(&options).hash == first);
    options.seed = 5;
    CHECK(run(&options).hash != first);
}

TEST(sim_wire, send_refuses_what_is_no_frame)
{
    static const struct net_dev_sum none;
    static uint8_t bytes[1515];
    struct sim_wire_options options;
    sim_wire_options_default(&options, 6);
    struct sim_wire *wire = make_wire(&options);
    struct net_dev *dev = sim_wire_end(wire, 0);
    struct vk_span piece = vk_span(bytes, 0);
    CHECK(dev->ops->send(dev, &piece, 1, &none) == -VK_EINVAL);
    piece.len = 1515;
    CHECK(dev->ops->send(dev, &piece, 1, &none) == -VK_EINVAL);
    piece.len = 1514;
    CHECK(dev->ops->send(dev, &piece, 1, &none) == 0);
    CHECK(sim_wire_next(wire, 0) == UINT64_MAX && sim_wire_next(wire, 1) != UINT64_MAX);
}

TEST(sim_wire, sum_left_to_the_device_is_completed)
{
    struct sim_wire_options options;
    struct net_dev_sum sum = {.start = 14, .offset = 6};
    uint8_t frame[14 + 9] = {
        [14] = 0x12, [15] = 0x34, [16] = 0xff, [17] = 0xff, [20] = 0x00, [21] = 0x05, [22] = 0x80};
    struct vk_span piece = vk_span(frame, sizeof(frame));
    sim_wire_options_default(&options, 7);
    options.can_sum = true;
    struct sim_wire *wire = make_wire(&options);
    struct net_dev *from = sim_wire_end(wire, 0), *to = sim_wire_end(wire, 1);
    CHECK(from->ops->send(from, &piece, 1, &sum) == 0);
    to->ops->wait(to, UINT64_MAX);
    struct net_dev_buf *buf = to->ops->receive(to);
    CHECK(buf != NULL && buf->is_summed);
    /* 0x1234 + 0xffff + 0x0005 + 0x8000 = 0x19238, with the carry 0x9239; its complement */
    CHECK(buf->data[20] == 0x6d && buf->data[21] == 0xc6);
    to->ops->give(to, buf);
}

TEST(sim_wire, bad_options_are_refused)
{
    struct sim_wire_options options;
    struct sim_wire *wire;
    sim_wire_options_default(&options, 8);
    options.latency_min_ns = options.latency_max_ns + 1;
    CHECK(sim_wire_create(&options, &region, &wire) == -VK_EINVAL);
    sim_wire_options_default(&options, 8);
    options.frames_max = 1;
    CHECK(sim_wire_create(&options, &region, &wire) == -VK_EINVAL);
    sim_wire_options_default(&options, 8);
    vk_region_fini(&region);
    CHECK(vk_region_init(&region, 4096) == 0);
    CHECK(sim_wire_create(&options, &region, &wire) == -VK_ENOMEM);
}
