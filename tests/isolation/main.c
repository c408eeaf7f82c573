/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: isolation GUARD. Exit 0, 1 when a test failed, 77 when the guard does not work here. */
#include "tests/isolation/isolation.h"
#include "tests/isolation/linux.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    enum vk_guard_kind kind;
    if (argc != 2 || vk_guard_parse(argv[1], &kind) != 0) {
        (void)fprintf(stderr, "usage: isolation mprotect|mprotect+kernel|pkey|off\n");
        return 2;
    }
    uint32_t failed_count = 0;
    int rc = isolation_run(kind, linux_tests, linux_tests_count, &failed_count);
    if (rc == -VK_ENOTSUP) {
        printf("skip: guard %s is not supported here\n", argv[1]);
        return 77;
    }
    if (rc != 0) {
        printf("FAIL start: %s\n", vk_err_text(rc));
        return 1;
    }
    return failed_count == 0 ? 0 : 1;
}
