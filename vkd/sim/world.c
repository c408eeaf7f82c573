/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/sim/watch.h"

#include "net/audit.h"
#include "proc/audit.h"
#include "vk/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MS_NS       1000000u
#define STEPS_MAX   3000000u
#define LIMIT_NS    (3000 * SECOND_NS) /* of virtual time; every deadline of the server is far below */
#define HOLD_NS     (300u * MS_NS)
#define EPOCH_S     1767225600
#define TICK_NS     2000000000u /* CPU time that a native step may take: a busy machine shall not end one */
#define STEP_NS     (10 * SECOND_NS) /* a tick at most */
#define RAW_HOST    99u              /* of its address */
#define PROBE_EVERY 16u              /* ticks between two looks at whether a closed heap is closed */

struct vkd_served vkd_served;

static struct vkd_peer peers[PEERS_MAX];

/* ---- what is told -------------------------------------------------------------------- */

static uint64_t since_begun(const struct vkd_world *w)
{
    return w->sim != NULL ? sim_now(w->sim) - w->begun_ns : 0;
}

void vkd_world_tell(struct vkd_world *w, const char *format, ...)
{
    char line[256];
    struct vkd_told *told = w->told;
    va_list arguments;
    int len = snprintf(line, sizeof line, "%12llu  ", (unsigned long long)since_begun(w));
    va_start(arguments, format);
    len += vsnprintf(line + len, sizeof line - (size_t)len - 1, format, arguments);
    va_end(arguments);
    len = len < (int)sizeof line - 2 ? len : (int)sizeof line - 2;
    line[len++] = '\n';
    for (int i = 0; i < len; i++)
        told->tales[told->tales_len++ % TALES_BYTES] = line[i];
}

void vkd_world_broken(struct vkd_world *w, const char *format, ...)
{
    struct vkd_told *told = w->told;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(told->why, sizeof told->why, format, arguments);
    va_end(arguments);
    told->now_ns = since_begun(w);
    told->is_broken = true;
    _exit(1);
}

#define MUST(w, cond, ...)                      \
    do {                                        \
        if (VK_UNLIKELY(!(cond)))               \
            vkd_world_broken((w), __VA_ARGS__); \
    } while (0)

static void on_log(void *ctx, enum proc_log_level level, struct vk_span text)
{
    struct vkd_world *w = ctx;
    (void)level;
    (void)snprintf(w->log_line, sizeof w->log_line, "%.*s", (int)text.len, (const char *)text.ptr);
    TELL(w, "log: %.*s", (int)text.len, (const char *)text.ptr);
}

/* ---- making one ------------------------------------------------------------------------- */

static void make_sim(struct vkd_world *w)
{
    struct sim_options o;
    const uint32_t *set = w->script->set;
    sim_options_default(&o, w->script->seed);
    o.ends_max = 3 * PEERS_MAX;
    o.conns_max = set[VKD_SET_descriptors];
    o.ops_max = 512;
    o.timers_max = 4 * PEERS_MAX + 2 * VKD_SCRIPT_EVENTS_MAX;
    o.socket_bytes = set[VKD_SET_socket_kib] * 1024;
    o.jump_max_ns = (uint64_t)set[VKD_SET_jump_ms] * MS_NS;
    o.wait_cost_max_ns = set[VKD_SET_wait_cost_ns];
    MUST(w, vk_region_init(&w->region, sim_region_bytes(&o)) == 0, "no memory for the network");
    int rc = sim_create(&o, &w->region, &w->sim);
    MUST(w, rc == 0, "the network cannot be made: %s", vk_err_text(rc));
    w->begun_ns = sim_now(w->sim);
    w->io = sim_io(w->sim);
}

static size_t service_bytes(const struct vkd_world *w)
{
    uint32_t conns_max = w->script->set[VKD_SET_conns];
    return w->host != NULL ? net_bind_host_region_bytes(w->host, conns_max)
                           : net_server_region_bytes(conns_max) + vkd_native_region_bytes() +
                                 net_streams_region_bytes(RAW_MAX);
}

static void make_kernel(struct vkd_world *w)
{
    const uint32_t *set = w->script->set;
    uint32_t buffers = set[VKD_SET_buffers];
    const struct proc_kernel_options options = {
        .io = w->io,
        .guard = (enum vk_guard_kind)set[VKD_SET_guard],
        .native_tick_ns = TICK_NS,
        .processes_max = set[VKD_SET_processes],
        .handles_max = set[VKD_SET_handles],
        .requests_max = set[VKD_SET_requests],
        .slots_max = {set[VKD_SET_slots], 64, 16, 2},
        .slots_warm = 1,
        .bufs_max = {buffers, buffers / 2 + 1, buffers / 4 + 1, buffers / 4 + 1, buffers / 16 + 1},
        .parks_max = set[VKD_SET_parks],
        .service_bytes = service_bytes(w),
        .wall_base_s = EPOCH_S,
        .logs_all = true,
        .log = on_log,
        .log_ctx = w,
    };
    int rc = proc_kernel_create(&options, &w->kernel);
    MUST(w, rc == 0, "the kernel cannot be made: %s", vk_err_text(rc));
}

static uint32_t listen_at(struct vkd_world *w, uint8_t host, struct proc_addr *ret_addr)
{
    const struct proc_addr addr = {.family = 4, .ip = {10, 0, 0, host}};
    uint32_t listener;
    int rc = w->io->ops->listen(w->io, &addr, host != RAW_HOST, &listener, ret_addr);
    MUST(w, rc == 0, "no listener: %s", vk_err_text(rc));
    return listener;
}

static uint32_t listen_http(struct vkd_world *w)
{
    uint32_t i = w->listeners_count++;
    return listen_at(w, (uint8_t)(1 + i), &w->addrs[i]);
}

static void make_hosted(struct vkd_world *w)
{
    w->hosted.conns_max = w->script->set[VKD_SET_conns];
    int rc = net_bind_host_start(w->host, w->kernel, &w->hosted);
    MUST(w, rc == 0, "the program cannot be started: %s", vk_err_text(rc));
    w->server = w->hosted.server;
    for (uint32_t i = 0; i < w->host->blocks_count; i++) {
        rc = net_bind_host_listen(&w->hosted, i, listen_http(w));
        MUST(w, rc == 0, "a block cannot be served: %s", vk_err_text(rc));
    }
}

/* Raw streams, and their service. */
static void make_raw(struct vkd_world *w)
{
    int rc = net_streams_create(w->kernel, RAW_MAX, &w->streams);
    if (rc == 0)
        rc = net_streams_serve(w->streams, listen_at(w, RAW_HOST, &w->raw_addr), &vkd_raw_program, NULL);
    MUST(w, rc == 0, "the raw service cannot be made: %s", vk_err_text(rc));
}

static void make_native(struct vkd_world *w)
{
    static struct proc_env env;
    env = (struct proc_env){0};
    make_raw(w);
    vkd_native_setup(w, &env);
    const struct net_server_options options = {
        .handler = {.program = &vkd_native_program, .deadline_ns = VKD_DEADLINE_NS},
        .env = &env,
        .conns_max = w->script->set[VKD_SET_conns]};
    int rc = net_server_create(w->kernel, &options, &w->server);
    if (rc == 0)
        rc = net_server_listen(w->server, listen_http(w), NULL);
    MUST(w, rc == 0, "the server cannot be made: %s", vk_err_text(rc));
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Inside of wait, where the server must not be touched: what an event does to it waits for the tick's end. */
static void on_time(void *ctx, struct sim *sim)
{
    struct vkd_world *w = ctx;
    (void)sim;
    w->is_due = true;
    w->io->ops->wake(w->io);
}

static void on_client(void *ctx, struct sim *sim)
{
    (void)sim;
    vkd_peer_connect(ctx);
}

static void at(struct vkd_world *w, uint64_t at_ns, sim_timer_fn fn, void *ctx)
{
    MUST(w, sim_at(w->sim, w->begun_ns + at_ns, fn, ctx) == 0, "more timers than the network has");
}

static void plan_client(struct vkd_world *w, const struct vkd_event *e, uint32_t asks)
{
    if (w->peers_count == PEERS_MAX)
        return;
    struct vkd_peer *p = &peers[w->peers_count];
    memset(p, 0, offsetof(struct vkd_peer, out));
    p->world = w;
    p->number = w->peers_count++;
    p->manner = (enum vkd_manner)e->what;
    sim_rand_init(&p->rand, w->script->seed << 20 ^ e->n);
    vkd_peer_plan(p, e + 1, asks);
    for (uint32_t i = 0; i < p->expects_count; i++)
        w->store_asked += p->expects[i].kind == EXPECT_STORE;
    at(w, e->at_ns, on_client, p);
}

static void plan(struct vkd_world *w)
{
    const struct vkd_script *s = w->script;
    for (uint32_t i = 0; i < s->count; i++)
        w->has_kicks |= s->events[i].kind == VKD_EVENT_ASK && s->events[i].what == VKD_ROUTE_KICK;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct vkd_event *e = &s->events[i];
        uint32_t asks = 0;
        while (i + 1 + asks < s->count && s->events[i + 1 + asks].kind == VKD_EVENT_ASK)
            asks++;
        if (e->kind == VKD_EVENT_CLIENT)
            plan_client(w, e, asks);
        else if (e->kind != VKD_EVENT_ASK)
            at(w, e->at_ns, on_time, w), w->events_left++;
    }
}

static void hold_buffers(struct vkd_world *w, uint32_t left)
{
    while (w->held_count < VK_COUNT(w->held) &&
           vk_bufs_get(proc_kernel_bufs(w->kernel), 1, &w->held[w->held_count]))
        w->held_count++;
    for (; left > 0 && w->held_count > 0; left--)
        vk_bufs_put(proc_kernel_bufs(w->kernel), &w->held[--w->held_count]);
    w->held_until_ns = since_begun(w) + HOLD_NS;
    at(w, w->held_until_ns, on_time, w);
}

static void release_buffers(struct vkd_world *w)
{
    while (w->held_count > 0)
        vk_bufs_put(proc_kernel_bufs(w->kernel), &w->held[--w->held_count]);
}

static void hold_processes(struct vkd_world *w, uint32_t left)
{
    const uint64_t ns = HOLD_NS;
    const struct proc_spawn spawn = {
        .program = &vkd_sleeper_program, .arg = &ns, .arg_len = sizeof ns, .copy_arg = true};
    struct proc_counters c;
    struct proc_process *process;
    if (w->host != NULL)
        return; /* a native process changes how heaps of bytecode are kept */
    for (proc_kernel_counters(w->kernel, &c); c.processes + left < w->script->set[VKD_SET_processes] &&
                                              proc_spawn(w->kernel, &spawn, &process) == 0;
         proc_kernel_counters(w->kernel, &c))
        proc_run_soon(w->kernel, process);
}

static void drain(struct vkd_world *w, uint32_t ms)
{
    if (w->has_drained)
        return;
    w->has_drained = true;
    net_server_drain(w->server, sim_now(w->sim) + (uint64_t)ms * MS_NS);
    /* As a worker does: whoever is on the way in is served. */
    w->unlisten_ns = since_begun(w) + NET_DRAIN_ARRIVAL_NS;
    at(w, w->unlisten_ns, on_time, w);
    if (w->streams != NULL)
        net_streams_drain(w->streams, sim_now(w->sim) + (uint64_t)ms * MS_NS);
}

static void kill_one(struct vkd_world *w, uint32_t n)
{
    struct proc_process *process = proc_process_nth(w->kernel, n);
    if (process != NULL)
        proc_end(w->kernel, process, PROC_REASON_KILLED);
}

static void happen(struct vkd_world *w, const struct vkd_event *e)
{
    struct sim_odds odds = {0};
    switch ((enum vkd_event_kind)e->kind) {
    case VKD_EVENT_HOLD:
        TELL(w, "event: hold all but %u of %s", e->n,
             e->what == VKD_SCARCE_BUFFERS ? "buffers" : "processes");
        (e->what == VKD_SCARCE_BUFFERS ? hold_buffers : hold_processes)(w, e->n);
        break;
    case VKD_EVENT_JUMP:
        TELL(w, "event: the clock jumps %u ms", e->n);
        sim_jump(w->sim, (uint64_t)e->n * MS_NS);
        break;
    case VKD_EVENT_KILL:
        TELL(w, "event: kill %u", e->n);
        kill_one(w, e->n);
        break;
    case VKD_EVENT_DRAIN:
        TELL(w, "event: drain, %u ms", e->n);
        drain(w, e->n);
        break;
    case VKD_EVENT_WEATHER:
        if (e->n != 0)
            vkd_script_odds(w->script, &odds);
        sim_set_odds(w->sim, &odds);
        break;
    default:
        break;
    }
}

static void happen_due(struct vkd_world *w)
{
    const struct vkd_script *s = w->script;
    uint64_t now_ns = since_begun(w);
    w->is_due = false;
    if (w->unlisten_ns != 0 && now_ns >= w->unlisten_ns) {
        w->unlisten_ns = 0;
        net_server_unlisten(w->server);
    }
    if (w->held_count > 0 && now_ns >= w->held_until_ns)
        release_buffers(w);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct vkd_event *e = &s->events[i];
        if (e->kind == VKD_EVENT_CLIENT || e->kind == VKD_EVENT_ASK || e->at_ns > now_ns || w->happened[i])
            continue;
        w->happened[i] = true;
        w->events_left--;
        happen(w, e);
    }
}

/* ---- what must hold --------------------------------------------------------------------------- */

/* The operating system's word on whether a heap can be read: it does what a system call of a process would.
 */
static bool is_readable(const void *heap)
{
    uint8_t byte;
    struct iovec to = {&byte, 1}, from = {(void *)(uintptr_t)heap, 1};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

static void probe(struct vkd_world *w, uint32_t i)
{
    const void *heap = proc_heap_at(w->kernel, i);
    MUST(w, heap == NULL || proc_heap_is_open(w->kernel, heap) || !is_readable(heap),
         "the heap in slot %u can be read, though it is closed", i);
}

static uint64_t ended_of(const struct proc_counters *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < PROC_REASON_END; i++)
        sum += c->ended[i];
    return sum;
}

static void check_counters(struct vkd_world *w)
{
    struct proc_counters c;
    struct net_server_counters s = {0};
    proc_kernel_counters(w->kernel, &c);
    if (w->server != NULL)
        net_server_counters(w->server, &s);
    MUST(w, c.started >= ended_of(&c), "more processes have ended than were started");
    MUST(w, c.started - ended_of(&c) <= c.processes, "processes were started that neither live nor ended");
    MUST(w, ended_of(&c) >= ended_of(&w->last) && c.started >= w->last.started, "a counter went back");
    MUST(w, s.accepted >= s.conns && s.busy <= s.conns, "connections are miscounted");
    w->last = c;
}

/* A program's own failures, where nothing else can be why. */
static void check_program(struct vkd_world *w)
{
    static const enum proc_reason own[] = {PROC_REASON_FAIL, PROC_REASON_FAULT,  PROC_REASON_CPU,
                                           PROC_REASON_OP,   PROC_REASON_MEMORY, PROC_REASON_DEADLOCK};
    if (!w->is_provided || w->script->program != VKD_PROGRAM_FILE || w->script->set[VKD_SET_failures] != 0)
        return;
    for (size_t i = 0; i < VK_COUNT(own); i++)
        MUST(w, w->last.ended[own[i]] == w->before.ended[own[i]], "a process of the program failed: %s",
             w->log_line);
    MUST(w, !interp_actors_gave_up(w->hosted.actors), "a supervisor gave up: %s", w->log_line);
}

/* Ends that no process of the programs that come with the simulator can have, whatever is short. */
static void check_reasons(struct vkd_world *w)
{
    static const enum proc_reason never[] = {PROC_REASON_OP, PROC_REASON_DEADLOCK, PROC_REASON_TIME,
                                             PROC_REASON_CPU};
    for (size_t i = 0; i < VK_COUNT(never) && w->script->program != VKD_PROGRAM_FILE; i++)
        MUST(w, w->last.ended[never[i]] == 0, "a process ended as none can: %s", w->log_line);
}

static void check_tick(struct vkd_world *w)
{
    const char *why = proc_kernel_audit(w->kernel);
    if (why == NULL && w->server != NULL)
        why = net_server_audit(w->server);
    if (why == NULL)
        why = vkd_watch_found();
    MUST(w, why == NULL, "%s", why);
    check_counters(w);
    check_program(w);
    check_reasons(w);
    if (w->host == NULL)
        MUST(w, !vkd_native_is_frantic(sim_now(w->sim)), "a supervisor restarts more often than it may");
    if (w->told->tick % PROBE_EVERY == 0)
        probe(w, (uint32_t)(w->told->tick / PROBE_EVERY) % 8);
}

static void step(struct vkd_world *w)
{
    w->told->tick++;
    proc_kernel_step(w->kernel, STEP_NS);
    if (w->is_due)
        happen_due(w);
    check_tick(w);
    if (w->told->tick == w->script->set[VKD_SET_ticks])
        drain(w, (uint32_t)(NET_DRAIN_TIMEOUT_NS / MS_NS));
    MUST(w, w->told->tick < STEPS_MAX, "the server does not come to rest");
    MUST(w, since_begun(w) < LIMIT_NS, "a connection stays longer than its deadlines");
}

static bool is_quiet(const struct vkd_world *w)
{
    for (uint32_t i = 0; i < w->peers_count; i++)
        if (!peers[i].is_over)
            return false;
    uint32_t listeners = w->listeners_count + (w->streams != NULL);
    return w->events_left == 0 && net_server_is_idle(w->server) &&
           sim_conns_open(w->sim) == (w->has_drained ? 0 : listeners);
}

static void check_peers(struct vkd_world *w)
{
    for (uint32_t i = 0; i < w->peers_count; i++) {
        const struct vkd_peer *p = &peers[i];
        vkd_peer_check(p);
        if (p->manner == VKD_MANNER_RAW)
            continue;
        for (uint32_t k = 0; k < p->expects_count; k++)
            w->told->asked += p->ends[k] <= p->out_sent;
        w->told->answered += p->answered;
    }
}

/* Everything of the kernel was given back. What the program's own processes hold is as before. */
static void check_kernel_end(struct vkd_world *w)
{
    struct proc_counters c;
    uint32_t asking = w->host != NULL ? 2 : 0; /* an actor may be in the middle of a call of its own */
    proc_kernel_counters(w->kernel, &c);
    MUST(w, c.processes <= w->before.processes, "%u processes are left over",
         c.processes - w->before.processes);
    MUST(w, c.handles <= w->before.handles, "%u handles are left over", c.handles - w->before.handles);
    MUST(w, c.requests <= w->before.requests + asking, "%u ops are left over",
         c.requests - w->before.requests);
    MUST(w, c.buffers <= w->before.buffers + asking, "%u buffers are left over",
         c.buffers - w->before.buffers);
    MUST(w, c.slots <= w->before.slots, "%u slots are left over", c.slots - w->before.slots);
    MUST(w, w->host != NULL || proc_kernel_is_at_rest(w->kernel),
         "a timer is left over, or something to run");
}

static void check_end(struct vkd_world *w)
{
    MUST(w, sim_ops_in_flight(w->sim) == 0, "%u operations of the driver are left over",
         sim_ops_in_flight(w->sim));
    MUST(w, sim_conns_open(w->sim) == 0, "%u connections are left over", sim_conns_open(w->sim));
    for (uint32_t i = 0; proc_heap_at(w->kernel, i) != NULL; i++)
        probe(w, i);
    if (w->script->program != VKD_PROGRAM_FILE) /* the processes of others may keep what they like */
        check_kernel_end(w);
}

/* ---- a run ---------------------------------------------------------------------------------------- */

static void make(struct vkd_world *w)
{
    struct sim_odds odds;
    make_sim(w);
    make_kernel(w);
    if (w->host != NULL)
        make_hosted(w);
    else
        make_native(w);
    for (uint32_t i = 0; i < 3; i++) /* what starts with the program */
        step(w);
    w->begun_ns = sim_now(w->sim);
    proc_kernel_counters(w->kernel, &w->before);
    plan(w);
    vkd_script_odds(w->script, &odds);
    sim_set_odds(w->sim, &odds);
}

static void live(struct vkd_world *w)
{
    while (!is_quiet(w))
        step(w);
    drain(w, (uint32_t)(NET_DRAIN_TIMEOUT_NS / MS_NS));
    while (!net_server_is_idle(w->server) || sim_conns_open(w->sim) > 0)
        step(w);
    release_buffers(w);
    uint64_t until_ns = sim_now(w->sim) + 2 * NET_DRAIN_TIMEOUT_NS; /* what was put off until later */
    while (sim_now(w->sim) < until_ns)
        step(w);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static bool is_stateless(const struct interp_module *module)
{
    const struct interp_services *services = interp_module_services(module);
    return services != NULL && services->actors.count == 0 && services->stores.count == 0;
}

void vkd_world_run(const struct vkd_script *script, struct vkd_told *told)
{
    static struct vkd_world world;
    struct vkd_world *w = &world;
    memset(w, 0, sizeof *w);
    w->script = script;
    w->told = told;
    w->host = script->program == VKD_PROGRAM_NATIVE ? NULL : vkd_served.host;
    w->is_provided = vkd_script_is_provided(script);
    w->is_stateless = w->host != NULL && is_stateless(&w->host->image->module);
    w->is_fair = vkd_script_is_fair(script);
    told->seed = script->seed;
    told->tick = 0;
    vkd_watch_world(w);
    make(w);
    uint64_t begun_ns = cpu_ns();
    live(w);
    told->cpu_ns += cpu_ns() - begun_ns;
    check_end(w);
    check_peers(w);
    told->trace = sim_trace(w->sim);
    told->ticks += told->tick;
    told->runs++;
    proc_kernel_destroy(w->kernel);
    w->io->ops->destroy(w->io);
    vk_region_fini(&w->region);
}
