/* The discrete adjoint of explicit Runge–Kutta steps, on the mesh that was taken (Hager 2000, Numer. Math. 87,
   247–282). */

/* Goes back over the steps: gys → g_y0, and g_p added to `g_p`. */
static void pull_block(Block *b, Tape *tapes, Net *gnet)
{
    const Task *task = b->task;
    int64_t n[LANES], time[LANES], longest = 0;
    R lambda[N_STATES], gp[AT_LEAST_1(N_SCALARS)], gk[N_ALL][N_STATES], k[N_ALL][N_STATES];
    int used_all = 0;
    clear(lambda, N_STATES);
    clear(gp, AT_LEAST_1(N_SCALARS));
    for (int l = 0; l < LANES; l++) {
        n[l] = b->live[l] ? task->plan_steps[b->row[l]] : 0;
        longest = n[l] > longest ? n[l] : longest;
        const double last = n[l] ? task->plan[b->row[l] * task->plan_width + n[l]] : 0;
        time[l] = observations(b, l) - 1;
        while (time[l] >= 0 && observed_tau(b, l, time[l]) > last)
            time[l]--;
    }
    for (int64_t j = 0; j < longest; j++) {
        Taken taken = {0};
        for (int l = 0; l < LANES; l++)
            n[l]--;
        take(b, n, &taken);
        used_all = 0;
        for (int s = 0; s < N_ALL; s++)
            clear(gk[s], N_STATES);
        step_end_back(taken.step, lambda, gk);
        for (int l = 0; l < LANES; l++) {
            if (n[l] < 0)
                continue;
            const double end = task->plan[b->row[l] * task->plan_width + n[l] + 1];
            while (time[l] >= 0 && observed_tau(b, l, time[l]) > taken.tau[l]) {
                const REAL *g = (const REAL *)task->gys + (b->row[l] * task->times + time[l]) * N_STATES;
                const double at = observed_tau(b, l, time[l]);
                REAL w[N_ALL] = {0};
                if (at == end) {
                    for (int s = 0; s < N_END_WEIGHTS; s++)
                        w[s] = (REAL)method_b[s];
                } else {
                    method_weights((at - taken.tau[l]) / taken.h[l], w);
                    used_all = 1;
                }
                const REAL step = LANE(taken.step, l);
                for (int i = 0; i < N_STATES; i++) {
                    LANE(lambda[i], l) += g[i];
                    for (int s = 0; s < N_ALL; s++)
                        LANE(gk[s][i], l) += step * w[s] * g[i];
                }
                time[l]--;
            }
        }
        const int last_stage = (used_all ? N_ALL : N_END_WEIGHTS) - 1;
        Tape *own = task->tapes ? tapes + n[0] * N_FIRST_BUT_END : tapes;
        R u[AT_LEAST_1(N_INPUTS)];
        if (!task->tapes) {
            R stage[N_STATES];
            UNROLL_STAGES
            for (int s = 0; s < N_ALL; s++) {
                if (s > last_stage)
                    break;
                stage_state(s, taken.y, taken.step, k, stage);
                stage_slope(b, taken.tau, taken.h, s, stage, k[s], own + s);
            }
        }
        UNROLL_STAGES
        for (int s = N_ALL - 1; s >= 0; s--) {
            if (s > last_stage)
                continue;
            R gy[N_STATES];
            clear(gy, N_STATES);
            const At at = at_node(b, taken.tau, taken.h, method_c[s], u, 0);
            rhs_vjp(b->net, &at, own + s, gk[s], gy, gp, gnet);
            for (int i = 0; i < N_STATES; i++)
                lambda[i] += gy[i];
            stage_back(s, taken.step, gy, gk);
        }
    }
    for (int l = 0; l < LANES; l++) {
        if (!b->live[l])
            continue;
        const int64_t row = b->row[l];
        for (; time[l] >= 0; time[l]--)
            if (observed_tau(b, l, time[l]) == 0)
                for (int i = 0; i < N_STATES; i++)
                    LANE(lambda[i], l) += ((const REAL *)task->gys)[(row * task->times + time[l]) * N_STATES + i];
        for (int i = 0; i < N_STATES; i++)
            ((REAL *)task->g_y0)[row * N_STATES + i] = LANE(lambda[i], l);
        REAL *g_p = (REAL *)task->g_p + (task->p_stride ? row * N_PARAMETERS : 0);
        for (int q = 0; q < N_SCALARS; q++)
            g_p[scalar_places[q]] += LANE(gp[q], l);
    }
}
