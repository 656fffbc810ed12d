"""What compiles models on this machine, and what it has built: for doctor and for notebooks."""

from ..compiled.build import working_compiler
from ..compiled.cache import Contents, clear, contents

__all__ = ["Contents", "clear", "contents", "working_compiler"]
