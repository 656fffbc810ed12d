/* The memory of one fit. */

#define SHORT_MESH 256
#define BY_BYTES (1 << 20) /* of sensitivities, up to which rows are pushed together */
#define LINES 128          /* rows of the Jacobian that are summed at once */

/* `solve` is a task whose pointers lead here. */
typedef struct {
    Task solve;
    const Fit *fit;
    int64_t columns;              /* of the sensitivities: by y0, then by p */
    int64_t by_rows;              /* rows whose sensitivities are held at a time */
    REAL *y0, *p, *ys, *states, *by;
    REAL *mu, *by_y, *by_p;       /* of one row: channels, and their entries */
    double *mesh, *failure;       /* `failure` lends its first entries to whatever a solve reports */
    int64_t *counts;
    uint8_t *clipped;
    double *x, *value, *slope;    /* x tried last; physical, and its derivative by x */
    double *lines, *square;       /* rows of the Jacobian with the residual behind, and their sums of squares */
    int64_t *column, *unknown, *local; /* of the entries of a line: of the sensitivities; in x; and back */
    double *hessian, *g, *scale, *damp, *tried;
    Box box;
} Work;

/* Memory for the steps, four times that of before. */
CALLED int longer_mesh(Work *w)
{
    Task *task = &w->solve;
    if (task->plan && task->width)
        return 0; /* a mesh to replay has its length */
    const int64_t rows = task->rows, width = task->plan ? task->plan_width : task->width ? 4 * task->width : SHORT_MESH;
    free(w->mesh);
    free(w->clipped);
    free(w->states);
    task->width = width;
    w->mesh = aligned((size_t)(rows * width) * sizeof(double));
    w->clipped = aligned((size_t)(rows * width));
    w->states = aligned((size_t)(rows * width * w->fit->n_states) * sizeof(REAL));
    task->mesh = w->mesh;
    task->clipped = w->clipped;
    task->states = w->states;
    return w->mesh && w->clipped && w->states;
}

CALLED void *some(int64_t n, size_t each)
{
    return aligned((size_t)AT_LEAST_1(n) * each);
}

/* Doubles and integers behind each other in one piece of memory each. */
CALLED int work_begin(Work *w, const Task *task, const Fit *fit)
{
    const int64_t rows = task->rows, n = fit->n, d = fit->n_states, columns = d + fit->n_parameters;
    memset(w, 0, sizeof *w);
    w->solve = *task;
    w->fit = fit;
    w->columns = columns;
    w->solve.keep = 1;
    w->solve.tapes = 0;
    w->solve.order = 0;
    w->solve.p_stride = 0;
    w->solve.width = 0;
    const int64_t each = task->times * d * columns * (int64_t)sizeof(REAL);
    w->by_rows = (BY_BYTES / AT_LEAST_1(each) / fit->lanes + 1) * fit->lanes;
    w->by_rows = w->by_rows < rows ? w->by_rows : rows;
    w->y0 = some(rows * d, sizeof(REAL));
    w->p = some(fit->n_parameters, sizeof(REAL));
    w->ys = some(rows * task->times * d, sizeof(REAL));
    w->mu = some(task->times * (fit->channels + fit->n_by_y + fit->n_by_p), sizeof(REAL));
    w->by = some(w->by_rows * each, 1);
    w->failure = some(rows * (2 + 3 * d), sizeof(double));
    w->counts = some(rows * 6, sizeof(int64_t));
    w->x = some(11 * n, sizeof(double));
    w->column = some(3 * columns + 2 * n, sizeof(int64_t));
    const int64_t most = columns < n ? columns : n;
    w->lines = some((LINES + 1) * padded(most + 1), sizeof(double));
    w->square = matrix(most + 1);
    w->hessian = matrix(n);
    w->box.factor = matrix(n);
    w->box.held = some(n, 1);
    return longer_mesh(w) && w->y0 && w->p && w->ys && w->mu && w->by && w->failure && w->counts && w->x && w->column && w->lines &&
           w->square && w->hessian && w->box.factor && w->box.held;
}

/* Where each array begins. */
CALLED void work_lay_out(Work *w)
{
    const int64_t rows = w->solve.rows, n = w->fit->n;
    Task *task = &w->solve;
    int64_t **counts[] = {&task->n_steps, &task->n_rejected, &task->n_rhs, &task->n_jacobians, &task->status,
                          &task->failure_steps};
    for (int i = 0; i < 6; i++)
        *counts[i] = w->counts + i * rows;
    task->failure_tau = w->failure;
    task->failure_h = w->failure + rows;
    double **states[] = {&task->failure_y, &task->failure_k, &task->failure_tried};
    for (int i = 0; i < 3; i++)
        *states[i] = w->failure + rows * (2 + i * w->fit->n_states);
    double **own[] = {&w->x, &w->value, &w->slope, &w->g, &w->scale, &w->damp, &w->tried, &w->box.low, &w->box.high, &w->box.s,
                      &w->box.target};
    double *at = w->x;
    for (int i = 0; i < 11; i++)
        *own[i] = at + i * n;
    memset(w->scale, 0, (size_t)n * sizeof(double));
    w->unknown = w->column + w->columns;
    w->local = w->unknown + w->columns;
    w->box.free = w->local + w->columns;
    w->by_y = w->mu + task->times * w->fit->channels;
    w->by_p = w->by_y + task->times * w->fit->n_by_y;
    task->y0 = w->y0;
    task->p = w->p;
    task->ys = w->ys;
    w->box.n = n;
    w->box.ld = padded(n);
    w->box.a = w->hessian;
    w->box.damp = w->damp;
    w->box.g = w->g;
}

CALLED void work_end(Work *w)
{
    void *every[] = {w->y0, w->p, w->ys, w->mu, w->by, w->failure, w->counts, w->x, w->column, w->lines, w->square, w->hessian,
                     w->box.factor, w->box.held, w->mesh, w->clipped, w->states};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++)
        free(every[i]);
}
