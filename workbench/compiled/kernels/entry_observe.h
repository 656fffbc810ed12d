/* What fits call: the channels at a row's observation times.

   `observe` and `observe_jacobian` are printed: channels as functions of (t, y, u, c, p), and their derivatives, of which
   only entries that may differ from 0 are written. */

/* LANES observation times of one row side by side. */
typedef struct {
    Block block;
    At at;
    R u[AT_LEAST_1(N_INPUTS)], p[AT_LEAST_1(N_OBSERVED)], y[N_STATES], mu[N_CHANNELS];
} Seen;

CALLED void see_row(const Task *task, int64_t row, Seen *seen)
{
    block_begin(&seen->block, task, 0, row);
    for (int l = 1; l < LANES; l++) {
        block_mimic(&seen->block, l, 0);
        seen->block.row[l] = row;
        seen->block.low[l] = seen->block.low[0];
        seen->block.high[l] = seen->block.high[0];
    }
    for (int j = 0; j < N_OBSERVED; j++)
        seen->p[j] = SPLAT(((const REAL *)task->p)[observed_places[j]]);
}

/* mu from `first` on; lanes beyond the last time repeat it. Returns how many lanes count. */
INLINE int see(const Task *task, int64_t row, int64_t first, Seen *seen)
{
    const int64_t last = task->n_times[row] - 1;
    double tau[LANES], zero[LANES] = {0};
    for (int l = 0; l < LANES; l++) {
        const int64_t time = first + l < last ? first + l : last;
        const REAL *y = (const REAL *)task->ys + (row * task->times + time) * N_STATES;
        tau[l] = task->tau[row * task->times + time];
        for (int i = 0; i < N_STATES; i++)
            LANE(seen->y[i], l) = y[i];
    }
    seen->at = at_node(&seen->block, tau, zero, 0, seen->u, 0);
    seen->at.p = seen->p;
    observe(&seen->at, seen->y, seen->mu);
    return last - first + 1 < LANES ? (int)(last - first + 1) : LANES;
}

/* Writes mu (time, channel) of a row that was solved and, where they are asked for, its entries by y and by p. Parameters
   are those of all rows. */
EXPORT void workbench_observe(const Task *task, int64_t row, REAL *mu, REAL *by_y, REAL *by_p)
{
    Seen seen;
    see_row(task, row, &seen);
    for (int64_t first = 0; first < task->n_times[row]; first += LANES) {
        R slope_y[AT_LEAST_1(N_BY_Y)], slope_p[AT_LEAST_1(N_BY_P)];
        const int lanes = see(task, row, first, &seen);
        if (by_y)
            observe_jacobian(&seen.at, seen.y, slope_y, slope_p);
        for (int l = 0; l < lanes; l++) {
            for (int m = 0; m < N_CHANNELS; m++)
                *mu++ = LANE(seen.mu[m], l);
            for (int e = 0; by_y && e < N_BY_Y; e++)
                *by_y++ = LANE(slope_y[e], l);
            for (int e = 0; by_y && e < N_BY_P; e++)
                *by_p++ = LANE(slope_p[e], l);
        }
    }
}
