"""The notebooks run from top to bottom, without network; their outputs are kept for readers."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LESSONS = ["lesson.ipynb", "sgd.ipynb"]


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's own
@pytest.mark.parametrize("name", LESSONS)
def test_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    notebook = read(name)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.parametrize("name", LESSONS)
def test_the_outputs_that_are_kept_are_whole(name):
    cells = code(read(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not {"error", "stderr"} & {output.get("name", output.output_type) for output in outputs}
