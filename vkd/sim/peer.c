/* SPDX-License-Identifier: Apache-2.0 */
/* A client of some manner: when it says what it will say, and when it leaves. */
#include "vkd/sim/peer.h"

#include "vk/err.h"

#include <stdarg.h>
#include <stdio.h>

#define PATIENCE_NS \
    (1000 * SECOND_NS) /* longer than any deadline of the server, and a line before its door */

void vkd_peer_broken(const struct vkd_peer *p, const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    vkd_world_broken(p->world, "client %u (%s; said %u of %u bytes, heard %u of %u answers): %s", p->number,
                     vkd_manner_names[p->manner], p->out_sent, p->out_len, p->answered, p->expects_count,
                     text);
}

/* ---- its end ------------------------------------------------------------------------- */

static void leave(struct vkd_peer *p, int err)
{
    TELL(p->world, "client %u: over, %s", p->number,
         err == 0              ? "it leaves"
         : err == -VK_ECLOSED  ? "the server closed"
         : err == -VK_EREFUSED ? "refused"
                               : "reset");
    p->end_err = err;
    p->is_over = true;
    p->over_ns = sim_now(p->world->sim);
    if (err == -VK_EREFUSED)
        return;
    sim_client_close(p->world->sim, p->end);
}

static bool is_answered(const struct vkd_peer *p)
{
    return p->answered == (p->manner == VKD_MANNER_RAW ? p->out_len : p->expects_count);
}

/* Whether it stays although it has all it came for. */
static bool stays(const struct vkd_peer *p)
{
    switch (p->manner) {
    case VKD_MANNER_IDLE:
    case VKD_MANNER_STOP:
    case VKD_MANNER_SILENT:
    case VKD_MANNER_BAD:
    case VKD_MANNER_HALF_CLOSE:
    case VKD_MANNER_RESET:
        return true;
    default:
        return p->said_close;
    }
}

/* ---- what it says -------------------------------------------------------------------------- */

static uint32_t sayable(const struct vkd_peer *p)
{
    if (p->manner != VKD_MANNER_TURNS)
        return p->out_len;
    return p->answered < p->expects_count ? p->ends[p->answered] : p->out_len;
}

static void say(struct vkd_peer *p, uint32_t max)
{
    size_t len = 1;
    struct sim *sim = p->world->sim;
    uint32_t until = sayable(p);
    while (!p->is_over && p->out_sent < until && max > 0 && len > 0) {
        uint32_t want = until - p->out_sent < max ? until - p->out_sent : max;
        if (sim_client_send(sim, p->end, p->out + p->out_sent, want, &len) != 0)
            return; /* hear will learn why */
        p->out_sent += (uint32_t)len;
        max -= (uint32_t)len;
        p->sent_ns = sim_now(sim);
    }
    TELL(p->world, "client %u: said %u of %u bytes", p->number, p->out_sent, p->out_len);
    if (p->manner == VKD_MANNER_HALF_CLOSE && p->out_sent == p->out_len)
        sim_client_shutdown(sim, p->end);
}

static void hear(struct vkd_peer *p, size_t max)
{
    uint8_t buf[4096];
    size_t len;
    int err = 0;
    uint32_t answered = p->answered;
    while (!p->is_over && max > 0 &&
           (err = sim_client_recv(p->world->sim, p->end, buf, max < sizeof buf ? max : sizeof buf, &len)) ==
               0) {
        if (p->manner == VKD_MANNER_RAW)
            vkd_peer_hear_raw(p, buf, len);
        else
            for (size_t i = 0; i < len; i++)
                vkd_peer_hear_byte(p, buf[i]);
        p->heard_ns = sim_now(p->world->sim);
        max -= len;
    }
    if (p->is_over)
        return;
    if (err == -VK_ECLOSED || err == -VK_ERESET)
        leave(p, err);
    else if (is_answered(p) && p->out_sent == p->out_len && !stays(p))
        leave(p, 0);
    else if (p->manner == VKD_MANNER_TURNS && p->answered != answered)
        say(p, UINT32_MAX);
}

static void later(struct vkd_peer *p, uint64_t delay_ns, sim_timer_fn fn)
{
    vk_assert(sim_at(p->world->sim, sim_now(p->world->sim) + delay_ns, fn, p) == 0);
}

static void drip(void *ctx, struct sim *sim)
{
    struct vkd_peer *p = ctx;
    (void)sim;
    if (p->is_over)
        return;
    say(p, 1);
    if (p->out_sent < p->out_len)
        later(p, 1 + sim_rand_below(&p->rand, 1000000), drip);
}

static void sip(void *ctx, struct sim *sim)
{
    struct vkd_peer *p = ctx;
    (void)sim;
    if (!p->is_over)
        hear(p, 1 + sim_rand_below(&p->rand, 2000));
    if (!p->is_over)
        later(p, 100000 + sim_rand_below(&p->rand, 3000000), sip);
}

static void give_up(void *ctx, struct sim *sim)
{
    struct vkd_peer *p = ctx;
    if (p->is_over)
        return;
    TELL(p->world, "client %u: resets", p->number);
    p->is_over = true;
    if (p->is_open)
        sim_client_reset(sim, p->end);
}

static void on_open(struct vkd_peer *p)
{
    TELL(p->world, "client %u (%s): connected", p->number, vkd_manner_names[p->manner]);
    p->is_open = true;
    p->opened_ns = sim_now(p->world->sim);
    if (p->manner == VKD_MANNER_DRIP)
        drip(p, p->world->sim);
    else
        say(p, UINT32_MAX);
    if (p->manner == VKD_MANNER_SLOW)
        later(p, 1000000, sip);
    if (p->manner == VKD_MANNER_RESET)
        later(p, sim_rand_below(&p->rand, 5000000), give_up);
}

static void on_event(void *ctx, struct sim *sim, uint32_t end, enum sim_client_event event)
{
    struct vkd_peer *p = ctx;
    (void)end;
    switch (event) {
    case SIM_CLIENT_OPEN:
        on_open(p);
        break;
    case SIM_CLIENT_REFUSED:
        leave(p, -VK_EREFUSED);
        break;
    case SIM_CLIENT_READABLE:
        p->event_ns[1] = p->event_ns[0];
        p->event_ns[0] = sim_now(sim);
        if (p->manner != VKD_MANNER_SLOW && p->manner != VKD_MANNER_DEAF)
            hear(p, SIZE_MAX);
        break;
    case SIM_CLIENT_WRITABLE:
        if (p->manner != VKD_MANNER_DRIP)
            say(p, UINT32_MAX);
        break;
    }
}

/* A deaf peer looks now and then whether it was thrown out; its look may have let the server go on. */
static void look(void *ctx, struct sim *sim)
{
    struct vkd_peer *p = ctx;
    (void)sim;
    if (p->is_open && !p->is_over)
        hear(p, SIZE_MAX);
    if (!p->is_over)
        later(p, NET_WRITE_TIMEOUT_NS + 10 * SECOND_NS, look);
}

void vkd_peer_connect(struct vkd_peer *p)
{
    struct vkd_world *w = p->world;
    const struct proc_addr *addr =
        p->manner == VKD_MANNER_RAW ? &w->raw_addr : &w->addrs[p->number % w->listeners_count];
    vk_assert(sim_client_connect(w->sim, addr, on_event, p, &p->end) == 0);
    if (p->manner == VKD_MANNER_DEAF)
        later(p, 100 * SECOND_NS, look);
    later(p, PATIENCE_NS, give_up);
}

/* ---- what must hold ------------------------------------------------------------------------ */

static void check_deadline(const struct vkd_peer *p, uint64_t since_ns, uint64_t until_ns,
                           uint64_t timeout_ns)
{
    uint64_t waited_ns = until_ns - since_ns;
    /* Its clock runs from what it did, ours from what came. */
    HOLDS(p, waited_ns >= timeout_ns - SECOND_NS && waited_ns <= timeout_ns + 3 * SECOND_NS,
          "a deadline of %llu ms came after %llu ms", (unsigned long long)(timeout_ns / 1000000),
          (unsigned long long)(waited_ns / 1000000));
}

static void check_fair(const struct vkd_peer *p)
{
    bool is_all = is_answered(p);
    switch (p->manner) {
    case VKD_MANNER_SILENT:
        HOLDS(p, p->end_err == -VK_ECLOSED && p->answered == 0, "silence is not ended by a close");
        check_deadline(p, p->opened_ns, p->over_ns, NET_HEAD_TIMEOUT_NS);
        break;
    case VKD_MANNER_STOP:
        HOLDS(p, is_all && p->status == 408 && p->said_close, "half a head is not answered 408");
        check_deadline(p, p->sent_ns, p->over_ns, NET_HEAD_TIMEOUT_NS);
        break;
    case VKD_MANNER_DEAF:
        HOLDS(p, p->end_err == -VK_ERESET && !is_all, "who does not read is not reset");
        check_deadline(p, p->event_ns[1], p->event_ns[0],
                       NET_WRITE_TIMEOUT_NS); /* from the stall to the reset */
        break;
    case VKD_MANNER_RESET:
        break;
    case VKD_MANNER_BAD:
        HOLDS(p, is_all && p->said_close && p->end_err == -VK_ECLOSED, "what is no HTTP is not refused");
        break;
    case VKD_MANNER_IDLE:
        HOLDS(p, is_all && p->end_err == -VK_ECLOSED,
              "answers are missing, or the connection was not closed");
        if (!p->said_close)
            check_deadline(p, p->heard_ns, p->over_ns, NET_IDLE_TIMEOUT_NS);
        break;
    default:
        HOLDS(p, is_all, "answers are missing");
        HOLDS(p, p->end_err == 0 || p->end_err == -VK_ECLOSED, "it was reset");
    }
}

void vkd_peer_check(const struct vkd_peer *p)
{
    HOLDS(p, p->is_over, "it is not over");
    HOLDS(p, p->over_ns != 0 || p->manner == VKD_MANNER_RESET, "the server lets it wait for ever");
    if (p->world->is_fair && p->world->script->program != VKD_PROGRAM_FILE)
        check_fair(p);
}
