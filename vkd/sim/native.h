/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the native program that comes with the simulator: native.c and keeper.c share it. */
#ifndef VKD_SIM_NATIVE_H
#define VKD_SIM_NATIVE_H

#include "proc/native.h"
#include "proc/store.h"
#include "vkd/sim/stream.h"
#include "vkd/sim/world.h"

/* What a keeper is asked, and what it answers: the same with its count. */
struct vkd_letter {
    uint32_t what;
    uint32_t count;
    uint64_t nonce; /* comes back: an answer to somebody else would be seen */
};

/* The state of a request's process. */
struct vkd_native {
    struct proc_fiber fiber;
    uint32_t request; /* offset */
    uint32_t written; /* of n, to a raw stream */
    uint64_t left;    /* calls of a flood */
    uint64_t n;       /* what stands in the request */
    uint32_t fibers;  /* that have not ended */
    uint32_t handle;
    uint64_t sum;
    struct proc_op op;
    struct vkd_stream stream;
    struct vkd_letter letter, reply;
    struct {
        struct proc_store_ask ask;
        char key[8];
    } store;
    int64_t value;
};

enum { VKD_STEP_SLEEPER = 17, VKD_STEP_CALLER };

/* native.c */
void vkd_native_start(const struct proc_program *program, struct proc_self *self);
int vkd_native_resume(const struct proc_program *program, struct proc_self *self);
enum proc_step vkd_native_answer(struct proc_self *self, const struct vkd_native *a, uint64_t n);
enum proc_step vkd_native_refuse(struct proc_self *self, const struct vkd_native *a);

/* raw.c */
enum proc_step vkd_native_relay(struct proc_self *self, struct proc_fiber *fiber);

/* keeper.c: what asks long-lived processes and the store */
enum proc_step vkd_native_count(struct proc_self *self, struct proc_fiber *fiber);
enum proc_step vkd_native_flood(struct proc_self *self, struct proc_fiber *fiber);
enum proc_step vkd_native_caller(struct proc_self *self, struct proc_fiber *fiber); /* one of its calls */
enum proc_step vkd_native_kick(struct proc_self *self, struct proc_fiber *fiber);
enum proc_step vkd_native_store(struct proc_self *self, struct proc_fiber *fiber);
enum proc_step vkd_native_served(struct proc_self *self, struct proc_fiber *fiber);
enum proc_step vkd_native_child(struct proc_self *self, struct proc_fiber *fiber);
void vkd_native_keepers(struct vkd_world *world, struct proc_env *env);

#endif
