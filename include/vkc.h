/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvkc: the compiler of vkd's language inside a program of yours, which
 * makes of source text the modules that vk_module_load takes. A library of
 * its own: a host that loads what `vkd build` made does not need it.
 *
 * A compilation keeps nothing: no global state, no files open, no memory but
 * its result. It neither prints nor exits; only a bug of the compiler itself
 * ends the program, by abort() and a line on standard error. Any thread may
 * compile, several at once. It needs about 1 MiB of stack for a program whose
 * nesting is the deepest allowed.
 */
#ifndef INCLUDE_VKC_H
#define INCLUDE_VKC_H

#include <vk.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VKC_API
#define VKC_API __attribute__((visibility("default")))
#endif

enum vkc_level { VKC_LEVEL_ERROR = 0, VKC_LEVEL_WARNING = 1 };

/* Something to tell the author of the program. Its texts end with NUL and are valid during the callback. */
struct vkc_message {
    size_t size; /* of this struct in the library that made it */
    enum vkc_level level;
    const char *path; /* of the file; NULL: of none */
    uint32_t line;    /* from 1; 0: of none */
    uint32_t column;  /* from 1, in characters */
    const char *what; /* one sentence: "expected `Int`, found `Str`" */
    const char
        *text; /* the whole, as `vkd check` prints it: place, excerpt, notes and help; lines end with \n */
};

typedef void (*vkc_message_fn)(void *context, const struct vkc_message *message);

/*
 * The source of another module of the program, by its path from the first
 * one's folder ("lib/prices.vk"): 0 with the text, which stays valid until the
 * compilation returns; anything else: there is none.
 */
typedef int (*vkc_import_fn)(void *context, const char *path, const char **ret_text, size_t *ret_bytes);

struct vkc_options {
    size_t size;
    struct vk_allocator allocator; /* of all memory, the result's too; zeroed: the C library's */
    vkc_message_fn message;        /* NULL: nothing is told */
    vkc_import_fn import;          /* of vkc_compile; NULL: the program has one module */
    void *context;                 /* of both */
    bool has_tests;                /* the program's tests go into the module, for `vkd test` */
};

/*
 * Compile a program that lies in memory. Files are neither read for `import`
 * nor for `embed`.
 *
 * path       what messages call it: "plugin.vk"
 * options    NULL: all defaults
 * ret_bytes  the module, aligned to 64; the caller's, who gives it back by vkc_release
 *
 * -VK_EMALFORMED when there are errors in it, each of which was told; -VK_ENOMEM,
 * with everything given back; -VK_EINVAL for a size that no library had or half an
 * allocator; -VK_ENOTSUP for an option that is newer than the library.
 */
VKC_API int vkc_compile(const char *path, const char *source, size_t source_bytes,
                        const struct vkc_options *options, void **ret_bytes, size_t *ret_len_bytes);

/* The same of a file and those that it imports and embeds. A file that cannot be read is told as an error. */
VKC_API int vkc_compile_file(const char *path, const struct vkc_options *options, void **ret_bytes,
                             size_t *ret_len_bytes);

/* Give a module back to the allocator it came from, with the options of its compilation. NULL is fine. */
VKC_API void vkc_release(void *bytes, size_t len_bytes, const struct vkc_options *options);

#ifdef __cplusplus
}
#endif

#endif
