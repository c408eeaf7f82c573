/* SPDX-License-Identifier: Apache-2.0 */
/* The network of an image: its card, and TCP over it. */
#ifndef METAL_APP_DRIVER_H
#define METAL_APP_DRIVER_H

#include "metal/app/serve.h"

/* The driver, in memory of its own. NULL: there is none; it was said on the console why. */
struct proc_io *app_driver_create(const struct app_start *start);

/*
 * The address by which the machine is reached, for the line that says where it
 * listens, one of more than the link if there is one; left alone: none yet (DHCP).
 */
void app_driver_address(const struct proc_io *io, uint8_t family, struct proc_addr *ret_addr);

/* What a listener on all addresses is for: 4, or 6 where no address of IPv4 is asked for. */
uint8_t app_driver_family(void);

/* Whether the machine has an address by which it is reached; one by DHCP takes a moment. */
bool app_driver_is_up(const struct proc_io *io);

#endif
