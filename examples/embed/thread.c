/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kernel for each thread, all on one port: the system shares connections
 * out among their sockets. Usage: thread MODULE [THREADS]
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vk.h>

#define THREADS_MAX 64

struct worker {
    pthread_t thread;
    const char *path;
    int listener;
    struct vk_kernel *kernel; /* made by its thread, which alone uses it; vk_stop is for everybody */
    int status;
};

static struct worker workers[THREADS_MAX];
static pthread_barrier_t ready;

static void *work(void *arg)
{
    struct worker *w = arg;
    struct vk_module *module = NULL;
    int rc = vk_kernel_create(NULL, &w->kernel);
    if (rc == 0)
        rc = vk_module_load_file(w->kernel, w->path, NULL, &module);
    if (rc == 0)
        rc = vk_listen_fd(module, 0, w->listener);
    pthread_barrier_wait(&ready);
    if (rc == 0)
        rc = vk_run(w->kernel);
    else {
        fprintf(stderr, "%s: %s\n", w->path, vk_error_text(rc));
        close(w->listener); /* it is not the kernel's */
    }
    w->status = rc != 0;
    pthread_barrier_wait(&ready); /* nobody calls vk_stop any more */
    vk_kernel_destroy(w->kernel);
    return NULL;
}

/* One of several sockets on the same port; 0: the system chooses, and *port is set. */
static int listen_on(uint16_t *port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

static void wait_for_signal(const sigset_t *stop)
{
    int sig;
    while (sigwait(stop, &sig) != 0)
        ;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 2;
    uint16_t port = 0;
    int status = 0;
    sigset_t stop;
    if (argc < 2 || count == 0 || count > THREADS_MAX)
        return 2;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* threads inherit it: the signal is for sigwait */
    pthread_barrier_init(&ready, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.path = argv[1], .listener = listen_on(&port)};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    pthread_barrier_wait(&ready);
    printf("listening on port %u\n", port);
    fflush(stdout);
    wait_for_signal(&stop);
    for (unsigned i = 0; i < count; i++)
        if (workers[i].kernel != NULL)
            vk_stop(workers[i].kernel);
    pthread_barrier_wait(&ready);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        status |= workers[i].status;
    }
    pthread_barrier_destroy(&ready);
    return status;
}
