/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/embed/host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP_NS   1000000u
#define STEPS_MAX 10000u

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

struct host_file host_read(const char *path)
{
    struct host_file file = {.bytes = malloc(HOST_FILE_MAX)};
    FILE *from = fopen(path, "rb");
    if (from == NULL || file.bytes == NULL)
        give_up(path);
    file.len = fread(file.bytes, 1, HOST_FILE_MAX, from);
    (void)fclose(from);
    return file;
}

int host_connect(uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        give_up("cannot connect");
    return fd;
}

void host_send(int fd, const char *text)
{
    size_t len = strlen(text);
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        give_up("cannot send");
}

size_t host_receive(struct vk_kernel *kernel, int fd, char *text, size_t room)
{
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 0) == 1) {
            ssize_t got = recv(fd, text, room, 0);
            return got > 0 ? (size_t)got : 0;
        }
        vk_step(kernel, STEP_NS);
    }
    give_up("nothing came");
}

void host_fetch(struct vk_kernel *kernel, uint16_t port, const char *request, char text[HOST_REPLY_MAX])
{
    int fd = host_connect(port);
    size_t len = 0, got;
    host_send(fd, request);
    while (len < HOST_REPLY_MAX - 1 &&
           (got = host_receive(kernel, fd, text + len, HOST_REPLY_MAX - 1 - len)) > 0)
        len += got;
    text[len] = '\0';
    (void)close(fd);
}

uint32_t host_descriptors(void)
{
    uint32_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        give_up("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count - 3; /* ".", "..", and the folder's own */
}
