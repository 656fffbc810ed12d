/* What is called from Python: sensitivities along the steps of some rows. */

EXPORT int workbench_push(const Task *task, int64_t first, int64_t last)
{
    Net *net = aligned(sizeof(Net));
    Tape *tape = aligned(sizeof(Tape));
    Sensitivities *memory = aligned(sizeof(Sensitivities));
    struct Kept *kept = aligned(sizeof(struct Kept));
    int result = net && tape && memory && kept ? 0 : 1;
    if (!result) {
        memset(net, 0, sizeof(Net));
        memset(kept, 0, sizeof(struct Kept));
        net_pack(net, (const REAL *)task->p);
    }
    for (int64_t place = first; place < last && !result; place += LANES) {
        Block block;
        block_begin(&block, task, net, place);
        if (N_NETWORKS && task->p_stride)
            net_pack(net, (const REAL *)task->p + block.row[0] * task->p_stride);
        block.kept = kept;
        push_block(&block, memory, tape);
    }
    free(net);
    free(kept);
    free(tape);
    free(memory);
    return result;
}
