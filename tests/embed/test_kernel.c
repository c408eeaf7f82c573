/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: kernels can be made, used and destroyed as include/vk.h says, by each
 * driver.
 * Method: a host that is its own client, in one thread.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* ---- files that are none ---- */

static size_t asked_bytes; /* at once, at most */

static void *alloc(void *context, size_t len_bytes, size_t align_bytes)
{
    (void)context;
    asked_bytes = len_bytes > asked_bytes ? len_bytes : asked_bytes;
    return len_bytes <= HOST_FILE_MAX ? aligned_alloc(align_bytes, VK_ALIGN_UP(len_bytes, align_bytes))
                                      : NULL;
}

static void give_back(void *context, void *memory, size_t len_bytes)
{
    (void)context, (void)len_bytes;
    free(memory);
}

/* The alarm ends a load that waits for somebody to write. */
TEST(embed_kernel, what_is_no_module_file_is_refused_before_it_is_read)
{
    const struct vk_options options = {.size = sizeof options,
                                       .allocator = {.alloc = alloc, .free = give_back}};
    char folder[] = "/tmp/vk-embed-XXXXXX", pipe[64], sparse[64];
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = NULL;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(pipe, sizeof pipe, "%s/pipe.vkb", folder);
    snprintf(sparse, sizeof sparse, "%s/sparse.vkb", folder);
    CHECK_EQ(mkfifo(pipe, 0600), 0);
    int fd = open(sparse, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)100 << 30) == 0);
    (void)close(fd);
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    (void)alarm(10);
    int piped = vk_module_load_file(kernel, pipe, NULL, &module);
    (void)alarm(0);
    asked_bytes = 0;
    int large = vk_module_load_file(kernel, sparse, NULL, &module);
    (void)unlink(pipe);
    (void)unlink(sparse);
    (void)rmdir(folder);
    CHECK_EQ(piped, -VK_EIO);
    CHECK_EQ(large, -VK_ETOOBIG);
    CHECK_EQ(asked_bytes, 0u);
    CHECK_EQ(vk_module_load_file(kernel, "/tmp", NULL, &module), -VK_EIO);
    CHECK(module == NULL);
    CHECK_EQ(vk_module_load_file(kernel, EMBED_SERVED, NULL, &module), 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_kernel, file_that_cannot_be_read_is_named)
{
    char why[128] = "";
    const struct vk_module_options options = {.size = sizeof options, .why = why, .why_bytes = sizeof why};
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = NULL;
    CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
    CHECK_EQ(vk_module_load_file(kernel, "/none.vkb", &options, &module), -VK_ENOENT);
    CHECK(strcmp(why, "/none.vkb: there is no such file") == 0);
    CHECK_EQ(vk_module_load_file(kernel, "/tmp", &options, &module), -VK_EIO);
    CHECK(strcmp(why, "/tmp: it is no file, or cannot be read") == 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_kernel, few_processes_need_no_other_option)
{
    for (uint32_t count = 1; count <= 33; count += 16) {
        const struct vk_options options = {.size = sizeof options, .processes_max = count};
        struct vk_kernel *kernel = NULL;
        CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
        vk_kernel_destroy(kernel);
    }
}
