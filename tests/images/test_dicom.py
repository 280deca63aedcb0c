"""DICOM images, as a viewer shows them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cleaner.errors import ImageError
from cleaner.images.deep import open_deep
from cleaner.images.formats import is_candidate
from cleaner.images.levels import Window
from cleaner.images.open import open_image, probe, verify

pydicom = pytest.importorskip("pydicom")

RAMP = np.linspace(0, 4000, 64 * 48).reshape(48, 64).astype(np.uint16)


def dicom(pixels: npt.NDArray[np.uint16] | npt.NDArray[np.uint8] | None, **more: object) -> bytes:
    """Write a DICOM file."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("x.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName = "Secret^Person"
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape[-2:] if pixels.ndim == 2 else pixels.shape[:2]
        data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
        data.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
        data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
        data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
        if pixels.ndim == 3:
            data.PlanarConfiguration = 0
        data.PixelData = pixels.tobytes()
    for name, value in more.items():
        setattr(data, name, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_grey_levels_are_stretched_by_their_range() -> None:
    seen = np.asarray(open_image(dicom(RAMP)))
    assert seen.shape == (48, 64, 3)
    assert np.abs(seen[..., 0] - RAMP * (255 / 4000)).max() <= 1


def test_the_window_of_the_file_is_used() -> None:
    seen = np.asarray(open_image(dicom(RAMP, WindowCenter=1000, WindowWidth=200)))[..., 0]
    assert (seen[RAMP < 890] == 0).all()
    assert (seen[RAMP > 1110] == 255).all()
    assert 100 < seen[np.abs(RAMP.astype(int) - 1000) < 2].mean() < 155


def test_the_first_of_several_windows_is_used_on_rescaled_values() -> None:
    more = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": [0, 500], "WindowWidth": [200, 9]}
    assert (
        open_image(dicom(RAMP, **more)).tobytes()
        == open_image(dicom(RAMP, WindowCenter=1000, WindowWidth=200)).tobytes()
    )


def test_inverted_grey_is_shown_white_on_black() -> None:
    seen = np.asarray(open_image(dicom(RAMP, PhotometricInterpretation="MONOCHROME1")))
    assert (seen[0, 0, 0], seen[-1, -1, 0]) == (255, 0)


def test_colours_stay() -> None:
    colours = np.zeros((10, 12, 3), np.uint8)
    colours[..., 0] = 200
    assert open_image(dicom(colours)).getpixel((3, 3)) == (200, 0, 0)


def test_the_first_of_several_frames_is_shown() -> None:
    frames = np.stack([RAMP, RAMP * 0])
    more = {
        "NumberOfFrames": 2,
        "SamplesPerPixel": 1,
        "Rows": 48,
        "Columns": 64,
        "PixelData": frames.tobytes(),
    }
    assert open_image(dicom(RAMP, **more)).getextrema()[0] == (0, 255)


def test_nothing_of_the_patient_stays_with_the_picture() -> None:
    picture = open_image(dicom(RAMP))
    assert (picture.info, type(picture).__name__) == ({}, "Image")


def test_files_are_found_with_and_without_suffix(tmp_path: Path) -> None:
    for name in ("scan.dcm", "IM0001"):
        path = tmp_path / name
        path.write_bytes(dicom(RAMP))
        assert is_candidate(path)
        found = verify(path)
        assert (found.problem, found.width_px, found.height_px, found.format) == (None, 64, 48, "DICOM")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: dicom(None), "a DICOM file without an image"),
        (lambda: dicom(RAMP)[:2000], "truncated|damaged|cannot be opened"),
        (lambda: b"\0" * 128 + b"DICM" + b"\xff" * 500, "damaged|without an image|cannot be opened"),
        (lambda: dicom(RAMP, Rows=60000, Columns=60000), "megapixels"),
    ],
)
def test_what_is_wrong_is_said(data: object, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        open_image(data())  # type: ignore[operator]


def test_without_pydicom_the_reason_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "scan.dcm"
    path.write_bytes(dicom(RAMP))
    code = (
        "import sys; sys.modules['pydicom'] = None\n"
        "from pathlib import Path\nfrom cleaner.images.open import probe\n"
        f"print(probe(Path({str(path)!r})).problem)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pydicom, which reads it, is not installed" in told
    assert probe(path).problem is None


def ct(pixels: npt.NDArray[np.uint16], **more: object) -> bytes:
    return dicom(pixels, **{"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024, **more})


def test_the_values_of_a_scan_are_in_its_unit_with_all_windows_of_the_file() -> None:
    found = open_deep(
        ct(RAMP, WindowCenter=[40, 500], WindowWidth=[400, 2000], WindowCenterWidthExplanation=["A", "BONE"])
    )
    assert found is not None
    assert (found.scale.kind, found.scale.unit, found.scale.low, found.scale.high) == (
        "CT HU", "HU", -1024, 2976,
    )  # fmt: skip
    assert found.scale.windows == (Window(40, 400, "A"), Window(500, 2000, "BONE"))
    seen = np.asarray(found.shown(Window(0, 100)))[..., 0]
    assert (seen[RAMP < 970] == 0).all()
    assert (seen[RAMP > 1080] == 255).all()


def test_windows_and_rescaling_are_found_in_the_groups_of_a_file_with_many_frames() -> None:
    from pydicom.dataset import Dataset

    def within(**values: object) -> Dataset:
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        return item

    shared = within(
        PixelValueTransformationSequence=[within(RescaleSlope=2, RescaleIntercept=-100, RescaleType="US")],
        FrameVOILUTSequence=[within(WindowCenter=300, WindowWidth=50)],
    )
    found = open_deep(dicom(RAMP, SharedFunctionalGroupsSequence=[shared]))
    assert found is not None
    assert (found.slope, found.intercept, found.scale.windows) == (2, -100, (Window(300, 50),))


def test_inverted_grey_stays_inverted_through_a_window() -> None:
    found = open_deep(dicom(RAMP, PhotometricInterpretation="MONOCHROME1"))
    assert found is not None
    seen = np.asarray(found.shown(Window(1000, 200)))
    assert (seen[0, 0, 0], seen[-1, -1, 0]) == (255, 0)


def test_indexes_of_a_palette_are_shown_as_its_colours() -> None:
    indexes = np.repeat(np.arange(3, dtype=np.uint8), 40).reshape(10, 12)
    palette = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, values in {"Red": (0, 65535, 0), "Green": (0, 0, 65535), "Blue": (65535, 0, 0)}.items()
        for part, value in (("Descriptor", [3, 0, 16]), ("Data", np.array(values, "<u2").tobytes()))
    }
    data = dicom(indexes, PhotometricInterpretation="PALETTE COLOR", **palette)
    assert open_deep(data) is None
    picture = open_image(data)
    assert [picture.getpixel((x, y)) for x, y in ((0, 0), (5, 4), (11, 9))] == [
        (0, 0, 255), (255, 0, 0), (0, 255, 0),
    ]  # fmt: skip


def test_more_frames_than_one_are_remarked() -> None:
    found = probe(dicom(RAMP, NumberOfFrames=12, PixelData=RAMP.tobytes() * 12), suffix=".dcm")
    assert found.frames == 12
    assert found.notes == ("12 frames; only the first is used",)


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        ("1.2.840.10008.1.2.4.80", r"\(JPEG-LS Lossless Image Compression\).*pip install pyjpegls"),
        ("1.2.840.10008.1.2.4.70", r"\(JPEG Lossless.*pip install pylibjpeg pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.201", r"\(High-Throughput JPEG 2000.*pip install pylibjpeg pylibjpeg-openjpeg"),
        ("1.2.840.10008.1.2.4.102", r"\(MPEG-4 .*video"),
    ],
)
def test_what_reads_a_compressed_file_is_said(syntax: str, said: str) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    data = dcmread(io.BytesIO(dicom(RAMP)))
    data.file_meta.TransferSyntaxUID = UID(syntax)
    data.PixelData = encapsulate([b"\0" * 100])
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    for reader in (open_image, open_deep):
        with pytest.raises(ImageError, match=said):
            reader(stream.getvalue())
