/* SPDX-License-Identifier: Apache-2.0 */
/* Streams between two machines: byte for byte, whatever the wire does, and without waiting for nothing. */
#include "tests/lwip/lwip.h"

#define MIB          (1u << 20)
#define PIECE_BYTES  (4 * MIB)
#define STREAMS_MAX  8u
#define SMALL_MAX_NS 10000000u /* of a request and its answer: no delayed acknowledgement waits in them */

static struct rig_reader readers[2 * STREAMS_MAX];

/* Send bytes from one end of a connection to the other in large pieces; the rig compares each. */
static void carry(uint32_t from, uint32_t to, uint64_t seed, uint64_t bytes)
{
    struct rig *rig = &lwip_rig;
    struct rig_reader *reader = &readers[0];
    rig_reader_start(rig, reader, to, seed, RIG_READ_MULTI);
    for (uint64_t pos = 0; pos < bytes; pos += PIECE_BYTES)
        rig_send_all(rig, from, seed, pos, PIECE_BYTES);
    rig_reader_await(rig, reader, bytes);
    rig_reader_pause(rig, reader);
}

static void a_hundred_megabytes_each_way(void)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 1);
    options.can_sum = true;
    lwip_rig_pair(&options, 0, 0);
    struct rig_pair pair = rig_pair(&lwip_rig);
    uint64_t start_ns = lwip_rig_now();
    carry(pair.client, pair.server, 1, 100 * MIB);
    uint64_t turn_ns = lwip_rig_now();
    carry(pair.server, pair.client, 2, 100 * MIB);
    lwip_say("up %lu ms, down %lu ms of the wire's time\n", (turn_ns - start_ns) / 1000000,
             (lwip_rig_now() - turn_ns) / 1000000);
    rig_close_pair(&lwip_rig, pair);
    rig_settle(&lwip_rig);
}

/*
 * 20 ms to the other machine: a window of so many bytes each 40 ms is what there can be. The first round
 * trips, in which the window for congestion opens, are in the time as well.
 */
#define FAR_NS          20000000u
#define FAR_BYTES       (16 * MIB)
#define WINDOW_BYTES    (128u * 1460u)
#define WINDOW_16_BYTES (44u * 1460u) /* what fits in 16 bits */

static uint64_t carry_far(uint32_t buffers_bytes)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 6);
    options.latency_min_ns = FAR_NS;
    options.latency_max_ns = FAR_NS + 50000;
    lwip_rig_pair(&options, 0, buffers_bytes);
    struct rig_pair pair = rig_pair(&lwip_rig);
    uint64_t start_ns = lwip_rig_now();
    carry(pair.client, pair.server, 1, FAR_BYTES);
    carry(pair.server, pair.client, 2, FAR_BYTES);
    uint64_t time_ns = (lwip_rig_now() - start_ns) / 2;
    lwip_say("%lu KB/s each way over 20 ms, %lu KB in each round trip\n", FAR_BYTES * 1000000ul / time_ns,
             FAR_BYTES * 2ul * FAR_NS / time_ns / 1000);
    rig_close_pair(&lwip_rig, pair);
    rig_settle(&lwip_rig);
    return time_ns;
}

static void a_long_wire_is_filled(void)
{
    uint64_t time_ns = carry_far(8 * MIB);
    LWIP_CHECK(time_ns < FAR_BYTES / (WINDOW_BYTES * 4 / 5) * 2ul * FAR_NS);
}

/* The buffers of a machine of 16 MiB: a connection is promised what 16 bits can say. */
static void a_small_machine_promises_less(void)
{
    uint64_t time_ns = carry_far(2600000);
    LWIP_CHECK(time_ns < FAR_BYTES / (WINDOW_16_BYTES * 4 / 5) * 2ul * FAR_NS);
    LWIP_CHECK(time_ns > FAR_BYTES / (WINDOW_16_BYTES + 1460) * 2ul * FAR_NS);
}

/* The same without the help of the device: every check sum is made and looked at by lwIP. */
static void sums_are_right_without_a_device(void)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, 2);
    lwip_rig_pair(&options, 0, 0);
    struct rig_pair pair = rig_pair(&lwip_rig);
    carry(pair.client, pair.server, 1, 2 * PIECE_BYTES);
    carry(pair.server, pair.client, 2, 2 * PIECE_BYTES);
    rig_close_pair(&lwip_rig, pair);
    rig_settle(&lwip_rig);
}

/* Several connections at once, both ways, on a wire that loses so many of 10,000. */
static void carry_over_losses(uint16_t loss, uint32_t streams, uint32_t bytes)
{
    struct rig *rig = &lwip_rig;
    struct sim_wire_options options;
    struct rig_pair pairs[STREAMS_MAX];
    uint32_t sends[2 * STREAMS_MAX];
    sim_wire_options_default(&options, loss);
    options.loss = loss;
    options.duplicate = 100;
    options.overtaken = 200;
    struct lwip_pair *machines = lwip_rig_pair(&options, 0, 0);
    uint64_t start_ns = lwip_rig_now();
    for (uint32_t i = 0; i < streams; i++) {
        pairs[i] = rig_pair(rig);
        rig_fill(rig->buf + (size_t)2 * i * bytes, bytes, 2 * i, 0);
        rig_fill(rig->buf + ((size_t)2 * i + 1) * bytes, bytes, 2 * i + 1, 0);
        sends[2 * i] = rig_send(rig, pairs[i].client, rig->buf + (size_t)2 * i * bytes, bytes);
        sends[2 * i + 1] = rig_send(rig, pairs[i].server, rig->buf + ((size_t)2 * i + 1) * bytes, bytes);
        rig_reader_start(rig, &readers[2 * i], pairs[i].server, 2 * i, RIG_READ_MULTI);
        rig_reader_start(rig, &readers[2 * i + 1], pairs[i].client, 2 * i + 1, RIG_READ_INTO);
    }
    for (uint32_t i = 0; i < streams; i++) {
        RIG_CHECK(rig, rig_await(rig, sends[2 * i]) == (int32_t)bytes);
        RIG_CHECK(rig, rig_await(rig, sends[2 * i + 1]) == (int32_t)bytes);
        uint32_t shuts[2] = {rig_shutdown(rig, pairs[i].client), rig_shutdown(rig, pairs[i].server)};
        RIG_CHECK(rig, rig_reader_await_end(rig, &readers[2 * i]) == 0 && readers[2 * i].pos == bytes);
        RIG_CHECK(rig,
                  rig_reader_await_end(rig, &readers[2 * i + 1]) == 0 && readers[2 * i + 1].pos == bytes);
        RIG_CHECK(rig, rig_await(rig, shuts[0]) == 0 && rig_await(rig, shuts[1]) == 0);
        rig_close_pair(rig, pairs[i]);
    }
    const struct sim_wire_counters *counters = sim_wire_counters(lwip_pair_wire(machines));
    LWIP_CHECK(counters->lost > 0 && counters->duplicates > 0 && counters->overtaken > 0);
    lwip_say("%u.%02u %%: %lu of %lu frames lost, %lu ms of the wire's time\n", loss / 100u, loss % 100u,
             counters->lost, counters->sent, (lwip_rig_now() - start_ns) / 1000000);
    rig_settle(rig);
    lwip_check_memory(machines);
}

static void one_percent_is_lost(void)
{
    carry_over_losses(100, 8, MIB);
}

static void five_percent_are_lost(void)
{
    carry_over_losses(500, 8, MIB / 2);
}

/* ---- nothing waits -------------------------------------------------------------------------- */

/* Send len bytes one way and one byte back when all are there; how long it took. */
static uint64_t round_trip(uint32_t from, uint32_t to, uint32_t len)
{
    struct rig *rig = &lwip_rig;
    uint64_t start_ns = lwip_rig_now();
    rig_fill(rig->buf, len, len, 0);
    rig_reader_start(rig, &readers[0], to, len, RIG_READ_MULTI);
    rig_reader_start(rig, &readers[1], from, 1, RIG_READ_ONE);
    uint32_t there = rig_send(rig, from, rig->buf, len);
    rig_reader_await(rig, &readers[0], len);
    rig_send_all(rig, to, 1, 0, 1);
    rig_reader_await(rig, &readers[1], 1);
    uint64_t time_ns = lwip_rig_now() - start_ns;
    RIG_CHECK(rig, rig_await(rig, there) == (int32_t)len);
    rig_reader_pause(rig, &readers[0]);
    rig_reader_pause(rig, &readers[1]);
    return time_ns;
}

/* Bodies of less than a segment up to many, on a fresh connection and on a used one. */
static void bodies_do_not_wait_for_acknowledgements(void)
{
    struct sim_wire_options options;
    uint64_t worst_ns = 0;
    sim_wire_options_default(&options, 3);
    lwip_rig_pair(&options, 0, 0);
    for (uint32_t segments = 1; segments <= 40; segments++) {
        struct rig_pair pair = rig_pair(&lwip_rig);
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t len = segments * 1460 - (i % 2 == 0 ? 0 : 700);
            uint64_t time_ns =
                i < 2 ? round_trip(pair.client, pair.server, len) : round_trip(pair.server, pair.client, len);
            worst_ns = time_ns > worst_ns ? time_ns : worst_ns;
        }
        rig_close_pair(&lwip_rig, pair);
    }
    lwip_say("slowest of 160 bodies and answers: %lu us\n", worst_ns / 1000);
    LWIP_CHECK(worst_ns < SMALL_MAX_NS);
    rig_settle(&lwip_rig);
}

/* A sender that holds a last small part back until all before is acknowledged must not wait either. */
static void silent_receiver_acknowledges_at_once(void)
{
    struct rig *rig = &lwip_rig;
    struct sim_wire_options options;
    sim_wire_options_default(&options, 4);
    struct lwip_pair *machines = lwip_rig_pair(&options, 0, 0);
    struct rig_pair pair = rig_pair(rig);
    struct proc_io *client = lwip_pair_end(machines, LWIP_PAIR_CLIENT);
    rig_reader_start(rig, &readers[0], pair.server, 1, RIG_READ_MULTI);
    for (uint32_t i = 0; i < 20; i++) {
        uint64_t before = client->ops->taken(client, pair.client >> 1);
        uint64_t start_ns = lwip_rig_now();
        rig_send_all(rig, pair.client, 1, i * 100u, 100);
        while (client->ops->taken(client, pair.client >> 1) < before + 100)
            rig_pump(rig, 100000);
        LWIP_CHECK(lwip_rig_now() - start_ns < 1000000);
    }
    rig_reader_await(rig, &readers[0], 2000);
    rig_close_pair(rig, pair);
    rig_settle(rig);
}

/* One frame carries the answer and the end of its connection. */
static void corked_close_leaves_with_the_last_bytes(void)
{
    struct rig *rig = &lwip_rig;
    struct sim_wire_options options;
    sim_wire_options_default(&options, 5);
    struct lwip_pair *machines = lwip_rig_pair(&options, 0, 0);
    struct rig_pair pair = rig_pair(rig);
    struct metal_lwip_status before, after;
    rig_pass(rig, 10000000);
    metal_lwip_status(lwip_pair_end(machines, LWIP_PAIR_SERVER), &before);
    rig_fill(rig->buf, 500, 1, 0);
    uint32_t send = rig_send(rig, pair.server, rig->buf, 500);
    uint32_t close = rig_close(rig, pair.server, PROC_IO_CORKED);
    rig_reader_start(rig, &readers[0], pair.client, 1, RIG_READ_MULTI);
    RIG_CHECK(rig, rig_reader_await_end(rig, &readers[0]) == 0 && readers[0].pos == 500);
    RIG_CHECK(rig, rig_await(rig, send) == 500 && rig_await(rig, close) == 0);
    metal_lwip_status(lwip_pair_end(machines, LWIP_PAIR_SERVER), &after);
    LWIP_CHECK(after.frames_out == before.frames_out + 1);
    rig_await(rig, rig_close(rig, pair.client, 0));
    rig_settle(rig);
}

const struct lwip_case lwip_cases_tcp[] = {
    {"a_hundred_megabytes_each_way", a_hundred_megabytes_each_way},
    {"a_long_wire_is_filled", a_long_wire_is_filled},
    {"a_small_machine_promises_less", a_small_machine_promises_less},
    {"sums_are_right_without_a_device", sums_are_right_without_a_device},
    {"one_percent_is_lost", one_percent_is_lost},
    {"five_percent_are_lost", five_percent_are_lost},
    {"bodies_do_not_wait_for_acknowledgements", bodies_do_not_wait_for_acknowledgements},
    {"silent_receiver_acknowledges_at_once", silent_receiver_acknowledges_at_once},
    {"corked_close_leaves_with_the_last_bytes", corked_close_leaves_with_the_last_bytes},
    {NULL, NULL},
};
