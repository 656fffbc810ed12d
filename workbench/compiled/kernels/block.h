/* LANES trajectories side by side: their rows, times, parameters and inputs. Time is double and counts from 0. */

typedef struct {
    const Task *task;
    const Net *net;
    int64_t row[LANES];
    int live[LANES];
    double t0[LANES], sign[LANES], low[LANES], high[LANES], end[LANES];
    R p[AT_LEAST_1(N_SCALARS)], c[AT_LEAST_1(N_COVARIATES)];
    int64_t piece[LANES], smooth_piece[LANES]; /* the pieces of the inputs that were looked up last */
    struct Kept *kept;                         /* what the method keeps from step to step */
} Block;

INLINE R from_doubles(const double *x)
{
#if LANES == 1
    return (R)x[0];
#else
    R out;
    for (int l = 0; l < LANES; l++)
        out[l] = (REAL)x[l];
    return out;
#endif
}

INLINE int any_live(const Block *b)
{
    int any = 0;
    for (int l = 0; l < LANES; l++)
        any |= b->live[l];
    return any;
}

INLINE int lane_finite(const R *x, int n, int l)
{
    int good = 1;
    for (int i = 0; i < n; i++)
        good &= isfinite(LANE(x[i], l)) != 0;
    return good;
}

/* Trajectories first … of the task, in its order of rows; lanes without one repeat the first. */
static void block_begin(Block *b, const Task *task, const Net *net, int64_t first)
{
    b->task = task;
    b->net = net;
    b->kept = 0;
    for (int l = 0; l < LANES; l++) {
        const int64_t place = first + l < task->rows ? first + l : first, row = task->order ? task->order[place] : place;
        b->row[l] = row;
        b->live[l] = first + l < task->rows;
        b->t0[l] = task->t0[row];
        b->sign[l] = task->sign[row];
        b->end[l] = task->end[row];
        b->low[l] = task->low[row];
        b->high[l] = task->high[row];
        b->piece[l] = b->smooth_piece[l] = 0;
        for (int j = 0; j < N_SCALARS; j++)
            LANE(b->p[j], l) = ((const REAL *)task->p)[row * task->p_stride + scalar_places[j]];
        for (int j = 0; j < N_COVARIATES; j++)
            LANE(b->c[j], l) = ((const REAL *)task->c)[row * N_COVARIATES + j];
    }
}

/* A lane that has come to its end goes on beside `other`, with nothing to add, so that no NaN comes of it. */
INLINE void block_mimic(Block *b, int l, int other)
{
    b->t0[l] = b->t0[other];
    b->sign[l] = b->sign[other];
    for (int j = 0; j < N_SCALARS; j++)
        LANE(b->p[j], l) = LANE(b->p[j], other);
    for (int j = 0; j < N_COVARIATES; j++)
        LANE(b->c[j], l) = LANE(b->c[j], other);
}

/* The piece of the inputs in which a time lies, looked for from the last one on. */
INLINE int64_t lane_piece(Block *b, int l, double t, int64_t *last)
{
    const Task *task = b->task;
    const int64_t first = task->u_first[b->row[l]], end = task->u_first[b->row[l] + 1] - 1;
    int64_t at = first + *last;
    while (at < end && task->u_knots[at + 1] <= t)
        at++;
    while (at > first && task->u_knots[at] > t)
        at--;
    *last = at - first;
    return at;
}

/* Inputs at t (physical, a lane): smooth ones looked up at t itself, the others in the piece around `middle`. */
INLINE void lane_inputs(Block *b, int l, double t, double middle, R *u, R *du)
{
#if N_INPUTS > 0
    const Task *task = b->task;
    const int64_t by_middle = lane_piece(b, l, middle, &b->piece[l]);
    for (int j = 0; j < N_INPUTS; j++) {
        const int64_t at = task->u_smooth[j] ? lane_piece(b, l, t, &b->smooth_piece[l]) : by_middle;
        const double *q = task->u_pieces + (at * N_INPUTS + j) * 4, s = t - task->u_origin[at];
        LANE(u[j], l) = (REAL)(q[0] + s * (q[1] + s * (q[2] + s * q[3])));
        if (du)
            LANE(du[j], l) = (REAL)(q[1] + s * (2 * q[2] + s * 3 * q[3]));
    }
#else
    (void)b, (void)l, (void)t, (void)middle, (void)u, (void)du;
#endif
}

/* What f depends on beside y, at τ + c h in every lane, in steps h from τ. */
INLINE At at_node(Block *b, const double *tau, const double *h, double c, R *u, R *du)
{
    double t[LANES];
    for (int l = 0; l < LANES; l++) {
        const double start = b->t0[l] + b->sign[l] * tau[l], step = b->sign[l] * h[l];
        t[l] = fmin(fmax(start + c * step, b->low[l]), b->high[l]);
        if (N_INPUTS)
            lane_inputs(b, l, t[l], start + 0.5 * step, u, du);
    }
    return (At){from_doubles(t), u, b->c, b->p, du};
}

INLINE double observed_tau(const Block *b, int l, int64_t time)
{
    return b->task->tau[b->row[l] * b->task->times + time];
}

INLINE int64_t observations(const Block *b, int l)
{
    return b->task->n_times[b->row[l]];
}

/* Trajectories side by side, for Python. */
EXPORT int workbench_lanes(void)
{
    return LANES;
}
