"""What a call of a torch function does, and what it leaves behind, to be held against another call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

TENSOR = object()  # stands before the number of one


class Operations(TorchDispatchMode):
    """Sees every operation that reaches torch's kernels."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch's own switch; to leave its compiler out, it would first import it, which takes 1 s


class Trace(Operations):
    """What a call does, to be held against another: operations, their numbers, and the tensors from elsewhere.

    Two calls with the same trace, of as many rows, do the same with other values. Tensors are numbered as they are met:
    what autograd has kept of one is another object in the same place.
    """

    def __init__(self, call: Callable[..., object], *inputs: torch.Tensor) -> None:
        super().__init__()
        self._met: dict[int, int] = {}
        self._places: dict[int, int] = {}
        self._alive: list[Any] = []  # so that none stands where another one stood
        self.operations: list[Any] = []
        self.held: list[torch.Tensor] = []
        for tensor in inputs:
            self._meet(tensor)
        with self:
            call(*inputs)
        self.flags = [tensor.requires_grad for tensor in self.held]
        self._met, self._places, self._alive = {}, {}, []

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations.append(operation)
        self._tell(args)
        if kwargs:
            self.operations.extend(kwargs)
            self._tell(kwargs.values())
        found = operation(*args, **kwargs or {})
        self._meet(found)
        return found

    def _tell(self, values: Iterable[Any]) -> None:
        told, met = self.operations, self._met
        for value in values:
            if isinstance(value, torch.Tensor):
                number = met.get(id(value))
                if number is None and (number := self._places.get(value.data_ptr())) is None:
                    self.held.append(value)
                    number = self._meet(value)
                told += TENSOR, number
            elif isinstance(value, list | tuple):
                told.append(len(value))
                self._tell(value)
            else:
                told.append(value)

    def _meet(self, found: Any) -> int:
        number = len(self._alive)
        self._alive.append(found)
        several = found if isinstance(found, list | tuple) else (found,)
        for each in several:
            if isinstance(each, torch.Tensor):
                self._met[id(each)] = self._places[each.data_ptr()] = number
        return number

    def same(self, other: Trace) -> bool:
        """Whether another call did the same; constants made anew are the same where they hold the same."""
        if self.operations != other.operations or self.flags != other.flags:
            return False
        for one, another, flag in zip(self.held, other.held, self.flags, strict=True):
            if one is not another and (flag or one.dtype is not another.dtype or not torch.equal(one, another)):
                return False
        return True


def way_back(value: torch.Tensor, start: torch.Tensor) -> tuple[list[Any], bool]:
    """torch's graph behind a value, node by node with its leaves but `start`, and whether Python has a part in it.

    What torch's own nodes do follows from what the operations before them did; hooks and nodes in Python are free.
    """
    nodes, numbers, told, own = [value.grad_fn], dict[Any, int](), list[Any](), False
    for node in nodes:
        told.append(type(node))
        variable = getattr(node, "variable", None)
        if variable is not None:
            told.append(0 if variable is start else id(variable))
            own |= bool(variable._backward_hooks)
        own |= isinstance(node, torch._C._FunctionBase)
        for parent, place in node.next_functions if node is not None else ():
            if parent is not None and parent not in numbers:
                numbers[parent] = len(nodes)
                nodes.append(parent)
            told += numbers.get(parent), place
    return told, own
