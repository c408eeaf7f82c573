/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same service by h2o's library (its own event loop, one thread, handlers
 * in C): the fastest HTTP stack among the peers. For the benchmark only.
 *
 *   h2olib_hello PORT
 *
 * GET / and /json constant bodies; GET /big 1 MiB; POST /up the length of the
 * body, which the library has read whole; GET /wait answers after 1 ms.
 */
#define H2O_USE_LIBUV 0
#include <arpa/inet.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ACCEPTS_MAX 64 /* in a row */
#define BIG_BYTES   (1u << 20)

struct delay {
    h2o_timeout_entry_t entry;
    h2o_req_t *req;
};

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;
static h2o_timeout_t one_ms;
static char big[BIG_BYTES];

static int answer(h2o_req_t *req, h2o_iovec_t type, h2o_iovec_t body)
{
    static h2o_generator_t generator = {NULL, NULL};
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type.base, type.len);
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static int answer_text(h2o_req_t *req, h2o_iovec_t body)
{
    return answer(req, h2o_iovec_init(H2O_STRLIT("text/plain")), body);
}

static int on_hello(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    return answer_text(req, h2o_iovec_init(H2O_STRLIT("Hello, World!")));
}

static int on_json(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    return answer(req, h2o_iovec_init(H2O_STRLIT("application/json")),
                  h2o_iovec_init(H2O_STRLIT("{\"message\":\"Hello, World!\"}")));
}

static int on_big(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    return answer(req, h2o_iovec_init(H2O_STRLIT("application/octet-stream")),
                  h2o_iovec_init(big, BIG_BYTES));
}

static int on_up(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    char *text = h2o_mem_alloc_pool(&req->pool, 24);
    return answer_text(req, h2o_iovec_init(text, (size_t)snprintf(text, 24, "%zu", req->entity.len)));
}

static void on_delay_end(h2o_timeout_entry_t *entry)
{
    struct delay *delay = H2O_STRUCT_FROM_MEMBER(struct delay, entry, entry);
    (void)answer_text(delay->req, h2o_iovec_init(H2O_STRLIT("waited")));
}

/* The request may end before its time, with its connection. */
static void on_delay_dispose(void *p)
{
    struct delay *delay = p;
    if (h2o_timeout_is_linked(&delay->entry))
        h2o_timeout_unlink(&delay->entry);
}

static int on_wait(h2o_handler_t *self, h2o_req_t *req)
{
    struct delay *delay = h2o_mem_alloc_shared(&req->pool, sizeof *delay, on_delay_dispose);
    (void)self;
    *delay = (struct delay){.entry.cb = on_delay_end, .req = req};
    h2o_timeout_link(context.loop, &one_ms, &delay->entry);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    h2o_socket_t *sock;
    for (int i = 0; !err && i < ACCEPTS_MAX && (sock = h2o_evloop_socket_accept(listener)) != NULL; i++)
        h2o_accept(&accept_context, sock);
}

/* As h2o itself does: deferred accept, so that connection per request is compared fairly. */
static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 4096) != 0)
        return -1;
    return fd;
}

static void route(h2o_hostconf_t *host, const char *path, int (*on_req)(h2o_handler_t *, h2o_req_t *))
{
    h2o_create_handler(h2o_config_register_path(host, path, 0), sizeof(h2o_handler_t))->on_req = on_req;
}

static void configure(void)
{
    memset(big, 'b', sizeof big);
    h2o_config_init(&config);
    config.http1.req_timeout = 3600000;
    config.server_name = h2o_iovec_init(H2O_STRLIT("h2o"));
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    route(host, "/json", on_json);
    route(host, "/big", on_big);
    route(host, "/up", on_up);
    route(host, "/wait", on_wait);
    route(host, "/", on_hello);
    h2o_context_init(&context, h2o_evloop_create(), &config);
    h2o_timeout_init(context.loop, &one_ms, 1);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
}

int main(int argc, char **argv)
{
    int fd = argc == 2 ? listen_on((uint16_t)atoi(argv[1])) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: %s PORT (one that is free)\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    configure();
    h2o_socket_t *listener = h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
        ;
    return 0;
}
