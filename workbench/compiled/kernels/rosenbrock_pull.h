/* The discrete adjoint of Rosenbrock steps, on the mesh that was taken. The stages hold J and f_t, so that second
   derivatives of f come in: see engine/rosenbrock_stages.py. */

#include "rosenbrock_back.h"

/* gᵀ∂f/∂(y, p) at a node of the step, into gy and the sums. */
INLINE void slope_back(Block *b, const Taken *taken, double c, const Tape *tape, const R *g, R *gy, Back *back, Sums *gnet)
{
    R u[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, taken->tau, taken->h, c, u, 0);
    rhs_vjp(b->net, &at, tape, g, gy, back->gp, gnet);
}

CALLED void slope_back_at(Block *b, const Taken *taken, double c, const Tape *tape, const R *g, R *gy, Back *back,
                          Sums *gnet)
{
    slope_back(b, taken, c, tape, g, gy, back, gnet);
}

/* What λ and the parameters get through J and f_t: gs are the cotangents of the right sides of the stages. */
#if N_NETWORKS == 0
static void second_back(Block *b, const Taken *taken, const Step *step, R (*gs)[N_STATES], Back *back, Sums *gnet)
{
    R u[AT_LEAST_1(N_INPUTS)], du[AT_LEAST_1(N_INPUTS)], g[AT_LEAST_1(N_ENTRIES + N_TIMES)];
    const At at = at_node(b, taken->tau, taken->h, 0, u, du);
    (void)gnet, (void)gs, (void)step, (void)g;
    for (int e = 0; e < N_ENTRIES; e++) {
        g[e] = gs[0][entry_row[e]] * step->k[0][entry_column[e]];
        for (int s = 1; s < N_STAGES; s++)
            g[e] += gs[s][entry_row[e]] * step->k[s][entry_column[e]];
        g[e] *= taken->step;
    }
    for (int e = N_ENTRIES; e < N_ENTRIES + N_TIMES; e++) {
        g[e] = SPLAT(0);
        for (int s = 0; s < N_STAGES; s++)
            if (method_gammas[s] != 0)
                g[e] += (REAL)method_gammas[s] * gs[s][entry_row[e]];
        g[e] *= taken->step;
    }
    second_vjp(&at, taken->y, 0, g, back->lambda, back->gp, 0);
}
#else
/* As many directions as there are stages or, if they are fewer, states: J gets Σ gs_s k_sᵀ, row by row. */
static void second_back(Block *b, const Taken *taken, const Step *step, R (*gs)[N_STATES], Back *back, Sums *gnet)
{
    TangentTape tape;
    R u[AT_LEAST_1(N_INPUTS)], du[AT_LEAST_1(N_INPUTS)], c[N_ALONG];
    const At at = at_node(b, taken->tau, taken->h, 0, u, du);
    for (int d = 0; d < (N_STATES < N_STAGES ? N_STATES : N_STAGES); d++) {
        R w[N_STATES], g[N_STATES], tau = SPLAT(0);
        clear(w, N_STATES);
        clear(g, N_STATES);
        if (N_STATES < N_STAGES) {
            g[d] = SPLAT(1);
            for (int s = 0; s < N_STAGES; s++) {
                for (int j = 0; j < N_STATES; j++)
                    w[j] += gs[s][d] * step->k[s][j];
                tau += (REAL)(TIMED * method_gammas[s]) * gs[s][d];
            }
        } else {
            tau = SPLAT(TIMED * method_gammas[d]);
            for (int j = 0; j < N_STATES; j++) {
                g[j] = gs[d][j];
                w[j] = step->k[d][j];
            }
        }
        for (int j = 0; j < N_STATES; j++)
            w[j] *= taken->step;
        const At there = along(&at, w, tau * taken->step, c);
        tangent(b->net, &there, taken->y, &tape);
        tangent_vjp(b->net, &there, &tape, g, back->lambda, back->gp, gnet);
    }
}
#endif

/* Back over one step: from λ at its end, and the cotangents of its slopes (f at the start, the stages, f at the end), to
   λ at its start. */
static void back_over(Block *b, const Taken *taken, Step *step, Back *back, int inside, Sums *gnet)
{
    R gs[N_STAGES][N_STATES], gy[N_STATES];
    R (*gk)[N_STATES] = back->gk + 1;
    if (END_WEIGHED && inside) {
        step_end(taken->y, taken->step, step->k, step->end);
        slope_at(b, taken->tau, taken->h, 1, step->end, step->end, step->tapes + N_STAGES + 1);
        clear(gy, N_STATES);
        slope_back_at(b, taken, 1, step->tapes + N_STAGES + 1, back->gk[N_ALL - 1], gy, back, gnet);
        for (int i = 0; i < N_STATES; i++)
            back->lambda[i] += gy[i];
        step_end_back(taken->step, gy, gk);
    }
    UNROLL_STAGES
    for (int s = N_STAGES - 1; s >= 0; s--) {
        for (int i = 0; i < N_STATES; i++)
            gs[s][i] = gk[s][i];
        lu_solve_transposed(&b->kept->lu, gs[s]);
        clear(gy, N_STATES);
        if (method_fresh[s] && WRITTEN_OUT)
            slope_back(b, taken, method_c[s + 1], step->tapes + s, gs[s], gy, back, gnet);
        else if (method_fresh[s])
            slope_back_at(b, taken, method_c[s + 1], step->tapes + s, gs[s], gy, back, gnet);
        for (int i = 0; i < N_STATES; i++) {
            back->lambda[i] += gy[i];
            if (!method_fresh[s])
                back->gk[0][i] += gs[s][i]; /* f at the start */
        }
        stage_back(s, taken->step, gy, gs[s], gk);
    }
    second_back(b, taken, step, gs, back, gnet);
    slope_back_at(b, taken, 0, step->tapes + N_STAGES, back->gk[0], back->lambda, back, gnet);
}

/* Goes back over the steps: gys → g_y0, and g_p added to `g_p`. */
static void pull_block(Block *b, Tape *tapes, Sums *gnet)
{
    Back back;
    Step step = {.tapes = tapes};
    for (int64_t left = back_begin(b, &back); left > 0; left--) {
        Taken taken = {0};
        const int inside = back_next(b, &back);
        take(b, back.n, &taken);
        step_end_back(taken.step, back.lambda, back.gk + 1);
        for (int i = 0; i < N_STATES; i++)
            back.lambda[i] += back.start[i];
        step_again(b, &taken, &step, 1);
        back_over(b, &taken, &step, &back, inside, gnet);
    }
    back_end(b, &back);
}
