/* A Rosenbrock step once more, with all that its derivatives need. */

typedef struct {
    R start[N_STATES], end[N_STATES];          /* f at the step's start; the state at its end */
    R k[N_STAGES][N_STATES], states[N_STAGES][N_STATES];
    Tape *tapes;                               /* one a stage, then one of the start and one of the end */
} Step;

/* Takes the step again: the stages, and the factors of I/γ − hJ in kept->lu. With `apart` every stage has its own tape. */
static void step_again(Block *b, const Taken *taken, Step *step, int apart)
{
    struct Kept *kept = b->kept;
    jacobian_at(b, taken->tau, taken->h, taken->y, step->tapes + N_STAGES * apart, kept->fy, kept->ft);
    pencil(taken->step, kept->fy, &kept->lu);
    slope_at(b, taken->tau, taken->h, 0, taken->y, step->start, step->tapes + N_STAGES * apart);
    step_stages(b, taken->tau, taken->h, taken->step, taken->y, step->start, kept->ft, &kept->lu, step->k, step->states,
                step->tapes, apart);
}

#define N_ALONG (N_COVARIATES + N_STATES + 1 + N_INPUTS)

/* The arguments of the tangent graph: the directions w and τ stand behind the covariates, and du τ behind them. */
INLINE At along(const At *at, const R *w, R tau, R *c)
{
    At out = *at;
    for (int j = 0; j < N_COVARIATES; j++)
        c[j] = at->c[j];
    for (int i = 0; i < N_STATES; i++)
        c[N_COVARIATES + i] = w[i];
    c[N_COVARIATES + N_STATES] = tau;
    for (int j = 0; j < N_INPUTS; j++)
        c[N_COVARIATES + N_STATES + 1 + j] = tau * at->du[j];
    out.c = c;
    return out;
}
