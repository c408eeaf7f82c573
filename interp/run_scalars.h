/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of the body of interp_loop (run.c), not a header of its own: moves,
 * arithmetic, comparisons and branches.
 */
#ifndef INTERP_RUN_SCALARS_H
#define INTERP_RUN_SCALARS_H

#define SIMPLE(name, ...) \
    OP(name)              \
    {                     \
        __VA_ARGS__;      \
        NEXT;             \
    }

SIMPLE(MOV, r[A] = r[B])
SIMPLE(MOVR, r[A] = r[B])
SIMPLE(LDI, r[A].i = SWIDE)
SIMPLE(LDK, r[A].u = image->constants[WIDE])
OP(LDQ)
{
    uint32_t ref = image->refs[WIDE];
    if (VK_UNLIKELY(ref == INTERP_REF_UNSET)) /* a late one, before its function has run */
        TRAP(NIL);
    r[A].u = ref;
    NEXT;
}
SIMPLE(LDNIL, r[A].u = 0)

#define CHECKED(name, builtin, left, right)                \
    OP(name)                                               \
    {                                                      \
        int64_t value;                                     \
        if (VK_UNLIKELY(builtin((left), (right), &value))) \
            TRAP(OVERFLOW);                                \
        r[A].i = value;                                    \
        NEXT;                                              \
    }

CHECKED(ADD, __builtin_add_overflow, r[B].i, r[C].i)
CHECKED(SUB, __builtin_sub_overflow, r[B].i, r[C].i)
CHECKED(MUL, __builtin_mul_overflow, r[B].i, r[C].i)
CHECKED(ADDI, __builtin_add_overflow, r[B].i, SC)
CHECKED(MULI, __builtin_mul_overflow, r[B].i, SC)
CHECKED(NEG, __builtin_sub_overflow, (int64_t)0, r[B].i)

/* By -1 apart: the processor traps on the least number. */
#define DIVIDED(name, right, quotient, by_minus_1) \
    OP(name)                                       \
    {                                              \
        int64_t a = r[B].i, b = (right);           \
        if (VK_UNLIKELY((uint64_t)b + 1 <= 1)) {   \
            if (b == 0)                            \
                TRAP(DIVISION);                    \
            by_minus_1;                            \
        } else {                                   \
            r[A].i = (quotient);                   \
        }                                          \
        NEXT;                                      \
    }
#define NEGATED                                                      \
    if (VK_UNLIKELY(__builtin_sub_overflow((int64_t)0, a, &r[A].i))) \
    TRAP(OVERFLOW)

#define REMAINDER       \
    if (a == INT64_MIN) \
        TRAP(OVERFLOW); \
    r[A].i = 0

DIVIDED(DIV, r[C].i, a / b, NEGATED)
DIVIDED(DIVI, SC, a / b, NEGATED)
DIVIDED(MOD, r[C].i, a % b, REMAINDER)
DIVIDED(MODI, SC, a % b, REMAINDER)

SIMPLE(AND, r[A].u = r[B].u & r[C].u)
SIMPLE(OR, r[A].u = r[B].u | r[C].u)
SIMPLE(XOR, r[A].u = r[B].u ^ r[C].u)
SIMPLE(INV, r[A].u = ~r[B].u)
SIMPLE(WADD, r[A].u = r[B].u + r[C].u)
SIMPLE(WSUB, r[A].u = r[B].u - r[C].u)
SIMPLE(WMUL, r[A].u = r[B].u * r[C].u)
SIMPLE(NOT, r[A].u = r[B].u == 0)
OP(SHL)
{
    if (VK_UNLIKELY(r[C].u > 63))
        TRAP(SHIFT);
    r[A].u = r[B].u << r[C].u;
    NEXT;
}
OP(SHR)
{
    if (VK_UNLIKELY(r[C].u > 63))
        TRAP(SHIFT);
    r[A].i = r[B].i >> r[C].u;
    NEXT;
}

SIMPLE(EQ, r[A].u = r[B].u == r[C].u)
SIMPLE(LT, r[A].u = r[B].i < r[C].i)
SIMPLE(LE, r[A].u = r[B].i <= r[C].i)
SIMPLE(FEQ, r[A].u = r[B].f == r[C].f)
SIMPLE(FLT, r[A].u = r[B].f < r[C].f)
SIMPLE(FLE, r[A].u = r[B].f <= r[C].f)

SIMPLE(FADD, r[A].f = r[B].f + r[C].f)
SIMPLE(FSUB, r[A].f = r[B].f - r[C].f)
SIMPLE(FMUL, r[A].f = r[B].f * r[C].f)
SIMPLE(FDIV, r[A].f = r[B].f / r[C].f)
SIMPLE(FMADD, r[A].f += r[B].f * r[C].f)
SIMPLE(FMSUB, r[A].f -= r[B].f * r[C].f)
SIMPLE(FNEG, r[A].u = r[B].u ^ (uint64_t)1 << 63)
SIMPLE(FSQRT, r[A].f = _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(r[B].f), _mm_set_sd(r[B].f))))
SIMPLE(ITOF, r[A].f = (double)r[B].i)
OP(FTOI)
{
    double value = r[B].f;
    if (VK_UNLIKELY(!(value >= -0x1p63 && value < 0x1p63)))
        TRAP(CONVERT);
    r[A].i = (int64_t)value;
    NEXT;
}

SIMPLE(JMP, pc += FAR)
SIMPLE(JT, if (r[A].u) pc += WIDE)
SIMPLE(JF, if (!r[A].u) pc += WIDE)
SIMPLE(JNIL, if (!r[A].u) pc += WIDE)
SIMPLE(JSOME, if (r[A].u) pc += WIDE)
SIMPLE(JEQ, if (r[A].u == r[B].u) pc += C)
SIMPLE(JNE, if (r[A].u != r[B].u) pc += C)
SIMPLE(JLT, if (r[A].i < r[B].i) pc += C)
SIMPLE(JGE, if (r[A].i >= r[B].i) pc += C)
SIMPLE(JEQI, if (r[A].i == SB) pc += C)
SIMPLE(JNEI, if (r[A].i != SB) pc += C)
SIMPLE(JLTI, if (r[A].i < SB) pc += C)
SIMPLE(JGEI, if (r[A].i >= SB) pc += C)
SIMPLE(JLEI, if (r[A].i <= SB) pc += C)
SIMPLE(JGTI, if (r[A].i > SB) pc += C)
SIMPLE(JFLT, if (r[A].f < r[B].f) pc += C)
SIMPLE(JFGE, if (!(r[A].f < r[B].f)) pc += C)
SIMPLE(JFLE, if (r[A].f <= r[B].f) pc += C)
SIMPLE(JFGT, if (!(r[A].f <= r[B].f)) pc += C)
OP(SWITCH)
{
    uint32_t count = WIDE;
    const uint32_t *table = pc;
    pc += (count + 1) / 2;
    if (VK_LIKELY(r[A].u < count))
        pc += table[r[A].u / 2] >> (r[A].u & 1 ? 16 : 0) & 0xffff;
    NEXT;
}
OP(JMPB)
{
    pc -= FAR;
    SPEND(pc);
    NEXT;
}
OP(LOOP)
{
    uint64_t value = r[A].u + 1;
    r[A].u = value;
    if ((int64_t)value < r[A + 1].i) {
        pc -= WIDE;
        SPEND(pc);
    }
    NEXT;
}

#endif
