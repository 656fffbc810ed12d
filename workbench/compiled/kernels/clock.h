/* Whether the time that a task was given is over. */

static int late(const Task *task)
{
    struct timespec now;
    if (task->deadline <= 0)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec >= task->deadline;
}
