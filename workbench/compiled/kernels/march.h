/* The adaptive loop over steps, and the loop over a known mesh, for LANES trajectories side by side.

   Every trajectory has its own time, step and status. A method (explicit.h, rosenbrock.h) brings method_step,
   method_close, method_more and method_weights. */

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

/* Lanes at a stop: the end, or a break, behind which f may be another. */
SELDOM void arrive(Block *b, March *m, Tape *tape)
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
