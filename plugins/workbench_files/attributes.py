"""Attributes of HDF5 data sets that are safe to read: those of fixed length."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain_attributes(dataset: Any) -> dict[str, Any]:
    """The attributes of fixed length: numbers, and text as the netCDF library writes it."""
    from h5py import h5a, h5t

    found = {}
    for index in range(h5a.get_num_attrs(dataset.id)):
        attribute = h5a.open(dataset.id, index=index)
        kind = attribute.get_type()
        text = kind.get_class() == h5t.STRING and not kind.is_variable_str()
        if text or kind.get_class() in (h5t.INTEGER, h5t.FLOAT):
            name = attribute.name.decode("utf-8", "replace")
            value = np.asarray(dataset.attrs[name]).reshape(-1)
            if value.size:
                found[name] = value[0].decode("utf-8", "replace") if text else value[0]
    return found
