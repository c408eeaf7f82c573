/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests of vk, proc and net on bare metal: the same objects, the same test code as on Linux. */
#include "metal/start.h"
#include "tests/unit/test.h"

int metal_main(const struct boot_info *info)
{
    (void)info;
    return test_run_all();
}
