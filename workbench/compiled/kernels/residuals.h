/* Residuals weight · (mu − value) of the observations, and their Jacobian by x, whose rows are never held all at once.

   The model comes as functions that its own libraries hold, and as lists of the entries of ∂mu/∂(y, p) that are not 0:
   y_channel, y_state, p_channel and p_place. */

typedef int Along(const Task *task, int64_t first, int64_t last);
typedef void Observe(const Task *task, int64_t row, REAL *mu, REAL *by_y, REAL *by_p);

/* Solves at the last x, with a longer mesh where it is too short. Returns whether all rows arrived. */
CALLED int solve_all(Work *w)
{
    Task *task = &w->solve;
    w->fit->counts[0]++;
    for (;;) {
        memset(task->status, 0, (size_t)task->rows * sizeof(int64_t));
        const int result = ((Along *)w->fit->solve)(task, 0, task->rows);
        if (result == 0)
            break;
        if (result == 1 || !longer_mesh(w))
            return 0;
    }
    for (int64_t row = 0; row < task->rows; row++)
        if (task->status[row])
            return 0;
    return 1;
}

/* Half the sum of squares at x; infinite where it has no finite value. */
BUSY double misfit(Work *w, const double *x)
{
    const Fit *fit = w->fit;
    spread(w, x);
    if (!solve_all(w))
        return INFINITY;
    double total = 0;
    for (int64_t row = 0; row < w->solve.rows; row++) {
        const int64_t first = row * w->solve.times * fit->channels, last = w->solve.n_times[row] * fit->channels;
        ((Observe *)fit->observe)(&w->solve, row, w->mu, 0, 0);
        double own = 0;
        for (int64_t i = 0; i < last; i++) {
            const double weight = fit->weights[first + i], r = weight * ((double)w->mu[i] - fit->values[first + i]);
            own += weight != 0 ? r * r : 0;
        }
        total += own;
    }
    return isfinite(total) ? 0.5 * total : INFINITY;
}

/* Adds the sums of squares of the lines that wait, with n unknowns, to those of lines with the same ones. */
CALLED void sum_lines(Work *w, int64_t waiting, int64_t n)
{
    const int64_t ld = padded(n + 1);
    add_outer(1, waiting, w->lines, ld, n + 1, w->square, ld);
}

/* Sums of squares → the Hessian and the gradient. */
BUSY void scatter(Work *w, int64_t n)
{
    const int64_t ld = padded(n + 1), whole = w->box.ld;
    for (int64_t i = 0; i < n; i++) {
        const int64_t a = w->unknown[i];
        for (int64_t j = i; j < n; j++) {
            const int64_t b = w->unknown[j];
            w->hessian[a < b ? a * whole + b : b * whole + a] += w->square[i * ld + j];
        }
        w->g[a] += w->square[i * ld + n];
    }
    memset(w->square, 0, (size_t)((n + 1 + TILE_HIGH) * ld) * sizeof(double));
}

BUSY void add_reals(int64_t n, double factor, const REAL *restrict from, double *restrict to)
{
#if REAL_IS_DOUBLE
    add_times(n, factor, from, to);
#else
    for (int64_t i = 0; i < n; i++)
        to[i] += factor * (double)from[i];
#endif
}

/* One line: weight · ∂mu/∂x of channel m, from the entries of its time, and the residual behind it. */
BUSY void line_of(const Work *w, const REAL *by, const REAL *by_y, const REAL *by_p, int64_t m, double weight, int64_t n,
                    double *line)
{
    const Fit *fit = w->fit;
    for (int64_t k = 0; k < n; k++)
        line[k] = 0;
    for (int64_t e = 0; e < fit->n_by_y; e++) {
        if (fit->y_channel[e] != m)
            continue;
        const REAL *own = by + fit->y_state[e] * w->columns;
        const double factor = weight * (double)by_y[e];
        if (n && w->column[n - 1] - w->column[0] == n - 1) /* side by side, as they mostly are */
            add_reals(n, factor, own + w->column[0], line);
        else
            for (int64_t k = 0; k < n; k++)
                line[k] += factor * (double)own[w->column[k]];
    }
    for (int64_t e = 0; e < fit->n_by_p; e++) {
        const int64_t k = w->local[fit->n_states + fit->p_place[e]];
        if (fit->p_channel[e] == m && k >= 0)
            line[k] += weight * (double)by_p[e];
    }
    for (int64_t k = 0; k < n; k++)
        line[k] *= w->slope[w->unknown[k]];
}

/* Lines of one row, added to those that wait. Returns how many wait now. */
BUSY int64_t lines_of_row(Work *w, int64_t row, const REAL *by, int64_t waiting, int64_t n)
{
    const Fit *fit = w->fit;
    const int64_t ld = padded(n + 1), each = fit->n_states * w->columns;
    ((Observe *)fit->observe)(&w->solve, row, w->mu, w->by_y, w->by_p);
    for (int64_t time = 0; time < w->solve.n_times[row]; time++)
        for (int64_t m = 0; m < fit->channels; m++) {
            const int64_t at = (row * w->solve.times + time) * fit->channels + m;
            const double weight = fit->weights[at];
            fit->mu[at] = (double)w->mu[time * fit->channels + m];
            if (weight == 0)
                continue;
            double *line = w->lines + waiting * ld;
            line_of(w, by + time * each, w->by_y + time * fit->n_by_y, w->by_p + time * fit->n_by_p, m, weight, n, line);
            line[n] = weight * (fit->mu[at] - fit->values[at]);
            for (int64_t k = n + 1; k < ld; k++)
                line[k] = 0;
            if (++waiting == LINES) {
                sum_lines(w, waiting, n);
                waiting = 0;
            }
        }
    return waiting;
}

/* Sensitivities of rows first … last along the steps of the last solve. */
CALLED int push_rows(Work *w, int64_t first, int64_t last)
{
    const size_t each = (size_t)(w->solve.times * w->fit->n_states * w->columns) * sizeof(REAL);
    Task back = w->solve;
    if (!back.plan) {
        back.plan = w->mesh;
        back.plan_width = back.width;
    }
    back.plan_steps = back.n_steps;
    memset(w->by, 0, (size_t)(last - first) * each);
    back.by = (void *)((uintptr_t)w->by - (uintptr_t)first * each); /* as if it began at row 0 */
    return ((Along *)w->fit->push)(&back, first, last) == 0;
}

/* JᵀJ, Jᵀr and mu at the last x, which was solved. Returns whether they are finite. */
BUSY int linearize(Work *w)
{
    const int64_t n = w->fit->n, rows = w->solve.rows;
    memset(w->hessian, 0, (size_t)(n * w->box.ld) * sizeof(double));
    memset(w->g, 0, (size_t)n * sizeof(double));
    w->fit->counts[1]++;
    int64_t waiting = 0, m = columns_of(w, 0), of = 0;
    for (int64_t first = 0; first < rows; first += w->by_rows) {
        const int64_t last = first + w->by_rows < rows ? first + w->by_rows : rows;
        if (!push_rows(w, first, last))
            return 0;
        for (int64_t row = first; row < last; row++) {
            if (!same_columns(w, row, of)) {
                sum_lines(w, waiting, m);
                scatter(w, m);
                waiting = 0;
                m = columns_of(w, row);
                of = row;
            }
            const REAL *by = w->by + (row - first) * w->solve.times * w->fit->n_states * w->columns;
            waiting = lines_of_row(w, row, by, waiting, m);
        }
    }
    sum_lines(w, waiting, m);
    scatter(w, m);
    int finite = 1;
    for (int64_t i = 0; i < n; i++) {
        finite &= isfinite(w->g[i]) != 0;
        for (int64_t j = i; j < n; j++) {
            finite &= isfinite(w->hessian[i * w->box.ld + j]) != 0;
            w->hessian[j * w->box.ld + i] = w->hessian[i * w->box.ld + j];
        }
    }
    return finite;
}
