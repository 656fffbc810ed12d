/* Sensitivities along the steps that were taken, whatever the method: how they begin, where the next step is, and what
   is written at observations. `Sensitivities` holds s, those at the step's start, and slope, those of the stages. */

typedef struct {
    int64_t longest, steps[LANES], time[LANES], number[LANES]; /* steps of each lane; its next observation; its step */
} Progress;

/* The identity at the start, also in what is observed there. */
static void begin_columns(const Block *b, Sensitivities *m, Progress *progress)
{
    const Task *task = b->task;
    memset(m, 0, sizeof *m);
    progress->longest = 0;
    for (int i = 0; i < N_STATES; i++)
        m->s[i][i] = SPLAT(1);
    for (int l = 0; l < LANES; l++) {
        int64_t *time = &progress->time[l];
        progress->steps[l] = b->live[l] ? task->plan_steps[b->row[l]] : 0;
        if (progress->steps[l] > progress->longest)
            progress->longest = progress->steps[l];
        *time = 0;
        for (; b->live[l] && *time < observations(b, l) && observed_tau(b, l, *time) == 0; ++*time)
            for (int i = 0; i < N_STATES; i++)
                ((REAL *)task->by)[((b->row[l] * task->times + *time) * N_STATES + i) * N_COLUMNS + i] = 1;
    }
}

INLINE double step_end_tau(const Block *b, int l, int64_t number)
{
    return b->task->plan[b->row[l] * b->task->plan_width + number + 1];
}

/* Takes step j of every lane that has one; whether an observation lies inside of any. */
static int next_columns(Block *b, Progress *progress, int64_t j, Taken *taken)
{
    int inside = 0;
    for (int l = 0; l < LANES; l++)
        progress->number[l] = j < progress->steps[l] ? j : NO_STEP - 1;
    take(b, progress->number, taken);
    for (int l = 0; l < LANES; l++)
        if (progress->number[l] >= 0 && progress->time[l] < observations(b, l))
            inside |= observed_tau(b, l, progress->time[l]) < step_end_tau(b, l, j);
    return inside;
}

/* Writes the sensitivities at the observations up to the step's end. */
static void write_columns(const Block *b, const Taken *taken, Progress *progress, const Sensitivities *m)
{
    const Task *task = b->task;
    for (int l = 0; l < LANES; l++) {
        if (progress->number[l] < 0)
            continue;
        const double end = step_end_tau(b, l, progress->number[l]);
        for (int64_t *time = &progress->time[l]; *time < observations(b, l) && observed_tau(b, l, *time) <= end; ++*time) {
            const double at = observed_tau(b, l, *time);
            REAL w[N_ALL], *out = (REAL *)task->by + (b->row[l] * task->times + *time) * N_STATES * N_COLUMNS;
            if (at == end)
                for (int s = 0; s < N_ALL; s++)
                    w[s] = (REAL)method_b[s];
            else
                method_weights((at - taken->tau[l]) / taken->h[l], w);
            for (int i = 0; i < N_STATES; i++)
                for (int q = 0; q < N_COLUMNS; q++) {
                    REAL change = 0;
                    for (int s = 0; s < N_ALL; s++)
                        if (w[s] != 0)
                            change += w[s] * LANE(m->slope[s][i][q], l);
                    out[i * N_COLUMNS + q] = LANE(m->s[i][q], l) + LANE(taken->step, l) * change;
                }
        }
    }
}
