"""Panels: trees, acts and their errors, small curves, folders to choose from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cleaner.analysis.forecast import Forecast
from cleaner.dataset import browse as folders
from cleaner.dataset.findings import Finding
from cleaner.dataset.user import RecentSet
from cleaner.errors import CatalogError, CleanerError
from cleaner.ranking.posterior import Count
from cleaner.util.wording import count, duration, percent, points
from cleaner.widgets.panels.base import Panel, Tree, button, node, text_of
from cleaner.widgets.panels.chart import line_chart, thinned
from cleaner.widgets.panels.files import doubts, files_page
from cleaner.widgets.panels.header import header, steps
from cleaner.widgets.panels.progress import progress_section
from cleaner.widgets.panels.report import report_page
from cleaner.widgets.sentences import say
from cleaner.widgets.start import Chosen, StartPage

SUMMARY = {
    "total": 3409,
    "unlabelled": 0,
    "left_out": 2,
    "splits": {"train": 3068, "valid": 341},
    "classes": {"hat": {"train": 1000, "valid": 100}, "shirt": {"train": 2068, "valid": 241}},
}

NOTHING = {
    **dict.fromkeys(("errors", "looked_at", "total", "labelled", "discarded", "asked_again", "gone"), 0),
    **dict.fromkeys(("expected_next", "pace_per_min", "minutes_left")),
    "last100": {"looked_at": 0, "errors": 0, "low": 0.0, "high": 1.0},
    "colleagues": [],
}


def elements(tree: Tree, tag: str) -> Iterator[Tree]:
    """Yield the visible elements of a kind, in order."""
    if tree[1].get("hidden"):
        return
    if tree[0] == tag:
        yield tree
    for child in tree[2:]:
        if not isinstance(child, str):
            yield from elements(child, tag)


def texts(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


# ---------------------------------------------------------------- trees and acts


def test_a_node_leaves_out_what_is_none_or_false() -> None:
    tree = node("p", "a", None, class_="x", aria_label="y", hidden=False, title=None, do="act")
    assert tree == ["p", {"class": "x", "aria-label": "y", "data-do": "act"}, "a"]


def test_text_that_is_hidden_is_not_read() -> None:
    assert text_of(node("div", node("p", "shown"), node("p", "not", hidden=True))) == "shown"


def test_a_message_from_the_page_carries_out_the_act_that_it_names() -> None:
    heard: list[str] = []
    panel = Panel(button("Go", "go", "7"))
    panel.on("go", heard.append)
    panel._handle_custom_msg({"kind": "do", "name": "go", "value": "7"}, [])
    panel._handle_custom_msg({"kind": "do", "name": "other", "value": "8"}, [])
    assert heard == ["7"]


def test_an_error_of_ours_is_shown_as_it_is_and_goes_away_with_the_next_act() -> None:
    def refuse(value: str) -> None:
        if value:
            raise CleanerError(value)

    panel = Panel()
    panel.on("try", refuse)
    panel.do("try", "That cannot be.")
    assert panel.problem == "That cannot be."
    panel.do("try", "")
    assert panel.problem == ""


def test_any_other_error_is_shown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    panel = Panel()
    panel.on("try", lambda _: {}["missing"])
    panel.do("try")
    assert panel.problem == say("guard.failed", error="KeyError: 'missing'")
    assert "try failed" in caplog.text


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Panel(colour="blue")  # type: ignore[call-arg]


# ---------------------------------------------------------------- words and curves


def test_numbers_are_said_as_people_say_them() -> None:
    assert [count(1, "image"), count(3409, "image"), count(2, "class", "classes")] == [
        "1 image",
        "3,409 images",
        "2 classes",
    ]
    assert [duration(s) for s in (2, 34, 95, 200, 1000, 7000)] == [
        "a few seconds",
        "about 35 s",
        "about 1 min 40 s",
        "about 3½ min",
        "about 17 min",
        "about 1.9 h",
    ]
    assert percent(0.1524) == "15.2 %"
    assert [points(-0.026), points(0.01)] == ["−2.6", "+1.0"]


def test_a_curve_has_a_name_and_stays_inside_its_picture() -> None:
    tree = line_chart({"a": [(0, 0), (5, 9), (10, 3)], "b": [(0, 4), (10, 4)]}, name="two curves")
    picture = next(elements(tree, "svg"))
    assert picture[1]["role"] == "img"
    assert picture[1]["aria-label"] == "two curves"
    width, height = (float(v) for v in picture[1]["viewBox"].split()[2:])
    for path in elements(tree, "path"):
        for point in path[1]["d"].removeprefix("M").split(" L"):
            x, y = map(float, point.split())
            assert 0 <= x <= width
            assert 0 <= y <= height
    assert text_of(tree).split()[-2:] == ["a", "b"]


def test_a_curve_without_points_or_height_can_be_drawn() -> None:
    assert list(elements(line_chart({"a": []}, name="none"), "path")) == []
    assert len(list(elements(line_chart({"a": [(3, 0)]}, name="one"), "path"))) == 1


def test_a_long_curve_keeps_its_ends() -> None:
    line = [(float(i), float(i)) for i in range(10_000)]
    short = thinned(line, 50)
    assert len(short) == 50
    assert (short[0], short[-1]) == (line[0], line[-1])


# ---------------------------------------------------------------- what the panels say


def test_the_header_counts_and_offers_the_reasons() -> None:
    said = text_of(header(name="clothing", summary=SUMMARY, reviewer="Ana"))
    assert "3,409 images · 2 classes · train 3,068, valid 341" in said
    assert say("header.left_out", files="2 files") in said
    assert say("header.saved") in said
    assert say("header.reviewer", reviewer="Ana").strip() in said
    assert say("header.leave") not in said


def test_a_header_without_trouble_says_nothing_of_it() -> None:
    assert "left out" not in text_of(header(name="x", summary={**SUMMARY, "left_out": 0}, reviewer="Ana"))


def test_the_chosen_step_is_the_one_tab_stop() -> None:
    tabs = list(elements(steps("Labels", {"Labels": "page 3"}), "button"))
    assert [(tab[2], tab[1]["aria-selected"], tab[1]["tabindex"]) for tab in tabs] == [
        ("Files", "false", "-1"),
        ("Labels", "true", "0"),
        ("Map", "false", "-1"),
        ("Report", "false", "-1"),
    ]


def test_where_the_work_stands_is_said_in_figures_and_one_curve() -> None:
    figures = {
        **NOTHING,
        "errors": 37,
        "looked_at": 480,
        "total": 3409,
        "discarded": 12,
        "asked_again": 0,
        "gone": 0,
        "last100": {"looked_at": 100, "errors": 9, "low": 4.8, "high": 16.2},
        "expected_next": Count(4.2, 1, 9),
        "pace_per_min": 31.0,
        "minutes_left": 94.5,
        "colleagues": [("Ben", 40, False), ("Cat", 12, True)],
    }
    found = tuple((i, i // 13) for i in range(1, 481))
    tree = progress_section(
        figures, Forecast(found=found, next_page=Count(4.2, 1, 9), rest=Count(30.0, 12, 70))
    )
    for words in (
        say("progress.found", errors="37 errors"),
        f"{say('progress.reviewed')} 480 of 3,409",
        f"{say('progress.removed')} 12",
        f"{say('progress.window', window=100)} 9 (probably 5–16)",
        f"{say('progress.expected')} about 4, probably 1 to 9",
        f"{say('progress.rest')} about 30, probably 12 to 70",
        f"{say('progress.pace', number=31)} about 1.6 h left",
        f"Cat {say('progress.colleague.now', images='12 images')} Ben",  # those at work come first
        f"Ben {say('progress.colleague', images='40 images')}",
    ):
        assert words in text_of(tree)
    (name,) = (svg[1]["aria-label"] for svg in elements(tree, "svg"))
    assert name == say("progress.curve", errors="37 errors", images="480 images")


def test_before_the_first_decision_nothing_is_claimed() -> None:
    tree = progress_section({**NOTHING, "total": 10})
    assert text_of(tree) == f"{say('progress')} 0 errors found {say('progress.reviewed')} 0 of 10"


def test_the_files_page_names_each_file_with_its_reason() -> None:
    tree = files_page([], [("a.jpg", "truncated"), ("b<i>.jpg", "empty file")])
    assert text_of(tree).endswith("File Reason a.jpg truncated b<i>.jpg empty file")


def test_the_files_page_tells_what_was_understood_with_the_doubtful_first() -> None:
    sure = Finding(topic="layout", text="Folders are classes.")
    doubt = Finding(topic="masks", text="Masks?", doubtful=True, examples=("a<b>", *map(str, range(300))))
    text = text_of(files_page([sure, doubt], []))
    assert text.index(f"{say('files.doubtful').strip()} Masks?") < text.index("Folders are classes.")
    assert "a<b>" in text
    assert say("files.more", number="101") in text
    assert say("files.understood") not in text_of(files_page([], []))


def test_doubts_are_an_alert_that_can_be_dismissed() -> None:
    assert doubts([]) == []
    (tree,) = doubts([Finding(topic="masks", text="Masks?", doubtful=True)])
    assert tree[1]["role"] == "alert"
    assert "Masks?" in text_of(tree)
    assert [each[1]["data-do"] for each in elements(tree, "button")] == ["files", "dismiss"]


def test_a_long_list_is_cut_and_says_so() -> None:
    tree = files_page([], [(f"{i}.jpg", "empty file") for i in range(1234)])
    assert say("report.first", shown=200, all="1,234") in text_of(tree)
    assert len(list(elements(tree, "tr"))) == 1 + 200


def test_the_report_counts_by_given_label() -> None:
    given = {"1": "shirt", "2": "shirt", "3": "hat", "4": None, "5": "hat"}
    outcomes = {
        "1": ("relabel", "hat"),
        "2": ("keep", None),
        "3": ("delete", None),
        "4": ("label", "hat"),
        "5": ("unsure", None),
        "gone": ("delete", None),
    }
    said = text_of(report_page(given, outcomes))
    assert "shirt hat 1" in said
    assert "(no label) hat 1" in said
    assert "(no label) 1 1 0 0 hat 2 1 1 1 shirt 2 2 1 0" in said


# ---------------------------------------------------------------- choosing a folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    for name in (
        "bears/black/1.jpg",
        "bears/black/2.PNG",
        "bears/notes.txt",
        ".hidden/3.jpg",
        "empty/readme.txt",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "labels.csv").touch()
    (tmp_path / "outside").mkdir()
    return root


def wait_for_counts() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "_count" in thread.name:
            thread.join(10)


def test_folders_and_tables_are_listed_with_what_is_in_them(base: Path) -> None:
    page = StartPage(base, lambda path: None)
    wait_for_counts()
    said = texts(page)
    assert "bears 2 images Open" in said
    assert "empty no images Open" in said
    assert f"labels.csv {say('start.table')} Open" in said
    assert "hidden" not in said
    shut = {b[1].get("aria-label"): b[1].get("disabled", False) for b in elements(page.tree[0], "button")}
    assert shut["Open bears"] is False
    assert shut["Open empty"] is True


def test_a_folder_can_be_entered_and_left_by_its_trail(base: Path) -> None:
    page = StartPage(base, lambda path: None)
    page.do("enter", "bears")
    crumbs = next(elements(page.tree[0], "ol"))
    assert text_of(crumbs) == "home / bears"
    page.do("enter", ".")
    assert "bears" in [b[2] for b in elements(page.tree[0], "button")]


def test_opening_hands_over_the_whole_path(base: Path) -> None:
    opened: list[Chosen] = []
    page = StartPage(base, opened.append)
    page.do("open", "bears")
    page.do("open", "labels.csv")
    assert opened == [{"root": str(base / "bears")}, {"root": str(base / "labels.csv")}]


@pytest.mark.parametrize("value", ["..", "../outside", "/etc", "bears/../../outside", "no such"])
def test_nothing_outside_the_base_can_be_opened_or_entered(base: Path, value: str) -> None:
    opened: list[Chosen] = []
    page = StartPage(base, opened.append)
    for act in ("open", "enter"):
        page.do(act, value)
        assert (
            page.problem == f"There is no {value!r} below {base}; choose one of the folders that are listed."
        )
    assert opened == []


def test_a_link_that_leads_out_is_refused(base: Path, tmp_path: Path) -> None:
    (base / "way out").symlink_to(tmp_path / "outside")
    with pytest.raises(CatalogError, match=r"^There is no 'way out' below "):
        folders.place_below(base, "way out")


def test_recent_sets_can_be_opened_wherever_they_are(base: Path, tmp_path: Path) -> None:
    then = datetime.now(UTC)
    recent = [
        RecentSet(root=tmp_path / "outside", labels=None, state=tmp_path / "s", opened=then, count=12),
        RecentSet(root=base, labels=base / "labels.csv", state=None, opened=then, count=1),
    ]
    opened: list[Chosen] = []
    page = StartPage(base, opened.append, recent=recent)
    assert say("start.recent.opened", images="12 images", ago=say("start.just_now")) in texts(page)
    page.do("recent", "0")
    page.do("recent", "1")
    assert opened == [
        {"root": str(tmp_path / "outside"), "state": str(tmp_path / "s")},
        {"root": str(base), "labels": str(base / "labels.csv")},
    ]
    page.do("recent", "2")
    assert page.problem == "There is no recent data set number 2; load the page again."


def test_counting_gives_up_in_time_and_says_that_there_may_be_more(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 1)
    number, complete = folders.count_images(base)
    assert number <= 1
    assert not complete
