"""Errors about solving and fitting (codes N…)."""

from .base import WorkbenchError


class NumericsError(WorkbenchError):
    """A solve or a fit has no finite result; the message names the time, the component and the trajectory."""

    code = "N001"


class GradientUnavailable(WorkbenchError):
    """The gradient that was asked for cannot be had from this solver or dynamics; the message names those that can."""

    code = "N002"


class NoFiniteSolution(NumericsError):
    """The model has no finite solution at some unknowns; an optimizer refuses such a point and tries a nearer one."""

    code = "N010"


class FitFailed(NumericsError):
    """A fit ended without any finite solution of its model; the last commit of its run, if any, is kept."""

    code = "N011"


class SolveFailed(NumericsError):
    """A solve that was asked for by itself did not reach its end; the message gives its status, time and component."""

    code = "N012"


class TimesOutOfOrder(NumericsError):
    """The times of a solve do not go one way from its start, or lie before it; they may decrease, but not turn."""

    code = "N050"


class ShapeOfRhs(NumericsError):
    """A right-hand side returned something of another shape than its state."""

    code = "N051"


class RhsUnreadable(NumericsError):
    """A callable gives no dy/dt of the shape of y, whether it is called with one state or with several rows."""

    code = "N052"


class StepWithoutError(NumericsError):
    """A step function that is to choose its own steps gives no estimate of their error; a fixed step needs none."""

    code = "N053"


class ShapeOfEvent(NumericsError):
    """An event's function returned something else than one number for each state."""

    code = "N054"


class EventsUnavailable(NumericsError):
    """This solver looks for no events, or not in this way; the message says what does."""

    code = "N055"


class NotSeparable(NumericsError):
    """A splitting method was given a system that does not fall into positions and momenta, each moved by the other."""

    code = "N060"


class AdjointAstray(UserWarning):
    """The adjoint's solve backwards in time came back far from the states of the solve: its gradient is not to be
    trusted.
    """

    @staticmethod
    def said(error: float, bound: float) -> str:
        """The warning in words, for a relative error of the states and the bound that it is above."""
        return (
            f"solved backwards, the states are off by {error:.2g} of their size (above {bound:.2g}): the adjoint "
            "gradient is not to be trusted; take gradient discrete, or forward where a solver has none"
        )
