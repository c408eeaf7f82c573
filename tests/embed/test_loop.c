/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever loop lets a kernel run, requests are answered, timers fire,
 * and nothing spins or sleeps too long.
 * Method: loops that wait for what the kernel says, and count their turns.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <ev.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST   "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define LATER     "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define TURNS_MAX 200u
#define NAP_MS    100

static const enum vk_driver drivers[] = {VK_DRIVER_AUTO, VK_DRIVER_URING, VK_DRIVER_EV};
#define DRIVERS (sizeof drivers / sizeof *drivers)

static uint16_t serve(const struct vk_options *options, struct vk_kernel **ret_kernel)
{
    struct host_file file = host_read(EMBED_SERVED);
    struct vk_module *module = NULL;
    uint16_t port = 0;
    CHECK_EQ(vk_kernel_create(options, ret_kernel), 0);
    CHECK_EQ(vk_module_load(*ret_kernel, file.bytes, file.len, NULL, &module), 0);
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", &port), 0);
    free(file.bytes);
    return port;
}

/* ---- by descriptor ---- */

static int milliseconds(uint64_t ns)
{
    return ns == UINT64_MAX ? 10000 : (int)((ns + 999999) / 1000000);
}

/* As a host's own loop would; it ends when the client has an answer. The turns that took. */
static uint32_t run_by_poll(struct vk_kernel *kernel, int client)
{
    for (uint32_t turns = 1;; turns++) {
        struct pollfd fds[] = {{.fd = vk_fd(kernel), .events = POLLIN}, {.fd = client, .events = POLLIN}};
        int ready = poll(fds, 2, milliseconds(vk_timeout_ns(kernel)));
        CHECK(ready >= 0);
        CHECK(turns < TURNS_MAX);
        if (fds[1].revents)
            return turns;
        vk_step(kernel, 0);
    }
}

static void expect_answer(int client)
{
    char text[4096];
    ssize_t got = recv(client, text, sizeof text, 0);
    CHECK(got > 17 && strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    (void)close(client);
}

TEST(embed_loop, a_poll_loop_serves_by_the_descriptor)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        const struct vk_options options = {.size = sizeof options, .driver = drivers[i], .warm_max = 1};
        struct vk_kernel *kernel = NULL;
        uint16_t port = serve(&options, &kernel);
        for (uint32_t k = 0; k < 10; k++) {
            int client = host_connect(port);
            host_send(client, REQUEST);
            CHECK(run_by_poll(kernel, client) < 20);
            expect_answer(client);
        }
        vk_kernel_destroy(kernel);
    }
}

/* Somebody else, who asks three times while the kernel's loop sleeps. The process. */
static pid_t ask_from_outside(uint16_t port)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    const struct timeval patience = {.tv_sec = 5};
    int client = host_connect(port), failed = 0;
    CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    for (int i = 0; i < 3; i++) {
        char text[4096];
        (void)poll(NULL, 0, NAP_MS);
        host_send(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        ssize_t got = recv(client, text, sizeof text, 0);
        failed |= got <= 17 || strncmp(text, "HTTP/1.1 200 OK\r\n", 17) != 0;
    }
    _exit(failed);
}

TEST(embed_loop, a_poll_that_sleeps_is_woken_by_what_comes)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        const struct vk_options options = {.size = sizeof options, .driver = drivers[i], .warm_max = 1};
        struct vk_kernel *kernel = NULL;
        pid_t pid = ask_from_outside(serve(&options, &kernel));
        int status = -1;
        while (waitpid(pid, &status, WNOHANG) == 0) {
            struct pollfd fd = {.fd = vk_fd(kernel), .events = POLLIN};
            (void)poll(&fd, 1, milliseconds(vk_timeout_ns(kernel)));
            vk_step(kernel, 0);
        }
        CHECK_EQ(status, 0);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_loop, a_poll_loop_wakes_for_a_timer_and_not_before)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        const struct vk_options options = {.size = sizeof options, .driver = drivers[i], .warm_max = 1};
        struct vk_kernel *kernel = NULL;
        uint16_t port = serve(&options, &kernel);
        int client = host_connect(port);
        host_send(client, LATER);
        CHECK(run_by_poll(kernel, client) < 40);
        expect_answer(client);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_loop, nothing_is_due_in_a_kernel_at_rest)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        const struct vk_options options = {.size = sizeof options, .driver = drivers[i], .warm_max = 1};
        struct vk_kernel *kernel = NULL;
        (void)serve(&options, &kernel);
        vk_step(kernel, 0);
        CHECK(vk_timeout_ns(kernel) > 0);
        struct pollfd fd = {.fd = vk_fd(kernel), .events = POLLIN};
        CHECK(fd.fd >= 0);
        CHECK_EQ(fd.fd, vk_fd(kernel));
        CHECK_EQ(poll(&fd, 1, 20), 0);
        vk_kernel_destroy(kernel);
    }
}

/* ---- on a libev loop ---- */

struct client {
    struct ev_io io;
    char text[4096];
};

static void on_answer(struct ev_loop *loop, struct ev_io *io, int revents)
{
    (void)revents;
    ev_io_stop(loop, io);
    ev_break(loop, EVBREAK_ALL);
}

static void give_up(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)timer, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void ask_on(struct ev_loop *loop, uint16_t port, const char *request)
{
    struct ev_io io;
    struct ev_timer timer;
    int client = host_connect(port);
    host_send(client, request);
    ev_io_init(&io, on_answer, client, EV_READ);
    ev_io_start(loop, &io);
    ev_timer_init(&timer, give_up, 10, 0);
    ev_timer_start(loop, &timer);
    unsigned before = ev_iteration(loop);
    ev_run(loop, 0);
    ev_timer_stop(loop, &timer);
    CHECK(ev_iteration(loop) - before < TURNS_MAX);
    expect_answer(client);
}

TEST(embed_loop, a_loop_of_the_hosts_serves)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        struct ev_loop *loop = ev_loop_new(0);
        const struct vk_options options = {
            .size = sizeof options, .driver = drivers[i], .warm_max = 1, .ev_loop = loop};
        struct vk_kernel *kernel = NULL;
        uint16_t port = serve(&options, &kernel);
        CHECK(strcmp(vk_kernel_driver(kernel), drivers[i] == VK_DRIVER_URING ? "uring" : "ev") == 0);
        for (uint32_t k = 0; k < 10; k++)
            ask_on(loop, port, REQUEST);
        ask_on(loop, port, LATER);
        CHECK_EQ(vk_run(kernel), -VK_EINVAL);
        vk_kernel_destroy(kernel);
        CHECK_EQ(ev_run(loop, EVRUN_NOWAIT), 0); /* nothing of the kernel's is left in it */
        ev_loop_destroy(loop);
    }
}

/* ---- begun between two turns of it ---- */

static struct vk_kernel *late;
static struct vk_module *late_module;
static int late_end; /* of a socket pair, for the kernel */
static uint32_t answers;

static void on_value(void *context, const struct vk_answer *answer)
{
    (void)context;
    answers += answer->error == 0 && answer->value.type == VK_TYPE_INT && answer->value.as.i == 42;
}

static void call_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    const struct vk_value args[] = {vk_int(40), vk_int(2)};
    struct vk_function *add = NULL;
    (void)loop, (void)timer, (void)revents;
    CHECK_EQ(vk_function_find(late_module, "add", NULL, &add), 0);
    CHECK_EQ(vk_call(add, args, 2, on_value, NULL, NULL), 0);
}

static void attach_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    const struct vk_attach_options options = {.size = sizeof options, .one_request = true};
    (void)loop, (void)timer, (void)revents;
    CHECK_EQ(vk_attach(late_module, 0, late_end, &options), 0);
}

static void listen_and_drain_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    CHECK_EQ(vk_listen(late_module, 0, "127.0.0.1:0", NULL), 0);
    CHECK_EQ(vk_drain(late, 1000000), 0);
}

/* From its callback on, only the kernel keeps the loop running, and only while it has something to do. */
static void run_late(const char *path, enum vk_driver driver,
                     void (*fn)(struct ev_loop *, struct ev_timer *, int))
{
    struct ev_loop *loop = ev_loop_new(0);
    const struct vk_options options = {
        .size = sizeof options, .driver = driver, .warm_max = 1, .ev_loop = loop};
    struct host_file file = host_read(path);
    struct ev_timer timer, guard;
    CHECK_EQ(vk_kernel_create(&options, &late), 0);
    CHECK_EQ(vk_module_load(late, file.bytes, file.len, NULL, &late_module), 0);
    ev_timer_init(&timer, fn, 0.01, 0);
    ev_timer_start(loop, &timer);
    ev_timer_init(&guard, give_up, 10, 0);
    ev_timer_start(loop, &guard);
    ev_unref(loop);
    ev_run(loop, 0);
    CHECK(ev_is_active(&guard)); /* it ended by itself */
    ev_ref(loop);
    ev_timer_stop(loop, &guard);
    CHECK(vk_is_drained(late));
    vk_kernel_destroy(late);
    CHECK_EQ(ev_run(loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(loop);
    free(file.bytes);
}

TEST(embed_loop, what_a_callback_of_the_hosts_begins_is_done_before_the_loop_ends)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        int ends[2];
        answers = 0;
        run_late(EMBED_FUNCTIONS, drivers[i], call_late);
        CHECK_EQ(answers, 1u);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        late_end = ends[0];
        host_send(ends[1], REQUEST);
        run_late(EMBED_SERVED, drivers[i], attach_late);
        expect_answer(ends[1]);
    }
}

TEST(embed_loop, a_kernel_that_has_drained_lets_the_loop_end)
{
    for (size_t i = 0; i < DRIVERS; i++)
        run_late(EMBED_SERVED, drivers[i], listen_and_drain_late);
}

/* ---- its own ---- */

static void *stop_soon(void *kernel)
{
    (void)usleep(20000);
    vk_stop(kernel);
    return NULL;
}

TEST(embed_loop, its_own_loop_runs_until_another_thread_stops_it)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        const struct vk_options options = {.size = sizeof options, .driver = drivers[i], .warm_max = 1};
        struct vk_kernel *kernel = NULL;
        pthread_t thread;
        uint16_t port = serve(&options, &kernel);
        int client = host_connect(port);
        host_send(client, REQUEST);
        CHECK_EQ(pthread_create(&thread, NULL, stop_soon, kernel), 0);
        CHECK_EQ(vk_run(kernel), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        expect_answer(client);
        vk_stop(kernel); /* before the next run: that returns at once */
        CHECK_EQ(vk_run(kernel), 0);
        vk_kernel_destroy(kernel);
    }
}
