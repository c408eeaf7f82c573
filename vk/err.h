/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error codes of every layer. A function that can fail returns 0 or
 * -VK_E...; platform folders translate errno into these and nothing above
 * them ever sees errno. The numbers are ours and stable: they travel in
 * completions, so a process may compare with them.
 */
#ifndef VK_ERR_H
#define VK_ERR_H

#define VK_ERR_LIST(X)                                 \
    X(EAGAIN, "not ready yet")                         \
    X(EINVAL, "invalid argument")                      \
    X(ENOMEM, "out of memory or slots")                \
    X(ENOSPC, "no room in a fixed table or buffer")    \
    X(EBADH, "no such handle")                         \
    X(EPERM, "operation not permitted on this handle") \
    X(EFAULT, "range is outside the heap")             \
    X(ERANGE, "number out of range")                   \
    X(EMALFORMED, "malformed input")                   \
    X(ETOOBIG, "input is larger than its limit")       \
    X(ENOTSUP, "not supported here")                   \
    X(ECANCELED, "canceled")                           \
    X(ETIMEDOUT, "deadline passed")                    \
    X(ECLOSED, "closed by the other side")             \
    X(ERESET, "connection reset by the other side")    \
    X(EREFUSED, "connection refused")                  \
    X(EADDRINUSE, "address in use")                    \
    X(EACCES, "permission denied")                     \
    X(EMFILE, "out of descriptors")                    \
    X(EUNREACH, "network or host unreachable")         \
    X(EDIED, "the other process died")                 \
    X(EOVERFLOW, "too many requests in flight")        \
    X(ENOENT, "no such object")                        \
    X(EIO, "input or output error")                    \
    X(EEXIST, "it is there already")

enum vk_err {
    VK_OK = 0,
#define X(name, text) VK_##name,
    VK_ERR_LIST(X)
#undef X
        VK_ERR_END
};

/* The sentence for a code, of either sign; "unknown error" for anything else. */
const char *vk_err_text(int err);

#endif
