/* SPDX-License-Identifier: Apache-2.0 */
/* The network of an image: its card, and TCP over it. */
#ifndef METAL_APP_DRIVER_H
#define METAL_APP_DRIVER_H

#include "metal/app/serve.h"

/* The driver, in memory of its own. NULL: there is none; it was said on the console why. */
struct proc_io *app_driver_create(const struct app_start *start);

/*
 * The address by which the machine is reached, for the line that says where it
 * listens; family 0: none yet (DHCP).
 */
void app_driver_address(const struct proc_io *io, uint8_t family, struct proc_addr *ret_addr);

#endif
