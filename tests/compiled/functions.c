/* Every function of functions.h over arrays, for test_functions.py; n is a multiple of LANES and of WIDTH. */
#include "functions.h"

#define OVER_R(name)                                                                                     \
    void R_##name##_over(long n, const REAL *x, REAL *y) {                                               \
        for (long i = 0; i < n; i += LANES) R_store(y + i, R_##name(R_load(x + i)));                     \
    }

#define OVER_R2(name)                                                                                    \
    void R_##name##_over(long n, const REAL *a, const REAL *b, REAL *y) {                                \
        for (long i = 0; i < n; i += LANES) R_store(y + i, R_##name(R_load(a + i), R_load(b + i)));      \
    }

#define OVER_R3(name)                                                                                    \
    void R_##name##_over(long n, const REAL *a, const REAL *b, const REAL *c, REAL *y) {                 \
        for (long i = 0; i < n; i += LANES)                                                              \
            R_store(y + i, R_##name(R_load(a + i), R_load(b + i), R_load(c + i)));                       \
    }

#define OVER_R4(name)                                                                                    \
    void R_##name##_over(long n, const REAL *a, const REAL *b, const REAL *c, const REAL *d, REAL *y) {  \
        for (long i = 0; i < n; i += LANES)                                                              \
            R_store(y + i, R_##name(R_load(a + i), R_load(b + i), R_load(c + i), R_load(d + i)));        \
    }

#define OVER_V(name)                                                                                     \
    void V_##name##_over(long n, const REAL *x, REAL *y) {                                               \
        for (long i = 0; i < n; i += WIDTH) V_store(y + i, V_##name(V_load(x + i)));                     \
    }

OVER_R(neg) OVER_R(sqrt) OVER_R(exp) OVER_R(expm1) OVER_R(log) OVER_R(log10) OVER_R(log1p) OVER_R(sin) OVER_R(cos)
OVER_R(tan) OVER_R(asin) OVER_R(acos) OVER_R(atan) OVER_R(sinh) OVER_R(cosh) OVER_R(tanh) OVER_R(asinh) OVER_R(acosh)
OVER_R(atanh) OVER_R(abs) OVER_R(sign) OVER_R(floor) OVER_R(step) OVER_R(sigmoid) OVER_R(softplus) OVER_R(silu)
OVER_R(lgamma) OVER_R(digamma) OVER_R(trigamma)

OVER_R2(add) OVER_R2(sub) OVER_R2(mul) OVER_R2(div) OVER_R2(pow) OVER_R2(atan2) OVER_R2(min) OVER_R2(max)
OVER_R2(xlogy) OVER_R2(ratio) OVER_R2(chain)

OVER_R3(where)
OVER_R4(less)

OVER_V(exp) OVER_V(expm1) OVER_V(log) OVER_V(log1p) OVER_V(sin) OVER_V(cos) OVER_V(tanh) OVER_V(sigmoid) OVER_V(softplus)
OVER_V(silu)

void V_sincos_over(long n, const REAL *x, REAL *sine, REAL *cosine) {
    for (long i = 0; i < n; i += WIDTH) {
        V s, c;
        V_sincos(V_load(x + i), &s, &c);
        V_store(sine + i, s), V_store(cosine + i, c);
    }
}

/* The helpers of types.h: sum, largest, any and all of each block of LANES; a copy by parts. */
void R_sum_over(long n, const REAL *x, REAL *y) {
    for (long i = 0; i < n; i += LANES) y[i / LANES] = R_sum(R_load(x + i));
}

void R_largest_over(long n, const REAL *x, REAL *y) {
    for (long i = 0; i < n; i += LANES) y[i / LANES] = R_largest(R_load(x + i));
}

void R_any_over(long n, const REAL *x, REAL *y) {
    for (long i = 0; i < n; i += LANES) y[i / LANES] = C(R_any(R_load(x + i) > SPLAT(0)));
}

void R_all_over(long n, const REAL *x, REAL *y) {
    for (long i = 0; i < n; i += LANES) y[i / LANES] = C(R_all(NOT(R_load(x + i) > SPLAT(0))));
}

void V_part_over(long n, const REAL *x, REAL *y) {
    for (long i = 0; i < n; i += WIDTH) {
        size_t rest = n - i < WIDTH ? (size_t)(n - i) : WIDTH;
        V_store_part(y + i, V_load_part(x + i, rest), rest);
    }
}

int lanes(void) { return LANES; }
int width(void) { return WIDTH; }
