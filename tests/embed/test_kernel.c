/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: kernels can be made, used and destroyed as include/vk.h says, by each
 * driver.
 * Method: a host that is its own client, in one thread.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static const enum vk_driver drivers[] = {VK_DRIVER_AUTO, VK_DRIVER_URING, VK_DRIVER_EV};

static struct vk_kernel *make(enum vk_driver driver)
{
    const struct vk_options options = {.size = sizeof options, .driver = driver, .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    return kernel;
}

static struct vk_module *load(struct vk_kernel *kernel)
{
    struct host_file file = host_read(EMBED_SERVED);
    struct vk_module *module = NULL;
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, NULL, &module), 0);
    memset(file.bytes, 0xdb, file.len); /* it was copied */
    free(file.bytes);
    return module;
}

TEST(embed_kernel, serves_a_module_from_memory_by_steps)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        char text[HOST_REPLY_MAX];
        uint16_t port = 0;
        struct vk_kernel *kernel = make(drivers[i]);
        struct vk_module *module = load(kernel);
        CHECK_EQ(vk_module_blocks(module), 1u);
        CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", &port), 0);
        CHECK(port != 0);
        host_fetch(kernel, port, REQUEST, text);
        CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
        CHECK(strstr(text, "\r\n\r\nHello from a process.\n") != NULL);
        vk_kernel_destroy(kernel);
    }
}
