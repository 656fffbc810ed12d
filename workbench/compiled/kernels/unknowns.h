/* The vector x that is fitted, and what it says about parameters and initial states (see unknowns.py for the scales). */

enum { IDENTITY, LOG, LOGIT };

/* x → the parameters and initial states of the solve. */
CALLED void spread(Work *w, const double *x)
{
    const Fit *fit = w->fit;
    for (int64_t k = 0; k < fit->n; k++) {
        w->x[k] = w->value[k] = x[k];
        w->slope[k] = 1;
        if (fit->kind[k] == LOG)
            w->value[k] = w->slope[k] = exp(x[k]);
        if (fit->kind[k] == LOGIT) {
            const double share = 1 / (1 + exp(-x[k])), width = fit->width[k] * share;
            w->value[k] = fit->base[k] + width;
            w->slope[k] = width * (1 - share);
        }
    }
    for (int64_t j = 0; j < N_PARAMETERS; j++)
        w->p[j] = (REAL)(fit->p_unknown[j] >= 0 ? w->value[fit->p_unknown[j]] : fit->p[j]);
    for (int64_t i = 0; i < w->solve.rows * N_STATES; i++)
        w->y0[i] = (REAL)(fit->y0_unknown[i] >= 0 ? w->value[fit->y0_unknown[i]] : fit->y0[i]);
}

/* Which columns of a row's sensitivities are unknowns. Returns how many. */
static int64_t columns_of(Work *w, int64_t row)
{
    const Fit *fit = w->fit;
    int64_t m = 0;
    for (int64_t q = 0; q < N_COLUMNS; q++) {
        const int64_t at = q < N_STATES ? fit->y0_unknown[row * N_STATES + q] : fit->p_unknown[q - N_STATES];
        w->local[q] = at >= 0 ? m : -1;
        if (at < 0)
            continue;
        w->column[m] = q;
        w->unknown[m++] = at;
    }
    return m;
}

INLINE int same_columns(const Work *w, int64_t row, int64_t other)
{
    const int64_t *y0 = w->fit->y0_unknown;
    return !memcmp(y0 + row * N_STATES, y0 + other * N_STATES, N_STATES * sizeof(int64_t));
}
