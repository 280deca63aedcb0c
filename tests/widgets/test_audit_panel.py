"""What the panels say about stopping and about patterns, as trees; and the buttons, in the application."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.analysis.confusions import Confusions
from cleaner.analysis.forecast import Forecast
from cleaner.analysis.patterns import Pattern, Patterns
from cleaner.analysis.summary import ReviewAnalysis
from cleaner.audit.audit import Certificate, audit_file
from cleaner.interpret.confusion_matrix import ConfusionMatrix, Share
from cleaner.interpret.label_matrix import LabelMatrix
from cleaner.interpret.reliability import Reliability, ReliabilityBin
from cleaner.ranking import rank_probabilities
from cleaner.ranking.posterior import Count
from cleaner.session.orders import AUDIT
from cleaner.session.view import GridView
from cleaner.util.wording import about, estimate
from cleaner.widgets.app import CleanerApp
from cleaner.widgets.panels.audit import stopping_section
from cleaner.widgets.panels.base import Panel, Tree, node, text_of
from cleaner.widgets.panels.confusion import MatrixView
from cleaner.widgets.panels.label_matrix import agreement_view
from cleaner.widgets.panels.patterns import pair_of, pattern_trees, patterns_section
from cleaner.widgets.panels.progress import progress_section
from cleaner.widgets.panels.report import analysis_trees
from cleaner.widgets.panels.text import (
    audit_progress,
    certificate_evidence,
    certificate_limits,
    certificate_text,
    pattern_details,
    pattern_parts,
    share_text,
    share_words,
)
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

PAIR = Pattern(kind="pair", p=0.002, part=14, whole=48, expected=0.12 * 48, given="shirt", right="longsleeve")


def certificate(**figures: int) -> Certificate:
    usual = {"population": 2929, "audited": 300, "errors": 0, "open": 0, "found": 400, "left": 31}
    return Certificate(**usual | figures)


def confused(**arrays: Any) -> Confusions:
    none = np.zeros((2, 2), dtype=np.int64)
    usual = {
        "classes": ["longsleeve", "shirt"],
        "estimated": np.array([[0, 3.4], [21.2, 0]]),
        "corrected": np.array([[0, 0], [14, 0]]),
        "open": none + np.array([[0, 0], [26, 0]]),
    }
    return Confusions(**usual | arrays)


def analysis(**parts: Any) -> ReviewAnalysis:
    usual = {
        "forecast": Forecast(next_page=Count(4.2, 1, 9), rest=Count(30.0, 12, 70), undecided=2929),
        "is_rare": False,
        "window": 100,
        "window_errors": 9,
        "certificate": None,
        "newcomers": 0,
        "patterns": Patterns(found=(), confirmed=48, top_share=0.45, audited=0),
        "confusions": confused(),
        "matrix": ConfusionMatrix(["longsleeve", "shirt"], np.array([[690, 10], [26, 354]])),
        "reliability": Reliability([ReliabilityBin(0.85, Share(156, 200))], 0.07),
    }
    return ReviewAnalysis(**usual | parts)


def elements(tree: Tree | str, tag: str) -> Iterator[Tree]:
    if not isinstance(tree, str):
        if tree[0] == tag:
            yield tree
        for child in tree[2:]:
            yield from elements(child, tag)


def buttons(tree: Tree) -> list[tuple[str, str]]:
    return [(text_of(each), each[1]["data-do"]) for each in elements(tree, "button")]


# -------------------------------------------------------------------- may I stop?


def test_while_errors_turn_up_it_is_not_yet_and_an_audit_is_offered() -> None:
    tree = stopping_section(analysis(), auditing=False)
    wrong = say("audit.wrong", errors=9, window=100)
    start = say("audit.start")
    assert text_of(tree) == (f"{say('audit')} {say('audit.not_yet')} {wrong} {say('audit.offer')} {start}")
    assert buttons(tree) == [(start, "audit")]


def test_before_a_hundred_looks_the_estimates_are_told() -> None:
    tree = stopping_section(analysis(window=24), auditing=False)
    figures = {"next": "about 4, probably 1 to 9", "rest": "about 30, probably 12 to 70"}
    assert f"{say('audit.not_yet')} {say('audit.expected', **figures)}" in text_of(tree)


def test_where_nobody_can_tell_it_says_so_and_offers_an_audit() -> None:
    vague = Forecast(next_page=Count(0.8, 0, 3), rest=Count(60.0, 4, 380), undecided=2929)
    said = text_of(stopping_section(analysis(window_errors=0, forecast=vague), auditing=False))
    errors = say("progress.rest.vague", low="4", high="400")
    assert f"{say('audit.unknown')} {say('audit.vague', errors=errors)}" in said
    assert say("audit.start") in said


def test_when_errors_are_rare_the_rule_of_thumb_is_called_one() -> None:
    ahead = Forecast(next_page=Count(0.4, 0, 1), rest=Count(3.0, 0, 8), undecided=2929)
    said = text_of(stopping_section(analysis(is_rare=True, window_errors=1, forecast=ahead), auditing=False))
    figures = {"next": "probably at most 1", "rest": "about 3, probably 0 to 8"}
    text = say("audit.rare", errors=1, window=100, **figures)
    assert f"{say('audit.maybe')} {text} {say('audit.rule')}" in said
    assert say("audit.start") in said


def test_an_audit_that_has_begun_says_what_to_do() -> None:
    tree = stopping_section(analysis(certificate=certificate(audited=0, left=2929)), auditing=True)
    assert f"0 of about 300 audited {say('audit.random')}" in text_of(tree)
    assert buttons(tree) == [(say("audit.suspicious"), "suspicious")]


def test_the_certificate_comes_with_its_ground_and_its_limits() -> None:
    tree = stopping_section(analysis(certificate=certificate(audited=120)), auditing=False)
    said = text_of(tree)
    shown = certificate(audited=120)
    assert certificate_text(shown) in said
    assert f"{audit_progress(shown)}. {certificate_evidence(shown)}" in said
    assert certificate_limits(shown) in said
    assert [bar[1]["value"] for bar in elements(tree, "progress")] == ["0.400"]
    assert buttons(tree) == [(say("audit.continue"), "audit")]


def test_newcomers_may_join() -> None:
    tree = stopping_section(analysis(certificate=certificate(), newcomers=1), auditing=False)
    assert say("audit.newcomers", images="1 image") in text_of(tree)
    assert (say("audit.join"), "join") in buttons(tree)


def test_an_audit_that_cannot_be_read_is_said_to_be_so_and_none_is_offered() -> None:
    tree = stopping_section(analysis(problem="The audit cannot be read."), auditing=False)
    assert text_of(tree) == f"{say('audit')} The audit cannot be read."
    assert buttons(tree) == []


def test_before_anything_is_known_nothing_is_claimed() -> None:
    assert text_of(stopping_section(None, auditing=False)) == ""
    assert text_of(patterns_section(None)) == ""


# -------------------------------------------------------------------- where you are


def test_the_curve_goes_on_as_the_model_expects() -> None:
    figures = {
        "errors": 3,
        "looked_at": 24,
        "total": 100,
        "labelled": 0,
        "discarded": 0,
        "asked_again": 0,
        "gone": 0,
        "last100": {"errors": 3, "looked_at": 24, "low": 1.0, "high": 8.0},
        "expected_next": Count(0.4, 0, 2),
        "pace_per_min": None,
        "minutes_left": None,
        "colleagues": [],
    }
    forecast = Forecast(
        found=((1, 1), (24, 3)),
        expected=((24, Count(3.0, 3, 3)), (48, Count(4.6, 3, 9))),
        next_page=Count(0.4, 0, 2),
        rest=Count(3.0, 0, 12),
        undecided=76,
    )
    tree = progress_section(figures, forecast)
    (svg,) = (each for each in elements(tree, "svg") if each[1].get("role") == "img")
    values = {"errors": "3 errors", "images": "24 images", "low": "3", "high": "9", "end": "48"}
    assert svg[1]["aria-label"] == say("progress.curve.expected", **values)
    lines = (say(f"progress.curve.{line}") for line in ("lines", "low", "high"))
    assert " ".join(lines) in text_of(tree)
    assert f"{say('progress.expected')} probably at most 2" in text_of(tree)
    assert f"{say('progress.rest')} about 3, probably 0 to 12" in text_of(tree)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (Count(0.0, 0, 0), "probably none"),
        (Count(0.2, 0, 1), "probably at most 1"),
        (Count(3.0, 3, 3), "probably 3"),
        (Count(12.3, 5, 20), "about 12, probably 5 to 20"),
        (Count(151.0, 63, 391), "about 150, probably 60 to 400"),
        (Count(2344.0, 1012, 4160), "about 2,300, probably 1,000 to 4,500"),
    ],
)
def test_an_interval_is_said_no_more_precisely_than_it_is_known(count: Count, said: str) -> None:
    assert estimate(*count) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.0, "less than 0.1"), (0.38, "about 0.4"), (0.96, "about 1"), (4.2, "about 4"), (1234, "about 1,234")],
)
def test_an_estimate_is_said_no_more_precisely_than_it_is(number: float, said: str) -> None:
    assert about(number) == said


# -------------------------------------------------------------------- biased or random?


def test_the_clearest_finding_leads_to_its_pictures() -> None:
    found = analysis(patterns=Patterns(found=(PAIR,), confirmed=48, top_share=0.45, audited=0))
    tree = patterns_section(found)
    assert text_of(node("p", *pattern_parts(PAIR))) in text_of(tree)
    assert [text_of(each) for each in elements(tree, "b")] == ["shirt", "longsleeve"]
    review = next(each for each in elements(tree, "button") if each[1]["data-do"] == "review")
    assert text_of(review) == "Review all shirt → longsleeve (26)"
    assert pair_of(review[1]["data-value"]) == ("shirt", "longsleeve")


def test_too_few_errors_are_no_pattern() -> None:
    early = analysis(patterns=Patterns(found=(), confirmed=12, top_share=0.5, audited=0))
    assert say("analysis.too_few", errors="12 errors", least=30) in text_of(patterns_section(early))


def test_enough_errors_without_a_pattern_are_said_to_have_none() -> None:
    assert say("analysis.no_pattern") in text_of(patterns_section(analysis()))


def test_the_report_has_certificate_findings_and_matrix() -> None:
    found = analysis(
        certificate=certificate(), patterns=Patterns(found=(PAIR,), confirmed=48, top_share=0.45, audited=300)
    )
    parts = analysis_trees(found, MatrixView())
    said = " ".join(map(text_of, parts))
    assert certificate_text(certificate()) in said
    assert pattern_details(PAIR) in said
    assert say("patterns.top_share", share="45 %") in said
    assert say("patterns.level") in said
    assert say("patterns.needs_audit") not in said
    matrix = next(table for part in parts for table in elements(part, "table"))
    assert [text_of(row) for row in elements(matrix, "tr")] == [
        f"{say('confusions.matrix.corner')} longsleeve shirt {say('confusions.matrix.all')}",
        "longsleeve 690 10 700",
        "shirt 26 354 380",
    ]
    show = say("confusions.show", images="26 images")
    assert f"shirt longsleeve 26 7 % (5–10) 14 21 {show}" in said
    assert say("reliability.suggestions.error", points="7") in said
    assert f"85 % 200 {share_words(156, 200)}" in said
    assert f"shirt 380 {share_words(354, 380)} {share_words(354, 364)}" in said


def test_of_several_labels_each_class_is_told_and_its_numbers_open_images() -> None:
    counts = np.array([[[50, 3], [2, 45]], [[90, 0], [10, 0]]])
    mixed_up = np.array([[0, 0], [2, 0]])
    parts = analysis_trees(
        analysis(matrix=LabelMatrix(["cat", "dog"], counts, mixed_up, 100, 87)), MatrixView()
    )
    summary = say("confusions.labels.summary", images="100 images", share=share_text(87, 100))
    assert summary in " ".join(map(text_of, parts))
    tables = [table for part in parts for table in elements(part, "table")]
    caption = say("confusions.matrix")
    assert [text_of(row) for row in elements(tables[0], "tr")][1:] == [
        f"cat 45 2 3 47 {share_words(45, 47)} {share_words(45, 48)}",
        f"dog 10 10 {share_words(0, 10)} –",
    ]
    assert text_of(tables[0]).startswith(caption)
    cells = [
        each[1] for part in parts for each in elements(part, "button") if each[1]["data-do"] == "agreement"
    ]
    views = [agreement_view(each["data-value"]) for each in cells]
    assert [view.agreement for view in views] == [
        (("cat", "both"),),
        (("cat", "label_only"),),
        (("cat", "model_only"),),
        (("dog", "label_only"),),
        (("dog", "label_only"), ("cat", "model_only")),
    ]
    assert {view.show for view in views} == {"all"}
    assert [each.get("tabindex") for each in cells] == ["0", "-1", "-1", "-1", None]
    assert say("reliability.labels.error", points="7.0") in " ".join(map(text_of, parts))


def test_a_report_without_errors_or_audit_says_so() -> None:
    clean = Patterns(found=(), confirmed=0, top_share=None, audited=0)
    said = " ".join(map(text_of, analysis_trees(analysis(patterns=clean, matrix=None), MatrixView())))
    assert say("report.audit.none") in said
    assert say("confusions.none") in said
    assert say("patterns.needs_audit") in said


def test_of_many_classes_those_with_errors_are_shown_and_those_with_most_first() -> None:
    counts = np.diag(np.full(100, 30))
    counts[7, 3], counts[50, 51] = 9, 2
    many = ConfusionMatrix([f"class {i}" for i in range(100)], counts)

    def rows(**how: bool) -> list[str]:
        trees = analysis_trees(analysis(matrix=many), MatrixView(**how))
        table = next(table for part in trees for table in elements(part, "table"))
        return [text_of(row) for row in elements(table, "tr")][1:]

    assert rows() == ["class 3 30 30", "class 7 9 30 39", "class 50 30 2 32", "class 51 30 30"]
    assert len(rows(whole=True)) == 100
    assert rows(normalised=True)[1] == "class 7 23 77 39"


# -------------------------------------------------------------------- in the application


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Twenty-four ranked pictures, one of each class filed wrongly."""
    root = make_set(wrong=1)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
    return root


@pytest.fixture
def app(root: Path) -> Iterator[CleanerApp]:
    opened = CleanerApp(Workspace(root, from_scratch=True, reviewer="Ana"), page_size=6)
    yield opened
    opened.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen within 20 s"
        time.sleep(0.01)


def test_the_button_opens_the_audit_and_each_page_moves_the_certificate(app: CleanerApp) -> None:
    stopping = app.analysis.stopping
    assert app.session.wait()
    assert say("audit.start") in text(stopping)
    stopping.do("audit")
    assert app.session.wait()
    assert say("analysis.audited", audited=0, aim=24) in text(stopping)
    assert app.image_cleaner.view == GridView(order=AUDIT)
    app.image_cleaner.confirm_page()
    assert app.session.wait()
    assert say("analysis.audited", audited=6, aim=24) in text(stopping)
    assert say("audit.suspicious") in text(stopping)
    stopping.do("suspicious")
    assert app.image_cleaner.view == GridView()
    assert say("audit.continue") in text(stopping)


def test_an_audit_that_cannot_begin_says_why(app: CleanerApp) -> None:
    assert app.session.wait()
    audit_file(app.workspace.state, app.workspace.name).mkdir()
    app.analysis.stopping.do("audit")
    assert app.session.wait()
    assert "cannot be read" in app.analysis.stopping.problem


def test_review_all_sets_the_filters_and_shows_the_labels(app: CleanerApp) -> None:
    app.go_to("Report")
    app.sheet.do("review", json.dumps(["blue", "green"]))
    assert app.image_cleaner.view == GridView(given="blue", predicted="green")
    assert app.image_cleaner.names == ("blue/green_000.png",)
    frame = [app]
    for widget in frame:  # which grows by all that stands in it
        frame += getattr(widget, "children", ())
    assert app.image_cleaner in frame
    assert app.sheet not in frame


def test_a_number_of_the_matrix_opens_exactly_the_images_that_it_counts(app: CleanerApp) -> None:
    cleaner = app.image_cleaner
    cleaner.decide("blue/green_000.png", "relabel", "green")  # leaves the cell blue, green
    cleaner.decide("green/red_000.png", "keep")
    cleaner.decide("green/green_003.png", "delete")
    app.go_to("Report")
    assert app.session.wait()
    matrix = app.session.analysis.matrix
    cells = {}
    for row, column in np.argwhere(matrix.counts):
        pair = matrix.classes[row], matrix.classes[column]
        app.sheet.do("cell", json.dumps(pair))
        shown = [*cleaner.names]
        while cleaner.session.page().can_go_on:
            cleaner.next_page()
            shown += cleaner.names
        cells[pair] = shown
        assert len(shown) == len(set(shown)) == matrix.counts[row, column], pair
    assert cells["green", "red"] == ["green/red_000.png"]
    assert "blue/green_000.png" in cells["green", "green"]
    assert ("blue", "green") not in cells
    assert cleaner.filters.children[3].value == matrix.classes[row]


def test_the_report_is_a_click_away_and_follows_the_decisions(app: CleanerApp) -> None:
    app.image_cleaner.decide(app.image_cleaner.names[0], "suggest")
    assert app.session.wait()
    assert say("patterns.report") in text(app.analysis.patterns)
    app.analysis.patterns.do("report")
    until(lambda: say("report.confusions") in text(app.sheet))


def test_the_analysis_does_not_wait_for_the_page_nor_hold_it_up(app: CleanerApp) -> None:
    assert app.session.wait()
    before = app.session.analysis
    assert before is not None
    with app.lock:
        app.session.analyse()
        until(lambda: app.session.analysis is not before)


def test_patterns_are_worked_out_when_the_report_is_looked_at(app: CleanerApp) -> None:
    wrong = app.image_cleaner.names[:3]
    for name in wrong:
        app.image_cleaner.decide(name, "suggest")
        assert app.session.wait()
    before = app.session.analysis
    assert before is not None
    assert before.patterns.confirmed == 3
    assert before.confusions.corrected.sum() == 1  # after the first they are counted every 24 decisions
    app.go_to("Report")
    assert app.session.wait()
    assert app.session.analysis is not None
    assert app.session.analysis.confusions.corrected.sum() == 3


@pytest.mark.parametrize("kind", ["source", "suspicion"])
def test_a_source_has_a_button_that_opens_its_images(kind: Any) -> None:
    ben = Pattern(kind=kind, p=0.01, part=9, whole=20, images=40, share=0.3, source="annotator", group="Ben")
    found = analysis(patterns=Patterns(found=(ben,), confirmed=48, top_share=None, audited=0))
    text = say("patterns.review_source", source="annotator", group="Ben")
    assert (text, "source") in buttons(patterns_section(found))
    assert (text, "source") in buttons(node("div", *pattern_trees(found)))
