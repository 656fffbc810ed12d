"""Where a network may be called."""

from __future__ import annotations

from ..errors.usage import UsageError


def require_device(device: str) -> None:
    """Raises UsageError where torch has no such device here; for the CPU torch is not asked, nor loaded."""
    if device == "cpu":
        return
    import torch

    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"there is no device {device!r}", help="--device cpu or cuda") from error
    if found.type != "cuda":
        raise UsageError(f"a network is fitted on the CPU or by CUDA, not on {device!r}", help="--device cpu or cuda")
    count = torch.cuda.device_count()
    if (found.index or 0) >= count:
        here = f"torch finds {count} here" if torch.version.cuda else "this torch was built without CUDA"
        raise UsageError(f"there is no device {device!r}: {here}", help="leave --device out")
