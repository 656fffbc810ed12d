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
    for (int64_t j = 0; j < fit->n_parameters; j++)
        w->p[j] = (REAL)(fit->p_unknown[j] >= 0 ? w->value[fit->p_unknown[j]] : fit->p[j]);
    for (int64_t i = 0; i < w->solve.rows * fit->n_states; i++)
        w->y0[i] = (REAL)(fit->y0_unknown[i] >= 0 ? w->value[fit->y0_unknown[i]] : fit->y0[i]);
}

/* Which columns of a row's sensitivities are unknowns. Returns how many. */
CALLED int64_t columns_of(Work *w, int64_t row)
{
    const Fit *fit = w->fit;
    const int64_t d = fit->n_states;
    int64_t m = 0;
    for (int64_t q = 0; q < w->columns; q++) {
        const int64_t at = q < d ? fit->y0_unknown[row * d + q] : fit->p_unknown[q - d];
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
    const int64_t *y0 = w->fit->y0_unknown, d = w->fit->n_states;
    return !memcmp(y0 + row * d, y0 + other * d, (size_t)d * sizeof(int64_t));
}
