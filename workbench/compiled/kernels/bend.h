/* Curvatures of the activations of dense.h, from a unit's sum, its value a and its slope d. */

INLINE V bend_tanh(V z, V a, V d) { (void)z; return (REAL)-2 * a * d; }
INLINE V bend_relu(V z, V a, V d) { (void)z, (void)a, (void)d; return (V){0}; }
INLINE V bend_softplus(V z, V a, V d) { (void)a; return d * V_sigmoid(-z); }
INLINE V bend_silu(V z, V a, V d)
{
    const V up = V_sigmoid(z), down = V_sigmoid(-z);
    (void)a, (void)d;
    return up * down * ((REAL)2 + z * (down - up));
}
INLINE V bend_sin(V z, V a, V d) { (void)z, (void)d; return -a; }
