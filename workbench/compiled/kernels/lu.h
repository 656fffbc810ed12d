/* Linear systems of N_STATES unknowns: a factorisation with partial pivoting, and solves with it and its transpose.

   Matrices are kept by columns, a[column][row]. A matrix that is singular gives NaN. Where rows change places, L is left
   as it was (as in LINPACK), so that a solve repeats the exchanges in their order. */

#define FEW_STATES 4 /* up to here all loops are written out, and the matrix stays in registers */
#if LANES > 1 || N_STATES <= FEW_STATES
#define PAIRWISE 1 /* rows change places by SELECT, whenever the one below is larger: every lane has its own order */
#else
#define PAIRWISE 0
#endif
#if N_STATES <= FEW_STATES
#define OVER_STATES _Pragma("GCC unroll 4")
#else
#define OVER_STATES
#endif

typedef struct {
    R a[N_STATES][N_STATES];
    R inverse[N_STATES]; /* of the pivots */
#if PAIRWISE
    I swapped[N_STATES][N_STATES]; /* [column][row]: whether the row changed places with that of the pivot */
    int any[N_STATES];             /* whether any row did, in any lane */
#else
    int pivot[N_STATES];
#endif
} Lu;

#if PAIRWISE
INLINE void swap_if(I mask, R *x, R *y)
{
    const R one = *x, other = *y;
    *x = SELECT(mask, other, one);
    *y = SELECT(mask, one, other);
}

INLINE void lu_pivot(Lu *lu, int c)
{
    lu->any[c] = 0;
    OVER_STATES
    for (int r = c + 1; r < N_STATES; r++) {
        const I larger = lu->swapped[c][r] = R_abs(lu->a[c][r]) > R_abs(lu->a[c][c]);
        if (!R_any(larger))
            continue;
        lu->any[c] = 1;
        OVER_STATES
        for (int j = c; j < N_STATES; j++)
            swap_if(larger, &lu->a[j][c], &lu->a[j][r]);
    }
}

INLINE void lu_swap(const Lu *lu, int c, R *x)
{
    if (lu->any[c])
        OVER_STATES
        for (int r = c + 1; r < N_STATES; r++)
            swap_if(lu->swapped[c][r], &x[c], &x[r]);
}

INLINE void lu_swap_back(const Lu *lu, int c, R *x)
{
    if (lu->any[c])
        OVER_STATES
        for (int r = N_STATES - 1; r > c; r--)
            swap_if(lu->swapped[c][r], &x[c], &x[r]);
}
#else
INLINE void lu_pivot(Lu *lu, int c)
{
    int best = c;
    for (int r = c + 1; r < N_STATES; r++)
        if (R_abs(lu->a[c][r]) > R_abs(lu->a[c][best]))
            best = r;
    lu->pivot[c] = best;
    if (best == c)
        return;
    for (int j = c; j < N_STATES; j++) {
        const R one = lu->a[j][c];
        lu->a[j][c] = lu->a[j][best];
        lu->a[j][best] = one;
    }
}

INLINE void lu_swap(const Lu *lu, int c, R *x)
{
    const R one = x[c];
    x[c] = x[lu->pivot[c]];
    x[lu->pivot[c]] = one;
}

#define lu_swap_back lu_swap
#endif

/* Whether a column can be left alone: worth asking where systems are large, which most of the time are sparse. */
INLINE int nothing(R x)
{
#if LANES == 1 && N_STATES > 8
    return x == 0;
#else
    (void)x;
    return 0;
#endif
}

LOOPS void lu_factor(Lu *lu)
{
    OVER_STATES
    for (int c = 0; c < N_STATES; c++) {
        lu_pivot(lu, c);
        const R pivot = lu->a[c][c];
        lu->inverse[c] = SELECT(pivot == 0, SPLAT(NAN), (REAL)1 / pivot);
        OVER_STATES
        for (int r = c + 1; r < N_STATES; r++)
            lu->a[c][r] *= lu->inverse[c];
        OVER_STATES
        for (int j = c + 1; j < N_STATES; j++) {
            const R above = lu->a[j][c];
            if (nothing(above))
                continue;
            OVER_STATES
            for (int r = c + 1; r < N_STATES; r++)
                lu->a[j][r] -= above * lu->a[c][r];
        }
    }
}

/* x → A⁻¹ x */
LOOPS void lu_solve(const Lu *lu, R *x)
{
    OVER_STATES
    for (int c = 0; c < N_STATES; c++) {
        lu_swap(lu, c, x);
        OVER_STATES
        for (int r = c + 1; r < N_STATES; r++)
            x[r] -= x[c] * lu->a[c][r];
    }
    OVER_STATES
    for (int c = N_STATES - 1; c >= 0; c--) {
        x[c] *= lu->inverse[c];
        OVER_STATES
        for (int r = 0; r < c; r++)
            x[r] -= x[c] * lu->a[c][r];
    }
}

/* x → A⁻ᵀ x */
LOOPS void lu_solve_transposed(const Lu *lu, R *x)
{
    OVER_STATES
    for (int c = 0; c < N_STATES; c++) {
        OVER_STATES
        for (int r = 0; r < c; r++)
            x[c] -= lu->a[c][r] * x[r];
        x[c] *= lu->inverse[c];
    }
    OVER_STATES
    for (int c = N_STATES - 1; c >= 0; c--) {
        OVER_STATES
        for (int r = c + 1; r < N_STATES; r++)
            x[c] -= lu->a[c][r] * x[r];
        lu_swap_back(lu, c, x);
    }
}

/* X → A⁻¹ X for `width` right sides beside each other, x[row * width + column]. */
LOOPS void lu_solve_many(const Lu *lu, R *x, int width)
{
    for (int c = 0; c < N_STATES; c++) {
#if PAIRWISE
        if (lu->any[c])
            for (int r = c + 1; r < N_STATES; r++)
                for (int q = 0; q < width; q++)
                    swap_if(lu->swapped[c][r], &x[c * width + q], &x[r * width + q]);
#else
        if (lu->pivot[c] != c)
            for (int q = 0; q < width; q++) {
                const R one = x[c * width + q];
                x[c * width + q] = x[lu->pivot[c] * width + q];
                x[lu->pivot[c] * width + q] = one;
            }
#endif
        for (int r = c + 1; r < N_STATES; r++)
            if (!nothing(lu->a[c][r]))
                for (int q = 0; q < width; q++)
                    x[r * width + q] -= lu->a[c][r] * x[c * width + q];
    }
    for (int c = N_STATES - 1; c >= 0; c--) {
        for (int q = 0; q < width; q++)
            x[c * width + q] *= lu->inverse[c];
        for (int r = 0; r < c; r++)
            if (!nothing(lu->a[c][r]))
                for (int q = 0; q < width; q++)
                    x[r * width + q] -= lu->a[c][r] * x[c * width + q];
    }
}
