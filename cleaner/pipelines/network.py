"""Which network the pipelines use, and which one a data set was ranked with."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.dataset.dataset import Dataset
from cleaner.embedding import Features
from cleaner.errors import BackboneError
from cleaner.models.packaged import JOINT, beside
from cleaner.models.reach import BEST, require_weights
from cleaner.util.atomic import write_atomically

if TYPE_CHECKING:
    from cleaner.models.backbones import Backbone

logger = logging.getLogger(__name__)

_HASH_DIGITS = 16  # at the end of `cleaner.models.backbones.Backbone.key`


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Names a backbone and its weights; see `cleaner.models.backbones.load_backbone`.

    Attributes
    ----------
    backbone : str or None
        Several names joined by `+`, such as "lite0+lite2": all of them look at the images for a ranking; for
        everything else the first one does.
    weights : Path or None
    from_scratch : bool
    asked : str or None
        What the user called it, such as "best", where this is what a set was ranked with; None if nobody
        named a network. It makes no difference between two networks.
    """

    backbone: str | None = None
    weights: Path | None = None
    from_scratch: bool = False
    asked: str | None = field(default=None, compare=False)

    @property
    def named(self) -> bool:
        """Whether anything was asked for; else the last ranking's network is meant, or the default one."""
        return bool(self.backbone or self.weights or self.from_scratch)

    @property
    def by_default(self) -> bool:
        """Whether this, which a set was ranked with, is what cleaner chose and not the user."""
        return self.asked is None and self.weights is None and not self.from_scratch

    @property
    def each(self) -> list[NetworkOptions]:
        """The networks one by one.

        Raises
        ------
        BackboneError
            Several are named together with weights or `from_scratch`; or a name is missing or stands twice.
        """
        names = (self.backbone or "").split(JOINT)
        if len(names) == 1:
            return [self]
        different = len({*names} - {""}) == len(names)
        if self.weights is not None or self.from_scratch or not different:
            msg = (
                f"Got the networks {self.backbone!r}; join the names of different networks by “{JOINT}”, as "
                f"in lite0{JOINT}lite2. They come with their own weights: leave out a weights file and "
                "from_scratch."
            )
            raise BackboneError(msg)
        return [NetworkOptions(name) for name in names]

    def require(self) -> None:
        """Raise `WeightsUnavailableError` within a second if the weights cannot be had; loads no torch."""
        for one in self.each:
            require_weights(one.backbone, weights=one.weights, from_scratch=one.from_scratch)

    def load(self, dataset: Dataset | None, *, second: bool = False) -> tuple[list[Backbone], NetworkOptions]:
        """Load the backbones that were asked for.

        If none was, load those that the data set was ranked with, so that its ranking and its features stay
        comparable; if their weights cannot be had any more, or it was never ranked, the default one.

        Parameters
        ----------
        dataset : Dataset or None
            None: images that nothing is known of.
        second : bool
            Where the user never named a network for this data set, load a second one as well: together they
            find more (see `cleaner.models.packaged.beside`).

        Returns
        -------
        backbones : list of Backbone
            One or two.
        network : NetworkOptions
            What leads to the same backbones another time.
        """
        # torch: 2 to 4 s
        from cleaner.models.backbones import best_device, default_name, load_backbone

        last = None if dataset is None or self.named else remembered(dataset)
        network = replace(self, asked=self.backbone) if self.named else last or self
        try:
            backbones = [
                load_backbone(one.backbone, weights=one.weights, from_scratch=one.from_scratch)
                for one in network.each
            ]
        except BackboneError as exc:
            if self.named or network is self:
                raise
            logger.warning("The network of the last ranking cannot be loaded; using the default one. %s", exc)
            network, backbones = self, [load_backbone()]
        wanted = network.backbone if network.named else default_name(best_device())
        if wanted == BEST or (second and not self.named and network.by_default and len(backbones) == 1):
            more = beside(backbones[0].name)
            backbones += [] if more is None else [load_backbone(more)]
        return backbones, replace(network, backbone=JOINT.join(backbone.name for backbone in backbones))


def remember(dataset: Dataset, network: NetworkOptions, *, features: Sequence[Features] = ()) -> None:
    """Note in the state folder which network the present ranking was made with; one without a name: none.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkOptions
    features : sequence of Features
        Of its backbones, so that the next ranking need not load them while no image is new.
    """
    noted = asdict(network) | {"weights": _text(network.weights), "features": [*features]}
    write_atomically(_note(dataset), json.dumps(noted).encode())


def lacks_second(dataset: Dataset, network: NetworkOptions) -> bool:
    """Tell whether the present ranking would gain by a second network that is at hand.

    Not while ``network`` names one: then the user wants that one. Nor if nothing tells how it was made: it
    may be by a model of the user's.
    """
    last = None if network.named or _noted(dataset) is None else remembered(dataset)
    return last is not None and not (last.weights or last.from_scratch) and beside(last.backbone) is not None


def wants_second(dataset: Dataset) -> bool:
    """Tell whether the user left it to cleaner which network ranks this data set."""
    last = remembered(dataset)
    return last is not None and last.by_default


def settle(dataset: Dataset, *, second: bool) -> None:
    """Remember that the user wants a second network after all, or that the present one is enough."""
    last = remembered(dataset)
    if last is not None:
        asked = None if second else last.backbone
        remember(dataset, replace(last, asked=asked), features=_noted_features(dataset))


def remembered(dataset: Dataset) -> NetworkOptions | None:
    """Return the network that the present ranking was made with; None if there is no ranking, or no telling.

    Rankings of version 0.2 and earlier have no note; theirs is the network whose features are the newest.
    """
    noted = _noted(dataset)
    if noted is None:
        return _by_features(dataset)
    weights = noted.get("weights")
    return NetworkOptions(
        noted.get("backbone"),
        None if weights is None else Path(weights),
        bool(noted.get("from_scratch")),
        noted.get("asked"),
    )


def asks_for_another(dataset: Dataset, network: NetworkOptions) -> bool:
    """Tell whether a network is named that is not the one that the present ranking was made with."""
    noted = _noted(dataset)
    if noted is None or not network.named:
        return False
    same = (noted.get("backbone"), noted.get("asked"))
    return (
        network.from_scratch != noted.get("from_scratch")
        or (network.backbone is not None and network.backbone not in same)
        or (network.weights is not None and _text(network.weights) != noted.get("weights"))
    )


def known_features(dataset: Dataset, network: NetworkOptions, *, second: bool = False) -> list[Features]:
    """Return the features behind the present ranking, if `NetworkOptions.load` would load the same backbones.

    Empty if it may load others, or if that cannot be told without loading them: a file of weights may have
    changed, and "best" may be another network today.
    """
    asks = network.weights is not None or network.backbone == BEST or asks_for_another(dataset, network)
    if asks or (second and lacks_second(dataset, network) and wants_second(dataset)):
        return []
    last = remembered(dataset)
    return _noted_features(dataset) if last is not None and last.weights is None else []


def _noted_features(dataset: Dataset) -> list[Features]:
    noted = _noted(dataset) or {}
    return [Features(key, dim) for key, dim in noted.get("features", ())]


def _noted(dataset: Dataset) -> dict[str, Any] | None:
    note = _note(dataset)
    try:
        noted = json.loads(note.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        logger.warning("%s cannot be read: %s", note, exc)
        return None
    return noted if isinstance(noted, dict) else None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _note(dataset: Dataset) -> Path:
    return dataset.ranking_folder / "network.json"


def _by_features(dataset: Dataset) -> NetworkOptions | None:
    ranking = dataset.ranking_folder / "ranking.npz"
    features = list((dataset.state / "embeddings").glob("*/vectors.f16"))
    if not ranking.is_file() or not features:
        return None
    last = max(features, key=lambda file: file.stat().st_mtime)
    name, _, digest = last.parent.name.rpartition("-")
    if len(digest) != _HASH_DIGITS:
        return None
    if name.startswith("timm-"):
        name = name.replace("-", "/", 1)
    return NetworkOptions(name, from_scratch=name == "scratch")
