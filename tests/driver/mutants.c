/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test of the test: a simulation wrapped so that it breaks one rule of
 * proc/io.h. The suite must fail for each mutant, by a check of its own and
 * not by a crash, and must pass for the wrapper that breaks nothing.
 */
#include "tests/driver/main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHTS_MAX 8192u
#define EXTRA_MAX   8192u

struct mutant;

/* One broken rule. Hooks that are NULL leave things as they are. */
struct mutation {
    const char *name;
    /* May change the event; false drops it. code is that of its request. */
    bool (*event)(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req);
    /* In place of the inner submit. */
    int (*submit)(struct mutant *m, const struct proc_io_req *req);
    void (*cancel)(struct mutant *m, uint64_t tag);
    /* After a wait: may change the batch. */
    uint32_t (*batch)(struct mutant *m, struct proc_io_event *events, uint32_t count, uint32_t max);
    /* Replace single operations of the seam. */
    void (*patch)(struct proc_io_ops *ops);
};

struct mutant {
    struct proc_io io; /* first */
    struct proc_io_ops ops;
    struct proc_io *inner;
    const struct mutation *mutation;
    struct proc_io_req flights[FLIGHTS_MAX]; /* code 0: free */
    struct proc_io_event extra[EXTRA_MAX];   /* completions of the mutant's own making */
    uint32_t extra_count;
    uint32_t dice;
    struct proc_io_req held; /* a request kept back; code 0: none */
    uint64_t last_tag;
    uint32_t closing; /* a number on its way out, UINT32_MAX: none */
    uint64_t now_lies_ns;
    uint8_t copy[1 << 17];
    uint32_t copy_len;
};

static struct mutant *of(struct proc_io *io)
{
    return VK_CONTAINER(io, struct mutant, io);
}

/* Every fifth time, so that what is broken also works at times. */
static bool is_time(struct mutant *m)
{
    return ++m->dice % 5 == 0;
}

static struct proc_io_req *flight_of(struct mutant *m, uint64_t tag)
{
    for (uint32_t i = 0; i < FLIGHTS_MAX; i++) {
        if (m->flights[i].code != 0 && m->flights[i].tag == tag)
            return &m->flights[i];
    }
    return NULL;
}

static void make_event(struct mutant *m, uint64_t tag, int32_t res)
{
    if (m->extra_count < EXTRA_MAX)
        m->extra[m->extra_count++] = (struct proc_io_event){.tag = tag, .res = res};
}

static int pass_on(struct mutant *m, const struct proc_io_req *req)
{
    int err = m->inner->ops->submit(m->inner, req);
    for (uint32_t i = 0; err == 0 && i < FLIGHTS_MAX; i++) {
        if (m->flights[i].code == 0) {
            m->flights[i] = *req;
            break;
        }
    }
    return err;
}

/* ---- broken completions -------------------------------------------------------------------- */

static bool is_final(const struct proc_io_event *event)
{
    return (event->flags & PROC_IO_MORE) == 0;
}

static bool drop_final(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)req;
    return !is_final(event) || !is_time(m);
}

static bool repeat_final(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    if (req->code == PROC_IO_SEND && is_time(m))
        make_event(m, event->tag, event->res);
    return true;
}

/* A multishot receive takes place once, and promises more. */
static bool promise_more(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if ((req->flags & PROC_IO_MULTI) != 0 && event->res > 0)
        event->flags = PROC_IO_MORE;
    return true;
}

static bool add_more(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if (req->code == PROC_IO_RECV && event->res > 0)
        event->flags = PROC_IO_MORE;
    return true;
}

static bool promise_bytes(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if ((req->code == PROC_IO_RECV || req->code == PROC_IO_RECV_INTO) && event->res > 0 && is_final(event))
        event->flags = PROC_IO_READY;
    return true;
}

static bool cut_tag(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    (void)req;
    event->tag &= 0xffffffffffffu;
    return true;
}

/* Put the data of an event into memory of the mutant, where it can be spoiled. */
static bool copy_data(struct mutant *m, struct proc_io_event *event)
{
    if (event->data == NULL || (uint32_t)event->res > sizeof(m->copy))
        return false;
    memcpy(m->copy, event->data, (size_t)event->res);
    m->copy_len = (uint32_t)event->res;
    event->data = m->copy;
    return true;
}

static bool flip_bit(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)req;
    if (event->data != NULL && is_time(m) && copy_data(m, event))
        m->copy[m->copy_len - 1] ^= 1;
    return true;
}

static bool lose_byte(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)req;
    if (event->data != NULL && event->res > 1 && is_time(m))
        event->res--;
    return true;
}

static bool keep_data_too_short(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)req;
    copy_data(m, event); /* spoiled by the next submit */
    return true;
}

static bool end_is_error(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if (req->code == PROC_IO_RECV && event->res == 0)
        event->res = -VK_ECLOSED;
    return true;
}

static bool reset_is_end(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if (req->code == PROC_IO_RECV && event->res == -VK_ERESET)
        event->res = 0;
    return true;
}

static bool refused_is_connected(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if (req->code == PROC_IO_CONNECT && event->res == -VK_EREFUSED)
        event->res = 0;
    return true;
}

static bool send_is_short(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    if (req->code == PROC_IO_SEND && event->res > 1 && is_time(m))
        event->res--;
    return true;
}

static bool accept_twice(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    if (req->code == PROC_IO_ACCEPT && event->res >= 0 && !is_final(event) && is_time(m)) {
        make_event(m, event->tag, event->res);
        m->extra[m->extra_count - 1].flags = PROC_IO_MORE;
    }
    return true;
}

static bool lose_connection(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    return req->code != PROC_IO_ACCEPT || is_final(event) || !is_time(m);
}

static bool would_block(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    if (req->code == PROC_IO_RECV && event->res == -VK_ECANCELED && is_time(m))
        event->res = -VK_EAGAIN;
    return true;
}

static bool close_fails(struct mutant *m, struct proc_io_event *event, const struct proc_io_req *req)
{
    (void)m;
    if (req->code == PROC_IO_CLOSE && (req->flags & PROC_IO_ABORT) != 0)
        event->res = -VK_ERESET;
    return true;
}

/* ---- broken batches ---------------------------------------------------------------------------- */

static uint32_t close_first(struct mutant *m, struct proc_io_event *events, uint32_t count, uint32_t max)
{
    (void)max;
    for (uint32_t i = 1; i < count; i++) {
        const struct proc_io_req *req = flight_of(m, events[i].tag);
        struct proc_io_event event = events[i];
        if (req == NULL || req->code != PROC_IO_CLOSE)
            continue;
        memmove(&events[1], &events[0], i * sizeof(*events));
        events[0] = event;
    }
    return count;
}

static uint32_t overrun_batch(struct mutant *m, struct proc_io_event *events, uint32_t count, uint32_t max)
{
    (void)m;
    if (count == max)
        events[max] = events[0];
    return count;
}

/* ---- broken submits ------------------------------------------------------------------------------- */

static bool is_valid_send(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_addr peer;
    return req->buf != NULL && req->len > 0 && m->inner->ops->peer(m->inner, req->conn, &peer) == 0;
}

/* Two SENDs of a connection change places. */
static int swap_sends(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req held = m->held;
    if (req->code == PROC_IO_SEND && is_valid_send(m, req) && held.code == 0) {
        m->held = *req;
        return 0;
    }
    m->held.code = 0;
    if (held.code == 0)
        return pass_on(m, req);
    if (req->code != PROC_IO_SEND || held.conn != req->conn) {
        (void)pass_on(m, &held);
        return pass_on(m, req);
    }
    int err = pass_on(m, req);
    (void)pass_on(m, &held);
    return err;
}

static uint32_t flush_held(struct mutant *m, struct proc_io_event *events, uint32_t count, uint32_t max)
{
    (void)events;
    (void)max;
    if (m->held.code != 0)
        (void)pass_on(m, &m->held);
    m->held.code = 0;
    return count;
}

static int take_malformed(struct mutant *m, const struct proc_io_req *req)
{
    int err = pass_on(m, req);
    return err == -VK_EINVAL ? 0 : err;
}

static int take_stale(struct mutant *m, const struct proc_io_req *req)
{
    int err = pass_on(m, req);
    return err == -VK_EBADH ? 0 : err;
}

static int lose_request(struct mutant *m, const struct proc_io_req *req)
{
    return req->code == PROC_IO_SEND && is_time(m) ? 0 : pass_on(m, req);
}

/* Takes any SEND at once and keeps the bytes: no back-pressure, no bound. */
static int hoard_sends(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    if (req->code != PROC_IO_SEND || !is_valid_send(m, req))
        return pass_on(m, req);
    copy.buf = malloc(req->len);
    if (copy.buf == NULL)
        return -VK_EOVERFLOW;
    memcpy(copy.buf, req->buf, req->len);
    copy.tag = ~req->tag; /* its own completion is dropped: nobody knows the tag */
    int err = m->inner->ops->submit(m->inner, &copy);
    if (err == 0)
        make_event(m, req->tag, (int32_t)req->len);
    return err;
}

static int spoil_data(struct mutant *m, const struct proc_io_req *req)
{
    memset(m->copy, 0, m->copy_len);
    return pass_on(m, req);
}

static int close_aborts(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    if (req->code == PROC_IO_CLOSE)
        copy.flags |= PROC_IO_ABORT;
    return pass_on(m, &copy);
}

static int abort_is_polite(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    if (req->code == PROC_IO_CLOSE)
        copy.flags = 0;
    return pass_on(m, &copy);
}

static int ignore_shutdown(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_addr peer;
    if (req->code != PROC_IO_SHUTDOWN || m->inner->ops->peer(m->inner, req->conn, &peer) != 0)
        return pass_on(m, req);
    make_event(m, req->tag, 0);
    return 0;
}

static int overfill_room(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    if (req->code == PROC_IO_RECV_INTO && req->len == 4)
        copy.len = 5;
    return pass_on(m, &copy);
}

static int one_shot_goes_on(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    if (req->code == PROC_IO_RECV)
        copy.flags = PROC_IO_MULTI;
    return pass_on(m, &copy);
}

static int multi_is_one_shot(struct mutant *m, const struct proc_io_req *req)
{
    struct proc_io_req copy = *req;
    copy.flags &= (uint8_t)~PROC_IO_MULTI;
    int err = pass_on(m, &copy);
    if (err == 0)
        flight_of(m, req->tag)->flags = req->flags;
    return err;
}

static int note_closing(struct mutant *m, const struct proc_io_req *req)
{
    int err = pass_on(m, req);
    if (err == 0 && req->code == PROC_IO_CLOSE)
        m->closing = req->conn;
    return err;
}

/* ---- broken cancels ----------------------------------------------------------------------------------- */

static void ignore_cancel(struct mutant *m, uint64_t tag)
{
    (void)m;
    (void)tag;
}

static void cancel_completes_too(struct mutant *m, uint64_t tag)
{
    m->inner->ops->cancel(m->inner, tag);
    if (flight_of(m, tag) != NULL)
        make_event(m, tag, -VK_ECANCELED);
}

/* Looks at part of the tag only. */
static void cancel_by_low_bits(struct mutant *m, uint64_t tag)
{
    for (uint32_t i = 0; i < FLIGHTS_MAX; i++) {
        if (m->flights[i].code != 0 && (uint32_t)m->flights[i].tag == (uint32_t)tag)
            m->inner->ops->cancel(m->inner, m->flights[i].tag);
    }
}

/* ---- other broken operations
 * ------------------------------------------------------------------------------- */

static int listen_anywhere(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                           struct proc_addr *ret_bound)
{
    struct proc_io *inner = of(io)->inner;
    struct proc_addr any = *addr;
    any.port = 0;
    return inner->ops->listen(inner, &any, defer, ret_conn, ret_bound);
}

static void patch_listen(struct proc_io_ops *ops)
{
    ops->listen = listen_anywhere;
}

static int open_closing(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct mutant *m = of(io);
    int err = m->inner->ops->open(m->inner, addr, ret_conn);
    for (uint32_t i = 0; i < FLIGHTS_MAX; i++) {
        if (m->flights[i].code == PROC_IO_CLOSE && m->flights[i].conn == m->closing)
            *ret_conn = m->closing; /* its CLOSE is not complete yet */
    }
    return err;
}

static void patch_open(struct proc_io_ops *ops)
{
    ops->open = open_closing;
}

static void sleep_through_wake(struct proc_io *io)
{
    (void)io;
}

static void patch_wake(struct proc_io_ops *ops)
{
    ops->wake = sleep_through_wake;
}

static int own_peer(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr)
{
    struct proc_io *inner = of(io)->inner;
    int err = inner->ops->peer(inner, conn, ret_addr);
    ret_addr->port = 1;
    return err;
}

static void patch_peer(struct proc_io_ops *ops)
{
    ops->peer = own_peer;
}

static uint64_t taken_stands_still(struct proc_io *io, uint32_t conn)
{
    (void)io, (void)conn;
    return 7;
}

static void patch_taken(struct proc_io_ops *ops)
{
    ops->taken = taken_stands_still;
}

static uint64_t step_back(struct proc_io *io)
{
    struct mutant *m = of(io);
    m->now_lies_ns += 10000000;
    return m->inner->ops->now(m->inner) + (m->now_lies_ns % 30000000);
}

static void patch_now(struct proc_io_ops *ops)
{
    ops->now = step_back;
}

/* ---- the wrapper
 * ------------------------------------------------------------------------------------------------- */

static const struct mutation mutations[] = {
    {.name = "faithful"},
    {.name = "drop_final", .event = drop_final},
    {.name = "repeat_final", .event = repeat_final},
    {.name = "promise_more", .event = promise_more, .submit = multi_is_one_shot},
    {.name = "promise_bytes", .event = promise_bytes},
    {.name = "add_more", .event = add_more},
    {.name = "cut_tag", .event = cut_tag},
    {.name = "flip_bit", .event = flip_bit},
    {.name = "lose_byte", .event = lose_byte},
    {.name = "keep_data_too_short", .event = keep_data_too_short, .submit = spoil_data},
    {.name = "end_is_error", .event = end_is_error},
    {.name = "reset_is_end", .event = reset_is_end},
    {.name = "refused_is_connected", .event = refused_is_connected},
    {.name = "send_is_short", .event = send_is_short},
    {.name = "accept_twice", .event = accept_twice},
    {.name = "lose_connection", .event = lose_connection},
    {.name = "would_block", .event = would_block},
    {.name = "close_fails", .event = close_fails},
    {.name = "close_first", .batch = close_first},
    {.name = "overrun_batch", .batch = overrun_batch},
    {.name = "swap_sends", .submit = swap_sends, .batch = flush_held},
    {.name = "take_malformed", .submit = take_malformed},
    {.name = "take_stale", .submit = take_stale},
    {.name = "lose_request", .submit = lose_request},
    {.name = "hoard_sends", .submit = hoard_sends},
    {.name = "close_aborts", .submit = close_aborts},
    {.name = "abort_is_polite", .submit = abort_is_polite},
    {.name = "ignore_shutdown", .submit = ignore_shutdown},
    {.name = "overfill_room", .submit = overfill_room},
    {.name = "one_shot_goes_on", .submit = one_shot_goes_on},
    {.name = "reuse_number", .submit = note_closing, .patch = patch_open},
    {.name = "ignore_cancel", .cancel = ignore_cancel},
    {.name = "cancel_completes_too", .cancel = cancel_completes_too},
    {.name = "cancel_by_low_bits", .cancel = cancel_by_low_bits},
    {.name = "listen_anywhere", .patch = patch_listen},
    {.name = "sleep_through_wake", .patch = patch_wake},
    {.name = "own_peer", .patch = patch_peer},
    {.name = "taken_stands_still", .patch = patch_taken},
    {.name = "clock_steps_back", .patch = patch_now},
};

static int wrap_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                       struct proc_addr *ret_bound)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->listen(inner, addr, defer, ret_conn, ret_bound);
}

static int wrap_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->open(inner, addr, ret_conn);
}

static int wrap_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct mutant *m = of(io);
    return m->mutation->submit != NULL ? m->mutation->submit(m, req) : pass_on(m, req);
}

static void wrap_cancel(struct proc_io *io, uint64_t tag)
{
    struct mutant *m = of(io);
    if (m->mutation->cancel != NULL)
        m->mutation->cancel(m, tag);
    else
        m->inner->ops->cancel(m->inner, tag);
}

/* Events that the mutation let pass, moved together; requests that are over are forgotten. */
static uint32_t filter(struct mutant *m, struct proc_io_event *events, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct proc_io_req *req = flight_of(m, events[i].tag);
        if (req == NULL) /* a hoarded SEND */
            continue;
        bool is_over = is_final(&events[i]);
        bool is_kept = m->mutation->event == NULL || m->mutation->event(m, &events[i], req);
        if (is_over)
            req->code = 0;
        if (is_kept)
            events[kept++] = events[i];
    }
    return kept;
}

static uint32_t wrap_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                          uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    struct mutant *m = of(io);
    uint32_t own = m->extra_count < max ? m->extra_count : max;
    memcpy(events, m->extra, own * sizeof(*events));
    m->extra_count -= own;
    memmove(m->extra, m->extra + own, m->extra_count * sizeof(*events));
    if (own > 0)
        deadline_ns = 0;
    uint32_t count = m->inner->ops->wait(m->inner, events + own, max - own, deadline_ns, ret_now_ns);
    if (m->mutation->batch != NULL)
        count = m->mutation->batch(m, events + own, count, max - own);
    return own + filter(m, events + own, count);
}

static uint64_t wrap_now(struct proc_io *io)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->now(inner);
}

static void wrap_wake(struct proc_io *io)
{
    struct proc_io *inner = of(io)->inner;
    inner->ops->wake(inner);
}

static int wrap_peer(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->peer(inner, conn, ret_addr);
}

static uint64_t wrap_taken(struct proc_io *io, uint32_t conn)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->taken(inner, conn);
}

static void wrap_destroy(struct proc_io *io)
{
    struct proc_io *inner = of(io)->inner;
    inner->ops->destroy(inner);
}

static const struct mutation *find_mutation(const char *name)
{
    for (size_t i = 0; i < VK_COUNT(mutations); i++) {
        if (strcmp(mutations[i].name, name) == 0)
            return &mutations[i];
    }
    return NULL;
}

static int create_mutant(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    static struct mutant m; /* one per OS process */
    int err = driver_create_sim(NULL, seed, &m.inner);
    if (err != 0)
        return err;
    m.ops = (struct proc_io_ops){"mutant",  false,    wrap_listen, wrap_open, wrap_submit, wrap_cancel,
                                 wrap_wait, wrap_now, wrap_wake,   wrap_peer, wrap_taken,  wrap_destroy};
    m.io.ops = &m.ops;
    m.mutation = find_mutation(arg);
    m.closing = UINT32_MAX;
    if (m.mutation->patch != NULL)
        m.mutation->patch(&m.ops);
    *ret_io = &m.io;
    return 0;
}

/* The first case that fails for the mutant, NULL when it passes all. */
static const struct rig_case *find_killer(const struct driver_factory *factory, const char *name)
{
    const struct rig_case *c;
    for (size_t i = 0; (c = driver_case_at(i)) != NULL; i++) {
        int rc = driver_run_case(factory, name, 1, c);
        if (rc == 1)
            return c;
    }
    return NULL;
}

int driver_run_mutants(void)
{
    static const struct driver_factory factory = {"mutant", false, create_mutant, NULL};
    unsigned survivors = 0;
    for (size_t i = 0; i < VK_COUNT(mutations); i++) {
        const char *name = mutations[i].name;
        const struct rig_case *killer = find_killer(&factory, name);
        bool is_right = (killer != NULL) == (i != 0);
        survivors += !is_right;
        printf("%-4s %-22s %s %s\n", is_right ? "ok" : "FAIL", name, killer != NULL ? "fails" : "passes all",
               killer != NULL ? killer->name : "");
    }
    printf("%zu mutants, %u not caught\n", VK_COUNT(mutations) - 1, survivors);
    return survivors != 0;
}
