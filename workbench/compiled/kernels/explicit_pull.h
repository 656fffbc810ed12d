/* The discrete adjoint of explicit Runge–Kutta steps, on the mesh that was taken (Hager 2000, Numer. Math. 87,
   247–282). */

/* f at a step's end is f at the start of the next one, and is gone back through with that. */
#define SHARED (CLOSED && N_ALL == N_FIRST && N_INPUTS == 0)

/* Goes back over the steps: gys → g_y0, and g_p added to `g_p`. */
static void pull_block(Block *b, Tape *tapes, Sums *gnet)
{
    const Task *task = b->task;
    Back back;
    R ahead[N_STATES], k[N_ALL][N_STATES]; /* `ahead` belongs to f at the step's end, from the step after */
    const int64_t longest = back_begin(b, &back);
    clear(ahead, N_STATES);
    for (int64_t j = 0; longest && j < longest + SHARED; j++) {
        Taken taken = {0};
        const int inside = back_next(b, &back), shared = SHARED && j > 0, behind = j == longest;
        take(b, back.n, &taken);
        step_end_back(taken.step, back.lambda, back.gk);
        for (int i = 0; i < N_STATES; i++) {
            back.lambda[i] += back.start[i];
            back.gk[N_FIRST - 1][i] += ahead[i];
        }
        const int stages = behind ? 0 : shared ? N_FIRST - 1 : inside ? N_ALL : N_END_WEIGHTS;
        Tape *own = task->tapes ? tapes + back.n[0] * N_FIRST_BUT_END : tapes;
        const int turned = !task->tapes && SHARED && j % 2; /* the start's tape is where the end's was */
        R u[AT_LEAST_1(N_INPUTS)];
#define TAPE(s) (own + (turned && (s) == 0 ? N_FIRST - 1 : turned && (s) == N_FIRST - 1 ? 0 : (s)))
        if (!task->tapes) {
            R stage[N_STATES];
            UNROLL_STAGES
            for (int s = 0; s < N_ALL; s++) {
                if (s >= stages)
                    break;
                stage_state(s, taken.y, taken.step, k, stage);
                stage_slope(b, taken.tau, taken.h, s, stage, k[s], TAPE(s));
            }
        }
        UNROLL_STAGES
        for (int s = N_ALL - 1; s >= SHARED; s--) {
            if (s >= stages && !(shared && s == N_FIRST - 1))
                continue;
            R gy[N_STATES];
            clear(gy, N_STATES);
            const At at = at_node(b, taken.tau, taken.h, method_c[s], u, 0);
            rhs_vjp(b->net, &at, TAPE(s), back.gk[s], gy, back.gp, gnet);
            for (int i = 0; i < N_STATES; i++)
                back.lambda[i] += gy[i];
            stage_back(s, taken.step, gy, back.gk);
        }
        for (int i = 0; SHARED && i < N_STATES; i++)
            ahead[i] = back.gk[0][i];
    }
    back_end(b, &back);
}
