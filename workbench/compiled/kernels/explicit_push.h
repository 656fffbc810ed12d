/* Forward sensitivities of explicit Runge–Kutta steps: S = dy/d(y0, p), N_STATES by N_COLUMNS, on the mesh that was
   taken. */

typedef struct {
    R s[N_STATES][N_COLUMNS], stage[N_STATES][N_COLUMNS];
    R slope[N_ALL][N_STATES][N_COLUMNS];
    R fy[N_STATES][N_STATES], fp[N_STATES][ROOM_P];
    REAL by_weights[N_STATES][AT_LEAST_1(N_PARAMETERS)];
    Sums gnet;
} Sensitivities;

#include "columns.h"

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
        memset(&m->gnet, 0, sizeof(Sums));
        memset(m->by_weights[i], 0, sizeof m->by_weights[i]);
        rhs_vjp(b->net, at, tape, unit, m->fy[i], m->fp[i], &m->gnet);
        net_unpack(&m->gnet, m->by_weights[i]);
    }
#endif
}

/* From the columns of a stage's state to those of its slope. */
LOOPS void slope_columns(int s, R step, Sensitivities *m)
{
    for (int i = 0; i < N_STATES; i++)
        stage_columns(s, m->s[i], step, i, m->slope, m->stage[i]);
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

static void push_block(Block *b, Sensitivities *m, Tape *tape)
{
    Progress progress;
    begin_columns(b, m, &progress);
    for (int64_t j = 0; j < progress.longest; j++) {
        Taken taken = {0};
        const int inside = next_columns(b, &progress, j, &taken);
        const int last_stage = (inside ? N_ALL : N_END_WEIGHTS) - 1;
        R k[N_ALL][N_STATES], state[N_STATES], u[AT_LEAST_1(N_INPUTS)];
        for (int s = 0; s <= last_stage; s++) {
            stage_state(s, taken.y, taken.step, k, state);
            const At at = at_node(b, taken.tau, taken.h, method_c[s], u, 0);
            rhs(b->net, &at, state, k[s], tape);
            stage_jacobian(b, &at, tape, m);
            slope_columns(s, taken.step, m);
        }
        write_columns(b, &taken, &progress, m);
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
