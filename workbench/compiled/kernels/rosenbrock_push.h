/* Forward sensitivities of Rosenbrock steps: S = dy/d(y0, p), N_STATES by N_COLUMNS, on the mesh that was taken. The
   stages hold J and f_t, so that second derivatives of f come in: see engine/rosenbrock_stages.py. */

#include "rosenbrock_back.h"

#define N_WEIGHTS (N_NETWORKS ? N_PARAMETERS : 0)

/* Derivatives of f, or of f_y w + f_t τ, by y and p; entries that are always 0 are never written. */
typedef struct {
    R by_y[N_STATES][N_STATES], by_p[N_STATES][ROOM_P], by_weights[N_STATES][AT_LEAST_1(N_WEIGHTS)];
} Slopes;

typedef struct {
    R s[N_STATES][N_COLUMNS], stage[N_STATES][N_COLUMNS];
    R slope[N_ALL][N_STATES][N_COLUMNS]; /* f at the start, the stages, f at the end */
    Slopes first, second;
    Sums gnet;
} Sensitivities;

#include "columns.h"

#if N_NETWORKS == 0
INLINE void first_slopes(const Block *b, const At *at, const R *y, Sensitivities *m)
{
    (void)b;
    core_jacobian(at, y, 0, m->first.by_y, m->first.by_p);
}

INLINE void second_slopes(const Block *b, const At *at, const R *y, Sensitivities *m)
{
    (void)b;
    tangent_jacobian(at, y, 0, m->second.by_y, m->second.by_p);
}
#else
/* Row by row as vᵀJ, written by `vjp`; one trajectory at a time (LANES == 1), for weights are summed over lanes. */
#define ROWS_OF(vjp, to)                                                                                               \
    for (int i = 0; i < N_STATES; i++) {                                                                               \
        R unit[N_STATES];                                                                                              \
        clear(unit, N_STATES);                                                                                         \
        clear((to)->by_y[i], N_STATES);                                                                                \
        clear((to)->by_p[i], ROOM_P);                                                                                  \
        clear((to)->by_weights[i], N_PARAMETERS);                                                                      \
        memset(&m->gnet, 0, sizeof(Sums));                                                                              \
        unit[i] = 1;                                                                                                   \
        vjp(b->net, at, &tape, unit, (to)->by_y[i], (to)->by_p[i], &m->gnet);                                          \
        net_unpack(&m->gnet, (to)->by_weights[i]);                                                                     \
    }

CALLED void first_slopes(const Block *b, const At *at, const R *y, Sensitivities *m)
{
    Tape tape;
    R f[N_STATES];
    memset(&tape, 0, sizeof tape);
    rhs(b->net, at, y, f, &tape);
    ROWS_OF(rhs_vjp, &m->first)
}

CALLED void second_slopes(const Block *b, const At *at, const R *y, Sensitivities *m)
{
    TangentTape tape;
    memset(&tape, 0, sizeof tape);
    tangent(b->net, at, y, &tape);
    ROWS_OF(tangent_vjp, &m->second)
}
#endif

/* Adds slopes by y times the columns of x, and slopes by p, to `to`. */
INLINE void add_chain(const Slopes *slopes, R (*x)[N_COLUMNS], R (*to)[N_COLUMNS])
{
    for (int i = 0; i < N_STATES; i++) {
        for (int j = 0; j < N_STATES; j++)
            if (!nothing(slopes->by_y[i][j]))
                for (int q = 0; q < N_COLUMNS; q++)
                    to[i][q] += slopes->by_y[i][j] * x[j][q];
        for (int q = 0; q < N_SCALARS; q++)
            to[i][N_STATES + scalar_places[q]] += slopes->by_p[i][q];
        for (int q = 0; q < N_WEIGHTS; q++)
            to[i][N_STATES + q] += slopes->by_weights[i][q];
    }
}

/* to = from + factor Σ w_j x_j, for n matrices x of sensitivities. */
CALLED EFFORT void sum_columns(R (*to)[N_COLUMNS], R (*from)[N_COLUMNS], R factor, const double *w, int n,
                               R (*x)[N_STATES][N_COLUMNS])
{
    if (to != from)
        memcpy(to, from, N_STATES * sizeof *to);
    for (int j = 0; j < n; j++) {
        const R weight = factor * (REAL)w[j];
        if (w[j] != 0)
            for (int e = 0; e < N_STATES * N_COLUMNS; e++)
                to[0][e] += weight * x[j][0][e];
    }
}

/* The derivative of f at a node of the step, where y moves with the columns of x. */
CALLED EFFORT void slope_columns(Block *b, const Taken *taken, double c, const R *y, R (*x)[N_COLUMNS],
                                 R (*to)[N_COLUMNS], Sensitivities *m)
{
    R u[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, taken->tau, taken->h, c, u, 0);
    first_slopes(b, &at, y, m);
    clear(to[0], N_STATES * N_COLUMNS);
    add_chain(&m->first, x, to);
}

/* Adds the derivative of f_y w + f_t τ at the step's start, with w = h k_s and τ = γ_s h. */
CALLED EFFORT void second_columns(Block *b, const Taken *taken, int s, const R *k, R (*to)[N_COLUMNS], Sensitivities *m)
{
    R u[AT_LEAST_1(N_INPUTS)], du[AT_LEAST_1(N_INPUTS)], c[N_ALONG], w[N_STATES];
    const At at = at_node(b, taken->tau, taken->h, 0, u, du);
    for (int i = 0; i < N_STATES; i++)
        w[i] = taken->step * k[i];
    const At there = along(&at, w, (REAL)(TIMED * method_gammas[s]) * taken->step, c);
    second_slopes(b, &there, taken->y, m);
    add_chain(&m->second, m->s, to);
}

/* Fills the slopes: the equations of the stages, differentiated. */
static void step_columns(Block *b, const Taken *taken, Step *step, int inside, Sensitivities *m)
{
    slope_columns(b, taken, 0, taken->y, m->s, m->slope[0], m);
    for (int s = 0; s < N_STAGES; s++) {
        R(*to)[N_COLUMNS] = m->slope[s + 1];
        if (method_fresh[s]) {
            sum_columns(m->stage, m->s, taken->step, method_a[s], s, m->slope + 1);
            slope_columns(b, taken, method_c[s + 1], step->states[s], m->stage, to, m);
        } else {
            memcpy(to, m->slope[0], sizeof m->slope[0]);
        }
        sum_columns(to, to, SPLAT(1), method_others[s], s, m->slope + 1);
        second_columns(b, taken, s, step->k[s], to, m);
        lu_solve_many(&b->kept->lu, to[0], N_COLUMNS);
    }
    if (END_WEIGHED && inside) {
        sum_columns(m->stage, m->s, taken->step, method_m, N_STAGES, m->slope + 1);
        step_end(taken->y, taken->step, step->k, step->end);
        slope_columns(b, taken, 1, step->end, m->stage, m->slope[N_ALL - 1], m);
    }
}

static void push_block(Block *b, Sensitivities *m, Tape *tapes)
{
    Step step = {.tapes = tapes};
    Progress progress;
    begin_columns(b, m, &progress);
    for (int64_t j = 0; j < progress.longest; j++) {
        Taken taken = {0};
        const int inside = next_columns(b, &progress, j, &taken);
        step_again(b, &taken, &step, 0);
        step_columns(b, &taken, &step, inside, m);
        write_columns(b, &taken, &progress, m);
        sum_columns(m->s, m->s, taken.step, method_m, N_STAGES, m->slope + 1);
    }
}
