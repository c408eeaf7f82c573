/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/trial.h"

#include "net/bind/test.h"
#include "proc/service.h"
#include "vkd/client.h"

#include <stdlib.h>
#include <string.h>

#define CONNS_MAX (VKD_TRIAL_REQUESTS_MAX + 100) /* some are closing still */

/* A test while it runs. */
struct run {
    const struct vkd_trial *trial;
    struct vkd_outcome *outcome;
    struct vk_region region; /* of the simulation */
    struct sim *sim;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_bind_hosted hosted;
    struct vkd_client client;
    struct interp_program program; /* of the test's process */
    bool is_over;
};

#define TABLES_MAX 16u

const struct interp_native *const *vkd_trial_natives(void)
{
    static const struct interp_native *tables[TABLES_MAX];
    uint32_t count = 0;
    for (; net_bind_host_natives[count] != NULL; count++)
        tables[count] = net_bind_host_natives[count];
    vk_assert(count + 2 <= TABLES_MAX);
    tables[count++] = net_bind_test_natives;
    tables[count] = NULL;
    return tables;
}

/* ---- lines of the log --------------------------------------------------------- */

/* "process 7 (test): text": the name and the text; false for lines of another form. */
static bool divide(struct vk_span line, struct vk_span *ret_name, struct vk_span *ret_text)
{
    size_t at = 8;
    if (!vk_span_starts_with(line, VK_SPAN_LIT("process ")))
        return false;
    while (at < line.len && line.ptr[at] >= '0' && line.ptr[at] <= '9')
        at++;
    if (!vk_span_starts_with(vk_span_skip(line, at), VK_SPAN_LIT(" (")))
        return false;
    size_t first = at + 2;
    for (at = first; at + 2 < line.len; at++)
        if (memcmp(line.ptr + at, "): ", 3) == 0) {
            *ret_name = vk_span(line.ptr + first, at - first);
            *ret_text = vk_span_skip(line, at + 3);
            return true;
        }
    return false;
}

static void on_log(void *ctx, enum proc_log_level level, struct vk_span line)
{
    const struct vkd_trial *trial = ctx;
    struct vk_span name = {0}, text = line;
    if (trial->log == NULL)
        return;
    if (level != PROC_LOG_INFO || !divide(line, &name, &text))
        name = vk_span("", 0);
    trial->log(trial->log_ctx, name, text);
}

/* ---- the process -------------------------------------------------------------------- */

static void on_end(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    struct run *r = object;
    (void)kernel;
    r->is_over = true;
    r->outcome->reason = proc_end_reason(process);
    r->outcome->verdict = r->outcome->reason == PROC_REASON_NORMAL ? VKD_VERDICT_PASSED : VKD_VERDICT_FAILED;
}

static const struct proc_kind kind_trial = {.name = "test", .release = on_end};

static int start(struct run *r, uint32_t function)
{
    const struct vkd_trial *trial = r->trial;
    struct proc_process *process;
    interp_program_init(&r->program, VKD_TRIAL_NAME, trial->host->image, function, trial->heap_bytes,
                        trial->reductions);
    const struct proc_spawn spawn = {
        .program = &r->program.program, .origin = {&kind_trial, r}, .env = &r->hosted.env};
    int rc = proc_spawn(r->kernel, &spawn, &process);
    if (rc == 0)
        proc_run_soon(r->kernel, process);
    return rc;
}

/*
 * Whether it is over, though the test's process may not have ended. Its time
 * is looked at from here: a timer of its own would always be there to wait for.
 */
static bool is_lost(struct run *r, uint32_t steps)
{
    if (proc_now_ns(r->kernel) > VKD_TRIAL_TIME_MAX_NS)
        r->outcome->verdict = VKD_VERDICT_LATE;
    else if (r->is_over)
        return false;
    else if (sim_counters(r->sim)->stuck > 0)
        r->outcome->verdict = VKD_VERDICT_STUCK;
    else if (interp_actors_gave_up(r->hosted.actors))
        r->outcome->verdict = VKD_VERDICT_GAVE_UP;
    else if (steps == VKD_TRIAL_STEPS_MAX)
        r->outcome->verdict = VKD_VERDICT_ENDLESS;
    else
        return false;
    return true;
}

static void finish(struct run *r)
{
    uint32_t steps = 0;
    do
        proc_kernel_step(r->kernel, UINT64_MAX);
    while (!is_lost(r, ++steps) && !r->is_over);
}

/* ---- its world ------------------------------------------------------------------------ */

static int make_sim(struct run *r)
{
    struct sim_options options;
    sim_options_default(&options, r->trial->seed);
    options.ends_max = 2 * CONNS_MAX;
    options.conns_max = CONNS_MAX;
    options.ops_max = 4 * CONNS_MAX;
    options.backlog_max = CONNS_MAX;
    options.odds.reorder = 3000;
    int rc = vk_region_init(&r->region, sim_region_bytes(&options));
    if (rc == 0)
        rc = sim_create(&options, &r->region, &r->sim);
    if (rc == 0)
        r->io = sim_io(r->sim);
    return rc;
}

static int make_kernel(struct run *r)
{
    uint32_t processes_max = r->trial->processes_max ? r->trial->processes_max : VKD_TRIAL_PROCESSES_MAX;
    const struct proc_kernel_options options = {
        .io = r->io,
        .native_tick_ns = r->trial->native_tick_ns,
        .processes_max = processes_max,
        .handles_max = 4 * processes_max,
        .requests_max = 4 * processes_max,
        .slots_max = {processes_max}, /* larger heaps: as many as where a program serves */
        .slots_warm = 1,
        .service_bytes = net_bind_host_region_bytes(r->trial->host, 0),
        .wall_base_s = VKD_TRIAL_EPOCH_S - 1, /* the simulation begins at one second */
        .logs_all = true,
        .log = on_log,
        .log_ctx = (void *)(uintptr_t)r->trial,
    };
    return proc_kernel_create(&options, &r->kernel);
}

static uint16_t port_of(const struct net_bind_block *block)
{
    const char *colon = block->address != NULL ? strrchr(block->address, ':') : NULL;
    return (uint16_t)(colon != NULL ? strtoul(colon + 1, NULL, 10) : block->block->port);
}

/* Each block at an address of its own: only the port is what the program says. */
static int listen_at(struct run *r, uint32_t block)
{
    const struct proc_addr addr = {.family = 4, .ip = {10, 0, 0, (uint8_t)(1 + block)}};
    uint32_t listener;
    int rc = r->io->ops->listen(r->io, &addr, true, &listener, &r->client.addrs[block]);
    r->client.ports[block] = port_of(&r->trial->host->blocks[block]);
    return rc ? rc : net_bind_host_listen(&r->hosted, block, listener);
}

static int make_service(struct run *r)
{
    int rc = net_bind_host_start(r->trial->host, r->kernel, &r->hosted);
    r->client = (struct vkd_client){
        .sim = r->sim, .io = r->io, .kernel = r->kernel, .blocks_count = r->trial->host->blocks_count};
    r->hosted.env.objects[NET_BIND_ENV_CLIENT] = vkd_client_object(&r->client);
    for (uint32_t i = 0; i < r->trial->host->blocks_count && rc == 0; i++)
        rc = listen_at(r, i);
    return rc;
}

void vkd_trial_run(const struct vkd_trial *trial, uint32_t function, struct vkd_outcome *ret_outcome)
{
    struct run r = {.trial = trial, .outcome = ret_outcome};
    *ret_outcome = (struct vkd_outcome){.verdict = VKD_VERDICT_REFUSED};
    int rc = make_sim(&r);
    if (rc == 0)
        rc = make_kernel(&r);
    if (rc == 0)
        rc = make_service(&r);
    if (rc == 0)
        rc = start(&r, function);
    if (rc == 0)
        finish(&r);
    ret_outcome->error = rc;
    if (r.sim != NULL)
        ret_outcome->trace = sim_trace(r.sim);
    const struct vkd_outcome outcome = *ret_outcome; /* what ends with the kernel says nothing of the test */
    proc_kernel_destroy(r.kernel);
    *ret_outcome = outcome;
    if (r.io != NULL)
        r.io->ops->destroy(r.io);
    vk_region_fini(&r.region);
}
