/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of the host's that programs call: a list of them, and the calls,
 * which are interp/host.h's by other names.
 */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"
#include "vk/linux/home.h"

#include <string.h>

/* Kept until the kernel ends: images hold the address of it as the context of their calls. */
struct vkd_host_function {
    struct vkd_host_function *next;
    struct vk_kernel *kernel;
    vk_host_fn fn;
    void *context;
    struct interp_signature signature;
    size_t room;  /* of this, with both texts behind it */
    char texts[]; /* name, signature; each ended by NUL */
};

static const char *text_of(const struct vkd_host_function *f)
{
    return f->texts + strlen(f->texts) + 1;
}

static struct vkd_host_function *find(const struct vk_kernel *k, const char *name)
{
    struct vkd_host_function *f = k->functions;
    while (f != NULL && strcmp(f->texts, name) != 0)
        f = f->next;
    return f;
}

/* As docs/language.md has names of functions. Keywords are left alone: no program declares one. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > VK_LIB_NAME_MAX_BYTES || !(name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z')))
        return false;
    for (size_t i = 1; i < len; i++) {
        char c = name[i], low = (char)(c | 0x20);
        if (c != '_' && !(c >= '0' && c <= '9') && !(low >= 'a' && low <= 'z'))
            return false;
    }
    return true;
}

int vk_host_function(struct vk_kernel *kernel, const char *name, const char *signature, vk_host_fn fn,
                     void *context)
{
    struct interp_signature read;
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    if (fn == NULL || !is_name(name) || !interp_signature_read(vk_span_text(signature), &read))
        return -VK_EINVAL;
    if (find(kernel, name) != NULL)
        return -VK_EEXIST;
    size_t name_room = strlen(name) + 1, text_room = strlen(signature) + 1;
    size_t room = sizeof(struct vkd_host_function) + name_room + text_room;
    struct vkd_host_function *f = vkd_lib_alloc(kernel, room);
    if (f == NULL)
        return -VK_ENOMEM;
    *f = (struct vkd_host_function){.next = kernel->functions,
                                    .kernel = kernel,
                                    .fn = fn,
                                    .context = context,
                                    .signature = read,
                                    .room = room};
    memcpy(f->texts, name, name_room);
    memcpy(f->texts + name_room, signature, text_room);
    kernel->functions = f;
    kernel->functions_count++;
    return 0;
}

/* ---- for modules ------------------------------------------------------------------- */

static int call(void *context, struct interp_host_call *call)
{
    const struct vkd_host_function *f = context;
    f->kernel->is_in_host = true;
    int rc = f->fn(f->context, (struct vk_host_call *)call);
    f->kernel->is_in_host = false;
    return rc;
}

int vkd_lib_hosts_begin(struct vk_kernel *kernel, struct interp_hosts *ret_hosts)
{
    uint32_t count = 0;
    struct interp_host_function *list = NULL;
    if (kernel->functions_count > 0) {
        list = vkd_lib_alloc(kernel, kernel->functions_count * sizeof *list);
        if (list == NULL)
            return -VK_ENOMEM;
    }
    for (struct vkd_host_function *f = kernel->functions; f != NULL; f = f->next)
        list[count++] = (struct interp_host_function){
            .name = f->texts, .text = text_of(f), .signature = f->signature, .fn = call, .context = f};
    *ret_hosts = (struct interp_hosts){.functions = list, .count = count, .home = vk_linux_home};
    return 0;
}

void vkd_lib_hosts_end(struct vk_kernel *kernel, const struct interp_hosts *hosts)
{
    vkd_lib_free(kernel, (void *)(uintptr_t)hosts->functions, hosts->count * sizeof *hosts->functions);
}

void vkd_lib_hosts_fini(struct vk_kernel *kernel)
{
    for (struct vkd_host_function *f; (f = kernel->functions) != NULL;) {
        kernel->functions = f->next;
        vkd_lib_free(kernel, f, f->room);
    }
}

/* ---- a call --------------------------------------------------------------------------- */

static struct interp_host_call *inside(struct vk_host_call *c)
{
    return (struct interp_host_call *)c;
}

static const char *give_span(struct vk_span text, size_t *ret_bytes)
{
    *ret_bytes = text.len;
    return (const char *)text.ptr;
}

bool vk_host_is_some(struct vk_host_call *c, uint32_t index)
{
    return interp_host_is_some(inside(c), index);
}

int64_t vk_host_int(struct vk_host_call *c, uint32_t index)
{
    return interp_host_int(inside(c), index);
}

double vk_host_float(struct vk_host_call *c, uint32_t index)
{
    return interp_host_float(inside(c), index);
}

const char *vk_host_text(struct vk_host_call *c, uint32_t index, size_t *ret_bytes)
{
    return give_span(interp_host_text(inside(c), index), ret_bytes);
}

uint64_t vk_host_len(struct vk_host_call *c, uint32_t index)
{
    return interp_host_len(inside(c), index);
}

int64_t vk_host_int_at(struct vk_host_call *c, uint32_t index, uint64_t at)
{
    return interp_host_int_at(inside(c), index, at);
}

double vk_host_float_at(struct vk_host_call *c, uint32_t index, uint64_t at)
{
    return interp_host_float_at(inside(c), index, at);
}

const char *vk_host_text_at(struct vk_host_call *c, uint32_t index, uint64_t at, size_t *ret_bytes)
{
    return give_span(interp_host_text_at(inside(c), index, at), ret_bytes);
}

int vk_host_give_int(struct vk_host_call *c, int64_t value)
{
    return interp_host_give_int(inside(c), value);
}

int vk_host_give_float(struct vk_host_call *c, double value)
{
    return interp_host_give_float(inside(c), value);
}

int vk_host_give_text(struct vk_host_call *c, const char *text, size_t len_bytes)
{
    return interp_host_give_text(inside(c), vk_span(text, len_bytes));
}

int vk_host_give_none(struct vk_host_call *c)
{
    return interp_host_give_none(inside(c));
}

int vk_host_give_list(struct vk_host_call *c, uint32_t room)
{
    return interp_host_give_list(inside(c), room);
}

int vk_host_push_int(struct vk_host_call *c, int64_t value)
{
    return interp_host_push_int(inside(c), value);
}

int vk_host_push_float(struct vk_host_call *c, double value)
{
    return interp_host_push_float(inside(c), value);
}

int vk_host_push_text(struct vk_host_call *c, const char *text, size_t len_bytes)
{
    return interp_host_push_text(inside(c), vk_span(text, len_bytes));
}

int vk_host_fail(struct vk_host_call *c, const char *why)
{
    return interp_host_fail(inside(c), vk_span_text(why != NULL ? why : "the host gave no reason"));
}
