/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: days and dates are the same thing. Method: every day of ten thousand years, counted by hand. */
#include "vk/civil.h"

#include "tests/unit/test.h"

TEST(vk_civil, every_day_of_ten_thousand_years_and_back)
{
    static const uint32_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = VK_CIVIL_FIRST / VK_DAY_SECONDS;
    for (uint32_t year = 0; year <= 9999; year++) {
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (uint32_t month = 1; month <= 12; month++) {
            uint32_t length = lengths[month - 1] + (month == 2 && is_leap);
            for (uint32_t day = 1; day <= length; day++, days++) {
                struct vk_civil date = vk_civil_of_days(days);
                CHECK(date.year == year && date.month == month && date.day == day);
                CHECK(vk_civil_to_days(date) == days);
            }
            CHECK(vk_civil_is_date((struct vk_civil){year, month, length}));
            CHECK(!vk_civil_is_date((struct vk_civil){year, month, length + 1}));
        }
    }
    CHECK_EQ(days, VK_CIVIL_LAST / VK_DAY_SECONDS + 1);
}

TEST(vk_civil, what_is_no_date)
{
    CHECK(!vk_civil_is_date((struct vk_civil){10000, 1, 1}));
    CHECK(!vk_civil_is_date((struct vk_civil){2000, 0, 1}));
    CHECK(!vk_civil_is_date((struct vk_civil){2000, 13, 1}));
    CHECK(!vk_civil_is_date((struct vk_civil){2000, 1, 0}));
    CHECK(!vk_civil_is_date((struct vk_civil){2000, 1, UINT32_MAX}));
}

TEST(vk_civil, seconds_before_1970_belong_to_the_day_before)
{
    CHECK_EQ(vk_civil_day_of(0), 0);
    CHECK_EQ(vk_civil_day_of(86399), 0);
    CHECK_EQ(vk_civil_day_of(86400), 1);
    CHECK_EQ(vk_civil_day_of(-1), -1);
    CHECK_EQ(vk_civil_day_of(-86400), -1);
    CHECK_EQ(vk_civil_day_of(-86401), -2);
    CHECK_EQ(vk_civil_weekday(0), 0);
    CHECK_EQ(vk_civil_weekday(-1), 6);
    CHECK_EQ(vk_civil_weekday(-7), 0);
    CHECK_EQ(vk_civil_weekday(8), 1);
}
