/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: both queues keep order and lose nothing. Method: small cases by hand, then an array as a model. */
#include "vk/queue.h"

#include "tests/unit/test.h"

struct item {
    uint32_t number;
    struct vk_link link;
    struct vk_node node;
};

static uint32_t pop_number(struct vk_fifo *fifo)
{
    struct vk_link *link = vk_fifo_pop(fifo);
    return link == NULL ? 0 : VK_CONTAINER(link, struct item, link)->number;
}

static uint32_t list_pop_number(struct vk_list *list)
{
    struct vk_node *node = vk_list_pop(list);
    return node == NULL ? 0 : VK_CONTAINER(node, struct item, node)->number;
}

/* ---- fifo ------------------------------------------------------------------ */

TEST(vk_fifo, zeroed_is_empty)
{
    struct vk_fifo fifo = {0};
    CHECK(vk_fifo_is_empty(&fifo));
    CHECK(vk_fifo_first(&fifo) == NULL);
    CHECK(vk_fifo_pop(&fifo) == NULL);
    vk_fifo_init(&fifo);
    CHECK(vk_fifo_is_empty(&fifo));
}

TEST(vk_fifo, first_in_is_first_out)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct vk_fifo fifo = {0};
    for (size_t i = 0; i < 3; i++)
        vk_fifo_push(&fifo, &items[i].link);
    CHECK(vk_fifo_first(&fifo) == &items[0].link);
    CHECK_EQ(pop_number(&fifo), 1);
    CHECK_EQ(pop_number(&fifo), 2);
    CHECK_EQ(pop_number(&fifo), 3);
    CHECK(vk_fifo_is_empty(&fifo));
}

TEST(vk_fifo, works_again_after_it_ran_empty)
{
    struct item items[2] = {{.number = 1}, {.number = 2}};
    struct vk_fifo fifo = {0};
    for (int round = 0; round < 3; round++) {
        vk_fifo_push(&fifo, &items[0].link);
        vk_fifo_push(&fifo, &items[1].link);
        CHECK_EQ(pop_number(&fifo), 1);
        CHECK_EQ(pop_number(&fifo), 2);
        CHECK_EQ(pop_number(&fifo), 0);
    }
}

TEST(vk_fifo, push_front_comes_next)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct vk_fifo fifo = {0};
    vk_fifo_push_front(&fifo, &items[0].link);
    vk_fifo_push_front(&fifo, &items[1].link);
    vk_fifo_push(&fifo, &items[2].link);
    CHECK_EQ(pop_number(&fifo), 2);
    CHECK_EQ(pop_number(&fifo), 1);
    CHECK_EQ(pop_number(&fifo), 3);
}

TEST(vk_fifo, append_moves_all_in_order)
{
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct vk_fifo to = {0};
    struct vk_fifo from = {0};
    vk_fifo_append(&to, &from);
    CHECK(vk_fifo_is_empty(&to));
    vk_fifo_push(&from, &items[0].link);
    vk_fifo_push(&from, &items[1].link);
    vk_fifo_append(&to, &from); /* onto an empty one */
    CHECK(vk_fifo_is_empty(&from));
    vk_fifo_push(&from, &items[2].link);
    vk_fifo_append(&to, &from); /* onto one that is not */
    vk_fifo_append(&to, &from); /* nothing */
    vk_fifo_push(&to, &items[3].link);
    for (uint32_t number = 1; number <= 4; number++)
        CHECK_EQ(pop_number(&to), number);
    CHECK(vk_fifo_is_empty(&to));
}

TEST(vk_fifo, remove_takes_any_and_keeps_the_rest)
{
    for (uint32_t gone = 0; gone < 3; gone++) {
        struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
        struct vk_fifo fifo = {0};
        for (size_t i = 0; i < 3; i++)
            vk_fifo_push(&fifo, &items[i].link);
        CHECK(vk_fifo_remove(&fifo, &items[gone].link));
        CHECK(!vk_fifo_remove(&fifo, &items[gone].link));
        vk_fifo_push(&fifo, &items[3].link);
        for (uint32_t i = 0; i < 4; i++)
            if (i != gone)
                CHECK_EQ(pop_number(&fifo), i + 1);
        CHECK(vk_fifo_is_empty(&fifo));
    }
}

/* ---- list ------------------------------------------------------------------ */

TEST(vk_list, keeps_order_from_both_ends)
{
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct vk_list list;
    vk_list_init(&list);
    CHECK(vk_list_is_empty(&list));
    CHECK(vk_list_first(&list) == NULL);
    CHECK(vk_list_last(&list) == NULL);
    CHECK(vk_list_pop(&list) == NULL);
    vk_list_push(&list, &items[2].node);
    vk_list_push(&list, &items[3].node);
    vk_list_push_front(&list, &items[1].node);
    vk_list_push_front(&list, &items[0].node);
    CHECK(vk_list_first(&list) == &items[0].node);
    CHECK(vk_list_last(&list) == &items[3].node);
    CHECK(vk_list_next(&list, &items[0].node) == &items[1].node);
    CHECK(vk_list_next(&list, &items[3].node) == NULL);
    for (uint32_t number = 1; number <= 4; number++)
        CHECK_EQ(list_pop_number(&list), number);
    CHECK(vk_list_is_empty(&list));
}

TEST(vk_list, a_node_knows_whether_it_is_linked)
{
    struct item item = {0};
    struct vk_list list;
    vk_list_init(&list);
    CHECK(!vk_node_is_linked(&item.node));
    vk_list_push(&list, &item.node);
    CHECK(vk_node_is_linked(&item.node));
    vk_list_remove(&item.node);
    CHECK(!vk_node_is_linked(&item.node));
    CHECK(vk_list_is_empty(&list));
}

TEST(vk_list, append_moves_all_in_order)
{
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct vk_list to;
    struct vk_list from;
    vk_list_init(&to);
    vk_list_init(&from);
    vk_list_append(&to, &from);
    CHECK(vk_list_is_empty(&to));
    vk_list_push(&from, &items[0].node);
    vk_list_append(&to, &from);
    CHECK(vk_list_is_empty(&from));
    vk_list_push(&from, &items[1].node);
    vk_list_push(&from, &items[2].node);
    vk_list_append(&to, &from);
    vk_list_push(&to, &items[3].node);
    for (uint32_t number = 1; number <= 4; number++)
        CHECK_EQ(list_pop_number(&to), number);
    CHECK(vk_list_is_empty(&to));
    CHECK(vk_list_is_empty(&from));
}

/* The model: numbers in an array, in the order of the list. */
struct model {
    uint32_t numbers[64];
    uint32_t count;
};

static void model_insert(struct model *model, uint32_t at, uint32_t number)
{
    for (uint32_t i = model->count; i > at; i--)
        model->numbers[i] = model->numbers[i - 1];
    model->numbers[at] = number;
    model->count++;
}

static void model_remove(struct model *model, uint32_t number)
{
    uint32_t at = 0;
    while (model->numbers[at] != number)
        at++;
    model->count--;
    for (; at < model->count; at++)
        model->numbers[at] = model->numbers[at + 1];
}

static void check_same(const struct vk_list *list, const struct model *model)
{
    uint32_t at = 0;
    for (struct vk_node *node = vk_list_first(list); node != NULL; node = vk_list_next(list, node)) {
        CHECK(at < model->count);
        CHECK_EQ(VK_CONTAINER(node, struct item, node)->number, model->numbers[at]);
        at++;
    }
    CHECK_EQ(at, model->count);
}

TEST(vk_list, behaves_like_an_array)
{
    static struct item items[64];
    struct model model = {.count = 0};
    struct vk_list list;
    uint64_t seed = 11;
    vk_list_init(&list);
    for (uint32_t i = 0; i < VK_COUNT(items); i++)
        items[i] = (struct item){.number = i};
    for (int round = 0; round < 20000; round++) {
        struct item *item = &items[test_random_below(&seed, VK_COUNT(items))];
        if (vk_node_is_linked(&item->node)) {
            vk_list_remove(&item->node);
            model_remove(&model, item->number);
        } else if (test_random_below(&seed, 2) == 0) {
            vk_list_push(&list, &item->node);
            model_insert(&model, model.count, item->number);
        } else {
            vk_list_push_front(&list, &item->node);
            model_insert(&model, 0, item->number);
        }
        check_same(&list, &model);
    }
}
