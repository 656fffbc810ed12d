"""A function of torch tensors recorded as the operations that it consists of, and replayed from there.

A module that is called with a few hundred small states spends more on modules, hooks and autograd's graph than on
numbers. What runs in the end is a list of operations, those of derivatives too. Recorded once, they are written out as
Python functions, in which NumPy takes what it does quicker. A recording holds as long as the function does the same
with all values: where Python decides by a value, draws at random or leaves torch on the way, there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from .numpy_kernels import kernel
from .trace import Operations

Outputs = Sequence[torch.Tensor | None]
Function = Callable[..., Iterator[Outputs]]
"""A generator of its inputs: each part of what it does ends with the outputs that it yields."""

Part = Callable[..., tuple[list[Any], list[Any]]]
"""A part replayed: (inputs, what the parts before it have kept) → its outputs, and what it keeps for the next."""

DEPENDING = ("nondeterministic_seeded", "data_dependent_output", "dynamic_output_shape")  # tags of operations
LEAVING = (  # methods of tensors
    "numpy", "__array__", "__dlpack__", "tolist", "data_ptr", "untyped_storage", "storage", "register_hook",
)  # fmt: skip
SAME = ("aten::detach", "aten::alias", "aten::lift_fresh")  # another name for the same numbers
AGREE = {"float64": 1e-10, "float32": 1e-4}  # relative to the largest: but for rounding
MOST_BYTES = 2**28  # of all that a call makes: a recording tells its tensors apart while all are there
PLAIN = (bool, int, float, str, torch.dtype, torch.layout, torch.device)


class Unrecordable(Exception):
    """What the function does depends on more than operations tell."""


class Recording:
    """The operations of a function on tensors of certain shapes, to be replayed on arrays of NumPy."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape
        self._parts: dict[tuple[int, int | None, bool], Callable[..., Any]] = {}

    def bind(self, single: bool = False) -> Callable[..., Part]:
        """(part, outputs) → that part, of which only the first outputs are wanted, or all.

        With what it takes from elsewhere as that is now; all in `single` precision, where the function has double.
        """
        held = [tensor.detach() for tensor in self._tape.held]
        if single:
            held = [tensor.float() if tensor.dtype is torch.float64 else tensor for tensor in held]
        _, fixed = self._part(0, None, single)((), held, [])

        def part(number: int, outputs: int | None = None) -> Part:
            replayed = self._part(number + 1, outputs, single)
            return lambda inputs, kept=fixed: replayed(inputs, held, kept)

        return part

    @property
    def versions(self) -> list[int]:
        """How often each tensor from elsewhere has been changed in place."""
        return [tensor._version for tensor in self._tape.held]

    def _part(self, *which: Any) -> Callable[..., Any]:
        if which not in self._parts:
            self._parts[which] = self._tape.compiled(*which)
        return self._parts[which]


def record(function: Function, inputs: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> Recording | None:
    """The recording of a function of its inputs; None where it does something else with `others` in their place."""
    try:
        first, second = _Tape(function, inputs), _Tape(function, others)
        if not first.like(second):
            return None
        recording = Recording(first)
        first.forget()
        return recording if second.repeated_by(recording) else None
    except Exception:  # the user's code runs: whatever it raises, it raises again where it is called
        return None


class _Calls(Operations):
    """The operations that reach torch's kernels, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self._bytes = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(getattr(torch.Tag, tag) in operation.tags for tag in DEPENDING):
            raise Unrecordable(f"{operation} looks at values")
        found = operation(*args, **kwargs or {})
        self.calls.append((operation, args, kwargs or {}, found))
        made = found if isinstance(found, list | tuple) else [found]
        self._bytes += sum(each.nbytes for each in made if isinstance(each, torch.Tensor))
        if self._bytes > MOST_BYTES:
            raise Unrecordable("it makes too much at once")
        return found


class _Watched(TorchFunctionMode):
    """Refuses what takes numbers out of torch."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") in LEAVING:
            raise Unrecordable(f"{function} leaves torch")
        return function(*args, **kwargs or {})


class Line(NamedTuple):
    """One operation: its text, the names that it makes and uses, and the memory that it changes in place."""

    text: str
    made: tuple[str, ...]
    used: tuple[str, ...]
    changed: frozenset[int] = frozenset()


class _Tape:
    """What one call does, line by line. A value has the name a_… as an array and t_… as a tensor, of one memory."""

    def __init__(self, function: Function, inputs: Sequence[torch.Tensor]) -> None:
        self.held: list[torch.Tensor] = []  # tensors that the function takes from elsewhere: weights, constants
        self.lines: list[list[Line]] = [[]]  # of each part, behind those that depend on no input
        self.results: list[list[str | None]] = [[]]
        self._operations: dict[str, Any] = {}
        self._names: dict[int, str] = {}  # by the tensor
        self._places: dict[Any, str] = {}  # by where it stands
        self._memory: dict[str, int] = {}  # of a name, numbered
        self._numbers: dict[int, int] = {}
        self._known: set[str] = set()  # a_… and t_… that are there
        self._given: set[int] = set()  # memory that is not the function's own
        self._count = 0
        parts: list[tuple[int, Outputs]] = []
        with _Watched(), _Calls() as recorded:
            for outputs in function(*inputs):
                parts.append((len(recorded.calls), outputs))
        self._inputs, self._outputs = inputs, [outputs for _, outputs in parts]
        self._calls = recorded.calls  # alive, so that none of their tensors stands where another one stood
        for i, tensor in enumerate(inputs):
            self._give(tensor, f"i{i}", "a")
        done = 0
        for end, outputs in parts:
            self.lines.append([])
            for call in recorded.calls[done:end]:
                self._write(*call)
            self.results.append([None if out is None else self._as("a", out) for out in outputs])
            done = end
        self._set_apart()

    def _set_apart(self) -> None:
        """The lines that depend on what is held alone go before all parts."""
        changed = frozenset[int]().union(*(line.changed for lines in self.lines for line in lines))
        fixed: set[str] = set()
        for number, lines in enumerate(self.lines[1:], 1):
            rest: list[Line] = []
            for line in lines:
                apart = all(name in fixed or name.startswith("t_h") for name in line.used)
                apart &= bool(line.made) and all(self._memory[name[2:]] not in changed for name in line.made)
                (self.lines[0] if apart else rest).append(line)
                fixed.update(line.made if apart else ())
            self.lines[number] = rest

    def _give(self, tensor: torch.Tensor, name: str, kind: str) -> None:
        """A tensor from outside."""
        self._call(tensor, name)
        self._known.add(f"{kind}_{name}")
        self._given.add(self._memory[name])

    def _call(self, tensor: torch.Tensor, name: str) -> None:
        self._names[id(tensor)] = self._places[_place(tensor)] = name
        where = tensor.untyped_storage().data_ptr()
        self._memory[name] = self._numbers.setdefault(where, len(self._numbers))

    def _name(self, tensor: torch.Tensor) -> str:
        """What autograd has kept of a tensor is another object in the same place."""
        name = self._names.get(id(tensor)) or self._places.get(_place(tensor))
        if name is None:
            if tensor.device.type != "cpu" or tensor.layout is not torch.strided:
                raise Unrecordable(f"a {tensor.layout} tensor on {tensor.device}")
            name = f"h{len(self.held)}"
            self.held.append(tensor)
            self._give(tensor, name, "t")
        return name

    def _as(self, kind: str, tensor: torch.Tensor) -> str:
        """A tensor's name as an array, `a`, or tensor, `t`; where it is only the other so far, a line makes it this."""
        name = self._name(tensor)
        array, other = f"a_{name}", f"t_{name}"
        if f"{kind}_{name}" not in self._known:
            line = Line(f"{array} = {other}.numpy()", (array,), (other,))
            self.lines[-1].append(line if kind == "a" else Line(f"{other} = from_numpy({array})", (other,), (array,)))
            self._known.add(f"{kind}_{name}")
        return f"{kind}_{name}"

    def _write(self, operation: Any, args: Any, kwargs: Any, found: Any) -> None:
        """One operation, as a line."""
        schema = operation._schema
        if schema.name in SAME:
            self._call(found, self._name(args[0]))
            return
        changed = self._changed(operation, args, kwargs)
        quick = None if schema.is_mutable or kwargs else kernel(operation, args, found)
        kind, used = "t" if quick is None else "a", []

        def text(value: Any) -> str:
            if isinstance(value, torch.Tensor):
                used.append(self._as(kind, value))
                return str(used[-1])
            if isinstance(value, list | tuple):
                return f"[{', '.join(map(text, value))}]"
            if value is None or isinstance(value, PLAIN):
                return repr(value)
            if isinstance(value, torch.memory_format):
                return str(value)
            raise Unrecordable(f"{operation} takes {value!r}")

        name = f"{schema.name.replace('::', '_')}_{schema.overload_name}_{kind}"
        if not name.isidentifier():
            raise Unrecordable(f"{operation} has a name that is none in Python")
        self._operations[name] = operation if quick is None else quick
        call = f"{name}({', '.join([text(x) for x in args] + [f'{k}={text(x)}' for k, x in kwargs.items()])})"
        several = isinstance(found, list | tuple)
        made = [self._new(each, kind) for each in (found if several else [found])]
        left = f"[{', '.join(name or '_' for name in made)}]" if several else made[0] or "_"
        self.lines[-1].append(Line(f"{left} = {call}", tuple(name for name in made if name), tuple(used), changed))

    def _new(self, tensor: Any, kind: str) -> str | None:
        """The name of what a line has made; none for what stands there already, written anew."""
        if not isinstance(tensor, torch.Tensor) or id(tensor) in self._names:
            return None
        self._count += 1
        self._call(tensor, str(self._count))
        self._known.add(f"{kind}_{self._count}")
        return f"{kind}_{self._count}"

    def _changed(self, operation: Any, args: Any, kwargs: Any) -> frozenset[int]:
        """The memory that an operation changes in place, which is to be the function's own."""
        found = set()
        for place, argument in enumerate(operation._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                name = self._name(args[place] if place < len(args) else kwargs[argument.name])
                if self._memory[name] in self._given:
                    raise Unrecordable(f"{operation} changes what is not the function's own")
                found.add(self._memory[name])
        return frozenset(found)

    def _kept(self, part: int) -> list[str]:
        """What the parts up to this one have made and later ones use or give."""
        made = {name for lines in self.lines[: part + 1] for line in lines for name in line.made}
        used = {name for lines in self.lines[part + 1 :] for line in lines for name in line.used}
        used.update(name for names in self.results[part + 1 :] for name in names if name is not None)
        return sorted(made & used)

    def source(self, part: int, outputs: int | None) -> str:
        """The text of a part, with nothing kept unless all outputs are wanted; what is not used again is let go."""
        results, kept = self.results[part][:outputs], self._kept(part) if outputs is None else []
        stay = {name for name in (*results, *kept) if name is not None}
        lines, needed = self._needed(part, stay)
        last = {name: number for number, line in enumerate(lines) for name in (*line.made, *line.used)}
        text = [f"[{', '.join(self._kept(part - 1) if part else [])}] = kept"]
        for kind, where in (("a_i", "inputs"), ("t_h", "held")):
            text += [f"{name} = {where}[{name[3:]}]" for name in sorted(needed) if name.startswith(kind)]
        for number, line in enumerate(lines):
            text.append(line.text)
            done = sorted({name for name in (*line.made, *line.used) if last[name] == number} - stay)
            text += [f"del {', '.join(done)}"] if done else []
        text.append(f"return [{', '.join(map(str, results))}], [{', '.join(kept)}]")
        return "\n    ".join(["def replayed(inputs, held, kept):", *text]) + "\n"

    def _needed(self, part: int, wanted: set[str]) -> tuple[list[Line], set[str]]:
        """The lines of a part that make what is wanted, or change it in place, and all names in them."""
        lines, needed = list[Line](), set(wanted)
        memory = {self._memory[name[2:]] for name in wanted}
        for line in reversed(self.lines[part]):
            if not needed.isdisjoint(line.made) or not memory.isdisjoint(line.changed):
                lines.append(line)
                needed.update(line.made, line.used)
                memory.update(self._memory[name[2:]] for name in line.used)
        return lines[::-1], needed

    def like(self, other: _Tape) -> bool:
        """Whether another call did the same, with the very tensors from elsewhere, or with constants made anew."""
        if (self.lines, self.results, len(self.held)) != (other.lines, other.results, len(other.held)):
            return False
        pairs = zip(self.held, other.held, strict=True)
        return all(
            one is another or (one.dtype is another.dtype and torch.equal(one, another)) for one, another in pairs
        )

    def repeated_by(self, recording: Recording) -> bool:
        """Whether a recording gives the outputs of this call."""
        arrays, part = [tensor.detach().numpy() for tensor in self._inputs], recording.bind()
        found, kept = part(0)(arrays)
        for number, outputs in enumerate(self._outputs):
            if number:
                found, kept = part(number)(arrays, kept)
            pairs = [
                (one, other.detach().numpy()) for one, other in zip(found, outputs, strict=True) if other is not None
            ]
            if not all(_close(*pair) for pair in pairs):
                return False
        return True

    def forget(self) -> None:
        """Let go what served to tell tensors apart."""
        self._inputs, self._outputs, self._calls = (), [], []
        self._names, self._places = {}, {}

    def compiled(self, part: int, outputs: int | None, single: bool) -> Callable[..., Any]:
        """A part as a function of its inputs, what is held and what has been kept."""
        text = self.source(part, outputs)
        text = text.replace("torch.float64", "torch.float32") if single else text
        names: dict[str, Any] = {"torch": torch, "device": torch.device, "np": np, "inf": np.inf, "nan": np.nan}
        names |= {"from_numpy": torch.from_numpy, **self._operations}
        exec(compile(text, "<recording>", "exec"), names)
        found: Callable[..., Any] = names["replayed"]
        return found


def _place(tensor: torch.Tensor) -> Any:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether they are the same but for rounding."""
    tolerance = AGREE[other.dtype.name]
    size = np.abs(other[np.isfinite(other)]).max(initial=0.0)
    return one.dtype == other.dtype and np.allclose(one, other, tolerance, tolerance * size, equal_nan=True)
