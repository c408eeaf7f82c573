/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the machine's memory is divided: so many connections, processes and
 * buffers that all of them together fit, whatever its size.
 */
#ifndef METAL_APP_PLAN_H
#define METAL_APP_PLAN_H

#include "vk/bufs.h"
#include "vk/pool.h"

#define APP_MEMORY_MIN_BYTES (4u << 20) /* free when metal_main is called; with less it does not start */

struct app_plan {
    uint32_t conns_max;     /* HTTP connections or raw streams */
    uint32_t io_conns_max;  /* the driver's: these, listeners and some that are closing */
    uint32_t io_bytes;      /* the driver's buffers for data on its way in and out */
    uint32_t processes_max; /* and the tables that go with them */
    uint32_t handles_max;
    uint32_t requests_max;
    uint32_t parks_max;
    uint32_t slots_max[VK_SLOT_CLASSES];
    uint32_t slots_warm;
    uint32_t bufs_max[VK_BUF_CLASSES];
    size_t kernel_bytes;        /* of tables and buffers that the kernel is promised */
    uint32_t freeze_heap_bytes; /* for evaluating top-level values, before anything else takes memory */
};

/*
 * The plan for a machine with so much free memory. slots: processes of class 0
 * at once; 0: as many as fit.
 */
void app_plan_make(struct app_plan *plan, size_t free_bytes, uint32_t slots);

#endif
