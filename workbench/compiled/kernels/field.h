/* What f depends on beside y: t, inputs, covariates and the parameters that formulas use. */

typedef struct {
    R t;
    const R *u, *c, *p;
    const R *du; /* slopes of the inputs, where a method asks for them */
} At;

INLINE void clear(R *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = SPLAT(0);
}
