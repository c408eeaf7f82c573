/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections, and a random script over some. */
#include "tests/driver/rig.h"

#define WAVE  50u
#define WAVES 20u

static void a_thousand_connections_come_and_go(struct rig *rig)
{
    uint32_t conns[2 * WAVE];
    uint32_t ops[2 * WAVE];
    rig_listen(rig, false);
    for (uint32_t wave = 0; wave < WAVES; wave++) {
        for (uint32_t i = 0; i < WAVE; i++) {
            conns[i] = rig_open(rig, &rig->addr);
            ops[i] = rig_connect(rig, conns[i]);
        }
        for (uint32_t i = 0; i < WAVE; i++)
            RIG_CHECK(rig, rig_await(rig, ops[i]) == 0);
        for (uint32_t i = 0; i < WAVE; i++)
            conns[WAVE + i] = rig_accepted(rig);
        for (uint32_t i = 0; i < WAVE; i++)
            ops[i] = rig_send(rig, conns[i], "once", 4);
        for (uint32_t i = 0; i < WAVE; i++)
            RIG_CHECK(rig, rig_await(rig, ops[i]) == 4);
        for (uint32_t i = 0; i < WAVE; i++)
            ops[i] = rig_recv(rig, conns[WAVE + i], 0);
        for (uint32_t i = 0; i < WAVE; i++)
            RIG_CHECK(rig, rig_await(rig, ops[i]) > 0);
        for (uint32_t i = 0; i < 2 * WAVE; i++)
            ops[i] = rig_close(rig, conns[i], i % 7 == 0 ? PROC_IO_ABORT : 0);
        for (uint32_t i = 0; i < 2 * WAVE; i++)
            RIG_CHECK(rig, rig_await(rig, ops[i]) == 0);
    }
}

/* ---- the script ------------------------------------------------------------------------- */

#define PAIRS      16u
#define STEPS      4000u
#define CHUNK_MAX  60000u
#define SENDS_MAX  8u
#define SLOT_BYTES CHUNK_MAX

/* One direction of a connection. */
struct flow {
    struct rig_reader reader;
    uint64_t seed;
    uint64_t sent; /* bytes in SENDs submitted */
    uint32_t conn; /* the sending end */
    uint32_t sends[SENDS_MAX];
    uint32_t lens[SENDS_MAX];
    bool is_shut;
    uint32_t shut;
};

struct script {
    uint64_t state;
    struct rig_pair pairs[PAIRS];
    struct flow flows[PAIRS * 2];
    uint64_t seeds;
};

static struct script script;

static uint32_t draw(struct script *s, uint32_t bound)
{
    s->state = s->state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(s->state >> 33) % bound;
}

static uint8_t *slot_of(struct rig *rig, uint32_t flow, uint32_t i)
{
    return rig->buf + ((size_t)flow * SENDS_MAX + i) * SLOT_BYTES;
}

static void flow_start(struct rig *rig, struct script *s, struct flow *f, uint32_t from, uint32_t to)
{
    f->seed = ++s->seeds;
    f->sent = 0;
    f->conn = from;
    f->is_shut = false;
    for (uint32_t i = 0; i < SENDS_MAX; i++)
        f->sends[i] = RIG_NONE;
    rig_reader_start(rig, &f->reader, to, f->seed, (enum rig_read_mode)draw(s, 3));
    f->reader.room = 1 + draw(s, sizeof(f->reader.buf));
}

static void pair_start(struct rig *rig, struct script *s, uint32_t i)
{
    s->pairs[i] = rig_pair(rig);
    flow_start(rig, s, &s->flows[2 * i], s->pairs[i].client, s->pairs[i].server);
    flow_start(rig, s, &s->flows[2 * i + 1], s->pairs[i].server, s->pairs[i].client);
}

/* Take back the records of sends that are done. */
static void flow_collect(struct rig *rig, struct flow *f)
{
    for (uint32_t i = 0; i < SENDS_MAX; i++) {
        if (f->sends[i] == RIG_NONE || !rig_is_done(rig, f->sends[i]))
            continue;
        RIG_CHECK(rig, rig_await(rig, f->sends[i]) == (int32_t)f->lens[i]);
        f->sends[i] = RIG_NONE;
    }
}

static void flow_send(struct rig *rig, struct script *s, uint32_t flow)
{
    struct flow *f = &s->flows[flow];
    uint32_t i = draw(s, SENDS_MAX);
    uint32_t len = 1 + draw(s, draw(s, 3) == 0 ? CHUNK_MAX : 500);
    if (f->is_shut || f->sends[i] != RIG_NONE)
        return;
    rig_fill(slot_of(rig, flow, i), len, f->seed, f->sent);
    f->sends[i] = rig_send(rig, f->conn, slot_of(rig, flow, i), len);
    f->lens[i] = len;
    f->sent += len;
}

/* See the flow to its end: every byte sent arrives, then the end of the stream. */
static void flow_finish(struct rig *rig, struct flow *f)
{
    if (!f->is_shut)
        f->shut = rig_shutdown(rig, f->conn);
    rig_reader_resume(rig, &f->reader);
    RIG_CHECK(rig, rig_reader_await_end(rig, &f->reader) == 0);
    RIG_CHECK(rig, f->reader.pos == f->sent);
    for (uint32_t i = 0; i < SENDS_MAX; i++) {
        if (f->sends[i] != RIG_NONE)
            RIG_CHECK(rig, rig_await(rig, f->sends[i]) == (int32_t)f->lens[i]);
    }
    RIG_CHECK(rig, rig_await(rig, f->shut) == 0);
}

static void pair_finish(struct rig *rig, struct script *s, uint32_t i)
{
    rig_reader_resume(rig, &s->flows[2 * i + 1].reader);
    flow_finish(rig, &s->flows[2 * i]);
    flow_finish(rig, &s->flows[2 * i + 1]);
    rig_close_pair(rig, s->pairs[i]);
}

/* One end goes without a word: its peer hears of it, all that is pending ends. */
static void pair_break(struct rig *rig, struct script *s, uint32_t i)
{
    struct flow *there = &s->flows[2 * i];
    struct flow *back = &s->flows[2 * i + 1];
    uint32_t abort = rig_close(rig, s->pairs[i].client, PROC_IO_ABORT);
    rig_await(rig, abort);
    rig_reader_resume(rig, &there->reader);
    int32_t res = rig_reader_await_end(rig, &there->reader);
    RIG_CHECK(rig, res == -VK_ERESET || (there->is_shut && res == 0));
    rig_await(rig, rig_close(rig, s->pairs[i].server, PROC_IO_ABORT));
    for (uint32_t j = 0; j < SENDS_MAX; j++) {
        if (there->sends[j] != RIG_NONE)
            rig_await(rig, there->sends[j]);
        if (back->sends[j] != RIG_NONE)
            rig_await(rig, back->sends[j]);
    }
    if (there->is_shut)
        rig_await(rig, there->shut);
    if (back->is_shut)
        rig_await(rig, back->shut);
}

static void script_step(struct rig *rig, struct script *s)
{
    uint32_t flow = draw(s, PAIRS * 2);
    struct flow *f = &s->flows[flow];
    uint32_t dice = draw(s, 1000);
    if (dice < 500) {
        flow_send(rig, s, flow);
    } else if (dice < 600) {
        rig_reader_pause(rig, &f->reader);
    } else if (dice < 750) {
        rig_reader_resume(rig, &f->reader);
    } else if (dice < 760 && !f->is_shut) {
        f->is_shut = true;
        f->shut = rig_shutdown(rig, f->conn);
    } else if (dice < 770) {
        pair_finish(rig, s, flow / 2);
        pair_start(rig, s, flow / 2);
    } else if (dice < 775) {
        pair_break(rig, s, flow / 2);
        pair_start(rig, s, flow / 2);
    } else {
        rig->batch_max = 1 + draw(s, RIG_BATCH_MAX);
        rig_pump(rig, draw(s, 3) == 0 ? 0 : draw(s, 100000));
        flow_collect(rig, f);
    }
}

static void random_script_keeps_every_stream(struct rig *rig)
{
    struct script *s = &script;
    _Static_assert((size_t)PAIRS * 2 * SENDS_MAX * SLOT_BYTES <= RIG_BUF_BYTES, "slots fit the buffer");
    memset(s, 0, sizeof(*s));
    s->state = rig->host->seed;
    rig_listen(rig, false);
    for (uint32_t i = 0; i < PAIRS; i++)
        pair_start(rig, s, i);
    for (uint32_t i = 0; i < STEPS; i++)
        script_step(rig, s);
    for (uint32_t i = 0; i < PAIRS; i++)
        pair_finish(rig, s, i);
}

const struct rig_case rig_cases_load[] = {
    {"a_thousand_connections_come_and_go", a_thousand_connections_come_and_go},
    {"random_script_keeps_every_stream", random_script_keeps_every_stream},
    {NULL, NULL},
};
