/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stores of a program (proc/store.h): made in a kernel from the module's
 * table, and asked by natives. A Str or Bytes lies in a store as its bytes, a
 * scalar as its 8 bytes, any other value as a message (interp/message.h).
 */
#ifndef INTERP_STORE_H
#define INTERP_STORE_H

#include "interp/module.h"
#include "interp/native.h"
#include "proc/service.h"

/* Handle of the first store; the others follow. */
#define INTERP_STORES_HANDLE 4u

/*
 * X(name, signature, function). Behind the key come values that are
 * references, then the store's place, the time a value is there in ns
 * (INTERP_STORE_NO_TTL: as the store says), and values that are scalars.
 *   store.get, store.take (key, store)   whether there is a value; then
 *   store.value                          gives it
 *   store.put  (key, value, store, ttl)
 *   store.add  (the same)                whether there was none
 *   store.swap (key, old, new, store, ttl)  whether it was the old one
 *   store.increment (key, store, ttl, by)   the new number
 */
#define INTERP_STORE_NATIVES(X)              \
    X("store.get", "Si>i", store_get)        \
    X("store.take", "Si>i", store_take)      \
    X("store.value", ">r", store_value)      \
    X("store.put", "Smiin>-", store_put)     \
    X("store.add", "Smiin>i", store_add)     \
    X("store.swap", "Smmiinn>i", store_swap) \
    X("store.increment", "Siii>i", store_increment)

extern const struct interp_native interp_store_natives[];

/* Region memory that interp_stores_create takes, for proc_kernel_options.service_bytes. */
size_t interp_stores_region_bytes(const struct interp_module *module);

/*
 * The module's stores, in the kernel's region, as the objects of an
 * environment: `objects` is where INTERP_STORES_HANDLE is. 0, -VK_ENOMEM, -VK_EIO.
 */
int interp_stores_create(struct proc_kernel *kernel, const struct interp_module *module,
                         struct proc_object *objects);

#endif
