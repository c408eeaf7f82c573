/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/base.h"

#include "vk/plat.h"

void vk_assert_failed(const char *where)
{
    plat_panic(where);
}
