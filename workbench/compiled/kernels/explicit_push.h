/* Forward sensitivities of explicit Runge–Kutta steps: S = dy/d(y0, p), N_STATES by N_COLUMNS, on the mesh that was
   taken. */


typedef struct {
    R s[N_STATES][N_COLUMNS], stage[N_STATES][N_COLUMNS];
    R slope[N_ALL][N_STATES][N_COLUMNS];
    R fy[N_STATES][N_STATES], fp[N_STATES][ROOM_P];
    REAL by_weights[N_STATES][AT_LEAST_1(N_PARAMETERS)];
    Net gnet;
} Sensitivities;

/* f_y and f_p at a stage: by formulas, or row by row where there are networks (one trajectory at a time). */
INLINE void stage_jacobian(const Block *b, const At *at, const Tape *tape, Sensitivities *m)
{
#if N_NETWORKS == 0
    core_jacobian(at, tape->y, tape->z, m->fy, m->fp);
#else
    for (int i = 0; i < N_STATES; i++) {
        R unit[N_STATES];
        clear(unit, N_STATES);
        unit[i] = SPLAT(1);
        clear(m->fy[i], N_STATES);
        clear(m->fp[i], N_SCALARS);
        memset(&m->gnet, 0, sizeof(Net));
        memset(m->by_weights[i], 0, sizeof m->by_weights[i]);
        rhs_vjp(b->net, at, tape, unit, m->fy[i], m->fp[i], &m->gnet);
        net_unpack(&m->gnet, m->by_weights[i]);
    }
#endif
}

static void push_block(Block *b, Sensitivities *m, Tape *tape)
{
    const Task *task = b->task;
    int64_t longest = 0, time[LANES], steps[LANES], n[LANES];
    memset(m, 0, sizeof *m);
    for (int i = 0; i < N_STATES; i++)
        m->s[i][i] = SPLAT(1);
    for (int l = 0; l < LANES; l++) {
        steps[l] = b->live[l] ? task->plan_steps[b->row[l]] : 0;
        longest = steps[l] > longest ? steps[l] : longest;
        time[l] = 0;
        for (; b->live[l] && time[l] < observations(b, l) && observed_tau(b, l, time[l]) == 0; time[l]++)
            for (int i = 0; i < N_STATES; i++)
                ((REAL *)task->by)[((b->row[l] * task->times + time[l]) * N_STATES + i) * N_COLUMNS + i] = 1;
    }
    for (int64_t j = 0; j < longest; j++) {
        Taken taken = {0};
        int inside = 0;
        for (int l = 0; l < LANES; l++)
            n[l] = j < steps[l] ? j : -1;
        take(b, n, &taken);
        for (int l = 0; l < LANES; l++)
            if (n[l] >= 0 && time[l] < observations(b, l))
                inside |= observed_tau(b, l, time[l]) < task->plan[b->row[l] * task->plan_width + j + 1];
        const int last_stage = (inside ? N_ALL : N_END_WEIGHTS) - 1;
        R k[N_ALL][N_STATES], state[N_STATES], u[AT_LEAST_1(N_INPUTS)];
        for (int s = 0; s <= last_stage; s++) {
            stage_state(s, taken.y, taken.step, k, state);
            const At at = at_node(b, taken.tau, taken.h, method_c[s], u, 0);
            rhs(b->net, &at, state, k[s], tape);
            stage_jacobian(b, &at, tape, m);
            for (int i = 0; i < N_STATES; i++)
                stage_columns(s, m->s[i], taken.step, i, m->slope, m->stage[i]);
            for (int i = 0; i < N_STATES; i++) {
                R *to = m->slope[s][i];
                for (int q = 0; q < N_COLUMNS; q++)
                    to[q] = m->fy[i][0] * m->stage[0][q];
                for (int e = 1; e < N_STATES; e++)
                    for (int q = 0; q < N_COLUMNS; q++)
                        to[q] += m->fy[i][e] * m->stage[e][q];
                for (int q = 0; q < N_SCALARS; q++)
                    to[N_STATES + scalar_places[q]] += m->fp[i][q];
                if (N_NETWORKS)
                    for (int q = 0; q < N_PARAMETERS; q++)
                        to[N_STATES + q] += SPLAT(m->by_weights[i][q]);
            }
        }
        for (int l = 0; l < LANES; l++) {
            if (n[l] < 0)
                continue;
            const double end = task->plan[b->row[l] * task->plan_width + j + 1];
            for (; time[l] < observations(b, l) && observed_tau(b, l, time[l]) <= end; time[l]++) {
                const double at = observed_tau(b, l, time[l]);
                REAL w[N_ALL] = {0}, *out = (REAL *)task->by;
                out += (b->row[l] * task->times + time[l]) * N_STATES * N_COLUMNS;
                if (at == end)
                    for (int s = 0; s < N_END_WEIGHTS; s++)
                        w[s] = (REAL)method_b[s];
                else
                    method_weights((at - taken.tau[l]) / taken.h[l], w);
                for (int i = 0; i < N_STATES; i++)
                    for (int q = 0; q < N_COLUMNS; q++) {
                        REAL change = 0;
                        for (int s = 0; s <= last_stage; s++)
                            change += w[s] * LANE(m->slope[s][i][q], l);
                        out[i * N_COLUMNS + q] = LANE(m->s[i][q], l) + LANE(taken.step, l) * change;
                    }
            }
        }
        for (int i = 0; i < N_STATES; i++)
            for (int q = 0; q < N_COLUMNS; q++) {
                R change = SPLAT(0);
                for (int s = 0; s < N_END_WEIGHTS; s++)
                    if (method_b[s] != 0)
                        change += (REAL)method_b[s] * m->slope[s][i][q];
                m->s[i][q] += taken.step * change;
            }
    }
}
