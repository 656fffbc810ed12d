"""What a stranger ships on a bad day: it needs a library that is not there."""

import a_library_that_nobody_has  # noqa: F401

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers():
    return [Offer("never", dict, "never seen")]
