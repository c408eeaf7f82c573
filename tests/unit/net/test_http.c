/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: names and numbers of methods and statuses agree. Method: both ways over all. */
#include "net/http.h"

#include "tests/unit/test.h"

TEST(net_http, every_method_has_its_name)
{
    for (uint32_t method = 1; method < NET_METHOD_COUNT; method++) {
        CHECK(net_method_name(method).len > 0);
        CHECK_EQ(net_method_parse(net_method_name(method)), method);
    }
    CHECK_EQ(net_method_name(NET_METHOD_OTHER).len, 0);
    CHECK_EQ(net_method_name(NET_METHOD_COUNT).len, 0);
    CHECK_EQ(net_method_parse(VK_SPAN_LIT("DELETE")), NET_METHOD_DELETE);
    CHECK_EQ(net_method_parse(VK_SPAN_LIT("delete")), NET_METHOD_OTHER);
    CHECK_EQ(net_method_parse(VK_SPAN_LIT("DELET")), NET_METHOD_OTHER);
    CHECK_EQ(net_method_parse(VK_SPAN_LIT("")), NET_METHOD_OTHER);
}

TEST(net_http, statuses_have_reasons)
{
    uint32_t count = 0;
    for (uint32_t status = 0; status < 1000; status++)
        count += net_status_reason(status).len > 0;
    CHECK_EQ(count, 60);
    CHECK(vk_span_equal(net_status_reason(200), VK_SPAN_LIT("OK")));
    CHECK(vk_span_equal(net_status_reason(503), VK_SPAN_LIT("Service Unavailable")));
    CHECK_EQ(net_status_reason(299).len, 0);
    CHECK(net_status_is_bodyless(101) && net_status_is_bodyless(204) && net_status_is_bodyless(304));
    CHECK(!net_status_is_bodyless(200) && !net_status_is_bodyless(205) && !net_status_is_bodyless(404));
}
