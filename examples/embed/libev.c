/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on libev with sockets of its own. It answers by itself, but for
 * what lies below /app: those requests it hands over, with their sockets, to
 * the processes of a module. Usage: libev MODULE [PORT]
 */
#define _GNU_SOURCE 1 /* accept4 */

#include <arpa/inet.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vk.h>

#define HEAD_MAX_BYTES 4096

static struct vk_module *module;

struct client {
    struct ev_io io;
    size_t len;
    char head[HEAD_MAX_BYTES + 1];
};

static void client_end(struct ev_loop *loop, struct client *client, int closes)
{
    ev_io_stop(loop, &client->io);
    if (closes)
        close(client->io.fd);
    free(client);
}

/* The module's processes answer one request of the socket, which is the kernel's from now on. */
static void hand_over(struct ev_loop *loop, struct client *client)
{
    const struct vk_attach_options options = {
        .size = sizeof options, .received = client->head, .received_bytes = client->len, .one_request = true};
    int rc = vk_attach(module, 0, client->io.fd, &options);
    client_end(loop, client, rc != 0);
}

static void answer(struct ev_loop *loop, struct client *client)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\nFrom the host.\n";
    if (send(client->io.fd, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
        perror("send");
    client_end(loop, client, 1);
}

static void on_request(struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct client *client = (struct client *)io;
    (void)revents;
    ssize_t got = recv(io->fd, client->head + client->len, HEAD_MAX_BYTES - client->len, MSG_DONTWAIT);
    if (got <= 0) {
        client_end(loop, client, 1);
        return;
    }
    client->len += (size_t)got;
    client->head[client->len] = '\0';
    if (strncmp(client->head, "GET /app/", 9) == 0)
        hand_over(loop, client);
    else if (strstr(client->head, "\r\n\r\n") != NULL || client->len == HEAD_MAX_BYTES)
        answer(loop, client);
}

static void on_client(struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct client *client = calloc(1, sizeof *client);
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
    (void)revents;
    if (client == NULL || fd < 0) {
        free(client);
        if (fd >= 0)
            close(fd);
        return;
    }
    ev_io_init(&client->io, on_request, fd, EV_READ);
    ev_io_start(loop, &client->io);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    printf("listening on port %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void on_signal(struct ev_loop *loop, struct ev_signal *signal, int revents)
{
    (void)signal, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static int serve(struct ev_loop *loop, int fd)
{
    struct ev_io listener;
    struct ev_signal term;
    if (fd < 0)
        return 1;
    ev_io_init(&listener, on_client, fd, EV_READ);
    ev_io_start(loop, &listener);
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_start(loop, &term);
    ev_run(loop, 0);
    ev_signal_stop(loop, &term);
    ev_io_stop(loop, &listener);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(0);
    const struct vk_options options = {.size = sizeof options, .ev_loop = loop};
    struct vk_kernel *kernel = NULL;
    if (argc < 2 || vk_kernel_create(&options, &kernel) != 0)
        return 2;
    int status = vk_module_load_file(kernel, argv[1], NULL, &module) != 0;
    if (status == 0)
        status = serve(loop, listen_on(argc > 2 ? (uint16_t)atoi(argv[2]) : 0));
    vk_kernel_destroy(kernel); /* before the loop that it lives on */
    ev_loop_destroy(loop);
    return status;
}
