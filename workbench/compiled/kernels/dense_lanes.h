/* Layers of several trajectories side by side: an E holds one unit of all of them.

   Weights are kept by columns (input, output) for the way forth and by rows (output, input) for the way back, so that a
   tile of units reads one line of either. Their gradients are sums over trajectories. Where a layer has few inputs or
   outputs every weight has a sum in every lane; else the cotangents are turned (unit, trajectory) → (trajectory, unit),
   and vectors run over outputs: gw (group of LANES outputs, input). */

typedef R E;
#define PAD(n) (n)
#define UNITS(n, i) for (int i = 0; i < (n); i++)
#define E_load(p) (*(p))
#define E_store(p, x) (*(p) = (x))

#if defined(__AVX512F__)
#define TILE 16 /* vectors that are summed at once: half of the registers */
#else
#define TILE 8
#endif
#define FEW_UNITS 8
#define BY_LANE(n_in, n_out) ((n_in) < FEW_UNITS || (n_out) < FEW_UNITS)
#define GROUPS(n) (((n) + LANES - 1) / LANES)

#define WIDE_WEIGHTS(n_in, n_out) ((n_in) * (n_out))
#define WIDE_ROWS(n_in, n_out) ((n_in) * (n_out))
#define WIDE_SUMS(n_in, n_out) (BY_LANE(n_in, n_out) ? (n_in) * (n_out) : (n_in) * GROUPS(n_out))

/* z[i] = b[i] + Σ w[k stride + i] x[k] for n units; two sums each where they are few, for a fused multiply-add waits
   for the one before. */
INLINE void dense_tile(int n, int n_x, const REAL *w, int stride, const REAL *b, const E *x, E *z)
{
    R even[TILE], odd[TILE];
    const int two = 2 * n <= TILE;
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) {
        even[i] = b ? SPLAT(b[i]) : SPLAT(0);
        odd[i] = SPLAT(0);
    }
    for (int k = 0; k + two < n_x; k += 1 + two) {
#pragma GCC unroll 16
        for (int i = 0; i < n; i++)
            even[i] += w[k * stride + i] * x[k];
#pragma GCC unroll 16
        for (int i = 0; two && i < n; i++)
            odd[i] += w[(k + 1) * stride + i] * x[k + 1];
    }
#pragma GCC unroll 16
    for (int i = 0; two && n_x % 2 && i < n; i++)
        even[i] += w[(n_x - 1) * stride + i] * x[n_x - 1];
#pragma GCC unroll 16
    for (int i = 0; i < n; i++)
        z[i] = two ? even[i] + odd[i] : even[i];
}

INLINE void dense_tiles(int n_x, int n_z, const REAL *w, const REAL *b, const E *x, E *z)
{
    int i = 0;
    for (; i + TILE <= n_z; i += TILE)
        dense_tile(TILE, n_x, w + i, n_z, b ? b + i : 0, x, z + i);
    if (n_z % TILE)
        dense_tile(n_z % TILE, n_x, w + i, n_z, b ? b + i : 0, x, z + i);
}

INLINE void dense_wide(int n_in, int n_out, const REAL *w, const REAL *b, const E *x, E *z)
{
    dense_tiles(n_in, n_out, w, b, x, z);
}

INLINE void dense_wide_back(int n_in, int n_out, const REAL *w, const REAL *rows, const E *g, E *gx)
{
    (void)w;
    dense_tiles(n_out, n_in, rows, 0, g, gx);
}

/* LANES units of LANES trajectories, turned: log2 LANES times the halves of the list go into each other. */
INLINE void dense_turn(int n, const E *g, R *turned)
{
    R from[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        turned[i] = i < n ? g[i] : SPLAT(0);
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            from[i] = turned[i];
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            turned[2 * i] = V_low_halves(from[i], from[i + LANES / 2]);
            turned[2 * i + 1] = V_high_halves(from[i], from[i + LANES / 2]);
        }
    }
}

INLINE void dense_group_grad(int n, int n_in, E *gw, const E *x, const E *g)
{
    R turned[LANES];
    dense_turn(n, g, turned);
    for (int k = 0; k < n_in; k++) {
        R sum = gw[k];
#pragma GCC unroll 16
        for (int l = 0; l < LANES; l++)
            sum += turned[l] * x[k][l];
        gw[k] = sum;
    }
}

INLINE void dense_wide_grad(int n_in, int n_out, E *gw, E *gb, const E *x, const E *g)
{
    for (int i = 0; i < n_out; i++)
        gb[i] += g[i];
    if (BY_LANE(n_in, n_out)) {
        for (int i = 0; i < n_out; i++) {
#pragma GCC unroll 8
            for (int k = 0; k < n_in; k++)
                gw[i * n_in + k] += g[i] * x[k];
        }
        return;
    }
    int i = 0;
    for (; i + LANES <= n_out; i += LANES)
        dense_group_grad(LANES, n_in, gw + i / LANES * n_in, x, g + i);
    if (n_out % LANES)
        dense_group_grad(n_out % LANES, n_in, gw + i / LANES * n_in, x, g + i);
}

static void dense_wide_pack(int n_in, int n_out, const REAL *flat, const REAL *biases, REAL *w, REAL *rows, REAL *b)
{
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            w[k * n_out + i] = rows[i * n_in + k] = flat[i * n_in + k];
        b[i] = biases ? biases[i] : 0;
    }
}

static void dense_wide_unpack(int n_in, int n_out, REAL *flat, REAL *biases, const E *gw, const E *gb)
{
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            flat[i * n_in + k] +=
                BY_LANE(n_in, n_out) ? R_sum(gw[i * n_in + k]) : gw[i / LANES * n_in + k][i % LANES];
        if (biases)
            biases[i] += R_sum(gb[i]);
    }
}

#define NARROW_WEIGHTS WIDE_WEIGHTS
#define NARROW_ROWS WIDE_ROWS
#define NARROW_SUMS WIDE_SUMS
#define dense_narrow dense_wide
#define dense_narrow_back dense_wide_back
#define dense_narrow_grad dense_wide_grad
#define dense_narrow_pack dense_wide_pack
#define dense_narrow_unpack dense_wide_unpack
