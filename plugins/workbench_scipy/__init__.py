"""SciPy's integrators as independent references, and for stiff problems."""

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers() -> list[Offer]:
    from .methods import scipy_bdf, scipy_dop853, scipy_lsoda, scipy_radau

    return [
        Offer(
            "scipy_lsoda",
            scipy_lsoda,
            "switches between Adams and BDF methods by itself",
            "Petzold (1983), SIAM J. Sci. Stat. Comput. 4, 136–148",
        ),
        Offer(
            "scipy_radau",
            scipy_radau,
            "implicit Runge–Kutta method of order 5 for stiff problems",
            "Hairer & Wanner (1996), Solving ODEs II, IV.8",
        ),
        Offer(
            "scipy_bdf",
            scipy_bdf,
            "backward differentiation formulas of order 1 to 5 for stiff problems",
            "Shampine & Reichelt (1997), SIAM J. Sci. Comput. 18, 1–22",
        ),
        Offer(
            "scipy_dop853",
            scipy_dop853,
            "SciPy's own dop853, to compare with",
            "Hairer, Nørsett & Wanner (1993), Solving ODEs I, II.10",
        ),
    ]
