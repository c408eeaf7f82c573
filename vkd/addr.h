/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as texts, with the names of this machine's interfaces as scopes. */
#ifndef VKD_ADDR_H
#define VKD_ADDR_H

#include "proc/io.h"

#define VKD_ADDR_TEXT 80u /* room for vkd_addr_print, terminator included */

/*
 * "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80"; port 0 lets the system
 * choose. -VK_EMALFORMED, or -VK_ERANGE when only the port is no port.
 */
int vkd_addr_parse(const char *text, struct proc_addr *ret_addr);

/* The same form back, as it stands in a URL. */
void vkd_addr_print(const struct proc_addr *addr, char text[VKD_ADDR_TEXT]);

#endif
