/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what was put is found until its time is over or room is needed, and
 * then the entry not used for longest goes; all memory comes back. Method:
 * cases by hand at, below and above each bound; random operations against an
 * array, once with little room and once with deadlines.
 */
#include "vk/kv.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/region.h"

#define TICK VK_WHEEL_TICK_NS

static struct vk_region region;
static struct vk_kv kv;
static uint8_t scratch[70000], wanted[70000];

static void start(uint32_t entries_max, uint32_t pieces_max)
{
    static const uint64_t key[2] = {1, 2};
    vk_region_fini(&region);
    CHECK_EQ(vk_region_init(&region, vk_kv_region_bytes(entries_max, pieces_max * 128)), 0);
    CHECK_EQ(vk_kv_init(&kv, entries_max, pieces_max * 128, key, 0, &region), 0);
}

static struct vk_span text(const char *s)
{
    size_t len = 0;
    while (s[len])
        len++;
    return vk_span(s, len);
}

static int put(const char *key, const char *value)
{
    return vk_kv_put(&kv, text(key), text(value), VK_KV_FOREVER, 0);
}

/* Whether the key has that value; NULL: none. */
static bool has(const char *key, const char *value, uint64_t now_ns)
{
    const struct vk_kv_entry *e = vk_kv_find(&kv, text(key), now_ns);
    if (!e || !value)
        return !e && !value;
    vk_kv_read(&kv, e, scratch);
    return vk_span_equal(vk_span(scratch, e->value_len), text(value)) && vk_kv_is(&kv, e, text(value));
}

static void fill_bytes(uint8_t *dst, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)test_random(&seed);
}

TEST(vk_kv, init_refuses_what_it_cannot_hold)
{
    static const uint64_t key[2] = {1, 2};
    vk_region_fini(&region);
    CHECK_EQ(vk_region_init(&region, 1u << 20), 0);
    CHECK_EQ(vk_kv_init(&kv, 0, 1024, key, 0, &region), -VK_EINVAL);
    CHECK_EQ(vk_kv_init(&kv, VK_TABLE_MAX, 1024, key, 0, &region), -VK_EINVAL);
    CHECK_EQ(vk_kv_init(&kv, 4, 127, key, 0, &region), -VK_EINVAL);
    CHECK_EQ(vk_kv_init(&kv, 4, VK_KV_BYTES_MAX + 1, key, 0, &region), -VK_EINVAL);
    CHECK_EQ(vk_kv_init(&kv, 4, VK_KV_BYTES_MAX, key, 0, &region), -VK_ENOMEM);
    CHECK_EQ(vk_kv_init(&kv, 4, 128, key, 0, &region), 0);
}

TEST(vk_kv, region_bytes_are_enough_and_hardly_more)
{
    for (uint32_t entries = 1; entries < 300; entries += 13)
        start(entries, 1 + entries * 3 % 50); /* checks that init finds room */
}

TEST(vk_kv, what_was_put_is_found)
{
    start(10, 10);
    CHECK(has("a", NULL, 0));
    CHECK_EQ(put("a", "one"), 0);
    CHECK_EQ(put("", "empty key"), 0);
    CHECK_EQ(put("b", ""), 0);
    CHECK(has("a", "one", 0) && has("", "empty key", 0) && has("b", "", 0) && has("c", NULL, 0));
    CHECK_EQ(put("a", "two"), 0);
    CHECK(has("a", "two", 0));
    CHECK_EQ(kv.entries.count, 3);
    CHECK_EQ(kv.pieces.count, 3);
    vk_kv_remove(&kv, vk_kv_find(&kv, text("a"), 0));
    CHECK(has("a", NULL, 0) && has("b", "", 0));
    CHECK_EQ(kv.entries.count, 2);
    CHECK_EQ(kv.pieces.count, 2);
    CHECK_EQ(kv.evicted + kv.expired, 0);
}

TEST(vk_kv, values_of_every_length_come_back)
{
    start(4, 40);
    for (uint32_t key_len = 0; key_len < 260; key_len += 29) {
        for (uint32_t len = 0; len < 3 * VK_KV_PIECE_BYTES + 3; len++) {
            fill_bytes(scratch, key_len, 7);
            fill_bytes(wanted, len, len);
            struct vk_span key = vk_span(scratch, key_len), value = vk_span(wanted, len);
            CHECK_EQ(vk_kv_put(&kv, key, value, VK_KV_FOREVER, 0), 0);
            struct vk_kv_entry *e = vk_kv_find(&kv, key, 0);
            CHECK(e != NULL && e->value_len == len && vk_kv_is(&kv, e, value));
            CHECK_EQ(kv.pieces.count, (key_len + len + VK_KV_PIECE_BYTES - 1) / VK_KV_PIECE_BYTES);
            vk_kv_read(&kv, e, scratch + 1000);
            CHECK_MEM(scratch + 1000, wanted, len);
            fill_bytes(wanted, len, len + 1000);
            vk_kv_write(&kv, e, wanted);
            CHECK(vk_kv_is(&kv, e, value) && vk_kv_find(&kv, key, 0) == e);
            vk_kv_remove(&kv, e);
            CHECK_EQ(kv.pieces.count, 0);
        }
    }
}

TEST(vk_kv, the_least_recently_used_goes_when_entries_are_used_up)
{
    start(3, 10);
    CHECK_EQ(put("a", "1"), 0);
    CHECK_EQ(put("b", "2"), 0);
    CHECK_EQ(put("c", "3"), 0);
    CHECK(has("a", "1", 0));
    CHECK_EQ(kv.evicted, 0);
    CHECK_EQ(put("d", "4"), 0);
    CHECK(has("b", NULL, 0) && has("a", "1", 0) && has("c", "3", 0) && has("d", "4", 0));
    CHECK_EQ(kv.evicted, 1);
    CHECK_EQ(put("d", "5"), 0); /* has its entry */
    CHECK_EQ(kv.evicted, 1);
}

TEST(vk_kv, the_least_recently_used_go_when_bytes_are_used_up)
{
    start(10, 4);
    fill_bytes(wanted, sizeof wanted, 1);
    CHECK_EQ(put("a", "1"), 0);
    CHECK_EQ(put("b", "2"), 0);
    CHECK_EQ(put("c", "3"), 0);
    CHECK_EQ(put("d", "4"), 0);
    CHECK_EQ(kv.evicted, 0);
    struct vk_span two = vk_span(wanted, VK_KV_PIECE_BYTES),
                   four = vk_span(wanted, 4 * VK_KV_PIECE_BYTES - 1);
    CHECK_EQ(vk_kv_put(&kv, text("c"), two, VK_KV_FOREVER, 0), 0);
    CHECK(has("a", NULL, 0) && has("b", "2", 0) && has("d", "4", 0));
    CHECK_EQ(kv.evicted, 1);
    CHECK_EQ(vk_kv_put(&kv, text("e"), four, VK_KV_FOREVER, 0), 0); /* all there is */
    CHECK_EQ(kv.entries.count, 1);
    CHECK_EQ(kv.pieces.count, 4);
    CHECK_EQ(vk_kv_put(&kv, text("e"), vk_span(wanted, four.len + 1), VK_KV_FOREVER, 0), -VK_ETOOBIG);
    CHECK(vk_kv_is(&kv, vk_kv_find(&kv, text("e"), 0), four));
    CHECK_EQ(vk_kv_put(&kv, text("e"), four, VK_KV_FOREVER, 0), 0); /* over itself */
    CHECK_EQ(kv.evicted, 4);
}

TEST(vk_kv, an_entry_is_gone_at_its_deadline)
{
    start(10, 10);
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("1"), 10 * TICK + 5, TICK), 0);
    CHECK_EQ(vk_kv_put(&kv, text("b"), text("2"), VK_KV_FOREVER, TICK), 0);
    CHECK(has("a", "1", 10 * TICK + 4));
    CHECK(has("a", NULL, 10 * TICK + 5));
    CHECK(has("a", NULL, 12 * TICK));
    CHECK_EQ(kv.entries.count, 1);
    CHECK_EQ(kv.expired, 1);
    CHECK(has("b", "2", UINT64_MAX - 1));
}

TEST(vk_kv, a_put_replaces_the_deadline)
{
    start(10, 10);
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("1"), 5 * TICK, 0), 0);
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("2"), 50 * TICK, 0), 0);
    CHECK(has("a", "2", 49 * TICK));
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("3"), VK_KV_FOREVER, 49 * TICK), 0);
    CHECK(has("a", "3", 1000 * TICK));
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("4"), 1001 * TICK, 1000 * TICK), 0);
    CHECK(has("a", NULL, 1001 * TICK));
    CHECK_EQ(vk_kv_put(&kv, text("a"), text("5"), VK_KV_FOREVER, 1001 * TICK),
             0); /* though it has not gone */
    CHECK(has("a", "5", 2000 * TICK));
    CHECK_EQ(kv.entries.count, 1);
}

TEST(vk_kv, many_that_expire_together_go_in_several_calls)
{
    uint32_t count = 4 * VK_KV_EXPIRED_PER_CALL;
    start(1000, 1000);
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(vk_kv_put(&kv, vk_span(&i, 4), text("x"), 10 * TICK, 0), 0);
    for (uint32_t calls = 0; kv.entries.count > 0; calls++) {
        uint32_t before = kv.entries.count;
        vk_kv_expire(&kv, 20 * TICK);
        CHECK(before - kv.entries.count <= VK_KV_EXPIRED_PER_CALL);
        CHECK(calls < 10);
    }
    CHECK_EQ(kv.expired, count);
    CHECK_EQ(kv.pieces.count, 0);
}

/* ---- against an array ------------------------------------------------------------------------ */

#define KEYS 64u

static struct {
    uint32_t len;
    uint64_t seed, deadline_ns, used; /* used 0: not there */
} model[KEYS];

static uint32_t model_pieces(uint32_t i)
{
    return model[i].used ? (4 + model[i].len + VK_KV_PIECE_BYTES - 1) / VK_KV_PIECE_BYTES : 0;
}

static void model_evict(void)
{
    uint32_t oldest = KEYS;
    for (uint32_t i = 0; i < KEYS; i++)
        if (model[i].used && (oldest == KEYS || model[i].used < model[oldest].used))
            oldest = i;
    CHECK(oldest < KEYS);
    model[oldest].used = 0;
}

static void model_count(uint32_t *ret_entries, uint32_t *ret_pieces)
{
    *ret_entries = *ret_pieces = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        *ret_entries += model[i].used != 0;
        *ret_pieces += model_pieces(i);
    }
}

static void check_key(uint32_t i, uint64_t now_ns)
{
    struct vk_kv_entry *e = vk_kv_find(&kv, vk_span(&i, 4), now_ns);
    bool is_there = model[i].used != 0 && model[i].deadline_ns > now_ns;
    CHECK_EQ(e != NULL, is_there);
    if (!is_there)
        return;
    fill_bytes(wanted, model[i].len, model[i].seed);
    CHECK(vk_kv_is(&kv, e, vk_span(wanted, model[i].len)));
}

static void random_put(uint32_t i, uint64_t *random, uint64_t deadline_ns, uint64_t now_ns)
{
    uint32_t len = (uint32_t)(test_random(random) % 600);
    uint64_t seed = test_random(random);
    fill_bytes(wanted, len, seed);
    CHECK_EQ(vk_kv_put(&kv, vk_span(&i, 4), vk_span(wanted, len), deadline_ns, now_ns), 0);
    model[i].len = len;
    model[i].seed = seed;
    model[i].deadline_ns = deadline_ns;
}

TEST(vk_kv, random_operations_with_little_room)
{
    uint64_t random = 20260101;
    uint32_t entries, pieces;
    memset(model, 0, sizeof model);
    start(20, 50);
    for (uint64_t now = 1; now < 30000; now++) {
        uint32_t i = (uint32_t)(test_random(&random) % KEYS), what = (uint32_t)(test_random(&random) % 8);
        if (what < 4) {
            random_put(i, &random, VK_KV_FOREVER, 0);
            model_count(&entries, &pieces);
            if (!model[i].used && entries == 20)
                model_evict();
            model[i].used = now;
            for (model_count(&entries, &pieces); pieces > 50; model_count(&entries, &pieces))
                model_evict();
        } else if (what < 7) {
            check_key(i, 0);
            model[i].used = model[i].used ? now : 0;
        } else if (model[i].used) {
            vk_kv_remove(&kv, vk_kv_find(&kv, vk_span(&i, 4), 0));
            model[i].used = 0;
        }
        model_count(&entries, &pieces);
        CHECK_EQ(kv.entries.count, entries);
        CHECK_EQ(kv.pieces.count, pieces);
    }
    CHECK(kv.evicted > 1000);
}

TEST(vk_kv, random_operations_with_deadlines)
{
    uint64_t random = 7, now_ns = 0;
    memset(model, 0, sizeof model);
    start(KEYS, KEYS * 6);
    for (uint32_t turn = 0; turn < 30000; turn++) {
        uint32_t i = (uint32_t)(test_random(&random) % KEYS);
        now_ns += test_random(&random) % (3 * TICK);
        if (test_random(&random) % 2) {
            uint64_t ttl_ns = 1 + test_random(&random) % ((uint64_t)100 << test_random(&random) % 24);
            random_put(i, &random, now_ns + ttl_ns, now_ns);
            model[i].used = 1;
        }
        check_key(i, now_ns);
        check_key((i + 1) % KEYS, now_ns);
    }
    CHECK_EQ(kv.evicted, 0);
    CHECK(kv.expired > 1000);
    for (uint32_t calls = 0; kv.entries.count > 0; calls++) {
        vk_kv_expire(&kv, now_ns + ((uint64_t)1 << 40));
        CHECK(calls < 100);
    }
    CHECK_EQ(kv.pieces.count, 0);
    CHECK(vk_list_is_empty(&kv.used));
}
