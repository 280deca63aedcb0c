"""A linear head that was fitted on embeddings, as a network that predicts from pictures."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from cleaner.models.heads import Classifier, build_head
from cleaner.training.network import Network
from cleaner.training.runner import Runner

if TYPE_CHECKING:
    from cleaner.models.backbones import Backbone
    from cleaner.ranking.heads import LinearHead

__all__ = ["linear_network"]


def linear_network(backbone: Backbone, head: LinearHead) -> Network:
    """Join a backbone with a head that was fitted on its embeddings.

    Parameters
    ----------
    backbone : Backbone
        Its module is copied.
    head : LinearHead
        Fitted on unit-length embeddings of this backbone.
    """
    layers = build_head(backbone.feature_dim, len(head.classes))
    linear = cast("nn.Linear", layers[-1])
    with torch.no_grad():
        # It was fitted on rows of length 1; the network brings them to the length √feature_dim.
        linear.weight.copy_(torch.from_numpy(head.weight.T / math.sqrt(backbone.feature_dim)))
        linear.bias.copy_(torch.from_numpy(head.offset))
    body = copy.deepcopy(backbone.module)
    model = Classifier(body, layers, keep_statistics=backbone.pretrained).eval()
    runner = Runner(model, backbone.preprocess, backbone.device)
    return Network(runner, list(head.classes), backbone.name, backbone.pretrained)
