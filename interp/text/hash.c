/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/text/hash.h"

#include "interp/text/powers.h"

uint64_t interp_hash_int(const struct interp_hash_key *key, uint64_t value)
{
    struct interp_wide product = interp_mul_wide(key->factor[1], value);
    uint64_t low = product.low + key->summand[1];
    uint64_t high = product.high + key->factor[0] * value + key->summand[0] + (low < product.low);
    return (high ^ high >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}
