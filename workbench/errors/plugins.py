"""Errors about plugins and the registry (codes P…)."""

from .base import WorkbenchError


class PluginError(WorkbenchError):
    """A plugin could not be loaded or does not keep its contract; the message names it and its distribution."""

    code = "P001"


class NameClash(PluginError):
    """One name is offered twice; the message names both plugins and their distributions.

    Nothing is renamed and none is preferred. Leave one out with `WORKBENCH_DISABLE_PLUGINS=plugin`, or uninstall it.
    """

    code = "P002"


class PluginFileUnusable(PluginError):
    """A file given with `--plugin FILE` is missing or cannot be loaded, or a file of coefficients describes no method.

    The latter (`*.tableau.toml`) holds name, order, summary, the coefficients that its kind of method needs and nothing
    else. Coefficients are texts ("1/6", "0.161") or whole numbers; the message names the key.
    """

    code = "P003"


class HookUnknown(PluginError):
    """A plugin implements a hook that does not exist; the message names the nearest. Or a hook lacks `@hookimpl`."""

    code = "P004"


class OfferWrong(PluginError):
    """A hook returned something else than a list of offers, or a factory has options that no command line can type.

    The options of `make` are named, annotated and defaulted: bool, int, float, str, Literal or tuples of them, no
    `*args` and no `**kwargs`.
    """

    code = "P005"


class NotMade(PluginError):
    """A plugin's factory failed while making the object that was asked for; the message says with what."""

    code = "P006"


class NothingInstalled(PluginError):
    """No plugin at all is installed, not even the built-in ones: this copy of the workbench was never installed."""

    code = "P007"


class ContractBroken(PluginError):
    """A plugin made an object that lacks what its kind must have; the message names what is missing."""

    code = "P010"


class ExperimentFailed(PluginError):
    """An experiment ended with an error of its own code; the message says with what. Nothing was stored."""

    code = "P011"
