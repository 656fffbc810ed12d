"""The leapfrog method for separable systems."""

from workbench.engine import Splitting

LEAPFROG = Splitting(
    name="leapfrog",
    order=2,
    kicks=["1/2", "1/2"],
    drifts=["1"],
    summary="Störmer–Verlet, symplectic: for q' = f(p), p' = g(q) only, over long times",
    source="Verlet (1967), Phys. Rev. 159, 98–103",
)
