"""A recurrent network that reads the observations of a trajectory backwards in time; imports torch."""

from __future__ import annotations

import torch


class Encoder(torch.nn.Module):
    """The mean and log standard deviation of a latent state at a trajectory's beginning, from all that was observed.

    A gated recurrent unit (Cho et al. 2014, arXiv 1406.1078) takes the observations from the last to the first: their
    values, which of them are missing, and how long before the one read last each was made. Chen, Rubanova, Bettencourt
    & Duvenaud (2018), arXiv 1806.07366, section 5 and algorithm 2.
    """

    def __init__(self, channels: int, hidden: int, latent: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.recurrent = torch.nn.GRU(2 * channels + 1, hidden, batch_first=True, dtype=dtype)
        self.out = torch.nn.Linear(hidden, 2 * latent, dtype=dtype)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log deviations (row, latent) of t (row, time), NaN-padded at its end, and y (row, time, channel).

        A value that is NaN is missing; a row needs one time at least, values or none.
        """
        read, lengths = backwards(t, y)
        packed = torch.nn.utils.rnn.pack_padded_sequence(read, lengths, batch_first=True, enforce_sorted=False)
        _, last = self.recurrent(packed)
        mean, log_sd = self.out(last[0]).chunk(2, dim=-1)
        return mean, log_sd


def backwards(t: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the encoder reads (row, time, feature), the last observation first, and how many of each row (row,).

    Features are the values, 0 where missing, then 1 where there is a value, then the time to the observation read
    before.
    """
    lengths = torch.isfinite(t).sum(dim=1)
    place = lengths[:, None] - 1 - torch.arange(t.shape[1])
    inside = place >= 0
    place = place.clamp(min=0)
    times = torch.gather(t, 1, place)
    values = torch.gather(y, 1, place[:, :, None].expand(-1, -1, y.shape[2]))
    seen = torch.isfinite(values) & inside[:, :, None]
    gaps = torch.zeros_like(times)
    gaps[:, 1:] = times[:, :-1] - times[:, 1:]
    parts = [torch.where(seen, values, 0.0), seen.to(values.dtype), torch.where(inside, gaps, 0.0)[:, :, None]]
    return torch.cat(parts, dim=-1), lengths
