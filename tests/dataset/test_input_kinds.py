"""Every kind of input that people have: what is given, what cleaner says, and what it does.

``python tests/dataset/test_input_kinds.py`` makes each input in a temporary folder, and prints the three as a
table. The layouts and the tables of labels are those of `test_layouts` and `test_label_tables`, which also
check them; what is given to a set that was reviewed before, and the rest, is checked here.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_label_tables
import test_layouts
from PIL import Image

from cleaner.dataset.catalog import Catalog, understood
from cleaner.dataset.class_findings import refuse_splits
from cleaner.dataset.formats.transfer import import_set
from cleaner.errors import CleanerError, ForeignFileError
from cleaner.images.open import verify
from cleaner.pipelines.rank import rank_given
from cleaner.review import ReviewStore
from cleaner.session.legend import Legend
from cleaner.util.natural import naturally
from cleaner.workspace import Workspace

KEPT, DELETED = "cat/0.png", "cat/1.png"
CLASSES = ("cat", "dog")


@dataclass
class Shown:
    """What came of an input."""

    said: list[str]
    does: str


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes
    ----------
    what : str
        The input in a few words.
    run : callable
        Makes it in a folder, opens it, and returns what came of it.
    does : str
        What has to come of it.
    said : str
        Part of what has to be said; empty: nothing is.
    """

    what: str
    run: Callable[[Path], Shown]
    does: str
    said: str = ""


# ---------------------------------------------------------------- sets that were reviewed before


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8, 3), value, np.uint8)
    pixels[0, 0] = (value * 7) % 251
    Image.fromarray(pixels).save(path)


def make_set(root: Path) -> Path:
    """Make a set of two classes with three images each."""
    for c, label in enumerate(CLASSES):
        for i in range(3):
            picture(root / label / f"{i}.png", 40 * c + 10 * i + 5)
    return root


def table_of(root: Path, name: str = "l.csv", **labels: str) -> Path:
    """Write a table of the images' labels, some of which can be others than their folders'."""
    names = [path.relative_to(root).as_posix() for path in sorted(root.glob("*/*.png"))]
    rows = [f"{n},{labels.get(n.replace('/', '_').partition('.')[0], n.partition('/')[0])}" for n in names]
    (root / name).write_text("\n".join(["name,label", *rows]) + "\n")
    return root / name


def review(place: Path, **options: Any) -> None:
    """Keep one image, and delete another one."""
    with Workspace(place, reviewer="ann", **options) as workspace:
        given = {name: workspace.catalog.label_of(name) for name in (KEPT, DELETED)}
        workspace.store.decide(KEPT, "keep", given=given)
        workspace.store.decide(DELETED, "delete", given=given)
        workspace.csv_writer().write_now()


def standing(place: Path, **options: Any) -> Shown:
    """Open a set: what is said, and which decisions count."""
    with Workspace(place, reviewer="ann", **options) as workspace:
        state = workspace.store.state
        done, again = state.progress(), state.asked_again()
        counts = f"{done.kept} kept, {done.deleted} deleted"
        if again:
            counts += f", {len(again)} asked again ({', '.join(sorted(set(again.values())))})"
        if done.gone:
            counts += f", {done.gone} gone"
        return Shown(list(workspace.notices), counts)


@dataclass(frozen=True)
class Change:
    """Reviews a set, changes it, and opens it again."""

    change: Callable[[Path], Path | None]
    table: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def __call__(self, folder: Path) -> Shown:
        root = make_set(folder / "bears")
        place = table_of(root) if self.table else root
        review(place, **self.before)
        changed = self.change(root)
        return standing(changed or place, **self.after)


def rename(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return change


def below(folder: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        for label in CLASSES:
            rename(label, f"{folder}/{label}")(root)

    return change


def swap(root: Path) -> None:
    for name in (KEPT, DELETED):
        os.utime(root / name, (1e9, 1e9))
    for old, new in ((KEPT, "aside"), (DELETED, KEPT), ("aside", DELETED)):
        (root / old).rename(root / new)


def copied(root: Path) -> Path:
    return Path(shutil.copytree(root, root.with_name("copy")))


def trash_one_of_two(root: Path) -> None:
    """Decide on two equal files, rename their folders, and let one go to the trash."""
    for name in ("cat/2.png", "dog/2.png"):
        picture(root / name, 200)
    with Workspace(root, reviewer="ann") as workspace:
        workspace.store.decide("cat/2.png", "delete", given={"cat/2.png": "cat"})
        workspace.store.decide("dog/2.png", "keep", given={"dog/2.png": "dog"})
    rename("cat", "feline")(root)
    with Workspace(root, reviewer="ann") as workspace:
        workspace.trash.apply(dry_run=False)
    rename("dog", "canine")(root)


def other_images(root: Path) -> Path:
    (root / "l.csv").unlink()
    (root / "other.csv").write_text("name,label\ndog/0.png,dog\ndog/1.png,dog\n")
    return root / "other.csv"


def edited_and_renamed(root: Path) -> Path:
    (root / "l.csv").unlink()
    return table_of(root, "final.csv", dog_0="wolf")


def move_under_name(root: Path) -> None:
    """Put another image under a decided name, and the decided one elsewhere."""
    rename(DELETED, "dog/moved.png")(root)
    picture(root / DELETED, 222)


def empty_database(root: Path) -> None:
    database = root / ".cleaner" / "review.db"
    database.write_bytes(b"")
    os.utime(database, (1e9, 1e9))


IDENTITY = [
    Kind(
        "the folder is renamed",
        Change(lambda root: root.rename(root.with_name("bears_v2"))),
        "1 kept, 1 deleted",
        "its decisions were found again",
    ),
    Kind("the folder is copied", Change(copied), "1 kept, 1 deleted", "This set is a copy of"),
    Kind(
        "the folder goes into another one",
        Change(lambda root: root.rename(Path(tempfile.mkdtemp(dir=root.parent)) / "bears")),
        "1 kept, 1 deleted",
        "its decisions were found again",
    ),
    Kind(
        "the table is renamed",
        Change(lambda root: (root / "l.csv").rename(root / "final.csv"), table=True),
        "1 kept, 1 deleted",
        "its decisions were found again",
    ),
    Kind(
        "the table is renamed and edited",
        Change(edited_and_renamed, table=True),
        "1 kept, 1 deleted",
        "its decisions were found again",
    ),
    Kind(
        "another table is in the place of one that is gone",
        Change(other_images, table=True),
        "0 kept, 0 deleted",
        "names other images, so it is a set of its own",
    ),
    Kind("a class folder is renamed", Change(rename("cat", "feline")), "1 kept, 1 deleted"),
    Kind("the classes go below train/", Change(below("train")), "1 kept, 1 deleted"),
    Kind("the classes go two folders down", Change(below("data/2024")), "1 kept, 1 deleted"),
    Kind("a decided file is renamed", Change(rename(KEPT, "cat/first.png")), "1 kept, 1 deleted"),
    Kind("two decided files of one size and time are swapped", Change(swap), "1 kept, 1 deleted"),
    Kind(
        "another image comes under a decided name",
        Change(lambda root: picture(root / DELETED, 222)),
        "1 kept, 0 deleted, 1 asked again (image)",
    ),
    Kind(
        "another image comes under a decided name, and that one goes to another class",
        Change(move_under_name),
        "1 kept, 0 deleted, 1 asked again (label)",
    ),
    Kind(
        "a decided image moves to another class",
        Change(rename(KEPT, "dog/9.png")),
        "0 kept, 1 deleted, 1 asked again (label)",
    ),
    Kind(
        "a label is corrected in the table after keep",
        Change(lambda root: table_of(root, cat_0="lynx"), table=True),
        "0 kept, 1 deleted, 1 asked again (label)",
    ),
    Kind(
        "a decided file is removed", Change(lambda root: (root / KEPT).unlink()), "0 kept, 1 deleted, 1 gone"
    ),
    Kind(
        "of two equal files one is in the trash under another name",
        Change(trash_one_of_two),
        "2 kept, 2 deleted",
    ),
    Kind(
        "the review database is empty",
        Change(empty_database),
        "refused",
        "is empty (0 bytes): its decisions are lost",
    ),
    Kind(
        "the state folder is lost", Change(lambda root: shutil.rmtree(root / ".cleaner")), "0 kept, 0 deleted"
    ),
]


# ---------------------------------------------------------------- one result a table


def two_results(folder: Path) -> Shown:
    root = make_set(folder / "bears")
    for name in ("one.csv", "two.csv"):
        review(table_of(root, name))
    return Shown([], " ".join(sorted(path.name for path in root.glob("*cleaned*.csv"))))


def foreign_result(folder: Path) -> Shown:
    root = make_set(folder / "bears")
    (root / "cleaned.csv").write_text("my own notes\n")
    try:
        review(root)
    except ForeignFileError as error:
        return Shown([str(error)], (root / "cleaned.csv").read_text().strip())
    return Shown([], "written over")


def resaved_result(folder: Path) -> Shown:
    """Let a spreadsheet program save the result."""
    root = folder / "bears"
    for i in range(3):
        picture(root / "007" / f"{i}.png", 10 * i)
        picture(root / "008" / f"{i}.png", 100 + 10 * i)
    with Workspace(root, reviewer="ann") as workspace:
        result = workspace.csv_writer().write_now()
        result.write_bytes(result.read_bytes().replace(b",00", b",").replace(b"\n", b"\r\n"))
        edits = workspace.csv_writer().hand_edits()
    assert edits is not None
    changes = sorted(set(edits["change"]))
    return Shown([], f"{len(edits)} cells: {', '.join(changes)}")


def odd_class(label: str) -> Callable[[Path], Shown]:
    """Give an image a label that is an odd name of a folder, and move its file."""

    def run(folder: Path) -> Shown:
        root = make_set(folder / "bears")
        with Workspace(root, reviewer="ann") as workspace:
            workspace.store.class_event("class_new", label)
            workspace.store.decide(KEPT, "relabel", label, given={KEPT: "cat"})
            workspace.trash.apply(dry_run=False, relabel=True)
        with Workspace(root, reviewer="ann") as workspace:
            catalog = workspace.catalog
            return Shown([], f"{len(catalog)} images: {', '.join(naturally(set(catalog.labels)))}")

    return run


RESULTS = [
    Kind("two tables of one folder", two_results, "cleaned.csv two.cleaned.csv"),
    Kind("a cleaned.csv of the user's own", foreign_result, "my own notes", "that cleaner did not write"),
    Kind("a cleaned.csv saved by a spreadsheet program (007 as 7)", resaved_result, "6 cells: spreadsheet"),
    *(
        Kind(
            f"an image becomes “{label}”",
            odd_class(label),
            f"6 images: {', '.join(naturally([label, *CLASSES]))}",
        )
        for label in (".NET logo", "@eaDir", "train", "a/b", "CON")
    ),
]


# ---------------------------------------------------------------- keys of digits, and smaller kinds


def digit_keys(*classes: str) -> Callable[[Path], Shown]:
    def run(folder: Path) -> Shown:
        with ReviewStore(folder / "review.db", dataset="set", reviewer="ann") as store:
            digits = Legend(list(classes), store.state).digits()
        return Shown(
            [], " ".join(f"{digit}={label}" for label, digit in sorted(digits.items(), key=itemgetter(1)))
        )

    return run


def splits_as_classes(folder: Path) -> Shown:
    for label in ("train", "valid"):
        for i in range(3):
            picture(folder / "set" / label / f"{i}.png", i)
    classes = Catalog.from_folder(folder / "set").classes
    refuse_splits([*classes, "train", "valid"])
    return Shown([], "ranked")


def big_metadata(folder: Path) -> Shown:
    picture(folder / "a.png", 3)
    data = (folder / "a.png").read_bytes()
    body = b"zTXtcomment\0\0" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    found = verify(data[:33] + chunk + data[33:], suffix=".png")  # after the header
    return Shown([note for note in found.notes if "metadata" in note], found.problem or "usable")


def odd_tiff(folder: Path) -> Shown:
    Image.new("RGB", (8, 8)).save(folder / "a.tif", compression="tiff_lzw")
    data = bytearray((folder / "a.tif").read_bytes())
    at = data.find(b"\x03\x01\x03\x00")  # the tag of the compression
    data[at + 8 : at + 10] = (34712).to_bytes(2, "little")  # JPEG 2000 in TIFF
    found = verify(bytes(data), suffix=".tif")
    return Shown([found.problem or ""], "left out" if found.problem else "usable")


def bare_probabilities(folder: Path) -> Shown:
    root = make_set(folder / "set")
    np.savez(folder / "p.npz", first=np.zeros((2, 2)), second=np.zeros(3))
    with Workspace(root, reviewer="ann") as workspace:
        rank_given(workspace, workspace.store.state, workspace.network, folder / "p.npz")
    return Shown([], "ranked")


def metadata_file(folder: Path) -> Shown:
    root = folder / "set"
    for i in range(2):
        picture(root / f"{i}.png", i)
    lines = [f'{{"file_name": "{i}.png", "label": "{CLASSES[i]}"}}\n' for i in range(2)]
    (root / "metadata.jsonl").write_text("".join(lines))
    done = import_set(root / "metadata.jsonl")
    return Shown([], f"{done.format.name}: {sorted(str(e.label) for e in done.reading.entries)}")


SMALLER = [
    Kind("classes 0 to 9", digit_keys(*"0123456789"), " ".join(f"{i}={i}" for i in range(10))),
    Kind("classes 0 and 1", digit_keys("0", "1"), "0=0 1=1"),
    Kind("classes 1 to 3", digit_keys("1", "2", "3"), "1=1 2=2 3=3"),
    Kind("classes 2 and 10", digit_keys("2", "10"), "0=10 2=2"),
    Kind("classes that are splits", splits_as_classes, "refused", "train"),
    Kind("a PNG whose text unpacks to 80 MB", big_metadata, "usable", "metadata"),
    Kind("a TIFF with JPEG 2000 inside", odd_tiff, "left out", "TIFF"),
    Kind("--pred-probs p.npz with two arrays of other shapes", bare_probabilities, "refused", "p.npz"),
    Kind("cleaner import metadata.jsonl", metadata_file, "huggingface: ['cat', 'dog']"),
]

SECTIONS: dict[str, Sequence[Kind]] = {
    "Sets that were reviewed before": IDENTITY,
    "One result a table": RESULTS,
    "Keys and smaller kinds": SMALLER,
}


def shown(kind: Kind, folder: Path) -> Shown:
    try:
        return kind.run(folder)
    except CleanerError as error:
        return Shown([str(error)], "refused")


@pytest.mark.parametrize(
    "kind", [kind for kinds in SECTIONS.values() for kind in kinds], ids=lambda kind: kind.what
)
def test_each_kind_does_what_it_says(kind: Kind, tmp_path: Path) -> None:
    found = shown(kind, tmp_path)
    assert found.does == kind.does
    assert bool(found.said) == bool(kind.said)
    assert kind.said in " ".join(found.said)


# ---------------------------------------------------------------- printing all


def layouts() -> Iterator[tuple[str, Shown]]:
    for what, kind in test_layouts.KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            root = test_layouts.make(Path(folder) / "set", kind.folders)
            said = [f"{'? ' if f.doubtful else ''}{f.text}" for f in understood(root)]
            yield f"{what}: {kind.folders}", Shown(said, test_layouts.reading(Catalog.from_folder(root)))


def tables() -> Iterator[tuple[str, Shown]]:
    for kind in test_label_tables.KINDS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                catalog = test_label_tables.read(kind, Path(folder))
            except CleanerError as error:
                yield kind.what, Shown([str(error).replace(folder, "")], "refused")
                continue
            said = [f"{'? ' if f.doubtful else ''}{f.text}" for f in catalog.findings]
            read = (f"{n}: {label}" for n, label in zip(catalog.names, catalog.labels, strict=True))
            yield kind.what, Shown(said, ", ".join(read)[:150])


def others(kinds: Sequence[Kind]) -> Iterator[tuple[str, Shown]]:
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            found = shown(kind, Path(folder))
            yield kind.what, Shown([text.replace(folder, "") for text in found.said], found.does)


def main() -> None:
    """Print every kind: the input, what cleaner says ("?": asked), and what it does."""
    parts: dict[str, Iterator[tuple[str, Shown]]] = {
        **{title: others(kinds) for title, kinds in SECTIONS.items()},
        "Layouts of folders": layouts(),
        "Tables of labels": tables(),
    }
    for title, found in parts.items():
        print(f"\n# {title}")
        for what, came in found:
            print(f"\n## {what}", *(f"   {line}" for line in came.said), f"   -> {came.does}", sep="\n")


if __name__ == "__main__":
    sys.exit(main())
