/* Dense layers. With one trajectory (LANES == 1) a layer is vectorised over its units, else over the trajectories.

   Arrays of units hold E: REAL, padded with zeros to whole vectors of WIDTH, for one trajectory; R for several.
   The weights of a layer with many outputs ("wide") are kept by columns (input, PAD(output)), and once more by rows for
   the way back; those of one with few ("narrow") by rows (output, PAD(input)). Several trajectories take rows as they
   come, (output, input). Gradients of weights have the layout of the weights. */

#if LANES == 1
typedef REAL E;
#define PAD(n) (((n) + WIDTH - 1) / WIDTH * WIDTH)

INLINE void dense_wide(int n_in, int n_out, const REAL *w, const REAL *b, const E *x, E *z)
{
    for (int v = 0; v < PAD(n_out); v += WIDTH) {
        V even = V_load(b + v), odd = {0};
        int k = 0;
        for (; k + 1 < n_in; k += 2) {
            even += V_load(w + k * PAD(n_out) + v) * x[k];
            odd += V_load(w + (k + 1) * PAD(n_out) + v) * x[k + 1];
        }
        if (k < n_in)
            even += V_load(w + k * PAD(n_out) + v) * x[k];
        V_store(z + v, even + odd);
    }
}

INLINE REAL dense_dot(int n, const REAL *a, const REAL *x)
{
    V even = {0}, odd = {0};
    int v = 0;
    for (; v + WIDTH < PAD(n); v += 2 * WIDTH) {
        even += V_load(a + v) * V_load(x + v);
        odd += V_load(a + v + WIDTH) * V_load(x + v + WIDTH);
    }
    if (v < PAD(n))
        even += V_load(a + v) * V_load(x + v);
    return V_sum(even + odd);
}

INLINE void dense_narrow(int n_in, int n_out, const REAL *w, const REAL *b, const E *x, E *z)
{
    for (int i = 0; i < n_out; i++)
        z[i] = b[i] + dense_dot(n_in, w + i * PAD(n_in), x);
    for (int i = n_out; i < PAD(n_out); i++)
        z[i] = 0;
}

/* gx = W' g */
INLINE void dense_rows_back(int n_in, int n_out, const REAL *rows, const E *g, E *gx)
{
    for (int v = 0; v < PAD(n_in); v += WIDTH) {
        V even = {0}, odd = {0};
        int i = 0;
        for (; i + 1 < n_out; i += 2) {
            even += V_load(rows + i * PAD(n_in) + v) * g[i];
            odd += V_load(rows + (i + 1) * PAD(n_in) + v) * g[i + 1];
        }
        if (i < n_out)
            even += V_load(rows + i * PAD(n_in) + v) * g[i];
        V_store(gx + v, even + odd);
    }
}

INLINE void dense_wide_back(int n_in, int n_out, const REAL *w, const REAL *rows, const E *g, E *gx)
{
    if (n_in >= WIDTH) {
        dense_rows_back(n_in, n_out, rows, g, gx);
        return;
    }
    for (int k = 0; k < n_in; k++)
        gx[k] = dense_dot(n_out, w + k * PAD(n_out), g);
    for (int k = n_in; k < PAD(n_in); k++)
        gx[k] = 0; /* what stands there is multiplied by 0 below, and may be no number */
}

INLINE void dense_narrow_back(int n_in, int n_out, const REAL *w, const REAL *rows, const E *g, E *gx)
{
    (void)rows;
    dense_rows_back(n_in, n_out, w, g, gx);
}

INLINE void dense_wide_grad(int n_in, int n_out, REAL *gw, REAL *gb, const E *x, const E *g)
{
    for (int v = 0; v < PAD(n_out); v += WIDTH) {
        const V g_v = V_load(g + v);
        V_store(gb + v, V_load(gb + v) + g_v);
        for (int k = 0; k < n_in; k++)
            V_store(gw + k * PAD(n_out) + v, V_load(gw + k * PAD(n_out) + v) + g_v * x[k]);
    }
}

INLINE void dense_narrow_grad(int n_in, int n_out, REAL *gw, REAL *gb, const E *x, const E *g)
{
    for (int i = 0; i < n_out; i++)
        gb[i] += g[i];
    for (int v = 0; v < PAD(n_in); v += WIDTH) {
        const V x_v = V_load(x + v);
        for (int i = 0; i < n_out; i++)
            V_store(gw + i * PAD(n_in) + v, V_load(gw + i * PAD(n_in) + v) + x_v * g[i]);
    }
}

/* From the flat (output, input) and (output,) of the parameters to the layout of a layer; `pack` says which way. */
static void dense_wide_pack(int n_in, int n_out, const REAL *flat, const REAL *biases, REAL *w, REAL *rows, REAL *b)
{
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            w[k * PAD(n_out) + i] = rows[i * PAD(n_in) + k] = flat[i * n_in + k];
        b[i] = biases ? biases[i] : 0;
    }
}

static void dense_narrow_pack(int n_in, int n_out, const REAL *flat, const REAL *biases, REAL *w, REAL *rows, REAL *b)
{
    (void)rows;
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            w[i * PAD(n_in) + k] = flat[i * n_in + k];
        b[i] = biases ? biases[i] : 0;
    }
}

static void dense_wide_unpack(int n_in, int n_out, REAL *flat, REAL *biases, const REAL *gw, const REAL *gb)
{
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            flat[i * n_in + k] += gw[k * PAD(n_out) + i];
        if (biases)
            biases[i] += gb[i];
    }
}

static void dense_narrow_unpack(int n_in, int n_out, REAL *flat, REAL *biases, const REAL *gw, const REAL *gb)
{
    for (int i = 0; i < n_out; i++) {
        for (int k = 0; k < n_in; k++)
            flat[i * n_in + k] += gw[i * PAD(n_in) + k];
        if (biases)
            biases[i] += gb[i];
    }
}

#else /* several trajectories side by side */
typedef R E;
#define PAD(n) (n)
#define TILE 8

INLINE void dense_tile(int n, int n_in, int first, const REAL *w, const REAL *b, const E *x, E *z)
{
    R sum[TILE];
    for (int i = 0; i < n; i++)
        sum[i] = SPLAT(b[first + i]);
    for (int k = 0; k < n_in; k++)
        for (int i = 0; i < n; i++)
            sum[i] += w[(first + i) * n_in + k] * x[k];
    for (int i = 0; i < n; i++)
        z[first + i] = sum[i];
}

INLINE void dense_wide(int n_in, int n_out, const REAL *w, const REAL *b, const E *x, E *z)
{
    int i = 0;
    for (; i + TILE <= n_out; i += TILE)
        dense_tile(TILE, n_in, i, w, b, x, z);
    for (; i < n_out; i++)
        dense_tile(1, n_in, i, w, b, x, z);
}

INLINE void dense_back_tile(int n, int n_in, int n_out, int first, const REAL *w, const E *g, E *gx)
{
    R sum[TILE];
    for (int k = 0; k < n; k++)
        sum[k] = SPLAT(0);
    for (int i = 0; i < n_out; i++)
        for (int k = 0; k < n; k++)
            sum[k] += w[i * n_in + first + k] * g[i];
    for (int k = 0; k < n; k++)
        gx[first + k] = sum[k];
}

INLINE void dense_wide_back(int n_in, int n_out, const REAL *w, const REAL *rows, const E *g, E *gx)
{
    (void)rows;
    int k = 0;
    for (; k + TILE <= n_in; k += TILE)
        dense_back_tile(TILE, n_in, n_out, k, w, g, gx);
    for (; k < n_in; k++)
        dense_back_tile(1, n_in, n_out, k, w, g, gx);
}

INLINE void dense_turn(const E *x, R *across)
{
    for (int l = 0; l < LANES; l++)
        for (int k = 0; k < LANES; k++)
            across[l][k] = x[k][l];
}

/* The sum over trajectories of g x': both are turned, so that vectors run over inputs. */
INLINE void dense_wide_grad(int n_in, int n_out, REAL *gw, REAL *gb, const E *x, const E *g)
{
    R across[LANES];
    for (int i = 0; i < n_out; i++)
        gb[i] += R_sum(g[i]);
    int k = 0;
    for (; k + LANES <= n_in; k += LANES) {
        dense_turn(x + k, across);
        for (int i = 0; i < n_out; i++) {
            R sum = R_load(gw + i * n_in + k);
            for (int l = 0; l < LANES; l++)
                sum += across[l] * g[i][l];
            R_store(gw + i * n_in + k, sum);
        }
    }
    for (; k < n_in; k++)
        for (int i = 0; i < n_out; i++)
            gw[i * n_in + k] += R_sum(g[i] * x[k]);
}

static void dense_wide_pack(int n_in, int n_out, const REAL *flat, const REAL *biases, REAL *w, REAL *rows, REAL *b)
{
    (void)rows;
    for (int i = 0; i < n_in * n_out; i++)
        w[i] = flat[i];
    for (int i = 0; i < n_out; i++)
        b[i] = biases ? biases[i] : 0;
}

static void dense_wide_unpack(int n_in, int n_out, REAL *flat, REAL *biases, const REAL *gw, const REAL *gb)
{
    for (int i = 0; i < n_in * n_out; i++)
        flat[i] += gw[i];
    for (int i = 0; i < n_out; i++)
        if (biases)
            biases[i] += gb[i];
}

#define dense_narrow dense_wide
#define dense_narrow_back dense_wide_back
#define dense_narrow_grad dense_wide_grad
#define dense_narrow_pack dense_wide_pack
#define dense_narrow_unpack dense_wide_unpack
#endif

/* Activations: a and, where it does not follow from a, the slope d at z. */
INLINE void act_tanh(V z, V *a, V *d) { *a = V_tanh(z); *d = (V){0}; }
INLINE V slope_tanh(V a, V d) { (void)d; return (REAL)1 - a * a; }
INLINE void act_relu(V z, V *a, V *d) { *a = V_select(z > (V){0}, z, (V){0}); *d = (V){0}; }
INLINE V slope_relu(V a, V d) { (void)d; return V_select(a > (V){0}, (V){0} + (REAL)1, (V){0}); }
INLINE void act_softplus(V z, V *a, V *d) { *a = V_softplus(z); *d = V_sigmoid(z); }
INLINE V slope_softplus(V a, V d) { (void)a; return d; }
INLINE void act_silu(V z, V *a, V *d)
{
    const V s = V_sigmoid(z);
    *a = z * s;
    *d = s * ((REAL)1 + z * V_sigmoid(-z));
}
INLINE V slope_silu(V a, V d) { (void)a; return d; }
INLINE void act_sin(V z, V *a, V *d) { *a = V_sin(z); *d = V_cos(z); }
INLINE V slope_sin(V a, V d) { (void)a; return d; }

#if LANES == 1
#define UNITS(n, i) for (int i = 0; i < PAD(n); i += WIDTH)
#define E_load V_load
#define E_store V_store
#else
#define UNITS(n, i) for (int i = 0; i < (n); i++)
#define E_load(p) (*(p))
#define E_store(p, x) (*(p) = (x))
#endif
