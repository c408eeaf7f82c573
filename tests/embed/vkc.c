/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: libvkc compiles inside of another program, leaves nothing behind, and
 * a want of memory at any place is an error and no more. Method: the shared
 * library by its header; an allocator that counts, and fails the first, the
 * second, ... allocation until a compilation passes. What it prints is the sum.
 *
 * Usage: vkc FOLDER, in which `program.vk` and `part.txt` can be written
 */
#include <vkc.h>

#include <dirent.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                    \
    do {                                                               \
        if (!(cond)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                   \
        }                                                              \
    } while (0)

static const char program[] = "import lib/prices as p\n"
                              "record Line { item: Str, count: Int }\n"
                              "enum Kind { Cheap, Dear(Float) }\n"
                              "let rate = 1.5\n"
                              "fn kind(l: Line) -> Kind {\n"
                              "  let sum = rate * p.price(l.item) * l.count.to_float\n"
                              "  if sum < 10.0 { Cheap } else { Dear(sum) }\n"
                              "}\n"
                              "http on 8080 {\n"
                              "  POST \"/kind\" => {\n"
                              "    let line: Line = req.json()\n"
                              "    match kind(line) {\n"
                              "      Cheap   => text(\"cheap\")\n"
                              "      Dear(x) => json { x }\n"
                              "    }\n"
                              "  }\n"
                              "}\n";
static const char prices[] = "pub fn price(item: Str) -> Float { item.len.to_float }\n";

/* ---- memory ------------------------------------------------------------------------ */

struct account {
    size_t bytes, blocks; /* that are out */
    uint32_t taken, fails_at;
};

static void *take(void *context, size_t len_bytes, size_t align_bytes)
{
    struct account *account = context;
    account->taken++;
    if (account->taken == account->fails_at)
        return NULL;
    void *memory = aligned_alloc(align_bytes, (len_bytes + align_bytes - 1) / align_bytes * align_bytes);
    CHECK(memory != NULL);
    memset(memory, 0xa5, len_bytes);
    account->bytes += len_bytes;
    account->blocks++;
    return memory;
}

static void give_back(void *context, void *memory, size_t len_bytes)
{
    struct account *account = context;
    CHECK(account->bytes >= len_bytes && account->blocks > 0);
    account->bytes -= len_bytes;
    account->blocks--;
    free(memory);
}

static uint32_t descriptors(void)
{
    uint32_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* ---- what is told ---------------------------------------------------------------------- */

static struct {
    uint32_t count, line, column;
    char path[80], what[200], text[2000];
} told;

static void on_message(void *context, const struct vkc_message *message)
{
    (void)context;
    CHECK(message->size == sizeof *message && message->level == VKC_LEVEL_ERROR);
    if (told.count++ > 0)
        return; /* the first one is looked at */
    told.line = message->line;
    told.column = message->column;
    snprintf(told.path, sizeof told.path, "%s", message->path ? message->path : "");
    snprintf(told.what, sizeof told.what, "%s", message->what);
    snprintf(told.text, sizeof told.text, "%s", message->text);
}

static int on_import(void *context, const char *path, const char **ret_text, size_t *ret_bytes)
{
    (void)context;
    if (strcmp(path, "lib/prices.vk") != 0)
        return -1;
    *ret_text = prices;
    *ret_bytes = sizeof prices - 1;
    return 0;
}

static int compile(const char *text, struct vkc_options *options, void **ret_bytes, size_t *ret_len)
{
    memset(&told, 0, sizeof told);
    options->size = sizeof *options;
    options->message = on_message;
    return vkc_compile("shop/plugin.vk", text, strlen(text), options, ret_bytes, ret_len);
}

static void check_module(const void *bytes, size_t len)
{
    CHECK(len > 200 && memcmp(bytes, "VKB\x01", 4) == 0 && (uintptr_t)bytes % 64 == 0);
}

/* ---- cases -------------------------------------------------------------------------------- */

static void test_compiles(void)
{
    struct account account = {0};
    struct vkc_options options = {.allocator = {take, give_back, &account}, .import = on_import};
    void *first, *second;
    size_t len, second_len;
    locale_t before = uselocale((locale_t)0);
    CHECK(compile(program, &options, &first, &len) == 0 && told.count == 0);
    check_module(first, len);
    CHECK(account.blocks == 1 && account.bytes == len);
    CHECK(compile(program, &options, &second, &second_len) == 0);
    CHECK(len == second_len && memcmp(first, second, len) == 0);
    CHECK(uselocale((locale_t)0) == before);
    vkc_release(first, len, &options);
    vkc_release(second, len, &options);
    vkc_release(NULL, 0, NULL);
    CHECK(account.blocks == 0 && account.bytes == 0);
}

/* Of a program with a newer header, and of one with the first, which passes no more than it had. */
static void check_versions(void)
{
    struct {
        struct vkc_options known;
        uint64_t newer[2];
    } options = {.known = {.size = sizeof options}};
    void *bytes;
    size_t len;
    CHECK(vkc_compile("a.vk", "pub fn f() {}", 13, &options.known, &bytes, &len) == 0);
    vkc_release(bytes, len, &options.known);
    options.newer[1] = 1;
    CHECK(vkc_compile("a.vk", "pub fn f() {}", 13, &options.known, &bytes, &len) == -VK_ENOTSUP);
    options.known.size = offsetof(struct vkc_options, has_tests) + sizeof options.known.has_tests;
    CHECK(vkc_compile("a.vk", "pub fn f() {}", 13, &options.known, &bytes, &len) == 0);
    vkc_release(bytes, len, &options.known);
}

static void test_errors(void)
{
    struct vkc_options options = {0};
    void *bytes = &options;
    size_t len = 7;
    CHECK(compile("fn f() -> Int {\n  \"x\"\n}\nfn g() { y }\n", &options, &bytes, &len) == -VK_EMALFORMED);
    CHECK(told.count == 2 && told.line == 2 && told.column == 3);
    CHECK(strcmp(told.path, "shop/plugin.vk") == 0 && strcmp(told.what, "expected `Int`, found `Str`") == 0);
    CHECK(strstr(told.text, "shop/plugin.vk:2:3: error: expected `Int`, found `Str`\n    2 |   \"x\"\n") ==
          told.text);
    CHECK(bytes == &options && len == 7); /* as they were */
    CHECK(compile("import lib/prices\n", &options, &bytes, &len) == -VK_EMALFORMED);
    CHECK(strcmp(told.what, "cannot import `lib/prices`: there is no such module") == 0);
    CHECK(compile("let a = embed(\"program.vk\")\n", &options, &bytes, &len) == -VK_EMALFORMED);
    CHECK(strcmp(told.what, "cannot embed `program.vk`: no files can be read here") == 0);
    CHECK(vkc_compile_file("no/such/file.vk", &options, &bytes, &len) == -VK_EMALFORMED);
    options.message = NULL;
    CHECK(vkc_compile("a.vk", "fn", 2, &options, &bytes, &len) == -VK_EMALFORMED);
    CHECK(vkc_compile("a.vk", "fn", 2, NULL, &bytes, &len) == -VK_EMALFORMED);
    options.allocator.alloc = take;
    CHECK(vkc_compile("a.vk", "", 0, &options, &bytes, &len) == -VK_EINVAL);
    options = (struct vkc_options){.size = 4};
    CHECK(vkc_compile("a.vk", "", 0, &options, &bytes, &len) == -VK_EINVAL);
    options.size = 1u << 20;
    CHECK(vkc_compile("a.vk", "", 0, &options, &bytes, &len) == -VK_EINVAL);
    check_versions();
}

static void write_file(const char *folder, const char *name, const char *text, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

/* Every want of memory in turn, of a compilation that reads files and of one that does not. */
static uint32_t fail_each(const char *path)
{
    for (uint32_t n = 1;; n++) {
        struct account account = {.fails_at = n};
        struct vkc_options options = {
            .size = sizeof options, .allocator = {take, give_back, &account}, .import = on_import};
        void *bytes;
        size_t len;
        int rc = path != NULL ? vkc_compile_file(path, &options, &bytes, &len)
                              : compile(program, &options, &bytes, &len);
        if (rc == 0) {
            check_module(bytes, len);
            vkc_release(bytes, len, &options);
            CHECK(account.blocks == 0);
            return n - 1;
        }
        CHECK(rc == -VK_ENOMEM && account.blocks == 0 && account.bytes == 0);
    }
}

static uint32_t test_failing_allocations(const char *folder)
{
    char path[256], part[256];
    uint32_t open = descriptors();
    write_file(folder, "part.txt", "some text", part);
    write_file(folder, "program.vk",
               "let part = embed(\"part.txt\")\nhttp on 8080 { GET \"/\" => text(part) }\n", path);
    uint32_t sum = fail_each(NULL) + fail_each(path);
    CHECK(descriptors() == open);
    return sum;
}

static void *compile_often(void *arg)
{
    struct vkc_options options = {.size = sizeof options, .import = on_import};
    (void)arg;
    for (uint32_t i = 0; i < 50; i++) {
        void *bytes;
        size_t len;
        CHECK(vkc_compile("a.vk", program, sizeof program - 1, &options, &bytes, &len) == 0);
        vkc_release(bytes, len, &options);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, compile_often, NULL) == 0);
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* As deep as it may be, in a stack as small as the header says. */
static void *compile_deep(void *arg)
{
    static char text[4096];
    struct vkc_options options = {.size = sizeof options};
    void *bytes;
    size_t len;
    (void)arg;
    strcpy(text, "fn f(x: Int) -> Int { ");
    for (uint32_t i = 0; i < 190; i++)
        strcat(text, "(1 + ");
    strcat(text, "x");
    for (uint32_t i = 0; i < 190; i++)
        strcat(text, ")");
    strcat(text, " }\nfn g(x: Int) -> Int { x");
    for (uint32_t i = 0; i < 900; i++)
        strcat(text, "+x");
    strcat(text, " }\n");
    CHECK(vkc_compile("a.vk", text, strlen(text), &options, &bytes, &len) == 0);
    vkc_release(bytes, len, &options);
    return NULL;
}

static void test_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 1u << 20) == 0);
    CHECK(pthread_create(&thread, &attributes, compile_deep, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    (void)pthread_attr_destroy(&attributes);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    test_compiles();
    test_errors();
    uint32_t failed = test_failing_allocations(argv[1]);
    test_threads();
    test_stack();
    printf("%u allocations failed in turn\n", failed);
    return 0;
}
