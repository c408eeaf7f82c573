/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days as dates of the Gregorian calendar, carried on before 1582, and back.
 *
 * Years that begin in March put the leap day last, so a day's month follows
 * from a straight line. Source: Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days and days_from_civil.
 */
#ifndef VK_CIVIL_H
#define VK_CIVIL_H

#include "vk/base.h"

#define VK_DAY_SECONDS INT64_C(86400)

/* The ends of what four digits for the year can say, in seconds since 1970-01-01 UTC. */
#define VK_CIVIL_FIRST INT64_C(-62167219200) /* 0000-01-01 00:00:00 */
#define VK_CIVIL_LAST  INT64_C(253402300799) /* 9999-12-31 23:59:59 */

struct vk_civil {
    uint32_t year;  /* 0 .. 9999 */
    uint32_t month; /* 1 .. 12 */
    uint32_t day;   /* 1 .. 31 */
};

/* private: the algorithms count days from 0000-03-01; an era is 400 years, of which one is added to stay
 * positive */
#define VK_CIVIL_SHIFT_DAYS 719468u
#define VK_CIVIL_ERA_DAYS   146097u

/* days_since_1970: of years 0 to 9999. */
VK_INLINE struct vk_civil vk_civil_of_days(int64_t days_since_1970)
{
    uint32_t days = (uint32_t)(days_since_1970 + VK_CIVIL_SHIFT_DAYS + VK_CIVIL_ERA_DAYS);
    uint32_t era = days / VK_CIVIL_ERA_DAYS;
    uint32_t day_of_era = days % VK_CIVIL_ERA_DAYS;
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t from_march = (5 * day_of_year + 2) / 153;
    uint32_t is_next_year = from_march >= 10;
    return (struct vk_civil){
        .year = era * 400 + year_of_era + is_next_year - 400,
        .month = from_march + 3 - 12 * is_next_year,
        .day = day_of_year - (153 * from_march + 2) / 5 + 1,
    };
}

/* The date must be one: vk_civil_is_date. */
VK_INLINE int64_t vk_civil_to_days(struct vk_civil date)
{
    uint32_t is_last_year = date.month <= 2;
    uint32_t year = date.year + 400 - is_last_year;
    uint32_t year_of_era = year % 400;
    uint32_t from_march = date.month - 3 + 12 * is_last_year;
    uint32_t day_of_year = (153 * from_march + 2) / 5 + date.day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)(year / 400) * VK_CIVIL_ERA_DAYS + day_of_era - VK_CIVIL_SHIFT_DAYS - VK_CIVIL_ERA_DAYS;
}

VK_INLINE bool vk_civil_is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Whether there is such a day in years 0 to 9999. */
VK_INLINE bool vk_civil_is_date(struct vk_civil date)
{
    static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (date.year > 9999 || date.month - 1 > 11 || date.day - 1 > 30)
        return false;
    return date.day <= lengths[date.month - 1] + (uint32_t)(date.month == 2 && vk_civil_is_leap(date.year));
}

/* The day a second belongs to, in days since 1970: rounds down. */
VK_INLINE int64_t vk_civil_day_of(int64_t seconds)
{
    return seconds / VK_DAY_SECONDS - (seconds % VK_DAY_SECONDS < 0);
}

/* 0: Thursday, as 1970-01-01 was. */
VK_INLINE uint32_t vk_civil_weekday(int64_t days_since_1970)
{
    int64_t rest = days_since_1970 % 7;
    return (uint32_t)(rest < 0 ? rest + 7 : rest);
}

#endif
