"""The processes that train one network together, one for each GPU, when ``torchrun`` has started them."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cleaner.errors import TrainingError

_HASH_DIGITS = 15  # of an int64


class Team:
    """All processes of a training, seen from one of them; alone unless ``torchrun`` has started several.

    Attributes
    ----------
    rank : int
        Number of this process, from 0. The first one reports and writes files.
    size : int
        How many there are.
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        if self.size > 1 and not dist.is_initialized():
            on_gpus = torch.cuda.is_available()
            if on_gpus:  # from here on, "cuda" is the GPU of this process
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("nccl" if on_gpus else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def joined(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Return the model so that its gradients become the mean over all processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(
            model, device_ids=[torch.cuda.current_device()] if device.type == "cuda" else None
        )

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes what the first one has in these tensors, in place."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    def agreed(self, decision: bool, device: torch.device) -> bool:
        """Return the decision of the first process, so that all do the same."""
        shared = torch.tensor(int(decision), device=device)
        self.share([shared])
        return bool(shared)

    def require_same(self, fingerprint: str, device: torch.device) -> None:
        """Raise `TrainingError`, in every process, unless all come with the same hexadecimal number."""
        if self.size == 1:
            return
        own = torch.tensor(int(fingerprint[:_HASH_DIGITS], 16), device=device)
        first = own.clone()
        self.share([first])
        same = (own == first).int()
        dist.all_reduce(same, dist.ReduceOp.MIN)
        if not same:
            raise TrainingError(
                "The processes that train together do not have the same images, labels, settings or past "
                "epochs. Give every machine the same images, the labels as one table (--csv), the same state "
                "(--state) if there is one, and --out in a folder that all of them see."
            )
