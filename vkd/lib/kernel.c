/* SPDX-License-Identifier: Apache-2.0 */
/* Creating and destroying kernels. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

#include <stdlib.h>
#include <sys/mman.h>

#define OPTIONS_MIN_BYTES  VKD_LIB_BYTES_TO(vk_options, spins) /* of version 0.1 */
#define COUNTERS_MIN_BYTES VKD_LIB_BYTES_TO(vk_counters, conns)

/* ---- the C library's allocator ---- */

static void *default_alloc(void *context, size_t len_bytes, size_t align_bytes)
{
    (void)context;
    return aligned_alloc(align_bytes, VK_ALIGN_UP(len_bytes, align_bytes));
}

static void default_free(void *context, void *memory, size_t len_bytes)
{
    (void)context, (void)len_bytes;
    free(memory);
}

/* ---- creating ---- */

static int take_options(const struct vk_options *given, struct vk_options *o)
{
    int rc = vkd_lib_options(o, sizeof *o, OPTIONS_MIN_BYTES, given);
    if (rc != 0)
        return rc;
    if ((o->allocator.alloc == NULL) != (o->allocator.free == NULL) || o->driver > VK_DRIVER_EV ||
        o->guarding > VK_GUARDING_PKEY)
        return -VK_EINVAL;
    if (o->allocator.alloc == NULL)
        o->allocator = (struct vk_allocator){.alloc = default_alloc, .free = default_free};
    return 0;
}

static void log_line(void *ctx, enum proc_log_level level, struct vk_span text)
{
    vkd_lib_log(ctx, (enum vk_level)level, text);
}
_Static_assert((int)VK_LEVEL_ERROR == (int)PROC_LOG_ERROR && (int)VK_LEVEL_WARN == (int)PROC_LOG_WARN &&
                   (int)VK_LEVEL_INFO == (int)PROC_LOG_INFO,
               "levels are passed on");

static void on_nothing(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                       const struct proc_io_event *event)
{
    (void)kernel, (void)sink, (void)kind, (void)event;
}

/* A page that reads as zero in a child: nothing else tells a fork without a system call. */
static int make_present(struct vk_kernel *k)
{
    void *page = mmap(NULL, VK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -VK_ENOMEM;
    k->present = page;
    if (madvise(page, VK_PAGE_BYTES, MADV_WIPEONFORK) != 0)
        return -VK_ENOTSUP;
    *k->present = 1;
    return 0;
}

static int make_io(struct vk_kernel *k, const struct vk_options *o)
{
    const struct net_io_options io = {.no_spin = !o->spins, .loop = o->ev_loop};
    const char *why;
    enum vk_driver driver = o->ev_loop != NULL && o->driver == VK_DRIVER_AUTO ? VK_DRIVER_EV : o->driver;
    int rc = net_io_create((enum net_io_kind)driver, &io, &k->io, &why);
    if (rc == 0 && why != NULL && k->log != NULL)
        vkd_lib_log(k, VK_LEVEL_INFO, vk_span_text(why));
    return rc;
}
_Static_assert((int)VK_DRIVER_AUTO == (int)NET_IO_AUTO && (int)VK_DRIVER_URING == (int)NET_IO_URING &&
                   (int)VK_DRIVER_EV == (int)NET_IO_EV,
               "drivers are passed on");

static int make_proc(struct vk_kernel *k, const struct vk_options *o)
{
    static const enum vk_guard_kind kinds[] = {VK_GUARD_OFF, VK_GUARD_AUTO, VK_GUARD_MPROTECT, VK_GUARD_PKEY};
    bool is_small = o->warm_max == 0 && o->processes_max != 0 && o->processes_max < VK_SLOT_WARM;
    struct proc_kernel_options options = {
        .io = k->io,
        .guard = kinds[o->guarding],
        .no_native = o->guarding == VK_GUARDING_OFF,
        .slots_max = {o->processes_max},
        .slots_warm = is_small ? o->processes_max : o->warm_max,
        .service_bytes = o->service_bytes != 0 ? o->service_bytes : VK_LIB_SERVICE_BYTES,
        .log = k->log != NULL ? log_line : NULL,
        .log_ctx = k,
    };
    return proc_kernel_create(&options, &k->proc);
}

static void unmake(struct vk_kernel *k)
{
    k->is_ending = true;
    k->is_stepping = true; /* whoever is called back meanwhile finds it in the middle of something */
    vkd_lib_loop_destroy(k);
    if (k->proc != NULL) {
        proc_kernel_end(k->proc);
        vkd_lib_asks_answer(k);
    }
    proc_kernel_destroy(k->proc);
    vkd_lib_asks_fini(k);
    vkd_lib_programs_fini(k);
    vkd_lib_hosts_fini(k);
    for (struct vk_module *module; (module = k->modules) != NULL;) {
        k->modules = module->next;
        vkd_lib_module_free(module);
    }
    if (k->io != NULL)
        k->io->ops->destroy(k->io);
    if (k->present != NULL)
        (void)munmap(k->present, VK_PAGE_BYTES); /* fails only for a range that is no mapping */
    vkd_lib_thread_put(k);
    const struct vk_allocator allocator = k->allocator;
    allocator.free(allocator.context, k, sizeof *k);
}

int vk_kernel_create(const struct vk_options *options, struct vk_kernel **ret_kernel)
{
    struct vk_options o;
    int rc = take_options(options, &o);
    if (rc == 0)
        rc = vkd_lib_thread_get();
    if (rc != 0)
        return rc;
    struct vk_kernel *k = o.allocator.alloc(o.allocator.context, sizeof *k, VK_CACHE_LINE_BYTES);
    if (k == NULL) {
        vkd_lib_thread_put(&(struct vk_kernel){0});
        return -VK_ENOMEM;
    }
    *k = (struct vk_kernel){.allocator = o.allocator,
                            .log = o.log,
                            .log_context = o.log_context,
                            .conns_max = o.conns_max,
                            .nobody = {.on_event = on_nothing},
                            .thread = vkd_lib_thread()};
    vkd_lib_asks_init(k);
    rc = make_present(k);
    if (rc == 0)
        rc = make_io(k, &o);
    if (rc == 0)
        rc = make_proc(k, &o);
    if (rc == 0 && o.ev_loop != NULL)
        rc = vkd_lib_loop_create(k, o.ev_loop);
    if (rc != 0) {
        unmake(k);
        return rc;
    }
    *ret_kernel = k;
    return 0;
}

void vk_kernel_destroy(struct vk_kernel *kernel)
{
    if (kernel == NULL)
        return;
    vkd_lib_check(kernel);
    vk_assert(!kernel->is_stepping);
    unmake(kernel);
}

/* ---- what it is ---- */

uint32_t vk_version(void)
{
    return VK_VERSION_MAJOR << 16 | VK_VERSION_MINOR << 8 | VK_VERSION_PATCH;
}

const char *vk_error_text(int error)
{
    return vk_err_text(error);
}

const char *vk_kernel_driver(const struct vk_kernel *kernel)
{
    return kernel->io->ops->name;
}

const char *vk_kernel_guard(const struct vk_kernel *kernel)
{
    return vk_guard_name(proc_kernel_guard(kernel->proc));
}

int vk_kernel_counters(const struct vk_kernel *kernel, struct vk_counters *ret_counters)
{
    struct proc_counters of;
    size_t size = ret_counters->size;
    vkd_lib_check(kernel);
    if (size < COUNTERS_MIN_BYTES || size > VK_LIB_OPTIONS_MAX_BYTES)
        return -VK_EINVAL;
    proc_kernel_counters(kernel->proc, &of);
    struct vk_counters c = {.size = size,
                            .started = of.started,
                            .crashed = of.crashes,
                            .processes = of.processes,
                            .gave_up = of.gave_up};
    for (const struct net_server *s = NULL; (s = vkd_lib_server_next(kernel, s)) != NULL;) {
        struct net_server_counters http;
        net_server_counters(s, &http);
        c.requests += http.requests;
        c.refused += http.refused;
        c.accepted += http.accepted;
        c.conns += http.conns;
    }
    memset(ret_counters, 0, size);
    memcpy(ret_counters, &c, size < sizeof c ? size : sizeof c);
    return 0;
}
