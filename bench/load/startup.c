/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time from exec of a server to its first complete 200 answer.
 *
 *   startup PORT RUNS CPU COMMAND [ARGUMENTS...]
 *
 * Starts COMMAND on processor CPU in a session of its own, RUNS times, and
 * asks 127.0.0.1:PORT until it answers. Prints one line per run, in
 * microseconds; exit 1 when an answer did not come within 20 s.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_US   2e7
#define STOP_WAIT_US 1000000 /* after it, SIGTERM becomes SIGKILL */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static bool answers(uint16_t port)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    static const char body[] = "Hello, World!";
    char answer[4096] = "";
    size_t have = 0;
    struct timeval patience = {.tv_sec = 1};
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0) {
        ssize_t got;
        while (have < sizeof answer - 1 && (got = recv(fd, answer + have, sizeof answer - 1 - have, 0)) > 0) {
            have += (size_t)got;
            answer[have] = 0;
            if (strstr(answer, body))
                break;
        }
    }
    close(fd);
    return have > 12 && strncmp(answer, "HTTP/1.1 200", 12) == 0 && strstr(answer, body);
}

/* Niceness, inherited, counts inside a session only where sessions are scheduled as groups. */
static void own_session_first(void)
{
    setsid();
    int fd = open("/proc/self/autogroup", O_WRONLY);
    if (fd >= 0) {
        (void)!write(fd, "-20", 3); /* without the right to it the figure is only noisier */
        close(fd);
    }
}

static pid_t start(int cpu, char **command)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    own_session_first();
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execvp(command[0], command);
    _exit(127);
}

static void stop(pid_t pid)
{
    kill(-pid, SIGTERM);
    for (int waited = 0; waited < STOP_WAIT_US; waited += 1000) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            kill(-pid, SIGKILL); /* what is left of its session */
            return;
        }
        usleep(1000);
    }
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static double measure(uint16_t port, int cpu, char **command)
{
    double start_us = now_us(), us;
    pid_t pid = start(cpu, command);
    bool good;
    while (!(good = answers(port)) && now_us() - start_us < GIVE_UP_US && waitpid(pid, NULL, WNOHANG) == 0)
        usleep(20);
    us = now_us() - start_us;
    stop(pid);
    return good ? us : -1;
}

int main(int argc, char **argv)
{
    if (argc < 5 || atoi(argv[1]) <= 0) {
        fprintf(stderr, "usage: %s PORT RUNS CPU COMMAND [ARGUMENTS...]\n", argv[0]);
        return 2;
    }
    uint16_t port = (uint16_t)atoi(argv[1]);
    for (int i = 0; i < atoi(argv[2]); i++) {
        while (answers(port)) /* the one before must be gone */
            usleep(1000);
        double us = measure(port, atoi(argv[3]), argv + 4);
        if (us < 0) {
            fprintf(stderr, "startup: %s did not answer on port %u\n", argv[4], port);
            return 1;
        }
        printf("%.0f\n", us);
        fflush(stdout);
    }
    return 0;
}
