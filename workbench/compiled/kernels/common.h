/* What all kernels need beside numbers. */

#include <float.h>
#include <stdlib.h>
#include <time.h>

#define CALLED static __attribute__((noinline, unused))
#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN __attribute__((optimize("O1"))) /* long and without loops: more effort costs seconds and gains little */
/* In a file of little effort; the second word makes one instruction of a product and a sum. */
#define BUSY CALLED __attribute__((optimize("O1", "expensive-optimizations")))
#else
#define PLAIN
#define BUSY CALLED
#endif
#if defined(LONG_FILE) && defined(__GNUC__) && !defined(__clang__)
#define EFFORT __attribute__((optimize("O3"))) /* where most time is spent: vectors, though the file is long */
#define LOOPS CALLED EFFORT
#else
#define EFFORT
#define LOOPS INLINE
#endif
#define EXPORT __attribute__((visibility("default")))
#define ALIGNED __attribute__((aligned(64)))
#define AT_LEAST_1(n) ((n) > 0 ? (n) : 1)
#define ROOM_P AT_LEAST_1(N_SCALARS)
#define N_COLUMNS (N_STATES + N_PARAMETERS) /* of the sensitivities: by y0, then by p */

/* Memory for vectors; NULL where there is none. */
static void *aligned(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

/* As fmax and fmin of the C library, which are calls: a NaN gives way to a number. */
INLINE double larger(double a, double b) { return a > b || b != b ? a : b; }
INLINE double smaller(double a, double b) { return a < b || b != b ? a : b; }
#define fmax larger
#define fmin smaller

/* Before log, exp and pow of the C library: they take a hundred times longer while the upper halves of vectors hold
   anything (25 times in all for a small model, eight trajectories side by side). */
INLINE void before_scalars(void)
{
#if LANES > 1 && defined(__AVX__)
    __builtin_ia32_vzeroupper();
#endif
}
