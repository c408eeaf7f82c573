/* SPDX-License-Identifier: Apache-2.0 */
/* In place of loop_ev.c where libev is missing. */
#include "vkd/lib/lib_impl.h"

int vkd_lib_loop_create(struct vk_kernel *kernel, struct ev_loop *loop)
{
    (void)kernel, (void)loop;
    return -VK_ENOTSUP;
}

void vkd_lib_loop_turn(struct vk_kernel *kernel)
{
    (void)kernel;
}

void vkd_lib_loop_destroy(struct vk_kernel *kernel)
{
    (void)kernel;
}
