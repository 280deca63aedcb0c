"""Write the folder that Voilà reads: its settings, the notebook, and a kernel pinned to this Python."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from cleaner.dashboard.kernels import COMMAND, PROVISIONER
from cleaner.errors import DashboardError
from cleaner.widgets.page_settings import PageSettings

DEFAULT_IDLE_MINUTES = 30.0
"""How long a kernel stays that no page is connected to.

A page whose tab is open keeps its kernel however long it rests; one that lost its connection (a laptop's nap,
a network cut) has this long to come back before its kernel is taken away, see `PageKernelManager`. Background
jobs are processes of their own, which go on.
"""

_CULL_INTERVAL_S = 60
_HERE = Path(__file__).resolve().parent
SHARE = _HERE / "share"
"""Jupyter data folder with the page's template."""

# The page needs no other front-end extension; whatever else is installed can then neither slow it nor break
# it, nor make it ask other hosts.
_EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]

# The page may talk to the server it came from and to nobody else; widget code and images are in blob:.
_CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)

HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",  # the address carries the token
}
"""Sent with every answer."""


def write_folder(
    folder: Path,
    settings: PageSettings,
    *,
    ip: str,
    port: int,
    token: str,
    theme: str | None,
    base_url: str = "/",
    idle_minutes: float = DEFAULT_IDLE_MINUTES,
) -> Path:
    """Lay out what Voilà reads in ``folder``, which only the user may enter; return the notebook's path."""
    page = folder / "page"
    page.mkdir()
    notebook = json.loads(_notebook_path().read_text(encoding="utf-8"))
    notebook["metadata"]["title"] = f"{settings.title} · cleaner" if settings.title else "cleaner"
    notebook["metadata"]["cleaner"] = {"opening": settings.title, "theme": theme or "auto"}
    copy = page / "app.ipynb"
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    kernel = folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(_kernel_spec()), encoding="utf-8")
    config = _voila_config(folder, ip=ip, port=port, token=token, theme=theme)
    config["Voila"]["base_url"] = base_url
    if settings.reviewer_header is not None:
        config["VoilaConfiguration"]["http_header_envs"] = [settings.reviewer_header]
        config["Voila"]["identity_provider_class"] = "cleaner.dashboard.identity.ProxyIdentity"
        config["Voila"]["tornado_settings"] = {
            "headers": HEADERS,
            "reviewer_header": settings.reviewer_header,
        }
    config["MappingKernelManager"] = {
        "cull_interval": max(1, min(_CULL_INTERVAL_S, round(idle_minutes * 60 / 2))),
        "cull_idle_timeout": max(1, round(idle_minutes * 60)),
        "cull_connected": False,
    }
    (folder / "voila.json").write_text(json.dumps(config), encoding="utf-8")
    return copy


def import_path() -> dict[str, str]:
    """Return what lets another process find this package; empty where it is installed."""
    source = _HERE.parents[1]
    if source.name in ("site-packages", "dist-packages"):
        return {}
    paths = [str(source), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _voila_config(folder: Path, *, ip: str, port: int, token: str, theme: str | None) -> dict[str, Any]:
    return {
        "Voila": {
            "ip": ip,
            "port": port,
            "port_retries": 0,
            "token": token,
            "open_browser": False,
            "root_dir": str(folder / "page"),
            "connection_dir_root": str(folder),
            "tornado_settings": {"headers": HEADERS},
        },
        "VoilaConfiguration": {
            "template": "cleaner",
            "theme": theme or "light",
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "file_allowlist": ["(?!)"],  # matches nothing: no file is served
            "preheat_kernel": False,
            "multi_kernel_manager_class": "cleaner.dashboard.kernel_manager.PageKernelManager",
            "progressive_rendering": True,  # cells run while the page's scripts load
            "show_tracebacks": False,
            "extension_allowlist": _EXTENSIONS,
        },
        # Beside that of a server above, whose cookie may come to the same host.
        "IdentityProvider": {"cookie_name": f"cleaner-{secrets.token_hex(4)}"},
    }


def _notebook_path() -> Path:
    """Find the notebook: beside this file in an installed package, in ``notebooks/`` of a source folder."""
    for path in (_HERE / "app.ipynb", _HERE.parents[1] / "notebooks" / "app.ipynb"):
        if path.is_file():
            return path
    msg = f"The dashboard's notebook {_HERE / 'app.ipynb'} is missing. Install cleaner again."
    raise DashboardError(msg)


def _kernel_spec() -> dict[str, Any]:
    """Describe a kernel that is this very Python and finds this very package."""
    spec: dict[str, Any] = {
        "argv": [*COMMAND, "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": PROVISIONER.name}},
    }
    return {**spec, "env": import_path()}
