/* SPDX-License-Identifier: Apache-2.0 */
/*
 * least: the smallest service. Every request runs in a process of its own
 * with a heap of its own; one that crashes ends alone.
 */
#include "net/request.h"
#include "vk/fmt.h"
#include "vkd/app.h"

static enum proc_step answer(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct net_request *request = net_request_open(self);
    uint8_t room[64];
    struct vk_out text;
    (void)fiber; /* nothing here waits */

    if (request == NULL)
        return PROC_STEP_END; /* no valid HTTP: refused already */
    if (vk_span_equal(net_request_span(self, request->head.path), VK_SPAN_LIT("/crash")))
        __builtin_trap();
    vk_out_init(&text, room, sizeof room);
    vk_out_fmt(&text, "Hello from process %u\n", self->pid);
    return net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), vk_out_span(&text)) ? PROC_STEP_FAIL
                                                                                          : PROC_STEP_END;
}

static const proc_step_fn steps[] = {answer};
static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct proc_fiber)};

static const struct proc_program program = {.name = "least",
                                            .heap_bytes = 65536,
                                            .prefix_bytes = VK_PAGE_BYTES,
                                            .start = proc_native_start,
                                            .resume = proc_native_resume,
                                            .context = &native};

int main(int argc, char **argv)
{
    static const struct vkd_app app = {.about = "says which process answers", .program = &program};
    return vkd_app_main(&app, argc, argv);
}
