/* SPDX-License-Identifier: Apache-2.0 */
/* See watch.c. */
#ifndef VKD_SIM_WATCH_H
#define VKD_SIM_WATCH_H

#include "vkd/sim/world.h"

/* From now on it is about this world, in which nothing was found yet. */
void vkd_watch_world(struct vkd_world *world);

/* What was found where it should not be; NULL: nothing. */
const char *vkd_watch_found(void);

/* For the doors of native programs, and what their processes find themselves; a constant text. */
void vkd_watch_start(const struct proc_self *self, uint32_t open_bytes);
void vkd_watch_resume(const struct proc_self *self);
void vkd_watch_report(const char *what);
bool vkd_watch_is_clean(const void *from, const void *until);

/* Puts watches at the doors of all programs of a host, once, before it is in any kernel. */
void vkd_watch_host(struct net_bind_host *host);

#endif
