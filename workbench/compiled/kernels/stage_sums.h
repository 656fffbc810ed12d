/* Sums over the stages of a Rosenbrock method by its tables, a loop each: where f is long they take little of a step, and
   written out they would take the compiler longer than the rest. */

INLINE void stage_state(int s, const R *y, R h, R (*k)[N_STATES], R *out)
{
    R sum[N_STATES];
    clear(sum, N_STATES);
    for (int j = 0; j < s; j++)
        for (int i = 0; i < N_STATES; i++)
            sum[i] += (REAL)method_a[s][j] * k[j][i];
    for (int i = 0; i < N_STATES; i++)
        out[i] = y[i] + h * sum[i];
}

INLINE void stage_others(int s, R h, R (*k)[N_STATES], R *out)
{
    (void)h;
    for (int j = 0; j < s; j++)
        for (int i = 0; i < N_STATES; i++)
            out[i] += (REAL)method_others[s][j] * k[j][i];
}

INLINE void stage_back(int s, R h, const R *back, const R *g, R (*k)[N_STATES])
{
    for (int j = 0; j < s; j++)
        for (int i = 0; i < N_STATES; i++)
            k[j][i] += h * (REAL)method_a[s][j] * back[i] + (REAL)method_others[s][j] * g[i];
}
