"""What ``from cleaner import …`` offers, and what it must not load."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import cleaner

HEAVY = ("torch", "torchvision", "sklearn", "scipy", "matplotlib", "ipywidgets", "anywidget", "pandas", "PIL")


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after one statement."""
    code = f"import json, sys; {statement}; print(json.dumps(sorted(m.split('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert modules_after("import cleaner") & set(HEAVY) == set()


def test_the_command_comes_to_the_dashboard_without_tables_and_databases() -> None:
    assert (
        modules_after("import cleaner.cli, cleaner.dashboard.server") & {*HEAVY, "numpy", "sqlalchemy"}
        == set()
    )


def test_every_public_name_loads_from_its_module_and_is_listed() -> None:
    assert cleaner.__all__ == sorted(cleaner.__all__)
    assert set(cleaner._HOMES) == set(cleaner.__all__) - {"__version__"}
    for name, home in cleaner._HOMES.items():
        value = getattr(cleaner, name)
        assert value is getattr(importlib.import_module(home), name)
        assert value.__name__ == name


def test_a_star_import_gives_all_public_names() -> None:
    names: dict[str, object] = {}
    exec("from cleaner import *", names)
    assert set(cleaner.__all__) <= set(names)


def test_dir_lists_the_public_names_before_they_are_loaded() -> None:
    assert set(cleaner.__all__) <= set(dir(cleaner))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError) as error:
        cleaner.ImagesCleaner  # noqa: B018 - the access is the test
    assert str(error.value) == "module 'cleaner' has no attribute 'ImagesCleaner'"


@pytest.mark.parametrize(
    "statement",
    [
        "from cleaner import Workspace, Catalog, Ranking",
        "import cleaner.review.store",
        "from cleaner import ImageCleaner, FileDeleter, RetrainPanel, CleanerApp",
    ],
)
def test_what_the_page_needs_loads_no_torch_and_no_scientific_stack(statement: str) -> None:
    assert modules_after(statement) & {"torch", "torchvision", "sklearn", "scipy", "matplotlib"} == set()
