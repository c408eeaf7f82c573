/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: programs call functions of the host, with every type there and back;
 * one that does what it may not ends the process that called, and one that
 * uses its kernel ends the host. Method: requests to asks.vk, which says what
 * it was given, without a guard and with one.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct vk_kernel *kernel;
static struct vk_module *module;
static char notes[200];
static uint16_t port;

/* ---- the functions --------------------------------------------------------------------- */

static int price(void *context, struct vk_host_call *call)
{
    size_t len;
    const char *item = vk_host_text(call, 0, &len);
    CHECK(context == notes);
    if (len == 3 && memcmp(item, "tea", 3) == 0)
        return vk_host_give_float(call, 1.5 * (double)vk_host_int(call, 1));
    if (len == 4 && memcmp(item, "none", 4) == 0)
        return vk_host_fail(call, NULL);
    if (len == 5 && memcmp(item, "twice", 5) == 0) {
        CHECK_EQ(vk_host_give_float(call, 1), 0);
        CHECK_EQ(vk_host_fail(call, "the first"), -VK_EIO);
        CHECK_EQ(vk_host_fail(call, "the last"), -VK_EIO);
        return 0;
    }
    return vk_host_fail(call, "no such item");
}

static int note(void *context, struct vk_host_call *call)
{
    size_t len, at = strlen(notes);
    const char *line = vk_host_text(call, 0, &len);
    (void)context;
    char *copy = malloc(len + 1); /* as host code does, and a process could not */
    CHECK(copy != NULL);
    memcpy(copy, line, len);
    copy[len] = '\0';
    snprintf(notes + at, sizeof notes - at, "%s;", copy);
    free(copy);
    return 0;
}

/* The words are given where they lie in the argument. */
static int words(void *context, struct vk_host_call *call)
{
    size_t len, from = 0;
    (void)context;
    int rc = vk_host_give_list(call, 0);
    for (size_t at = 0; rc == 0; at++) {
        const char *text = vk_host_text(call, 0, &len);
        if (at < len && text[at] != ' ')
            continue;
        rc = vk_host_push_text(call, text + from, at - from);
        from = at + 1;
        if (at >= len)
            break;
    }
    return rc;
}

static int mixed(void *context, struct vk_host_call *call)
{
    char text[100];
    size_t len;
    int64_t sum = 0;
    double floats = 0;
    (void)context;
    if (!vk_host_is_some(call, 3))
        return vk_host_give_none(call);
    for (uint64_t i = 0; i < vk_host_len(call, 2); i++)
        sum += vk_host_int_at(call, 2, i);
    for (uint64_t i = 0; i < vk_host_len(call, 5); i++)
        floats += vk_host_float_at(call, 5, i);
    const char *bytes = vk_host_text(call, 4, &len);
    snprintf(text, sizeof text, "%d %d %d %d %d%d %g", (int)vk_host_int(call, 0),
             (int)(vk_host_int(call, 1) / 1000000), (int)sum, (int)vk_host_int(call, 3), bytes[0], bytes[1],
             floats);
    return vk_host_give_text(call, text, strlen(text));
}

static int halves(void *context, struct vk_host_call *call)
{
    (void)context;
    int rc = vk_host_give_list(call, 2);
    for (uint64_t i = 0; rc == 0 && i < vk_host_len(call, 0); i++)
        rc = vk_host_push_float(call, vk_host_float_at(call, 0, i) / 2);
    return rc;
}

static int numbers(void *context, struct vk_host_call *call)
{
    (void)context;
    int rc = vk_host_give_list(call, 0);
    for (int64_t i = 1; rc == 0 && i <= vk_host_int(call, 0); i++)
        rc = vk_host_push_int(call, i);
    return rc;
}

static int bad(void *context, struct vk_host_call *call)
{
    (void)context;
    return vk_host_give_text(call, "\xff", 1) == -VK_EMALFORMED ? 0 : -1;
}

static int steps(void *context, struct vk_host_call *call)
{
    (void)context;
    vk_step(kernel, 0);
    return vk_host_give_int(call, 1);
}

static const struct {
    const char *name, *signature;
    vk_host_fn fn;
} functions[] = {
    {"price", "fn(Str, Int) -> Result<Float, Str>", price},
    {"note", "fn(Str)", note},
    {"words", "fn(Str)->List<Str>", words},
    {"mixed", "fn(Bool, Duration, List<Int>, Int?, Bytes, List<Float>) -> Str?", mixed},
    {"halves", "fn(List<Float>) -> List<Float>", halves},
    {"numbers", "fn(Int) -> List<Int>", numbers},
    {"bad", "fn() -> Str", bad},
    {"steps", "fn() -> Int", steps},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static void supply(size_t from)
{
    for (size_t i = from; i < FUNCTIONS; i++)
        CHECK_EQ(vk_host_function(kernel, functions[i].name, functions[i].signature, functions[i].fn, notes),
                 0);
}

/* ---- a program that uses them ------------------------------------------------------------- */

static void begin(enum vk_guarding guarding)
{
    const struct vk_options options = {.size = sizeof options, .guarding = guarding};
    struct host_file file = host_read(EMBED_ASKS);
    notes[0] = '\0';
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    supply(0);
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, NULL, &module), 0);
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", &port), 0);
    free(file.bytes);
}

/* Whether a GET is answered by a response that ends so. */
static bool gives(const char *path, const char *end)
{
    char text[2048];
    int fd = host_connect(port);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    host_send(fd, text);
    size_t len = host_receive(kernel, fd, text, sizeof text), end_len = strlen(end);
    (void)close(fd);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

TEST(embed_host, values_go_there_and_back)
{
    static const enum vk_guarding guards[] = {VK_GUARDING_OFF, VK_GUARDING_MPROTECT};
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        begin(guards[i]);
        CHECK(gives("/price/tea/3", "\r\n\r\n4.5"));
        CHECK(gives("/price/sand/3", "\r\n\r\nno such item"));
        CHECK(gives("/price/none/3", "\r\n\r\nthe host gave no reason"));
        CHECK(gives("/price/twice/3", "\r\n\r\nthe last"));
        CHECK(strcmp(notes, "tea;sand;none;twice;") == 0);
        CHECK(gives("/words", "\r\n\r\na|few|words"));
        CHECK(gives("/mixed", "\r\n\r\n1 250 3 3 12 3.5"));
        CHECK(gives("/none", "\r\n\r\nnone"));
        CHECK(gives("/halves", "\r\n\r\n[0.5,1.5]"));
        CHECK(gives("/numbers", "\r\n\r\n500500"));
        CHECK(gives("/bad", "\r\n\r\nhost function: bad: it gave a Str that is no UTF-8"));
        CHECK(gives("/price/tea/2", "\r\n\r\n3.0"));
        vk_kernel_destroy(kernel);
    }
}

/* A child checks nothing: the checks are its parent's. It comes back when nobody stopped it. */
static void use_the_kernel_in_a_function(const struct host_file *file)
{
    if (vk_kernel_create(NULL, &kernel) != 0)
        return;
    for (size_t i = 0; i < FUNCTIONS; i++)
        (void)vk_host_function(kernel, functions[i].name, functions[i].signature, functions[i].fn, notes);
    if (vk_module_load(kernel, file->bytes, file->len, NULL, &module) == 0 &&
        vk_listen(module, 0, "127.0.0.1:0", &port) == 0)
        (void)gives("/steps", "");
}

/* By the wait status of a child that lets its kernel run from within a function. */
TEST(embed_host, a_function_does_not_use_its_kernel)
{
    struct host_file file = host_read(EMBED_ASKS);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        (void)close(STDERR_FILENO);
        use_the_kernel_in_a_function(&file);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    free(file.bytes);
}

TEST(embed_host, a_module_and_its_host_agree)
{
    char why[300];
    const struct vk_module_options options = {
        .size = sizeof options, .name = "asks", .why = why, .why_bytes = sizeof why};
    struct host_file file = host_read(EMBED_ASKS);
    CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, &options, &module), -VK_ENOENT);
    CHECK(strstr(why, "asks: it needs the host function ") == why);
    supply(1);
    CHECK_EQ(vk_host_function(kernel, "price", "fn(Str) -> Float", price, NULL), 0);
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, &options, &module), -VK_ENOENT);
    CHECK(strcmp(why,
                 "asks: it declares the host function price as fn(Str, Int) -> Result<Float, Str>, and the "
                 "host has it as fn(Str) -> Float") == 0);
    CHECK_EQ(vk_host_function(kernel, "price", "fn()", price, NULL), -VK_EEXIST);
    CHECK_EQ(vk_host_function(kernel, "other", "fn(Text)", price, NULL), -VK_EINVAL);
    static const char *const names[] = {"",
                                        "Price",
                                        "1st",
                                        "a b",
                                        "a.b",
                                        "a-b",
                                        "pr\xc3\xa9is",
                                        "price ",
                                        "a\n",
                                        "_a\x7f",
                                        "a2345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_EQ(vk_host_function(kernel, names[i], "fn()", price, NULL), -VK_EINVAL);
    CHECK_EQ(vk_host_function(kernel, "a234567890123456789012345678901234567890123456789012345678901234",
                              "fn()", price, NULL),
             0);
    CHECK_EQ(vk_host_function(kernel, "_z9_AZ", "fn()", price, NULL), 0);
    static const char *const signatures[] = {"",
                                             "fn",
                                             "fn(",
                                             "fn(Int",
                                             "fn(Int,)",
                                             "fn(Nil)",
                                             "fn(Int?) -> List<Int?>",
                                             "fn() -> List<List<Int>>",
                                             "fn(Result<Int, Str>)",
                                             "fn() -> Result<Int, Int>",
                                             "fn() -> Int Int",
                                             "fn(Int Int)",
                                             "Fn()"};
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        CHECK_EQ(vk_host_function(kernel, "other", signatures[i], price, NULL), -VK_EINVAL);
    CHECK_EQ(vk_host_function(kernel, "other", "fn()", NULL, NULL), -VK_EINVAL);
    vk_kernel_destroy(kernel);
    free(file.bytes);
}
