"""A frozen random network that finds wrong labels without any pretraining, and that training can improve.

Random zero-mean filters, both signs kept, pooled on a coarse grid: one such layer is a strong feature for a
linear classifier (Coates, Lee and Ng 2011; Saxe et al. 2011).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SCRATCH", "SCRATCH_SIZE_PX", "RandomFilters"]

SCRATCH = "scratch"
SCRATCH_SIZE_PX = 64
_SEED = 20_18


class RandomFilters(nn.Module):
    """Random filters → both signs → pooling on a grid.

    Parameters
    ----------
    filters : int
        Filters of each size.
    sizes_px : tuple of int
        Side lengths of the filters.
    grid : int
        Cells of the pooling grid along one side.
    """

    def __init__(self, *, filters: int = 32, sizes_px: tuple[int, ...] = (7,), grid: int = 4) -> None:
        super().__init__()
        self.grid = grid
        random = torch.Generator().manual_seed(_SEED)
        self.banks = nn.ModuleList()
        for size_px in sizes_px:
            bank = nn.Conv2d(3, filters, size_px, stride=2, padding=size_px // 2, bias=False)
            weight = torch.randn(bank.weight.shape, generator=random)
            weight -= weight.mean(dim=(2, 3), keepdim=True)
            bank.weight.data = weight / weight.flatten(1).norm(dim=1)[:, None, None, None]
            self.banks.append(bank)

    def forward(self, batch: Tensor) -> Tensor:
        """Return features, float32, shape ``(n, feature_dim)``."""
        # Local contrast: what differs from the neighbourhood, in units of the picture's own contrast.
        local = batch - functional.avg_pool2d(batch, 9, stride=1, padding=4, count_include_pad=False)
        local = local / (local.flatten(1).std(dim=1)[:, None, None, None] + 0.1)
        colours = functional.adaptive_avg_pool2d(batch, self.grid).flatten(1)
        features = [0.1 * colours]
        for bank in self.banks:
            answer = bank(local)
            both = torch.cat([functional.relu(answer - 0.5), functional.relu(-answer - 0.5)], dim=1)
            features.append(functional.adaptive_avg_pool2d(both, self.grid).flatten(1).sqrt())
        return torch.cat(features, dim=1)
