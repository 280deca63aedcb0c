"""OpenVINO, where it is installed: the features of a network from a CPU, in about half of torch's time."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cleaner.models.backbones import Preprocess


def compiled(
    module: nn.Module, preprocess: Preprocess, *, batch_size: int, threads: int
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Compile a network for this CPU.

    Parameters
    ----------
    module : Module
        In eval mode, float32, on the CPU.
    preprocess : Preprocess
        Normalising becomes a part of the network.
    batch_size : int
        Of every call.
    threads : int
        How many call it at the same time; each call computes in one thread.

    Returns
    -------
    callable
        Takes uint8 pixels, shape ``(batch_size, size_px, size_px, 3)``, to float32 features, shape
        ``(batch_size, dim)``.

    Raises
    ------
    ImportError
        OpenVINO is not installed.
    Exception
        Whatever torch or OpenVINO raises for a network that cannot be converted.
    """
    # Imported with this module, OpenVINO tells its makers that it is used; without, it tells nobody.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
    from openvino.preprocess import PrePostProcessor

    example = torch.zeros(batch_size, 3, preprocess.size_px, preprocess.size_px)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what tracing makes constant, which the size of the input is here
        trace: Any = torch.jit.trace
        traced = trace(module, example, check_trace=False)
        # Not by `openvino.convert_model`, which reports to its makers that it was used.
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # must live until the end of this
        model = frontend.convert(frontend.load(decoder))
    model.reshape(list(example.shape))
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    scaled = [[255 * value for value in values] for values in (preprocess.mean, preprocess.std)]
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(scaled[0]).scale(scaled[1])
    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # its threads share the cores with those that decode images
    }
    network = openvino.Core().compile_model(steps.build(), "CPU", options)
    own = threading.local()

    def forward(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not hasattr(own, "request"):
            own.request = network.create_infer_request()
        return np.array(own.request.infer({0: pictures}, share_inputs=True)[0], dtype=np.float32)

    return forward
