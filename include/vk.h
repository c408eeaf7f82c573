/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvk: vkd's isolated processes inside a program of yours. This header is
 * all of the interface; docs/embedding.md is the guide to it.
 *
 * A host makes a kernel, loads modules into it, and lets it run: by vk_run, by
 * a loop of its own with vk_fd, vk_timeout_ns and vk_step, or on a libev loop.
 * Whatever the modules run is a process with a heap of its own that cannot
 * reach the host or other processes, and whose end is its own only.
 *
 * What holds everywhere, unless said otherwise:
 *  - Functions that return int return 0, or a negative error: -VK_EINVAL, ....
 *    A function that fails has done nothing.
 *  - Texts and bytes that are passed in are copied when they are needed longer
 *    than the call. Those that a callback is given are valid during it only.
 *  - Structs of options begin with their size; set it to sizeof and zero the
 *    rest, as in `struct vk_options options = {.size = sizeof options};`.
 *    Zero is the default everywhere. A program built against an older header
 *    works with a newer library, and the reverse as long as it leaves what
 *    the library does not know at zero.
 *  - A kernel, and all that is made of it, belongs to the thread that created
 *    it. Only vk_stop may be called elsewhere. A program may have as many
 *    kernels as it likes, in as many threads.
 *  - After a fork the kernels of the parent go on in the parent. The child may
 *    not use them, not even destroy them; it makes its own.
 *  - The last two rules are asserted: breaking one ends the program by
 *    abort(), with a line on standard error. Nothing else here prints or exits.
 *  - A kernel may be used from its own callbacks, but neither stepped nor
 *    destroyed; that is asserted too.
 */
#ifndef INCLUDE_VK_H
#define INCLUDE_VK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VK_API
#define VK_API __attribute__((visibility("default")))
#endif

#define VK_VERSION_MAJOR 0
#define VK_VERSION_MINOR 1
#define VK_VERSION_PATCH 0

/* Of the library that runs: major << 16 | minor << 8 | patch. */
VK_API uint32_t vk_version(void);

/* ---- errors ------------------------------------------------------------------------- */

#ifndef VK_ERR_H
enum vk_err {
    VK_OK = 0,
    VK_EAGAIN,
    VK_EINVAL,
    VK_ENOMEM,
    VK_ENOSPC,
    VK_EBADH,
    VK_EPERM,
    VK_EFAULT,
    VK_ERANGE,
    VK_EMALFORMED,
    VK_ETOOBIG,
    VK_ENOTSUP,
    VK_ECANCELED,
    VK_ETIMEDOUT,
    VK_ECLOSED,
    VK_ERESET,
    VK_EREFUSED,
    VK_EADDRINUSE,
    VK_EACCES,
    VK_EMFILE,
    VK_EUNREACH,
    VK_EDIED,
    VK_EOVERFLOW,
    VK_ENOENT,
    VK_EIO,
    VK_EEXIST
};
#endif

/* What an error means, in a few words; of either sign. Any thread. */
VK_API const char *vk_error_text(int error);

/* ---- a kernel ------------------------------------------------------------------------- */

struct vk_kernel;
struct vk_module;
struct ev_loop; /* of libev */

/*
 * Where the library's own memory comes from. Both functions are called on the
 * kernel's thread. alloc returns len_bytes aligned to align_bytes, a power of
 * two of at most 64, or NULL; free is given the length again. Address ranges
 * are mapped from the system instead: heaps, the kernel's tables, images and
 * buffers of the system's I/O. libev allocates by itself.
 */
struct vk_allocator {
    void *(*alloc)(void *context, size_t len_bytes, size_t align_bytes);
    void (*free)(void *context, void *memory, size_t len_bytes);
    void *context;
};

enum vk_level { VK_LEVEL_ERROR = 0, VK_LEVEL_WARN = 1, VK_LEVEL_INFO = 2 };

/* A line of the log, without its newline; UTF-8 as far as programs keep to it, not ended by NUL. */
typedef void (*vk_log_fn)(void *context, enum vk_level level, const char *text, size_t len_bytes);

enum vk_driver {
    VK_DRIVER_AUTO = 0, /* io_uring, or libev where that is missing or refused */
    VK_DRIVER_URING = 1,
    VK_DRIVER_EV = 2
};

/*
 * What keeps a process in its heap beside the verifier and the checks of the
 * run loop, which every module is under. All but OFF install handlers for
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS and SIGVTALRM, which pass on
 * what is not theirs; they are put back when the last such kernel is destroyed.
 */
enum vk_guarding {
    VK_GUARDING_OFF = 0,      /* no signal handler; native programs are trusted */
    VK_GUARDING_AUTO = 1,     /* PKEY where the CPU has protection keys, else MPROTECT */
    VK_GUARDING_MPROTECT = 2, /* one heap is open at a time */
    VK_GUARDING_PKEY = 3      /* and the kernel's memory is closed while a process runs */
};

struct vk_options {
    size_t size;
    struct vk_allocator allocator; /* both functions or none: those of the C library */
    vk_log_fn log;                 /* NULL: nothing is logged */
    void *log_context;
    enum vk_driver driver;
    enum vk_guarding guarding;
    uint32_t processes_max; /* alive at a time, of heaps up to 64 KiB; 0: 60,000 */
    uint32_t conns_max;     /* connections open at a time, of one module; 0: 16,384 */
    uint32_t warm_max;      /* heaps kept ready; 0: 32 */
    size_t service_bytes;   /* addresses for the tables of modules that serve; 0: 256 MiB */
    /*
     * A libev loop of the host's to live on, which outlives the kernel: the host runs it, and the kernel does
     * what is due before the loop waits. The driver is EV then unless another one is asked for.
     */
    struct ev_loop *ev_loop;
    bool spins; /* vk_run and vk_step may poll for up to 80 us before they sleep, at low load */
};

/*
 * Make a kernel. It has its own I/O and touches nothing of the process but
 * what options say.
 *
 * options     NULL: all defaults
 * ret_kernel  set on success only
 *
 * -VK_EINVAL for options that contradict themselves, -VK_ENOTSUP where the
 * driver or the guarding does not work here or an option is newer than the
 * library, -VK_EACCES where the system refuses the driver, -VK_ENOMEM, -VK_EMFILE.
 */
VK_API int vk_kernel_create(const struct vk_options *options, struct vk_kernel **ret_kernel);

/*
 * End every process, close every socket that the kernel has, and give back all
 * of its memory, modules included. Callbacks of what was still asked run
 * before it returns. NULL is fine.
 */
VK_API void vk_kernel_destroy(struct vk_kernel *kernel);

/* The driver and the guard in use: "uring" or "ev"; "off", "mprotect" or "pkey". */
VK_API const char *vk_kernel_driver(const struct vk_kernel *kernel);
VK_API const char *vk_kernel_guard(const struct vk_kernel *kernel);

/* ---- letting it run --------------------------------------------------------------------- */

/* Run until vk_stop. 0; -VK_EINVAL on a loop of the host's. */
VK_API int vk_run(struct vk_kernel *kernel);

/* The next vk_run, or the one under way, returns. Any thread, and signal handlers. */
VK_API void vk_stop(struct vk_kernel *kernel);

/*
 * Do all that can be done now; when that is nothing, wait for up to wait_ns
 * (UINT64_MAX: for as long as it takes) and do what came. On a libev loop of
 * the host's it never waits, and need not be called.
 */
VK_API void vk_step(struct vk_kernel *kernel, uint64_t wait_ns);

/*
 * For a loop of the host's: when this descriptor can be read from, or after
 * vk_timeout_ns, call vk_step(kernel, 0). It is the kernel's and stays the same.
 * -VK_ENOTSUP on a libev loop of the host's, which needs none.
 */
VK_API int vk_fd(const struct vk_kernel *kernel);

/* Until the next vk_step is due whatever the descriptor says; 0: now; UINT64_MAX: only it tells. */
VK_API uint64_t vk_timeout_ns(const struct vk_kernel *kernel);

/* ---- modules ---------------------------------------------------------------------------- */

struct vk_module_options {
    size_t size;
    const char *name; /* in messages; NULL: "module" */
    char *why;        /* where to say why it was refused, ended by NUL; may be NULL */
    size_t why_bytes; /* room there */
};

/*
 * Load a module, as `vkd build` makes it (.vkb), verify it and start what it
 * always has running: its supervised actors and stores.
 *
 * bytes    copied
 * options  NULL: all defaults
 *
 * -VK_EMALFORMED when the verifier refuses it, -VK_ENOENT when it uses what
 * this library does not have, -VK_EINVAL when its top-level values cannot be
 * computed or it cannot be served; why says more. -VK_ENOMEM, also when
 * vk_options.service_bytes are used up.
 */
VK_API int vk_module_load(struct vk_kernel *kernel, const void *bytes, size_t len_bytes,
                          const struct vk_module_options *options, struct vk_module **ret_module);

/* The same from a file. -VK_ENOENT and -VK_EACCES, too, when it cannot be opened; -VK_EIO. */
VK_API int vk_module_load_file(struct vk_kernel *kernel, const char *path,
                               const struct vk_module_options *options, struct vk_module **ret_module);

/* ---- serving ---------------------------------------------------------------------------- */

/* http blocks that the module has; they are counted from 0 in the order of the program. */
VK_API uint32_t vk_module_blocks(const struct vk_module *module);

/*
 * Serve an http block: a process for every request.
 *
 * address   "127.0.0.1:8080", "[::1]:0", ...; NULL: where the program says
 * ret_port  the port really bound, which is of use when it was given as 0; may be NULL
 *
 * -VK_ENOENT no such block, -VK_EMALFORMED no such address, -VK_ENOSPC too many
 * listeners, -VK_EADDRINUSE, -VK_EACCES, -VK_EMFILE.
 */
VK_API int vk_listen(struct vk_module *module, uint32_t block, const char *address, uint16_t *ret_port);

/* The same on a listening socket, which the kernel owns from now on. -VK_EINVAL when it does not listen. */
VK_API int vk_listen_fd(struct vk_module *module, uint32_t block, int fd);

struct vk_attach_options {
    size_t size;
    const void *received;  /* what the host read from it already: the beginning of a request; copied */
    size_t received_bytes; /* at most 16 KiB */
    bool one_request;      /* answer one, saying that it is the last, and close; else all that follow */
};

/*
 * Serve a socket that the host accepted as if it had come to the http block's
 * own listener. On success it is the kernel's, which closes it.
 *
 * options  NULL: all defaults
 *
 * -VK_ENOENT no such block, -VK_ENOSPC too many connections, -VK_ETOOBIG,
 * -VK_ENOMEM, -VK_EMFILE, -VK_EINVAL no such descriptor; the socket is the host's still then.
 */
VK_API int vk_attach(struct vk_module *module, uint32_t block, int fd,
                     const struct vk_attach_options *options);

/* ---- what goes on ----------------------------------------------------------------------- */

struct vk_counters {
    size_t size;        /* set by the caller, as in options */
    uint64_t started;   /* processes */
    uint64_t crashed;   /* of those, ended abnormally */
    uint64_t requests;  /* HTTP requests that got a process */
    uint64_t refused;   /* HTTP requests that the kernel answered itself: 4xx, 5xx */
    uint64_t accepted;  /* connections */
    uint32_t processes; /* alive now */
    uint32_t conns;     /* open now */
};

/* Since the kernel was made. -VK_EINVAL for a size that no library had. */
VK_API int vk_kernel_counters(const struct vk_kernel *kernel, struct vk_counters *ret_counters);

#ifdef __cplusplus
}
#endif

#endif
