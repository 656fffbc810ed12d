/* Explicit Runge–Kutta steps. The coefficients are printed before this file: stage_state, stage_back, step_end,
   step_end_back, step_errors, method_c, method_weights. */

#define N_PER_STEP (N_OWN - 1)
#define JACOBIANS(b, l) 0 /* taken in the last step */
#define N_FIRST_BUT_END (N_FIRST - 1)

struct Kept {
    char nothing;
};

/* f at a node of the step; `stage_slope` is written out where it is called, `slope_at` is called. */
INLINE void stage_slope(Block *b, const double *tau, const double *h, int s, const R *y, R *k, Tape *tape)
{
    R u[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, tau, h, method_c[s], u, 0);
    rhs(b->net, &at, y, k, tape);
}

CALLED void slope_at(Block *b, const double *tau, const double *h, double c, const R *y, R *k, Tape *tape)
{
    R u[AT_LEAST_1(N_INPUTS)];
    const At at = at_node(b, tau, h, c, u, 0);
    rhs(b->net, &at, y, k, tape);
}

/* Fills k[1 …], y1 and the error estimates, given k[0]. */
CALLED void method_step(Block *b, const double *tau, const double *h, R step, const R *y, R (*k)[N_STATES], R *y1,
                        R (*errors)[N_STATES], Tape *tapes)
{
    UNROLL_STAGES
    for (int s = 1; s < N_OWN; s++) {
        stage_state(s, y, step, k, y1);
        stage_slope(b, tau, h, s, y1, k[s], tapes + s);
    }
    if (!CLOSED)
        step_end(y, step, k, y1);
    step_errors(step, k, errors);
}

CALLED void method_close(Block *b, const double *tau, const double *h, const R *y1, R (*k)[N_STATES], Tape *tapes)
{
    slope_at(b, tau, h, method_c[N_FIRST - 1], y1, k[N_FIRST - 1], tapes + N_FIRST - 1);
}

CALLED void method_more(Block *b, const double *tau, const double *h, const R *y, R (*k)[N_STATES], Tape *tape)
{
    double signed_h[LANES];
    R stage[N_STATES];
    for (int l = 0; l < LANES; l++)
        signed_h[l] = b->sign[l] * h[l];
    for (int s = N_FIRST; s < N_ALL; s++) {
        stage_state(s, y, from_doubles(signed_h), k, stage);
        slope_at(b, tau, h, method_c[s], stage, k[s], tape);
    }
}
