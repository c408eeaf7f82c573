/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of a native program: its main, the very function that serves it on
 * Linux, hands its struct to vkd_app_main, which is this one here.
 */
#include "metal/app/serve.h"
#include "metal/start.h"

static struct app_start start;

/* The program's. */
int main(int argc, char **argv);

int vkd_app_main(const struct vkd_app *app, int argc, char **argv)
{
    (void)argc, (void)argv;
    return app_serve(app, &start);
}

int metal_main(const struct boot_info *info)
{
    static char name[] = "metal";
    char *argv[] = {name, NULL};
    int rc = app_start(&start, info->command_line);
    return rc != 0 ? rc : main(1, argv);
}
