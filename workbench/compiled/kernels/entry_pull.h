/* What is called from Python: the way back over the steps of some rows. */

EXPORT int workbench_pull(const Task *task, int64_t first, int64_t last)
{
    Net *net = aligned(sizeof(Net));
    Sums *gnet = aligned(sizeof(Sums));
    Tape *tapes = task->tapes ? (Tape *)task->tapes : aligned((N_ALL + 2) * sizeof(Tape));
    struct Kept *kept = aligned(sizeof(struct Kept));
    int result = net && gnet && tapes && kept ? 0 : 1;
    if (!result) {
        memset(net, 0, sizeof(Net));
        memset(kept, 0, sizeof(struct Kept));
        memset(gnet, 0, sizeof(Sums));
        net_pack(net, (const REAL *)task->p);
    }
    for (int64_t place = first; place < last && !result; place += LANES) {
        Block block;
        block_begin(&block, task, net, place);
        if (N_NETWORKS && task->p_stride) {
            net_pack(net, (const REAL *)task->p + block.row[0] * task->p_stride);
            memset(gnet, 0, sizeof(Sums));
        }
        block.kept = kept;
        pull_block(&block, tapes, N_NETWORKS ? gnet : 0);
        if (N_NETWORKS && task->p_stride)
            net_unpack(gnet, (REAL *)task->g_p + block.row[0] * N_PARAMETERS);
    }
    if (!result && N_NETWORKS && !task->p_stride)
        net_unpack(gnet, (REAL *)task->g_p);
    free(net);
    free(kept);
    free(gnet);
    if (!task->tapes)
        free(tapes);
    return result;
}
