"""The network of a data set: remembered with its ranking, kept until another is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pictures import make_picture

from cleaner.errors import BackboneError, WeightsUnavailableError
from cleaner.models import packaged
from cleaner.models.backbones import load_backbone
from cleaner.models.packaged import PackagedWeights, packaged_file
from cleaner.pipelines.entries import job_prepare, job_retrain_quick, job_second_look
from cleaner.pipelines.network import (
    NetworkOptions,
    asks_for_another,
    known_features,
    lacks_second,
    remember,
    remembered,
    settle,
    wants_second,
)
from cleaner.pipelines.rank import look, rank_given
from cleaner.util.progress import SILENT
from cleaner.workspace import Workspace

Open = Callable[..., Workspace]


@pytest.fixture
def opened(colour_set: Path, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens the same set again."""
    spaces: list[Workspace] = []

    def build(**options: object) -> Workspace:
        spaces.append(Workspace(colour_set, state=tmp_path / "state", reviewer="ann", **options))  # type: ignore[arg-type]
        return spaces[-1]

    yield build
    for space in spaces:
        space.close()


def note(space: Workspace) -> dict[str, object]:
    noted = json.loads((space.ranking_folder / "network.json").read_bytes())
    del noted["features"]  # see `test_while_no_image_is_new…`
    return noted


@pytest.fixture
def with_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second network is a small one, which saves time."""
    for name, second in (("lite0", "scratch"), ("scratch", "lite0")):
        monkeypatch.setitem(packaged.BESIDE, name, second)
    monkeypatch.setitem(packaged.PACKAGED, "scratch", packaged.PACKAGED["lite0"])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of the second network is not installed."""
    monkeypatch.setitem(packaged.PACKAGED, "lite2", PackagedWeights("absent-lite2", "weights.pth", "0" * 64))


def test_a_new_set_is_ranked_with_two_networks(opened):
    space = opened()
    assert not lacks_second(space, space.network)
    space.rank()
    assert note(space) == {"backbone": "lite0+lite2", "weights": None, "from_scratch": False, "asked": None}
    assert remembered(space) == NetworkOptions("lite0+lite2")
    assert not lacks_second(space, space.network)


def test_without_the_package_of_the_second_one_the_first_goes_on_alone(opened, alone):
    space = opened()
    backbones, network = space.network.load(space, second=True)
    assert [backbone.name for backbone in backbones] == ["lite0"]
    assert network == NetworkOptions("lite0")
    space.ranking_folder.mkdir(parents=True)
    for ranked in ("lite0", "lite0+lite2"):
        remember(space, NetworkOptions(ranked))
        assert not lacks_second(space, space.network)
        assert space.network.load(space, second=True)[1] == NetworkOptions("lite0")


def test_the_first_ranking_of_a_page_is_by_one_network_and_the_next_by_two(opened, with_scratch):
    space = opened()
    job_prepare(workspace=space.options(), reporter=SILENT)
    assert remembered(space) == NetworkOptions("lite0")
    assert lacks_second(space, space.network)
    assert wants_second(space)
    first = space.ranking().model
    job_retrain_quick(workspace=space.options(), reporter=SILENT)
    assert remembered(space) == NetworkOptions("lite0")
    found = job_second_look(workspace=space.options(), reporter=SILENT)
    assert remembered(space) == NetworkOptions("lite0+scratch")
    assert not lacks_second(space, space.network)
    assert space.ranking().model == found["ranking"] != first
    assert look(space, space.store.state, space.network, reporter=SILENT).more


def test_who_names_one_network_keeps_it_until_a_second_one_is_wanted(opened, with_scratch):
    space, named = opened(), opened(backbone="lite0")
    space.ranking_folder.mkdir(parents=True)
    remember(space, named.network.load(named)[1])
    assert not wants_second(space)
    assert lacks_second(space, space.network)  # so it can be offered
    assert not lacks_second(space, named.network)
    network = space.network.load(space, second=True)[1]
    assert (network, network.asked) == (NetworkOptions("lite0"), "lite0")
    settle(space, second=True)
    assert wants_second(space)
    assert space.network.load(space, second=True)[1] == NetworkOptions("lite0+scratch")
    settle(space, second=False)
    assert not wants_second(space)


def test_probabilities_of_another_model_lack_no_network(opened, tmp_path):
    space = opened()
    job_prepare(workspace=space.options(), reporter=SILENT)
    odds = np.full((len(space.catalog), len(space.catalog.classes)), 1 / len(space.catalog.classes))
    np.save(tmp_path / "p.npy", odds)
    rank_given(space, space.store.state, space.network, tmp_path / "p.npy")
    assert not lacks_second(space, space.network)


def test_a_set_keeps_its_network_until_another_is_named_and_its_decisions_stay(opened):
    first = opened(from_scratch=True)
    ranking = first.rank()
    first.store.decide(ranking.names[0], "keep")
    first.close()

    again = opened()
    assert not again.asks_for_another_network
    assert again.rank().model.split("-")[0] == ranking.model.split("-")[0]
    assert remembered(again) == NetworkOptions("scratch", from_scratch=True)
    again.close()

    other = opened(backbone="lite0")
    assert other.asks_for_another_network
    other.rank()
    assert remembered(other) == NetworkOptions("lite0")
    assert not other.asks_for_another_network
    assert other.store.state.of(ranking.names[0]).action == "keep"


def test_looking_alone_changes_nothing_that_is_remembered(opened):
    opened(from_scratch=True).rank()
    space = opened(backbone="lite0")
    assert look(space, space.store.state, space.network, reporter=SILENT).backbone.name == "lite0"
    assert remembered(space) == NetworkOptions("scratch", from_scratch=True)


def test_the_weights_file_is_remembered_and_used_again(opened, tmp_path):
    file = tmp_path / "lite0.pth"
    file.write_bytes(packaged_file("lite0").read_bytes())
    space = opened(backbone="lite0", weights=file)
    space.rank()
    assert remembered(space) == NetworkOptions("lite0", file)
    assert opened().network.load(space)[1] == NetworkOptions("lite0", file)
    assert opened(weights=tmp_path / "other.pth").asks_for_another_network
    assert not opened(backbone="lite0", weights=file).asks_for_another_network


@pytest.mark.parametrize(
    "gone", [{"backbone": "resnet18"}, {"backbone": "lite0", "weights": Path("/no/file.pth")}]
)
def test_a_network_that_cannot_be_had_any_more_gives_way_to_the_default(opened, monkeypatch, tmp_path, gone):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("cleaner.models.weights.host_reachable", lambda host: False)
    space = opened()
    space.ranking_folder.mkdir(parents=True)
    remember(space, NetworkOptions(**gone))
    (backbone,), network = space.network.load(space)
    assert (backbone.name, backbone.pretrained) == ("lite0", True)
    assert network == NetworkOptions("lite0")


def test_a_network_that_was_named_does_not_give_way(opened, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("cleaner.models.reach.host_reachable", lambda host: False)
    with pytest.raises(WeightsUnavailableError, match="resnet18"):
        opened(backbone="resnet18").rank()


def test_two_networks_look_at_the_images_of_one_ranking(opened):
    space = opened(backbone="lite0+scratch")
    both = space.rank()
    assert note(space)["backbone"] == "lite0+scratch"
    assert len(list((space.state / "embeddings").glob("*/vectors.f16"))) == 2
    again = opened()
    assert not again.asks_for_another_network
    assert not opened(backbone="lite0+scratch").asks_for_another_network
    assert again.rank().model == both.model
    alone = opened(backbone="lite0")
    assert alone.asks_for_another_network
    assert alone.rank().model != both.model


def test_the_best_network_is_helped_by_another_that_finds_other_errors(opened, monkeypatch, with_scratch):
    monkeypatch.setattr("cleaner.models.backbones.STRONGEST_FIRST", ("scratch", "lite0"))
    backbones, network = opened(backbone="best").network.load(opened())
    assert [backbone.name for backbone in backbones] == ["scratch", "lite0"]
    assert network == NetworkOptions("scratch+lite0")
    monkeypatch.setattr("cleaner.models.backbones.default_name", lambda device: "best")
    assert opened().network.load(opened())[1] == network
    assert opened(backbone="scratch").network.load(opened())[1] == NetworkOptions("scratch")


@pytest.mark.parametrize(
    "given",
    [
        {"backbone": "lite0+lite2", "weights": Path("lite0.pth")},
        {"backbone": "lite0+lite2", "from_scratch": True},
        {"backbone": "lite0+"},
        {"backbone": "lite0+lite0"},
    ],
)
def test_what_does_not_fit_several_networks_is_refused(opened, given):
    space = opened(**given)
    for ask in (space.network.require, lambda: space.network.load(space)):
        with pytest.raises(BackboneError, match="join the names of different networks"):
            ask()


def test_best_is_remembered_by_what_it_was_and_by_its_name(opened, monkeypatch, alone):
    monkeypatch.setattr("cleaner.models.backbones.STRONGEST_FIRST", ("lite0",))
    space = opened(backbone="best")
    space.rank()
    assert note(space) == {"backbone": "lite0", "weights": None, "from_scratch": False, "asked": "best"}
    for name, asks in (("best", False), ("lite0", False), ("lite2", True)):
        assert opened(backbone=name).asks_for_another_network is asks


@pytest.mark.parametrize(
    ("key", "network"),
    [
        ("mobilenet_v2-0123456789abcdef", NetworkOptions("mobilenet_v2")),
        ("timm-tf_efficientnet_lite0-0123456789abcdef", NetworkOptions("timm/tf_efficientnet_lite0")),
        ("scratch-0123456789abcdef", NetworkOptions("scratch", from_scratch=True)),
        ("lite0-0123456789abcdef", NetworkOptions("lite0")),
        ("something-else", None),
    ],
)
def test_rankings_without_a_note_tell_by_their_features(opened, key, network):
    space = opened()
    assert remembered(space) is None
    (space.state / "embeddings" / key).mkdir(parents=True)
    (space.state / "embeddings" / key / "vectors.f16").touch()
    assert remembered(space) is None  # features alone are no ranking
    space.ranking_folder.mkdir()
    (space.ranking_folder / "ranking.npz").touch()
    assert remembered(space) == network
    assert not asks_for_another(space, NetworkOptions("lite2"))
    assert not lacks_second(space, space.network)


def test_a_damaged_note_is_no_obstacle(opened):
    space = opened()
    space.ranking_folder.mkdir(parents=True)
    (space.ranking_folder / "network.json").write_text("{")
    assert remembered(space) is None
    assert not space.asks_for_another_network


def test_the_key_of_features_ends_as_old_rankings_are_read():
    assert len(load_backbone(from_scratch=True).key.rpartition("-")[2]) == 16


def test_while_no_image_is_new_no_network_is_loaded(opened, colour_set, monkeypatch):
    before = opened(backbone="scratch").rank()
    loads = []
    load = NetworkOptions.load
    monkeypatch.setattr(NetworkOptions, "load", lambda *a, **k: loads.append(1) or load(*a, **k))
    again = opened().rank()
    assert not loads
    np.testing.assert_array_equal(again.scores, before.scores)
    assert remembered(opened()) == NetworkOptions("scratch", asked="scratch")
    assert known_features(opened(), opened(backbone="lite0").network) == []
    old = next(colour_set.rglob("*.png"))
    make_picture(old.with_name("new.png"), (1, 2, 3), seed=99)
    opened().rank()
    assert loads


def test_ranking_again_needs_no_torch(opened, colour_set):
    space = opened(backbone="scratch")
    space.rank()
    code = f"""if True:
        import sys
        sys.modules["torch"] = None
        from cleaner.workspace import Workspace
        print(len(Workspace({str(colour_set)!r}, state={str(space.state)!r}).rank()))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{len(space.catalog)}\n", done.stderr
