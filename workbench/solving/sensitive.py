"""f with its full Jacobians, for sensitivities: torch seen from NumPy."""

from __future__ import annotations

import numpy as np

from .callables import TorchRhs


class SensitiveRhs(TorchRhs):
    """f on torch tensors with f_y and f_p of every line, by one batched product for all lines and entries."""

    def jacobians(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """f_y (line, entry, entry) and f_p (line, entry, parameter) over flat states."""
        import torch

        from ..engine.torch_products import products

        lines, entries = len(y), int(np.prod(y.shape[1:]))
        f_y = np.zeros((lines, entries, entries), y.dtype)
        f_p = np.zeros((lines, entries, self.n_parameters), y.dtype)
        state, value = self._graph(t, y, row, middle)
        if not value.requires_grad:
            return f_y, f_p
        unit = torch.eye(lines * entries, dtype=value.dtype, device=value.device).reshape(-1, *value.shape)
        g_state, *g_leaves = products(value, [state, *self.leaves], unit)
        every = np.arange(lines)
        f_y[:] = g_state.reshape(lines, entries, lines, entries).cpu().numpy()[every, :, every]
        at = 0
        for leaf, g in zip(self.leaves, g_leaves, strict=True):
            f_p[:, :, at : at + leaf.numel()] = g.reshape(lines, entries, -1).cpu().numpy()
            at += leaf.numel()
        return f_y, f_p
