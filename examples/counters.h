/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /counters of the examples: what the server's counters are now, as lines
 * "name value". Shows a handle of the environment that is not a process.
 */
#ifndef EXAMPLES_COUNTERS_H
#define EXAMPLES_COUNTERS_H

#include "net/request.h"

#define COUNTERS_ROOM_BYTES 2048u

/*
 * A step that ends with the answer. handle: of the counters; room: 0 at first,
 * lives in the fiber's state.
 */
static inline enum proc_step counters_step(struct proc_self *self, struct proc_fiber *fiber,
                                           const struct net_request *request, uint32_t handle, uint32_t *room)
{
    if (*room == 0) {
        void *memory = proc_alloc(self, COUNTERS_ROOM_BYTES);
        if (!memory)
            return PROC_STEP_FAIL;
        *room = proc_off(self, memory);
    }
    const struct proc_op read = {
        .code = PROC_OP_READ, .handle = handle, .off = *room, .len = COUNTERS_ROOM_BYTES};
    if (!proc_wait(self, fiber, &read))
        return PROC_STEP_WAIT;
    if (fiber->done.res < 0)
        return PROC_STEP_FAIL;
    struct vk_span text = vk_span(proc_at(self, *room), fiber->done.len);
    return net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), text) ? PROC_STEP_FAIL : PROC_STEP_END;
}

#endif
