/* SPDX-License-Identifier: Apache-2.0 */
/* What the runner, the factories and the test of the suite itself share. */
#ifndef TESTS_DRIVER_MAIN_H
#define TESTS_DRIVER_MAIN_H

#include "tests/driver/rig.h"

/* A case that means nothing for a driver, and why. */
struct driver_skip {
    const char *name;
    const char *why;
};

struct driver_factory {
    const char *name;
    bool is_real; /* of this machine's network: other threads, other drivers */
    /* A fresh driver; arg is the factory's own matter, NULL from the command line. */
    int (*create)(const char *arg, uint64_t seed, struct proc_io **ret_io);
    const struct driver_skip *skips; /* ends with a NULL name; NULL: none */
};

extern const struct driver_factory driver_factories[]; /* ends with a NULL name */

/* 0 passed, 1 a check failed, 77 skipped, 2 it crashed or hung. */
int driver_run_case(const struct driver_factory *factory, const char *arg, uint64_t seed,
                    const struct rig_case *c);
const struct rig_case *driver_case_at(size_t index); /* NULL past the end */

/* The simulation that the mutants break. */
int driver_create_sim(const char *arg, uint64_t seed, struct proc_io **ret_io);

/* Each mutant is caught by some case, or it is a failure. */
int driver_run_mutants(void);

#endif
