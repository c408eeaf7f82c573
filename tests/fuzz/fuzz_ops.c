/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever a process submits, the kernel answers it, everything is
 * given back in the end, and the client sees no more than one response or a
 * closed connection. Method: an HTTP server over the simulated network whose
 * program takes its ops and its answers from the fuzzer's input; a second
 * process, in everybody's environment, does the same. Trusted-code mode, so
 * that a memory error in the kernel is the sanitizer's to find.
 */
#include "net/server.h"
#include "net/stream.h"
#include "proc/kernel_impl.h"
#include "proc/supervise.h"
#include "sim/sim.h"

#include <assert.h>
#include <string.h>

#define TICKS_MAX    400
#define REGION_BYTES (256u << 20)

/* The input, read by whoever needs the next bytes. */
static const uint8_t *input;
static size_t input_len;

static void take(void *dst, size_t len)
{
    size_t n = len < input_len ? len : input_len;
    memset(dst, 0, len);
    memcpy(dst, input, n);
    input += n;
    input_len -= n;
}

static uint8_t take_byte(void)
{
    uint8_t byte;
    take(&byte, 1);
    return byte;
}

/* Fields small enough to be meaningful most of the time; the rest of the range now and then. */
static void take_op(struct proc_op *op)
{
    uint8_t raw[12];
    take(raw, sizeof raw);
    static const uint16_t codes[] = {
        PROC_OP_SLEEP,    PROC_OP_SERVE,  PROC_OP_CANCEL,  PROC_OP_RECV,       PROC_OP_REPLY,
        PROC_OP_SPAWN,    PROC_OP_SEND,   PROC_OP_MONITOR, PROC_OP_LINK,       PROC_OP_KILL,
        PROC_OP_CLOSE,    PROC_OP_DUP,    PROC_OP_CALL,    PROC_OP_READ,       PROC_OP_WRITE,
        PROC_OP_SHUTDOWN, PROC_OP_ACCEPT, PROC_OP_CONNECT, PROC_OP_HTTP_FRAME, PROC_OP_HTTP_RESPOND,
    };
    op->code = raw[0] < 240 ? codes[raw[0] % VK_COUNT(codes)] : (uint16_t)(raw[0] << 8 | raw[1]);
    op->flags = (uint16_t)(raw[1] & 0x1f) | (raw[1] & 0x80 ? PROC_OP_SILENT : 0);
    op->handle = raw[2] < 128 ? raw[2] & 7 : (1u << 20) * (uint32_t)(raw[2] & 3) + (raw[3] & 31);
    op->off = raw[4] < 250 ? 2048u + raw[4] * 64u : raw[4] * 0x01010101u;
    op->len = raw[5] < 250 ? raw[5] * 16u : raw[5] * 0x01010101u;
    memcpy(&op->arg, raw + 6, 4);
    if (raw[10] & 1)
        op->arg |= (uint64_t)raw[11] << 32;
    op->tag = raw[10] >> 4;
}

static int resume(const struct proc_program *fuzz, struct proc_self *self)
{
    (void)fuzz;
    uint8_t how = take_byte();
    for (uint8_t i = how & 15; i > 0; i--) {
        struct proc_op *op = proc_op_next(self);
        if (!op)
            break; /* the kernel has left some of the last run in the ring */
        take_op(op);
        /* An answer to what was really asked, now and then. */
        if (op->code == PROC_OP_REPLY && self->done_count && (op->tag & 1))
            op->arg = (uint32_t)self->done[0].arg | (op->arg & ~UINT64_C(0xffffffff));
        if (self->done_count && (op->tag & 2) && self->done[self->done_count % PROC_RING_ENTRIES].handle)
            op->handle = self->done[self->done_count % PROC_RING_ENTRIES].handle;
    }
    if (how == 0xff)
        self->ops_count = 0xffff;
    if (input_len == 0)
        return PROC_RUN_END;
    static const int answers[] = {PROC_RUN_WAIT, PROC_RUN_AGAIN, PROC_RUN_END, PROC_RUN_FAIL};
    return how >> 4 == 15 ? how : answers[how >> 4 & 3];
}

static const struct proc_program program = {.name = "fuzz", .heap_bytes = 65536, .resume = resume};

static struct proc_kernel *kernel;
static struct sim *sim;
static struct net_server *server;
static struct net_streams *streams;
static struct proc_env env;
static struct proc_addr bound;

static void start(void)
{
    static struct vk_region region;
    struct sim_options options;
    assert(vk_region_init(&region, REGION_BYTES) == 0);
    sim_options_default(&options, 1);
    assert(sim_create(&options, &region, &sim) == 0);
    struct proc_io *io = sim_io(sim);
    const struct proc_kernel_options k = {
        .io = io, .no_native = true, .slots_warm = 1, .processes_max = 64, .service_bytes = 8u << 20};
    assert(proc_kernel_create(&k, &kernel) == 0);
    const struct net_server_options s = {.handler = {.program = &program}, .env = &env, .conns_max = 16};
    assert(net_server_create(kernel, &s, &server) == 0);
    assert(net_streams_create(kernel, 64, &streams) == 0);
    const struct proc_addr addr = {.family = 4, .port = 80, .ip = {127, 0, 0, 1}};
    uint32_t listener, other;
    struct proc_addr other_bound, other_addr = addr;
    assert(io->ops->listen(io, &addr, true, &listener, &bound) == 0);
    assert(net_server_listen(server, listener, NULL) == 0);
    other_addr.port = 81;
    assert(io->ops->listen(io, &other_addr, false, &other, &other_bound) == 0);
    env.objects[0] = (struct proc_object){&proc_kind_program, (void *)(uintptr_t)&program};
    env.objects[1] = net_streams_listener(streams, other);
    env.objects[2] = net_streams_connector(streams, &other_addr);
    env.count = 4;
}

/* The peer that everybody may send to: handle 5. */
static void start_peer(void)
{
    const struct proc_spawn spawn = {.program = &program, .env = &env};
    struct proc_process *peer;
    env.objects[3] = (struct proc_object){0};
    if (proc_spawn(kernel, &spawn, &peer))
        return;
    env.objects[3] = proc_process_object(peer);
    proc_run_soon(kernel, peer);
}

static void on_client(void *ctx, struct sim *s, uint32_t client, enum sim_client_event event)
{
    (void)ctx;
    static const char request[] = "POST / HTTP/1.1\r\nHost: a\r\n\r\nsome bytes of a body";
    size_t n;
    uint8_t sink[4096];
    if (event == SIM_CLIENT_OPEN)
        (void)sim_client_send(s, client, request, sizeof request - 1, &n);
    else if (event == SIM_CLIENT_READABLE)
        while (sim_client_recv(s, client, sink, sizeof sink, &n) == 0)
            ;
}

static void check_empty(void)
{
    struct proc_counters c;
    struct net_server_counters s;
    proc_kernel_counters(kernel, &c);
    net_server_counters(server, &s);
    assert(c.processes == 0 && c.handles == 0 && c.requests == 0 && c.slots == 0 && c.buffers == 0);
    assert(kernel->messages.count == 0 && kernel->served.count == 0 && kernel->links.count == 0);
    assert(s.conns == 0 && s.busy == 0 && net_streams_open(streams) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!kernel)
        start();
    input = data;
    input_len = len;
    start_peer();
    uint32_t client;
    assert(sim_client_connect(sim, &bound, on_client, NULL, &client) == 0);
    for (int i = 0; i < TICKS_MAX; i++)
        proc_kernel_step(kernel, 1000000);
    sim_client_close(sim, client);
    input_len = 0;
    /* Whoever still waits is ended, as at a shutdown; the services must then come to rest by themselves. */
    for (struct proc_process *p = NULL; (p = vk_table_next(&kernel->processes, p));)
        proc_end(kernel, p, PROC_REASON_SHUTDOWN);
    for (int i = 0; i < TICKS_MAX; i++)
        proc_kernel_step(kernel, 10000000);
    check_empty();
    return 0;
}
