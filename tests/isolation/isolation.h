/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel in miniature: one guard, one pool, one runner, and processes that
 * are single functions. Each test says what a process does and what comes of
 * it. A plain program, so that it also runs as the only one of a machine.
 */
#ifndef TESTS_ISOLATION_H
#define TESTS_ISOLATION_H

#include "vk/err.h"
#include "vk/guard.h"
#include "vk/plat.h"
#include "vk/pool.h"

#define PREFIX_BYTES VK_PAGE_BYTES
#define STACK_BYTES  (256u << 10)
/* Of CPU time as the OS counts it: on an emulated CPU that is starved, time passes and little is executed. */
#define TICK_NS 40000000u

struct world {
    struct vk_region region;
    struct vk_guard guard;
    struct vk_pool pool;
    struct plat_runner *runner;
    uint8_t *critical;     /* kernel memory that mprotect+kernel closes */
    uint8_t *kernel_bytes; /* other kernel memory, in the region */
};

struct result {
    int rc;
    int value;
    struct plat_fault fault;
};

extern struct world world;

/* Run fn on slot's heap as a process would run. */
struct result run_in(struct vk_slot *slot, int (*fn)(void *arg));
struct vk_slot *take(uint32_t prefix_bytes);
void give(struct vk_slot *slot);
/* A process of its own: take a slot, run, give it back. */
struct result run_once(int (*fn)(void *arg));

/* What a process aims at: set before the run, since kernel data may be closed during it. */
extern uintptr_t target;
int poke_target(void *arg); /* a process that writes one byte there */
int peek_target(void *arg); /* one that reads a byte there and returns it */

/* After whatever happened, a well-behaved process runs. */
void check_still_works(void);
/* The run was ended for touching addr, and others are not harmed. */
void check_access(struct result result, uintptr_t addr);

struct test {
    const char *name;
    void (*run)(void);
};

extern const struct test fault_tests[];
extern const uint32_t fault_tests_count;
extern const struct test residue_tests[];
extern const uint32_t residue_tests_count;
extern const struct test gap_tests[];
extern const uint32_t gap_tests_count;

void fail(const char *where, const char *what);

/*
 * Run every test under this guard, and more of the platform's own: a line for
 * each and the sums to plat_console. -VK_ENOTSUP when the guard does not work here.
 */
int isolation_run(enum vk_guard_kind kind, const struct test *more_tests, uint32_t more_count,
                  uint32_t *ret_failed_count);

#define CHECK(cond)                                     \
    do {                                                \
        if (!(cond))                                    \
            fail(__FILE__ ":" VK_STR(__LINE__), #cond); \
    } while (0)

#endif
