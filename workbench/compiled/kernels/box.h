/* A convex quadratic within bounds: the step of a least-squares method that must not leave its box. */

typedef struct {
    int64_t n, ld;
    const double *a, *damp, *g;  /* a (n, n), of which the whole holds; what is added to its diagonal; the gradient */
    double *low, *high;          /* of the step: low ≤ 0 ≤ high */
    double *s, *target, *factor; /* the step; where it tends to; (n, n) */
    int64_t *free;
    int8_t *held;
} Box;

/* target[free] of the least point with the others held; 0 where a is not positive definite. */
BUSY int least_of_free(Box *b)
{
    int64_t m = 0;
    for (int64_t i = 0; i < b->n; i++)
        if (!b->held[i])
            b->free[m++] = i;
    for (int64_t i = 0; i < m; i++) {
        const double *row = b->a + b->free[i] * b->ld;
        if (m == b->n)
            memcpy(b->factor + i * b->ld, row, (size_t)b->n * sizeof(double));
        else
            for (int64_t j = i; j < m; j++)
                b->factor[i * b->ld + j] = row[b->free[j]];
        b->factor[i * b->ld + i] += b->damp[b->free[i]];
        double pull = b->g[b->free[i]];
        if (m < b->n)
            for (int64_t j = 0; j < b->n; j++)
                pull += b->held[j] ? row[j] * b->s[j] : 0;
        b->target[i] = -pull;
    }
    if (!cholesky(m, b->factor, b->ld))
        return 0;
    cholesky_solve(m, b->factor, b->ld, b->target);
    return 1;
}

/* Goes towards the target until a bound is met, and holds what meets it. Returns whether some did. */
CALLED int go_and_hold(Box *b)
{
    int64_t m = 0;
    double share = 1;
    for (int64_t i = 0; i < b->n; i++) {
        if (b->held[i])
            continue;
        const double move = b->target[m++] - b->s[i], room = move > 0 ? b->high[i] - b->s[i] : b->low[i] - b->s[i];
        if (move != 0)
            share = fmin(share, room / move);
    }
    int met = 0;
    m = 0;
    for (int64_t i = 0; i < b->n; i++) {
        if (b->held[i])
            continue;
        const double move = b->target[m++] - b->s[i], bound = move > 0 ? b->high[i] : b->low[i];
        const int meets = move != 0 && share < 1 && (bound - b->s[i]) / move <= share;
        b->s[i] = meets ? bound : fmin(fmax(b->s[i] + share * move, b->low[i]), b->high[i]);
        b->held[i] = (int8_t)meets;
        met |= meets;
    }
    return met;
}

/* Frees the held entry whose leaving the bound lowers the value most. Returns whether there is one. */
CALLED int let_go(Box *b)
{
    int64_t worst = -1;
    double most = 0;
    for (int64_t i = 0; i < b->n; i++) {
        if (!b->held[i] || !(b->low[i] < b->high[i]))
            continue;
        const double slope = b->g[i] + b->damp[i] * b->s[i] + dot(b->n, b->a + i * b->ld, b->s);
        const double wrong = b->s[i] <= b->low[i] ? -slope : slope;
        if (wrong > most) {
            most = wrong;
            worst = i;
        }
    }
    if (worst >= 0)
        b->held[worst] = 0;
    return worst >= 0;
}

/* s with least ½ sᵀ(a + damp)s + gᵀs by active sets (Nocedal & Wright 2006, algorithm 16.3); 0 where there is none. */
CALLED int least_in_box(Box *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        b->s[i] = 0;
        b->held[i] = (b->low[i] >= 0 && b->g[i] > 0) || (b->high[i] <= 0 && b->g[i] < 0);
    }
    for (int64_t turn = 0; turn < 3 * b->n + 10; turn++) {
        if (!least_of_free(b))
            return 0;
        if (!go_and_hold(b) && !let_go(b))
            break;
    }
    return 1;
}
