/* Layers of one trajectory, vectorised over units: an E is one of them, and arrays are padded with zeros to whole vectors.

   The weights of a layer with many outputs ("wide") are kept by columns (input, PAD(output)), and once more by rows for
   the way back; those of one with few ("narrow") by rows (output, PAD(input)). Gradients have the layout of weights. */

typedef REAL E;
#define PAD(n) (((n) + WIDTH - 1) / WIDTH * WIDTH)
#define UNITS(n, i) for (int i = 0; i < PAD(n); i += WIDTH)
#define E_load V_load
#define E_store V_store

#define WIDE_WEIGHTS(n_in, n_out) ((n_in) * PAD(n_out))
#define WIDE_ROWS(n_in, n_out) ((n_out) * PAD(n_in))
#define WIDE_SUMS WIDE_WEIGHTS
#define NARROW_WEIGHTS WIDE_ROWS
#define NARROW_ROWS(n_in, n_out) 1
#define NARROW_SUMS NARROW_WEIGHTS

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

