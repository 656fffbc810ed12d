/* What is called from Python: some rows of a task, block by block. */

/* Where several threads share a task each has its own places [first, last) in the order of rows. Returns 0, 1 (no memory) or 2 (mesh full). */
EXPORT int workbench_solve(const Task *task, int64_t first, int64_t last)
{
    const int64_t own = task->tapes ? task->width * N_FIRST_BUT_END + N_ALL + 2 : N_ALL + 2;
    Net *net = aligned(sizeof(Net));
    Tape *tapes = task->tapes ? (Tape *)task->tapes : aligned((size_t)own * sizeof(Tape));
    March *lanes = aligned(sizeof(March));
    struct Kept *kept = aligned(sizeof(struct Kept));
    int result = net && tapes && lanes && kept ? 0 : 1;
    if (!result && task->tapes == 0)
        memset(tapes, 0, (size_t)own * sizeof(Tape));
    if (!result) {
        memset(net, 0, sizeof(Net));
        memset(lanes, 0, sizeof(March));
        net_pack(net, (const REAL *)task->p);
    }
    for (int64_t place = first; place < last && !result; place += LANES) {
        Block block;
        block_begin(&block, task, net, place);
        if (N_NETWORKS && task->p_stride)
            net_pack(net, (const REAL *)task->p + block.row[0] * task->p_stride);
        memset(kept, 0, sizeof(struct Kept));
        block.kept = kept;
        if (!march(&block, lanes, tapes))
            result = 2;
    }
    free(net);
    free(lanes);
    free(kept);
    if (!task->tapes)
        free(tapes);
    return result;
}

EXPORT int64_t workbench_tape_bytes(int64_t width)
{
    return (int64_t)sizeof(Tape) * (width * N_FIRST_BUT_END + N_ALL + 2);
}
