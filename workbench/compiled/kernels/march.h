/* The adaptive loop over steps, and the loop over a known mesh, for LANES trajectories side by side.

   Every trajectory has its own time, step and status. A method (explicit.h, rosenbrock.h) brings method_step,
   method_close, method_more and method_weights. The constants of control are those of engine/control.py. */

enum { OK, BAD_STATE, BAD_SLOPE, COLLAPSED, TOO_MANY_STEPS, TIME_OUT, MESH_FULL, MESH_SHORT };

/* The first stop beyond τ: a break, or the end. */
INLINE double next_stop(const Block *b, int l, double tau)
{
    double stop = b->end[l];
    for (int64_t i = 0; i < b->task->n_breaks; i++) {
        const double at = b->sign[l] * (b->task->breaks[i] - b->t0[l]);
        if (at > tau && at < stop)
            stop = at;
    }
    return stop;
}

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

static void report(const Block *b, int l, int status, double tau, double h, int64_t steps, const R *y, const R *k)
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
static void report_tried(const Block *b, int l, const R *y1, R (*k)[N_STATES], int n)
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

/* The states and slopes at the start; lanes with nowhere to go, or without a finite start, end here. */
static void begin(Block *b, March *m, const double *ahead, Tape *tape)
{
    for (int l = 0; l < LANES; l++) {
        const int64_t row = b->row[l];
        for (int i = 0; i < N_STATES; i++)
            LANE(m->y[i], l) = ((const REAL *)b->task->y0)[row * N_STATES + i];
        m->tau[l] = m->h[l] = m->tried[l] = m->tau1[l] = 0;
        m->steps[l] = m->next[l] = m->rejected[l] = m->rhs[l] = m->jacobians[l] = 0;
        m->clipped[l] = m->accept[l] = 0;
        if (!b->live[l])
            continue;
        b->task->mesh[row * b->task->width] = 0;
        if (b->task->keep)
            for (int i = 0; i < N_STATES; i++)
                ((REAL *)b->task->states)[row * b->task->width * N_STATES + i] = LANE(m->y[i], l);
        while (m->next[l] < observations(b, l) && observed_tau(b, l, m->next[l]) == 0)
            save_state(b, l, m->next[l]++, m->y);
        if (!lane_finite(m->y, N_STATES, l)) {
            report(b, l, BAD_STATE, 0, 0, 0, m->y, m->y);
            b->live[l] = 0;
        }
        if (!(b->end[l] > 0))
            b->live[l] = 0;
    }
    double twice[LANES];
    for (int l = 0; l < LANES; l++)
        twice[l] = 2 * ahead[l];
    slope_at(b, m->tau, twice, 0, m->y, m->k[0], tape);
    for (int l = 0; l < LANES; l++) {
        m->rhs[l] += b->live[l];
        if (b->live[l] && !lane_finite(m->k[0], N_STATES, l)) {
            report(b, l, BAD_SLOPE, 0, 0, 0, m->y, m->k[0]);
            b->live[l] = 0;
        }
    }
}

/* A first step from the sizes of y, y' and y'' (Hairer, Nørsett & Wanner, Solving ODEs I, II.4). */
static void first_steps(Block *b, March *m, Tape *tape)
{
    const Task *task = b->task;
    R y1[N_STATES], k1[N_STATES];
    double h0[LANES], zero[LANES] = {0}, signed_h[LANES];
    for (int l = 0; l < LANES; l++) {
        const double d0 = lane_norm(b, m->y, m->y, m->y, l), d1 = lane_norm(b, m->k[0], m->y, m->y, l);
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
        const double d1 = lane_norm(b, m->k[0], m->y, m->y, l), d2 = lane_norm(b, k1, m->y, m->y, l) / h0[l];
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

/* Lanes at a stop: the end, or a break, behind which f may be another. */
static void arrive(Block *b, March *m, Tape *tape)
{
    int anew[LANES], some = 0;
    double ahead[LANES];
    for (int l = 0; l < LANES; l++) {
        anew[l] = 0;
        ahead[l] = 0;
        if (!b->live[l] || m->tau[l] < m->stop[l])
            continue;
        if (m->tau[l] >= b->end[l]) {
            b->live[l] = 0;
            continue;
        }
        m->stop[l] = next_stop(b, l, m->tau[l]);
        ahead[l] = 2e-6 * (m->stop[l] - m->tau[l]);
        anew[l] = some = 1;
    }
    if (!some)
        return;
    R k[N_STATES];
    slope_at(b, m->tau, ahead, 0, m->y, k, tape);
    for (int l = 0; l < LANES; l++) {
        if (!anew[l])
            continue;
        m->rhs[l]++;
        for (int i = 0; i < N_STATES; i++)
            LANE(m->k[0][i], l) = LANE(k[i], l);
        if (!lane_finite(k, N_STATES, l)) {
            report(b, l, COLLAPSED, m->tau[l], 0, m->steps[l], m->y, m->k[0]);
            report_tried(b, l, m->y, m->k, 1);
            b->live[l] = 0;
        }
    }
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

static int late(const Task *task)
{
    struct timespec now;
    if (task->deadline <= 0)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec >= task->deadline;
}

/* Steps as long as the tolerance allows. Returns 0 where the mesh is full. */
static int march_adaptive(Block *b, March *m, Tape *tapes)
{
    const Task *task = b->task;
    double ahead[LANES];
    for (int l = 0; l < LANES; l++) {
        m->stop[l] = next_stop(b, l, 0);
        ahead[l] = 1e-6 * m->stop[l];
        m->ceiling[l] = INFINITY;
        m->previous[l] = m->before[l] = log(task->start);
    }
    begin(b, m, ahead, tapes);
    if (!any_live(b)) {
        finish(b, m);
        return 1;
    }
    if (task->first_step > 0)
        for (int l = 0; l < LANES; l++)
            m->h[l] = fmin(fmin(task->first_step, task->cap), m->stop[l]);
    else
        first_steps(b, m, tapes + N_FIRST);
    for (int64_t attempts = 0; any_live(b); attempts++) {
        const int timed = (attempts & 255) == 0 && late(task);
        if (timed || attempts >= task->max_steps) {
            for (int l = 0; l < LANES; l++)
                if (b->live[l]) {
                    report(b, l, timed ? TIME_OUT : TOO_MANY_STEPS, m->tau[l], m->h[l], attempts, m->y, m->k[0]);
                    b->live[l] = 0;
                }
            break;
        }
        int onward[LANES], closing = 0, accepted = 0, refused = 0, ending = 0;
        double signed_h[LANES];
        for (int l = 0; l < LANES; l++) {
            double tau1 = m->tau[l] + m->h[l];
            if (b->t0[l] != 0)
                tau1 = b->sign[l] * ((b->t0[l] + b->sign[l] * tau1) - b->t0[l]);
            m->clipped[l] = m->tau[l] + 1.01 * m->h[l] >= m->stop[l];
            m->tau1[l] = m->clipped[l] ? m->stop[l] : tau1;
            m->tried[l] = m->tau1[l] - m->tau[l];
            if (!b->live[l])
                m->tried[l] = 0;
            signed_h[l] = b->sign[l] * m->tried[l];
        }
        R errors[AT_LEAST_1(N_ERRORS)][N_STATES];
        memset(errors, 0, sizeof errors);
        Tape *tape = task->tapes ? tapes + m->steps[0] * N_FIRST_BUT_END : tapes;
        method_step(b, m->tau, m->tried, from_doubles(signed_h), m->y, m->k, m->y1, errors, tape);
        for (int l = 0; l < LANES; l++) {
            if (!b->live[l]) {
                m->accept[l] = 0;
                continue;
            }
            m->rhs[l] += N_PER_STEP;
            m->jacobians[l] += JACOBIANS(b, l);
            m->error[l] = lane_error(b, m, errors, l);
            m->accept[l] = m->error[l] <= 1;
            onward[l] = m->accept[l] && (!m->clipped[l] || observed_inside(b, m, l));
            closing |= onward[l];
        }
        if (!CLOSED && closing) {
            method_close(b, m->tau, m->tried, m->y1, m->k, tape);
            for (int l = 0; l < LANES; l++)
                if (b->live[l] && onward[l]) {
                    m->rhs[l]++;
                    m->accept[l] = lane_finite(m->k[N_FIRST - 1], N_STATES, l);
                }
        }
        for (int l = 0; l < LANES; l++) {
            if (!b->live[l])
                continue;
            next_step(task, m, l);
            accepted |= m->accept[l];
            refused |= !m->accept[l];
            ending |= m->accept[l] && m->clipped[l];
        }
        if (accepted) {
            if (!record(b, m, m->accept, tape + N_FIRST))
                return 0;
            for (int l = 0; l < LANES; l++) {
                if (!m->accept[l])
                    continue;
                m->tau[l] = m->tau1[l];
                for (int i = 0; i < N_STATES; i++) {
                    LANE(m->y[i], l) = LANE(m->y1[i], l);
                    LANE(m->k[0][i], l) = LANE(m->k[N_FIRST - 1][i], l);
                }
            }
        }
        if (refused)
            for (int l = 0; l < LANES; l++) {
                const double resolved = 16 * DBL_EPSILON * fmax(fabs(b->t0[l]), fmax(m->tau[l], 1e-8 * b->end[l]));
                const double smallest = fmax(task->min_step, resolved);
                if (b->live[l] && !m->accept[l] && m->h[l] < smallest) {
                    report(b, l, COLLAPSED, m->tau[l], smallest, m->steps[l], m->y, m->k[0]);
                    report_tried(b, l, m->y1, m->k, N_OWN);
                    b->live[l] = 0;
                }
            }
        if (ending)
            arrive(b, m, task->tapes ? tapes + m->steps[0] * N_FIRST_BUT_END : tapes);
    }
    finish(b, m);
    return 1;
}

/* The steps of a given mesh, with no error control. */
static int march_follow(Block *b, March *m, Tape *tapes)
{
    const Task *task = b->task;
    double ahead[LANES];
    for (int l = 0; l < LANES; l++) {
        const double *plan = task->plan + b->row[l] * task->plan_width;
        ahead[l] = task->plan_steps[b->row[l]] > 0 ? 0.5 * plan[1] : 0;
        m->stop[l] = b->end[l];
        if (task->plan_steps[b->row[l]] < 1)
            b->end[l] = 0;
    }
    begin(b, m, ahead, tapes);
    for (int64_t number = 0; any_live(b); number++) {
        const int timed = (number & 255) == 0 && late(task);
        if (timed || number >= task->max_steps) {
            for (int l = 0; l < LANES; l++)
                if (b->live[l]) {
                    const double h = task->plan[b->row[l] * task->plan_width + number + 1] - m->tau[l];
                    report(b, l, timed ? TIME_OUT : TOO_MANY_STEPS, m->tau[l], h, number, m->y, m->k[0]);
                    b->live[l] = 0;
                }
            break;
        }
        double signed_h[LANES];
        int last[LANES], onward = 0;
        for (int l = 0; l < LANES; l++) {
            const int64_t place = b->row[l] * task->plan_width + number + 1;
            m->tau1[l] = b->live[l] ? task->plan[place] : m->tau[l];
            m->clipped[l] = b->live[l] ? task->plan_clipped[place] : 0;
            m->tried[l] = m->tau1[l] - m->tau[l];
            last[l] = b->live[l] && number + 1 == task->plan_steps[b->row[l]];
            signed_h[l] = b->sign[l] * m->tried[l];
        }
        R errors[AT_LEAST_1(N_ERRORS)][N_STATES];
        memset(errors, 0, sizeof errors);
        Tape *tape = task->tapes ? tapes + number * N_FIRST_BUT_END : tapes;
        method_step(b, m->tau, m->tried, from_doubles(signed_h), m->y, m->k, m->y1, errors, tape);
        int again = 0;
        for (int l = 0; l < LANES; l++) {
            m->accept[l] = 0;
            if (!b->live[l])
                continue;
            m->rhs[l] += N_PER_STEP;
            m->jacobians[l] += JACOBIANS(b, l);
            m->accept[l] = lane_finite(m->y1, N_STATES, l);
            if (!m->accept[l]) {
                report(b, l, COLLAPSED, m->tau[l], m->tried[l], m->steps[l], m->y, m->k[0]);
                report_tried(b, l, m->y1, m->k, N_OWN);
                b->live[l] = 0;
            }
            const int open = m->accept[l] && ((!last[l] && !m->clipped[l]) || observed_inside(b, m, l));
            onward |= open;
            m->rhs[l] += !CLOSED && open;
            again |= m->accept[l] && m->clipped[l] && !last[l];
        }
        if (!CLOSED && onward)
            method_close(b, m->tau, m->tried, m->y1, m->k, tape);
        if (!record(b, m, m->accept, tape + N_FIRST))
            return 0;
        for (int l = 0; l < LANES; l++) {
            ahead[l] = 0;
            if (!m->accept[l])
                continue;
            m->tau[l] = m->tau1[l];
            for (int i = 0; i < N_STATES; i++) {
                LANE(m->y[i], l) = LANE(m->y1[i], l);
                LANE(m->k[0][i], l) = LANE(m->k[N_FIRST - 1][i], l);
            }
            if (last[l])
                b->live[l] = 0;
            else
                ahead[l] = task->plan[b->row[l] * task->plan_width + number + 2] - m->tau[l];
        }
        if (again) {
            R k[N_STATES];
            slope_at(b, m->tau, ahead, 0, m->y, k, task->tapes ? tapes + (number + 1) * N_FIRST_BUT_END : tapes);
            for (int l = 0; l < LANES; l++)
                if (m->accept[l] && m->clipped[l] && !last[l]) {
                    m->rhs[l]++;
                    for (int i = 0; i < N_STATES; i++)
                        LANE(m->k[0][i], l) = LANE(k[i], l);
                }
        }
    }
    finish(b, m);
    return 1;
}
