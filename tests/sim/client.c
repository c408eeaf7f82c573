/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of tests against a server that says what it likes.
 *
 * Goal: whole replies are given as they are, whatever else came is told in a
 * sentence; nothing is left behind. Method: canned replies over a rough
 * network, so that each comes in other pieces for each seed.
 */
#include "vkd/client.h"
#include "net/bind/test.h"
#include "tests/sim/sim_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS     40u
#define LAND_OFF  16384u
#define LAND_ROOM 4096u

static const char request[] = "GET /x HTTP/1.1\r\n\r\n", head_request[] = "HEAD /x HTTP/1.1\r\n\r\n";

struct exchange {
    const char *request;
    const char *reply;
    uint32_t status;  /* 0: the request fails ... */
    const char *text; /* ... and this is why; else the body */
};

static const struct exchange exchanges[] = {
    {request, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi"},
    {request, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, ""},
    {request, "HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end"},
    {request, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", 404,
     "abcde"},
    {request, "HTTP/1.1 100 Continue\r\na: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, ""},
    {request, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, ""},
    {head_request, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 200, ""},
    {request, "", 0, "GET /x: the connection was closed without a reply"},
    {request, "HTTP/1.1 200 OK\r\na: b\r\n", 0,
     "GET /x: the connection was closed before its reply was whole"},
    {request, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", 0,
     "GET /x: the connection was closed before its reply was whole"},
    {request, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", 0,
     "GET /x: the connection was closed before its reply was whole"},
    {request, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nab", 0,
     "GET /x: the chunks of the reply's body are malformed"},
    {request, "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", 0,
     "GET /x: the reply has a transfer coding other than chunked"},
    {request, "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", 0,
     "GET /x: the reply's content-length is no number"},
    {request, "HTTP/1.0 200 OK\r\n\r\n", 0, "GET /x: what came back is no HTTP/1.1 reply"},
    {request, "HTTP/1.1 2x0 OK\r\n\r\n", 0, "GET /x: what came back is no HTTP/1.1 reply"},
    {request, "HTTP/1.1 2000\r\n\r\n", 0, "GET /x: what came back is no HTTP/1.1 reply"},
    {request, "SSH-2.0-x\r\n\r\n", 0, "GET /x: what came back is no HTTP/1.1 reply"},
};

/* One exchange in a world of its own. */
static struct {
    const struct exchange *exchange;
    uint64_t seed;
    struct proc_io *io;
    struct proc_sink server;
    uint8_t landed[LAND_ROOM];
    uint32_t landed_len;
    int res;
    bool is_done;
} now;

void test_failed(const char *where, const char *what)
{
    fprintf(stderr, "%s: %s\n  exchange %zu, seed %llu\n", where, what, (size_t)(now.exchange - exchanges),
            (unsigned long long)now.seed);
    exit(1);
}

/* ---- the server: says its words to whoever comes ------------------------------------------ */

static void submit(enum proc_io_code code, uint32_t conn, const char *text)
{
    const struct proc_io_req req = {.code = (uint8_t)code,
                                    .conn = conn,
                                    .buf = (void *)(uintptr_t)text,
                                    .len = (uint32_t)strlen(text),
                                    .tag = proc_tag(&now.server, (uint32_t)code)};
    CHECK(now.io->ops->submit(now.io, &req) == 0);
}

static void on_server(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                      const struct proc_io_event *event)
{
    (void)kernel, (void)sink;
    if (kind != PROC_IO_ACCEPT || event->res < 0)
        return;
    if (now.exchange->reply[0] != '\0')
        submit(PROC_IO_SEND, (uint32_t)event->res, now.exchange->reply);
    submit(PROC_IO_SHUTDOWN, (uint32_t)event->res, "");
}

/* ---- the process: asks once ------------------------------------------------------------------ */

static void start(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    size_t len = strlen(now.exchange->request);
    memcpy((uint8_t *)self + LAND_OFF - 1024, now.exchange->request, len);
    self->ops[0] = (struct proc_op){.code = PROC_OP_CALL,
                                    .flags = PROC_OP_LAND,
                                    .handle = 2 + NET_BIND_ENV_CLIENT,
                                    .off = LAND_OFF - 1024,
                                    .len = (uint32_t)len,
                                    .tag = 1};
}

static int resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    if (self->done_count == 0) {
        self->ops_count = 1;
        return PROC_RUN_WAIT;
    }
    CHECK(self->done[0].tag == 1);
    now.res = self->done[0].res;
    memcpy(now.landed, (uint8_t *)self + LAND_OFF, now.landed_len);
    now.is_done = true;
    return PROC_RUN_END;
}

static uint32_t land(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len)
{
    (void)program, (void)self;
    CHECK(tag == 1 && len <= LAND_ROOM);
    now.landed_len = len;
    return LAND_OFF;
}

static const struct proc_program asker = {
    .name = "asker", .heap_bytes = 65536, .start = start, .resume = resume, .land = land};

/* ---- an exchange ------------------------------------------------------------------------------- */

static void check(void)
{
    struct net_bind_reply reply = {0};
    const struct exchange *e = now.exchange;
    size_t text_len = strlen(e->text), skip = 0;
    CHECK((now.res == 0) == (e->status != 0));
    if (now.res == 0) {
        CHECK(now.landed_len >= sizeof reply);
        memcpy(&reply, now.landed, sizeof reply);
        skip = sizeof reply + reply.head_len;
    }
    CHECK(reply.status == e->status);
    CHECK(now.landed_len == skip + text_len);
    CHECK(memcmp(now.landed + skip, e->text, text_len) == 0);
}

static void run(struct proc_kernel *kernel, struct vkd_client *client)
{
    static struct proc_env env;
    struct proc_process *process;
    env = (struct proc_env){.count = NET_BIND_ENV_FREE};
    env.objects[NET_BIND_ENV_CLIENT] = vkd_client_object(client);
    const struct proc_spawn spawn = {.program = &asker, .env = &env};
    CHECK(proc_spawn(kernel, &spawn, &process) == 0);
    proc_run_soon(kernel, process);
    for (uint32_t steps = 0; !now.is_done; steps++) {
        CHECK(steps < 10000);
        proc_kernel_step(kernel, SECOND_NS);
    }
    CHECK(client->talks == 0);
    check();
}

static void run_exchange(const struct exchange *exchange, uint64_t seed)
{
    static struct vkd_client client;
    struct sim_options options;
    struct vk_region region;
    uint32_t listener;
    memset(&now, 0, sizeof now);
    now.exchange = exchange;
    now.seed = seed;
    now.server.on_event = on_server;
    sim_options_rough(&options, seed);
    CHECK(vk_region_init(&region, sim_region_bytes(&options)) == 0);
    client = (struct vkd_client){.blocks_count = 1};
    CHECK(sim_create(&options, &region, &client.sim) == 0);
    client.io = now.io = sim_io(client.sim);
    const struct proc_kernel_options kernel = {
        .io = now.io, .processes_max = 16, .slots_max = {16, 1, 1, 1}, .slots_warm = 1, .no_native = true};
    CHECK(proc_kernel_create(&kernel, &client.kernel) == 0);
    const struct proc_addr any = {.family = 4, .ip = {10, 0, 0, 1}};
    CHECK(now.io->ops->listen(now.io, &any, true, &listener, &client.addrs[0]) == 0);
    submit(PROC_IO_ACCEPT, listener, "");
    run(client.kernel, &client);
    proc_kernel_destroy(client.kernel);
    now.io->ops->destroy(now.io);
    vk_region_fini(&region);
}

int main(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (uint32_t i = 0; i < VK_COUNT(exchanges); i++)
            run_exchange(&exchanges[i], seed);
    printf("%zu exchanges, each %u times\n", VK_COUNT(exchanges), SEEDS);
    return 0;
}
