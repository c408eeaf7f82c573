/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/faults.h"

#include "tests/faults/app.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX    64u
#define RANGES_MAX   512u
#define STACK_ROOM   (64ull << 20) /* below the stack's mapping: an access there only makes it larger */
#define SETTLE_STEPS 2000

struct world world;
static struct vkd_loaded good_code, victim_code;
static int memory_fd = -1; /* of this OS process: goes round the guard */
static struct range {
    uintptr_t from, end;
} open_ranges[RANGES_MAX]; /* writable, and no slot */
static uint32_t open_ranges_count;

static void ignore_log(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx, (void)level, (void)text;
}

bool world_load(const char *path)
{
    good_code = victim_code = (struct vkd_loaded){.seed = 1};
    return vkd_load_host(path, net_bind_host_natives, &good_code) &&
           vkd_load_host(path, net_bind_host_natives, &victim_code);
}

static uint32_t listen_anywhere(uint16_t *ret_port)
{
    const struct proc_addr any = {.family = 4, .ip = {127, 0, 0, 1}};
    struct proc_addr bound;
    uint32_t listener;
    CHECK(world.io->ops->listen(world.io, &any, false, &listener, &bound) == 0);
    *ret_port = bound.port;
    return listener;
}

static void make_kernel(void)
{
    struct world *w = &world;
    const struct proc_kernel_options options = {
        .io = w->io,
        .guard = w->guard,
        .processes_max = 256,
        .handles_max = 1024,
        .requests_max = 1024,
        .slots_max = {64, 4, 1, 1},
        .slots_warm = 4,
        .parks_max = 64,
        .service_bytes = 2 * net_server_region_bytes(CONNS_MAX) +
                         2 * net_bind_host_region_bytes(&good_code.host, CONNS_MAX),
        .log = ignore_log,
    };
    CHECK(proc_kernel_create(&options, &w->kernel) == 0);
}

static void make_code(const struct vkd_loaded *loaded, struct net_bind_hosted *hosted, uint16_t *ret_port)
{
    hosted->conns_max = CONNS_MAX;
    CHECK(net_bind_host_start(&loaded->host, world.kernel, hosted) == 0);
    CHECK(net_bind_host_listen(hosted, 0, listen_anywhere(ret_port)) == 0);
}

static void make_native(void)
{
    static const struct net_handler victim_handler = {.program = &victim_program},
                                    evil_handler = {.program = &evil_program};
    struct world *w = &world;
    const struct net_server_options options = {
        .handler = {.program = &app_program}, .env = &w->env, .conns_max = CONNS_MAX};
    CHECK(net_server_create(w->kernel, &options, &w->server) == 0);
    CHECK(net_server_create(w->kernel, &options, &w->victim_server) == 0);
    w->env.objects[w->env.count++] = net_server_gauges(w->victim_server);
    CHECK(net_server_listen(w->server, listen_anywhere(&w->port), NULL) == 0);
    CHECK(net_server_listen(w->victim_server, listen_anywhere(&w->victim_port), &victim_handler) == 0);
    CHECK(net_server_listen(w->victim_server, listen_anywhere(&w->evil_port), &evil_handler) == 0);
}

static void make_peers(void)
{
    struct world *w = &world;
    for (uint32_t i = 0; i < BYSTANDERS; i++)
        w->bystanders[i] = (struct peer){.fd = -1, .port = w->is_code_only || i % 2 ? w->code_port : w->port};
    for (uint32_t i = 0; i < VICTIMS; i++)
        w->victims[i] = (struct peer){.fd = -1, .is_victim = true};
}

void world_make(enum net_io_kind driver, enum vk_guard_kind guard, bool is_code_only)
{
    struct world *w = &world;
    const struct net_io_options options = {.no_spin = true};
    const char *why;
    open_ranges_count = 0;
    *w = (struct world){.driver = driver, .guard = guard, .is_code_only = is_code_only};
    calls_forget();
    CHECK(net_io_create(driver, &options, &w->io, &why) == 0);
    make_kernel();
    if (!is_code_only)
        make_native();
    make_code(&good_code, &w->code, &w->code_port);
    make_code(&victim_code, &w->victim_code, &w->victim_code_port);
    make_peers();
    memory_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    CHECK(memory_fd >= 0);
}

void world_step(uint64_t wait_ns)
{
    calls_in_kernel = true;
    proc_kernel_step(world.kernel, wait_ns);
    calls_in_kernel = false;
}

void world_end(void)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++)
        peer_close(&world.bystanders[i]);
    for (uint32_t i = 0; i < VICTIMS; i++)
        peer_close(&world.victims[i]);
    proc_kernel_destroy(world.kernel);
    world.io->ops->destroy(world.io);
    (void)close(memory_fd);
    world.kernel = NULL;
}

/* ---- balance ------------------------------------------------------------------ */

static uint32_t count_fds(void)
{
    uint32_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static bool is_balanced(void)
{
    struct proc_counters now;
    const struct net_io_stats *stats = net_io_stats(world.io);
    const struct proc_counters *before = &world.before;
    proc_kernel_counters(world.kernel, &now);
    return now.processes == before->processes && now.handles == before->handles &&
           now.requests == before->requests && now.buffers == before->buffers && now.slots == before->slots &&
           stats->conns_live == world.conns_before && stats->ops_live == world.ops_before;
}

void world_note(void)
{
    for (int i = 0; i < 20; i++)
        world_step(1000000);
    proc_kernel_counters(world.kernel, &world.before);
    world.conns_before = net_io_stats(world.io)->conns_live;
    world.ops_before = net_io_stats(world.io)->ops_live;
    world.fds_before = count_fds();
}

/* Whoever gave up its connection and sleeps for ever, as it may. */
static void end_stragglers(void)
{
    struct vk_entry *entry = NULL;
    while ((entry = vk_table_next(&world.kernel->processes, entry))) {
        struct proc_process *p = VK_CONTAINER(entry, struct proc_process, entry);
        if (p->program == &evil_program || p->program == &victim_program || p->program == world_victim_code())
            proc_end(world.kernel, p, PROC_REASON_SHUTDOWN);
    }
}

void world_balance(void)
{
    for (int i = 0; i < 20 && !is_balanced(); i++)
        world_step(1000000);
    end_stragglers();
    for (int i = 0; i < SETTLE_STEPS && !is_balanced(); i++)
        world_step(5000000);
    if (!is_balanced()) {
        struct proc_counters now;
        proc_kernel_counters(world.kernel, &now);
        fprintf(stderr,
                "now %u processes, %u handles, %u ops, %u buffers, %u slots, %u connections; before %u\n",
                now.processes, now.handles, now.requests, now.buffers, now.slots,
                net_io_stats(world.io)->conns_live, world.conns_before);
    }
    CHECK(is_balanced());
    CHECK(count_fds() == world.fds_before);
}

/* ---- what faults are aimed at ------------------------------------------------------- */

const struct proc_program *world_victim_code(void)
{
    return &victim_code.host.blocks[0].program.program;
}

struct proc_process *world_waiting(const struct proc_program *program)
{
    struct vk_entry *entry = NULL;
    struct proc_process *found = NULL;
    uint32_t count = 0;
    while ((entry = vk_table_next(&world.kernel->processes, entry))) {
        struct proc_process *p = VK_CONTAINER(entry, struct proc_process, entry);
        if (p->program == program && (p->slot || p->parked.cap_bytes) && faults_below(++count) == 0)
            found = p;
    }
    return found;
}

static uint8_t read_byte(const struct proc_process *p, uint32_t off)
{
    uint8_t byte;
    if (p->parked.cap_bytes)
        return p->parked.ptr[off];
    CHECK(pread(memory_fd, &byte, 1, (off_t)(uintptr_t)(p->slot->base + off)) == 1);
    return byte;
}

static void write_byte(const struct proc_process *p, uint32_t off, uint8_t byte)
{
    if (p->parked.cap_bytes)
        p->parked.ptr[off] = byte;
    else
        CHECK(pwrite(memory_fd, &byte, 1, (off_t)(uintptr_t)(p->slot->base + off)) == 1);
}

void world_flip(struct proc_process *process, uint32_t from, uint32_t end)
{
    uint32_t most = process->parked.cap_bytes ? process->parked_bytes : process->program->heap_bytes;
    end = end < most ? end : most;
    uint32_t off = from;
    for (int tries = 0; tries < 8; tries++) { /* zeros mostly mean nothing */
        off = from + faults_below(end - from);
        if (read_byte(process, off) != 0)
            break;
    }
    write_byte(process, off, (uint8_t)(read_byte(process, off) ^ 1u << faults_below(8)));
}

static bool is_slot(uintptr_t addr)
{
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++) {
        const struct vk_pool_class *class = &world.kernel->pool.classes[i];
        if (addr - (uintptr_t) class->base < (size_t) class->max * vk_pool_class_bytes(i))
            return true;
    }
    return false;
}

static void read_ranges(void)
{
    char line[512], rights[8];
    unsigned long long from, end;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    open_ranges_count = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        CHECK(sscanf(line, "%llx-%llx %7s", &from, &end, rights) == 3 && open_ranges_count < RANGES_MAX);
        bool is_stack = strstr(line, "[stack]") != NULL;
        if (rights[1] == 'w' && !is_slot((uintptr_t)from))
            open_ranges[open_ranges_count++] =
                (struct range){(uintptr_t)from - (is_stack ? STACK_ROOM : 0), (uintptr_t)end};
    }
    (void)fclose(maps);
}

static bool is_promised(uintptr_t addr)
{
    for (uint32_t i = 0; i < open_ranges_count; i++)
        if (addr >= open_ranges[i].from && addr < open_ranges[i].end)
            return false;
    return true;
}

static uintptr_t any_address(void)
{
    const struct vk_pool_class *class = &world.kernel->pool.classes[0];
    uint64_t random = (uint64_t)faults_below(UINT32_MAX) << 32 | faults_below(UINT32_MAX);
    switch (faults_below(5)) {
    case 0: /* another's heap, or its own */
    case 1:
        return (uintptr_t) class->base + random % ((size_t) class->max * VK_SLOT_CLASS0_BYTES);
    case 2:
        return (uintptr_t)random & ((1ull << 47) - 1);
    case 3: /* near nothing, or the OS kernel's half */
        return random & 1 ? (uintptr_t)random % 65536 : (uintptr_t)random | 1ull << 63;
    default: /* the verified image, which is only read */
        return (uintptr_t)victim_code.code.memory + random % victim_code.code.memory_bytes;
    }
}

uintptr_t world_wild_address(void)
{
    uintptr_t addr;
    if (open_ranges_count == 0)
        read_ranges();
    do
        addr = any_address();
    while (!is_promised(addr));
    return addr;
}
