/* SPDX-License-Identifier: Apache-2.0 */
/* Loading modules into a kernel. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS_MIN_BYTES VKD_LIB_BYTES_TO(vk_module_options, why_bytes) /* of version 0.1 */
#define WHY_BYTES         640u

static void *memory_alloc(void *ctx, size_t len_bytes)
{
    return vkd_lib_alloc(ctx, len_bytes);
}

static void memory_free(void *ctx, void *memory, size_t len_bytes)
{
    vkd_lib_free(ctx, memory, len_bytes);
}

static void log_value(void *ctx, struct vk_span line)
{
    vkd_lib_log(ctx, VK_LEVEL_INFO, line);
}

static int make_image(struct vk_module *m, const char *name, struct vk_out *why)
{
    struct vk_kernel *k = m->kernel;
    struct interp_hosts hosts;
    if (vkd_lib_hosts_begin(k, &hosts) != 0) {
        vk_out_fmt(why, "%s: out of memory", name);
        return -VK_ENOMEM;
    }
    const struct vkd_verified_options options = {
        .memory = {memory_alloc, memory_free, k},
        .natives = net_bind_host_natives,
        .hosts = &hosts,
        .name = name,
        .wall_s = time(NULL),
        .now_ns = k->io->ops->now(k->io),
        .log = k->log != NULL ? log_value : NULL,
        .log_ctx = k,
    };
    int rc = vkd_verified_open(&m->code, vk_span(m->file, m->file_bytes), &options, why);
    if (rc == 0)
        rc = vkd_verified_lay_out(&m->code, &options, why);
    vkd_lib_hosts_end(k, &hosts);
    return rc;
}

static int make_host(struct vk_module *m, const char *name, struct vk_out *why)
{
    struct interp_refusal refusal = {0};
    m->host_bytes = net_bind_host_bytes(&m->code.module);
    m->host_memory = vkd_lib_alloc(m->kernel, m->host_bytes);
    if (m->host_memory == NULL) {
        vk_out_fmt(why, "%s: out of memory", name);
        return -VK_ENOMEM;
    }
    int rc = net_bind_host_init(&m->host, &m->code.image, m->host_memory, &refusal);
    if (rc == 0)
        return 0;
    if (refusal.at != 0)
        vk_out_fmt(why, "%s:%u: it cannot be served: %s", name, refusal.at, refusal.why);
    else
        vk_out_fmt(why, "%s: it cannot be served: %s", name, refusal.why);
    return -VK_EINVAL;
}

/* Whether it has what goes on when nobody calls it: then it lives as long as the kernel. */
static bool has_services(const struct vk_module *m)
{
    const struct interp_services *s = interp_module_services(&m->code.module);
    return m->host.blocks_count > 0 || m->host.cast.actors_count > 0 || m->host.cast.supervisors_count > 0 ||
           (s != NULL && s->stores.count > 0);
}

static int start(struct vk_module *m, const char *name, struct vk_out *why)
{
    if (!has_services(m))
        return 0; /* and takes nothing of the kernel's tables */
    m->hosted.conns_max = m->kernel->conns_max;
    int rc = net_bind_host_start(&m->host, m->kernel->proc, &m->hosted);
    if (rc == 0 && m->hosted.server != NULL) {
        m->hosted.env.objects[m->hosted.env.count++] = net_server_gauges(m->hosted.server);
        vkd_lib_server_made(m->kernel, m->hosted.server);
    }
    if (rc != 0)
        vk_out_fmt(why, "%s: it cannot be started: %s", name, vk_err_text(rc));
    return rc;
}

void vkd_lib_module_free(struct vk_module *module)
{
    struct vk_kernel *k = module->kernel;
    vkd_lib_functions_fini(module);
    vkd_verified_fini(&module->code);
    vkd_lib_free(k, module->host_memory, module->host_bytes);
    vkd_lib_free(k, module->file, module->file_room);
    vkd_lib_free(k, module, sizeof *module);
}

/* As much of the message as the caller has room for. */
static void tell_why(const struct vk_module_options *o, struct vk_span text)
{
    if (o->why == NULL || o->why_bytes == 0)
        return;
    size_t len = text.len < o->why_bytes ? text.len : o->why_bytes - 1;
    memcpy(o->why, text.ptr, len);
    o->why[len] = '\0';
}

/* A module whose file is there; it is in the kernel's list, or gone. */
static int finish(struct vk_module *m, const struct vk_module_options *o)
{
    char text[WHY_BYTES];
    struct vk_out why;
    const char *name = o->name != NULL ? o->name : "module";
    vk_out_init(&why, text, sizeof text);
    int rc = make_image(m, name, &why);
    if (rc == 0)
        rc = make_host(m, name, &why);
    if (rc == 0)
        rc = start(m, name, &why);
    if (rc == 0) {
        m->next = m->kernel->modules;
        m->kernel->modules = m;
    } else {
        vkd_lib_module_free(m);
    }
    tell_why(o, vk_out_span(&why));
    return rc;
}

/* With room for a file. */
static struct vk_module *module_new(struct vk_kernel *k, size_t file_bytes)
{
    struct vk_module *m = vkd_lib_alloc(k, sizeof *m);
    if (m == NULL)
        return NULL;
    *m = (struct vk_module){.kernel = k, .file_bytes = file_bytes, .file_room = file_bytes + 1};
    m->file = vkd_lib_alloc(k, m->file_room);
    if (m->file != NULL)
        return m;
    vkd_lib_module_free(m);
    return NULL;
}

int vk_module_load(struct vk_kernel *kernel, const void *bytes, size_t len_bytes,
                   const struct vk_module_options *options, struct vk_module **ret_module)
{
    struct vk_module_options o;
    int rc = vkd_lib_begin(kernel);
    if (rc == 0)
        rc = vkd_lib_options(&o, sizeof o, OPTIONS_MIN_BYTES, options);
    if (rc != 0)
        return rc;
    struct vk_module *m = module_new(kernel, len_bytes);
    if (m == NULL)
        return -VK_ENOMEM;
    memcpy(m->file, bytes, len_bytes);
    rc = finish(m, &o);
    if (rc == 0)
        *ret_module = m;
    return rc;
}

int vk_module_unload(struct vk_module *module)
{
    if (module == NULL)
        return 0;
    struct vk_kernel *k = module->kernel;
    vkd_lib_check(k);
    if (has_services(module))
        return -VK_EPERM;
    if (module->calls > 0)
        return -VK_EAGAIN;
    struct vk_module **link = &k->modules;
    while (*link != module)
        link = &(*link)->next;
    *link = module->next;
    vkd_lib_module_free(module);
    return 0;
}

/* ---- from a file ---- */

static int file_err(void)
{
    return errno == ENOENT || errno == ENOTDIR  ? -VK_ENOENT
           : errno == EACCES || errno == EPERM  ? -VK_EACCES
           : errno == EMFILE || errno == ENFILE ? -VK_EMFILE
                                                : -VK_EIO;
}

static int read_all(int fd, uint8_t *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(fd, to + at, len - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -VK_EIO; /* it became shorter, or cannot be read */
        at += (size_t)got;
    }
    return 0;
}

static int read_module(struct vk_kernel *k, int fd, struct vk_module **ret_module)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return -VK_EIO;
    if (about.st_size > (off_t)VK_LIB_FILE_MAX_BYTES)
        return -VK_ETOOBIG;
    struct vk_module *m = module_new(k, (size_t)about.st_size);
    if (m == NULL)
        return -VK_ENOMEM;
    int rc = read_all(fd, m->file, m->file_bytes);
    if (rc == 0)
        *ret_module = m;
    else
        vkd_lib_module_free(m);
    return rc;
}

/* Of what read_module and file_err give. */
static const char *file_text(int err)
{
    switch (err) {
    case -VK_ENOENT:
        return "there is no such file";
    case -VK_EACCES:
        return "it may not be read";
    case -VK_EIO:
        return "it is no file, or cannot be read";
    case -VK_ETOOBIG:
        return "it is larger than any module";
    default:
        return vk_err_text(err);
    }
}

static int cannot_read(const struct vk_module_options *o, const char *path, int err)
{
    char text[WHY_BYTES];
    struct vk_out why;
    vk_out_init(&why, text, sizeof text);
    vk_out_fmt(&why, "%s: %s", path, file_text(err));
    tell_why(o, vk_out_span(&why));
    return err;
}

int vk_module_load_file(struct vk_kernel *kernel, const char *path, const struct vk_module_options *options,
                        struct vk_module **ret_module)
{
    struct vk_module_options o;
    struct vk_module *m = NULL;
    int rc = vkd_lib_begin(kernel);
    if (rc == 0)
        rc = vkd_lib_options(&o, sizeof o, OPTIONS_MIN_BYTES, options);
    if (rc != 0)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for its writer */
    if (fd < 0)
        return cannot_read(&o, path, file_err());
    rc = read_module(kernel, fd, &m);
    (void)close(fd); /* it was only read */
    if (rc != 0)
        return cannot_read(&o, path, rc);
    o.name = o.name != NULL ? o.name : path;
    rc = finish(m, &o);
    if (rc == 0)
        *ret_module = m;
    return rc;
}
