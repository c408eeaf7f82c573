/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: sockets that the host made are served as the kernel's own, and are the
 * host's again when they cannot be.
 * Method: socket pairs and listeners of this program's.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD    "GET / HTTP/1.1\r\nHost: a\r\n"
#define REQUEST HEAD "\r\n"
#define LAST    HEAD "Connection: close\r\n\r\n"
#define BODY    "\r\n\r\nHello from a process.\n"

static const enum vk_driver drivers[] = {VK_DRIVER_AUTO, VK_DRIVER_URING, VK_DRIVER_EV};
#define DRIVERS (sizeof drivers / sizeof *drivers)

static struct vk_module *make(enum vk_driver driver, uint32_t conns_max, struct vk_kernel **ret_kernel)
{
    const struct vk_options options = {
        .size = sizeof options, .driver = driver, .warm_max = 1, .conns_max = conns_max};
    struct host_file file = host_read(EMBED_SERVED);
    struct vk_module *module = NULL;
    CHECK_EQ(vk_kernel_create(&options, ret_kernel), 0);
    CHECK_EQ(vk_module_load(*ret_kernel, file.bytes, file.len, NULL, &module), 0);
    free(file.bytes);
    return module;
}

static void receive_all(struct vk_kernel *kernel, int fd, char text[HOST_REPLY_MAX])
{
    size_t len = 0, got;
    while ((got = host_receive(kernel, fd, text + len, HOST_REPLY_MAX - 1 - len)) > 0)
        len += got;
    text[len] = '\0';
}

static uint32_t count(const char *text, const char *part)
{
    uint32_t found = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        found++;
    return found;
}

TEST(embed_listen, a_socket_of_the_hosts_is_served_to_its_end)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        char text[HOST_REPLY_MAX];
        int ends[2];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 0, &kernel);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        CHECK_EQ(vk_attach(module, 0, ends[0], NULL), 0);
        host_send(ends[1], REQUEST REQUEST LAST);
        receive_all(kernel, ends[1], text);
        CHECK_EQ(count(text, BODY), 3u);
        (void)close(ends[1]);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_listen, what_the_host_has_read_belongs_to_the_request)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        char text[HOST_REPLY_MAX];
        int ends[2];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 0, &kernel);
        const struct vk_attach_options options = {
            .size = sizeof options, .received = HEAD, .received_bytes = sizeof HEAD - 1, .one_request = true};
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        CHECK_EQ(vk_attach(module, 0, ends[0], &options), 0);
        vk_step(kernel, 0);
        host_send(ends[1], "\r\n" REQUEST);
        receive_all(kernel, ends[1], text);
        CHECK_EQ(count(text, BODY), 1u); /* one, though two were sent */
        CHECK_EQ(count(text, "Connection: close\r\n"), 1u);
        (void)close(ends[1]);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_listen, a_socket_that_is_refused_stays_the_hosts)
{
    int ends[2], more[2];
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = make(VK_DRIVER_AUTO, 1, &kernel);
    static const char long_head[16385];
    const struct vk_attach_options options = {
        .size = sizeof options, .received = long_head, .received_bytes = sizeof long_head};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, more), 0);
    CHECK_EQ(vk_attach(module, 1, ends[0], NULL), -VK_ENOENT);
    CHECK_EQ(vk_attach(module, 0, ends[0], &options), -VK_ETOOBIG);
    CHECK_EQ(vk_attach(module, 0, ends[0], NULL), 0);
    CHECK_EQ(vk_attach(module, 0, more[0], NULL), -VK_ENOSPC);
    CHECK_EQ(vk_attach(module, 0, -1, NULL), -VK_EINVAL);
    vk_step(kernel, 0);
    CHECK_EQ(send(more[0], "x", 1, MSG_NOSIGNAL), 1);
    vk_kernel_destroy(kernel);
    CHECK_EQ(send(more[0], "x", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(send(ends[1], "x", 1, MSG_NOSIGNAL), -1); /* that one was closed with the kernel */
}

static int listener(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (const struct sockaddr *)&any, sizeof any), 0);
    CHECK_EQ(listen(fd, 16), 0);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in bound;
    socklen_t len = sizeof bound;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    return ntohs(bound.sin_port);
}

TEST(embed_listen, what_is_no_stream_socket_is_refused)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        int pipes[2], packets[2], fds[6];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 0, &kernel);
        CHECK_EQ(pipe(pipes), 0);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets), 0);
        fds[0] = pipes[0];
        fds[1] = pipes[1];
        fds[2] = packets[0];
        fds[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
        fds[4] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        fds[5] = listener();
        for (uint32_t k = 0; k < 6; k++) {
            CHECK_EQ(vk_attach(module, 0, fds[k], NULL), -VK_EINVAL);
            CHECK(k == 5 || vk_listen_fd(module, 0, fds[k]) == -VK_EINVAL);
        }
        vk_kernel_destroy(kernel);
        for (uint32_t k = 0; k < 6; k++)
            CHECK_EQ(close(fds[k]), 0); /* they were the host's all the time */
        CHECK_EQ(close(packets[1]), 0);
    }
}

static bool blocks(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(embed_listen, a_socket_that_is_refused_is_as_it_was)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        int ends[2], more[2];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 1, &kernel);
        int fd = listener();
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, more), 0);
        CHECK_EQ(vk_attach(module, 0, ends[0], NULL), 0);
        CHECK_EQ(vk_attach(module, 0, more[0], NULL), -VK_ENOSPC);
        CHECK(blocks(more[0]));
        CHECK_EQ(fcntl(more[0], F_SETFL, O_NONBLOCK), 0);
        CHECK_EQ(vk_attach(module, 0, more[0], NULL), -VK_ENOSPC);
        CHECK(!blocks(more[0]));
        for (uint32_t k = 0; k < 8; k++)
            CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), 0);
        CHECK_EQ(vk_listen_fd(module, 0, fd), -VK_ENOSPC);
        CHECK(blocks(fd));
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_listen, a_listener_of_the_hosts_serves)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        char text[HOST_REPLY_MAX];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 0, &kernel);
        int fd = listener();
        CHECK_EQ(vk_listen_fd(module, 0, fd), 0);
        host_fetch(kernel, port_of(fd), LAST, text);
        CHECK_EQ(count(text, BODY), 1u);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_listen, bad_addresses_and_too_many_listeners_are_refused)
{
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = make(VK_DRIVER_AUTO, 0, &kernel);
    uint16_t port = 7;
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(vk_listen(module, 1, "127.0.0.1:0", &port), -VK_ENOENT);
    CHECK_EQ(vk_listen(module, 0, "localhost:80", &port), -VK_EMALFORMED);
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:99999", &port), -VK_ERANGE);
    CHECK_EQ(vk_listen_fd(module, 0, ends[0]), -VK_EINVAL);
    CHECK_EQ(port, 7);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(vk_listen(module, 0, i % 2 ? "[::1]:0" : NULL, NULL), 0);
    uint32_t before = host_descriptors();
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), -VK_ENOSPC);
    vk_step(kernel, 0);
    CHECK_EQ(host_descriptors(), before);
    vk_kernel_destroy(kernel);
    CHECK_EQ(send(ends[0], "x", 1, MSG_NOSIGNAL), 1);
}

/* One client is all that it takes; another one waits until he has gone. */
TEST(embed_listen, a_listener_may_come_while_accepting_pauses)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        char text[HOST_REPLY_MAX];
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = make(drivers[i], 1, &kernel);
        int fd = listener();
        uint16_t first = 0, second = 0;
        CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", &first), 0);
        int client = host_connect(first);
        host_send(client, REQUEST);
        CHECK(host_receive(kernel, client, text, sizeof text) > 0);
        vk_step(kernel, 0);
        CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", &second), 0);
        CHECK_EQ(vk_listen_fd(module, 0, fd), 0);
        (void)close(client);
        host_fetch(kernel, second, LAST, text);
        CHECK_EQ(count(text, BODY), 1u);
        host_fetch(kernel, port_of(fd), LAST, text);
        CHECK_EQ(count(text, BODY), 1u);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_listen, a_kernel_that_has_closed_its_listeners_takes_no_more)
{
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = make(VK_DRIVER_AUTO, 0, &kernel);
    int fd = listener();
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), 0);
    CHECK_EQ(vk_drain(kernel, 1000000), 0);
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), -VK_ECANCELED); /* from the first moment on */
    CHECK_EQ(vk_listen_fd(module, 0, fd), -VK_ECANCELED);
    CHECK_EQ(vk_run(kernel), 0);
    vk_step(kernel, 0); /* the descriptor goes */
    uint32_t before = host_descriptors();
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), -VK_ECANCELED);
    CHECK_EQ(vk_listen_fd(module, 0, fd), -VK_ECANCELED);
    vk_step(kernel, 0);
    CHECK_EQ(host_descriptors(), before);
    CHECK(vk_is_drained(kernel));
    vk_kernel_destroy(kernel);
    CHECK_EQ(close(fd), 0);
}
