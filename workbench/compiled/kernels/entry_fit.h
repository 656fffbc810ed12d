/* What is called from Python: one fit, from fit->x to its optimum. */

/* Fits one start. Several threads may share a task, each with its own fit. Returns the status, or -1: no memory. */
EXPORT int workbench_fit(const Task *task, const Fit *fit)
{
    Work work;
    int status = -1;
    if (work_begin(&work, task, fit)) {
        work_lay_out(&work);
        status = levenberg_marquardt(&work, fit->x);
        for (int64_t i = 0; i < fit->n; i++)
            fit->gradient[i] = work.g[i];
        for (int64_t i = 0; i < fit->n && fit->hessian; i++)
            memcpy(fit->hessian + i * fit->n, work.hessian + i * work.box.ld, (size_t)fit->n * sizeof(double));
    }
    work_end(&work);
    return status;
}
