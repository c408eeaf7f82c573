/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: times and durations as text, exactly. Method: tables; a day in each month of all years there and
 * back. */
#include "interp/text/time.h"

#include "tests/unit/test.h"
#include "vk/civil.h"
#include "vk/err.h"
#include "vk/fmt.h"

static size_t length(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

struct sample {
    const char *text;
    int64_t value;
};

TEST(interp_time, rfc3339_is_read)
{
    static const struct sample samples[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1994-11-06T08:49:37Z", 784111777},
        {"1994-11-06t08:49:37z", 784111777},
        {"1985-04-12T23:20:50.52Z", 482196050},
        {"1996-12-19T16:39:57-08:00", 851042397},
        {"1990-12-31T23:59:60Z", 662688000},
        {"1990-12-31T15:59:60-08:00", 662688000},
        {"1991-01-01T05:29:60.5+05:30", 662688000},
        {"1937-01-01T12:00:27.87+00:20", -1041337173},
        {"2000-02-29T00:00:00+00:00", 951782400},
        {"1969-12-31T23:59:59.999999999999999999999-00:00", -1},
        {"0000-01-01T00:00:00Z", VK_CIVIL_FIRST},
        {"9999-12-31T23:59:59Z", VK_CIVIL_LAST},
        {"2026-11-21T23:00:00+23:59", 1795215660},
    };
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        int64_t seconds;
        CHECK_EQ(interp_rfc3339_parse(vk_span(samples[i].text, length(samples[i].text)), &seconds), 0);
        CHECK_EQ(seconds, samples[i].value);
    }
}

TEST(interp_time, what_is_no_rfc3339)
{
    static const char *const bad[] = {"",
                                      "1994",
                                      "1994-11-06",
                                      "1994-11-06T08:49:37",
                                      "1994-11-06 08:49:37Z",
                                      "1994-11-06T08:49Z",
                                      "94-11-06T08:49:37Z",
                                      "1994-13-06T08:49:37Z",
                                      "1994-00-06T08:49:37Z",
                                      "1994-02-29T08:49:37Z",
                                      "1900-02-29T00:00:00Z",
                                      "1994-11-31T08:49:37Z",
                                      "1994-11-00T08:49:37Z",
                                      "1994-11-06T24:00:00Z",
                                      "1994-11-06T08:60:37Z",
                                      "1994-11-06T08:49:61Z",
                                      "1994-11-06T08:49:60Z",
                                      "1990-12-31T23:59:60+01:00",
                                      "1994-11-06T08:49:37.Z",
                                      "1994-11-06T08:49:37,5Z",
                                      "1994-11-06T08:49:37+",
                                      "1994-11-06T08:49:37+1",
                                      "1994-11-06T08:49:37+0100",
                                      "1994-11-06T08:49:37+24:00",
                                      "1994-11-06T08:49:37+01:60",
                                      "1994-11-06T08:49:37ZZ",
                                      "1994-11-06T08:49:37Z ",
                                      " 1994-11-06T08:49:37Z",
                                      "1994-11-06T8:49:37Z",
                                      "+1994-11-06T08:49:37Z",
                                      "1994/11/06T08:49:37Z",
                                      "1994-11-06T08:49:37+01:00Z",
                                      "1994-1a-06T08:49:37Z"};
    int64_t seconds = 77;
    for (uint32_t i = 0; i < VK_COUNT(bad); i++)
        CHECK_EQ(interp_rfc3339_parse(vk_span(bad[i], length(bad[i])), &seconds), -VK_EMALFORMED);
    CHECK_EQ(seconds, 77);
}

TEST(interp_time, both_forms_there_and_back)
{
    for (int64_t seconds = VK_CIVIL_FIRST; seconds <= VK_CIVIL_LAST; seconds += 86400 * 29 + 12345) {
        uint8_t text[INTERP_RFC3339_BYTES], date[VK_FMT_DATE_BYTES];
        int64_t back = 0;
        interp_rfc3339_print(text, seconds);
        CHECK_EQ(interp_rfc3339_parse(vk_span(text, sizeof(text)), &back), 0);
        CHECK_EQ(back, seconds);
        vk_fmt_date(date, seconds);
        CHECK_EQ(interp_http_date_parse(vk_span(date, sizeof(date)), &back), 0);
        CHECK_EQ(back, seconds);
    }
}

TEST(interp_time, seconds_beyond_the_years_are_moved)
{
    uint8_t text[INTERP_RFC3339_BYTES];
    interp_rfc3339_print(text, INT64_MIN);
    CHECK_MEM(text, "0000-01-01T00:00:00Z", 20);
    interp_rfc3339_print(text, INT64_MAX);
    CHECK_MEM(text, "9999-12-31T23:59:59Z", 20);
}

TEST(interp_time, http_dates)
{
    static const char *const bad[] = {"",
                                      "Sun",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Mon, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun,06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 94 08:49:37 GMT",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sun, 31 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:60 GMT",
                                      "sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Foo 1994 08:49:37 GMT"};
    int64_t seconds;
    CHECK_EQ(interp_http_date_parse(VK_SPAN_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), &seconds), 0);
    CHECK_EQ(seconds, 784111777);
    CHECK_EQ(interp_http_date_parse(VK_SPAN_LIT("Mon, 31 Dec 1990 23:59:60 GMT"), &seconds), 0);
    CHECK_EQ(seconds, 662688000);
    for (uint32_t i = 0; i < VK_COUNT(bad); i++)
        CHECK_EQ(interp_http_date_parse(vk_span(bad[i], length(bad[i])), &seconds), -VK_EMALFORMED);
}

TEST(interp_time, durations)
{
    static const struct sample samples[] = {
        {"0s", 0},
        {"1ns", 1},
        {"-1ns", -1},
        {"999ns", 999},
        {"1us", 1000},
        {"1.001us", 1001},
        {"250ms", 250000000},
        {"999.999999ms", 999999999},
        {"1s", 1000000000},
        {"1.5s", 1500000000},
        {"-1.5s", -1500000000},
        {"1.000000001s", 1000000001},
        {"59s", INT64_C(59000000000)},
        {"1min", INT64_C(60000000000)},
        {"90s", INT64_C(90000000000)},
        {"90min", INT64_C(5400000000000)},
        {"2h", INT64_C(7200000000000)},
        {"24h", INT64_C(86400000000000)},
        {"9223372036.854775807s", INT64_MAX},
        {"-9223372036.854775808s", INT64_MIN},
    };
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        uint8_t text[INTERP_DURATION_BYTES];
        size_t len = interp_duration_print(text, samples[i].value);
        CHECK_EQ(len, length(samples[i].text));
        CHECK_MEM(text, samples[i].text, len);
    }
}
