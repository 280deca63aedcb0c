from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import ServingError
from cleaner.models.backbones import load_backbone
from cleaner.serving.app import make_app
from cleaner.serving.inference import Limits, Predictor
from cleaner.training.network import Network

LIMITS = Limits(max_bytes=40_000, max_pixels=250_000, timeout_s=10, workers=2, waiting=4)
Open = Callable[[Limits], TestClient]


def jpeg(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (60, 40)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def network() -> Network:
    backbone = load_backbone("mobilenet_v2", from_scratch=True, device="cpu").resized(64)
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(backbone.feature_dim, 3)).astype(np.float32) * 3
    return Network.from_linear_head(
        backbone, ["maple", "oak", "<b>elm</b>"], weight=weight, offset=np.zeros(3, np.float32)
    )


@pytest.fixture(scope="module")
def shared(network: Network) -> Iterator[Predictor]:
    with Predictor(network, LIMITS) as predictor:
        yield predictor


@pytest.fixture
def client(shared: Predictor) -> Iterator[TestClient]:
    with TestClient(make_app(shared), raise_server_exceptions=True) as client:
        yield client


def test_a_file_of_a_form_and_a_body_get_the_same_sorted_answer(client: TestClient, network: Network) -> None:
    data = jpeg()
    by_form = client.post("/classify", files={"file": ("x.jpg", data, "image/jpeg")})
    by_body = client.post("/classify", content=data)
    assert by_form.status_code == by_body.status_code == 200
    assert by_form.json() == by_body.json()
    assert "labels" not in by_body.json()
    predictions = by_body.json()["predictions"]
    shares = [share for _, share in predictions]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-4)
    (expected,) = network.predict([data])
    assert predictions[0][0] == expected.label
    assert predictions[0][1] == pytest.approx(expected.probability, abs=0.02)


def test_with_heat_there_is_an_image_of_what_speaks_for_the_first_class(client: TestClient) -> None:
    said = client.post("/classify?heat=1", content=jpeg(size=(300, 600))).json()
    assert said["heat"].startswith("data:image/jpeg;base64,")
    assert "heat" not in client.post("/classify?heat=0", content=jpeg()).json()


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", 400, "no image in this request"),
        (b"hello, this is a text", 415, "This file cannot be used (not an image"),
        (jpeg()[:200], 415, "cannot be used"),
        (bytes(40_001), 413, "larger than 40,000 bytes"),
        (jpeg(size=(600, 600)), 415, "600 × 600 pixels"),
    ],
)
def test_what_cannot_be_classified_gets_a_sentence(
    client: TestClient, content: bytes, code: int, words: str
) -> None:
    answer = client.post("/classify", content=content)
    assert answer.status_code == code
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary="]
)
@pytest.mark.parametrize("body", [b"garbage", b"--x\r\nContent-Disposition: nothing\r\n\r\nabc\r\n--x--\r\n"])
def test_a_form_that_cannot_be_read_is_refused(client: TestClient, kind: str, body: bytes) -> None:
    answer = client.post("/classify", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_large_form_is_cut_off(client: TestClient) -> None:
    answer = client.post("/classify", files={"file": ("x.jpg", bytes(200_000), "image/jpeg")})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("", 400, "Give the address"),
        ("?url=", 400, "Give the address"),
        ("?url=http://127.0.0.1/x.jpg", 422, "loopback"),
        ("?url=http://[::ffff:10.0.0.1]/x.jpg", 422, "private"),
        ("?url=file:///etc/passwd", 422, "http://"),
        ("?url=http://a b", 422, ""),
    ],
)
def test_addresses_that_are_refused(client: TestClient, query: str, code: int, words: str) -> None:
    answer = client.get(f"/classify-url{query}")
    assert answer.status_code == code
    assert words in answer.json()["error"]


def test_an_image_in_a_data_address_is_classified(client: TestClient) -> None:
    import base64

    url = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()
    assert len(client.get("/classify-url", params={"url": url}).json()["predictions"]) == 3


def test_when_too_many_wait_a_request_is_refused_at_once(network: Network) -> None:
    limits = replace(LIMITS, workers=1, waiting=0)
    begun, may_end = threading.Event(), threading.Event()

    class Slow(Predictor):
        def answer(self, data: bytes, *, heat: bool = False):  # type: ignore[no-untyped-def]
            begun.set()
            may_end.wait(20)
            return super().answer(data, heat=heat)

    with Slow(network, limits) as predictor, TestClient(make_app(predictor)) as client:
        first: list[int] = []
        asking = threading.Thread(
            target=lambda: first.append(client.post("/classify", content=jpeg()).status_code)
        )
        asking.start()
        assert begun.wait(20)
        refused = client.post("/classify", content=jpeg())
        may_end.set()
        asking.join()
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"
    assert first == [200]


def test_what_takes_too_long_is_answered_and_the_place_is_free_afterwards(network: Network) -> None:
    limits = replace(LIMITS, workers=1, waiting=0, timeout_s=0.2)
    may_end = threading.Event()

    class Slow(Predictor):
        def answer(self, data: bytes, *, heat: bool = False):  # type: ignore[no-untyped-def]
            may_end.wait(20)
            raise ServingError("over")

    with Slow(network, limits) as predictor, TestClient(make_app(predictor)) as client:
        late = client.post("/classify", content=jpeg())
        assert late.status_code == 504 and "0.2 s" in late.json()["error"]
        may_end.set()
        assert predictor._places.acquire(timeout=20)


def test_the_page_asks_no_other_host_and_errors_are_sentences(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "//" not in page.text.replace('placeholder="https://"', "")
    for path in ("/page.css", "/page.js"):
        assert client.get(path).status_code == 200
    assert client.get("/healthz").json() == {"status": "ok", "classes": ["maple", "oak", "<b>elm</b>"]}
    assert client.get("/nothing").json() == {"error": "Not Found"}


def test_damaged_images_never_break_the_service(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    whole = jpeg(size=(200, 150))
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 5):
            data[place] = int(rng.integers(256))
        assert client.post("/classify", content=bytes(data[: rng.integers(1, len(data))])).status_code in (
            200,
            415,
        )
    assert client.post("/classify", content=whole).status_code == 200


def test_a_model_for_several_labels_names_those_that_are_there() -> None:
    backbone = load_backbone("mobilenet_v2", from_scratch=True, device="cpu").resized(64)
    weight, offset = np.zeros((backbone.feature_dim, 3), np.float32), np.array([-2, 3, 1], np.float32)
    network = Network.from_linear_head(
        backbone, ["ash", "elm", "oak"], weight=weight, offset=offset, sets=LabelSets(";")
    )
    with Predictor(network, LIMITS) as predictor, TestClient(make_app(predictor)) as client:
        answer = client.post("/classify", content=jpeg()).json()
    assert answer["labels"] == ["elm", "oak"]
    assert [label for label, _ in answer["predictions"]] == ["elm", "oak", "ash"]
    shares = [share for _, share in answer["predictions"]]
    assert shares == pytest.approx([1 / (1 + np.exp(-x)) for x in (3, 1, -2)], abs=1e-3)
