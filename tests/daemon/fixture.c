/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least server around vkd_main, for test_daemon.py: each line a client
 * sends is a command, answered by one line. The environment variable FIXTURE
 * chooses how a worker misbehaves.
 */
#include "vkd/daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW_MS 300 /* a drain of the mode "slow" */

/* "pid": who serves; "crash", "exit": an end of each kind; "fds": how many descriptors are
 * open; "limit": how many there may be. */
static void obey(const struct vkd_worker *worker, int fd, const char *line)
{
    char answer[64];
    struct rlimit limit;
    uint32_t open_count = 0;
    for (int i = 0; i < 1024; i++)
        open_count += dup2(i, i) == i ? 1 : 0;
    if (strncmp(line, "crash", 5) == 0)
        (void)raise(SIGKILL);
    if (strncmp(line, "exit", 4) == 0)
        exit(7);
    if (strncmp(line, "limit", 5) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        (void)snprintf(answer, sizeof answer, "%u\n", (uint32_t)limit.rlim_cur);
    else if (strncmp(line, "fds", 3) == 0)
        (void)snprintf(answer, sizeof answer, "%u\n", open_count);
    else
        (void)snprintf(answer, sizeof answer, "%u %d\n", worker->index, (int)getpid());
    (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
}

static void serve_one(const struct vkd_worker *worker)
{
    char line[64] = "";
    int fd = accept(worker->listen_fds[0], NULL, NULL);
    if (fd < 0)
        return;
    if (recv(fd, line, sizeof line - 1, 0) > 0)
        obey(worker, fd, line);
    (void)close(fd);
}

static bool mode_is(const char *mode)
{
    const char *set = getenv("FIXTURE");
    return set != NULL && strcmp(set, mode) == 0;
}

static int drain(void)
{
    if (mode_is("slow"))
        (void)poll(NULL, 0, SLOW_MS);
    return mode_is("fail-drain") ? 3 : 0;
}

static int serve(const struct vkd_worker *worker, void *ctx)
{
    struct pollfd polls[2] = {{.fd = worker->listen_fds[0], .events = POLLIN},
                              {.fd = worker->stop_fd, .events = POLLIN}};
    (void)ctx;
    if (mode_is("refuse"))
        return vkd_worker_refuse(worker, "this fixture refuses; choose %s", "another");
    if (mode_is("die-before-ready"))
        (void)raise(SIGKILL);
    vkd_worker_ready(worker, "poll", vk_guard_name(worker->options->guard));
    if (mode_is("die-after-ready"))
        (void)raise(SIGKILL);
    if (mode_is("deaf"))
        polls[1].fd = -1;
    for (;;) {
        (void)poll(polls, 2, -1);
        if (polls[0].revents != 0)
            serve_one(worker);
        else if (polls[1].revents != 0)
            return drain();
    }
}

int main(int argc, char **argv)
{
    static const struct vkd_service service = {
        .about = "A server that obeys one line.", .scheme = "tcp", .client_first = true, .serve = serve};
    return vkd_main(&service, argc, argv);
}
