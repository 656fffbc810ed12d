/* How long the next step is, with the constants of engine/control.py: norms of errors, the first step, the next ones. */

INLINE double lane_norm(const Block *b, const R *x, const R *y, const R *y1, int l)
{
    double sum = 0;
    for (int i = 0; i < N_STATES; i++) {
        const double size = fmax(fabs((double)LANE(y[i], l)), fabs((double)LANE(y1[i], l)));
        const double e = (double)LANE(x[i], l) / (b->task->atol[i] + b->task->rtol * size);
        sum += e * e;
    }
    return sqrt(sum / N_STATES);
}

/* `lane_norm` where time does not matter. */
SELDOM double norm_of(const Block *b, const R *x, const R *y, int l) { return lane_norm(b, x, y, y, l); }

/* A first step from the sizes of y, y' and y'' (Hairer, Nørsett & Wanner, Solving ODEs I, II.4). */
SELDOM void first_steps(Block *b, March *m, Tape *tape)
{
    const Task *task = b->task;
    R y1[N_STATES], k1[N_STATES];
    double h0[LANES], zero[LANES] = {0}, signed_h[LANES];
    for (int l = 0; l < LANES; l++) {
        const double d0 = norm_of(b, m->y, m->y, l), d1 = norm_of(b, m->k[0], m->y, l);
        const int small = d0 < 1e-5 || d1 < 1e-5;
        h0[l] = fmin(small ? 1e-6 * m->stop[l] : 0.01 * d0 / (d1 > 0 ? d1 : 1.0), m->stop[l]);
        signed_h[l] = b->sign[l] * h0[l];
    }
    const R step = from_doubles(signed_h);
    for (int i = 0; i < N_STATES; i++)
        y1[i] = m->y[i] + step * m->k[0][i];
    slope_at(b, zero, h0, 1, y1, k1, tape);
    for (int i = 0; i < N_STATES; i++)
        k1[i] -= m->k[0][i];
    for (int l = 0; l < LANES; l++) {
        const double d1 = norm_of(b, m->k[0], m->y, l), d2 = norm_of(b, k1, m->y, l) / h0[l];
        const double steep = fmax(d1, d2);
        const double h1 = steep > 1e-15 ? pow(0.01 / steep, 1.0 / task->error_power)
                                        : fmax(1e-6 * m->stop[l], 1e-3 * h0[l]);
        const double h = fmin(fmin(100 * h0[l], h1), m->stop[l]);
        const double least = 1e3 * 16 * DBL_EPSILON * fmax(fabs(b->t0[l]), 1e-8 * b->end[l]);
        m->h[l] = fmin(fmax(h, least), fmin(m->stop[l], task->cap));
        m->rhs[l] += b->live[l];
    }
}

INLINE double lane_error(const Block *b, const March *m, R (*errors)[N_STATES], int l)
{
    const double lead = lane_norm(b, errors[0], m->y, m->y1, l);
    if (N_ERRORS == 1)
        return lead;
    double rest = 0;
    for (int i = 1; i < N_ERRORS; i++) {
        const double norm = lane_norm(b, errors[i], m->y, m->y1, l);
        rest += norm * norm;
    }
    return lead == 0 ? 0 * rest : lead * lead / sqrt(lead * lead + 0.01 * rest);
}

INLINE double clip_factor(double log_factor, const Task *task)
{
    return fmax(task->safety * exp(log_factor), task->shrink);
}

/* The step to try next in a lane, from its error. */
INLINE void next_step(const Task *task, March *m, int l)
{
    before_scalars();
    const double log_error = log(m->error[l]); /* NaN stays NaN, and 0 becomes −inf: the step grows as far as it may */
    double factor = clip_factor(
        -(task->beta[0] * log_error + task->beta[1] * m->previous[l] + task->beta[2] * m->before[l]), task);
    factor = fmin(factor, m->ceiling[l]);
    if (isnan(log_error))
        factor = task->shrink;
    double h = m->tried[l] * factor;
    if (m->accept[l]) {
        m->before[l] = m->previous[l];
        m->previous[l] = fmax(log_error, log(1e-4));
        m->ceiling[l] = task->grow;
        if (m->clipped[l])
            h = fmax(h, m->h[l]); /* a step that was clipped does not hold the next one short */
    } else {
        double retry = 0.9;
        if (task->retry)
            retry = fmax(fmin(task->safety * exp(-log_error / task->error_power), 0.9), task->shrink);
        if (isnan(log_error))
            retry = task->retry ? task->shrink : 0.9;
        h = fmin(h, retry * m->tried[l]);
        m->ceiling[l] = 1;
        m->rejected[l]++;
    }
    m->h[l] = fmin(h, task->cap);
}
