/* The loop over the steps of a known mesh, with no error control. */

/* All steps. Returns 0 where the mesh is full. */
static int march(Block *b, March *m, Tape *tapes)
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
            go_on(m, l);
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
