/* SPDX-License-Identifier: Apache-2.0 */
/* The battery-backed clock (MC146818), taken to run in UTC. */
#ifndef METAL_RTC_H
#define METAL_RTC_H

#include "vk/base.h"

/* Seconds since 1970-01-01; 0 when the machine has no such clock. */
int64_t metal_rtc_read_s(void);

#endif
