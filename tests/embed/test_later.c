/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a host that answers later, as docs/embedding.md says: by tickets that
 * the program asks for again. Method: a table of one question, which is
 * answered in time, too late, twice, and not before the kernel's end.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

/* What a host of these keeps of a query. */
struct query {
    int64_t ticket;  /* 0: none is open */
    const char *row; /* NULL: not there yet */
    uint32_t asked;  /* how often the program looked */
};

static struct query open_query;

static int query(void *context, struct vk_host_call *call)
{
    struct query *q = context;
    size_t len;
    const char *sql = vk_host_text(call, 0, &len);
    if (len < 6 || memcmp(sql, "select", 6) != 0)
        return vk_host_fail(call, "no query");
    *q = (struct query){.ticket = q->ticket + 1};
    return vk_host_give_int(call, q->ticket);
}

static int row(void *context, struct vk_host_call *call)
{
    struct query *q = context;
    if (vk_host_int(call, 0) != q->ticket)
        return vk_host_fail(call, "no such ticket");
    q->asked++;
    return q->row == NULL ? vk_host_give_none(call) : vk_host_give_text(call, q->row, strlen(q->row));
}

/* Only the first answer to an open query counts. */
static bool answer(struct query *q, int64_t ticket, const char *text)
{
    if (ticket != q->ticket || q->row != NULL)
        return false;
    q->row = text;
    return true;
}

struct told {
    uint32_t count;
    int error;
    enum vk_reason reason;
    char text[32];
};

static void on_answer(void *context, const struct vk_answer *a)
{
    struct told *t = context;
    t->count++;
    t->error = a->error;
    t->reason = a->reason;
    if (a->error == 0)
        memcpy(t->text, a->value.as.text.bytes, a->value.as.text.len < 31 ? a->value.as.text.len : 31);
}

static struct vk_function *begin(uint64_t deadline_ns, struct vk_kernel **ret_kernel)
{
    const struct vk_options options = {.size = sizeof options, .warm_max = 1};
    const struct vk_function_options quotas = {.size = sizeof quotas, .deadline_ns = deadline_ns};
    struct vk_module *module = NULL;
    struct vk_function *name = NULL;
    open_query = (struct query){0};
    CHECK_EQ(vk_kernel_create(&options, ret_kernel), 0);
    CHECK_EQ(vk_host_function(*ret_kernel, "query", "fn(Str) -> Result<Int, Str>", query, &open_query), 0);
    CHECK_EQ(vk_host_function(*ret_kernel, "row", "fn(Int) -> Str?", row, &open_query), 0);
    CHECK_EQ(vk_module_load_file(*ret_kernel, EMBED_LATER, NULL, &module), 0);
    CHECK_EQ(vk_function_find(module, "name", &quotas, &name), 0);
    return name;
}

static void ask(struct vk_function *name, struct told *told)
{
    const struct vk_value id = vk_int(7);
    *told = (struct told){0};
    CHECK_EQ(vk_call(name, &id, 1, on_answer, told, NULL), 0);
}

static void run_until_told(struct vk_kernel *kernel, const struct told *told)
{
    while (told->count == 0)
        vk_step(kernel, 1000000000);
    CHECK_EQ(told->count, 1u);
}

TEST(embed_later, the_first_answer_counts)
{
    struct vk_kernel *kernel = NULL;
    struct told told;
    ask(begin(0, &kernel), &told);
    while (open_query.asked < 3)
        vk_step(kernel, 1000000000);
    CHECK_EQ(told.count, 0u);
    CHECK(answer(&open_query, 1, "Ada"));
    CHECK(!answer(&open_query, 1, "Bob"));
    run_until_told(kernel, &told);
    CHECK_EQ(told.error, 0);
    CHECK(strcmp(told.text, "Ada") == 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_later, an_answer_after_the_deadline_meets_nobody)
{
    struct vk_kernel *kernel = NULL;
    struct vk_function *name = begin(20000000, &kernel);
    struct told told;
    ask(name, &told);
    run_until_told(kernel, &told);
    CHECK_EQ(told.error, -VK_EDIED);
    CHECK_EQ(told.reason, VK_REASON_DEADLINE);
    CHECK(answer(&open_query, 1, "Ada"));
    ask(name, &told); /* another query, which does not get the old one's answer */
    while (open_query.ticket < 2)
        vk_step(kernel, 1000000000);
    CHECK(!answer(&open_query, 1, "Ada"));
    CHECK(answer(&open_query, 2, "Bob"));
    run_until_told(kernel, &told);
    CHECK(strcmp(told.text, "Bob") == 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_later, a_kernel_ends_with_questions_open)
{
    struct vk_kernel *kernel = NULL;
    struct told told;
    ask(begin(0, &kernel), &told);
    while (open_query.asked == 0)
        vk_step(kernel, 1000000000);
    vk_kernel_destroy(kernel);
    CHECK_EQ(told.count, 1u);
    CHECK_EQ(told.error, -VK_ECANCELED);
    CHECK(answer(&open_query, 1, "Ada")); /* the host's table is its own */
}
