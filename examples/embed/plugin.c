/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that runs plug-ins of its users: each FILE.vk offers
 *
 *     pub fn discount(item: Str, count: Int) -> Float
 *
 * and may ask the host for `host fn price(item: Str) -> Result<Float, Str>`
 * and tell it something by `host fn note(line: Str)`. A plug-in that does not
 * compile, asks for what there is not, traps, loops or hoards costs a line of
 * text: every call has a heap, a quota of CPU time and a deadline of its own.
 *
 * Usage: plugin FILE.vk...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vk.h>
#include <vkc.h>

#define HEAP_BYTES  (256u << 10)
#define CPU_NS      5000000u   /* of a call, counted the same on every machine */
#define DEADLINE_NS 500000000u /* a call that waits ends then */

struct plugin {
    const char *path;
    struct vk_module *module; /* NULL: it was refused */
    struct vk_function *discount;
};

/* ---- what the host offers ---- */

static int price(void *context, struct vk_host_call *call)
{
    size_t len;
    const char *item = vk_host_text(call, 0, &len);
    (void)context;
    if (len == 3 && memcmp(item, "tea", 3) == 0)
        return vk_host_give_float(call, 4.5);
    return vk_host_fail(call, "no such item");
}

static int note(void *context, struct vk_host_call *call)
{
    size_t len;
    const char *line = vk_host_text(call, 0, &len);
    (void)context;
    printf("  note: %.*s\n", (int)len, line);
    return 0;
}

/* ---- loading ---- */

static void on_message(void *context, const struct vkc_message *message)
{
    (void)context;
    if (message->line > 0)
        printf("%s:%u:%u: %s\n", message->path, (unsigned)message->line, (unsigned)message->column,
               message->what);
    else
        printf("%s\n", message->what);
}

static void load(struct vk_kernel *kernel, struct plugin *plugin)
{
    char why[300] = "";
    void *bytes;
    size_t len;
    const struct vkc_options compiling = {.size = sizeof compiling, .message = on_message};
    const struct vk_module_options loading = {
        .size = sizeof loading, .name = plugin->path, .why = why, .why_bytes = sizeof why};
    const struct vk_function_options quotas = {
        .size = sizeof quotas, .heap_bytes = HEAP_BYTES, .cpu_ns = CPU_NS, .deadline_ns = DEADLINE_NS};
    if (vkc_compile_file(plugin->path, &compiling, &bytes, &len) != 0)
        return; /* it was told */
    int rc = vk_module_load(kernel, bytes, len, &loading, &plugin->module);
    vkc_release(bytes, len, &compiling);
    if (rc != 0) {
        printf("%s\n", why);
        return;
    }
    rc = vk_function_find(plugin->module, "discount", &quotas, &plugin->discount);
    if (rc == 0 && strcmp(vk_function_type(plugin->discount), "fn(Str, Int) -> Float") == 0)
        return;
    printf("%s: it has no `pub fn discount(item: Str, count: Int) -> Float`\n", plugin->path);
    plugin->discount = NULL;
}

/* ---- calling ---- */

static void on_answer(void *context, const struct vk_answer *answer)
{
    const struct plugin *plugin = context;
    if (answer->error == 0)
        printf("%s: %.2f\n", plugin->path, answer->value.as.f);
    else
        printf("%s: %s: %.*s%s%.*s\n", plugin->path, vk_error_text(answer->error), (int)answer->words_len,
               answer->words, answer->place_len > 0 ? " in " : "", (int)answer->place_len, answer->place);
}

static void run(struct vk_kernel *kernel, struct plugin *plugins, int count)
{
    for (int i = 0; i < count; i++) {
        load(kernel, &plugins[i]);
        const struct vk_value args[] = {vk_str("tea"), vk_int(10)};
        if (plugins[i].discount != NULL)
            (void)vk_call_wait(plugins[i].discount, args, 2, on_answer, &plugins[i]);
    }
}

int main(int argc, char **argv)
{
    struct vk_kernel *kernel;
    struct plugin *plugins = calloc((size_t)argc, sizeof *plugins);
    if (plugins == NULL || argc < 2 || vk_kernel_create(NULL, &kernel) != 0) {
        free(plugins);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        plugins[i - 1].path = argv[i];
    int rc = vk_host_function(kernel, "price", "fn(Str) -> Result<Float, Str>", price, NULL);
    if (rc == 0)
        rc = vk_host_function(kernel, "note", "fn(Str)", note, NULL);
    if (rc == 0)
        run(kernel, plugins, argc - 1);
    printf("the host is well\n");
    vk_kernel_destroy(kernel);
    free(plugins);
    return rc != 0;
}
