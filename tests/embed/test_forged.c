/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a Bool is 0 or 1 for the host, whatever bytecode has for one: the
 * verifier does not tell it from an Int. Method: the functions of forged.vk,
 * whose signatures are rewritten in the module, with its checksum.
 */
#include "interp/module.h"
#include "tests/embed/host.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static int64_t given[8]; /* of the last call */
static size_t given_count;

static void keep(int64_t i)
{
    given[given_count++ % 8] = i;
}

static int truths(void *context, struct vk_host_call *call)
{
    (void)context;
    given_count = 0;
    keep(vk_host_int(call, 0));
    keep(vk_host_int(call, 1));
    for (uint64_t i = 0; i < vk_host_len(call, 2); i++)
        keep(vk_host_int_at(call, 2, i));
    return vk_host_give_int(call, 1);
}

static void on_answer(void *context, const struct vk_answer *answer)
{
    const struct vk_value *value = &answer->value;
    (void)context;
    CHECK_EQ(answer->error, 0);
    given_count = 0;
    if (value->type != VK_TYPE_LIST)
        keep(value->as.i);
    for (size_t i = 0; value->type == VK_TYPE_LIST && i < value->as.list.count; i++)
        keep(value->as.list.items[i].as.i);
}

/* Wherever it stands in the module. Both texts are of one length. */
static void rewrite(struct host_file *file, const char *from, const char *to)
{
    size_t len = strlen(from), found = 0;
    CHECK_EQ(strlen(to), len);
    for (size_t at = 0; at + len <= file->len; at++) {
        if (memcmp(file->bytes + at, from, len) != 0)
            continue;
        memcpy(file->bytes + at, to, len);
        found++;
    }
    CHECK(found > 0);
}

static void seal(struct host_file *file)
{
    struct interp_header *header = (void *)file->bytes;
    header->checksum = interp_module_checksum(header + 1, file->len - sizeof *header);
}

static struct vk_module *load(struct vk_kernel *kernel)
{
    struct host_file file = host_read(EMBED_FORGED);
    struct vk_module *module = NULL;
    rewrite(&file, "fn(Int, Int?, List<Int>) -> Int", "fn(Bool,Bool?,List<Bool>) ->Int");
    rewrite(&file, "fn(Float, Int) -> Int", "fn(Float,Int) -> Bool"); /* and of Int? */
    rewrite(&file, "fn(Float, Int) -> List<Int>", "fn(Float,Int) -> List<Bool>");
    seal(&file);
    CHECK_EQ(vk_host_function(kernel, "truths", "fn(Bool, Bool?, List<Bool>) -> Int", truths, NULL), 0);
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, NULL, &module), 0);
    free(file.bytes);
    return module;
}

static void call(struct vk_module *module, const char *name, const struct vk_value *args, size_t count)
{
    struct vk_function *function = NULL;
    CHECK_EQ(vk_function_find(module, name, NULL, &function), 0);
    CHECK_EQ(vk_call_wait(function, args, count, on_answer, NULL), 0);
}

TEST(embed_forged, a_bool_is_0_or_1_whatever_the_module_has)
{
    static const int64_t wild[] = {7, -1, 1, INT64_MIN};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
    struct vk_module *module = load(kernel);
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        const struct vk_value args[] = {vk_float(1), vk_int(wild[i])};
        call(module, "truth", args, 2);
        CHECK(given_count == 1 && given[0] == 1);
        call(module, "perhaps", args, 2);
        CHECK(given_count == 1 && given[0] == 1);
        call(module, "several", args, 2);
        CHECK(given_count == 3 && given[0] == 1 && given[1] == 0 && given[2] == 1);
    }
    vk_kernel_destroy(kernel);
}

/* A text where the type has a scalar, or another count of parameters: what would be read in the wrong place.
 */
TEST(embed_forged, a_signature_of_another_type_is_refused)
{
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"fn(Float, Int) -> Int", "fn(Float, Str) -> Int", "function for the host"},
        {"fn(Float, Int) -> Int", "fn(Float) ->      Int", "function for the host"},
        {"fn(Float, Int) -> Int", "fn(Float, Int) -> Str", "function for the host"},
        {"fn(Int, Int?, List<Int>) -> Int", "fn(Str, Int?, List<Int>) -> Int", "a host function's signature"},
        {"fn(Int, Int?, List<Int>) -> Int", "fn(Int, Str?, List<Int>) -> Int", "a host function's signature"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[200] = "";
        const struct vk_module_options options = {
            .size = sizeof options, .why = why, .why_bytes = sizeof why};
        struct host_file file = host_read(EMBED_FORGED);
        struct vk_kernel *kernel = NULL;
        struct vk_module *module = NULL;
        rewrite(&file, cases[i].from, cases[i].to);
        seal(&file);
        CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
        CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, &options, &module), -VK_EMALFORMED);
        CHECK(strstr(why, cases[i].why) != NULL);
        CHECK(strstr(why, "is not that of its type") != NULL);
        vk_kernel_destroy(kernel);
        free(file.bytes);
    }
}

static void on_asked(void *context, const struct vk_answer *answer)
{
    (void)context;
    CHECK_EQ(answer->error, 0);
}

TEST(embed_forged, a_bool_that_the_host_is_given_is_0_or_1)
{
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
    struct vk_module *module = load(kernel);
    struct vk_function *ask = NULL;
    const struct vk_value wild = vk_int(-7);
    CHECK_EQ(vk_function_find(module, "ask", NULL, &ask), 0);
    CHECK_EQ(vk_call_wait(ask, &wild, 1, on_asked, NULL), 0);
    CHECK_EQ(given_count, 5u);
    CHECK(given[0] == 1 && given[1] == 1 && given[2] == 1 && given[3] == 0 && given[4] == 1);
    vk_kernel_destroy(kernel);
}
