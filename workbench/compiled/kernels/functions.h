/* Every operation of a graph on R, as R_<name>, with the meaning that workbench/graph/numpy_functions.py gives it at
 * kinks, zeros, infinities and NaN; and V_exp, V_tanh … on V, without branches, for layers of networks.
 *
 * Method: an exact reduction to a short interval after Cody & Waite, Software Manual for the Elementary Functions (1980),
 * a polynomial or a ratio of two there, and an exact reconstruction (Muller, Elementary Functions, 3rd ed. (2016), ch. 3
 * and 11). benchmarks/polynomials.py derives the coefficients. tests/compiled/test_functions.py holds each to its bound,
 * in units of the last place of the exact result:
 *
 *   exp 1.2 · expm1 2.5 · tanh 4.5 · sigmoid 3 · silu 3.5 · softplus 3.5 · log 1 · log1p 1.6
 *   (tanh 3.6 with fused multiply-add)
 *   sin 2.5 · cos 2.5 (whatever the size of x: beyond SINE_LIMIT they are the C library's)
 *
 * for float and double alike, subnormal results included, but for sigmoid, silu and softplus: what is about as small as the
 * smallest normal number or smaller may come out as 0. For LANES == 1, R_<name> is made of the C library's functions.
 */
#ifndef WORKBENCH_FUNCTIONS_H
#define WORKBENCH_FUNCTIONS_H

#include "types.h"

/* ---- Constants of the precision --------------------------------------------------------------------------------- */

#define LOG2E C(1.442695040888963407359925) /* 1 / log 2 */
#define TWO_OVER_PI C(0.6366197723675813430755351)
#define PI 3.14159265358979323846

#if REAL_IS_DOUBLE
#define MAGIC 0x1.8p52           /* x + MAGIC has round(x) in its last bits */
#define LN2_HIGH 0x1.62e42fefa38p-1 /* log 2 to 42 bits: products with exponents are exact */
#define LN2_LOW 0x1.ef35793c7673p-45
#define EXP_LOW -745.2  /* below, exp is 0 */
#define EXP_HIGH 710.0  /* above, exp is infinite */
#define EXPM1_LOW -60.0 /* below, expm1 is -1 */
#define NORMAL_LOW -708.39 /* exp is a normal number from here on */
#define TANH_HIGH 20.0  /* above, tanh is 1 */
#define SINE_LIMIT 1e5  /* the reduction below is exact enough up to here */
#else
#define MAGIC 0x1.8p23f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_LOW -104.0f
#define EXP_HIGH 89.0f
#define EXPM1_LOW -30.0f
#define NORMAL_LOW -87.33f
#define TANH_HIGH 8.7f
#define SINE_LIMIT 1e4f
#endif

/* ---- exp and what is made of it --------------------------------------------------------------------------------- */

/* The bits of 2^n times 2^shift, n being in the last bits of k (as MAGIC leaves it). */
INLINE V V_power(VB k, int shift) { return (V)((k << MANTISSA) + ((BITS)((REAL_IS_DOUBLE ? 1023 : 127) + shift) << MANTISSA)); }

/* exp(r) - 1 for |r| <= log(2) / 2. */
INLINE V V_expm1_reduced(V r) {
    V t = r * r;
#if REAL_IS_DOUBLE
    V a = r * 0.16666666666666669 + 0.50000000000000011;
    V b = r * 0.008333333333330039 + 0.041666666666623831;
    V c = r * 0.00019841269863168478 + 0.0013888888917363079;
    V d = r * 2.7557268281679976e-6 + 2.4801521064076528e-5;
    V e = r * 2.5100470238808523e-8 + 2.7620198643234748e-7;
    V u = t * t;
    V q = (a + t * b) + u * ((c + t * d) + u * e);
#else
    V a = r * 0.166665763f + 0.5f;
    V b = r * 0.00836323109f + 0.0416665524f;
    V q = a + t * (b + t * 0.00139262492f);
#endif
    return r + t * q;
}

/* y = n log 2 + r, |r| <= log(2) / 2; n is in the last bits of k. */
typedef struct { VB k; V r; } V_split;

INLINE V_split V_reduce(V y) {
    V k = y * LOG2E + MAGIC;
    V n = k - MAGIC;
    return (V_split){(VB)k, (y - n * LN2_HIGH) - n * LN2_LOW};
}

INLINE V V_exp(V x) {
    V_split s = V_reduce(V_clip(x, EXP_LOW, EXP_HIGH));
    VB half = s.k >> 1; /* 2^n in two factors, for results that overflow or are subnormal */
    V first = V_select(x < EXP_LOW, V_SPLAT(0), V_power(half, 0)); /* products that underflow are slow */
    return (V_expm1_reduced(s.r) + C(1)) * first * V_power(s.k - half, 0);
}

INLINE V V_expm1(V x) {
    V_split s = V_reduce(V_clip(x, EXPM1_LOW, EXP_HIGH));
    V scale = V_power(s.k, -1); /* half of 2^n, which may overflow */
    V y = scale * V_expm1_reduced(s.r) + (scale - C(0.5));
    return V_copysign(y + y, x);
}

/* exp(y) = 2^n (p + q) / (p - q): q / p is tanh(r / 2), a ratio of short polynomials in r². One division then makes each of
 * tanh, sigmoid and softplus. */
typedef struct { V scale, p, q; } V_ratio;

INLINE V_ratio V_exp_ratio(V y) {
    V_split s = V_reduce(y);
    V t = s.r * s.r;
#if REAL_IS_DOUBLE
    V p = C(1) + t * (0.1111080951324023 + t * 0.00099176193212795151);
    V q = C(0.5) + t * (0.013887380899535501 + t * 3.3043668812826859e-5);
#else
    V p = C(1) + t * 0.099978447f;
    V q = C(0.5) + t * 0.00832259562f;
#endif
    return (V_ratio){V_power(s.k, 0), p, s.r * q};
}

#if REAL_IS_DOUBLE
/* (1 - e) / (1 + e), e = exp(-2|x|). */
INLINE V V_tanh(V x) {
    V a = V_abs(x);
    V_ratio e = V_exp_ratio(C(-2) * V_select(a > TANH_HIGH, V_SPLAT(TANH_HIGH), a));
    V less = C(1) - e.scale, more = C(1) + e.scale;
    return V_copysign((less * e.p - more * e.q) / (more * e.p - less * e.q), x);
}
#else
/* 2 w / (1 + w²), w = tanh(x / 2) being a ratio n / 2 (1 + d) of polynomials, whose errors fade as |x| grows. What is
   added to x and to 1 is small where w is, and its rounding errors too. */
INLINE V V_tanh(V x) {
    V t = x * x;
    V n = x + (x * t) * (0.0298068393f + t * 0.00011502143f);
    V d = t * (0.113140143f + t * (0.00121007184f + t * 1.24687176e-6f));
    V y = (n + n * d) / (C(1) + (d * (d + C(2)) + n * (n * C(0.25))));
    return V_select(t > TANH_HIGH * TANH_HIGH, V_copysign(V_SPLAT(1), x), y);
}
#endif

/* 1 / (1 + exp(-x)). */
INLINE V V_sigmoid(V x) {
    V_ratio e = V_exp_ratio(V_clip(-x, NORMAL_LOW, EXP_HIGH));
    V below = e.p - e.q;
    return below / (below + e.scale * (e.p + e.q));
}

INLINE V V_silu(V x) { return x * V_sigmoid(x); }

/* max(x, 0) + log(1 + e), e = exp(-|x|); log(1 + e) is 2 atanh(w), w = e / (2 + e). */
INLINE V V_softplus(V x) {
    V y = -V_abs(x);
    V_ratio e = V_exp_ratio(V_select(y < NORMAL_LOW, V_SPLAT(NORMAL_LOW), y));
    V zero = V_SPLAT(0);
    V above = V_select(y < NORMAL_LOW, zero, e.scale) * (e.p + e.q), below = e.p - e.q;
    V w = above / (below + below + above);
    V t = w * w;
#if REAL_IS_DOUBLE
    V a = t * 0.20000000000007292 + 0.33333333333333331;
    V b = t * 0.11111111358713932 + 0.14285714283554379;
    V c = t * 0.076927850324793476 + 0.090908947180664279;
    V d = t * 0.060005364047994024 + 0.066570721048269776;
    V f = t * 0.080820228060063698 + 0.044003692430541003;
    V u = t * t, v = u * u;
    V rest = (a + u * b) + v * ((c + u * d) + v * f);
#else
    V a = t * 0.200037807f + 0.333333194f;
    V b = t * 0.134257495f + 0.141183093f;
    V rest = a + (t * t) * b;
#endif
    return V_select(x > C(0), x, zero) + ((w + w) + (w + w) * t * rest);
}

/* ---- log -------------------------------------------------------------------------------------------------------- */

/* x = 2^k (1 + f), 1 + f from √½ to √2; log(1 + f) is 2 atanh(s), s = f / (2 + f), so f - s (f - rest), rest = O(s²). */
INLINE V V_log(V x) {
    const BITS sqrt_half = REAL_IS_DOUBLE ? (BITS)0x3fe6a09e667f3bcd : (BITS)0x3f3504f3;
    const BITS bias = (BITS)(REAL_IS_DOUBLE ? 1024 : 128);
    const REAL integer = REAL_IS_DOUBLE ? C(0x1p52) : C(0x1p23); /* its last bits count ones */
    const REAL larger = REAL_IS_DOUBLE ? C(0x1p54) : C(0x1p25);
    const REAL lifted = REAL_IS_DOUBLE ? C(54) : C(25);
    VI subnormal = x < C(REAL_SMALLEST);
    VB bits = (VB)V_select(subnormal, x * larger, x) + ((bias << MANTISSA) - sqrt_half);
    V k = (V)((bits >> MANTISSA) | (VB)V_SPLAT(integer)) - (integer + C(bias));
    k = k - V_select(subnormal, V_SPLAT(lifted), V_SPLAT(0));
    V f = (V)((bits & (((BITS)1 << MANTISSA) - 1)) + sqrt_half) - C(1);
    V s = f / (f + C(2));
    V t = s * s;
#if REAL_IS_DOUBLE
    V a = t * 0.19999999999949453 + 0.33333333333333348;
    V b = t * 0.1111110554522277 + 0.14285714313123651;
    V c = t * 0.076658071493642274 + 0.090914461774714003;
    V u = t * t;
    V rest = (a + u * b) + (u * u) * (c + u * 0.073088876680077117);
#else
    V rest = 0.333333433f + t * (0.199943796f + t * 0.147904813f);
#endif
    rest = (t + t) * rest;
    V y = k * LN2_HIGH + (f - (s * (f - rest) - k * LN2_LOW));
    V outside = V_select(x == C(0), V_SPLAT(-INFINITY), V_SPLAT(NAN));
    return V_select(x > C(0), V_select(x == C(INFINITY), x, y), outside);
}

/* log(u) for the rounded u = 1 + x, and what the rounding lost. */
INLINE V V_log1p(V x) {
    V u = x + C(1);
    V lost = (x - (u - C(1))) / u;
    V y = V_log(u) + V_select((u > C(0)) & (x < C(INFINITY)), lost, V_SPLAT(0));
    return V_copysign(y, x);
}

/* ---- sin and cos ------------------------------------------------------------------------------------------------ */

/* sin(r) and cos(r), |r| <= π/4, and the multiple of π/2 that was taken off. */
typedef struct { VI quarter; V sin, cos; } V_turn;

INLINE V_turn V_octant(V x) {
    V k = x * TWO_OVER_PI + MAGIC;
    V n = k - MAGIC;
    V_turn y;
    y.quarter = (VI)k;
#if REAL_IS_DOUBLE
    V r = ((x - n * 0x1.921fb5448p+0) - n * -0x1.e973dcb38p-35) - n * -0x1.9cceba3f91f19p-70; /* π/2 in 34, 34 and 53 bits */
    V t = r * r, u = t * t;
    V a = t * 0.0083333333333309254 - 0.16666666666666666;
    V b = t * 2.7557316084256553e-6 - 0.00019841269836723269;
    V c = t * 1.5917855108513127e-10 - 2.5051128035576775e-8;
    y.sin = r + r * t * (a + u * (b + u * c));
    a = t * -0.0013888888888887382 + 0.041666666666666664;
    b = t * -2.7557317260284218e-7 + 2.4801587298743602e-5;
    c = t * -1.1382460896777224e-11 + 2.0876143885273591e-9;
    y.cos = (C(1) - t * C(0.5)) + u * (a + u * (b + u * c));
#else
    V r = ((x - n * 0x1.92p+0f) - n * 0x1.fb8p-12f) - n * -0x1.5dcp-23f - n * -0x1.e973dcp-35f; /* 10, 10, 11 and 24 bits */
    V t = r * r;
    y.sin = r + r * t * (-0.166666642f + t * (0.0083327461f + t * -0.000195873989f));
    y.cos = (C(1) - t * C(0.5)) + t * t * (0.0416666642f + t * (-0.00138883013f + t * 2.45474494e-5f));
#endif
    return y;
}

/* Where x is too large for the reduction, or no number: the C library, lane by lane. */
SELDOM void V_sine_beyond(const V *x, V *y) {
    for (int i = 0; i < WIDTH; i++)
        if (!(LIBM(fabs)((*x)[i]) <= SINE_LIMIT)) (*y)[i] = LIBM(sin)((*x)[i]);
}

SELDOM void V_cosine_beyond(const V *x, V *y) {
    for (int i = 0; i < WIDTH; i++)
        if (!(LIBM(fabs)((*x)[i]) <= SINE_LIMIT)) (*y)[i] = LIBM(cos)((*x)[i]);
}

INLINE V V_sine_of(V_turn turn, V x) {
    V y = V_select((turn.quarter & 1) != 0, turn.cos, turn.sin);
    y = (V)((VB)y ^ ((VB)(turn.quarter & 2) << (sizeof(REAL) * 8 - 2)));
    return V_select(x == C(0), x, y); /* -0 stays -0 */
}

INLINE V V_cosine_of(V_turn turn) {
    V y = V_select((turn.quarter & 1) != 0, turn.sin, turn.cos);
    return (V)((VB)y ^ ((VB)((turn.quarter + 1) & 2) << (sizeof(REAL) * 8 - 2)));
}

INLINE V V_sin(V x) {
    V y = V_sine_of(V_octant(x), x);
    if (__builtin_expect(!V_all(V_abs(x) <= SINE_LIMIT), 0)) V_sine_beyond(&x, &y);
    return y;
}

INLINE V V_cos(V x) {
    V y = V_cosine_of(V_octant(x));
    if (__builtin_expect(!V_all(V_abs(x) <= SINE_LIMIT), 0)) V_cosine_beyond(&x, &y);
    return y;
}

/* Both, for hardly more than the price of one. */
INLINE void V_sincos(V x, V *sine, V *cosine) {
    V_turn turn = V_octant(x);
    *sine = V_sine_of(turn, x);
    *cosine = V_cosine_of(turn);
    if (__builtin_expect(!V_all(V_abs(x) <= SINE_LIMIT), 0)) V_sine_beyond(&x, sine), V_cosine_beyond(&x, cosine);
}

/* ---- The gamma function's family, one number at a time in double ------------------------------------------------- */

SELDOM double lgamma_of(double x) {
#ifdef _WIN32
    return x == -INFINITY ? x : lgamma(x);
#else
    int sign; /* lgamma itself writes to a variable that all threads share */
    return x == -INFINITY ? x : lgamma_r(x, &sign);
#endif
}

/* Recurrence to 10 and the asymptotic series; reflection to the left of 0 (Abramowitz & Stegun 6.3.5, 6.3.7, 6.3.18).
 * Right to 4 units of the last place of max(1, |digamma|). */
SELDOM double digamma_of(double x) {
    if (x == 0) return -copysign(INFINITY, x);
    if (x < 0) {
        double part = x - rint(x);
        return part == 0 || x == -INFINITY ? NAN : digamma_of(1 - x) - PI / tan(PI * part);
    }
    double sum = 0;
    for (; x < 10; x += 1) sum -= 1 / x;
    double t = 1 / (x * x);
    double series = t * (1. / 12 - t * (1. / 120 - t * (1. / 252 - t * (1. / 240 - t * (1. / 132 - t * (691. / 32760 - t / 12))))));
    return sum + (log(x) - 0.5 / x - series);
}

/* Likewise (6.4.6, 6.4.7, 6.4.12), to 4 units of its last place for x > 0, and 12 to the left of 0. */
SELDOM double trigamma_of(double x) {
    if (x <= 0 && x == floor(x)) return INFINITY;
    if (x < 0) {
        double sine = sin(PI * (x - rint(x)));
        return PI * PI / (sine * sine) - trigamma_of(1 - x);
    }
    double sum = 0;
    for (; x < 15; x += 1) sum += 1 / (x * x);
    double r = 1 / x, t = r * r;
    double series = 1. / 6 - t * (1. / 30 - t * (1. / 42 - t * (1. / 30 - t * (5. / 66 - t * (691. / 2730 - t * 7. / 6)))));
    return sum + (r + t * (0.5 + r * series));
}

/* ---- R ---------------------------------------------------------------------------------------------------------- */

#define BY_LANE(name, f)                                              \
    static inline __attribute__((unused)) R R_##name(R x) {           \
        R y = x;                                                      \
        for (int i = 0; i < LANES; i++) LANE(y, i) = f(LANE(x, i));   \
        return y;                                                     \
    }

#define BY_LANE_2(name, f)                                                       \
    static inline __attribute__((unused)) R R_##name(R a, R b) {                 \
        R y = a;                                                                 \
        for (int i = 0; i < LANES; i++) LANE(y, i) = f(LANE(a, i), LANE(b, i));  \
        return y;                                                                \
    }

#if LANES > 1

INLINE R R_exp(R x) { return V_exp(x); }
INLINE R R_expm1(R x) { return V_expm1(x); }
INLINE R R_log(R x) { return V_log(x); }
INLINE R R_log1p(R x) { return V_log1p(x); }
INLINE R R_sin(R x) { return V_sin(x); }
INLINE R R_cos(R x) { return V_cos(x); }
INLINE R R_tanh(R x) { return V_tanh(x); }
INLINE R R_sigmoid(R x) { return V_sigmoid(x); }
INLINE R R_silu(R x) { return V_silu(x); }
INLINE R R_softplus(R x) { return V_softplus(x); }

/* Numbers from 2^52 (float: 2^23) on are whole. */
INLINE R R_floor(R x) {
    const REAL whole = REAL_IS_DOUBLE ? C(0x1p52) : C(0x1p23);
    R size = R_abs(x);
    R near = R_copysign((size + whole) - whole, x);
    R below = near - SELECT(near > x, SPLAT(1), SPLAT(0));
    return SELECT(size < whole, R_copysign(below, x), x);
}

#else

INLINE R R_exp(R x) { return LIBM(exp)(x); }
INLINE R R_expm1(R x) { return LIBM(expm1)(x); }
INLINE R R_log(R x) { return LIBM(log)(x); }
INLINE R R_log1p(R x) { return LIBM(log1p)(x); }
INLINE R R_sin(R x) { return LIBM(sin)(x); }
INLINE R R_cos(R x) { return LIBM(cos)(x); }
INLINE R R_tanh(R x) { return LIBM(tanh)(x); }
INLINE R R_sigmoid(R x) { return C(1) / (C(1) + LIBM(exp)(-x)); }
INLINE R R_silu(R x) { return x * R_sigmoid(x); }
INLINE R R_softplus(R x) { return LIBM(log1p)(LIBM(exp)(-LIBM(fabs)(x))) + (x > 0 ? x : 0); }
INLINE R R_floor(R x) { return LIBM(floor)(x); }

#endif

BY_LANE(sqrt, LIBM(sqrt))
BY_LANE(log10, LIBM(log10))
BY_LANE(tan, LIBM(tan))
BY_LANE(asin, LIBM(asin))
BY_LANE(acos, LIBM(acos))
BY_LANE(atan, LIBM(atan))
BY_LANE(sinh, LIBM(sinh))
BY_LANE(cosh, LIBM(cosh))
BY_LANE(asinh, LIBM(asinh))
BY_LANE(acosh, LIBM(acosh))
BY_LANE(atanh, LIBM(atanh))
BY_LANE(lgamma, (REAL)lgamma_of)
BY_LANE(digamma, (REAL)digamma_of)
BY_LANE(trigamma, (REAL)trigamma_of)
BY_LANE_2(atan2, LIBM(atan2))
BY_LANE_2(pow, LIBM(pow))

INLINE R R_add(R a, R b) { return a + b; }
INLINE R R_sub(R a, R b) { return a - b; }
INLINE R R_mul(R a, R b) { return a * b; }
INLINE R R_div(R a, R b) { return a / b; }
INLINE R R_neg(R x) { return -x; }

/* A NaN is its own sign. */
INLINE R R_sign(R x) {
    R zero = SPLAT(0);
    return SELECT(x > zero, SPLAT(1), SELECT(x < zero, SPLAT(-1), SELECT(x == zero, zero, x)));
}

INLINE R R_step(R x) { return SELECT(x > SPLAT(0), SPLAT(1), SPLAT(0)); }
INLINE R R_where(R c, R a, R b) { return SELECT(c > SPLAT(0), a, b); }
INLINE R R_less(R a, R b, R x, R y) { return SELECT(a < b, x, y); }

/* A NaN on either side is the answer; of equals the first. */
INLINE R R_min(R a, R b) { return SELECT((b < a) | (b != b), b, a); }
INLINE R R_max(R a, R b) { return SELECT((b > a) | (b != b), b, a); }

/* 0 times anything is 0: log 0, 1/0 and NaN too. */
INLINE R R_xlogy(R a, R b) { return SELECT(a == SPLAT(0), SPLAT(0), a * R_log(b)); }
INLINE R R_ratio(R a, R b) { return SELECT(a == SPLAT(0), SPLAT(0), a / b); }
INLINE R R_absorbed(R a, R b) { return SELECT((a == SPLAT(0)) | (b == SPLAT(0)), SPLAT(0), a * b); }
INLINE R R_chain(R slope, R dx) { return SELECT(dx == SPLAT(0), SPLAT(0), slope * dx); }

#endif
