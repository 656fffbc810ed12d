/* How a march over steps begins, for LANES trajectories side by side; march_adaptive.h or march_follow.h goes on.

   Every trajectory has its own time, step and status. A method (explicit.h, rosenbrock.h) brings method_step,
   method_close, method_more and method_weights. */

/* The lane at the end of its step, where the next one begins. */
INLINE void go_on(March *m, int l)
{
    m->tau[l] = m->tau1[l];
    for (int i = 0; i < N_STATES; i++) {
        LANE(m->y[i], l) = LANE(m->y1[i], l);
        LANE(m->k[0][i], l) = LANE(m->k[N_FIRST - 1][i], l);
    }
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
