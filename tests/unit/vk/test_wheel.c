/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every timer fires once, never early, at most one tick late, in order
 * of ticks; next_ns never oversleeps. Method: cases by hand at the borders of
 * levels; then 100,000 random operations against a plain array of deadlines.
 */
#include "vk/wheel.h"

#include "tests/unit/test.h"

#define TICK VK_WHEEL_TICK_NS
#define ALL  UINT32_MAX /* work without a bound */

static struct vk_wheel wheel;

static struct vk_timer *pop(struct vk_list *expired)
{
    struct vk_node *node = vk_list_pop(expired);
    return node == NULL ? NULL : VK_CONTAINER(node, struct vk_timer, node);
}

/* Sleeps as the kernel does until something fires. Returns when; counts the wake-ups before it in vain. */
static uint64_t sleep_until_fired(struct vk_list *expired, uint32_t *ret_in_vain)
{
    vk_list_init(expired);
    *ret_in_vain = 0;
    for (;;) {
        uint64_t now_ns = vk_wheel_next_ns(&wheel);
        CHECK(now_ns != UINT64_MAX);
        CHECK(vk_wheel_advance(&wheel, now_ns, expired, ALL));
        if (!vk_list_is_empty(expired))
            return now_ns;
        ++*ret_in_vain;
    }
}

TEST(vk_wheel, without_timers_nothing_is_ever_due)
{
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 123456789);
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
    CHECK(vk_wheel_advance(&wheel, UINT64_MAX, &expired, 0));
    CHECK(vk_list_is_empty(&expired));
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
}

TEST(vk_wheel, a_timer_fires_at_the_first_tick_not_before_its_deadline)
{
    static const uint64_t delays_ns[] = {0, 1, TICK - 1, TICK, TICK + 1, 2 * TICK, 1000000, 58 * TICK - 1};
    for (size_t i = 0; i < VK_COUNT(delays_ns); i++) {
        struct vk_timer timer = {0};
        struct vk_list expired;
        uint64_t start_ns = 5 * TICK;
        uint64_t deadline_ns = start_ns + delays_ns[i];
        uint64_t fires_ns = VK_ALIGN_UP(deadline_ns, TICK);
        vk_list_init(&expired);
        vk_wheel_init(&wheel, start_ns);
        vk_wheel_set(&wheel, &timer, deadline_ns);
        CHECK(vk_timer_is_armed(&timer));
        CHECK_EQ(vk_wheel_next_ns(&wheel), fires_ns);
        if (fires_ns > start_ns)
            CHECK(vk_wheel_advance(&wheel, fires_ns - 1, &expired, ALL));
        CHECK(vk_list_is_empty(&expired));
        CHECK(vk_wheel_advance(&wheel, fires_ns, &expired, ALL));
        CHECK(pop(&expired) == &timer);
        CHECK(!vk_timer_is_armed(&timer));
        CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
    }
}

TEST(vk_wheel, a_deadline_that_has_passed_fires_at_the_next_advance)
{
    struct vk_timer timer = {0};
    struct vk_list expired;
    uint32_t in_vain;
    vk_wheel_init(&wheel, 1000 * TICK);
    vk_wheel_set(&wheel, &timer, 3);
    CHECK_EQ(vk_wheel_next_ns(&wheel), 1000 * TICK);
    CHECK_EQ(sleep_until_fired(&expired, &in_vain), 1000 * TICK);
    CHECK(pop(&expired) == &timer);
    CHECK_EQ(timer.deadline_ns, 3);
    CHECK_EQ(in_vain, 0);
}

TEST(vk_wheel, a_far_timer_wakes_at_most_once_per_level)
{
    /* Around the first tick of each level, from starts in the middle of a turn. */
    static const uint64_t starts[] = {0, 63 * TICK, 12345678 * TICK + 99};
    for (size_t start = 0; start < VK_COUNT(starts); start++) {
        for (uint32_t level = 0; level < 7; level++) {
            for (uint64_t around = 0; around < 3; around++) {
                struct vk_timer timer = {0};
                struct vk_list expired;
                uint32_t in_vain;
                uint64_t ticks = (UINT64_C(1) << (VK_WHEEL_GROUP_BITS * level)) + around - 1;
                uint64_t deadline_ns = starts[start] + ticks * TICK;
                vk_wheel_init(&wheel, starts[start]);
                vk_wheel_set(&wheel, &timer, deadline_ns);
                CHECK_EQ(sleep_until_fired(&expired, &in_vain), VK_ALIGN_UP(deadline_ns, TICK));
                CHECK(in_vain <= level + 1);
                CHECK(pop(&expired) == &timer);
            }
        }
    }
}

TEST(vk_wheel, an_idle_timeout_wakes_twice_in_vain)
{
    struct vk_timer timer = {0};
    struct vk_list expired;
    uint32_t in_vain;
    vk_wheel_init(&wheel, 987654321);
    vk_wheel_set(&wheel, &timer, 987654321 + UINT64_C(75000000000));
    sleep_until_fired(&expired, &in_vain);
    CHECK(in_vain <= 2);
}

TEST(vk_wheel, deadlines_reach_to_the_end_of_time)
{
    struct vk_timer timers[3] = {0};
    struct vk_list expired;
    uint32_t in_vain;
    uint64_t last_ns = UINT64_MAX - (TICK - 1); /* the last tick there is */
    vk_wheel_init(&wheel, 0);
    vk_wheel_set(&wheel, &timers[0], UINT64_MAX);
    vk_wheel_set(&wheel, &timers[1], last_ns + 1);
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
    vk_wheel_set(&wheel, &timers[2], last_ns);
    CHECK_EQ(sleep_until_fired(&expired, &in_vain), last_ns);
    CHECK(pop(&expired) == &timers[2]);
    CHECK(pop(&expired) == NULL);
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
    CHECK(vk_wheel_advance(&wheel, UINT64_MAX, &expired, ALL));
    CHECK(vk_list_is_empty(&expired));
}

TEST(vk_wheel, a_canceled_timer_never_fires)
{
    struct vk_timer timers[3] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    vk_wheel_cancel(&wheel, &timers[0]); /* never armed */
    for (size_t i = 0; i < 3; i++)
        vk_wheel_set(&wheel, &timers[i], 5 * TICK);
    vk_wheel_cancel(&wheel, &timers[1]);
    CHECK(!vk_timer_is_armed(&timers[1]));
    CHECK(vk_wheel_advance(&wheel, 5 * TICK, &expired, ALL));
    CHECK(pop(&expired) == &timers[0]);
    CHECK(pop(&expired) == &timers[2]);
    CHECK(pop(&expired) == NULL);
    vk_wheel_set(&wheel, &timers[1], 70 * TICK);
    vk_wheel_cancel(&wheel, &timers[1]);
    vk_wheel_cancel(&wheel, &timers[1]);
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
}

TEST(vk_wheel, an_expired_timer_can_be_canceled_or_set_before_it_is_popped)
{
    struct vk_timer timers[3] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3; i++)
        vk_wheel_set(&wheel, &timers[i], TICK);
    CHECK(vk_wheel_advance(&wheel, TICK, &expired, ALL));
    vk_wheel_cancel(&wheel, &timers[0]);
    vk_wheel_set(&wheel, &timers[1], 9 * TICK); /* later, yet it must leave the expired list */
    CHECK(pop(&expired) == &timers[2]);
    CHECK(pop(&expired) == NULL);
    CHECK(!vk_timer_is_armed(&timers[0]));
    CHECK_EQ(vk_wheel_next_ns(&wheel), 9 * TICK);
}

TEST(vk_wheel, a_deadline_can_be_moved_both_ways)
{
    struct vk_timer timer = {0};
    struct vk_list expired;
    uint32_t in_vain;
    vk_wheel_init(&wheel, 0);
    vk_wheel_set(&wheel, &timer, 10 * TICK);
    vk_wheel_set(&wheel, &timer, 500 * TICK);
    vk_wheel_set(&wheel, &timer, 20000 * TICK);
    CHECK_EQ(sleep_until_fired(&expired, &in_vain), 20000 * TICK);
    CHECK(pop(&expired) == &timer);
    CHECK(in_vain <= 4); /* where it lay at first, and once per level */
    vk_wheel_set(&wheel, &timer, 90000 * TICK);
    vk_wheel_set(&wheel, &timer, 20001 * TICK);
    CHECK_EQ(sleep_until_fired(&expired, &in_vain), 20001 * TICK);
    CHECK_EQ(in_vain, 0);
}

TEST(vk_wheel, timers_of_one_tick_fire_in_the_order_they_were_set)
{
    struct vk_timer timers[8] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    for (size_t i = 0; i < VK_COUNT(timers); i++)
        vk_wheel_set(&wheel, &timers[i], 3 * TICK - i); /* the same tick */
    CHECK(vk_wheel_advance(&wheel, 100 * TICK, &expired, ALL));
    for (size_t i = 0; i < VK_COUNT(timers); i++)
        CHECK(pop(&expired) == &timers[i]);
}

TEST(vk_wheel, work_is_bounded_and_goes_on_where_it_stopped)
{
    static struct vk_timer timers[100];
    struct vk_list expired;
    uint32_t fired = 0;
    memset(timers, 0, sizeof(timers));
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    for (size_t i = 0; i < VK_COUNT(timers); i++)
        vk_wheel_set(&wheel, &timers[i], (70 + i / 50) * TICK);
    CHECK(!vk_wheel_advance(&wheel, 80 * TICK, &expired, 0));
    for (uint32_t calls = 0; fired < VK_COUNT(timers); calls++) {
        CHECK(calls < 20 + 1); /* 100 carried to level 0, 100 expired, 10 a call */
        CHECK(vk_wheel_next_ns(&wheel) <= 80 * TICK);
        (void)vk_wheel_advance(&wheel, 80 * TICK, &expired, 10);
        uint32_t popped = 0;
        for (; pop(&expired) != NULL; popped++)
            fired++;
        CHECK(popped <= 10);
    }
    CHECK(vk_wheel_advance(&wheel, 80 * TICK, &expired, 0));
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
}

TEST(vk_wheel, a_timer_set_while_work_is_left_fires_in_its_turn)
{
    struct vk_timer timers[4] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3; i++)
        vk_wheel_set(&wheel, &timers[i], 64 * TICK + i * TICK);
    CHECK(!vk_wheel_advance(&wheel, 70 * TICK, &expired, 1)); /* level 1's slot is half empty */
    vk_wheel_set(&wheel, &timers[3], 65 * TICK);
    vk_wheel_cancel(&wheel, &timers[1]);
    CHECK(vk_wheel_advance(&wheel, 70 * TICK, &expired, ALL));
    CHECK(pop(&expired) == &timers[0]);
    CHECK(pop(&expired) == &timers[3]);
    CHECK(pop(&expired) == &timers[2]);
    CHECK(pop(&expired) == NULL);
}

TEST(vk_wheel, canceling_the_rest_of_a_half_empty_slot_ends_the_work)
{
    struct vk_timer timers[3] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3; i++)
        vk_wheel_set(&wheel, &timers[i], TICK);
    CHECK(!vk_wheel_advance(&wheel, TICK, &expired, 1));
    vk_wheel_cancel(&wheel, &timers[1]);
    vk_wheel_cancel(&wheel, &timers[2]);
    CHECK(vk_wheel_advance(&wheel, TICK, &expired, 1));
    CHECK(pop(&expired) == &timers[0]);
    CHECK(pop(&expired) == NULL);
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
}

TEST(vk_wheel, a_clock_that_goes_back_changes_nothing)
{
    struct vk_timer timers[2] = {0};
    struct vk_list expired;
    vk_list_init(&expired);
    vk_wheel_init(&wheel, 1000 * TICK);
    vk_wheel_set(&wheel, &timers[0], 1001 * TICK);
    CHECK(vk_wheel_advance(&wheel, 3 * TICK, &expired, ALL));
    vk_wheel_set(&wheel, &timers[1], 1002 * TICK);
    CHECK_EQ(vk_wheel_next_ns(&wheel), 1001 * TICK);
    CHECK(vk_list_is_empty(&expired));
    CHECK(vk_wheel_advance(&wheel, 1002 * TICK, &expired, ALL));
    CHECK(pop(&expired) == &timers[0]);
    CHECK(pop(&expired) == &timers[1]);
}

/* ---- against a model --------------------------------------------------------- */

#define TIMERS 200u

struct model {
    struct vk_timer timers[TIMERS];
    uint64_t deadlines_ns[TIMERS]; /* UINT64_MAX: not armed */
    uint64_t now_ns;
    uint64_t seed;
    uint64_t fired;
};

static struct model model;

/* From nanoseconds to years, short ones most often. */
static uint64_t random_delay_ns(void)
{
    return test_random(&model.seed) >> (10 + test_random_below(&model.seed, 54));
}

static uint64_t earliest_ns(void)
{
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < TIMERS; i++)
        earliest = model.deadlines_ns[i] < earliest ? model.deadlines_ns[i] : earliest;
    return earliest;
}

static void check_next(void)
{
    uint64_t earliest = earliest_ns();
    uint64_t next_ns = vk_wheel_next_ns(&wheel);
    if (earliest < UINT64_MAX - TICK)
        CHECK(next_ns <= VK_ALIGN_UP(earliest, TICK) || next_ns <= model.now_ns);
}

static void set_or_cancel(void)
{
    uint32_t i = test_random_below(&model.seed, TIMERS);
    if (test_random_below(&model.seed, 4) == 0) {
        vk_wheel_cancel(&wheel, &model.timers[i]);
        model.deadlines_ns[i] = UINT64_MAX;
        return;
    }
    uint64_t delay_ns = random_delay_ns();
    uint64_t deadline_ns = model.now_ns + delay_ns;
    if (deadline_ns < delay_ns)
        deadline_ns = UINT64_MAX - 1;
    if (test_random_below(&model.seed, 16) == 0) /* already passed */
        deadline_ns = model.now_ns - (delay_ns < model.now_ns ? delay_ns : model.now_ns);
    vk_wheel_set(&wheel, &model.timers[i], deadline_ns);
    model.deadlines_ns[i] = deadline_ns;
}

/* Everything in expired was due; nothing due was left when the wheel says so. */
static void check_expired(struct vk_list *expired, bool is_done)
{
    uint64_t tick = 0;
    struct vk_timer *timer;
    while ((timer = pop(expired)) != NULL) {
        uint32_t i = (uint32_t)(timer - model.timers);
        uint64_t deadline_ns = model.deadlines_ns[i];
        CHECK(deadline_ns != UINT64_MAX);
        CHECK_EQ(deadline_ns, timer->deadline_ns);
        CHECK(deadline_ns <= model.now_ns);
        /* One that was late when it was set does not count for the order. */
        uint64_t own_tick = vk_wheel_tick_of(deadline_ns);
        CHECK(own_tick >= tick || own_tick <= wheel.tick);
        tick = own_tick > tick ? own_tick : tick;
        model.deadlines_ns[i] = UINT64_MAX;
        model.fired++;
    }
    if (is_done)
        CHECK(earliest_ns() > model.now_ns / TICK * TICK);
}

static void advance(uint64_t now_ns)
{
    struct vk_list expired;
    vk_list_init(&expired);
    model.now_ns = now_ns;
    uint32_t work_max = test_random_below(&model.seed, 3) == 0 ? test_random_below(&model.seed, 20) : ALL;
    bool is_done = vk_wheel_advance(&wheel, now_ns, &expired, work_max);
    CHECK(is_done || work_max != ALL);
    check_expired(&expired, is_done);
}

static void start_model(uint64_t seed, uint64_t now_ns)
{
    memset(&model, 0, sizeof(model));
    for (uint32_t i = 0; i < TIMERS; i++)
        model.deadlines_ns[i] = UINT64_MAX;
    model.seed = seed;
    model.now_ns = now_ns;
    vk_wheel_init(&wheel, now_ns);
}

TEST(vk_wheel, agrees_with_a_plain_list_over_100000_operations)
{
    start_model(2026, 77777777777);
    for (int round = 0; round < 100000; round++) {
        if (test_random_below(&model.seed, 3) > 0) {
            set_or_cancel();
            continue;
        }
        check_next();
        if (test_random_below(&model.seed, 2) == 0) {
            uint64_t next_ns = vk_wheel_next_ns(&wheel);
            advance(next_ns == UINT64_MAX || next_ns < model.now_ns ? model.now_ns : next_ns);
        } else {
            uint64_t now_ns = model.now_ns + (random_delay_ns() >> 12);
            advance(now_ns < model.now_ns ? model.now_ns : now_ns);
        }
    }
    CHECK(model.fired > 10000);
}

TEST(vk_wheel, sleeping_to_next_fires_everything_at_its_tick)
{
    start_model(4, 1);
    for (int i = 0; i < 2000; i++)
        set_or_cancel();
    uint64_t armed = 0;
    for (uint32_t i = 0; i < TIMERS; i++)
        armed += model.deadlines_ns[i] != UINT64_MAX;
    CHECK(armed > TIMERS / 2);
    while (model.fired < armed) {
        uint64_t before = earliest_ns();
        uint64_t next_ns = vk_wheel_next_ns(&wheel);
        CHECK(next_ns <= VK_ALIGN_UP(before, TICK) || next_ns <= model.now_ns);
        advance(next_ns < model.now_ns ? model.now_ns : next_ns);
    }
    CHECK_EQ(vk_wheel_next_ns(&wheel), UINT64_MAX);
}
