"""Published experiments, each with its published numbers beside those of this machine."""

from workbench import Offer, hookimpl


@hookimpl
def offer_experiments() -> list[Offer]:
    """One offer an experiment; a folder or file of the same name holds it."""
    from .offers import EXPERIMENTS

    return EXPERIMENTS
