/* Symmetric matrices of doubles, row by row, of which the upper half holds: sums of squares, UᵀU = A and its solutions.

   A leading dimension is that of `padded`: whole tiles, and rows that do not all fall on the same lines of the cache. */

#if defined(__AVX512F__)
#define DOUBLES 8
#define TILE_HIGH 8
#elif defined(__AVX__)
#define DOUBLES 4
#else
#define DOUBLES 2
#endif
#ifndef TILE_HIGH
#define TILE_HIGH 4 /* with 16 registers */
#endif
#define TILE_LONG (2 * DOUBLES)
#define OVER_TILE _Pragma("GCC unroll 8")
#define PANEL 64 /* rows that are eliminated before the rest of the matrix hears of them */

typedef double Doubles __attribute__((vector_size(DOUBLES * sizeof(double))));

INLINE Doubles doubles_at(const double *x)
{
    Doubles out;
    memcpy(&out, x, sizeof out);
    return out;
}

INLINE void put_doubles(double *x, Doubles v) { memcpy(x, &v, sizeof v); }

static int64_t padded(int64_t n)
{
    const int64_t whole = (n + 15) / 16 * 16;
    return whole % 64 || !whole ? whole + !whole * 16 : whole + 16;
}

CALLED double *matrix(int64_t n)
{
    const size_t bytes = (size_t)((n + TILE_HIGH) * padded(n)) * sizeof(double);
    double *a = aligned(bytes);
    if (a)
        memset(a, 0, bytes);
    return a;
}

BUSY double dot(int64_t n, const double *a, const double *b)
{
    Doubles even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * DOUBLES <= n; i += 2 * DOUBLES) {
        even += doubles_at(a + i) * doubles_at(b + i);
        odd += doubles_at(a + i + DOUBLES) * doubles_at(b + i + DOUBLES);
    }
    double sum = 0;
    even += odd;
    for (int lane = 0; lane < DOUBLES; lane++)
        sum += even[lane];
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* to += factor · from */
BUSY void add_times(int64_t n, double factor, const double *restrict from, double *restrict to)
{
    int64_t i = 0;
    for (; i + DOUBLES <= n; i += DOUBLES)
        put_doubles(to + i, doubles_at(to + i) + factor * doubles_at(from + i));
    for (; i < n; i++)
        to[i] += factor * from[i];
}

/* c += sign · Σ_k left[k][i] right[k][j], a tile of it. */
INLINE void outer_tile(double sign, int64_t rows, const double *left, const double *right, int64_t ld, double *c,
                       int64_t ldc)
{
    Doubles sum[TILE_HIGH][2];
    OVER_TILE
    for (int i = 0; i < TILE_HIGH; i++)
        sum[i][0] = sum[i][1] = (Doubles){0};
    for (int64_t k = 0; k < rows; k++) {
        const Doubles first = doubles_at(right + k * ld), second = doubles_at(right + k * ld + DOUBLES);
        OVER_TILE
        for (int i = 0; i < TILE_HIGH; i++) {
            sum[i][0] += left[k * ld + i] * first;
            sum[i][1] += left[k * ld + i] * second;
        }
    }
    OVER_TILE
    for (int i = 0; i < TILE_HIGH; i++)
        for (int half = 0; half < 2; half++) {
            double *out = c + i * ldc + half * DOUBLES;
            put_doubles(out, doubles_at(out) + sign * sum[i][half]);
        }
}

/* The upper half of c (n, n) += sign · aᵀa for a (row, n). */
BUSY void add_outer(double sign, int64_t rows, const double *a, int64_t ld, int64_t n, double *c, int64_t ldc)
{
    for (int64_t j = 0; j < n; j += TILE_LONG)
        for (int64_t i = 0; i < j + TILE_LONG && i < n; i += TILE_HIGH)
            outer_tile(sign, rows, a + i, a + j, ld, c + i * ldc + j, ldc);
}

/* A → U in place; 0 where A is not positive definite. */
BUSY int cholesky(int64_t n, double *a, int64_t ld)
{
    for (int64_t k = 0; k < n; k += PANEL) {
        const int64_t end = k + PANEL < n ? k + PANEL : n;
        for (int64_t i = k; i < end; i++) {
            if (!(a[i * ld + i] > 0) || !isfinite(a[i * ld + i]))
                return 0;
            const double inverse = 1 / sqrt(a[i * ld + i]);
            for (int64_t j = i; j < n; j++)
                a[i * ld + j] *= inverse;
            for (int64_t row = i + 1; row < end; row++)
                add_times(n - row, -a[i * ld + row], a + i * ld + row, a + row * ld + row);
        }
        if (end < n)
            add_outer(-1, end - k, a + k * ld + end, ld, n - end, a + end * ld + end, ld);
    }
    return 1;
}

/* UᵀU x = b, in place. */
BUSY void cholesky_solve(int64_t n, const double *u, int64_t ld, double *b)
{
    for (int64_t i = 0; i < n; i++) {
        b[i] /= u[i * ld + i];
        add_times(n - i - 1, -b[i], u + i * ld + i + 1, b + i + 1);
    }
    for (int64_t i = n - 1; i >= 0; i--)
        b[i] = (b[i] - dot(n - i - 1, u + i * ld + i + 1, b + i + 1)) / u[i * ld + i];
}
