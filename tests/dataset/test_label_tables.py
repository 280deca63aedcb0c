"""Every kind of table that people have: the input, what cleaner says, and what it reads.

``python tests/dataset/test_input_kinds.py`` makes each input in a temporary folder, reads it, and prints the
three as a table.
"""

from __future__ import annotations

import io
import tempfile
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.dataset.catalog import Catalog
from cleaner.errors import TableError
from cleaner.util.csvfile import csv_text

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
FLAT = tuple(f"{i}.jpg" for i in range(6))
CLASSES = ("cat", "dog", "cat", "dog", "cat", "cat")
CAT_DOG = dict(zip(FLAT, CLASSES, strict=True))
IN_FOLDER = {f"images/{name}": label for name, label in CAT_DOG.items()}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of table, and what must come of it.

    Attributes
    ----------
    what : str
        The input in a few words.
    text : str or bytes
        The table.
    files : sequence of str
        The images below the folder of the set, which is called "bears".
    read : mapping
        From the images' names to the labels that are read.
    refused : str
        What the error's sentence contains; empty: the table is read.
    asks, says : set of str
        Topics of doubtful findings (all of them), and some of the others.
    splits : mapping
        Splits that are read.
    told : mapping
        Options.
    """

    what: str
    text: str | bytes
    files: Sequence[str] = FLAT
    read: Mapping[str, str | None] = field(default_factory=lambda: CAT_DOG)
    refused: str = ""
    asks: frozenset[str] | set[str] = frozenset()
    says: frozenset[str] | set[str] = frozenset()
    splits: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    at: str = "l.csv"


def rows(*columns: Sequence[object], header: str = "", between: str = ",") -> str:
    """Write a table from its columns."""
    lines = [between.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def workbook(member: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(member, "<x/>")
    return data.getvalue()


STEMS = [name[:-4] for name in FLAT]
ISIC = [f"ISIC_{i:07d}" for i in range(6)]
ISIC_FILES = [f"ISIC_{i:07d}.jpg" for i in range(6)]
WORDS = ("chat", "été", "größe", "chat", "été", "größe")
RUSSIAN = ("кошка", "собака", "кошка", "собака", "кошка", "собака")
JAPANESE = ("ねこ", "いぬ", "ねこ", "いぬ", "ねこ", "いぬ")
PLAIN = rows(FLAT, CLASSES, header="name,label")
GOOD = [*(f"{i}.jpg,{CLASSES[i]},x" for i in range(6))]
MANY = [f"{i:03d}.jpg" for i in range(100)]
OPEN = "name,label\n" + "".join(f"{n},{chr(34) if i in (5, 95) else ''}cat\n" for i, n in enumerate(MANY))

HEADERS = [
    Kind(
        what="id,breed without suffix",
        text=rows(STEMS, CLASSES, header="id,breed"),
        says={"columns", "names"},
    ),
    Kind(
        what="image_id of numbers, in a subfolder",
        text=rows(STEMS, CLASSES, header="image_id,species"),
        files=tuple(IN_FOLDER),
        read=IN_FOLDER,
        says={"names"},
    ),
    Kind(
        what="Path,ClassId",
        text=rows([f"Train/{n}" for n in FLAT], [20, 1, 20, 1, 20, 20], header="Path,ClassId"),
        files=[f"Train/{n}" for n in FLAT],
        read={f"Train/{n}": i for n, i in zip(FLAT, ["20", "1", "20", "1", "20", "20"], strict=True)},
    ),
    Kind(
        what="filepath, and a column of numbers",
        text=rows([7, 9, 8, 6, 5, 4], FLAT, CLASSES, header="n,filepath,what"),
    ),
    Kind(what="no header", text=rows(FLAT, CLASSES), says={"no header"}),
    Kind(what="no header, without suffix", text=rows(STEMS, CLASSES), says={"no header", "names"}),
    Kind(
        what="no header, no suffix, first file missing",
        text="img_9,dog\n" + rows([f"img_{i}" for i in range(6)], CLASSES),
        files=[f"img_{i}.png" for i in range(6)],
        read={f"img_{i}.png": CLASSES[i] for i in range(6)},
        says={"no header", "rows without a file"},
    ),
    Kind(
        what="no header, columns told",
        text=rows(CLASSES, FLAT),
        told={"name_column": "column 2", "label_column": "column 1"},
    ),
    Kind(what="a header in other words", text=rows(CLASSES, FLAT, header="Klasse,Bilddatei")),
    Kind(what="an index column without name", text=rows(range(6), FLAT, CLASSES, header=",name,label")),
    Kind(what="R's row names", text=rows(range(1, 7), FLAT, CLASSES, header='"name","label"')),
    Kind(
        what="name is the patient, file the image",
        text=rows(["Ann", "Bob", "Ann", "Bob", "Ann", "Bob"], FLAT, CLASSES, header="name,file,label"),
    ),
    Kind(
        what="splits in a column of another name",
        text=rows(FLAT, CLASSES, ["Train", "Test"] * 3, header="name,label,data set"),
        splits={"0.jpg": "train", "1.jpg": "test"},
    ),
    Kind(
        what="a column named set that holds no splits",
        text=rows(FLAT, CLASSES, ["A", "B"] * 3, header="name,label,set"),
        asks={"choice of columns"},
    ),
    Kind(
        what="two columns that may be labels",
        text=rows(FLAT, CLASSES, ["x", "x", "y", "y", "x", "y"], header="name,label,category"),
        asks={"choice of columns"},
    ),
    Kind(
        what="label and its name",
        text=rows(FLAT, [0, 1, 0, 1, 0, 0], CLASSES, header="name,label,label_name"),
        read=dict(zip(FLAT, "010100", strict=True)),
    ),
    Kind(
        what="several columns that may be labels, none of a usual name",
        text=rows(FLAT, CLASSES, ["m", "f"] * 3, header="image,finding,sex"),
        asks={"choice of columns"},
    ),
    Kind(
        what="the label told",
        text=rows(FLAT, CLASSES, ["m", "f"] * 3, header="image,finding,sex"),
        told={"label_column": "sex"},
        read=dict(zip(FLAT, "mfmfmf", strict=True)),
    ),
    Kind(
        what="a column told that is not there",
        text=PLAIN,
        told={"label_column": "breed"},
        refused="has no column 'breed'",
    ),
    Kind(what="names alone", text=rows(FLAT, header="name"), refused="has no column of labels beside “name”"),
    Kind(what="no column of images", text="a,b\nx,red\ny,blue\n", refused="has no column of image names"),
    Kind(
        what="two columns named label",
        text="name,label,label\n0.jpg,x,y\n",
        refused="two columns named 'label'",
    ),
    Kind(what="a header alone", text="name,label\n", refused="has a header (name, label) but no rows"),
    Kind(what="empty", text="", refused="is empty"),
]

NAMES = [
    Kind(what="without suffix", text=rows(STEMS, CLASSES, header="name,label"), says={"names"}),
    Kind(
        what="beside masks of the same names, without suffix",
        text=rows(STEMS, CLASSES, header="name,label"),
        files=(*IN_FOLDER, *(f"annotations/trimaps/{stem}.png" for stem in STEMS)),
        read=IN_FOLDER,
        says={"names"},
    ),
    Kind(
        what="masks alone fit the names",
        text=rows(STEMS, CLASSES, header="name,label"),
        files=tuple(f"trimaps/{stem}.png" for stem in STEMS),
        read={f"trimaps/{name.replace('jpg', 'png')}": label for name, label in CAT_DOG.items()},
        asks={"masks"},
    ),
    Kind(
        what="another case",
        text=rows([n.upper() for n in FLAT], CLASSES, header="name,label"),
        says={"names"},
    ),
    Kind(
        what="another suffix",
        text=rows([f"{s}.tif" for s in STEMS], CLASSES, header="name,label"),
        asks={"names"},
    ),
    Kind(
        what="absolute, on another computer",
        text=rows([f"/home/ann/bears/{n}" for n in FLAT], CLASSES, header="name,label"),
        says={"names"},
    ),
    Kind(
        what="absolute, on Windows",
        text=rows([f"C:\\data\\bears\\images\\{n}" for n in FLAT], CLASSES, header="name,label"),
        files=tuple(IN_FOLDER),
        read=IN_FOLDER,
        says={"names"},
    ),
    Kind(
        what="absolute, below another folder",
        text=rows([f"/mnt/x/{n}" for n in FLAT], CLASSES, header="name,label"),
        asks={"names"},
    ),
    Kind(
        what="the root's own name in front",
        text=rows([f"bears/images/{n}" for n in FLAT], CLASSES, header="name,label"),
        files=tuple(IN_FOLDER),
        read=IN_FOLDER,
        says={"names"},
    ),
    Kind(what="in a subfolder", text=PLAIN, files=tuple(IN_FOLDER), read=IN_FOLDER, says={"names"}),
    Kind(
        what="%20, backslashes, blanks",
        text="name,label\nmy%20cat.png,cat\nsub\\dog.png,dog\n x.png ,cat\n",
        files=("my cat.png", "sub/dog.png", "x.png"),
        read={"my cat.png": "cat", "sub/dog.png": "dog", "x.png": "cat"},
    ),
    Kind(
        what="web addresses",
        text=rows([f"https://host/a/images/{n}?v=1" for n in FLAT], CLASSES, header="url,label"),
        files=tuple(IN_FOLDER),
        read=IN_FOLDER,
        asks={"names"},
    ),
    Kind(
        what="decomposed letters",
        text=f"name,label\n{unicodedata.normalize('NFD', 'bär')}.png,cat\n",
        files=("bär.png",),
        read={"bär.png": "cat"},
    ),
    Kind(
        what="numbers whose zeros a spreadsheet dropped",
        text=rows(range(6), CLASSES, header="name,label"),
        files=[f"000{i}.jpg" for i in range(6)],
        read={f"000{i}.jpg": CLASSES[i] for i in range(6)},
        asks={"names"},
    ),
    Kind(
        what="one name in two folders",
        text=PLAIN,
        files=[*(f"a/{n}" for n in FLAT), *(f"b/{n}" for n in FLAT)],
        refused="this can be a/0.jpg or b/0.jpg",
    ),
    Kind(
        what="folders of another set",
        text=rows(
            [f"{'train' if i < 3 else 'test'}/{n}" for i, n in enumerate(FLAT)], CLASSES, header="name,label"
        ),
        refused="names no image",
    ),
    Kind(
        what="a folder that is not there, a file of that name in another",
        text="name,label\ncats/0.jpg,cat\ndogs/1.jpg,dog\n",
        files=("dogs/0.jpg", "dogs/1.jpg"),
        read={"dogs/1.jpg": "dog"},
        says={"rows without a file", "files without a row"},
    ),
    Kind(
        what="one of many with another suffix only",
        text=rows([f"{i}.jpg" for i in range(20)], ["cat", "dog"] * 10, header="name,label"),
        files=[*(f"{i}.jpg" for i in range(19)), "masks/19.png"],
        read={f"{i}.jpg": ("cat", "dog")[i % 2] for i in range(19)},
        says={"rows without a file"},
    ),
    Kind(
        what="relative to the table's own folder",
        text=PLAIN,
        at="train/_classes.csv",
        files=[f"{folder}/{n}" for folder in ("train", "valid") for n in FLAT],
        read={f"train/{n}": label for n, label in CAT_DOG.items()},
        says={"files without a row"},
    ),
    Kind(
        what="rows without a file, files without a row",
        text="name,label\n0.jpg,cat\n1.jpg,dog\n77.jpg,dog\n",
        read={"0.jpg": "cat", "1.jpg": "dog"},
        says={"rows without a file", "files without a row"},
    ),
    Kind(
        what="most rows without a file",
        text=rows([f"{i}.jpg" for i in range(5, 15)], ["cat"] * 10, header="name,label"),
        read={"5.jpg": "cat"},
        asks={"rows without a file"},
    ),
]

LABELS = [
    Kind(
        what="one-hot, as ISIC has it",
        text=rows(
            ISIC,
            ["1.0", "0.0", "0.0"] * 2,
            ["0.0", "1.0", "0.0"] * 2,
            ["0.0", "0.0", "1.0"] * 2,
            header="image,MEL,NV,BCC",
        ),
        files=ISIC_FILES,
        read=dict(zip(ISIC_FILES, ["MEL", "NV", "BCC"] * 2, strict=True)),
        says={"columns", "names"},
    ),
    Kind(
        what="one-hot, as Roboflow has it",
        text=rows(FLAT, [1, 0] * 3, [0, 1] * 3, header="filename, cat, dog"),
        read=dict(zip(FLAT, ["cat", "dog"] * 3, strict=True)),
    ),
    Kind(
        what="several ones in a row",
        text=rows(
            FLAT,
            [1, 0, 1, 1, 0, 0],
            [0, 1, 1, 0, 1, 0],
            [0, 0, 0, 1, 0, 1],
            [0] * 6,
            header="filename,cat,dog,fox,owl",
        ),
        read=dict(zip(FLAT, ["cat", "dog", "cat|dog", "cat|fox", "dog", "fox"], strict=True)),
        says={"several labels"},
    ),
    Kind(
        what="a|b",
        text=rows(FLAT, ["cat|dog", "dog", "cat", "dog|fox", "cat", "dog"], header="name,labels"),
        read=dict(zip(FLAT, ["cat|dog", "dog", "cat", "dog|fox", "cat", "dog"], strict=True)),
        says={"several labels"},
    ),
    Kind(
        what="a;b",
        text=rows(FLAT, ["cat;dog", "dog", "cat", "dog;cat", "cat", "dog"], header="name,labels"),
        read=dict(zip(FLAT, ["cat;dog", "dog", "cat", "cat;dog", "cat", "dog"], strict=True)),
        says={"several labels"},
    ),
    Kind(
        what="['a', 'b']",
        text=rows(
            FLAT,
            ["\"['cat', 'dog']\"", "['dog']", "['cat']", "[]", "['cat']", "['dog']"],
            header="name,labels",
        ),
        read=dict(zip(FLAT, ["cat|dog", "dog", "cat", "|", "cat", "dog"], strict=True)),
        says={"several labels"},
    ),
    Kind(
        what="words apart by blanks, as tags",
        text=rows(
            FLAT,
            ["haze road", "clear road", "haze", "clear water road", "haze water", "clear water"],
            header="name,tags",
        ),
        read=dict(
            zip(
                FLAT,
                ["haze|road", "clear|road", "haze", "clear|road|water", "haze|water", "clear|water"],
                strict=True,
            )
        ),
        asks={"several labels"},
    ),
    Kind(
        what="names of breeds, which are no lists",
        text=rows(FLAT, ["golden retriever", "siamese cat", "labrador retriever"] * 2, header="name,label"),
        read=dict(zip(FLAT, ["golden retriever", "siamese cat", "labrador retriever"] * 2, strict=True)),
    ),
    Kind(what="rows twice", text=PLAIN + "0.jpg,cat\n./1.jpg,dog\n", says={"repeated rows"}),
    Kind(
        what="rows twice that differ elsewhere",
        text=rows(FLAT, CLASSES, range(6), header="name,label,x") + "0.jpg,cat,9\n",
        asks={"repeated rows"},
    ),
    Kind(
        what="two labels of one image",
        text=PLAIN + "0.jpg,dog\n",
        refused="'0.jpg' is “cat” in line 2 and “dog” in line 8",
    ),
    Kind(
        what="boxes",
        text="filename,class,xmin\n0.jpg,cat,1\n0.jpg,dog,2\n1.jpg,cat,1\n",
        refused="Its rows are boxes",
    ),
    Kind(
        what="1.0 and 1",
        text=rows(FLAT, ["1.0", "1", "0.0", "0", "1.0", "2.0"], header="name,label"),
        read=dict(zip(FLAT, "110012", strict=True)),
        says={"labels written as decimals"},
    ),
    Kind(
        what="leading zeros",
        text=rows(FLAT, ["007", "7", "007", "7", "010", "010"], header="name,label"),
        read=dict(zip(FLAT, ["007", "7", "007", "7", "010", "010"], strict=True)),
    ),
    Kind(
        what="measurements",
        text=rows(FLAT, ["0.25", "0.5", "0.75", "0.1", "0.2", "0.25"], header="name,label"),
        read=dict(zip(FLAT, ["0.25", "0.5", "0.75", "0.1", "0.2", "0.25"], strict=True)),
        asks={"labels that may be measurements"},
    ),
    Kind(
        what="NA, None, nan",
        text=rows(FLAT, ["NA", "cat", "None", "nan", "cat", ""], header="name,label"),
        read=dict(zip(FLAT, ["NA", "cat", "None", "nan", "cat", None], strict=True)),
        asks={"labels that may mean none"},
    ),
    Kind(
        what="blanks around labels",
        text=rows(FLAT, [" cat", "dog ", "cat\u00a0", "dog", "cat", "cat"], header="name,label"),
        says={"blanks around labels"},
    ),
    Kind(
        what="a label for every image",
        text=rows(FLAT, [f"text {i}" for i in range(6)], header="name,label"),
        read={n: f"text {i}" for i, n in enumerate(FLAT)},
        asks={"a class per image"},
    ),
]

OF_PEOPLE = [
    Kind(
        what="two folders of images, and columns about the patient",
        text=rows(
            ["L1", "L2", "L3"] * 2,
            STEMS,
            ["nv", "mel", "bkl"] * 2,
            ["histo", "consensus"] * 3,
            ["80.0", "70.0"] * 3,
            ["male", "female"] * 3,
            header="lesion_id,image_id,dx,dx_type,age,sex",
        ),
        files=[f"part_{1 + i % 2}/{name}" for i, name in enumerate(FLAT)],
        read={f"part_{1 + i % 2}/{name}": ("nv", "mel", "bkl")[i % 3] for i, name in enumerate(FLAT)},
        asks={"choice of columns"},
    ),
    Kind(
        what="splits in a column named Usage",
        text=rows(
            FLAT, [0, 1] * 3, ["Training", "PublicTest", "PrivateTest"] * 2, header="file,emotion,Usage"
        ),
        read=dict(zip(FLAT, "010101", strict=True)),
        splits={"0.jpg": "train", "1.jpg": "test", "2.jpg": "test"},
    ),
    Kind(
        what="numbers in a list of files",
        text=rows(range(1, 7), [f"a/{name}" for name in FLAT], between=" "),
        files=[f"a/{name}" for name in FLAT],
        at="images.txt",
        refused="has no column of labels that can be recognised",
    ),
    Kind(
        what="a column is_train",
        text=rows(FLAT, CLASSES, [1, 0] * 3, header="img,label,is_train"),
        asks={"choice of columns"},
    ),
    Kind(
        what="a column is_training_img",
        text=rows(FLAT, CLASSES, [1, 0] * 3, header="img,label,is_training_img"),
        asks={"choice of columns"},
    ),
    Kind(
        what="a column of folds",
        text=rows(FLAT, CLASSES, [0, 1, 2] * 2, header="img,label,fold"),
        asks={"choice of columns"},
    ),
    Kind(
        what="splits as numbers",
        text=rows(FLAT, CLASSES, [0, 1] * 3, header="name,label,split"),
        refused="Got split '0' in line 2 of l.csv",
    ),
    Kind(
        what="names and splits alone",
        text=rows(FLAT, ["train", "test"] * 3, header="path,split"),
        refused="has no column of labels beside “path”, “split”",
    ),
    Kind(
        what="one column told for two things",
        text=PLAIN,
        told={"name_column": "name", "label_column": "name"},
        refused="for two things",
    ),
    Kind(
        what="a column of 0 and 1 beside one-hot columns",
        text=rows(
            FLAT,
            [0, 1, 1, 0, 1, 1],
            [1, 0, 0] * 2,
            [0, 1, 0] * 2,
            [0, 0, 1] * 2,
            header="name,male,cat,dog,fox",
        ),
        read=dict(zip(FLAT, ["cat", "dog", "fox"] * 2, strict=True)),
        asks={"choice of columns"},
    ),
    Kind(
        what="an empty column of labels beside a full one",
        text=rows(FLAT, [""] * 6, CLASSES, header="name,label,breed"),
        asks={"choice of columns"},
    ),
    Kind(
        what="names of texts about the images",
        text=rows([f"{stem}.xml" for stem in STEMS], CLASSES, header="name,label"),
        asks={"names"},
    ),
    Kind(
        what="numbers with a decimal point as names",
        text=rows([f"{stem}.0" for stem in STEMS], CLASSES, header="id,label"),
        asks={"names"},
    ),
    Kind(
        what="two files of one stem",
        text="name,label\na,cat\nb,dog\n",
        files=("a.jpg", "a.png", "b.jpg"),
        read={"b.jpg": "dog"},
        says={"rows without a file"},
    ),
    Kind(
        what="names that differ on the disk by case alone",
        text="name,label\nA.JPG,cat\n",
        files=("a.jpg", "A.jpg"),
        refused="this can be A.jpg or a.jpg",
    ),
    Kind(
        what="one image in two spellings, with two labels",
        text=PLAIN + "0.JPG,dog\n",
        refused="contradicts itself on 1 image",
    ),
    Kind(
        what="cat+dog, told to be one label",
        text=rows(FLAT, ["cat+dog", "cat", "dog"] * 2, header="name,label"),
        told={"label_separator": "-"},
        read=dict(zip(FLAT, ["cat+dog", "cat", "dog"] * 2, strict=True)),
    ),
    Kind(
        what="several columns of which one is of 0 and 1",
        text=rows(FLAT, ["cat", "dog"] * 3, ["1", "0", ""] * 2, header="name,animal,red"),
        told={"label_column": "animal,red"},
        refused="“animal” holds “cat”",
    ),
    Kind(
        what="cat+dog",
        text=rows(FLAT, ["cat+dog", "cat", "dog"] * 2, header="name,label"),
        read=dict(zip(FLAT, ["cat+dog", "cat", "dog"] * 2, strict=True)),
        asks={"several labels"},
    ),
    Kind(
        what="decimal commas",
        text=rows(FLAT, ["0,0", "1,0"] * 3, header="name;label", between=";"),
        read=dict(zip(FLAT, "010101", strict=True)),
        says={"labels written as decimals"},
    ),
    Kind(
        what="invisible characters and line breaks in labels",
        text='name,label\n0.jpg,cat\u200b\n1.jpg,cat\n2.jpg,"black\nbear"\n',
        read={"0.jpg": "cat", "1.jpg": "cat", "2.jpg": "black bear"},
        says={"blanks around labels"},
    ),
    Kind(
        what="labels that were garbled before",
        text=rows(FLAT, ["KÃ¤fer", "dog"] * 3, header="name,label"),
        read=dict(zip(FLAT, ["KÃ¤fer", "dog"] * 3, strict=True)),
        asks={"garbled labels"},
    ),
]

TEXTS = [
    Kind(
        what="a title above the header",
        text="My labels 2024,,\n" + rows(FLAT, CLASSES, CLASSES, header="name,label,x"),
        says={"lines above the header"},
    ),
    Kind(
        what="quotation marks in a table with tabs",
        text='name\tlabel\n0.jpg\t"big" cat\n1.jpg\tdog\n',
        files=FLAT[:2],
        read={"0.jpg": '"big" cat', "1.jpg": "dog"},
    ),
    Kind(
        what="quotation marks that are not around the value",
        text='name,label\n0.jpg,"big" cat\n1.jpg,dog\n',
        files=FLAT[:2],
        read={"0.jpg": "big cat", "1.jpg": "dog"},
        asks={"quotation marks"},
    ),
    Kind(
        what="a mark for inches",
        text='name,label\n0.jpg,5" nail\n1.jpg,6" nail\n',
        files=FLAT[:2],
        read={"0.jpg": '5" nail', "1.jpg": '6" nail'},
    ),
    Kind(
        what="a quote that is open to the end",
        text='name,label\n0.jpg,cat\n1.jpg,"dog\n2.jpg,cat\n',
        refused="line 3 of l.csv is not closed",
    ),
    Kind(
        what="a quote at a name",
        text='name,label\n"0.jpg,cat\n1.jpg,dog\n2.jpg,cat\n',
        refused="line 2 of l.csv is not closed",
    ),
    Kind(
        what="one damaged line",
        text=PLAIN.replace("cat", "Käfer").encode() + b"9.jpg,\xff\n",
        refused="Line 8 of l.csv is damaged",
    ),
    Kind(what="semicolons", text=rows(FLAT, CLASSES, header="name;label", between=";")),
    Kind(what="tabs", text=rows(FLAT, CLASSES, header="name\tlabel", between="\t")),
    Kind(what="pipes", text=rows(FLAT, CLASSES, header="name|label", between="|")),
    Kind(what="blanks", text=rows(FLAT, CLASSES, between=" "), at="l.txt", says={"no header"}),
    Kind(
        what="another sign, told",
        text=rows(FLAT, CLASSES, header="name^label", between="^"),
        told={"delimiter": "^"},
    ),
    Kind(
        what="semicolons and decimal commas",
        text=rows(FLAT, ["0,5"] * 6, CLASSES, header="name;p;label", between=";"),
    ),
    Kind(what="sep=;", text="sep=;\r\n" + rows(FLAT, CLASSES, header="name;label", between=";")),
    Kind(what="comments", text="# made by Ann, 2024\n" + PLAIN + "# the end\n", says={"comments"}),
    Kind(what="a header that begins with #", text="#" + PLAIN),
    Kind(
        what="names that begin with #",
        text="#0.jpg,cat\n#1.jpg,dog\n#2.jpg,cat\n",
        files=("#0.jpg", "#1.jpg", "#2.jpg"),
        read={"#0.jpg": "cat", "#1.jpg": "dog", "#2.jpg": "cat"},
    ),
    Kind(what="blank lines", text="\n\n" + PLAIN.replace("\n", "\n\n") + ",\n"),
    Kind(what="a byte order mark", text=b"\xef\xbb\xbf" + PLAIN.encode()),
    Kind(what="UTF-16 without a mark", text=PLAIN.encode("utf-16-le")),
    Kind(what="UTF-32", text=PLAIN.encode("utf-32")),
    Kind(what="commas at the ends", text=PLAIN.replace("\n", ",,\n")),
    Kind(
        what="empty columns at the end of rows only",
        text="name,label\n" + "".join(f"{n},{c},,\n" for n, c in CAT_DOG.items()),
    ),
    Kind(
        what="rows that are short",
        text=PLAIN + "5.jpg\n".replace("5", "6"),
        files=(*FLAT, "6.jpg"),
        read={**CAT_DOG, "6.jpg": None},
        says={"rows with too few fields"},
    ),
    Kind(
        what="a comma in a value", text=PLAIN + "more.jpg,big, fat cat\n", asks={"rows with too many fields"}
    ),
    Kind(
        what="a header of another count",
        text="name,label\n0.jpg,cat,x\n0.jpg,cat,y\n",
        refused="No row of l.csv fits its header",
    ),
    Kind(
        what="a huge field", text=rows(FLAT, CLASSES, ["x" * 11_000_000, *"bcdef"], header="name,label,notes")
    ),
    Kind(
        what="quotes after a blank",
        text='name, label\n0.jpg, "cat, big"\n1.jpg, dog\n',
        read={"0.jpg": "cat, big", "1.jpg": "dog"},
        files=FLAT[:2],
    ),
    Kind(
        what="single quotes",
        text=rows([f"'{n}'" for n in FLAT], [f"'{c}'" for c in CLASSES], header="name,label"),
    ),
    Kind(
        what="line breaks in notes",
        text='name,label,notes\n0.jpg,cat,"two\nlines, really"\n1.jpg,dog,\n',
        read={"0.jpg": "cat", "1.jpg": "dog"},
        files=FLAT[:2],
    ),
    Kind(
        what="a missing quote that swallows 89 rows",
        text=OPEN,
        files=MANY,
        refused="line 7 of l.csv is not closed, so the 90 lines below",
    ),
    Kind(
        what="a missing quote in another column",
        text="name,label,x\n" + '0.jpg,cat,"y\n' + "\n".join(GOOD[1:]) + "\n",
        refused="line 2 of l.csv is not closed",
    ),
    Kind(what="carriage returns alone", text=PLAIN.replace("\n", "\r")),
]

ENCODINGS = [
    Kind(
        what="Western Europe, names tell",
        text=rows(["ä.jpg", *FLAT[1:]], WORDS, header="name,label").encode("cp1252"),
        files=("ä.jpg", *FLAT[1:]),
        read=dict(zip(("ä.jpg", *FLAT[1:]), WORDS, strict=True)),
        says={"encoding"},
    ),
    *(
        Kind(
            what=f"{encoding}, not told",
            text=rows(FLAT, words, header="name,label").encode(encoding),
            refused=f"--encoding {encoding} reads {words[0] if words[0].isascii() is False else words[1]}",
        )
        for encoding, words in (
            ("cp1252", WORDS),
            ("cp1251", RUSSIAN),
            ("koi8_r", RUSSIAN),
            ("cp932", JAPANESE),
            ("mac_roman", WORDS),
        )
    ),
    Kind(
        what="told",
        text=rows(FLAT, RUSSIAN, header="name,label").encode("cp1251"),
        told={"encoding": "cp1251"},
        read=dict(zip(FLAT, RUSSIAN, strict=True)),
    ),
    Kind(
        what="told wrongly",
        text=rows(FLAT, RUSSIAN, header="name,label").encode("cp1251"),
        told={"encoding": "utf-8"},
        refused="Line 2 of l.csv is not in the encoding utf-8",
    ),
    Kind(
        what="an encoding that is none",
        text=PLAIN,
        told={"encoding": "klingon"},
        refused="There is no encoding 'klingon'",
    ),
]

OTHERS = [
    Kind(
        what="damaged Excel",
        text=workbook("xl/workbook.xml"),
        at="l.xlsx",
        refused="is not a valid Excel file",
    ),
    Kind(what="old Excel", text=b"\xd0\xcf\x11\xe0" + bytes(600), at="l.xls", refused="is an Excel workbook"),
    Kind(what="OpenDocument", text=workbook("content.xml"), at="l.ods", refused="it is a spreadsheet"),
    Kind(what="an image", text=PNG, refused="it is an image"),
    Kind(what="JSON", text='{"images": []}', at="l.json", refused="it is JSON"),
    Kind(what="a web page", text="<!DOCTYPE html><table>", refused="it is a web page"),
    Kind(what="Parquet", text=b"PAR1" + bytes(100), refused="it is a Parquet file"),
]

UPLOADS = [f"/data/upload/1/{i:08x}-{name}" for i, name in enumerate(FLAT)]
FINDINGS = (["", "1.0", "", "0.0", "1.0", "-1.0"], ["1.0", "0.0", "-1.0", "", "1.0", ""])


def excel(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Return a workbook."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, values in sheets.items():
        sheet = book.create_sheet(name)
        for row in values:
            sheet.append(list(row))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


OF_TOOLS = [
    Kind(
        what="Label Studio's CSV",
        text=rows(
            range(100, 106),
            [1, 2] * 3,
            CLASSES,
            ["2024-01-01"] * 6,
            range(9, 15),
            UPLOADS,
            header="annotation_id,annotator,choice,created_at,id,image",
        ),
        says={"columns", "names"},
    ),
    Kind(
        what="Label Studio's CSV, few annotators and acts",
        text=rows(
            [1, 1, 1, 2, 2, 2],
            ["ann", "bob"] * 3,
            CLASSES,
            FLAT,
            header="annotation_id,annotator,animal,image",
        ),
    ),
    Kind(
        what="who labelled, and no label",
        text=rows(FLAT, ["ann", "bob"] * 3, [1, 1, 1, 2, 2, 2], header="image,annotator,annotation_id"),
        refused="of which some say who labelled the images",
    ),
    Kind(
        what="CheXpert",
        text=rows(FLAT, ["Male", "Female"] * 3, *FINDINGS, header="Path,Sex,Edema,Fracture"),
        read=dict(zip(FLAT, ["Fracture", "Edema", None, "|", "Edema|Fracture", None], strict=True)),
        asks={"uncertain labels", "choice of columns"},
        says={"several labels"},
    ),
    Kind(
        what="CelebA",
        text=rows(FLAT, [1, -1, 1, -1, -1, 1], [-1, 1, -1, 1, 1, -1], header="image_id,Bald,Young"),
        read=dict(zip(FLAT, ["Bald", "Young", "Bald", "Young", "Young", "Bald"], strict=True)),
        says={"labels of 1 and -1"},
    ),
    Kind(
        what="one finding of CheXpert",
        text=rows(FLAT, *FINDINGS, header="Path,Edema,Fracture"),
        told={"label_column": "Edema"},
        read=dict(zip(FLAT, [None, "1", None, "0", "1", "-1"], strict=True)),
    ),
    Kind(
        what="what a model says, before what is true",
        text=rows(FLAT, CLASSES[::-1], CLASSES, header="name,predicted_label,true_label"),
        asks={"choice of columns"},
    ),
    Kind(
        what="one box an image",
        text=rows(FLAT, range(6), range(6), CLASSES, header="filename,xmin,ymin,class"),
        asks={"boxes"},
    ),
    Kind(
        what="labels that a spreadsheet made dates of",
        text=rows(FLAT, ["3-Jan", "5-Feb"] * 3, header="name,label"),
        read=dict(zip(FLAT, ["3-Jan", "5-Feb"] * 3, strict=True)),
        asks={"labels of a spreadsheet"},
    ),
    Kind(
        what="labels that a spreadsheet could not compute",
        text=rows(FLAT, ["#REF!", "cat"] * 3, header="name,label"),
        read=dict(zip(FLAT, ["#REF!", "cat"] * 3, strict=True)),
        asks={"labels of a spreadsheet"},
    ),
    Kind(
        what="a table of Markdown",
        text="| name | label |\n|---|---|\n" + "".join(f"| {n} | {c} |\n" for n, c in CAT_DOG.items()),
        says={"rows without a file", "blanks around labels"},
    ),
    Kind(
        what="columns by spaces",
        text="name      label\n" + "".join(f"{n:<10}{c}\n" for n, c in zip(FLAT, CLASSES, strict=True)),
    ),
    Kind(
        what="splits of a contest, which are none of ours",
        text=rows(FLAT, ["1,Public", "2,Private", "0,Public"] * 2, header="image,level,Usage"),
        read=dict(zip(FLAT, ["1", "2", "0"] * 2, strict=True)),
        asks={"choice of columns"},
    ),
    Kind(
        what="rows without a label",
        text=PLAIN.replace("2.jpg,cat", "2.jpg,"),
        says={"unlabelled"},
        read=CAT_DOG | {"2.jpg": None},
    ),
    Kind(
        what="regions of VIA",
        text=rows(FLAT, ["1,0,cat"] * 3 + ["1,0,dog"] * 3, header="filename,region_count,region_id,animal"),
        read=dict(zip(FLAT, ["cat"] * 3 + ["dog"] * 3, strict=True)),
        asks={"boxes"},
    ),
    Kind(what="a last line with the total", text=PLAIN + "Total,6\n", says={"rows without a file"}),
]

WORKBOOKS = [
    Kind(what="Excel", text=excel({"Sheet1": [("name", "label"), *CAT_DOG.items()]}), at="l.xlsx"),
    Kind(
        what="Excel with a first sheet about the table",
        text=excel(
            {"About": [("made in May",)], "Labels": [("file", "class"), *CAT_DOG.items()], "Old": [("x",)]}
        ),
        at="l.xlsx",
        says={"sheets"},
    ),
    Kind(
        what="Excel with numbers, dates and an empty column",
        text=excel(
            {
                "A": [
                    ("id", None, "class", "day"),
                    *((i, None, 3.0 if c == "cat" else 4.0, date(2024, 5, 1)) for i, c in enumerate(CLASSES)),
                ]
            }
        ),
        at="l.xlsx",
        read={name: "3" if label == "cat" else "4" for name, label in CAT_DOG.items()},
        says={"names"},
    ),
    Kind(what="empty Excel", text=excel({"A": []}), at="l.xlsx", refused="l.xlsx has no rows"),
]

KINDS = [*HEADERS, *NAMES, *LABELS, *OF_PEOPLE, *TEXTS, *ENCODINGS, *OTHERS, *OF_TOOLS, *WORKBOOKS]


def make(kind: Kind, folder: Path) -> tuple[Path, Path]:
    """Make the input; returns the root and the table."""
    root = folder / "bears"
    for name in kind.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG)
    table = root / kind.at
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(kind.text if isinstance(kind.text, bytes) else kind.text.encode())
    return root, table


def read(kind: Kind, folder: Path) -> Catalog:
    root, table = make(kind, folder)
    return Catalog.from_csv(table, root=root, **kind.told)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.what)
def test_each_kind_is_read_or_refused_in_words(kind: Kind, tmp_path: Path) -> None:
    if kind.refused:
        with pytest.raises(TableError) as caught:
            read(kind, tmp_path)
        assert kind.refused in str(caught.value)
        return

    catalog = read(kind, tmp_path)

    assert dict(zip(catalog.names, catalog.labels, strict=True)) == dict(kind.read)
    assert {found.topic for found in catalog.findings if found.doubtful} == set(kind.asks)
    assert set(kind.says) <= {found.topic for found in catalog.findings if not found.doubtful}
    assert dict(kind.splits).items() <= dict(zip(catalog.names, catalog.splits, strict=True)).items()


NAME = st.text(
    st.characters(
        codec="utf-8", exclude_characters='/\\\0:*?"<>|%', exclude_categories=("Cc", "Cs", "Zs", "Cf")
    ),
    min_size=1,
    max_size=12,
).filter(lambda name: name.strip(".~#") == name and "://" not in name)
LABEL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12
).filter(
    lambda label: (
        label == " ".join(label.split()) == label.strip("\u200b\u200c\u200d\u2060\ufeff")
        and not label.startswith(("[", "(", "{"))
        and not label.replace(".", "").replace(",", "").strip("+-").isdecimal()
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(NAME, LABEL, min_size=1, max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_cleaner_writes_it_reads_as_it_was(labels: dict[str, str], encoding: str) -> None:
    """Names and labels of any kind come back from the CSV text that cleaner itself writes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        named = {f"{name}.png": label for name, label in labels.items()}
        for name in named:
            (root / name).write_bytes(PNG)
        text = csv_text(["name", "label"], named.items())
        (root / "table.csv").write_bytes(text.encode(encoding))

        catalog = Catalog.from_csv(root / "table.csv")

    assert dict(zip(catalog.names, catalog.labels, strict=True)) == named
