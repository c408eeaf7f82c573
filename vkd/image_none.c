/* SPDX-License-Identifier: Apache-2.0 */
/* Where no bare-metal image is built. */
#include "vkd/image.h"

const unsigned char vkd_metal_image[1];
const size_t vkd_metal_image_bytes = 0;
const char vkd_metal_names[1];
