/* Rosenbrock steps: (I/γ − hJ) k_i = f(t + α_i h, y + h Σ a_ij k_j) + Σ c_ij k_j + γ_i h f_t, with J and f_t at the
   step's start (Hairer & Wanner, Solving ODEs II, IV.7, 7.25). The coefficients are printed before this file:
   stage_state, stage_others, step_end, step_errors, method_c, method_fresh, method_gammas, method_weights.

   The slopes of a step are f at its start, the stages k_i, and f at its end. */

#include "lu.h"

#define N_FIRST_BUT_END (N_FIRST - 1)
#define JACOBIANS(b, l) ((b)->kept->fresh[l])

/* What is kept from try to try: J and f_t of a state from which a shorter step may be tried. */
struct Kept {
    R fy[N_STATES][N_STATES]; /* by columns; entries that are always 0 are never written */
    R ft[N_STATES];
    R y[N_STATES];
    double tau[LANES];
    int known, fresh[LANES]; /* whether J was taken anew for the last try */
    Lu lu;
};

/* f at a node of the step; `stage_slope` is written out where it is called, unless f is long; `slope_at` is called. */
INLINE void stage_slope(Block *b, const double *tau, const double *h, double c, const R *y, R *k, Tape *tape)
{
    R u[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, tau, h, c, u, 0);
    rhs(b->net, &at, y, k, tape);
}

CALLED void slope_at(Block *b, const double *tau, const double *h, double c, const R *y, R *k, Tape *tape)
{
    stage_slope(b, tau, h, c, y, k, tape);
}

/* J and f_t at the step's start, inputs moving. */
INLINE void jacobian_at(Block *b, const double *tau, const double *h, const R *y, Tape *tape, R (*fy)[N_STATES], R *ft)
{
    R u[AT_LEAST_1(N_INPUTS)], du[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, tau, h, 0, u, du);
    rhs_jacobian(b->net, &at, y, tape, fy, ft);
}

/* Notes in which lanes the state is another than J was taken at; returns whether there is any. */
INLINE int is_new(const Block *b, struct Kept *kept, const double *tau, const R *y)
{
    int any = 0;
    for (int l = 0; l < LANES; l++) {
        int same = kept->known && kept->tau[l] == tau[l];
        for (int i = 0; i < N_STATES; i++)
            same &= LANE(kept->y[i], l) == LANE(y[i], l);
        kept->fresh[l] = !same;
        any |= !same && b->live[l];
    }
    return any;
}

INLINE void pencil(R step, R (*fy)[N_STATES], Lu *lu)
{
    OVER_STATES
    for (int j = 0; j < N_STATES; j++) {
        OVER_STATES
        for (int i = 0; i < N_STATES; i++)
            lu->a[j][i] = -step * fy[j][i];
        lu->a[j][j] += SHIFT;
    }
    lu_factor(lu);
}

/* The stages k of a step, given f at its start and the factors of I/γ − hJ. Kept if wanted are the `states` at which f
   was evaluated, and its tapes, `apart` from each other by 1 (by 0: only the last). */
INLINE void step_stages(Block *b, const double *tau, const double *h, R step, const R *y, const R *start, const R *ft,
                        const Lu *lu, R (*k)[N_STATES], R (*states)[N_STATES], Tape *tapes, int apart)
{
    (void)ft;
    UNROLL_STAGES
    for (int s = 0; s < N_STAGES; s++) {
        R inner[N_STATES], *state = states ? states[s] : inner;
        if (method_fresh[s]) {
            stage_state(s, y, step, k, state);
            if (WRITTEN_OUT)
                stage_slope(b, tau, h, method_c[s + 1], state, k[s], tapes + s * apart);
            else
                slope_at(b, tau, h, method_c[s + 1], state, k[s], tapes + s * apart);
        } else {
            for (int i = 0; i < N_STATES; i++) {
                state[i] = y[i];
                k[s][i] = start[i];
            }
        }
        stage_others(s, step, k, k[s]);
#if TIMED
        if (method_gammas[s] != 0)
            for (int i = 0; i < N_STATES; i++)
                k[s][i] += (REAL)method_gammas[s] * step * ft[i];
#endif
        lu_solve(lu, k[s]);
    }
}

/* Fills k[1 …], y1 and the error estimates, given k[0]. */
CALLED void method_step(Block *b, const double *tau, const double *h, R step, const R *y, R (*k)[N_STATES], R *y1,
                        R (*errors)[N_STATES], Tape *tapes)
{
    struct Kept *kept = b->kept;
#if N_STATES <= FEW_STATES
    Lu here, *lu = &here;
#else
    Lu *lu = &kept->lu;
#endif
    if (is_new(b, kept, tau, y)) {
        jacobian_at(b, tau, h, y, tapes, kept->fy, kept->ft);
        kept->known = 1;
        for (int l = 0; l < LANES; l++)
            kept->tau[l] = tau[l];
        for (int i = 0; i < N_STATES; i++)
            kept->y[i] = y[i];
    }
    pencil(step, kept->fy, lu);
    step_stages(b, tau, h, step, y, k[0], kept->ft, lu, k + 1, 0, tapes, 0);
    step_end(y, step, k + 1, y1);
    step_errors(step, k + 1, errors);
}

CALLED void method_close(Block *b, const double *tau, const double *h, const R *y1, R (*k)[N_STATES], Tape *tapes)
{
    slope_at(b, tau, h, 1, y1, k[N_FIRST - 1], tapes);
}

INLINE void method_more(Block *b, const double *tau, const double *h, const R *y, R (*k)[N_STATES], Tape *tape)
{
    (void)b, (void)tau, (void)h, (void)y, (void)k, (void)tape; /* dense output needs nothing else */
}
