/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytecode: opcodes, types, and the layout of a module file. This is all
 * that the compiler and the interpreter share. docs/bytecode.md says what the
 * parts mean and what the verifier guarantees.
 */
#ifndef INTERP_BYTECODE_H
#define INTERP_BYTECODE_H

#include "vk/base.h"
#include "vk/limits.h"

#define INTERP_MAGIC          0x01424b56u /* "VKB\x01", little-endian */
#define INTERP_FORMAT_VERSION 4u

/* ---- instructions ---------------------------------------------------------- */

/*
 * X(name, operands, effects)
 *
 * Operands, one letter for each of a, b, c (imm16 takes two places, imm24 three):
 *   d  scalar written       s  scalar read           x  scalar read and written
 *   D  reference written    R  reference read        W  reference read and written
 *   m  register of either kind written, n read (MOV between files is not possible)
 *   i  signed immediate     u  unsigned immediate    -  0
 *   j  forward distance     k  constant (imm16)      t  type (imm16)
 *   f  function (imm16)     v  native (imm16)        w  window register
 *   q  reference constant (imm16)
 * Effects: G may collect, T may trap, P spends a reduction, B branches, E ends
 * the block, +n that many words follow (+r: a RESULT register word, +l: a
 * list of registers, packed four in a word, as many as the type has fields,
 * +s: imm16 words of forward distances).
 */
#define INTERP_OPS(X)                                                                                     \
    /* moves and constants */                                                                             \
    X(MOV, "ds-", "")   /* a = b */                                                                       \
    X(MOVR, "DR-", "")  /* a = b, types fit; a may be a window register: then in transit */               \
    X(LDI, "dii", "")   /* a = imm16 */                                                                   \
    X(LDK, "dkk", "")   /* a = constant */                                                                \
    X(LDQ, "Dqq", "")   /* a = reference constant */                                                      \
    X(LDNIL, "D--", "") /* a = 0; a's type is an OPT */                                                   \
    /* integers */                                                                                        \
    X(ADD, "dss", "T")                                                                                    \
    X(SUB, "dss", "T")                                                                                    \
    X(MUL, "dss", "T")                                                                                    \
    X(DIV, "dss", "T")                                                                                    \
    X(MOD, "dss", "T")                                                                                    \
    X(ADDI, "dsi", "T")                                                                                   \
    X(MULI, "dsi", "T")                                                                                   \
    X(DIVI, "dsi", "T")                                                                                   \
    X(MODI, "dsi", "T")                                                                                   \
    X(NEG, "ds-", "T")                                                                                    \
    X(AND, "dss", "")                                                                                     \
    X(OR, "dss", "")                                                                                      \
    X(XOR, "dss", "")                                                                                     \
    X(INV, "ds-", "")                                                                                     \
    X(SHL, "dss", "T")                                                                                    \
    X(SHR, "dss", "T")                                                                                    \
    X(WADD, "dss", "")                                                                                    \
    X(WSUB, "dss", "")                                                                                    \
    X(WMUL, "dss", "")                                                                                    \
    X(NOT, "ds-", "") /* of a Bool */                                                                     \
    /* comparisons to a Bool */                                                                           \
    X(EQ, "dss", "")                                                                                      \
    X(LT, "dss", "")                                                                                      \
    X(LE, "dss", "")                                                                                      \
    X(FEQ, "dss", "")                                                                                     \
    X(FLT, "dss", "")                                                                                     \
    X(FLE, "dss", "")                                                                                     \
    /* floats */                                                                                          \
    X(FADD, "dss", "")                                                                                    \
    X(FSUB, "dss", "")                                                                                    \
    X(FMUL, "dss", "")                                                                                    \
    X(FDIV, "dss", "")                                                                                    \
    X(FMADD, "xss", "") /* a += b * c, rounded twice */                                                   \
    X(FMSUB, "xss", "") /* a -= b * c */                                                                  \
    X(FNEG, "ds-", "")                                                                                    \
    X(FSQRT, "ds-", "")                                                                                   \
    X(ITOF, "ds-", "")                                                                                    \
    X(FTOI, "ds-", "T")                                                                                   \
    /* branches, forward */                                                                               \
    X(JMP, "jjj", "BE")                                                                                   \
    X(JT, "sjj", "B")                                                                                     \
    X(JF, "sjj", "B")                                                                                     \
    X(JNIL, "Rjj", "B")  /* a is 0 */                                                                     \
    X(JSOME, "Rjj", "B") /* a is not 0 */                                                                 \
    X(JEQ, "ssj", "B")                                                                                    \
    X(JNE, "ssj", "B")                                                                                    \
    X(JLT, "ssj", "B")                                                                                    \
    X(JGE, "ssj", "B")                                                                                    \
    X(JEQI, "sij", "B")                                                                                   \
    X(JNEI, "sij", "B")                                                                                   \
    X(JLTI, "sij", "B")                                                                                   \
    X(JGEI, "sij", "B")                                                                                   \
    X(JLEI, "sij", "B")                                                                                   \
    X(JGTI, "sij", "B")                                                                                   \
    X(JFLT, "ssj", "B")                                                                                   \
    X(JFGE, "ssj", "B") /* not a < b, so also when unordered */                                           \
    X(JFLE, "ssj", "B")                                                                                   \
    X(JFGT, "ssj", "B")     /* not a <= b */                                                              \
    X(SWITCH, "suu", "B+s") /* a < imm16: to the distance in the word of that index; else on */           \
    /* backward */                                                                                        \
    X(JMPB, "jjj", "BEP")                                                                                 \
    X(LOOP, "xjj", "BP") /* if (++a < the register after a) go back */                                    \
    /* calls */                                                                                           \
    X(CALL, "wff", "GTP+r")  /* RESULT word: 255 none or scalar, else the reference register */           \
    X(CALLS, "wff", "GTP")   /* of a function that gives a scalar or nothing */                           \
    X(CALLC, "wR-", "GTP+r") /* closure b; references from window + 1, scalars behind them */             \
    X(CALLN, "wvv", "GTP+r") /* a native; references from the window, scalars behind them; it may wait */ \
    X(RET, "---", "E")                                                                                    \
    X(RETS, "s--", "E")                                                                                   \
    X(RETR, "R--", "E")                                                                                   \
    X(FAIL, "Ru-", "ET")    /* with a Str; b: 1 when it is an assertion that fails, else 0 */             \
    X(TRAP, "uu-", "ET")    /* a: enum interp_trap */                                                     \
    X(SPAWN, "wff", "GT+r") /* a fiber that runs the function on the window's arguments */                \
    X(AWAIT, "DR-", "GT")   /* a = result of fiber b, a reference */                                      \
    X(AWAITS, "dR-", "GT")  /* the same, a scalar */                                                      \
    /* objects */                                                                                         \
    X(NEW, "Dtt", "GT+l")     /* record, variant; all fields */                                           \
    X(CLOSURE, "Dtt", "GT+l") /* an ENV: its captured values */                                           \
    X(GETF, "dRu", "")                                                                                    \
    X(GETR, "DRu", "")                                                                                    \
    X(SETF, "Rus", "") /* field b of a = c; a's type is MUTABLE */                                        \
    X(SETR, "RuR", "")                                                                                    \
    X(GADDF, "xRu", "") /* a += field c of b, floats */                                                   \
    X(SADDF, "Rus", "") /* field b of a += c, floats; MUTABLE */                                          \
    X(TAG, "dR-", "")   /* a = tag of b, an ENUM */                                                       \
    X(CAST, "DR-", "T") /* a = b if it is a's VARIANT */                                                  \
    X(SOME, "DR-", "T") /* a = b if it is not 0 */                                                        \
    X(SHARE, "R--", "") /* a list or map has two owners from here on; nothing for 0 and others */         \
    /* lists */                                                                                           \
    X(LNEW, "Dtt", "GT+1") /* an empty list; word: capacity */                                            \
    X(LLEN, "dR-", "")                                                                                    \
    X(LGET, "dRs", "T")                                                                                   \
    X(LGETR, "DRs", "T")                                                                                  \
    X(LSET, "Wss", "GT") /* a[b] = c; a becomes the copy when it was shared */                            \
    X(LSETR, "WsR", "GT")                                                                                 \
    X(LPUSH, "Ws-", "GT")                                                                                 \
    X(LPUSHR, "WR-", "GT")                                                                                \
    X(LOWN, "W--", "GT") /* a is not shared after this */                                                 \
    /* maps; K: the key is a scalar, R: a Str or Bytes */                                                 \
    X(MNEW, "Dtt", "GT")                                                                                  \
    X(MLEN, "dR-", "")                                                                                    \
    X(MFIND, "dRn", "T") /* a = index of the entry with key c, or -1 */                                   \
    X(MVAL, "mRs", "T")  /* a = value of entry c */                                                       \
    X(MKEY, "mRs", "T")  /* a = key of entry c */                                                         \
    X(MNEXT, "xRj", "B") /* a = next live entry after a; none: branch */                                  \
    X(MSET, "Wnn", "GT") /* a[b] = c */                                                                   \
    X(MDEL, "dWn", "GT") /* a = whether key c was in b */                                                 \
    /* strings */                                                                                         \
    X(SLEN, "dR-", "")                                                                                    \
    X(SEQ, "dRR", "TP")     /* Str or Bytes */                                                            \
    X(SCMP, "dRR", "TP")    /* -1, 0, 1 */                                                                \
    X(SCAT, "Duu", "GTP+l") /* concatenation of imm16 Strs or Bytes; registers in the words */            \
    X(SITOA, "Ds-", "GT")                                                                                 \
    X(SFTOA, "Ds-", "GT")                                                                                 \
    X(BYTE, "dRs", "T") /* a = byte c of a Str or Bytes */

enum interp_op {
#define INTERP_OP_ENUM(name, operands, effects) INTERP_OP_##name,
    INTERP_OPS(INTERP_OP_ENUM)
#undef INTERP_OP_ENUM
        INTERP_OP_END
};
_Static_assert(INTERP_OP_END <= 256, "opcodes are 8 bits");

#define INTERP_REGS_MAX       255u
#define INTERP_FIELDS_MAX     254u        /* of one object, so that it ends within 2 KiB */
#define INTERP_VARIANTS_MAX   256u        /* of one enum */
#define INTERP_TYPES_MAX      16384u      /* of one module */
#define INTERP_FUNCTIONS_MAX  65536u      /* named by 16 bits */
#define INTERP_CODE_WORDS_MAX (1u << 26)  /* of one module */
#define INTERP_DATA_MAX_BYTES (1u << 28)  /* constant objects of one module */
#define INTERP_REF_IMAGE      0x80000000u /* a reference into the image's data */
#define INTERP_REF_UNSET      0xffffffffu /* in an image: a late constant without a value yet */
#define INTERP_RESULT_NONE    255u        /* RESULT word of a call without a reference result */

/* ---- types ------------------------------------------------------------------- */

enum interp_kind {
    INTERP_KIND_SCALAR = 0, /* entry 0 of every table; elements and fields name it, registers need not */
    INTERP_KIND_STR,
    INTERP_KIND_BYTES,
    INTERP_KIND_RECORD,
    INTERP_KIND_ENUM,
    INTERP_KIND_VARIANT,
    INTERP_KIND_LIST,
    INTERP_KIND_MAP,
    INTERP_KIND_FN,
    INTERP_KIND_ENV,
    INTERP_KIND_FIBER,
    INTERP_KIND_OPT,
    INTERP_KIND_HANDLE,
    INTERP_KIND_END
};

#define INTERP_TYPE_MUTABLE 1u

/* What a HANDLE is of; its type's tag. */
enum interp_handle {
    INTERP_HANDLE_ACTOR,
    INTERP_HANDLE_REQUEST,
    INTERP_HANDLE_RESPONSE,
    INTERP_HANDLE_STREAM,
    INTERP_HANDLE_CRASH,
    INTERP_HANDLE_END
};

/* 16 bytes each; lists of types lie in the type words that follow the table. */
struct interp_type {
    uint8_t kind;
    uint8_t flags;
    uint16_t refs;  /* RECORD, VARIANT, ENV: fields that are references, first; FN: reference parameters */
    uint16_t count; /* all fields; FN: all parameters; ENUM: variants */
    uint16_t tag;   /* VARIANT; HANDLE: enum interp_handle */
    uint16_t of;  /* LIST, OPT, FIBER: element; MAP: value; VARIANT: its ENUM; ENV: its FN; FN: result, 0xffff
                     none */
    uint16_t key; /* MAP: key; ENV: its function, whose first parameter is the ENV itself */
    uint32_t first; /* index of the first of its types in the type words (16 bits each): fields, parameters,
                       variants */
};
_Static_assert(sizeof(struct interp_type) == 16, "module layout");

#define INTERP_TYPE_NONE 0xffffu /* result of a function that gives nothing */

/* ---- functions ------------------------------------------------------------------ */

struct interp_function {
    uint32_t code; /* its first instruction; the header word lies before it */
    uint32_t code_words;
    uint16_t signature; /* an FN type */
    uint8_t refs;       /* registers that hold references */
    uint8_t regs;       /* all of them */
    uint32_t reg_types; /* first of `refs` types in the register type words */
    uint32_t heads; /* first of heads_count loop heads (instruction indices from code) in the head words */
    uint32_t heads_count;
    uint32_t name;  /* offset in the names section */
    uint32_t lines; /* offset of its line table */
};
_Static_assert(sizeof(struct interp_function) == 32, "module layout");

/* The word before a function's first instruction: regs, refs, reference parameters, scalar parameters. */
#define INTERP_HEADER(regs, refs, ref_params, scalar_params)                   \
    ((uint32_t)(regs) | (uint32_t)(refs) << 8 | (uint32_t)(ref_params) << 16 | \
     (uint32_t)(scalar_params) << 24)

/* ---- traps --------------------------------------------------------------------------- */

#define INTERP_TRAPS(X)                  \
    X(NONE, "no trap")                   \
    X(OVERFLOW, "integer overflow")      \
    X(DIVISION, "division by zero")      \
    X(SHIFT, "shift count out of range") \
    X(INDEX, "index out of range")       \
    X(KEY, "no such key")                \
    X(NIL, "no value")                   \
    X(VARIANT, "other variant")          \
    X(CONVERT, "number out of range")    \
    X(MEMORY, "out of memory")           \
    X(STACK, "recursion too deep")       \
    X(CPU, "CPU limit")                  \
    X(DEADLINE, "deadline passed")       \
    X(DEADLOCK, "deadlock")              \
    X(FAIL, "failed")                    \
    X(ASSERT, "assertion failed")        \
    X(AWAIT, "call failed")              \
    X(TEXT, "inside a character")        \
    X(SENT, "cannot be sent")            \
    X(FIBERS, "more than 4,096 fibers")  \
    X(LINK, "a linked process ended")    \
    X(KILLED, "killed")                  \
    X(TIME, "a step ran too long")       \
    X(HOST, "host function")

enum interp_trap {
#define INTERP_TRAP_ENUM(name, text) INTERP_TRAP_##name,
    INTERP_TRAPS(INTERP_TRAP_ENUM)
#undef INTERP_TRAP_ENUM
        INTERP_TRAP_END
};

/* ---- the file ------------------------------------------------------------------------- */

enum interp_section {
    INTERP_SECTION_TYPES,      /* struct interp_type */
    INTERP_SECTION_TYPE_WORDS, /* uint16_t */
    INTERP_SECTION_FUNCTIONS,  /* struct interp_function */
    INTERP_SECTION_REG_TYPES,  /* uint16_t */
    INTERP_SECTION_HEADS,      /* uint32_t */
    INTERP_SECTION_CODE,       /* uint32_t */
    INTERP_SECTION_CONSTANTS,  /* uint64_t */
    INTERP_SECTION_DATA,       /* objects, back to back, aligned to 8; the first at offset 8 */
    INTERP_SECTION_REFS,       /* struct interp_ref: reference constants */
    INTERP_SECTION_NATIVES,    /* struct interp_import */
    INTERP_SECTION_NAMES,      /* NUL-terminated UTF-8; the first is empty */
    INTERP_SECTION_LINES,
    INTERP_SECTION_SERVICES,
    INTERP_SECTION_END
};

struct interp_span {
    uint32_t offset; /* from the file's start, a multiple of 8 */
    uint32_t bytes;
};

struct interp_header {
    uint32_t magic;
    uint32_t version;
    uint32_t bytes; /* of the file */
    uint32_t entry; /* function that computes the top-level values and starts nothing else, or 0xffffffff */
    uint64_t checksum; /* of all that follows this header */
    struct interp_span sections[INTERP_SECTION_END];
};

struct interp_ref {
    uint32_t offset; /* of the object in DATA; 0 when late */
    uint16_t type;
    uint16_t late; /* 1: a top-level value, set when its function has run */
};

struct interp_import {
    uint32_t name;      /* offset in NAMES, such as "str.find" */
    uint16_t signature; /* an FN type */
    uint16_t reserved;
    uint32_t
        host; /* of a function that the host supplies: its signature as text, an offset in NAMES; else 0 */
};
_Static_assert(sizeof(struct interp_import) == 12, "module layout");

/* ---- services ---------------------------------------------------------------------------- */

/*
 * The SERVICES section begins with this. Each `first` is the offset in the
 * section of an array of `count` entries. Functions are indices, names offsets
 * in NAMES. An empty section: no services, no top-level values.
 */
struct interp_array {
    uint32_t first;
    uint32_t count;
};

struct interp_services {
    uint32_t name; /* of the service */
    uint32_t reserved;
    struct interp_array lets;        /* struct interp_let, in order of evaluation */
    struct interp_array actors;      /* struct interp_actor */
    struct interp_array supervisors; /* struct interp_supervisor, in order of start */
    struct interp_array blocks;      /* struct interp_block */
    struct interp_array tests;       /* struct interp_test */
    struct interp_array stores;      /* struct interp_store; the natives name them by their place */
    struct interp_array exports;     /* struct interp_export */
};

/* A top-level value: what its function gives is frozen and becomes that constant. */
struct interp_let {
    uint32_t name;
    uint32_t function; /* without parameters */
    uint32_t constant; /* in REFS, late; or in CONSTANTS */
    uint32_t is_ref;
};

/*
 * A process of an actor runs its root function, which takes nothing: it reads
 * the parameters, makes the state, and serves messages and timers by natives
 * (interp/actor.h) until the process ends.
 */
struct interp_actor {
    uint32_t name;
    uint32_t function;
    uint32_t timers;             /* their number, at most INTERP_TIMERS_MAX */
    uint32_t heap_bytes;         /* 0: not given */
    struct interp_array methods; /* struct interp_method */
    uint64_t cpu_ns;             /* of a turn; 0: not given */
};

struct interp_method {
    uint64_t hash; /* of the name and the whole structure of its types */
    uint32_t name;
    uint32_t reserved;
};

#define INTERP_ACTORS_MAX 65535u /* of one module; also methods of one actor */

enum interp_strategy { INTERP_STRATEGY_RESTART, INTERP_STRATEGY_REST, INTERP_STRATEGY_ALL };

struct interp_supervisor {
    uint32_t strategy;
    uint32_t max;
    uint64_t per_ns;
    struct interp_array children; /* struct interp_child */
};

/* The value of a child's name is its place among all children of the program, in order. */
struct interp_child {
    uint32_t name;
    uint32_t actor;    /* index */
    uint32_t function; /* root of its process, as of the actor, which evaluates the arguments itself */
    uint32_t reserved;
};

struct interp_store {
    uint32_t name;
    uint32_t entries; /* 1 .. INTERP_STORE_ENTRIES_MAX */
    uint32_t bytes;   /* INTERP_STORE_BYTES_MIN .. INTERP_STORE_BYTES_MAX */
    uint32_t reserved;
    uint64_t ttl_ns; /* of values put without one; 0: for ever */
};

#define INTERP_STORE_NO_TTL INT64_MIN /* for natives: the value is there as long as the store says */

struct interp_block {
    uint32_t address; /* name; 0: all addresses, at the port */
    uint32_t port;
    uint64_t heap_bytes; /* 0 of these: not given */
    uint64_t cpu_ns;
    uint64_t deadline_ns;
    struct interp_array routes; /* struct interp_route */
    uint32_t crash;             /* root function of the crash clause (no parameters), or 0xffffffff */
    uint32_t reserved;
};

/*
 * A root function without parameters: it fetches what it needs by natives,
 * answers, and returns.
 */
struct interp_route {
    uint32_t pattern; /* name: "GET /l/{id}/{n:Int}", path only */
    uint32_t function;
    uint32_t line;
    uint32_t reserved;
};

/* A function that a host may call by its name (interp/export.h). */
struct interp_export {
    uint32_t name;
    uint32_t function;
    uint32_t signature; /* as text, in NAMES: "fn(Str, Int) -> Float" */
    uint32_t reserved;
};

struct interp_test {
    uint32_t name;
    uint32_t function; /* without parameters */
    uint32_t line;
    uint32_t reserved;
};

/* ---- codecs ------------------------------------------------------------------------------ */

/*
 * What natives know of a type to write its values as JSON and to read them: a
 * constant Bytes that begins with struct interp_codec, followed by its nodes,
 * its fields and the bytes of names. Nodes name nodes, so types may contain
 * themselves; node 0 is the value's. A native trusts none of it: it compares
 * each type in it with the object or the field that it meets.
 */
enum interp_codec_kind {
    /* scalars */
    INTERP_CODEC_INT,
    INTERP_CODEC_FLOAT,
    INTERP_CODEC_BOOL,
    INTERP_CODEC_DURATION,
    INTERP_CODEC_NIL,
    INTERP_CODEC_CHOICE, /* an enum without payloads: its fields are the names of its variants */
    /* references */
    INTERP_CODEC_STR,
    INTERP_CODEC_BYTES,
    INTERP_CODEC_OPTION, /* an OPT of node `first` */
    INTERP_CODEC_MAYBE,  /* an Option that is an ENUM; its one field: what Some holds, place: the tag of Some
                          */
    INTERP_CODEC_LIST,   /* of node `first` */
    INTERP_CODEC_MAP,    /* from Str to node `first` */
    INTERP_CODEC_RECORD, /* a RECORD, or a VARIANT whose payloads have names: an object */
    INTERP_CODEC_ONE,    /* a VARIANT of one payload: that */
    INTERP_CODEC_TUPLE,  /* a VARIANT of several: an array */
    INTERP_CODEC_ENUM,   /* a field for each variant, with the node of its VARIANT */
    INTERP_CODEC_JSON, /* the dynamic type: likewise; its variants are in the order of enum interp_json_tag */
    INTERP_CODEC_RESULT, /* of reading: field 0 is what Ok holds, place: the tag of Ok; the other is an error
                          */
    INTERP_CODEC_END
};

enum interp_json_tag {
    INTERP_JSON_TAG_NULL,
    INTERP_JSON_TAG_BOOL,
    INTERP_JSON_TAG_INT,
    INTERP_JSON_TAG_FLOAT,
    INTERP_JSON_TAG_STR,
    INTERP_JSON_TAG_LIST,
    INTERP_JSON_TAG_MAP,
    INTERP_JSON_TAGS
};

struct interp_codec {
    uint32_t nodes;
    uint32_t fields;
};

struct interp_codec_node {
    uint8_t kind; /* enum interp_codec_kind */
    uint8_t reserved;
    uint16_t type;  /* of the module; 0 for scalars */
    uint16_t first; /* a node; or the first of its fields */
    uint16_t count; /* of its fields */
};

struct interp_codec_field {
    uint32_t name;     /* offset in the codec; in front of it lies a quote, behind it a quote and a colon */
    uint16_t name_len; /* bytes */
    uint16_t node;     /* INTERP_CODEC_NOTHING: a variant without payload */
    uint16_t place;    /* in the object */
    uint16_t reserved;
};
_Static_assert(sizeof(struct interp_codec_node) == 8 && sizeof(struct interp_codec_field) == 12,
               "module layout");

#define INTERP_CODEC_NOTHING 0xffffu

/* Head of every object. */
struct interp_object {
    uint16_t type;
    uint16_t flags; /* INTERP_OBJECT_* */
    uint32_t count; /* Str, Bytes: bytes; list, map: capacity; VARIANT: its tag; else its fields */
};
_Static_assert(sizeof(struct interp_object) == 8, "heap layout");

#define INTERP_OBJECT_SHARED 1u
#define INTERP_OBJECT_MOVED  2u /* the collector's: count is the new offset */
#define INTERP_OBJECT_LATER  4u /* likewise: copied later, from the offset behind the head */
#define INTERP_OBJECT_CODEC \
    8u /* the loader's, of Bytes in the image: it may be a codec, whose names are UTF-8 */

#endif
