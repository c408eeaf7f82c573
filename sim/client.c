/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test's side of the network: clients that connect to the driver's
 * listeners, and calls at a given time.
 */
#include "sim/sim_impl.h"
#include "vk/err.h"

static struct sim_end *client_end(struct sim *sim, uint32_t client)
{
    vk_assert(client < sim->options.ends_max);
    struct sim_end *e = &sim->ends[client];
    vk_assert(e->is_client && e->state != SIM_END_FREE);
    return e;
}

int sim_client_connect(struct sim *sim, const struct proc_addr *addr, sim_client_fn fn, void *ctx,
                       uint32_t *ret_client)
{
    uint32_t end = sim_net_take(sim);
    if (end == SIM_NONE)
        return -VK_ENOSPC;
    struct sim_end *e = &sim->ends[end];
    e->is_client = true;
    e->fn = fn;
    e->ctx = ctx;
    e->remote = *addr;
    sim_net_connect(sim, end);
    *ret_client = end;
    return 0;
}

int sim_client_send(struct sim *sim, uint32_t client, const void *buf, size_t len, size_t *ret_len)
{
    struct sim_end *e = client_end(sim, client);
    if (e->state == SIM_END_CONNECTING)
        return -VK_EAGAIN;
    int err = sim_net_send_error(e);
    if (err != 0)
        return err;
    uint32_t want = len < sim->options.socket_bytes ? (uint32_t)len : sim->options.socket_bytes;
    uint32_t n = want == 0 ? 0 : sim_net_write(sim, client, buf, want);
    e->is_blocked = n < len;
    sim_note(sim, (uint64_t)client << 32 | n);
    *ret_len = n;
    return 0;
}

int sim_client_recv(struct sim *sim, uint32_t client, void *room, size_t room_len, size_t *ret_len)
{
    struct sim_end *e = client_end(sim, client);
    uint64_t there = e->arrived - e->taken;
    if (there == 0 && e->rst_arrived)
        return -VK_ERESET;
    if (there == 0)
        return e->fin_arrived ? -VK_ECLOSED : -VK_EAGAIN;
    uint32_t size = sim->options.socket_bytes;
    uint32_t n = there < room_len ? (uint32_t)there : (uint32_t)room_len;
    uint32_t at = (uint32_t)(e->taken & (size - 1));
    uint32_t part = n < size - at ? n : size - at;
    memcpy(room, e->ring + at, part);
    memcpy((uint8_t *)room + part, e->ring, n - part);
    e->taken += n;
    e->lent = e->taken;
    sim_note_bytes(sim, room, n);
    sim_net_release(sim, client, e->taken);
    *ret_len = n;
    return 0;
}

void sim_client_shutdown(struct sim *sim, uint32_t client)
{
    struct sim_end *e = client_end(sim, client);
    if (e->state == SIM_END_OPEN)
        sim_net_finish(sim, client);
}

void sim_client_close(struct sim *sim, uint32_t client)
{
    (void)client_end(sim, client);
    sim_net_drop(sim, client, false);
    sim_net_free(sim, client);
}

void sim_client_reset(struct sim *sim, uint32_t client)
{
    (void)client_end(sim, client);
    sim_net_drop(sim, client, true);
    sim_net_free(sim, client);
}

/* Segments of the client have arrived. The callback may end the client: it comes last. */
void sim_client_in(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    bool is_first = !e->is_told;
    enum sim_client_event event = SIM_CLIENT_READABLE;
    if (e->state == SIM_END_CONNECTING)
        return;
    e->is_told = true;
    if (is_first)
        event = e->state == SIM_END_OPEN ? SIM_CLIENT_OPEN : SIM_CLIENT_REFUSED;
    /* What came together with the SYNACK is told at once, by a step of its own. */
    if (is_first && (e->arrived > 0 || e->fin_arrived || e->rst_arrived))
        sim_queue_add(sim, &e->in, sim->now_ns);
    sim_client_fn fn = e->fn;
    void *ctx = e->ctx;
    if (event == SIM_CLIENT_REFUSED)
        sim_net_free(sim, end);
    if (fn != NULL)
        fn(ctx, sim, end, event);
}

void sim_client_out(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->fn != NULL)
        e->fn(e->ctx, sim, end, SIM_CLIENT_WRITABLE);
}

int sim_at(struct sim *sim, uint64_t at_ns, sim_timer_fn fn, void *ctx)
{
    uint32_t call = sim->call_free;
    if (call == SIM_NONE)
        return -VK_ENOSPC;
    struct sim_call *c = &sim->calls[call];
    sim->call_free = c->next;
    c->fn = fn;
    c->ctx = ctx;
    sim_queue_add(sim, &c->timer, at_ns > sim->now_ns ? at_ns : sim->now_ns);
    return 0;
}

void sim_client_call(struct sim *sim, uint32_t call)
{
    struct sim_call *c = &sim->calls[call];
    sim_timer_fn fn = c->fn;
    void *ctx = c->ctx;
    c->next = sim->call_free;
    sim->call_free = call;
    fn(ctx, sim);
}
