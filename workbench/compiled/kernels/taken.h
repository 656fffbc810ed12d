/* The steps that were taken, one after the other, for the ways back and forth over them. */

typedef struct {
    double tau[LANES], h[LANES];
    R step, y[N_STATES];
} Taken;

#define NO_STEP -1 /* of a lane that has none: one before a step at its start, were there any */

/* Step number n[l] of every lane. -1 stands at the lane's start, with a step of 0; lanes below do so beside another. */
static void take(Block *b, const int64_t *n, Taken *taken)
{
    const Task *task = b->task;
    double signed_h[LANES] = {0};
    int alive = -1;
    for (int l = 0; l < LANES; l++)
        if (n[l] >= -1)
            alive = l;
    for (int l = 0; l < LANES && alive >= 0; l++) {
        const int from = n[l] >= -1 ? l : alive;
        if (from != l)
            block_mimic(b, l, from);
        const int64_t at = b->row[from] * task->plan_width + (n[from] > 0 ? n[from] : 0);
        taken->tau[l] = task->plan[at];
        taken->h[l] = from == l && n[l] >= 0 ? task->plan[at + 1] - task->plan[at] : 0;
        signed_h[l] = b->sign[l] * taken->h[l];
        for (int i = 0; i < N_STATES; i++)
            LANE(taken->y[i], l) = ((const REAL *)task->states)[at * N_STATES + i];
    }
    taken->step = from_doubles(signed_h);
}
