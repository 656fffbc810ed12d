/* Residuals weight · (mu − value) of the observations, and their Jacobian by x, whose rows are never held all at once.

   `observe` and `observe_jacobian` are printed: channels as functions of (t, y, u, c, p), their entries that are not 0
   listed in y_channel, y_state, p_channel and p_place. */

/* LANES observation times of one row side by side. */
typedef struct {
    Block block;
    At at;
    R u[AT_LEAST_1(N_INPUTS)], p[AT_LEAST_1(N_OBSERVED)], y[N_STATES], mu[N_CHANNELS];
} Seen;

CALLED void see_row(const Work *w, int64_t row, Seen *seen)
{
    block_begin(&seen->block, &w->solve, 0, row);
    for (int l = 1; l < LANES; l++) {
        block_mimic(&seen->block, l, 0);
        seen->block.row[l] = row;
        seen->block.low[l] = seen->block.low[0];
        seen->block.high[l] = seen->block.high[0];
    }
    for (int j = 0; j < N_OBSERVED; j++)
        seen->p[j] = SPLAT(w->p[observed_places[j]]);
}

/* mu from `first` on; lanes beyond the last time repeat it. Returns how many lanes count. */
INLINE int see(const Work *w, int64_t row, int64_t first, Seen *seen)
{
    const int64_t last = w->solve.n_times[row] - 1;
    double tau[LANES], zero[LANES] = {0};
    for (int l = 0; l < LANES; l++) {
        const int64_t time = first + l < last ? first + l : last;
        const REAL *y = w->ys + (row * w->solve.times + time) * N_STATES;
        tau[l] = w->solve.tau[row * w->solve.times + time];
        for (int i = 0; i < N_STATES; i++)
            LANE(seen->y[i], l) = y[i];
    }
    seen->at = at_node(&seen->block, tau, zero, 0, seen->u, 0);
    seen->at.p = seen->p;
    observe(&seen->at, seen->y, seen->mu);
    return last - first + 1 < LANES ? (int)(last - first + 1) : LANES;
}

/* Solves at the last x, with a longer mesh where it is too short. Returns whether all rows arrived. */
CALLED int solve_all(Work *w)
{
    Task *task = &w->solve;
    w->fit->counts[0]++;
    for (;;) {
        memset(task->status, 0, (size_t)task->rows * sizeof(int64_t));
        const int result = workbench_solve(task, 0, task->rows);
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
CALLED double misfit(Work *w, const double *x)
{
    const Fit *fit = w->fit;
    spread(w, x);
    if (!solve_all(w))
        return INFINITY;
    double total = 0;
    for (int64_t row = 0; row < w->solve.rows; row++) {
        Seen seen;
        see_row(w, row, &seen);
        double own = 0;
        for (int64_t first = 0; first < w->solve.n_times[row]; first += LANES) {
            const int lanes = see(w, row, first, &seen);
            const int64_t at = (row * w->solve.times + first) * N_CHANNELS;
            for (int l = 0; l < lanes; l++)
                for (int m = 0; m < N_CHANNELS; m++) {
                    const double weight = fit->weights[at + l * N_CHANNELS + m];
                    const double r = weight * ((double)LANE(seen.mu[m], l) - fit->values[at + l * N_CHANNELS + m]);
                    own += weight != 0 ? r * r : 0;
                }
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
CALLED void scatter(Work *w, int64_t n)
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

INLINE void add_reals(int64_t n, double factor, const REAL *restrict from, double *restrict to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += factor * (double)from[i];
}

/* One line: weight · ∂mu/∂x of channel m in lane l, and the residual behind it. */
CALLED void line_of(const Work *w, const REAL *by, int l, int m, double weight, R *by_y, R *by_p, int64_t n, double *line)
{
    for (int64_t k = 0; k < n; k++)
        line[k] = 0;
    for (int e = 0; e < N_BY_Y; e++) {
        if (y_channel[e] != m)
            continue;
        const REAL *own = by + y_state[e] * N_COLUMNS;
        const double factor = weight * (double)LANE(by_y[e], l);
        if (n && w->column[n - 1] - w->column[0] == n - 1) /* side by side, as they mostly are */
            add_reals(n, factor, own + w->column[0], line);
        else
            for (int64_t k = 0; k < n; k++)
                line[k] += factor * (double)own[w->column[k]];
    }
    for (int e = 0; e < N_BY_P; e++)
        if (p_channel[e] == m && w->local[N_STATES + p_place[e]] >= 0)
            line[w->local[N_STATES + p_place[e]]] += weight * (double)LANE(by_p[e], l);
    for (int64_t k = 0; k < n; k++)
        line[k] *= w->slope[w->unknown[k]];
}

/* Lines of one row, added to those that wait. Returns how many wait now. */
CALLED int64_t lines_of_row(Work *w, int64_t row, const REAL *by, int64_t waiting, int64_t n)
{
    const Fit *fit = w->fit;
    const int64_t ld = padded(n + 1);
    Seen seen;
    see_row(w, row, &seen);
    for (int64_t first = 0; first < w->solve.n_times[row]; first += LANES) {
        R by_y[AT_LEAST_1(N_BY_Y)], by_p[AT_LEAST_1(N_BY_P)];
        const int lanes = see(w, row, first, &seen);
        observe_jacobian(&seen.at, seen.y, by_y, by_p);
        for (int l = 0; l < lanes; l++)
            for (int m = 0; m < N_CHANNELS; m++) {
                const int64_t at = (row * w->solve.times + first + l) * N_CHANNELS + m;
                const double weight = fit->weights[at];
                fit->mu[at] = (double)LANE(seen.mu[m], l);
                if (weight == 0)
                    continue;
                double *line = w->lines + waiting * ld;
                line_of(w, by + (first + l) * N_STATES * N_COLUMNS, l, m, weight, by_y, by_p, n, line);
                line[n] = weight * (fit->mu[at] - fit->values[at]);
                for (int64_t k = n + 1; k < ld; k++)
                    line[k] = 0;
                if (++waiting == LINES) {
                    sum_lines(w, waiting, n);
                    waiting = 0;
                }
            }
    }
    return waiting;
}

/* Sensitivities of rows first … last along the steps of the last solve. */
CALLED int push_rows(Work *w, int64_t first, int64_t last)
{
    const size_t each = (size_t)(w->solve.times * N_STATES * N_COLUMNS) * sizeof(REAL);
    Task back = w->solve;
    if (!back.plan) {
        back.plan = w->mesh;
        back.plan_width = back.width;
    }
    back.plan_steps = back.n_steps;
    memset(w->by, 0, (size_t)(last - first) * each);
    back.by = (void *)((uintptr_t)w->by - (uintptr_t)first * each); /* as if it began at row 0 */
    return workbench_push(&back, first, last) == 0;
}

/* JᵀJ, Jᵀr and mu at the last x, which was solved. Returns whether they are finite. */
CALLED int linearize(Work *w)
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
            const REAL *by = w->by + (row - first) * w->solve.times * N_STATES * N_COLUMNS;
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
