/* SPDX-License-Identifier: Apache-2.0 */
/* The least host: serves a module until SIGINT or SIGTERM. Usage: min MODULE [ADDR:PORT] */
#include <signal.h>
#include <stdio.h>
#include <vk.h>

static struct vk_kernel *kernel;

static void stop(int sig)
{
    (void)sig;
    vk_stop(kernel);
}

int main(int argc, char **argv)
{
    struct vk_module *module = NULL;
    char why[256] = "";
    const struct vk_module_options options = {.size = sizeof options, .why = why, .why_bytes = sizeof why};
    uint16_t port = 0;
    if (argc < 2 || vk_kernel_create(NULL, &kernel) != 0)
        return 2;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    int rc = vk_module_load_file(kernel, argv[1], &options, &module);
    if (rc == 0)
        rc = vk_listen(module, 0, argc > 2 ? argv[2] : NULL, &port);
    printf(rc == 0 ? "listening on port %u\n" : "%.0u%s %s\n", port, why, vk_error_text(rc));
    fflush(stdout);
    if (rc == 0)
        rc = vk_run(kernel);
    vk_kernel_destroy(kernel);
    return rc != 0;
}
