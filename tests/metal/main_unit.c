/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests linked into the image: the unit tests, the same code as on Linux, or those of devices. */
#include "metal/start.h"
#include "tests/unit/test.h"

int metal_main(const struct boot_info *info)
{
    (void)info;
    return test_run_all();
}
