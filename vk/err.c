/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/err.h"

const char *vk_err_text(int err)
{
    switch (err < 0 ? -(unsigned)err : (unsigned)err) {
    case VK_OK:
        return "success";
#define X(name, text) \
    case VK_##name:   \
        return text;
        VK_ERR_LIST(X)
#undef X
    default:
        return "unknown error";
    }
}
