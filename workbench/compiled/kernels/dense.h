/* Dense layers: vectorised over units for one trajectory (dense_units.h), else over trajectories (dense_lanes.h).

   For a layer of either kind ("wide", or "narrow" with few outputs) those files have
     dense_KIND         z = b + W x
     dense_KIND_back    gx = W' g
     dense_KIND_grad    gw and gb get g x' and g
     dense_KIND_pack    from the flat parameters, matrix (output, input) and biases, to w, rows and b as they are kept
     dense_KIND_unpack  adds gw and gb to flat gradients
   and the sizes KIND_WEIGHTS, KIND_ROWS and KIND_SUMS of w, of rows and of gw. Arrays of units hold E. */

#if LANES == 1
#include "dense_units.h"
#else
#include "dense_lanes.h"
#endif

/* Activations: a and, where it does not follow from a, the slope d at z. */
INLINE void act_tanh(V z, V *a, V *d) { *a = V_tanh(z); *d = (V){0}; }
INLINE V slope_tanh(V a, V d) { (void)d; return (REAL)1 - a * a; }
INLINE void act_relu(V z, V *a, V *d) { *a = V_select(z > (V){0}, z, (V){0}); *d = (V){0}; }
INLINE V slope_relu(V a, V d) { (void)d; return V_select(a > (V){0}, (V){0} + (REAL)1, (V){0}); }
INLINE void act_softplus(V z, V *a, V *d) { *a = V_softplus(z); *d = V_sigmoid(z); }
INLINE V slope_softplus(V a, V d) { (void)a; return d; }
INLINE void act_silu(V z, V *a, V *d)
{
    const V s = V_sigmoid(z);
    *a = z * s;
    *d = s * ((REAL)1 + z * V_sigmoid(-z));
}
INLINE V slope_silu(V a, V d) { (void)a; return d; }
INLINE void act_sin(V z, V *a, V *d) { *a = V_sin(z); *d = V_cos(z); }
INLINE V slope_sin(V a, V d) { (void)a; return d; }
