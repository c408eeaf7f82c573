/* SPDX-License-Identifier: Apache-2.0 */
/* The freestanding runner as a Linux program, so that every build exercises it. */
#include "tests/unit/test.h"

int main(void)
{
    return test_run_all() == 0 ? 0 : 1;
}
