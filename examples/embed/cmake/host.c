/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the first http block of a module, as `vkd build app.vk` makes it, until SIGINT or SIGTERM. */
#include <vk.h>

#include <signal.h>
#include <stdio.h>

static struct vk_kernel *kernel;

static void stop(int sig)
{
    (void)sig;
    vk_stop(kernel);
}

static int serve(const char *path)
{
    char why[256] = "";
    const struct vk_module_options options = {.size = sizeof options, .why = why, .why_bytes = sizeof why};
    struct vk_module *module;
    uint16_t port;
    int rc = vk_module_load_file(kernel, path, &options, &module);
    if (rc == 0)
        rc = vk_listen(module, 0, NULL, &port);
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", path, why[0] != '\0' ? why : vk_error_text(rc));
        return 1;
    }
    printf("port %u\n", (unsigned)port);
    fflush(stdout);
    return vk_run(kernel) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int rc = argc == 2 ? vk_kernel_create(NULL, &kernel) : -VK_EINVAL;
    if (rc != 0) {
        fprintf(stderr, "usage: host MODULE (%s)\n", vk_error_text(rc));
        return 2;
    }
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    int status = serve(argv[1]);
    vk_kernel_destroy(kernel);
    return status;
}
