/* The way back over the steps that were taken, whatever the method: where each lane is, λ, the cotangents of slopes, and
   what observations add to them. */

typedef struct {
    int64_t n[LANES], time[LANES];     /* the step, as for `take`; the last observation that is still to come */
    R lambda[N_STATES], gp[ROOM_P];
    R gk[N_ALL][N_STATES];             /* cotangents of the slopes within the step */
    R start[N_STATES];                 /* what observations inside the step add to λ at its start */
} Back;

/* Behind the last step of every lane. Returns how many steps there are. */
static int64_t back_begin(const Block *b, Back *back)
{
    const Task *task = b->task;
    int64_t longest = 0;
    memset(back, 0, sizeof *back);
    for (int l = 0; l < LANES; l++) {
        const int64_t n = b->live[l] ? task->plan_steps[b->row[l]] : 0;
        const double last = n ? task->plan[b->row[l] * task->plan_width + n] : 0;
        longest = n > longest ? n : longest;
        back->n[l] = n ? n : NO_STEP;
        back->time[l] = observations(b, l) - 1;
        while (back->time[l] >= 0 && observed_tau(b, l, back->time[l]) > last)
            back->time[l]--;
    }
    return longest;
}

/* What the observations of a lane within its step add: at the end to λ, inside to `start` and gk. */
static int back_observed(const Block *b, Back *back, int l)
{
    const Task *task = b->task;
    const double *plan = task->plan + b->row[l] * task->plan_width + back->n[l];
    const double tau = plan[0], end = plan[1];
    const REAL step = (REAL)(b->sign[l] * (end - tau));
    int inside = 0;
    for (double at; back->time[l] >= 0 && (at = observed_tau(b, l, back->time[l])) > tau; back->time[l]--) {
        const REAL *g = (const REAL *)task->gys + (b->row[l] * task->times + back->time[l]) * N_STATES;
        R *to = at == end ? back->lambda : back->start;
        for (int i = 0; i < N_STATES; i++)
            LANE(to[i], l) += g[i];
        if (at == end)
            continue;
        REAL w[N_ALL];
        method_weights((at - tau) / (end - tau), w);
        for (int s = 0; s < N_ALL; s++)
            for (int i = 0; i < N_STATES; i++)
                LANE(back->gk[s][i], l) += step * w[s] * g[i];
        inside = 1;
    }
    return inside;
}

/* One step back in every lane, to its observations. Returns whether any lies inside a step. */
static int back_next(const Block *b, Back *back)
{
    int inside = 0;
    clear(back->gk[0], N_ALL * N_STATES);
    clear(back->start, N_STATES);
    for (int l = 0; l < LANES; l++)
        if (--back->n[l] >= 0)
            inside |= back_observed(b, back, l);
    return inside;
}

/* At the starts: what is observed there, and the results. */
static void back_end(const Block *b, Back *back)
{
    const Task *task = b->task;
    for (int l = 0; l < LANES; l++) {
        if (!b->live[l])
            continue;
        const int64_t row = b->row[l];
        for (; back->time[l] >= 0; back->time[l]--)
            if (observed_tau(b, l, back->time[l]) == 0)
                for (int i = 0; i < N_STATES; i++)
                    LANE(back->lambda[i], l) += ((const REAL *)task->gys)[(row * task->times + back->time[l]) * N_STATES + i];
        for (int i = 0; i < N_STATES; i++)
            ((REAL *)task->g_y0)[row * N_STATES + i] = LANE(back->lambda[i], l);
        REAL *g_p = (REAL *)task->g_p + (task->p_stride ? row * N_PARAMETERS : 0);
        for (int q = 0; q < N_SCALARS; q++)
            g_p[scalar_places[q]] += LANE(back->gp[q], l);
    }
}
