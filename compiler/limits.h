/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the language that the front end checks, one line each
 * (docs/language.md, section 12). Passing one is an error that names it.
 */
#ifndef COMPILER_LIMITS_H
#define COMPILER_LIMITS_H

#define VKC_SOURCE_MAX_BYTES (1u << 20)  /* one file */
#define VKC_HEAD_BYTES       4096u       /* a file's first ones, which show whether it is text */
#define VKC_HEAD_NULS        8u          /* so many NUL bytes there: it is refused as a whole */
#define VKC_ASSET_MAX_BYTES  (8u << 20)  /* one embedded file */
#define VKC_ASSETS_MAX_BYTES (64u << 20) /* all embedded files of a program */
#define VKC_LINE_MAX_BYTES   (64u << 10) /* one line, without its end */
#define VKC_NAME_MAX_BYTES   64u
#define VKC_NESTING_MAX      200u  /* expressions, blocks, types and patterns within one another */
#define VKC_CHAIN_MAX        1000u /* operators and calls in one chain: a tree's height without blocks */
#define VKC_TEXT_MAX_BYTES   (64u << 10)  /* a Str or Bytes literal, without interpolations */
#define VKC_PARAMS_MAX       16u          /* of a function, method or actor; arguments of a call */
#define VKC_TYPE_PARAMS_MAX  16u          /* of a function, record or enum; type arguments */
#define VKC_FIELDS_MAX       64u          /* of a record */
#define VKC_VARIANTS_MAX     256u         /* of an enum */
#define VKC_PAYLOAD_MAX      16u          /* of a variant */
#define VKC_BLOCKS_MAX       8u           /* http blocks of a program */
#define VKC_ROUTES_MAX       512u         /* of an http block */
#define VKC_CAPTURES_MAX     8u           /* of a route */
#define VKC_QUERY_MAX        16u          /* query parameters of a route */
#define VKC_HEAP_MAX_BYTES   (256u << 20) /* heap: */
#define VKC_CONSTANTS_MAX    65536u       /* texts, and numbers that no instruction holds, of a program */
#define VKC_FUNCTIONS_MAX    65535u       /* of a program, instances and closures counted */
#define VKC_INSTANCES_MAX    4096u        /* of generic functions, in a program */
#define VKC_TYPES_MAX        16384u       /* different types in a program */
#define VKC_TYPE_SIZE_MAX    1000u        /* names in one type, written out */
#define VKC_LETS_DEPTH_MAX   200u         /* top-level lets that need one another */
#define VKC_ERRORS_SHOWN_MAX 50u          /* of one run; the rest is counted */

#endif
