/* The loop over steps as long as the tolerance allows, between stops: breaks of f, and the end. */

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

/* All steps. Returns 0 where the mesh is full. */
static int march(Block *b, March *m, Tape *tapes)
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
                if (m->accept[l])
                    go_on(m, l);
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
