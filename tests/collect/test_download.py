"""Downloading, against a real server with slow, broken, endless, redirecting and lying answers."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from web import Request, Site, jpeg

from cleaner.collect.download import MANIFEST, DownloadReport, download_images, read_manifest
from cleaner.errors import Cancelled, DownloadError
from cleaner.util.progress import Reporter


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the machine has, it cannot reach a server of the test."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.stop()


def fetch(urls: list[str], folder: Path, **options: object) -> DownloadReport:
    """Download as a test does: from this machine, without long waits."""
    settings: dict[str, object] = {"allow_private": True, "timeout_s": 5.0, "backoff_s": 0.01, **options}
    return download_images(urls, folder, **settings)  # type: ignore[arg-type]


def in_a_loop(coroutine: Coroutine[Any, Any, DownloadReport]) -> DownloadReport:
    """Run a coroutine in a thread of its own: a browser of other tests may have a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def statuses(report: DownloadReport) -> list[str]:
    return [entry.status for entry in report.entries]


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)


def test_pictures_are_saved_under_the_name_of_their_content(site: Site, tmp_path: Path) -> None:
    url = site.picture("/photo.php?id=1".partition("?")[0], seed=3)
    report = fetch([url + "?id=1"], tmp_path / "set" / "cat")
    data = jpeg(3)
    name = hashlib.sha256(data).hexdigest()[:24] + ".jpg"
    assert pictures(report.folder) == [name]
    assert (report.folder / name).read_bytes() == data
    (entry,) = report.entries
    assert (entry.status, entry.file, entry.size_bytes, entry.tries) == ("saved", name, len(data), 1)
    assert entry.sha256 == hashlib.sha256(data).hexdigest()
    assert str(report) == "1 address: 1 saved"


def test_a_second_run_fetches_only_what_is_missing(site: Site, tmp_path: Path) -> None:
    urls = [site.picture(f"/{i}", seed=i) for i in range(4)]
    first = fetch(urls, tmp_path)
    gone = next(entry for entry in first.entries if entry.url == urls[2])
    (tmp_path / gone.file).unlink()
    site.hits.clear()
    assert statuses(fetch(urls, tmp_path)) == ["already there", "already there", "saved", "already there"]
    assert dict(site.hits) == {"/2": 1}
    assert len(pictures(tmp_path)) == 4


def test_the_same_picture_behind_two_addresses_is_kept_once(site: Site, tmp_path: Path) -> None:
    report = fetch([site.picture("/a", seed=1), site.picture("/b", seed=1)], tmp_path)
    assert sorted(statuses(report)) == ["already there", "saved"]
    assert len(pictures(tmp_path)) == 1
    assert {entry.file for entry in report.entries} == set(pictures(tmp_path))


def test_an_error_page_that_calls_itself_a_picture_is_refused(site: Site, tmp_path: Path) -> None:
    url = site.page("/bear.jpg", lambda r: r.answer(b"<!DOCTYPE html><p>gone</p>", kind="image/jpeg"))
    report = fetch([url], tmp_path)
    assert [(e.status, e.detail) for e in report.entries] == [("not an image", "not an image: HTML")]
    assert pictures(tmp_path) == []


def test_half_a_picture_is_refused(site: Site, tmp_path: Path) -> None:
    body = jpeg(size=(200, 200))[:3000]
    report = fetch([site.page("/half.jpg", lambda r: r.answer(body))], tmp_path)
    assert [(e.status, e.detail) for e in report.entries] == [
        ("not an image", "truncated: the file ends early")
    ]


def test_a_status_that_stays_is_named_and_not_tried_again(site: Site, tmp_path: Path) -> None:
    report = fetch([site.url("/nothing.jpg")], tmp_path)
    assert [(e.status, e.detail, e.tries) for e in report.entries] == [("HTTP 404", "HTTP 404 Not Found", 1)]
    assert site.hits["/nothing.jpg"] == 1


def test_a_status_that_may_pass_is_tried_again(site: Site, tmp_path: Path) -> None:
    def busy_once(request: Request) -> None:
        if site.hits["/busy"] < 3:
            request.answer(b"", status=503)
        else:
            request.answer(jpeg(1))

    report = fetch([site.page("/busy", busy_once)], tmp_path, tries=3)
    assert [(e.status, e.tries) for e in report.entries] == [("saved", 3)]


def test_tries_come_to_an_end(site: Site, tmp_path: Path) -> None:
    report = fetch([site.page("/busy", lambda r: r.answer(b"", status=500))], tmp_path, tries=2)
    assert [(e.status, e.tries) for e in report.entries] == [("HTTP 500", 2)]
    assert site.hits["/busy"] == 2


def test_a_host_that_asks_for_rest_gets_it(site: Site, tmp_path: Path) -> None:
    def later(request: Request) -> None:
        if site.hits["/later"] == 1:
            request.answer(b"", status=429, Retry_After="0")
        else:
            request.answer(jpeg(1))

    report = fetch([site.page("/later", later)], tmp_path, backoff_s=0.0)
    assert [(e.status, e.tries) for e in report.entries] == [("saved", 2)]


def test_a_slow_answer_times_out(site: Site, tmp_path: Path) -> None:
    url = site.page("/slow", lambda r: site.closing.wait(10) and None)
    report = fetch([url], tmp_path, timeout_s=0.2, tries=1)
    assert [(e.status, e.detail) for e in report.entries] == [
        ("timed out", "no complete answer within 0.2 s")
    ]


def test_an_answer_that_drips_for_ever_times_out_although_bytes_keep_coming(
    site: Site, tmp_path: Path
) -> None:
    def drip(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not site.closing.wait(0.02):
            request.wfile.write(b".")

    assert statuses(fetch([site.page("/drip", drip)], tmp_path, timeout_s=0.3, tries=1)) == ["timed out"]


def test_an_endless_answer_is_cut_off_by_size(site: Site, tmp_path: Path) -> None:
    def endless(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        while not site.closing.is_set():
            request.wfile.write(b"\xff\xd8\xff" + b"x" * 65536)

    report = fetch([site.page("/endless", endless)], tmp_path, max_bytes=100_000)
    assert [(e.status, e.detail) for e in report.entries] == [("too large", "larger than 100,000 bytes")]


def test_a_large_answer_is_refused_by_its_announcement(site: Site, tmp_path: Path) -> None:
    body = b"x" * 200_001
    report = fetch([site.page("/big", lambda r: r.answer(body))], tmp_path, max_bytes=200_000)
    assert statuses(report) == ["too large"]


def test_an_answer_that_breaks_off_is_tried_again_and_named(site: Site, tmp_path: Path) -> None:
    def break_off(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "5000")
        request.end_headers()
        request.wfile.write(jpeg()[:100])
        request.close_connection = True

    report = fetch([site.page("/broken", break_off)], tmp_path, tries=2)
    assert [(e.status, e.tries) for e in report.entries] == [("no connection", 2)]


def test_an_answer_that_is_no_http_is_named(tmp_path: Path) -> None:
    async def serve_and_fetch() -> DownloadReport:
        async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"220 this is a mail server\r\n")
            writer.close()

        server = await asyncio.start_server(noise, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await asyncio.to_thread(fetch, [f"http://127.0.0.1:{port}/a.jpg"], tmp_path, tries=1)

    assert statuses(in_a_loop(serve_and_fetch())) == ["no connection"]


def test_a_compressed_answer_with_damage_is_named(site: Site, tmp_path: Path) -> None:
    url = site.page("/gz", lambda r: r.answer(b"no gzip", Content_Encoding="gzip"))
    (entry,) = fetch([url], tmp_path).entries
    assert entry.status == "no answer"
    assert entry.detail.startswith("its compression is damaged")


def test_a_port_where_nobody_listens_is_no_connection(tmp_path: Path) -> None:
    site = Site()
    url = site.url("/a.jpg")
    site.stop()
    assert statuses(fetch([url], tmp_path, tries=2)) == ["no connection"]


def test_redirects_are_followed_but_not_in_a_circle(site: Site, tmp_path: Path) -> None:
    site.picture("/there", seed=2)
    away = site.page("/away", lambda r: r.answer(b"", status=302, Location="/there"))
    circle = site.page("/circle", lambda r: r.answer(b"", status=302, Location="/circle"))
    report = fetch([away, circle], tmp_path)
    assert [(e.status, e.detail) for e in report.entries] == [
        ("saved", ""),
        ("no answer", "more than 5 redirects"),
    ]


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1/a.jpg", "127.0.0.1 is a loopback address"),
        ("http://[::1]/a.jpg", "::1 is a loopback address"),
        ("http://10.1.2.3/a.jpg", "10.1.2.3 is a private address"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is a link-local address"),
        ("http://2130706433/a.jpg", "2130706433 is 127.0.0.1, a loopback address"),
        ("http://localhost/a.jpg", "a loopback address"),
    ],
)
def test_private_addresses_are_refused_before_any_connection(tmp_path: Path, url: str, detail: str) -> None:
    (entry,) = download_images([url], tmp_path).entries
    assert entry.status == "private address"
    assert entry.detail.endswith(detail)
    assert entry.tries == 1


def test_a_private_address_is_refused_after_a_name_look_up(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.picture("/secret")
    answer_look_ups_with(monkeypatch, {"rebinding.example": "127.0.0.1"})
    (entry,) = download_images([site.url("/secret", host="rebinding.example")], tmp_path).entries
    assert (entry.status, entry.detail) == (
        "private address",
        "rebinding.example is 127.0.0.1, a loopback address",
    )
    assert site.hits["/secret"] == 0


def test_a_private_address_is_refused_after_a_redirect(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first host is taken for public; what it redirects to is not."""
    secret = site.picture("/secret")
    site.page("/open", lambda r: r.answer(b"", status=302, Location=secret.replace("127.0.0.1", "localhost")))
    monkeypatch.setattr(
        "cleaner.collect.guard.why_private", lambda text: None if text == "127.0.0.1" else "loopback"
    )
    answer_look_ups_with(monkeypatch, {"localhost": "127.0.0.2", "127.0.0.1": "127.0.0.1"})
    (entry,) = download_images([site.url("/open")], tmp_path).entries
    assert (entry.status, entry.detail) == ("private address", "localhost is 127.0.0.2, a loopback address")
    assert (site.hits["/open"], site.hits["/secret"]) == (1, 0)


def answer_look_ups_with(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str]) -> None:
    async def look_up(self: object, host: str, port: int, **kind: object) -> list[tuple[object, ...]]:
        return [(None, None, 6, "", (answers[host], port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)


def test_a_proxy_of_the_environment_is_used_and_private_addresses_are_refused_all_the_same(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url("/").rstrip("/"))
    monkeypatch.setenv("no_proxy", "")
    site.picture("http://pictures.invalid/a.jpg", seed=4)
    urls = ["http://pictures.invalid/a.jpg", "http://192.168.0.1/a.jpg"]
    assert statuses(download_images(urls, tmp_path, tries=1)) == ["saved", "private address"]
    assert dict(site.hits) == {"http://pictures.invalid/a.jpg": 1}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/a.jpg", "bear.jpg", "http://", "http://[::"]
)
def test_other_kinds_of_address_are_refused(tmp_path: Path, url: str) -> None:
    assert statuses(fetch([url], tmp_path)) == ["bad address"]
    assert pictures(tmp_path) == []


def test_a_redirect_to_a_file_is_refused(site: Site, tmp_path: Path) -> None:
    url = site.page("/to-file", lambda r: r.answer(b"", status=302, Location="file:///etc/passwd"))
    assert statuses(fetch([url], tmp_path)) == ["bad address"]


def test_data_addresses_are_decoded(tmp_path: Path) -> None:
    data = jpeg(5)
    url = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    report = download_images([url, "data:text/plain,hello", "data:nothing"], tmp_path)
    assert [(e.status, e.detail) for e in report.entries] == [
        ("saved", ""),
        ("not an image", "not an image: text"),
        ("bad address", "a data: address without a comma"),
    ]
    assert (tmp_path / report.entries[0].file).read_bytes() == data


def test_never_more_pictures_than_were_asked_for(site: Site, tmp_path: Path) -> None:
    urls = [site.url("/missing"), *(site.picture(f"/{i}", seed=i) for i in range(10))]
    report = fetch(urls, tmp_path, max_pics=3)
    assert len(pictures(tmp_path)) == 3
    assert report.counts == {"not tried": 7, "saved": 3, "HTTP 404": 1}


def test_large_pictures_are_reduced_on_demand_and_small_ones_keep_their_bytes(
    site: Site, tmp_path: Path
) -> None:
    big, small = jpeg(1, size=(300, 100)), jpeg(2, size=(40, 40))
    urls = [site.page("/big", lambda r: r.answer(big)), site.page("/small", lambda r: r.answer(small))]
    report = fetch(urls, tmp_path, max_side_px=60)
    with Image.open(tmp_path / report.entries[0].file) as image:
        assert image.size == (60, 20)
    assert (tmp_path / report.entries[1].file).read_bytes() == small


def test_one_host_gets_at_most_four_connections(site: Site, tmp_path: Path) -> None:
    def held(request: Request) -> None:
        site.closing.wait(0.05)
        request.answer(jpeg(1))

    fetch([site.page(f"/{i}", held) for i in range(16)], tmp_path, workers=16)
    assert site.most_at_once == 4


def test_no_workers_means_one_after_the_other_with_one_try_and_the_traceback_in_the_log(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    order: list[str] = []

    def noted(request: Request) -> None:
        order.append(request.path)
        request.answer(b"", status=500)

    urls = [site.page(f"/{i}", noted) for i in range(5)]
    fetch(urls, tmp_path, workers=0, tries=3)
    assert order == [f"/{i}" for i in range(5)]
    assert site.most_at_once == 1
    assert "Traceback" in caplog.text
    assert "HTTP 500 Internal Server Error" in caplog.text


def test_a_stop_keeps_what_is_complete_and_the_next_run_goes_on(site: Site, tmp_path: Path) -> None:
    class StopAfter(Reporter):
        pictures = 0.0

        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            self.pictures = values["images"]

        def should_stop(self) -> bool:
            return self.pictures >= 2

    urls = [site.picture(f"/{i}", seed=i) for i in range(30)]
    with pytest.raises(Cancelled):
        fetch(urls, tmp_path, workers=1, reporter=StopAfter())
    kept = pictures(tmp_path)
    assert 2 <= len(kept) < 30
    report = fetch(urls, tmp_path)
    assert report.counts["already there"] >= 2
    assert len(pictures(tmp_path)) == 30


def test_a_notebook_whose_thread_runs_a_loop_can_download(site: Site, tmp_path: Path) -> None:
    url = site.picture("/a")

    async def cell() -> DownloadReport:
        return fetch([url], tmp_path)

    assert statuses(in_a_loop(cell())) == ["saved"]


def test_the_manifest_says_where_each_picture_came_from_and_survives_a_torn_line(
    site: Site, tmp_path: Path
) -> None:
    url = site.picture("/a?x=1,2".partition("?")[0]) + "?x=1,2"
    report = fetch([url], tmp_path)
    with (tmp_path / MANIFEST).open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["url"], row["file"], row["status"]) == (url, report.entries[0].file, "saved")
    assert row["time"].endswith("+00:00")
    with (tmp_path / MANIFEST).open("a") as stream:
        stream.write("http://half.example/a.jpg,sav")
    assert list(read_manifest(tmp_path)) == [url]


def test_the_report_is_a_table_with_a_row_for_each_address_in_order(site: Site, tmp_path: Path) -> None:
    urls = [site.url("/x"), site.picture("/y"), site.url("/z")]
    table = fetch(urls, tmp_path).table
    assert list(table["url"]) == urls
    assert list(table["status"]) == ["HTTP 404", "saved", "HTTP 404"]


def test_the_progress_counts_pictures_and_failures(site: Site, tmp_path: Path) -> None:
    heard: list[tuple[int, int, dict[str, float]]] = []

    class Ear(Reporter):
        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            heard.append((done, total, values))

    fetch([site.url("/x"), site.picture("/y")], tmp_path, reporter=Ear())
    assert heard[0] == (0, 2, {"images": 0, "failed": 0})
    assert heard[-1] == (2, 2, {"images": 1, "failed": 1})


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError) as error:
        download_images(["http://example.org/a"], tmp_path / "file" / "cat")
    assert str(error.value) == (
        f"Cannot create the folder {tmp_path / 'file' / 'cat'}: Not a directory. "
        "Give one that can be written to."
    )
