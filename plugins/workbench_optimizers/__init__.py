"""Optimizers: ways to lower an objective, each resumable from its state."""

from workbench import Offer, hookimpl


@hookimpl
def offer_optimizers() -> list[Offer]:
    from .offers import adam, adamw, lbfgs, least_squares, levenberg_marquardt, rmsprop

    return [
        Offer("levenberg-marquardt", levenberg_marquardt, "damped Gauss–Newton steps", "Moré (1978), LNM 630, 105–116"),
        Offer("least-squares", least_squares, "SciPy's trust region reflective", "Branch, Coleman & Li (1999)"),
        Offer("lbfgs", lbfgs, "limited-memory quasi-Newton", "Liu & Nocedal (1989), Math. Prog. 45, 503–528"),
        Offer("adam", adam, "adaptive moments", "Kingma & Ba (2015), arXiv 1412.6980"),
        Offer("adamw", adamw, "adam with decoupled weight decay", "Loshchilov & Hutter (2019), arXiv 1711.05101"),
        Offer(
            "rmsprop", rmsprop, "gradients over their running root mean square", "Tieleman & Hinton (2012), lecture 6.5"
        ),
    ]
