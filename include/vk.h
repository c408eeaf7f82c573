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
 *  - Pointers are not NULL where nothing says that they may be.
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
 *    destroyed; that is asserted too. Those of the allocator and the log come
 *    in the middle of something, and use nothing of their kernel but vk_stop.
 *    In its destruction nothing new begins: -VK_ECANCELED.
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
    uint32_t warm_max;      /* heaps kept ready; 0: 32, or processes_max where that is less */
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
 * library, -VK_EACCES where the system refuses the driver, -VK_EPERM while another
 * thread has native programs (vk_native_create), -VK_ENOMEM, -VK_EMFILE.
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

/* Run until vk_stop, or until a drain is over. 0; -VK_EINVAL on a loop of the host's. */
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

/*
 * Stop in good order: listeners take in who is on the way for 100 ms more and
 * close; idle connections close, the others after their answer, which says so;
 * what is not answered after timeout_ns gets 503 or is cut off. Goes on in
 * steps; vk_run returns when it is over. What listens anew is refused from
 * then on, -VK_ECANCELED. Calls, requests and spawns are still taken, and
 * waited for; a socket of vk_attach gets one answer, which says so.
 * -VK_ECANCELED in the kernel's destruction.
 */
VK_API int vk_drain(struct vk_kernel *kernel, uint64_t timeout_ns);

/* No connection is open, no call and no request of the host's is without its answer. */
VK_API bool vk_is_drained(const struct vk_kernel *kernel);

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
 * vk_options.service_bytes are used up or supervised actors find no room
 * (vk_options.processes_max).
 */
VK_API int vk_module_load(struct vk_kernel *kernel, const void *bytes, size_t len_bytes,
                          const struct vk_module_options *options, struct vk_module **ret_module);

/*
 * The same from a file. -VK_ENOENT and -VK_EACCES, too, when it cannot be opened;
 * -VK_EIO, also when it is none but a pipe or a folder; -VK_ETOOBIG above 512 MiB.
 */
VK_API int vk_module_load_file(struct vk_kernel *kernel, const char *path,
                               const struct vk_module_options *options, struct vk_module **ret_module);

/*
 * Give back all that the module takes, its functions too. Modules that serve,
 * or have actors or stores, live as long as the kernel: -VK_EPERM. -VK_EAGAIN
 * while calls of it have no answer yet. NULL is fine.
 */
VK_API int vk_module_unload(struct vk_module *module);

/* ---- serving ---------------------------------------------------------------------------- */

/* http blocks that the module has; they are counted from 0 in the order of the program. */
VK_API uint32_t vk_module_blocks(const struct vk_module *module);

/*
 * Serve an http block: a process for every request.
 *
 * address   "127.0.0.1:8080", "[::1]:0", ...; NULL: where the program says
 * ret_port  the port really bound, which is of use when it was given as 0; may be NULL
 *
 * -VK_ENOENT no such block, -VK_EMALFORMED no such address, -VK_ERANGE no such
 * port, -VK_ENOSPC more than eight listeners of the module, -VK_EADDRINUSE, -VK_EACCES, -VK_EMFILE,
 * -VK_ECANCELED the kernel drains (vk_drain), -VK_EIO too many
 * operations are under way. While conns_max connections are open, clients wait.
 */
VK_API int vk_listen(struct vk_module *module, uint32_t block, const char *address, uint16_t *ret_port);

/*
 * The same on a listening socket, which the kernel owns from now on; when it is
 * refused, it is the host's still, as it was. -VK_EINVAL when it does not listen.
 */
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
 * -VK_ENOMEM, -VK_EMFILE, -VK_EINVAL anything but a stream socket,
 * or one that listens; the socket is the host's still then, as it was.
 */
VK_API int vk_attach(struct vk_module *module, uint32_t block, int fd,
                     const struct vk_attach_options *options);

/* ---- processes -------------------------------------------------------------------------- */

/* A process, as a number that never comes back. 0 is none. */
typedef uint64_t vk_pid;

/* How a process ended. */
enum vk_reason {
    VK_REASON_NORMAL = 0,
    VK_REASON_FAIL = 1,     /* it said so, or trapped */
    VK_REASON_FAULT = 2,    /* hardware fault in native code */
    VK_REASON_TIME = 3,     /* one native step ran too long */
    VK_REASON_CPU = 4,      /* its CPU time is spent */
    VK_REASON_DEADLINE = 5, /* it lived too long */
    VK_REASON_OP = 6,       /* it asked the kernel for what no correct program can */
    VK_REASON_MEMORY = 7,   /* its heap is full, or the system refused memory */
    VK_REASON_DEADLOCK = 8, /* it waits, and nothing can ever wake it */
    VK_REASON_LINK = 9,     /* a linked process ended abnormally */
    VK_REASON_KILLED = 10,
    VK_REASON_SHUTDOWN = 11 /* its supervisor or the kernel ended */
};

enum vk_type {
    VK_TYPE_NIL = 0,      /* nothing; as a `T?`: None */
    VK_TYPE_INT = 1,      /* as.i */
    VK_TYPE_FLOAT = 2,    /* as.f */
    VK_TYPE_BOOL = 3,     /* as.i, 0 or 1 */
    VK_TYPE_DURATION = 4, /* as.i, nanoseconds */
    VK_TYPE_STR = 5,      /* as.text, UTF-8 */
    VK_TYPE_BYTES = 6,    /* as.text */
    VK_TYPE_LIST = 7      /* as.list, of values of one type */
};

/* A value of the language. Of a `T?` that has one, it is that one. */
struct vk_value {
    enum vk_type type;
    union {
        int64_t i;
        double f;
        struct {
            const void *bytes;
            size_t len;
        } text;
        struct {
            const struct vk_value *items;
            size_t count;
        } list;
    } as;
};

/* What became of something that was asked. The pointers are valid during the callback. */
struct vk_answer {
    size_t size;           /* of this struct in the library that made it */
    int error;             /* 0, or why there is no answer; -VK_EDIED: the process ended without one */
    enum vk_reason reason; /* of -VK_EDIED, and of what vk_monitor and vk_spawn tell */
    vk_pid pid;            /* of the process that it is about */
    const void *bytes;     /* the answer */
    size_t bytes_len;
    const char *words; /* why it ended abnormally; UTF-8 as far as programs keep to it; "" when unknown */
    size_t words_len;
    uint64_t crash_id;     /* as in the log, of an abnormal end; else 0 */
    struct vk_value value; /* what a function gave */
    /*
     * Where it ended abnormally, as in the log: function, file of a program of several, line; behind " < "
     * who called that: "eat:36 < main:40". "" when unknown, as of what was ended while it waited (its
     * deadline, vk_kill) in a kernel without a log.
     */
    const char *place;
    size_t place_len;
};

/*
 * Called once for each request that was accepted: in a step of the kernel's, at
 * its end, or in its destruction, then with -VK_ECANCELED.
 */
typedef void (*vk_answer_fn)(void *context, const struct vk_answer *answer);

/*
 * A message to a process, up to 64 KiB, copied. -VK_EDIED it has ended;
 * -VK_EAGAIN its mailbox is full: after a step there may be room; -VK_ETOOBIG, -VK_ENOMEM.
 */
VK_API int vk_send(struct vk_kernel *kernel, vk_pid pid, const void *bytes, size_t len_bytes);

/*
 * A message that wants a reply, which the answer has; it waits for room in the
 * mailbox. timeout_ns: for the reply, 0 for ever, -VK_ETIMEDOUT; the answer's
 * error is also what the process replied with, when that is negative.
 * -VK_ETOOBIG over 64 KiB, -VK_ENOMEM, -VK_ENOSPC.
 */
VK_API int vk_request(struct vk_kernel *kernel, vk_pid pid, const void *bytes, size_t len_bytes,
                      uint64_t timeout_ns, vk_answer_fn answer, void *context);

/* Told of the end of a process, as its reason; of one that has ended before -VK_EDIED. -VK_ENOMEM,
 * -VK_ENOSPC. */
VK_API int vk_monitor(struct vk_kernel *kernel, vk_pid pid, vk_answer_fn answer, void *context);

/* End a process. -VK_EDIED: it has ended. */
VK_API int vk_kill(struct vk_kernel *kernel, vk_pid pid);

/* ---- functions of modules ------------------------------------------------------------------ */

/*
 * The host may call what a program's first file declares as `pub fn`, as long
 * as it has no type parameters and takes Int, Float, Bool, Duration, Str,
 * Bytes, `T?` and `List<T>` of these, and gives one of them, nothing, or a
 * Result of them with Str. Each call is a process of its own, with quotas.
 */
struct vk_function;

struct vk_function_options {
    size_t size;
    uint32_t heap_bytes;  /* of each call, its arguments among that; 0: 64 KiB; 16 KiB to 256 MiB */
    uint64_t cpu_ns;      /* CPU time of each call; 0: 50 ms */
    uint64_t deadline_ns; /* how long a call may take; 0: 10 s */
};

/*
 * A function by its name. It lives as long as the module.
 *
 * options  NULL: all defaults
 *
 * -VK_ENOENT the module offers no such function, -VK_EINVAL for quotas that cannot be, -VK_ENOMEM.
 */
VK_API int vk_function_find(struct vk_module *module, const char *name,
                            const struct vk_function_options *options, struct vk_function **ret_function);

/* Its type as the language writes it: "fn(Str, Int) -> Float". */
VK_API const char *vk_function_type(const struct vk_function *function);

/*
 * Call it. The answer has its value; -VK_EIO when it gave an Err, words being
 * what is in it; -VK_EDIED when its process ended, words saying why;
 * -VK_ETOOBIG when the value takes more than 64 KiB. Arguments that the heap
 * of the call has no room for are its end, "out of memory": a text of 20 KB is
 * well with 64 KiB of heap, one of 50 KB with 256 KiB.
 *
 * args     copied; as many as it takes, of its types
 * ret_pid  may be NULL; to vk_kill it, for instance
 *
 * -VK_EINVAL other arguments than it takes, -VK_EMALFORMED a Str that is no
 * UTF-8, -VK_ETOOBIG more than 64 KiB of arguments, -VK_ENOSPC, -VK_ENOMEM.
 */
VK_API int vk_call(struct vk_function *function, const struct vk_value *args, size_t count,
                   vk_answer_fn answer, void *context, vk_pid *ret_pid);

/*
 * The same, and let the kernel run until the answer was given. One that does
 * not have to wait runs at once; on a libev loop of the host's, waiting does
 * not sleep. Not from callbacks, as vk_step.
 */
VK_API int vk_call_wait(struct vk_function *function, const struct vk_value *args, size_t count,
                        vk_answer_fn answer, void *context);

/* Values. The text is not copied; it ends at its NUL. */
static inline struct vk_value vk_int(int64_t i)
{
    struct vk_value value;
    value.type = VK_TYPE_INT;
    value.as.i = i;
    return value;
}

static inline struct vk_value vk_float(double f)
{
    struct vk_value value;
    value.type = VK_TYPE_FLOAT;
    value.as.f = f;
    return value;
}

static inline struct vk_value vk_str(const char *text)
{
    struct vk_value value;
    value.type = VK_TYPE_STR;
    value.as.text.bytes = text;
    value.as.text.len = 0;
    while (text[value.as.text.len] != 0)
        value.as.text.len++;
    return value;
}

/* ---- native programs --------------------------------------------------------------------- */

/*
 * A native program is C code of the host's that runs as processes. Its fibers
 * are step functions over structs in the process's heap: a step does what it
 * can, says what it waits for and returns, and is called again when that has
 * come. A step touches nothing but its heap, its stack and constants, calls
 * nothing but functions vk_native_... and such code, and returns soon. With
 * VK_GUARDING_OFF all of that is trust. Else a system call, a step that does not
 * return, a fault, and a touch of another process's heap end the process; the
 * host's globals and what it allocated are not closed (docs/isolation.md).
 *
 * Offsets are from the heap's base. Pointers into the heap are good during one step.
 */
struct vk_self; /* a process from inside */
struct vk_program;

enum vk_said {
    VK_SAID_WAIT = 0,  /* for the completion of the op that it submitted */
    VK_SAID_AGAIN = 1, /* call me again after the others */
    VK_SAID_END = 2,   /* of the root fiber: and of the process */
    VK_SAID_FAIL = 3   /* ends the process abnormally */
};

/* What a process asks of the kernel. Fields that the code does not use are 0. */
struct vk_op {
    uint16_t code; /* enum vk_op_code */
    uint16_t flags;
    uint32_t handle; /* what it is asked of; 0: the kernel itself */
    uint32_t off;    /* the bytes that go, or room for those that come */
    uint32_t len;
    uint64_t arg;
    uint64_t tag; /* set by vk_native_submit */
};

struct vk_done {
    uint64_t tag;
    uint64_t arg;
    int32_t res;     /* 0 or more; or an error */
    uint32_t len;    /* bytes moved */
    uint32_t handle; /* that the process has now, or 0 */
    uint32_t flags;
};

enum vk_op_code {
    VK_OP_SLEEP = 1,        /* completes after arg ns */
    VK_OP_RECV = 0x200 | 4, /* the next message; done.arg: its number when it wants a reply */
    VK_OP_REPLY =
        0x100 | 5, /* to the message with the number arg & 0xffffffff; arg >> 32: an error, negative */
    VK_OP_READ = 0x200 | 32, /* of VK_HANDLE_ORIGIN: the body of a request; len 0: its end */
    VK_OP_WRITE = 0x100 | 33 /* of VK_HANDLE_ORIGIN: more of a response; or the answer of a spawned process */
};

#define VK_HANDLE_ORIGIN 1u /* what the process was started for */
#define VK_DONE_REQUEST  1u /* flag of RECV: the message wants a reply */

/* Head of the state of every fiber; all but step and done is the library's. */
struct vk_fiber {
    uint32_t next;
    uint16_t step_fn;
    uint16_t step; /* the step function's own; 0 at first */
    uint8_t state;
    uint8_t has_done;
    uint8_t asked;
    uint8_t reserved;
    uint32_t joiner;
    struct vk_done done; /* of the op that it waited for */
};

typedef enum vk_said (*vk_step_fn)(struct vk_self *self, struct vk_fiber *fiber);

struct vk_native {
    size_t size;
    const char *name;
    const vk_step_fn *steps; /* the first is the root fiber's; kept, not copied */
    uint32_t steps_count;
    uint32_t state_bytes; /* of the root fiber: a struct that begins with struct vk_fiber */
    uint32_t heap_bytes;  /* the quota; 0: 64 KiB */
};

/*
 * Make a program of step functions. It lives as long as the kernel.
 *
 * -VK_EINVAL for a description that cannot be, -VK_ENOMEM; -VK_EPERM when other
 * threads have kernels and this one is not guarded by protection keys: the
 * heaps that one thread opens are open to all. (Nor can other threads make
 * kernels later, then.)
 */
VK_API int vk_native_create(struct vk_kernel *kernel, const struct vk_native *native,
                            struct vk_program **ret_program);

struct vk_spawn_options {
    size_t size;
    uint64_t deadline_ns; /* how long it may live; 0: as long as it likes */
    vk_answer_fn
        answer; /* told of its end: error 0 when it was a normal one, and what it wrote to its origin */
    void *context;
};

/*
 * Start a process with an argument, which is copied. It runs in the next step.
 *
 * options  NULL: all defaults
 * ret_pid  may be NULL
 *
 * -VK_ETOOBIG the argument does not fit the heap, -VK_ENOSPC, -VK_ENOMEM too many processes.
 */
VK_API int vk_spawn(struct vk_program *program, const void *arg, size_t arg_bytes,
                    const struct vk_spawn_options *options, vk_pid *ret_pid);

/*
 * Serve HTTP by a program: a process for every request, whose argument is the
 * request's head (vk_native_request) and whose origin is its client. As
 * vk_listen, but address is not NULL: -VK_EINVAL. Listeners of native programs
 * are eight in all. deadline_ns: of one request's process; 0: none.
 */
VK_API int vk_native_listen(struct vk_program *program, const char *address, uint64_t deadline_ns,
                            uint16_t *ret_port);

/* For steps, about their own process. */

/* Memory of the heap for good, aligned to 16; NULL when it is full. */
VK_API void *vk_native_alloc(struct vk_self *self, uint32_t len_bytes);
VK_API uint32_t vk_native_off(const struct vk_self *self, const void *memory);
VK_API void *vk_native_at(struct vk_self *self, uint32_t off);
VK_API const void *vk_native_arg(const struct vk_self *self, uint32_t *ret_bytes);
VK_API uint64_t vk_native_now_ns(const struct vk_self *self); /* of this turn; monotonic */

/* A new fiber with zeroed state, by its place in vk_native.steps; NULL when the heap is full. */
VK_API struct vk_fiber *vk_native_fiber(struct vk_self *self, uint16_t step_fn, uint32_t state_bytes);

/*
 * To be called again until it is true: submits the op once, and is true when
 * its completion is in fiber->done. While it is false the step says VK_SAID_WAIT.
 */
VK_API bool vk_native_wait(struct vk_self *self, struct vk_fiber *fiber, const struct vk_op *op);

/* Submit without waiting; the completion calls the fiber. false: too many in one step, say VK_SAID_AGAIN. */
VK_API bool vk_native_submit(struct vk_self *self, struct vk_fiber *fiber, const struct vk_op *op);

/* For steps of programs that serve HTTP. */

struct vk_request; /* in the heap */

/*
 * The request, which the process was started for; also while the kernel drains,
 * when the answer says by itself that it is the last. NULL: it was refused already, and the process just
 * ends.
 */
VK_API struct vk_request *vk_native_request(struct vk_self *self);

enum vk_part { VK_PART_METHOD = 0, VK_PART_PATH = 1, VK_PART_QUERY = 2, VK_PART_HOST = 3 };

/* A part of its head, empty where there is none; not ended by NUL. */
VK_API const char *vk_native_part(struct vk_self *self, const struct vk_request *request, enum vk_part part,
                                  size_t *ret_bytes);
/* The first field of that name, by any case; NULL: there is none. */
VK_API const char *vk_native_field(struct vk_self *self, const struct vk_request *request, const char *name,
                                   size_t *ret_bytes);

/*
 * Answer it; then the process ends. type: of the body, such as "text/plain";
 * "" for none. status is 200 to 999. -VK_EAGAIN: say VK_SAID_AGAIN and try
 * again; -VK_ENOMEM, -VK_EINVAL.
 */
VK_API int vk_native_respond(struct vk_self *self, const struct vk_request *request, uint32_t status,
                             const char *type, const void *body, size_t body_bytes);

/* ---- functions of the host ----------------------------------------------------------------- */

/*
 * A function that programs declare by `host fn` and the host supplies: docs/language.md, section 13.
 *
 * It is the host's own code with the host's rights, and runs in the middle of a
 * process's turn on the stack that called vk_step: it may make system calls
 * and allocate, returns soon, since every process waits for it, and leaves by
 * return alone. Of this library it may call the functions that take its call
 * and those that any thread may call; that it calls no other of its kernel's is asserted.
 */
struct vk_host_call;

/*
 * Answers one call. 0: the result was given; anything else, or a call of
 * vk_host_fail: it failed, which is the Err of a `Result`, and else the end of
 * the process.
 */
typedef int (*vk_host_fn)(void *context, struct vk_host_call *call);

/*
 * Supply a function to the modules that are loaded from then on.
 *
 * name       as the program declares it
 * signature  its types: "fn(Str, Int) -> Float". Of Int, Float, Bool, Duration, Str and Bytes, `T?` and
 *            `List<T>` of these; the result may be left out, or be `Result<T, Str>`
 * context    of every call; lives as long as the kernel
 *
 * A module that declares it with another signature is refused with both of
 * them, one that needs a function that is not there with its name: -VK_ENOENT
 * of vk_module_load.
 *
 * -VK_EINVAL no function of the language can have that name, no such signature
 * can be, or fn is NULL; -VK_EEXIST there is one of that name, -VK_ENOMEM.
 */
VK_API int vk_host_function(struct vk_kernel *kernel, const char *name, const char *signature, vk_host_fn fn,
                            void *context);

/*
 * The arguments, by their places from 0. One that is asked for as what it is
 * not gives 0 or "", and the call fails. A `T?` that is None gives 0 or "",
 * too. Texts lie in the heap of the process, are not ended by NUL, and are
 * there until a Str, Bytes or list is given: ask again then.
 */
VK_API bool vk_host_is_some(struct vk_host_call *call, uint32_t index);
VK_API int64_t vk_host_int(struct vk_host_call *call, uint32_t index); /* Int; Bool 0 or 1; Duration in ns */
VK_API double vk_host_float(struct vk_host_call *call, uint32_t index);
VK_API const char *vk_host_text(struct vk_host_call *call, uint32_t index,
                                size_t *ret_bytes); /* Str, Bytes */

/* A list's length and its items from 0; one that it has not is a mistake as above. */
VK_API uint64_t vk_host_len(struct vk_host_call *call, uint32_t index);
VK_API int64_t vk_host_int_at(struct vk_host_call *call, uint32_t index, uint64_t at);
VK_API double vk_host_float_at(struct vk_host_call *call, uint32_t index, uint64_t at);
VK_API const char *vk_host_text_at(struct vk_host_call *call, uint32_t index, uint64_t at, size_t *ret_bytes);

/*
 * The result, of which there is one. Bytes are copied into the heap of the
 * process; they may be those of an argument, and NULL when there are none of
 * them. The result of a function without
 * one, and of `Result<Nil, Str>`, is not given.
 *
 * -VK_EINVAL the signature has no such result, or there is one already;
 * -VK_EMALFORMED a Str that is no UTF-8: whatever follows, the call fails then.
 * -VK_ENOMEM the heap of the process has no room: something smaller may be given.
 */
VK_API int vk_host_give_int(struct vk_host_call *call, int64_t value); /* Int, Bool, Duration */
VK_API int vk_host_give_float(struct vk_host_call *call, double value);
VK_API int vk_host_give_text(struct vk_host_call *call, const char *text, size_t len_bytes); /* Str, Bytes */
VK_API int vk_host_give_none(struct vk_host_call *call);

/* A list, with room for so many items at first, and then these. */
VK_API int vk_host_give_list(struct vk_host_call *call, uint32_t room);
VK_API int vk_host_push_int(struct vk_host_call *call, int64_t value);
VK_API int vk_host_push_float(struct vk_host_call *call, double value);
VK_API int vk_host_push_text(struct vk_host_call *call, const char *text, size_t len_bytes);

/*
 * Why it failed, of which 200 bytes are kept; in place of a result, also of one
 * that was given. Of several the last one counts; NULL is none in particular.
 * -VK_EIO, for the function to return.
 */
VK_API int vk_host_fail(struct vk_host_call *call, const char *why);

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
    uint64_t gave_up;   /* supervisors that stopped their actors, since too many had ended */
};

/* Since the kernel was made. -VK_EINVAL for a size that no library had. */
VK_API int vk_kernel_counters(const struct vk_kernel *kernel, struct vk_counters *ret_counters);

#ifdef __cplusplus
}
#endif

#endif
