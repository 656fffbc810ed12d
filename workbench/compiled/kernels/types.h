/* The numbers of a kernel: REAL one by one, R in LANES lanes side by side, V one vector of the processor.
 *
 * Before it is included: REAL (float or double), REAL_IS_DOUBLE (1 or 0) and LANES (1, or a power of two).
 *
 *   R    what a trajectory's numbers are: REAL for LANES == 1, else a vector of LANES REALs (GNU vector extension)
 *   I    the integer of R's width: what comparisons of R give; in vectors, a mask (all ones where true)
 *   V    a vector of WIDTH REALs, for layers of networks; the same type as R where LANES > 1
 *   VI   the integer of V's width
 *
 * + - * / and < <= > >= == != are C's own on all four; constants go through C(…), a scalar in every lane is SPLAT(…).
 * Choices are made by SELECT, never by branches, so that every lane goes its own way.
 */
#ifndef WORKBENCH_TYPES_H
#define WORKBENCH_TYPES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline, unused))
#define SELDOM static __attribute__((noinline, cold, unused))

#if REAL_IS_DOUBLE
typedef int64_t INT;
typedef uint64_t BITS;
#define LIBM(name) name
#define MANTISSA 52
#define REAL_SMALLEST 0x1p-1022 /* the smallest normal number */
#else
typedef int32_t INT;
typedef uint32_t BITS;
#define LIBM(name) name##f
#define MANTISSA 23
#define REAL_SMALLEST 0x1p-126
#endif

#define C(x) ((REAL)(x))

#ifndef WIDTH
#if LANES > 1
#define WIDTH LANES
#elif defined(__AVX512F__)
#define WIDTH (64 / (REAL_IS_DOUBLE ? 8 : 4))
#elif defined(__AVX__)
#define WIDTH (32 / (REAL_IS_DOUBLE ? 8 : 4))
#else
#define WIDTH (16 / (REAL_IS_DOUBLE ? 8 : 4))
#endif
#endif

typedef REAL V __attribute__((vector_size(WIDTH * sizeof(REAL))));
typedef INT VI __attribute__((vector_size(WIDTH * sizeof(REAL))));
typedef BITS VB __attribute__((vector_size(WIDTH * sizeof(REAL))));

#if LANES > 1
typedef V R;
typedef VI I;
#else
typedef REAL R;
typedef INT I;
#endif

/* ---- V ---------------------------------------------------------------------------------------------------------- */

/* x - 0 is x, zeros and their signs included, and costs nothing. */
#define V_SPLAT(x) (C(x) - (V){0})

INLINE V V_select(VI mask, V a, V b) { return (V)((mask & (VI)a) | (~mask & (VI)b)); }

INLINE V V_load(const REAL *p) {
    V x;
    memcpy(&x, p, sizeof x);
    return x;
}

INLINE void V_store(REAL *p, V x) { memcpy(p, &x, sizeof x); }

/* The first n lanes, n <= WIDTH; zero in the others. */
INLINE V V_load_part(const REAL *p, size_t n) {
    V x = {0};
    for (size_t i = 0; i < n; i++) x[i] = p[i];
    return x;
}

INLINE void V_store_part(REAL *p, V x, size_t n) {
    for (size_t i = 0; i < n; i++) p[i] = x[i];
}

#define CHUNK (16 / sizeof(REAL))
#define CHUNKS (WIDTH / CHUNK)
typedef REAL PART __attribute__((vector_size(16)));
typedef INT PARTI __attribute__((vector_size(16)));
typedef int64_t PAIR __attribute__((vector_size(16)));

/* The sum of the lanes, by halves. */
INLINE REAL V_sum(V x) {
#if WIDTH * (REAL_IS_DOUBLE ? 8 : 4) < 16
    REAL sum = x[0];
    for (int i = 1; i < WIDTH; i++) sum += x[i];
    return sum;
#else
    union { V whole; PART parts[CHUNKS]; } u = {x};
    for (size_t half = CHUNKS / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) u.parts[i] += u.parts[i + half];
    PART last = u.parts[0];
#if REAL_IS_DOUBLE
    return last[0] + last[1];
#else
    return (last[0] + last[2]) + (last[1] + last[3]);
#endif
#endif
}

INLINE REAL larger_of(REAL a, REAL b) { return b > a || a != a ? b : a; }

/* The largest lane, by halves; NaNs are passed over while there is a number. */
INLINE REAL V_largest(V x) {
#if WIDTH * (REAL_IS_DOUBLE ? 8 : 4) < 16
    REAL most = x[0];
    for (int i = 1; i < WIDTH; i++) most = larger_of(most, x[i]);
    return most;
#else
    union { V whole; PART parts[CHUNKS]; } u = {x};
    for (size_t half = CHUNKS / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) {
            PART a = u.parts[i], b = u.parts[i + half];
            PARTI right = (b > a) | (a != a);
            u.parts[i] = (PART)((right & (PARTI)b) | (~right & (PARTI)a));
        }
    PART last = u.parts[0];
#if REAL_IS_DOUBLE
    return larger_of(last[0], last[1]);
#else
    return larger_of(larger_of(last[0], last[2]), larger_of(last[1], last[3]));
#endif
#endif
}

/* Whether a mask holds in any lane. */
INLINE int V_any(VI mask) {
#if WIDTH * (REAL_IS_DOUBLE ? 8 : 4) < 16
    INT any = 0;
    for (int i = 0; i < WIDTH; i++) any |= mask[i];
    return any != 0;
#else
    union { VI whole; PAIR parts[CHUNKS]; } u = {mask};
    for (size_t half = CHUNKS / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) u.parts[i] |= u.parts[i + half];
    return (u.parts[0][0] | u.parts[0][1]) != 0;
#endif
}

INLINE int V_all(VI mask) { return !V_any(~mask); }

/* x within [low, high]; NaN stays NaN. */
INLINE V V_clip(V x, REAL low, REAL high) {
    x = V_select(x > high, V_SPLAT(high), x);
    return V_select(x < low, V_SPLAT(low), x);
}

/* The first, or the last, halves of two vectors into each other: a0 b0 a1 b1 … */
#if WIDTH == 16
#define LOW_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif WIDTH == 8
#define LOW_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#elif WIDTH == 4
#define LOW_HALVES 0, 4, 1, 5
#define HIGH_HALVES 2, 6, 3, 7
#else
#define LOW_HALVES 0, 2
#define HIGH_HALVES 1, 3
#endif
#ifdef __clang__
INLINE V V_low_halves(V a, V b) { return __builtin_shufflevector(a, b, LOW_HALVES); }
INLINE V V_high_halves(V a, V b) { return __builtin_shufflevector(a, b, HIGH_HALVES); }
#else
INLINE V V_low_halves(V a, V b) { return __builtin_shuffle(a, b, (VI){LOW_HALVES}); }
INLINE V V_high_halves(V a, V b) { return __builtin_shuffle(a, b, (VI){HIGH_HALVES}); }
#endif

INLINE V V_abs(V x) { return (V)((VB)x & (~(BITS)0 >> 1)); }

/* The size of x with the sign of y. */
INLINE V V_copysign(V x, V y) {
    const BITS size = ~(BITS)0 >> 1;
    return (V)(((VB)x & size) | ((VB)y & ~size));
}

/* ---- R ---------------------------------------------------------------------------------------------------------- */

#if LANES > 1

#define LANE(x, i) ((x)[i])
#define NOT(mask) (~(mask))
#define SPLAT(x) V_SPLAT(x)

INLINE R SELECT(I mask, R a, R b) { return V_select(mask, a, b); }
INLINE I I_select(I mask, I a, I b) { return (mask & a) | (~mask & b); }
INLINE R R_load(const REAL *p) { return V_load(p); }
INLINE void R_store(REAL *p, R x) { V_store(p, x); }
INLINE REAL R_sum(R x) { return V_sum(x); }
INLINE REAL R_largest(R x) { return V_largest(x); }
INLINE int R_any(I mask) { return V_any(mask); }
INLINE int R_all(I mask) { return V_all(mask); }
INLINE R R_abs(R x) { return V_abs(x); }
INLINE R R_copysign(R x, R y) { return V_copysign(x, y); }

#else

#define LANE(x, i) (x)
#define NOT(mask) (!(mask))
#define SPLAT(x) C(x)

INLINE R SELECT(I mask, R a, R b) { return mask ? a : b; }
INLINE I I_select(I mask, I a, I b) { return mask ? a : b; }
INLINE R R_load(const REAL *p) { return *p; }
INLINE void R_store(REAL *p, R x) { *p = x; }
INLINE REAL R_sum(R x) { return x; }
INLINE REAL R_largest(R x) { return x; }
INLINE int R_any(I mask) { return mask != 0; }
INLINE int R_all(I mask) { return mask != 0; }
INLINE R R_abs(R x) { return LIBM(fabs)(x); }
INLINE R R_copysign(R x, R y) { return LIBM(copysign)(x, y); }

#endif

#endif
