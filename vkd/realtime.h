/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --realtime: each worker alone on a processor, before every ordinary program,
 * with its memory locked. The parent is one priority above its workers, so that
 * signals are obeyed, and dead workers replaced, whatever these do.
 *
 * All of it or nothing: where one right is missing the server does not start,
 * and the text says which one and how it is given.
 */
#ifndef VKD_REALTIME_H
#define VKD_REALTIME_H

#include "vk/base.h"

#define VKD_REALTIME_WHY 400u /* bytes of a text of why not */

/* Processors that this OS process may run on. */
uint32_t vkd_realtime_processors(void);

/*
 * In the parent, before it forks: SCHED_FIFO, which what it forks does not
 * inherit. False: why says why.
 */
bool vkd_realtime_parent(char why[VKD_REALTIME_WHY]);

/*
 * In worker `index`, before it makes anything large: alone on a processor, with
 * all of its memory so far, its code included, there and locked.
 */
bool vkd_realtime_begin(uint32_t index, char why[VKD_REALTIME_WHY]);

/*
 * In a worker that has reserved what it will need: from now on a page that was
 * touched stays, and ordinary programs wait.
 */
bool vkd_realtime_enter(char why[VKD_REALTIME_WHY]);

/* One sentence of what workers do now, for the log. */
void vkd_realtime_describe(uint32_t workers, char *text, size_t room);

#endif
