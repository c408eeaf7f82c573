/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of step functions, from the host's side and from inside their processes. */
#include "vkd/lib/lib_impl.h"

#include "proc/native.h"
#include "vk/limits.h"
#include "vk/pool.h"

#define NATIVE_MIN_BYTES VKD_LIB_BYTES_TO(vk_native, heap_bytes) /* of version 0.1 */

/* What the header shows of a process is what it is. */
_Static_assert(sizeof(struct vk_op) == sizeof(struct proc_op) && offsetof(struct vk_op, tag) == 24, "");
_Static_assert(sizeof(struct vk_done) == sizeof(struct proc_done) && offsetof(struct vk_done, flags) == 28,
               "");
_Static_assert(sizeof(struct vk_fiber) == sizeof(struct proc_fiber) &&
                   offsetof(struct vk_fiber, step) == offsetof(struct proc_fiber, step) &&
                   offsetof(struct vk_fiber, done) == offsetof(struct proc_fiber, done),
               "");
_Static_assert((int)VK_SAID_WAIT == (int)PROC_STEP_WAIT && (int)VK_SAID_FAIL == (int)PROC_STEP_FAIL, "");
_Static_assert((int)VK_OP_SLEEP == (int)PROC_OP_SLEEP && (int)VK_OP_RECV == (int)PROC_OP_RECV &&
                   (int)VK_OP_REPLY == (int)PROC_OP_REPLY && (int)VK_OP_READ == (int)PROC_OP_READ &&
                   (int)VK_OP_WRITE == (int)PROC_OP_WRITE,
               "");
_Static_assert((int)VK_REASON_SHUTDOWN == (int)PROC_REASON_SHUTDOWN &&
                   VK_REASON_SHUTDOWN + 1 == PROC_REASON_END,
               "");
_Static_assert(VK_HANDLE_ORIGIN == PROC_HANDLE_ORIGIN && VK_DONE_REQUEST == PROC_DONE_REQUEST, "");

static int check(const struct vk_native *n)
{
    bool is_whole = n->name != NULL && n->steps != NULL && n->steps_count > 0 &&
                    n->steps_count <= UINT16_MAX && n->state_bytes >= sizeof(struct vk_fiber);
    if (!is_whole || n->heap_bytes > vk_pool_class_bytes(VK_SLOT_CLASSES - 1))
        return -VK_EINVAL;
    uint32_t heap_bytes = n->heap_bytes != 0 ? n->heap_bytes : VK_SLOT_CLASS0_BYTES;
    return n->state_bytes < heap_bytes - sizeof(struct proc_self) && heap_bytes > sizeof(struct proc_self)
               ? 0
               : -VK_EINVAL;
}

static void program_free(struct vk_program *p)
{
    vkd_lib_free(p->kernel, p->name, p->name_room);
    vkd_lib_free(p->kernel, p, sizeof *p);
}

static struct vk_program *program_new(struct vk_kernel *k, const struct vk_native *n)
{
    size_t room = strlen(n->name) + 1;
    struct vk_program *p = vkd_lib_alloc(k, sizeof *p);
    char *name = p != NULL ? vkd_lib_alloc(k, room) : NULL;
    if (name == NULL) {
        vkd_lib_free(k, p, sizeof *p);
        return NULL;
    }
    memcpy(name, n->name, room);
    *p = (struct vk_program){.kernel = k, .next = k->programs, .name = name, .name_room = room};
    return p;
}

int vk_native_create(struct vk_kernel *kernel, const struct vk_native *native,
                     struct vk_program **ret_program)
{
    struct vk_native n;
    int rc = vkd_lib_begin(kernel);
    if (rc == 0)
        rc = vkd_lib_options(&n, sizeof n, NATIVE_MIN_BYTES, native);
    if (rc == 0)
        rc = check(&n);
    if (rc != 0)
        return rc;
    struct vk_program *p = program_new(kernel, &n);
    if (p == NULL)
        return -VK_ENOMEM;
    rc = vkd_lib_natives_get(kernel); /* the last thing that can fail: nothing takes it back */
    if (rc != 0) {
        program_free(p);
        return rc;
    }
    /* Steps differ from the kernel's own in the names of what they are given alone. */
    p->native = (struct proc_native){.steps = (const proc_step_fn *)(const void *)n.steps,
                                     .steps_count = (uint16_t)n.steps_count,
                                     .root_bytes = n.state_bytes};
    p->program = (struct proc_program){.name = p->name,
                                       .heap_bytes = n.heap_bytes != 0 ? n.heap_bytes : VK_SLOT_CLASS0_BYTES,
                                       .prefix_bytes = VK_PAGE_BYTES,
                                       .start = proc_native_start,
                                       .resume = proc_native_resume,
                                       .context = &p->native};
    kernel->programs = p;
    *ret_program = p;
    return 0;
}

void vkd_lib_programs_fini(struct vk_kernel *kernel)
{
    for (struct vk_program *p; (p = kernel->programs) != NULL;) {
        kernel->programs = p->next;
        for (struct vkd_handler *h; (h = p->handlers) != NULL;) {
            p->handlers = h->next;
            vkd_lib_free(kernel, h, sizeof *h);
        }
        program_free(p);
    }
}

/* ---- inside a process ---- */

static struct proc_self *inside(struct vk_self *self)
{
    return (struct proc_self *)(void *)self;
}

static const struct proc_self *inside_const(const struct vk_self *self)
{
    return (const struct proc_self *)(const void *)self;
}

void *vk_native_alloc(struct vk_self *self, uint32_t len_bytes)
{
    return proc_alloc(inside(self), len_bytes);
}

uint32_t vk_native_off(const struct vk_self *self, const void *memory)
{
    return proc_off(inside_const(self), memory);
}

void *vk_native_at(struct vk_self *self, uint32_t off)
{
    return proc_at(inside(self), off);
}

const void *vk_native_arg(const struct vk_self *self, uint32_t *ret_bytes)
{
    const struct proc_self *s = inside_const(self);
    *ret_bytes = s->arg_len;
    return (const uint8_t *)s + s->arg_off;
}

uint64_t vk_native_now_ns(const struct vk_self *self)
{
    return inside_const(self)->now_ns;
}

struct vk_fiber *vk_native_fiber(struct vk_self *self, uint16_t step_fn, uint32_t state_bytes)
{
    if (state_bytes < sizeof(struct vk_fiber))
        return NULL;
    return (struct vk_fiber *)(void *)proc_fiber_start(inside(self), step_fn, state_bytes);
}

bool vk_native_wait(struct vk_self *self, struct vk_fiber *fiber, const struct vk_op *op)
{
    return proc_wait(inside(self), (struct proc_fiber *)(void *)fiber,
                     (const struct proc_op *)(const void *)op);
}

bool vk_native_submit(struct vk_self *self, struct vk_fiber *fiber, const struct vk_op *op)
{
    return proc_submit(inside(self), (struct proc_fiber *)(void *)fiber,
                       (const struct proc_op *)(const void *)op);
}
