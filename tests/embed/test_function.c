/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: functions of a module are called with what they take, give what they
 * give, and whatever they do is theirs only.
 * Method: functions.vk, called both ways.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 70000u

struct told {
    uint32_t count;
    struct vk_answer answer;
    char text[TEXT_MAX]; /* of a Str that was given, or the words of an error */
    char place[64];
    char items[8][32];
};

static struct told told;

static void keep(char *to, size_t room, const void *bytes, size_t len)
{
    len = len < room - 1 ? len : room - 1;
    if (len > 0) /* else bytes may be NULL */
        memcpy(to, bytes, len);
    to[len] = '\0';
}

static void on_answer(void *context, const struct vk_answer *answer)
{
    struct told *t = context;
    t->count++;
    t->answer = *answer;
    keep(t->place, sizeof t->place, answer->place, answer->place_len);
    keep(t->text, sizeof t->text, answer->words, answer->words_len);
    if (answer->value.type == VK_TYPE_STR && answer->error == 0)
        keep(t->text, sizeof t->text, answer->value.as.text.bytes, answer->value.as.text.len);
    for (size_t i = 0; answer->value.type == VK_TYPE_LIST && i < answer->value.as.list.count && i < 8; i++)
        keep(t->items[i], sizeof t->items[i], answer->value.as.list.items[i].as.text.bytes,
             answer->value.as.list.items[i].as.text.len);
}

static struct vk_kernel *make(enum vk_guarding guarding, struct vk_module **ret_module)
{
    const struct vk_options options = {.size = sizeof options, .warm_max = 1, .guarding = guarding};
    struct host_file file = host_read(EMBED_FUNCTIONS);
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, NULL, ret_module), 0);
    free(file.bytes);
    return kernel;
}

static struct vk_function *find(struct vk_module *module, const char *name)
{
    const struct vk_function_options options = {.size = sizeof options, .cpu_ns = 20000000};
    struct vk_function *function = NULL;
    CHECK_EQ(vk_function_find(module, name, &options, &function), 0);
    return function;
}

static void call(struct vk_module *module, const char *name, const struct vk_value *args, size_t count)
{
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call_wait(find(module, name), args, count, on_answer, &told), 0);
    CHECK_EQ(told.count, 1u);
}

#define CALL(module, name, ...)                                \
    call(module, name, (const struct vk_value[]){__VA_ARGS__}, \
         sizeof((const struct vk_value[]){__VA_ARGS__}) / sizeof(struct vk_value))

static struct vk_value list(const struct vk_value *items, size_t count)
{
    return (struct vk_value){.type = VK_TYPE_LIST, .as.list = {items, count}};
}

static const struct vk_value none = {.type = VK_TYPE_NIL};

static void check_values(struct vk_module *module)
{
    const struct vk_value floats[] = {vk_float(1), vk_float(2), vk_float(4.5)};
    const struct vk_value words[] = {vk_str("an"), vk_str(""),
                                     vk_str("\xc3\xbc"
                                            "ber")};
    const struct vk_value wild = {.type = VK_TYPE_BOOL, .as.i = 1};
    const struct vk_value raw = {.type = VK_TYPE_BYTES, .as.text = {"\x00\xff\xfe", 3}};
    CALL(module, "add", vk_int(40), vk_int(2));
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.value.type, VK_TYPE_INT);
    CHECK_EQ(told.answer.value.as.i, 42);
    CALL(module, "mean", list(floats, 3));
    CHECK_EQ(told.answer.value.type, VK_TYPE_FLOAT);
    CHECK(told.answer.value.as.f == 2.5);
    CALL(module, "mean", list(NULL, 0));
    CHECK_EQ(told.answer.value.type, VK_TYPE_NIL);
    CALL(module, "describe", vk_str("Zo\xc3\xab"), vk_int(7), wild, vk_str("Z"), raw);
    CHECK(strcmp(told.text, "Zo\xc3\xab 7 true Z 3") == 0);
    CALL(module, "describe", vk_str(""), none, wild, none, raw);
    CHECK(strcmp(told.text, " -1 true none 3") == 0);
    CALL(module, "upper", list(words, 3));
    CHECK_EQ(told.answer.value.type, VK_TYPE_LIST);
    CHECK_EQ(told.answer.value.as.list.count, 3u);
    CHECK(strcmp(told.items[0], "AN") == 0 && told.items[1][0] == '\0');
    CHECK(strcmp(told.items[2], "\xc3\x9c"
                                "BER") == 0 ||
          strcmp(told.items[2], "\xc3\xbc"
                                "BER") == 0);
    CALL(module, "upper", list(NULL, 0));
    CHECK_EQ(told.answer.value.as.list.count, 0u);
    CALL(module, "nick", vk_str("Bob"));
    CHECK(strcmp(told.text, "Boby") == 0);
    CALL(module, "nick", vk_str(""));
    CHECK_EQ(told.answer.value.type, VK_TYPE_NIL);
    call(module, "nothing", NULL, 0);
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.value.type, VK_TYPE_NIL);
}

TEST(embed_function, values_of_each_type_go_in_and_come_out)
{
    static const enum vk_guarding guardings[] = {VK_GUARDING_OFF, VK_GUARDING_AUTO};
    for (size_t i = 0; i < 2; i++) {
        struct vk_module *module = NULL;
        struct vk_kernel *kernel = make(guardings[i], &module);
        check_values(module);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_function, an_err_is_an_error_with_its_text)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    CALL(module, "parse", vk_str("12"));
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.value.as.i, 12);
    CALL(module, "parse", vk_str("twelve"));
    CHECK_EQ(told.answer.error, -VK_EIO);
    CHECK(strcmp(told.text, "twelve is no number") == 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_function, one_that_waits_lets_others_run)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    const struct vk_value wait = {.type = VK_TYPE_DURATION, .as.i = 5000000};
    static struct told other;
    CHECK_EQ(vk_call(find(module, "add"), (const struct vk_value[]){vk_int(1), vk_int(2)}, 2, on_answer,
                     &other, NULL),
             0);
    CHECK_EQ(other.count, 0u);
    CALL(module, "later", wait);
    CHECK_EQ(told.answer.value.type, VK_TYPE_DURATION);
    CHECK_EQ(told.answer.value.as.i, 6000000);
    CHECK_EQ(other.count, 1u);
    CHECK_EQ(other.answer.value.as.i, 3);
    CALL(module, "count", vk_int(3));
    CALL(module, "count", vk_int(4)); /* the actor goes on from call to call */
    CHECK_EQ(told.answer.value.as.i, 14);
    vk_kernel_destroy(kernel);
}

/* place: how it begins; NULL: nobody knows. */
static void expect_death(const char *words, enum vk_reason reason, const char *place)
{
    CHECK_EQ(told.answer.error, -VK_EDIED);
    CHECK_EQ(told.answer.reason, reason);
    CHECK(told.answer.crash_id != 0);
    CHECK(strstr(told.text, words) != NULL);
    CHECK_EQ(told.answer.place_len > 0, place != NULL);
    CHECK(place == NULL || strncmp(told.place, place, strlen(place)) == 0);
}

TEST(embed_function, what_a_call_does_to_itself_is_told_with_the_reason)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_AUTO, &module);
    const struct vk_value wait = {.type = VK_TYPE_DURATION, .as.i = 60000000000};
    const struct vk_function_options quick = {.size = sizeof quick, .deadline_ns = 10000000};
    struct vk_function *later = NULL;
    CALL(module, "divide", vk_int(1), vk_int(0));
    expect_death("division by zero", VK_REASON_FAIL, "divide:");
    call(module, "spin", NULL, 0);
    expect_death("CPU limit", VK_REASON_FAIL, "spin:");
    call(module, "eat", NULL, 0);
    expect_death("out of memory", VK_REASON_FAIL, "eat:");
    CHECK_EQ(vk_function_find(module, "later", &quick, &later), 0);
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call_wait(later, &wait, 1, on_answer, &told), 0);
    expect_death("", VK_REASON_DEADLINE, NULL); /* which nobody asks it for without a log */
    CALL(module, "add", vk_int(1), vk_int(1));  /* the kernel goes on */
    CHECK_EQ(told.answer.value.as.i, 2);
    CHECK(told.answer.place_len == 0 && told.answer.words_len == 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_function, one_that_runs_can_be_killed)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    const struct vk_value wait = {.type = VK_TYPE_DURATION, .as.i = 60000000000};
    vk_pid pid = 0;
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call(find(module, "later"), &wait, 1, on_answer, &told, &pid), 0);
    vk_step(kernel, 0);
    CHECK_EQ(vk_kill(kernel, pid), 0);
    vk_step(kernel, 0);
    CHECK_EQ(told.count, 1u);
    CHECK_EQ(told.answer.reason, VK_REASON_KILLED);
    vk_kernel_destroy(kernel);
}

TEST(embed_function, results_up_to_64_KiB_fit)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    const struct vk_function_options options = {.size = sizeof options, .heap_bytes = 1 << 20};
    struct vk_function *longer = NULL;
    CHECK_EQ(vk_function_find(module, "long", &options, &longer), 0);
    const struct vk_value fits = vk_int(65528), large = vk_int(65529);
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call_wait(longer, &fits, 1, on_answer, &told), 0);
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.value.as.text.len, 65528u);
    CHECK_EQ(strspn(told.text, "x"), 65528u);
    CHECK_EQ(vk_call_wait(longer, &large, 1, on_answer, &told), 0);
    CHECK_EQ(told.answer.error, -VK_ETOOBIG);
    vk_kernel_destroy(kernel);
}

static void expect_error(struct vk_module *module, const char *name, const struct vk_value *args,
                         size_t count, int error)
{
    const struct vk_function_options options = {.size = sizeof options, .heap_bytes = 64u << 10};
    struct vk_function *function = NULL;
    CHECK_EQ(vk_function_find(module, name, &options, &function), 0);
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call_wait(function, args, count, on_answer, &told), 0);
    CHECK_EQ(told.answer.error, error);
}

/* The heap is large enough for the value and too small for its stream. */
TEST(embed_function, a_result_above_64_KiB_is_told_as_such_whatever_room_its_heap_has)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    static char text[1025];
    memset(text, 'x', sizeof text - 1);
    const struct vk_value fits[] = {vk_str(text), vk_int(20)}, large[] = {vk_str(text), vk_int(1000)};
    expect_error(module, "same", fits, 2, 0);
    expect_error(module, "same", large, 2, -VK_ETOOBIG);
    CHECK_EQ(told.answer.reason, VK_REASON_NORMAL);
    vk_kernel_destroy(kernel);
}

/* Its items are 8 bytes, and their number 8 more. */
TEST(embed_function, a_list_of_up_to_64_KiB_fits)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    const struct vk_function_options options = {.size = sizeof options, .heap_bytes = 1 << 20};
    struct vk_function *many = NULL;
    const struct vk_value fits = vk_int(8191), large = vk_int(8192);
    CHECK_EQ(vk_function_find(module, "many", &options, &many), 0);
    memset(&told, 0, sizeof told);
    CHECK_EQ(vk_call_wait(many, &fits, 1, on_answer, &told), 0);
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.value.as.list.count, 8191u);
    CHECK_EQ(vk_call_wait(many, &large, 1, on_answer, &told), 0);
    CHECK_EQ(told.answer.error, -VK_ETOOBIG);
    CHECK_EQ(told.answer.reason, VK_REASON_NORMAL);
    vk_kernel_destroy(kernel);
}

TEST(embed_function, wrong_arguments_are_refused)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    static char large[65537];
    memset(large, 'x', sizeof large - 1);
    const struct vk_value mixed[] = {vk_float(1), vk_int(1)};
    const struct {
        const char *name;
        struct vk_value args[2];
        size_t count;
        int error;
    } calls[] = {
        {"add", {vk_int(1)}, 1, -VK_EINVAL},       {"add", {vk_int(1), vk_float(1)}, 2, -VK_EINVAL},
        {"add", {vk_int(1), none}, 2, -VK_EINVAL}, {"mean", {vk_float(1)}, 1, -VK_EINVAL},
        {"mean", {list(mixed, 2)}, 1, -VK_EINVAL}, {"nick", {vk_str("\xff")}, 1, -VK_EMALFORMED},
        {"nick", {vk_str(large)}, 1, -VK_ETOOBIG}, {"nothing", {none}, 1, -VK_EINVAL},
    };
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        CHECK_EQ(vk_call(find(module, calls[i].name), calls[i].args, calls[i].count, on_answer, &told, NULL),
                 calls[i].error);
        CHECK_EQ(vk_call_wait(find(module, calls[i].name), calls[i].args, calls[i].count, on_answer, &told),
                 calls[i].error);
    }
    CHECK_EQ(told.count, 0u);
    vk_kernel_destroy(kernel);
}

TEST(embed_function, only_what_is_public_and_plain_can_be_found)
{
    struct vk_module *module = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &module);
    static const char *const hidden[] = {"private_one", "generic", "closure", "add2", ""};
    const struct vk_function_options bad = {.size = sizeof bad, .heap_bytes = 1000};
    struct vk_function *function = NULL;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        CHECK_EQ(vk_function_find(module, hidden[i], NULL, &function), -VK_ENOENT);
    CHECK_EQ(vk_function_find(module, "add", &bad, &function), -VK_EINVAL);
    CHECK(strcmp(vk_function_type(find(module, "parse")), "fn(Str) -> Result<Int, Str>") == 0);
    CHECK(strcmp(vk_function_type(find(module, "mean")), "fn(List<Float>) -> Float?") == 0);
    vk_kernel_destroy(kernel);
}
