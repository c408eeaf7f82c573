/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/serve.h"

#include "metal/app/driver.h"
#include "metal/app/ports.h"
#include "metal/app/say.h"
#include "metal/frames.h"
#include "metal/paging.h"
#include "net/server.h"
#include "proc/store.h"
#include "vk/fmt.h"
#include "vk/limits.h"

#define TICK_MAX_NS     1000000000u /* longest sleep: what is not driven by events is looked at this often */
#define TICK_EARLY_NS   5000000u    /* ... before the machine has an address */
#define ADDRESS_LATE_NS 5000000000u /* a machine without an address for so long says so, and goes on */
#define ADDR_BYTES      64u

/*
 * As on Linux it is time of the processor there, it is time that passes here,
 * in which a host may give an emulated processor little to run.
 */
#define NATIVE_TICK_NS 50000000u

struct serving {
    const struct vkd_app *app;
    const struct app_start *start;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct vkd_listens bound;
    uint32_t listeners[NET_LISTENERS_MAX];
    struct net_server *server; /* of an HTTP program */
    struct proc_env env;
    bool is_announced;
    bool is_up;       /* it had an address at the last look */
    uint64_t look_ns; /* when to look at the address next */
};

int app_start(struct app_start *start, const char *command_line)
{
    char why[APP_WHY_BYTES];
    size_t free_bytes = metal_frames_free() * (size_t)VK_PAGE_BYTES;
    if (app_options_parse(&start->options, command_line, why) != 0)
        return app_refuse("%s", why);
    if (free_bytes < APP_MEMORY_MIN_BYTES)
        return app_refuse("the machine has %zu KiB of memory left beside the image; it needs %u KiB",
                          free_bytes >> 10, APP_MEMORY_MIN_BYTES >> 10);
    app_plan_make(&start->plan, free_bytes, start->options.slots);
    return 0;
}

/* ---- kernel and service ------------------------------------------------------------ */

static void log_line(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx, (void)level;
    app_say_span(text);
}

static int make_kernel(struct serving *s)
{
    const struct app_plan *plan = &s->start->plan;
    struct proc_kernel_options options = {
        .io = s->io,
        .guard = s->start->options.guard,
        .native_tick_ns = NATIVE_TICK_NS,
        .processes_max = plan->processes_max,
        .handles_max = plan->handles_max,
        .requests_max = plan->requests_max,
        .parks_max = plan->parks_max,
        .slots_warm = plan->slots_warm,
        .service_bytes = s->app->setup_bytes,
        .log = log_line,
    };
    if (s->app->host == NULL)
        options.service_bytes += s->start->native->region_bytes(s->app, plan->conns_max);
    memcpy(options.slots_max, plan->slots_max, sizeof options.slots_max);
    memcpy(options.bufs_max, plan->bufs_max, sizeof options.bufs_max);
    int rc = proc_kernel_create(&options, &s->kernel);
    if (rc != 0)
        return rc;
    const struct vk_region *region = proc_kernel_region(s->kernel);
    metal_paging_promise(region->base, region->len_bytes, plan->kernel_bytes / VK_PAGE_BYTES);
    return 0;
}

static int make_service(struct serving *s, const char **ret_why)
{
    int rc = s->app->setup ? s->app->setup(s->kernel, &s->env) : 0;
    if (rc)
        return rc;
    if (s->app->host)
        return s->app->host(s->kernel, s->listeners, &s->server, ret_why);
    return s->start->native->make(s->app, s->kernel, s->start->plan.conns_max, s->listeners[0], &s->env,
                                  &s->server);
}

/* ---- where it listens -------------------------------------------------------------- */

/* How many groups of an IPv6 address are zero from this one on. */
static uint32_t zero_groups(const uint8_t ip[16], uint32_t from)
{
    uint32_t count = 0;
    while (from + count < 8 && ip[2 * (from + count)] == 0 && ip[2 * (from + count) + 1] == 0)
        count++;
    return count;
}

/* In brackets, the longest run of zeros as "::". Source: RFC 5952, 4. */
static void print_ip6(struct vk_out *out, const uint8_t ip[16])
{
    uint32_t gap = 8, gap_len = 1;
    for (uint32_t i = 0; i < 8; i++) {
        if (zero_groups(ip, i) > gap_len) {
            gap = i;
            gap_len = zero_groups(ip, i);
        }
    }
    vk_out_fmt(out, "[");
    for (uint32_t i = 0; i < 8; i++) {
        if (i == gap) {
            vk_out_fmt(out, "::");
            i += gap_len - 1;
        } else {
            vk_out_fmt(out, "%s%x", i > 0 && i != gap + gap_len ? ":" : "", ip[2 * i] << 8 | ip[2 * i + 1]);
        }
    }
    vk_out_fmt(out, "]");
}

/* As it stands in a URL; all addresses of the machine are shown as the one it is reached by. */
static struct vk_span print_addr(const struct serving *s, const struct proc_addr *addr,
                                 uint8_t room[ADDR_BYTES])
{
    static const uint8_t all[16];
    struct proc_addr shown = *addr;
    struct vk_out out;
    vk_out_init(&out, room, ADDR_BYTES);
    if (memcmp(addr->ip, all, sizeof all) == 0)
        app_driver_address(s->io, addr->family, &shown);
    if (addr->family == 6)
        print_ip6(&out, shown.ip);
    else
        vk_out_fmt(&out, "%u.%u.%u.%u", shown.ip[0], shown.ip[1], shown.ip[2], shown.ip[3]);
    vk_out_fmt(&out, ":%u", addr->port);
    return vk_out_span(&out);
}

static struct proc_addr wanted_addr(const struct serving *s, uint32_t i)
{
    if (i == 0 && s->start->options.has_listen)
        return s->start->options.listen;
    struct proc_addr addr = {.family = app_driver_family(), .port = APP_PORT_DEFAULT};
    if (s->app->listens != NULL)
        addr.port = s->app->listens->addrs[i].port;
    return addr;
}

/* Whether nobody can reach it there: the machine's IPv4 address is known by now, and another. */
static bool is_elsewhere(const struct serving *s, const struct proc_addr *addr)
{
    static const uint8_t none[16], loop[1] = {127};
    struct proc_addr own = {.family = 4};
    if (addr->family != 4 || memcmp(addr->ip, none, sizeof none) == 0 || memcmp(addr->ip, loop, 1) == 0)
        return false;
    app_driver_address(s->io, 4, &own);
    return memcmp(own.ip, none, sizeof none) != 0 && memcmp(own.ip, addr->ip, sizeof own.ip) != 0;
}

static int open_listeners(struct serving *s)
{
    uint8_t text[ADDR_BYTES];
    s->bound.count = s->app->listens != NULL ? s->app->listens->count : 1;
    for (uint32_t i = 0; i < s->bound.count; i++) {
        struct proc_addr addr = wanted_addr(s, i);
        if (is_elsewhere(s, &addr)) {
            struct vk_span name = print_addr(s, &addr, text);
            return app_refuse("listen=%.*s: the machine has another address; give it this one with ip=, or "
                              "leave it away, for all",
                              (int)name.len, (const char *)name.ptr);
        }
        int rc = s->io->ops->listen(s->io, &addr, s->app->protocol == VKD_HTTP, &s->listeners[i],
                                    &s->bound.addrs[i]);
        if (rc != 0) {
            struct vk_span name = print_addr(s, &addr, text);
            return app_refuse("it cannot listen on %.*s: %s", (int)name.len, (const char *)name.ptr,
                              vk_err_text(rc));
        }
    }
    return 0;
}

/* "listening on http://10.0.2.15:8080 (lwip, mprotect, 1.9 ms after entry)" */
static void announce(const struct serving *s)
{
    uint8_t line[NET_LISTENERS_MAX * (ADDR_BYTES + 16) + 128], text[ADDR_BYTES];
    struct vk_out out;
    uint64_t us = plat_mono_ns() / 1000;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, s->bound.count ? "listening on " : "running ");
    for (uint32_t i = 0; i < s->bound.count; i++) {
        struct vk_span addr = print_addr(s, &s->bound.addrs[i], text);
        vk_out_fmt(&out, "%s%s://%.*s", i ? ", " : "", s->app->protocol == VKD_HTTP ? "http" : "tcp",
                   (int)addr.len, (const char *)addr.ptr);
    }
    vk_out_fmt(&out, "%s(%s, %s, %lu.%02lu ms after entry)", s->bound.count ? " " : "", s->io->ops->name,
               vk_guard_name(proc_kernel_guard(s->kernel)), us / 1000, us % 1000 / 10);
    app_say_span(vk_out_span(&out));
}

/*
 * That it listens is said when it can be reached, or when that takes too long;
 * and later when its address goes, which it does with a lease that ends.
 */
static void look_at_address(struct serving *s)
{
    uint64_t now_ns = plat_mono_ns();
    if (now_ns < s->look_ns)
        return;
    bool is_up = app_driver_is_up(s->io), was_up = s->is_up;
    bool is_first = !s->is_announced && (is_up || now_ns >= ADDRESS_LATE_NS);
    s->look_ns = now_ns + (s->is_announced ? TICK_MAX_NS : 0);
    if (!is_up && (was_up || is_first))
        app_say("the machine has no address; ip=dhcp, which goes on, needs a server that gives one, "
                "ip=ADDRESS/BITS none");
    if (is_first || (is_up && !was_up))
        announce(s);
    s->is_announced |= is_first;
    s->is_up = is_up;
}

/* ---- serving ----------------------------------------------------------------------- */

static int prepare(struct serving *s)
{
    const char *why = NULL;
    s->io = app_driver_create(s->start);
    if (s->io == NULL)
        return 1;
    int rc = make_kernel(s);
    if (rc != 0)
        return app_refuse("the kernel cannot start with guard=%s: %s", vk_guard_name(s->start->options.guard),
                          vk_err_text(rc));
    if (open_listeners(s) != 0)
        return 1;
    rc = make_service(s, &why);
    return rc == 0 ? 0 : app_refuse("the service cannot start: %s", why ? why : vk_err_text(rc));
}

/*
 * What is held now, as often as was asked for: with it, memory that is not
 * given back is seen from outside of a machine that cannot be looked into.
 */
static void say_stores(const struct proc_kernel *kernel)
{
    uint8_t line[256];
    for (const struct proc_store *store = NULL; (store = proc_store_after(kernel, store)) != NULL;) {
        struct vk_out out;
        vk_out_init(&out, line, sizeof line);
        proc_store_print(store, &out);
        app_say_span(vk_out_span(&out));
    }
}

static void say_stats(const struct serving *s, uint64_t *next_ns)
{
    struct proc_counters kernel;
    struct net_server_counters http = {0};
    if (s->start->options.stats_s == 0 || plat_mono_ns() < *next_ns)
        return;
    *next_ns = plat_mono_ns() + s->start->options.stats_s * 1000000000ull;
    proc_kernel_counters(s->kernel, &kernel);
    if (s->server != NULL)
        net_server_counters(s->server, &http);
    app_say(
        "memory: %zu KiB free; now %u processes, %u slots, %u buffers, %u connections; so far %lu processes, "
        "%lu crashes, %lu ticks",
        metal_frames_free() * VK_PAGE_BYTES >> 10, kernel.processes, kernel.slots, kernel.buffers, http.conns,
        kernel.started, kernel.crashes, kernel.ticks);
    say_stores(s->kernel);
}

int app_serve(const struct vkd_app *app, const struct app_start *start)
{
    static struct serving s;
    uint64_t next_stats_ns = 0;
    s = (struct serving){.app = app, .start = start};
    if (prepare(&s) != 0)
        return 1;
    look_at_address(&s);
    while (app->is_over == NULL || !app->is_over()) {
        proc_kernel_step(s.kernel, s.is_announced ? TICK_MAX_NS : TICK_EARLY_NS);
        look_at_address(&s);
        say_stats(&s, &next_stats_ns);
    }
    return app_refuse("%s", app->over_why);
}
