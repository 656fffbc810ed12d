"""Stored chunks: each must decode to the bytes of one chunk, neither less nor more.

HDF5 takes the stored length of a chunk and what its filters give back on trust; a wrong one makes it read beyond its
buffers (one changed byte is enough for a crash). So the guard decodes every compressed chunk once before HDF5 does.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from h5py import h5d, h5z

CHECKSUM = 4  # bytes that fletcher32 adds
MOST = 1_000_000  # chunks of one data set


def stored_chunks(dataset: h5d.DatasetID, chunk: int, filters: Sequence[int], room: int) -> tuple[int, str]:
    """The stored bytes of a chunked data set, and "" or what is wrong with one of its chunks.

    `chunk` is the size of a decoded chunk in bytes, `filters` the codes in the order of writing, and `room` the bytes
    that all chunks together may take.
    """
    found: list[h5d.StoreInfo] = []

    def take(info: h5d.StoreInfo) -> bool | None:
        found.append(info)
        return True if len(found) > MOST else None  # anything but None ends the iteration

    dataset.chunk_iter(take)
    total = sum(info.size for info in found)
    if len(found) > MOST or total > room:
        return total, "claims more stored chunks than the file has room for"
    for info in found:
        used = [code for bit, code in enumerate(filters) if not info.filter_mask >> bit & 1]
        longest = chunk + CHECKSUM * used.count(h5z.FILTER_FLETCHER32)
        if h5z.FILTER_DEFLATE not in used:
            fits = info.size == longest
        else:
            fits = info.size > CHECKSUM and _decodes(dataset.read_direct_chunk(info.chunk_offset)[1], used, chunk)
        if not fits:
            return total, f"has a chunk that does not decode to {chunk} bytes"
    return total, ""


def _decodes(data: bytes, used: Sequence[int], chunk: int) -> bool:
    """The filters, undone in turn, give exactly one chunk."""
    for code in reversed(used):
        if code == h5z.FILTER_FLETCHER32:
            if len(data) < CHECKSUM:
                return False
            data = data[:-CHECKSUM]
        elif code == h5z.FILTER_DEFLATE:
            stream = zlib.decompressobj()
            try:
                data = stream.decompress(data, chunk + CHECKSUM * len(used) + 1)
            except zlib.error:
                return False
            if not stream.eof:
                return False
    return len(data) == chunk
