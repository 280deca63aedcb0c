"""What a page's kernel is told: one environment variable with JSON in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cleaner.errors import DashboardError
from cleaner.widgets.sentences import say

ENVIRONMENT_VARIABLE = "CLEANER_DASHBOARD"
_PATHS = {"labels", "state", "weights"}
_APACHE_HAS_NONE = "(null)"


@dataclass(frozen=True)
class PageSettings:
    """What a page opens.

    Parameters
    ----------
    workspace : dict or None
        Keyword arguments of `cleaner.Workspace`, ``root`` among them; None shows the page that chooses one.
    options : dict
        Keyword arguments of `cleaner.Workspace` for a data set that is chosen on the page.
    browse_root : str
        Absolute path of the folder below which a data set may be chosen.
    log_path : str or None
        File that receives the kernel's log.
    reviewer_header : str or None
        Header of the page's request that names the reviewer, as a proxy sends it at which they are logged in.
    """

    workspace: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    browse_root: str = ""
    log_path: str | None = None
    reviewer_header: str | None = None

    @classmethod
    def for_root(
        cls,
        root: str | Path | None,
        *,
        options: Mapping[str, Any] | None = None,
        browse_root: str | Path | None = None,
        reviewer_header: str | None = None,
    ) -> PageSettings:
        """Describe a page for a data set, or for choosing one (``root`` None).

        Raises
        ------
        DashboardError
            An option cannot be written as JSON, or ``browse_root`` is no folder.
        """
        plain = dict(options or {})
        for key in _PATHS & plain.keys():  # the kernel runs in another folder
            if plain[key] is not None:
                plain[key] = str(Path(plain[key]).expanduser().resolve())
        try:
            json.dumps(plain)
        except TypeError as error:
            msg = f"Got options {plain!r}; each must be text, a number, true, false or nothing."
            raise DashboardError(msg) from error
        base = Path(browse_root).expanduser() if browse_root is not None else Path.home()
        if not base.is_dir():
            msg = f"Got {base} as the folder to choose data sets from; there is no such folder."
            raise DashboardError(msg)
        workspace = None if root is None else {**plain, "root": str(Path(root).expanduser().resolve())}
        return cls(
            workspace=workspace,
            options=plain,
            browse_root=str(base.resolve()),
            reviewer_header=reviewer_header,
        )

    def of_visitor(self, environment: Mapping[str, str]) -> PageSettings:
        """Return the settings with the visitor as the reviewer, if a proxy is to name them.

        Parameters
        ----------
        environment : mapping
            That of the page's kernel, in which Voilà puts the header.

        Raises
        ------
        DashboardError
            The proxy sent no name, or what cannot be one.
        """
        if self.reviewer_header is None:
            return self
        sent = environment.get(f"HTTP_{self.reviewer_header.upper().replace('-', '_')}", "").strip()
        try:
            reviewer = sent.encode("latin-1").decode()  # bytes of a header are read as Latin-1
        except UnicodeError:
            reviewer = sent
        if not reviewer or reviewer == _APACHE_HAS_NONE:
            raise DashboardError(say("page.nobody", header=self.reviewer_header))
        if not reviewer.isprintable():  # they would stand beside decisions and look like somebody else's
            raise DashboardError(say("page.no_name", header=self.reviewer_header))
        workspace = None if self.workspace is None else {**self.workspace, "reviewer": reviewer}
        return replace(self, workspace=workspace, options={**self.options, "reviewer": reviewer})

    @property
    def title(self) -> str:
        """Name of the data set, or nothing when it is still to be chosen."""
        return Path(self.workspace["root"]).name if self.workspace else ""

    def to_json(self, *, log_path: Path | None = None) -> str:
        """Write the value of the environment variable."""
        return json.dumps(
            {
                "workspace": self.workspace,
                "options": self.options,
                "browse_root": self.browse_root,
                "log_path": str(log_path) if log_path is not None else self.log_path,
                "reviewer_header": self.reviewer_header,
            }
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> PageSettings | None:
        """Read the settings that `Dashboard` left; None outside the dashboard (a notebook opened by hand)."""
        text = (os.environ if environment is None else environment).get(ENVIRONMENT_VARIABLE)
        if not text:
            return None
        return cls(**json.loads(text))
