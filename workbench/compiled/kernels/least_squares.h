/* Levenberg–Marquardt on residuals and their forward sensitivities, with bounds: (JᵀJ + λD²)s = −Jᵀr (Levenberg 1944;
   Marquardt 1963), D the largest column norms so far (Moré 1978, LNM 630, 105–116), λ after Nielsen (1999, IMM-REP-1999-05,
   eq. 2.5). */

enum { DECREASE, STEP, GRADIENT, STALLED, ITERATIONS, NO_FINITE_SOLUTION, DEADLINE };

#define REFUSALS 40
#define STALL 1e-3 /* predicted fall, as a share of the cost, above which a fit that ends has not converged */

static void rescale(Work *w)
{
    for (int64_t k = 0; k < w->fit->n; k++) {
        const double norm = sqrt(w->hessian[k * w->box.ld + k]);
        w->scale[k] = fmax(w->scale[k], norm > 0 || w->scale[k] > 0 ? norm : 1);
    }
}

/* The largest cosine between the residuals and a column of J that may still move. */
static double steepest(const Work *w, const double *x, double cost)
{
    const Fit *fit = w->fit;
    double most = 0;
    for (int64_t k = 0; k < fit->n; k++) {
        const int held = (x[k] <= fit->lower[k] && w->g[k] > 0) || (x[k] >= fit->upper[k] && w->g[k] < 0);
        const double norm = sqrt(w->hessian[k * w->box.ld + k]);
        if (!held && norm > 0)
            most = fmax(most, fabs(w->g[k]) / norm);
    }
    return cost > 0 ? most / sqrt(2 * cost) : 0;
}

/* The step from x for a λ, clipped; 0 where there is none. */
static int step_from(Work *w, const double *x, double lambda)
{
    const Fit *fit = w->fit;
    for (int64_t k = 0; k < fit->n; k++) {
        w->damp[k] = lambda * w->scale[k] * w->scale[k];
        w->box.low[k] = fit->lower[k] - x[k];
        w->box.high[k] = fit->upper[k] - x[k];
    }
    return least_in_box(&w->box);
}

/* How far the quadratic model falls along the step. */
CALLED double predicted_fall(const Work *w)
{
    double fall = 0;
    for (int64_t i = 0; i < w->fit->n; i++)
        fall -= w->box.s[i] * (w->g[i] + 0.5 * dot(w->fit->n, w->hessian + i * w->box.ld, w->box.s));
    return fall;
}

typedef struct {
    double cost, lambda, nu, room;
    int64_t small; /* steps in a row that were small, in x or in what they gained */
    int by;        /* why the last of them was */
} Search;

/* Whether the step is as good as none for x. */
static int near(const Work *w, const double *x)
{
    double size = 0, reach = 0;
    for (int64_t k = 0; k < w->fit->n; k++) {
        size = fmax(size, fabs(w->box.s[k] * w->scale[k]));
        reach = fmax(reach, fabs(x[k] * w->scale[k]));
    }
    return size <= w->fit->xtol * (reach + w->fit->xtol);
}

/* A step from x was accepted: notes whether it was small. */
static void note_size(const Work *w, const double *x, double before, Search *search)
{
    const int flat = before - search->cost <= w->fit->ftol * fabs(before);
    search->by = flat ? DECREASE : STEP;
    search->small = flat || near(w, x) ? search->small + 1 : 0;
}

/* Grows λ until a trial point is better. Returns -1, or the status with which the fit ends. */
CALLED int better_point(Work *w, double *x, Search *search)
{
    const int64_t n = w->fit->n;
    double *tried = w->tried;
    int by = DECREASE;
    search->room = 0;
    for (int refusals = 0; refusals < REFUSALS; refusals++) {
        const int solvable = step_from(w, x, search->lambda);
        const double fall = solvable ? predicted_fall(w) : 0;
        search->room = fmax(search->room, fall);
        /* at or below the round-off of the cost no step can be judged any more */
        if (solvable && fall <= w->fit->ftol * 1e-3 * fmax(search->cost, 1e-300))
            break;
        if (late(&w->solve))
            return DEADLINE;
        double cost = INFINITY;
        for (int64_t k = 0; k < n; k++)
            tried[k] = fmin(fmax(x[k] + w->box.s[k], w->fit->lower[k]), w->fit->upper[k]);
        if (solvable)
            cost = misfit(w, tried);
        const double gain = isfinite(cost) ? (search->cost - cost) / fall : -1;
        if (gain > 1e-4) {
            const double before = search->cost, turn = 2 * gain - 1;
            search->lambda *= fmax(1.0 / 3, 1 - turn * turn * turn);
            search->nu = 2;
            search->cost = cost;
            note_size(w, x, before, search);
            memcpy(x, tried, (size_t)n * sizeof(double));
            return -1;
        }
        search->lambda *= search->nu;
        search->nu *= 2;
        if (solvable && near(w, x)) { /* and the next ones are shorter */
            if (refusals == 0)
                return STEP;
            by = STEP;
            break;
        }
    }
    return search->room > STALL * search->cost ? STALLED : by;
}

/* From x to where the fit ends, in place. */
static int levenberg_marquardt(Work *w, double *x)
{
    const Fit *fit = w->fit;
    for (int64_t k = 0; k < fit->n; k++)
        x[k] = fmin(fmax(x[k], fit->lower[k]), fit->upper[k]);
    Search search = {misfit(w, x), fit->damping, 2, 0, 0, 0};
    *fit->cost = search.cost;
    if (!isfinite(search.cost))
        return late(&w->solve) ? DEADLINE : NO_FINITE_SOLUTION;
    for (;;) {
        if (!linearize(w))
            return late(&w->solve) ? DEADLINE : NO_FINITE_SOLUTION;
        rescale(w);
        if (search.small >= 2)
            return search.by;
        if (steepest(w, x, search.cost) <= fit->gtol)
            return GRADIENT;
        if (fit->counts[2] >= fit->max_iterations)
            return ITERATIONS;
        const int ended = better_point(w, x, &search);
        *fit->cost = search.cost;
        if (ended >= 0)
            return ended;
        fit->counts[2]++;
    }
}
