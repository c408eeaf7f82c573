/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel object and its tick. Owns the clock of the tick, the timers, the
 * list of later work and the region all tables come from.
 */
#include "proc/kernel_impl.h"
#include "vk/fmt.h"

static const uint32_t default_slots[VK_SLOT_CLASSES] = PROC_SLOTS_DEFAULT;
static const uint32_t default_bufs[VK_BUF_CLASSES] = {32768, 16384, 4096, 1024, 64};

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

/* Heaps that are kept outside their slots: of two classes, since most are small. */
static void park_bufs(const struct proc_kernel_options *options, uint32_t counts[VK_BUF_CLASSES])
{
    memset(counts, 0, VK_BUF_CLASSES * sizeof counts[0]);
    counts[1] = counts[2] = or_default(options->parks_max, PROC_PARKS_MAX);
}

/* Room for every table; pages cost nothing until touched, so the sum may be generous. */
static size_t region_bytes(const struct proc_kernel_options *options, const uint32_t *bufs,
                           const uint32_t *slots)
{
    uint32_t parks[VK_BUF_CLASSES];
    park_bufs(options, parks);
    size_t sum = sizeof(struct proc_kernel) + 64 * VK_PAGE_BYTES + options->service_bytes;
    sum += (size_t)or_default(options->processes_max, PROC_MAX) * sizeof(struct proc_process);
    sum += (size_t)or_default(options->handles_max, PROC_HANDLES_MAX) * sizeof(struct proc_handle);
    sum += (size_t)or_default(options->requests_max, PROC_REQUESTS_MAX) * sizeof(struct proc_req);
    sum += (size_t)PROC_MESSAGES_MAX * sizeof(struct proc_message);
    sum += (size_t)PROC_SERVED_MAX * sizeof(struct proc_served);
    sum += (size_t)PROC_LINKS_MAX * sizeof(struct proc_link_pair);
    for (unsigned i = 0; i < VK_SLOT_CLASSES; i++)
        sum += (size_t)slots[i] * sizeof(struct vk_slot) + VK_PAGE_BYTES;
    return sum + vk_bufs_region_bytes(bufs) + vk_bufs_region_bytes(parks);
}

static int init_tables(struct proc_kernel *k, const struct proc_kernel_options *options, const uint32_t *bufs)
{
    const struct {
        struct vk_table *table;
        size_t entry_bytes;
        uint32_t max;
    } tables[] = {
        {&k->reqs, sizeof(struct proc_req), or_default(options->requests_max, PROC_REQUESTS_MAX)},
        {&k->messages, sizeof(struct proc_message), PROC_MESSAGES_MAX},
        {&k->served, sizeof(struct proc_served), PROC_SERVED_MAX},
        {&k->links, sizeof(struct proc_link_pair), PROC_LINKS_MAX},
    };
    for (size_t i = 0; i < VK_COUNT(tables); i++) {
        int rc = vk_table_init(tables[i].table, tables[i].entry_bytes, tables[i].max, &k->region);
        if (rc)
            return rc;
    }
    k->reqs_crowded = k->reqs.max - k->reqs.max / PROC_REQUESTS_KEPT;
    uint32_t parks[VK_BUF_CLASSES];
    park_bufs(options, parks);
    int rc = vk_bufs_init(&k->bufs, bufs, &k->region);
    return rc ? rc : vk_bufs_init(&k->parks, parks, &k->region);
}

/* The critical part that mprotect+kernel closes: the process and handle tables, pages of their own. */
static int init_critical(struct proc_kernel *k, const struct proc_kernel_options *options)
{
    uint8_t *critical = vk_region_alloc(&k->region, VK_PAGE_BYTES, VK_PAGE_BYTES);
    int rc = vk_table_init(&k->processes, sizeof(struct proc_process),
                           or_default(options->processes_max, PROC_MAX), &k->region);
    if (!rc)
        rc = vk_table_init(&k->handles, sizeof(struct proc_handle),
                           or_default(options->handles_max, PROC_HANDLES_MAX), &k->region);
    uint8_t *end = vk_region_alloc(&k->region, VK_PAGE_BYTES, VK_PAGE_BYTES);
    if (rc || !critical || !end)
        return rc ? rc : -VK_ENOMEM;
    enum vk_guard_kind kind = options->no_native ? VK_GUARD_OFF : options->guard;
    return vk_guard_init(&k->guard, kind, &k->region, critical, (size_t)(end - critical));
}

static int init_runner(struct proc_kernel *k, const struct proc_kernel_options *options)
{
    if (options->no_native)
        return 0;
    const struct plat_runner_options runner = {
        .stack_bytes = PROC_NATIVE_STACK_BYTES,
        .tick_ns = options->native_tick_ns ? options->native_tick_ns : PROC_NATIVE_TICK_NS,
        .is_over = proc_is_over,
        .is_over_ctx = k,
        .syscall_trap = !options->no_syscall_trap,
        .grow = proc_grow,
        .grow_ctx = k,
        .home = k,
    };
    return plat_runner_create(&runner, &k->runner);
}

static int init_all(struct proc_kernel *k, const struct proc_kernel_options *options, const uint32_t *bufs,
                    const uint32_t *slots)
{
    int rc = init_tables(k, options, bufs);
    if (!rc)
        rc = init_critical(k, options);
    if (rc)
        return rc;
    struct vk_pool_options pool = {.warm = or_default(options->slots_warm, VK_SLOT_WARM)};
    pool.warm_prefix_bytes = options->no_native ? 0 : VK_PAGE_BYTES; /* as small native programs take them */
    memcpy(pool.slots_max, slots, sizeof pool.slots_max);
    rc = vk_pool_init(&k->pool, &pool, &k->guard, &k->region);
    return rc ? rc : init_runner(k, options);
}

static void refresh_clock(struct proc_kernel *k, uint64_t now_ns)
{
    k->now_ns = now_ns;
    int64_t wall_s = k->wall_base_s ? k->wall_base_s + (int64_t)(now_ns / 1000000000u) : plat_wall_s();
    if (VK_LIKELY(wall_s == k->wall_s))
        return;
    k->wall_s = wall_s;
    vk_fmt_date(k->date, wall_s);
}

VK_SELDOM int proc_kernel_create(const struct proc_kernel_options *options, struct proc_kernel **ret_kernel)
{
    if (!options->io)
        return -VK_EINVAL;
    uint32_t bufs[VK_BUF_CLASSES], slots[VK_SLOT_CLASSES];
    for (unsigned i = 0; i < VK_BUF_CLASSES; i++)
        bufs[i] = or_default(options->bufs_max[i], default_bufs[i]);
    for (unsigned i = 0; i < VK_SLOT_CLASSES; i++)
        slots[i] = or_default(options->slots_max[i], default_slots[i]);

    struct vk_region region;
    int rc = vk_region_init(&region, region_bytes(options, bufs, slots));
    if (rc)
        return rc;
    struct proc_kernel *k = vk_region_alloc(&region, sizeof *k, VK_PAGE_BYTES);
    vk_assert(k); /* region_bytes begins with it */
    k->region = region;
    k->io = options->io;
    k->log = options->log;
    k->log_ctx = options->log_ctx;
    k->wall_s = -1;
    k->wall_base_s = options->wall_base_s;
    k->logs_all = options->logs_all;
    vk_list_init(&k->expired);
    refresh_clock(k, k->io->ops->now(k->io));
    vk_wheel_init(&k->wheel, k->now_ns);
    rc = init_all(k, options, bufs, slots);
    if (rc) {
        proc_kernel_destroy(k);
        return rc;
    }
    *ret_kernel = k;
    return 0;
}

void proc_kernel_end(struct proc_kernel *kernel)
{
    kernel->ending = true;
    for (struct proc_process *p = NULL; (p = vk_table_next(&kernel->processes, p));)
        proc_end(kernel, p, PROC_REASON_SHUTDOWN);
}

void proc_kernel_destroy(struct proc_kernel *kernel)
{
    if (!kernel)
        return;
    if (kernel->processes.count)
        proc_kernel_end(kernel);
    plat_runner_destroy(kernel->runner);
    vk_pool_fini(&kernel->pool);
    vk_guard_fini(&kernel->guard);
    struct vk_region region = kernel->region;
    vk_region_fini(&region);
}

/* ---- the tick -------------------------------------------------------------- */

bool proc_kernel_busy(const struct proc_kernel *kernel)
{
    return !vk_fifo_is_empty(&kernel->runnable) || !vk_fifo_is_empty(&kernel->laters);
}

uint64_t proc_kernel_next_ns(const struct proc_kernel *kernel)
{
    return proc_kernel_busy(kernel) ? 0 : vk_wheel_next_ns(&kernel->wheel);
}

static uint64_t wait_until(const struct proc_kernel *k, uint64_t wait_ns)
{
    if (wait_ns == 0 || proc_kernel_busy(k))
        return 0;
    uint64_t until = wait_ns > UINT64_MAX - k->now_ns ? UINT64_MAX : k->now_ns + wait_ns;
    uint64_t timer = vk_wheel_next_ns(&k->wheel);
    return timer < until ? timer : until;
}

static void fire_timers(struct proc_kernel *k)
{
    (void)vk_wheel_advance(&k->wheel, k->now_ns, &k->expired, PROC_TIMERS_PER_TICK);
    for (struct vk_node *node; (node = vk_list_pop(&k->expired));) {
        struct proc_timer *timer = VK_CONTAINER(node, struct proc_timer, timer.node);
        timer->fire(k, timer);
    }
}

/* It runs next: its entry is on its way while another one runs. */
static void foresee(const struct vk_link *link)
{
    if (!link)
        return;
    const uint8_t *entry = (const uint8_t *)VK_CONTAINER(link, struct proc_process, run);
    for (uint32_t off = 0; off < sizeof(struct proc_process); off += VK_CACHE_LINE_BYTES)
        __builtin_prefetch(entry + off, 1);
}

/* Only what was runnable at the start of the tick, so that a busy few never keep I/O waiting. */
static void run_queue(struct proc_kernel *k)
{
    struct vk_fifo batch = {0};
    vk_fifo_append(&batch, &k->runnable);
    uint32_t left = PROC_RUNS_MAX;
    for (struct vk_link *link; left > 0 && (link = vk_fifo_pop(&batch)); left--) {
        struct proc_process *p = VK_CONTAINER(link, struct proc_process, run);
        p->queued = false;
        foresee(vk_fifo_first(&batch));
        if (p->state == PROC_STATE_ENDING)
            proc_process_free(k, p);
        else
            proc_dispatch(k, p);
    }
    vk_fifo_append(&batch, &k->runnable);
    k->runnable = batch;
}

static void run_laters(struct proc_kernel *k)
{
    struct vk_fifo batch = {0};
    vk_fifo_append(&batch, &k->laters);
    for (struct vk_link *link; (link = vk_fifo_pop(&batch));) {
        struct proc_later *later = VK_CONTAINER(link, struct proc_later, link);
        later->queued = false;
        later->run(k, later);
    }
}

/* Two calls that put the trap aside and set it again are made good by two or three operations. */
static void rest_before_wait(struct proc_kernel *k)
{
    if (k->io->ops->has_many_calls && k->events_last > 2 && k->runner)
        plat_runner_rest(k->runner);
}

void proc_kernel_step(struct proc_kernel *kernel, uint64_t wait_ns)
{
    uint64_t now_ns;
    rest_before_wait(kernel);
    uint32_t n = kernel->io->ops->wait(kernel->io, kernel->events, PROC_EVENTS_MAX,
                                       wait_until(kernel, wait_ns), &now_ns);
    kernel->events_last = n;
    refresh_clock(kernel, now_ns);
    kernel->counters.ticks++;
    for (uint32_t i = 0; i < n; i++) {
        const struct proc_io_event *event = &kernel->events[i];
        struct proc_sink *sink = (struct proc_sink *)(uintptr_t)(event->tag & ~UINT64_C(15));
        sink->on_event(kernel, sink, (uint32_t)(event->tag & 15), event);
    }
    fire_timers(kernel);
    run_queue(kernel);
    run_laters(kernel);
}

void proc_kernel_refresh(struct proc_kernel *kernel)
{
    refresh_clock(kernel, kernel->io->ops->now(kernel->io));
}

/* ---- what services see ------------------------------------------------------- */

struct proc_io *proc_kernel_io(struct proc_kernel *kernel)
{
    return kernel->io;
}

struct vk_region *proc_kernel_region(struct proc_kernel *kernel)
{
    return &kernel->region;
}

struct vk_bufs *proc_kernel_bufs(struct proc_kernel *kernel)
{
    return &kernel->bufs;
}

uint64_t proc_now_ns(const struct proc_kernel *kernel)
{
    return kernel->now_ns;
}

const uint8_t *proc_date(const struct proc_kernel *kernel)
{
    return kernel->date;
}

enum vk_guard_kind proc_kernel_guard(const struct proc_kernel *kernel)
{
    return kernel->guard.kind;
}

void proc_timer_set(struct proc_kernel *kernel, struct proc_timer *timer, uint64_t deadline_ns)
{
    vk_wheel_set(&kernel->wheel, &timer->timer, deadline_ns);
}

void proc_timer_clear(struct proc_kernel *kernel, struct proc_timer *timer)
{
    vk_wheel_cancel(&kernel->wheel, &timer->timer);
}

void proc_later(struct proc_kernel *kernel, struct proc_later *later)
{
    if (later->queued)
        return;
    later->queued = true;
    vk_fifo_push(&kernel->laters, &later->link);
}

void proc_log(struct proc_kernel *kernel, enum proc_log_level level, struct vk_span text)
{
    if (kernel->log)
        kernel->log(kernel->log_ctx, level, text);
}

bool proc_log_again(const struct proc_kernel *kernel, uint64_t *last_ns, uint64_t each_ns)
{
    if (*last_ns != 0 && kernel->now_ns - *last_ns < each_ns)
        return false;
    *last_ns = kernel->now_ns;
    return true;
}

static void log_dropped(struct proc_kernel *k)
{
    char line[96];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "%u lines about crashes dropped: no more than %u a second are written", k->log_dropped,
               PROC_LOG_LINES_PER_S);
    k->log_dropped = 0;
    proc_log(k, PROC_LOG_WARN, vk_out_span(&out));
}

bool proc_log_is_open(const struct proc_kernel *k)
{
    return k->log && (k->logs_all || k->log_lines < PROC_LOG_LINES_PER_S ||
                      k->now_ns - k->log_window_ns >= 1000000000u);
}

bool proc_log_allowed(struct proc_kernel *k)
{
    if (k->now_ns - k->log_window_ns >= 1000000000u) {
        k->log_window_ns = k->now_ns;
        k->log_lines = 0;
        if (k->log_dropped > 0)
            log_dropped(k);
    }
    if (k->log_lines < PROC_LOG_LINES_PER_S || k->logs_all)
        return k->log_lines++, true;
    k->log_dropped++;
    return false;
}

void proc_kernel_counters(const struct proc_kernel *kernel, struct proc_counters *ret_counters)
{
    *ret_counters = kernel->counters;
    ret_counters->crashes = kernel->crash_seq;
    ret_counters->guard_switches = kernel->guard.switches;
    ret_counters->guard_grows = kernel->guard.grows;
    ret_counters->wipes = kernel->pool.wipes;
    ret_counters->wipe_bytes = kernel->pool.wipe_bytes;
    ret_counters->processes = kernel->processes.count;
    ret_counters->handles = kernel->handles.count;
    ret_counters->requests = kernel->reqs.count;
    ret_counters->buffers = kernel->bufs.in_use;
    ret_counters->slots = kernel->slotless;
    for (unsigned i = 0; i < VK_SLOT_CLASSES; i++)
        ret_counters->slots += kernel->pool.classes[i].in_use;
}
