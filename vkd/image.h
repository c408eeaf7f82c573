/* SPDX-License-Identifier: Apache-2.0 */
/* The bootable image that this program carries, and a module put into it. */
#ifndef VKD_IMAGE_H
#define VKD_IMAGE_H

#include "compiler/text.h"

/* The image, stripped: metal/app/embed.sh makes these; without it image_none.c does. */
extern const unsigned char vkd_metal_image[];
extern const size_t vkd_metal_image_bytes; /* 0: there is none */

/* Of its functions: lines "ADDRESS NAME", ascending; the end of the code is the last one, without a name. */
extern const char vkd_metal_names[];

/* Whether this program was built with the image; the rest may be called only then. */
bool vkd_image_is_there(void);

/*
 * Add the image with this module in it, a file for any PVH loader. Returns
 * whether the module fits below 4 GiB.
 */
bool vkd_image_make(const void *module, size_t module_bytes, struct vkc_text *ret_image);

#endif
