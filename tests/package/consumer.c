/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host as small as can be, of the installed header and library alone, in
 * what C99 and C++ have in common: it serves a module and is its own client.
 *
 * Usage: consumer MODULE, or with WITH_COMPILER consumer SOURCE
 */
#include <vk.h>
#ifdef WITH_COMPILER
#include <vkc.h>
#endif

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP_NS   1000000u
#define STEPS_MAX 10000u

static int fail(const char *what, int rc)
{
    fprintf(stderr, "%s: %s\n", what, vk_error_text(rc));
    return 1;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static int ask(struct vk_kernel *kernel, uint16_t port)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    char answer[1024];
    int fd = connect_to(port);
    struct pollfd readable;
    readable.fd = fd;
    readable.events = POLLIN;
    if (fd < 0 || write(fd, request, sizeof request - 1) != (ssize_t)(sizeof request - 1))
        return fail("connect", -VK_EREFUSED);
    for (unsigned i = 0; i < STEPS_MAX && poll(&readable, 1, 0) == 0; i++)
        vk_step(kernel, STEP_NS);
    ssize_t got = read(fd, answer, sizeof answer - 1);
    close(fd);
    if (got <= 0)
        return fail("answer", -VK_ETIMEDOUT);
    answer[got] = '\0';
    printf("%s\n", answer);
    return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? 0 : 1;
}

static int load(struct vk_kernel *kernel, const char *path, const struct vk_module_options *about,
                struct vk_module **ret_module)
{
#ifdef WITH_COMPILER
    void *bytes;
    size_t len_bytes;
    int rc = vkc_compile_file(path, NULL, &bytes, &len_bytes);
    if (rc != 0)
        return rc;
    rc = vk_module_load(kernel, bytes, len_bytes, about, ret_module);
    vkc_release(bytes, len_bytes, NULL);
    return rc;
#else
    return vk_module_load_file(kernel, path, about, ret_module);
#endif
}

int main(int argc, char **argv)
{
    struct vk_options options;
    struct vk_module_options about;
    struct vk_kernel *kernel;
    struct vk_module *module;
    char why[256] = "";
    uint16_t port = 0;

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    memset(&about, 0, sizeof about);
    about.size = sizeof about;
    about.why = why;
    about.why_bytes = sizeof why;
    int rc = argc == 2 ? vk_kernel_create(&options, &kernel) : -VK_EINVAL;
    if (rc != 0)
        return fail("kernel", rc);
    rc = load(kernel, argv[1], &about, &module);
    if (rc != 0)
        return fail(why, rc);
    rc = vk_listen(module, 0, "127.0.0.1:0", &port);
    if (rc != 0)
        return fail("listen", rc);
    rc = ask(kernel, port);
    vk_kernel_destroy(kernel);
    return rc;
}
