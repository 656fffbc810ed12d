/* What a march knows of its lanes, and what it writes down of them: observations, the mesh, counts, failures. */

enum { OK, BAD_STATE, BAD_SLOPE, COLLAPSED, TOO_MANY_STEPS, TIME_OUT, MESH_FULL };

SELDOM void report(const Block *b, int l, int status, double tau, double h, int64_t steps, const R *y, const R *k)
{
    const Task *task = b->task;
    const int64_t row = b->row[l];
    task->status[row] = status;
    task->failure_tau[row] = tau;
    task->failure_h[row] = h;
    task->failure_steps[row] = steps;
    for (int i = 0; i < N_STATES; i++) {
        task->failure_y[row * N_STATES + i] = (double)LANE(y[i], l);
        task->failure_k[row * N_STATES + i] = (double)LANE(k[i], l);
    }
}

/* What the step that failed gave, by component: inf or NaN where a slope was. */
SELDOM void report_tried(const Block *b, int l, const R *y1, R (*k)[N_STATES], int n)
{
    double *tried = b->task->failure_tried + b->row[l] * N_STATES;
    for (int i = 0; i < N_STATES; i++) {
        tried[i] = (double)LANE(y1[i], l);
        for (int s = 0; s < n; s++) {
            const double slope = (double)LANE(k[s][i], l);
            if (!isfinite(slope) && !isinf(tried[i]))
                tried[i] = slope;
        }
    }
}

typedef struct {
    double tau[LANES], h[LANES], tried[LANES], tau1[LANES], stop[LANES], ceiling[LANES];
    double previous[LANES], before[LANES], error[LANES]; /* logarithms of errors, but `error` */
    int clipped[LANES], accept[LANES];
    int64_t steps[LANES], next[LANES]; /* steps taken; the next observation */
    int64_t rejected[LANES], rhs[LANES], jacobians[LANES];
    R y[N_STATES], y1[N_STATES];
    R k[N_ALL][N_STATES];
} March;

INLINE void save_state(const Block *b, int l, int64_t time, const R *y)
{
    REAL *out = (REAL *)b->task->ys + (b->row[l] * b->task->times + time) * N_STATES;
    for (int i = 0; i < N_STATES; i++)
        out[i] = LANE(y[i], l);
}

/* Whether a time lies strictly inside the step. */
INLINE int observed_inside(const Block *b, const March *m, int l)
{
    return m->next[l] < observations(b, l) && observed_tau(b, l, m->next[l]) < m->tau1[l];
}

/* The accepted steps: their observations, their place in the mesh. Returns 0 where the mesh is full. */
static int record(Block *b, March *m, const int *accept, Tape *tape)
{
    int inside = 0;
    for (int l = 0; l < LANES; l++)
        inside |= accept[l] && observed_inside(b, m, l);
    if (inside && N_ALL > N_FIRST) {
        method_more(b, m->tau, m->tried, m->y, m->k, tape);
        for (int l = 0; l < LANES; l++)
            if (accept[l] && observed_inside(b, m, l))
                m->rhs[l] += N_ALL - N_FIRST;
    }
    for (int l = 0; l < LANES; l++) {
        if (!accept[l])
            continue;
        const int64_t n = observations(b, l);
        while (m->next[l] < n && observed_tau(b, l, m->next[l]) < m->tau1[l]) {
            const double theta = (observed_tau(b, l, m->next[l]) - m->tau[l]) / m->tried[l];
            REAL w[N_ALL], *out = (REAL *)b->task->ys + (b->row[l] * b->task->times + m->next[l]) * N_STATES;
            method_weights(theta, w);
            const REAL h = (REAL)(b->sign[l] * m->tried[l]);
            for (int i = 0; i < N_STATES; i++) {
                REAL change = 0;
                for (int s = 0; s < N_ALL; s++)
                    change += w[s] * LANE(m->k[s][i], l);
                out[i] = LANE(m->y[i], l) + h * change;
            }
            m->next[l]++;
        }
        while (m->next[l] < n && observed_tau(b, l, m->next[l]) == m->tau1[l])
            save_state(b, l, m->next[l]++, m->y1);
        const Task *task = b->task;
        const int64_t row = b->row[l], place = ++m->steps[l];
        if (place >= task->width) {
            report(b, l, MESH_FULL, m->tau[l], m->tried[l], place, m->y, m->k[0]);
            return 0;
        }
        task->mesh[row * task->width + place] = m->tau1[l];
        task->clipped[row * task->width + place] = (uint8_t)m->clipped[l];
        if (task->keep) {
            REAL *out = (REAL *)task->states + (row * task->width + place) * N_STATES;
            for (int i = 0; i < N_STATES; i++)
                out[i] = LANE(m->y1[i], l);
        }
    }
    return 1;
}

/* The counts of every row, and NaN where it has not come. */
static void finish(const Block *b, const March *m)
{
    for (int l = 0; l < LANES; l++) {
        if (l && b->row[l] == b->row[0])
            continue;
        const int64_t row = b->row[l];
        REAL *ys = (REAL *)b->task->ys + row * b->task->times * N_STATES;
        for (int64_t i = m->next[l] * N_STATES; i < b->task->times * N_STATES; i++)
            ys[i] = NAN;
        b->task->n_steps[row] = m->steps[l];
        b->task->n_rejected[row] = m->rejected[l];
        b->task->n_rhs[row] = m->rhs[l];
        b->task->n_jacobians[row] = m->jacobians[l];
    }
}
