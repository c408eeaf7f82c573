/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's command line: words between spaces. docs/metal.md describes
 * them. The machine's own words, which list its devices, are left to drivers;
 * any other word is an error, as is one that is given twice.
 */
#ifndef METAL_APP_OPTIONS_H
#define METAL_APP_OPTIONS_H

#include "proc/io.h"
#include "vk/bytes.h"
#include "vk/guard.h"

#define APP_WHY_BYTES 192u /* room for a complaint */

/* A number that no option gives: what memory allows. */
#define APP_SLOTS_AUTO 0u

#define APP_STATS_MAX_S 86400u

#define APP_NET_BYTES 160u /* room for the text of ip= */

struct app_options {
    bool has_listen;
    struct proc_addr listen; /* of the first listener; all addresses of a family are zeroes */
    char ip[APP_NET_BYTES];  /* as metal/lwip/driver.h parses it; ended by NUL */
    enum vk_guard_kind guard;
    uint32_t slots;   /* processes alive at once; APP_SLOTS_AUTO */
    uint32_t stats_s; /* seconds between two lines of what is held; 0: none */
};

/*
 * Defaults for what is not given: DHCP, mprotect. Returns 0; -VK_EINVAL with
 * what is wrong in why, ended by NUL.
 */
int app_options_parse(struct app_options *options, const char *command_line, char why[APP_WHY_BYTES]);

#endif
