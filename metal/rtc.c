/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Motorola MC146818A data sheet; days from the civil date: Howard Hinnant, days_from_civil. */
#include "metal/rtc.h"

#include "metal/cpu.h"

#define INDEX_PORT      0x70u
#define DATA_PORT       0x71u
#define REG_SECOND      0x00u
#define REG_MINUTE      0x02u
#define REG_HOUR        0x04u
#define REG_DAY         0x07u
#define REG_MONTH       0x08u
#define REG_YEAR        0x09u
#define REG_A           0x0au
#define REG_B           0x0bu
#define A_UPDATING      0x80u
#define B_24_HOURS      0x02u
#define B_BINARY        0x04u
#define HOUR_PM         0x80u
#define NOTHING_THERE   0xffu   /* what a port without a device reads */
#define UPDATE_READS    100000u /* far more than the 2 ms that an update takes */
#define CENTURY         2000    /* two digits of the year are kept */
#define DAYS_TO_1970    719468  /* from 0000-03-01 */
#define DAYS_PER_ERA    146097  /* 400 years */
#define SECONDS_PER_DAY 86400

static uint8_t read_register(uint8_t index)
{
    metal_outb(INDEX_PORT, index);
    return metal_inb(DATA_PORT);
}

/* Waits out an update, after which the registers stand still for at least 244 us. False without a clock. */
static bool wait_steady(void)
{
    for (uint32_t i = 0; i < UPDATE_READS; i++) {
        uint8_t a = read_register(REG_A);
        if (!(a & A_UPDATING))
            return true;
        if (a == NOTHING_THERE)
            return false;
    }
    return false;
}

static int32_t number(uint8_t value, uint8_t mode)
{
    return mode & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static int32_t hour_of_day(uint8_t value, uint8_t mode)
{
    if (mode & B_24_HOURS)
        return number(value, mode);
    int32_t hour = number(value & (uint8_t)~HOUR_PM, mode) % 12;
    return value & HOUR_PM ? hour + 12 : hour;
}

/* Days since 1970-01-01 of a date after 0000-03-01. */
static int64_t days_of(int32_t year, int32_t month, int32_t day)
{
    int32_t march_year = month <= 2 ? year - 1 : year;
    int32_t era = march_year / 400;
    int32_t year_of_era = march_year - era * 400;
    int32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

int64_t metal_rtc_read_s(void)
{
    if (!wait_steady())
        return 0;
    uint8_t second = read_register(REG_SECOND), minute = read_register(REG_MINUTE);
    uint8_t hour = read_register(REG_HOUR), day = read_register(REG_DAY);
    uint8_t month = read_register(REG_MONTH), year = read_register(REG_YEAR);
    uint8_t mode = read_register(REG_B);
    int64_t days = days_of(CENTURY + number(year, mode), number(month, mode), number(day, mode));
    return days * SECONDS_PER_DAY + hour_of_day(hour, mode) * 3600 + number(minute, mode) * 60 +
           number(second, mode);
}
