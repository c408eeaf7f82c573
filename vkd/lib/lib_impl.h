/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libvk share. Everything here is private to the library. */
#ifndef VKD_LIB_LIB_IMPL_H
#define VKD_LIB_LIB_IMPL_H

#include "vk/err.h" /* before vk.h, which has the same errors for those outside */

#include "include/vk.h"
#include "net/bind/host.h"
#include "net/linux/io.h"
#include "vkd/lib/image.h"

#include <stdatomic.h>

struct vk_kernel {
    struct vk_allocator allocator;
    vk_log_fn log;
    void *log_context;
    struct proc_io *io;
    struct proc_kernel *proc;
    struct proc_sink nobody; /* takes completions that mean nothing */
    uint64_t thread;         /* the number of the one that created it */
    uint32_t *present;       /* 1 in the process that created it: a page that a fork wipes */
    bool is_stepping;
    atomic_bool is_stopped; /* vk_stop was called and vk_run has not seen it yet */
    uint32_t conns_max;     /* of options */
    struct vk_module *modules;
    struct vkd_lib_loop *loop; /* NULL: it is not on a loop of the host's */
};

struct vk_module {
    struct vk_kernel *kernel;
    struct vk_module *next;
    uint8_t *file; /* the host allocator's, as host_memory */
    size_t file_bytes;
    size_t file_room;
    void *host_memory;
    size_t host_bytes;
    struct vkd_image image;
    struct net_bind_host host;
    struct net_bind_hosted hosted;
};

/* ---- check.c ---- */

/* Whoever calls is on the kernel's thread, in the process that created it. */
void vkd_lib_check(const struct vk_kernel *kernel);
uint64_t vkd_lib_thread(void);

/*
 * Copy options of the caller's header version: what it did not have is 0.
 * -VK_EINVAL no such size; -VK_ENOTSUP it sets what this library does not have.
 */
int vkd_lib_options(void *to, size_t to_bytes, size_t min_bytes, const void *from);

void *vkd_lib_alloc(struct vk_kernel *kernel, size_t len_bytes);             /* zeroed, aligned to 64; NULL */
void vkd_lib_free(struct vk_kernel *kernel, void *memory, size_t len_bytes); /* accepts NULL */

/* ---- loop_ev.c ---- */

int vkd_lib_loop_create(struct vk_kernel *kernel, struct ev_loop *loop);
void vkd_lib_loop_destroy(struct vk_kernel *kernel); /* accepts one without */

/* ---- module.c ---- */

void vkd_lib_module_free(struct vk_module *module);

#endif
