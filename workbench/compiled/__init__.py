"""The compiled engine: a graph and a method become one C file for each purpose, built once, and called by ctypes.

No torch here, and nothing that a user wrote reaches the compiler: identifiers are generated. `Kernel` is the compiled
library of a graph and a method, `Handle` a solve at given times, `Solved` what it found. They are loaded on first use:
`workbench.compiled.build` alone needs no NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..on_first_use import on_first_use

if TYPE_CHECKING:
    from .choose import MANY as MANY
    from .choose import allowed_threads as allowed_threads
    from .choose import compilable as compilable
    from .choose import march_of as march_of
    from .choose import printable as printable
    from .handle import Handle as Handle
    from .handle import Solved as Solved
    from .kernel import Kernel as Kernel
    from .kernel import March as March
    from .kernel import fitted_by as fitted_by
    from .pieces import Pieces as Pieces

MODULES = {
    **dict.fromkeys(("MANY", "allowed_threads", "compilable", "march_of", "printable"), ".choose"),
    "Handle": ".handle",
    "Solved": ".handle",
    **dict.fromkeys(("Kernel", "March", "fitted_by"), ".kernel"),
    "Pieces": ".pieces",
}

__getattr__, __dir__ = on_first_use(__name__, MODULES)
