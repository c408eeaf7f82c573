/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: requests reach the route their path and method name, whatever the
 * order of patterns and wherever the table lies. Method: tables of patterns
 * and requests; one table is moved before use.
 */
#include "net/route.h"

#include "tests/unit/test.h"

static const struct vk_span patterns[] = {
    VK_SPAN_LIT("GET /"),
    VK_SPAN_LIT("GET /a"),
    VK_SPAN_LIT("POST /a"),
    VK_SPAN_LIT("GET /a/"),
    VK_SPAN_LIT("GET /a/{x}"),
    VK_SPAN_LIT("PUT /a/b"),
    VK_SPAN_LIT("GET /a/{x}/c/{y}"),
    VK_SPAN_LIT("GET /a/b/d"),
    VK_SPAN_LIT("DELETE /{all}"),
    VK_SPAN_LIT("OPTIONS /own"),
    VK_SPAN_LIT("HEAD /head"),
    VK_SPAN_LIT("GET /head"),
    VK_SPAN_LIT("GET /{one}/{two}/{three}/e"),
    VK_SPAN_LIT("PATCH /a/b"),
};

static uint32_t room[1024], moved[1024];
static struct net_route_match match;

static void build(void)
{
    size_t len;
    uint32_t bad;
    CHECK(net_route_room(patterns, VK_COUNT(patterns)) <= sizeof(room));
    CHECK_EQ(net_route_build(patterns, VK_COUNT(patterns), room, sizeof(room), &len, &bad), 0);
    CHECK(len <= net_route_room(patterns, VK_COUNT(patterns)));
    memcpy(moved, room, len);
    memset(room, 0xff, sizeof(room));
}

/* The index of the route, or minus the status. */
static int32_t find(enum net_method method, struct vk_span path)
{
    uint32_t status = net_route_find(moved, method, path, &match);
    return status == 0 ? (int32_t)match.route : -(int32_t)status;
}

#define FIND(method, path) find(NET_METHOD_##method, VK_SPAN_LIT(path))

static bool is_capture(uint32_t i, struct vk_span wanted)
{
    return i < match.captures_count && vk_span_equal(match.captures[i], wanted);
}

TEST(net_route, numbers_go_before_names_and_behind_literals)
{
    static const struct vk_span own[] = {VK_SPAN_LIT("GET /n/{x}"), VK_SPAN_LIT("GET /n/{x:Int}/e"),
                                         VK_SPAN_LIT("GET /n/{n:Int}"), VK_SPAN_LIT("GET /n/7"),
                                         VK_SPAN_LIT("PUT /n/{n:Int}")};
    size_t len;
    uint32_t bad;
    CHECK_EQ(net_route_build(own, VK_COUNT(own), moved, sizeof moved, &len, &bad), 0);
    CHECK_EQ(FIND(GET, "/n/7"), 3);
    CHECK_EQ(FIND(GET, "/n/8"), 2);
    CHECK(match.captures_count == 1 && is_capture(0, VK_SPAN_LIT("8")));
    CHECK_EQ(FIND(GET, "/n/%38"), 2);
    CHECK_EQ(FIND(GET, "/n/-9223372036854775808"), 2);
    CHECK_EQ(FIND(GET, "/n/9223372036854775808"), 0);
    CHECK_EQ(FIND(GET, "/n/-"), 0);
    CHECK_EQ(FIND(GET, "/n/x"), 0);
    CHECK_EQ(FIND(GET, "/n/0000000000000000000000000000001"), 0);
    CHECK_EQ(FIND(GET, "/n/8/e"), 1);
    CHECK_EQ(FIND(GET, "/n/x/e"), -404);
    CHECK_EQ(FIND(PUT, "/n/7"), 4);
    CHECK_EQ(FIND(PUT, "/n/x"), -405);
    static const struct vk_span twice[] = {VK_SPAN_LIT("GET /{a:Int}"), VK_SPAN_LIT("GET /{b:Int}")};
    CHECK_EQ(net_route_build(twice, 2, moved, sizeof moved, &len, &bad), -VK_EINVAL);
    static const struct vk_span other[] = {VK_SPAN_LIT("GET /{a:Float}")};
    CHECK_EQ(net_route_build(other, 1, moved, sizeof moved, &len, &bad), -VK_EMALFORMED);
    static const struct vk_span nameless[] = {VK_SPAN_LIT("GET /{:Int}")};
    CHECK_EQ(net_route_build(nameless, 1, moved, sizeof moved, &len, &bad), -VK_EMALFORMED);
}

TEST(net_route, paths_reach_their_routes)
{
    build();
    CHECK_EQ(FIND(GET, "/"), 0);
    CHECK_EQ(FIND(GET, "/a"), 1);
    CHECK_EQ(FIND(POST, "/a"), 2);
    CHECK_EQ(FIND(GET, "/a/"), 3);
    CHECK_EQ(FIND(GET, "/a/xyz"), 4);
    CHECK_EQ(match.captures_count, 1);
    CHECK(is_capture(0, VK_SPAN_LIT("xyz")));
    CHECK_EQ(FIND(PUT, "/a/b"), 5);
    CHECK_EQ(FIND(PATCH, "/a/b"), 13);
    CHECK_EQ(match.captures_count, 0);
    CHECK_EQ(FIND(GET, "/a/b/d"), 7);
    CHECK_EQ(FIND(DELETE, "/zzz"), 8);
    CHECK_EQ(FIND(OPTIONS, "/own"), 9);
    CHECK_EQ(FIND(GET, "/1/22/333/e"), 12);
    CHECK_EQ(match.captures_count, 3);
    CHECK(is_capture(0, VK_SPAN_LIT("1")));
    CHECK(is_capture(2, VK_SPAN_LIT("333")));
}

TEST(net_route, the_search_goes_back_to_names)
{
    build();
    CHECK_EQ(FIND(GET, "/a/b"), 4); /* the literal has PUT only */
    CHECK(is_capture(0, VK_SPAN_LIT("b")));
    CHECK_EQ(FIND(GET, "/a/b/c/z"), 6); /* /a/b leads to d only */
    CHECK_EQ(match.captures_count, 2);
    CHECK(is_capture(0, VK_SPAN_LIT("b")));
    CHECK(is_capture(1, VK_SPAN_LIT("z")));
    CHECK_EQ(FIND(GET, "/a/b/c/e"), 6);
    CHECK_EQ(FIND(GET, "/a/b/x/e"), 12);
    CHECK_EQ(match.captures_count, 3);
    CHECK_EQ(FIND(DELETE, "/a"), 8);
}

TEST(net_route, what_no_pattern_covers_is_404)
{
    build();
    CHECK_EQ(FIND(GET, "/A/B"), -404);
    CHECK_EQ(FIND(GET, "/a/b/c"), -404);
    CHECK_EQ(FIND(GET, "/a//c/z"), -404); /* a name is not empty */
    CHECK_EQ(FIND(GET, "//"), -404);
    CHECK_EQ(FIND(GET, "/a/b/d/"), -404);
    CHECK_EQ(FIND(GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t"), -404);
    CHECK_EQ(FIND(GET, "a"), -404);
    CHECK_EQ(match.captures_count, 0);
}

TEST(net_route, other_methods_of_a_path_are_405_with_allow)
{
    build();
    const uint32_t get = 1u << NET_METHOD_GET, head = 1u << NET_METHOD_HEAD,
                   options = 1u << NET_METHOD_OPTIONS;
    CHECK_EQ(FIND(PUT, "/a"), -405);
    CHECK_EQ(match.allow, get | head | options | 1u << NET_METHOD_POST | 1u << NET_METHOD_DELETE);
    CHECK_EQ(FIND(POST, "/a/b"), -405); /* of the literal and of the name */
    CHECK_EQ(match.allow, get | head | options | 1u << NET_METHOD_PUT | 1u << NET_METHOD_PATCH);
    CHECK_EQ(FIND(GET, "/zzz"), -405);
    CHECK_EQ(match.allow, options | 1u << NET_METHOD_DELETE);
    CHECK_EQ(find(NET_METHOD_OTHER, VK_SPAN_LIT("/a")), -501);
    CHECK_EQ(FIND(CONNECT, ""), -501);
}

TEST(net_route, head_falls_back_to_get)
{
    build();
    CHECK_EQ(FIND(HEAD, "/a"), 1);
    CHECK_EQ(FIND(HEAD, "/head"), 10);
    CHECK_EQ(FIND(GET, "/head"), 11);
    CHECK_EQ(FIND(HEAD, "/own"), -405);
}

TEST(net_route, options_are_answered_from_the_table)
{
    build();
    CHECK_EQ(FIND(OPTIONS, "/a/b/d"), -204);
    CHECK_EQ(match.allow, 1u << NET_METHOD_GET | 1u << NET_METHOD_HEAD | 1u << NET_METHOD_OPTIONS);
    CHECK_EQ(FIND(OPTIONS, "/none/"), -404);
    CHECK_EQ(FIND(OPTIONS, ""), -204);
    CHECK_EQ(match.allow,
             (1u << NET_METHOD_COUNT) - 2 - (1u << NET_METHOD_CONNECT) - (1u << NET_METHOD_TRACE));
}

TEST(net_route, paths_are_compared_decoded)
{
    build();
    CHECK_EQ(FIND(GET, "/%61"), 1);
    CHECK_EQ(FIND(GET, "/a/%62/d"), 7);
    CHECK_EQ(FIND(GET, "/a%2Fx"), -405); /* one segment, which only /{all} matches */
    CHECK_EQ(FIND(GET, "/a/x%2Fy"), 4);
    CHECK(is_capture(0, VK_SPAN_LIT("x%2Fy")));
    CHECK_EQ(FIND(GET, "/%6"), -405);
}

static int build_one(struct vk_span pattern)
{
    const struct vk_span two[] = {VK_SPAN_LIT("GET /x/{a}"), pattern};
    size_t len;
    uint32_t bad = 7;
    int rc = net_route_build(two, 2, room, sizeof(room), &len, &bad);
    CHECK_EQ(bad, rc == 0 ? 0 : 1);
    return rc;
}

#define BUILD(pattern) build_one(VK_SPAN_LIT(pattern))

TEST(net_route, bad_patterns_are_refused)
{
    CHECK_EQ(BUILD("POST /x/{a}"), 0);
    CHECK_EQ(BUILD("GET /x/{a_1}/y"), 0);
    CHECK_EQ(BUILD("GET /x/{b}"), -VK_EINVAL);
    CHECK_EQ(BUILD(""), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET "), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET  /a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("get /a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("FOO /a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD(" /a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /a//b"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /a b"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /a?b"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /%41"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /{}"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /{a"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /{a}b"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /a{b}"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /{a-b}"), -VK_EMALFORMED);
    CHECK_EQ(BUILD("GET /{a}/{a}"), -VK_EMALFORMED);
}

TEST(net_route, limits_of_a_pattern)
{
    CHECK_EQ(BUILD("GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15"), 0);
    CHECK_EQ(BUILD("GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), 0);
    CHECK_EQ(BUILD("GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), -VK_ETOOBIG);
    CHECK_EQ(BUILD("GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}"), 0);
    CHECK_EQ(BUILD("GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}"), 0);
    CHECK_EQ(BUILD("GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"), -VK_ETOOBIG);
}

TEST(net_route, room_is_checked_and_no_route_is_fine)
{
    size_t len, need = net_route_room(patterns, VK_COUNT(patterns));
    uint32_t bad;
    CHECK_EQ(net_route_build(patterns, VK_COUNT(patterns), room, need - 1, &len, &bad), -VK_ENOSPC);
    CHECK_EQ(net_route_build(patterns, VK_COUNT(patterns), room, need, &len, &bad), 0);
    CHECK_EQ(net_route_build(NULL, 0, moved, sizeof(moved), &len, &bad), 0);
    CHECK_EQ(FIND(GET, "/"), -404);
    CHECK_EQ(FIND(OPTIONS, ""), -204);
}
