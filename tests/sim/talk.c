/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/talk.h"

#include "net/request.h"
#include "vk/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES 8192u
#define CONNS_MAX   32u

struct talk talk;

static struct vk_region region;
static struct proc_counters before;
static struct proc_env env;
static bool is_tcp;

/* ---- the program: an interpreter of the letters of talk.h ---------------------------- */

enum { STEP_ROOT, STEP_SECOND };

struct actor {
    struct proc_fiber fiber;
    uint32_t request; /* offset; 0: none */
    uint32_t piece;
    uint32_t handle;
    uint32_t pos;   /* in the script */
    uint32_t moved; /* by the ops of one letter */
    bool has_begun;
    const char *script; /* of a stream's process: in the test program's memory, which does not move */
};

/* A fiber that does one op and says how it ended. */
struct second {
    struct proc_fiber fiber;
    struct proc_op op;
};

static void log_number(char letter, int64_t n)
{
    int len = snprintf(talk.log + talk.log_len, TALK_LOG - talk.log_len, "%s%c%lld", talk.log_len ? " " : "",
                       letter, (long long)n);
    if (len > 0 && talk.log_len + (uint32_t)len < TALK_LOG)
        talk.log_len += (uint32_t)len;
}

static int64_t outcome(const struct proc_fiber *fiber)
{
    return fiber->done.res < 0 ? fiber->done.res : (int64_t)fiber->done.len;
}

static bool ask(struct proc_self *self, struct actor *a, struct proc_op op)
{
    op.handle = op.handle ? op.handle : a->handle;
    return proc_wait(self, &a->fiber, &op);
}

/* Bytes in and out, until n are moved or an end comes; once: one op. true when over. */
static bool move(struct proc_self *self, struct actor *a, char letter, uint64_t n, bool once)
{
    bool is_read = letter == 'r' || letter == 'R';
    while (a->moved < n) {
        uint32_t len = n - a->moved < PIECE_BYTES ? (uint32_t)(n - a->moved) : PIECE_BYTES;
        struct proc_op op = {.code = is_read ? PROC_OP_READ : PROC_OP_WRITE, .off = a->piece, .len = len};
        if (!is_read && letter == 'W')
            op.len = (uint32_t)(n < 40000 ? n : 40000);
        if (!ask(self, a, op))
            return false;
        if (a->fiber.done.res < 0) {
            log_number(letter, a->fiber.done.res);
            return true;
        }
        a->moved += a->fiber.done.len;
        if (once || a->fiber.done.len == 0)
            break;
    }
    log_number(letter, a->moved);
    return true;
}

static void respond(struct proc_self *self, const struct actor *a, char letter, uint64_t n)
{
    const struct net_request *request = a->request ? proc_at(self, a->request) : NULL;
    int rc;
    if (letter == 'a')
        rc = net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), VK_SPAN_LIT("ok"));
    else if (letter == 't')
        rc = net_respond_status(self, request, (uint32_t)n, 0);
    else
        rc = net_respond_begin(self, request, letter == 'g' ? (uint32_t)n : 200, VK_SPAN_LIT("a/b"),
                               letter == 'b' ? n : UINT64_MAX);
    if (rc)
        log_number(letter, rc);
}

/* RESPOND as no helper would: odd flags, no length. */
static bool respond_raw(struct proc_self *self, struct actor *a, uint64_t flags)
{
    static const char text[] = "HTTP/1.1 200 OK\r\n\r\n";
    memcpy(proc_at(self, a->piece), text, sizeof(text));
    return ask(self, a,
               (struct proc_op){.code = PROC_OP_HTTP_RESPOND,
                                .flags = (uint16_t)(flags & 0xff),
                                .off = a->piece,
                                .len = flags & 0x100   ? 0
                                       : flags & 0x200 ? 40000
                                                       : sizeof(text) - 1,
                                .arg = 5});
}

static void start_second(struct proc_self *self, const struct actor *a, char letter, uint64_t n)
{
    struct second *s = (struct second *)proc_fiber_start(self, STEP_SECOND, sizeof(struct second));
    if (!s)
        return;
    s->op = (struct proc_op){.code = letter == 'j' ? PROC_OP_READ : PROC_OP_WRITE,
                             .handle = a->handle,
                             .off = a->piece,
                             .len = (uint32_t)n};
}

static enum proc_step step_second(struct proc_self *self, struct proc_fiber *fiber)
{
    struct second *s = (struct second *)fiber;
    if (!proc_wait(self, fiber, &s->op))
        return PROC_STEP_WAIT;
    log_number(s->op.code == PROC_OP_READ ? 'j' : 'J', outcome(fiber));
    return PROC_STEP_END;
}

/* An op without bytes. true when over. */
static bool simple(struct proc_self *self, struct actor *a, char letter, uint64_t n)
{
    struct proc_op op = {0};
    switch (letter) {
    case 's':
        op.code = PROC_OP_SHUTDOWN;
        break;
    case 'K':
        op.flags = PROC_OP_SILENT;
        __attribute__((fallthrough));
    case 'k':
        op.code = PROC_OP_KILL;
        break;
    case 'c':
        op = (struct proc_op){.code = PROC_OP_CLOSE};
        break;
    case 'A':
        op = (struct proc_op){.code = PROC_OP_ACCEPT, .handle = TALK_LISTENER};
        break;
    case 'C':
        op = (struct proc_op){.code = PROC_OP_CONNECT, .handle = TALK_CONNECTS};
        break;
    case 'F':
        op = (struct proc_op){.code = PROC_OP_HTTP_FRAME, .flags = (uint16_t)n};
        break;
    default:
        op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = n * 1000000};
        if (!proc_wait(self, &a->fiber, &op))
            return false;
        return true;
    }
    if (letter == 'K') {
        struct proc_op *next = proc_op_next(self);
        op.handle = a->handle;
        *next = op; /* two letters never fill ops[] */
        return true;
    }
    if (!ask(self, a, op))
        return false;
    if ((letter == 'A' || letter == 'C') && a->fiber.done.res == 0)
        a->handle = a->fiber.done.handle;
    log_number(letter, a->fiber.done.res);
    return true;
}

/* One letter; true when it is over. */
static bool act(struct proc_self *self, struct actor *a, char letter, uint64_t n)
{
    switch (letter) {
    case 'a':
    case 't':
    case 'b':
    case 'B':
    case 'g':
        respond(self, a, letter, n);
        return true;
    case 'r':
        return move(self, a, letter, n ? n : PIECE_BYTES, true);
    case 'R':
        return move(self, a, letter, UINT64_MAX, false);
    case 'w':
        return move(self, a, letter, n, false);
    case 'W':
        return move(self, a, letter, n, true);
    case 'P':
        if (!respond_raw(self, a, n))
            return false;
        log_number(letter, a->fiber.done.res);
        return true;
    case 'j':
    case 'J':
        start_second(self, a, letter, n);
        return true;
    case 'h':
        a->handle = (uint32_t)n;
        return true;
    case 'x':
        __builtin_trap();
    default:
        return simple(self, a, letter, n);
    }
}

static const char *script_of(struct proc_self *self, const struct actor *a)
{
    if (self->arg_len == 0)
        return a->script;
    const char *head = proc_at(self, self->arg_off);
    const char *slash = memchr(head, '/', self->arg_len);
    return slash ? slash + 1 : "f";
}

static bool begin(struct proc_self *self, struct actor *a)
{
    a->has_begun = true;
    a->script = talk.script;
    a->handle = PROC_HANDLE_ORIGIN;
    if (self->arg_len && *script_of(self, a) == 'n') {
        a->pos = 1;
    } else if (self->arg_len) {
        const struct net_request *request = net_request_open(self);
        if (!request)
            return false;
        a->request = proc_off(self, request);
    }
    uint8_t *piece = proc_alloc(self, 40000);
    for (uint32_t i = 0; i < 40000; i++)
        piece[i] = (uint8_t)('0' + i % 10);
    a->piece = proc_off(self, piece);
    return true;
}

static enum proc_step step_root(struct proc_self *self, struct proc_fiber *fiber)
{
    struct actor *a = (struct actor *)fiber;
    if (!a->has_begun && !begin(self, a))
        return PROC_STEP_END;
    for (;;) {
        const char *at = script_of(self, a) + a->pos;
        char letter = *at, *end;
        if (letter == '\0' || letter == ' ')
            return PROC_STEP_END;
        if (letter == 'f')
            return PROC_STEP_FAIL;
        uint64_t n = strtoull(at + 1, &end, 10);
        if (!act(self, a, letter, n))
            return PROC_STEP_WAIT;
        a->pos += (uint32_t)(end - at);
        a->moved = 0;
    }
}

static const proc_step_fn steps[] = {step_root, step_second};
static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct actor)};

static const struct proc_program program = {.name = "talk",
                                            .heap_bytes = 65536,
                                            .prefix_bytes = VK_PAGE_BYTES,
                                            .start = proc_native_start,
                                            .resume = proc_native_resume,
                                            .context = &native};

/* ---- the world ------------------------------------------------------------------------- */

static void take_log(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx, (void)level;
    size_t len = text.len < sizeof(talk.last_line) - 1 ? text.len : sizeof(talk.last_line) - 1;
    memcpy(talk.last_line, text.ptr, len);
    talk.last_line[len] = '\0';
}

static void make_sim(const struct talk_options *options)
{
    struct sim_options o;
    sim_options_default(&o, 1);
    o.ends_max = 4 * CONNS_MAX;
    o.conns_max = CONNS_MAX;
    o.ops_max = 256;
    o.socket_bytes = options->socket_bytes ? options->socket_bytes : 65536;
    CHECK(vk_region_init(&region, sim_region_bytes(&o)) == 0);
    CHECK(sim_create(&o, &region, &talk.sim) == 0);
    talk.io = sim_io(talk.sim);
}

static void make_streams(const struct talk_options *options)
{
    const struct proc_addr any = {.family = 4, .ip = {10, 0, 0, 1}};
    uint32_t listener;
    CHECK(net_streams_create(talk.kernel, TALK_STREAMS, &talk.streams) == 0);
    CHECK(talk.io->ops->listen(talk.io, &any, false, &listener, &talk.addr) == 0);
    if (options->uses) {
        env = (struct proc_env){.count = 2};
        env.objects[0] = net_streams_listener(talk.streams, listener);
        env.objects[1] = net_streams_connector(talk.streams, &talk.addr);
        return;
    }
    CHECK(net_streams_serve(talk.streams, listener, &program, NULL) == 0);
}

void talk_begin(const struct talk_options *options)
{
    const struct proc_addr any = {.family = 4, .ip = {10, 0, 0, 1}};
    memset(&talk, 0, sizeof(talk));
    is_tcp = options->is_tcp || options->uses;
    make_sim(options);
    const struct proc_kernel_options kernel = {
        .io = talk.io,
        .guard = VK_GUARD_MPROTECT,
        .processes_max = options->processes_max ? options->processes_max : 64,
        .handles_max = 256,
        .requests_max = 256,
        .slots_max = {32},
        .slots_warm = 1,
        .service_bytes = net_server_region_bytes(CONNS_MAX) + net_streams_region_bytes(TALK_STREAMS),
        .log = take_log,
    };
    CHECK(proc_kernel_create(&kernel, &talk.kernel) == 0);
    if (is_tcp) {
        make_streams(options);
    } else {
        struct net_server_options server = options->server;
        server.handler.program = &program;
        server.conns_max = server.conns_max ? server.conns_max : CONNS_MAX - 4;
        CHECK(net_server_create(talk.kernel, &server, &talk.server) == 0);
        CHECK(talk.io->ops->listen(talk.io, &any, true, &talk.listener, &talk.addr) == 0);
        CHECK(net_server_listen(talk.server, talk.listener, NULL) == 0);
    }
    struct sim_odds odds = {.overflow = options->overflow};
    sim_set_odds(talk.sim, &odds);
    proc_kernel_counters(talk.kernel, &before);
    talk.begun_ns = sim_now(talk.sim);
}

void talk_start(const char *script)
{
    struct proc_process *process;
    const struct proc_spawn spawn = {.program = &program, .env = &env};
    talk.script = script;
    CHECK(proc_spawn(talk.kernel, &spawn, &process) == 0);
    proc_run_soon(talk.kernel, process);
    talk_pass(TALK_NS / 100);
}

void talk_pass(uint64_t ns)
{
    uint64_t end_ns = sim_now(talk.sim) + ns;
    for (uint32_t steps_count = 0; sim_now(talk.sim) < end_ns; steps_count++) {
        CHECK(steps_count < 1000000 && "time goes on");
        proc_kernel_step(talk.kernel, end_ns - sim_now(talk.sim));
    }
}

static void check_counters(void)
{
    struct proc_counters now;
    proc_kernel_counters(talk.kernel, &now);
    CHECK(now.processes == before.processes);
    CHECK(now.handles == before.handles);
    CHECK(now.requests == before.requests);
    CHECK(now.buffers == before.buffers);
    CHECK(now.slots == before.slots);
}

void talk_end(void)
{
    for (uint32_t i = 0; i < TALK_CALLERS; i++)
        if (talk.callers[i].is_used)
            talk_leave(&talk.callers[i]);
    uint64_t deadline_ns = sim_now(talk.sim) + NET_DRAIN_TIMEOUT_NS;
    talk_pass(TALK_NS / 10);
    if (is_tcp)
        net_streams_drain(talk.streams, deadline_ns);
    else
        net_server_drain(talk.server, deadline_ns);
    talk_pass(NET_DRAIN_TIMEOUT_NS + TALK_NS);
    CHECK(is_tcp || net_server_is_idle(talk.server));
    CHECK(!is_tcp || net_streams_open(talk.streams) == 0);
    CHECK(sim_conns_open(talk.sim) == 0);
    CHECK(sim_ops_in_flight(talk.sim) == 0);
    check_counters();
    proc_kernel_destroy(talk.kernel);
    talk.io->ops->destroy(talk.io);
    vk_region_fini(&region);
}

/* ---- callers ----------------------------------------------------------------------------- */

static void ended(struct caller *c, int err)
{
    if (!c->end_err)
        c->end_ns = sim_now(talk.sim);
    c->end_err = err;
}

uint32_t talk_hear(struct caller *c, uint32_t max)
{
    uint32_t taken = 0;
    while (taken < max && !c->is_gone && c->is_open) {
        size_t len, want = max - taken < 4096 ? max - taken : 4096;
        char piece[4096];
        int err = sim_client_recv(talk.sim, c->end, piece, want, &len);
        if (err) {
            if (err != -VK_EAGAIN)
                ended(c, err);
            break;
        }
        uint32_t kept = TALK_HEARD - 1 - c->len < len ? TALK_HEARD - 1 - c->len : (uint32_t)len;
        memcpy(c->heard + c->len, piece, kept);
        c->len += kept;
        c->heard[c->len] = '\0';
        c->total += len;
        taken += (uint32_t)len;
    }
    return taken;
}

static void on_event(void *ctx, struct sim *sim, uint32_t end, enum sim_client_event event)
{
    struct caller *c = ctx;
    (void)sim, (void)end;
    if (event == SIM_CLIENT_OPEN)
        c->is_open = true;
    else if (event == SIM_CLIENT_REFUSED)
        ended(c, -VK_EREFUSED);
    else if (event == SIM_CLIENT_READABLE && !c->is_deaf)
        talk_hear(c, UINT32_MAX);
}

struct caller *talk_call(void)
{
    struct caller *c = talk.callers;
    while (c->is_used)
        c++;
    CHECK(c < talk.callers + TALK_CALLERS);
    c->is_used = true;
    CHECK(sim_client_connect(talk.sim, &talk.addr, on_event, c, &c->end) == 0);
    for (uint32_t i = 0; i < 1000 && !c->is_open && !c->end_err; i++)
        proc_kernel_step(talk.kernel, TALK_NS / 1000);
    return c;
}

uint32_t talk_say_bytes(struct caller *c, const void *bytes, uint32_t len)
{
    size_t said = 0;
    if (sim_client_send(talk.sim, c->end, bytes, len, &said) != 0)
        return 0;
    return (uint32_t)said;
}

void talk_say(struct caller *c, const char *text)
{
    CHECK(talk_say_bytes(c, text, (uint32_t)strlen(text)) == strlen(text));
    talk_pass(TALK_NS / 100);
}

void talk_leave(struct caller *c)
{
    if (c->is_gone || !c->is_open)
        return;
    c->is_gone = true;
    sim_client_close(talk.sim, c->end);
}

void talk_reset(struct caller *c)
{
    c->is_gone = true;
    sim_client_reset(talk.sim, c->end);
    talk_pass(TALK_NS / 100);
}

void talk_finish(struct caller *c)
{
    sim_client_shutdown(talk.sim, c->end);
    talk_pass(TALK_NS / 100);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void cut_dates(struct caller *c)
{
    for (char *at; (at = strstr(c->heard, "Date: ")) != NULL;) {
        char *end = strstr(at, "\r\n");
        if (!end)
            return;
        memmove(at, end + 2, strlen(end + 2) + 1);
    }
}

bool talk_heard(struct caller *c, const char *wanted)
{
    cut_dates(c);
    bool same = strcmp(c->heard, wanted) == 0;
    if (!same)
        fprintf(stderr, "heard:  <%s>\nwanted: <%s>\n", c->heard, wanted);
    c->len = 0;
    c->heard[0] = '\0';
    return same;
}

bool talk_logged(const char *wanted)
{
    bool same = strcmp(talk.log, wanted) == 0;
    if (!same)
        fprintf(stderr, "log:    <%s>\nwanted: <%s>\n", talk.log, wanted);
    talk.log_len = 0;
    talk.log[0] = '\0';
    return same;
}

/* ---- running ---------------------------------------------------------------------------------- */

static const char *running;

void talk_failed(const char *where, const char *what)
{
    fprintf(stderr, "%s: %s\n  in %s; processes' log <%s>, kernel's <%s>\n", where, what, running, talk.log,
            talk.last_line);
    exit(1);
}

static uint32_t run_all(const struct talk_case *cases, const char *name)
{
    uint32_t count = 0;
    for (; cases->name; cases++) {
        if (name && strcmp(name, cases->name) != 0)
            continue;
        running = cases->name;
        cases->run();
        count++;
    }
    return count;
}

/* test_talk [NAME]: all cases, or one. */
int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    uint32_t count = run_all(talk_cases_http, name) + run_all(talk_cases_stream, name);
    printf("%u conversations\n", count);
    return count ? 0 : 2;
}
