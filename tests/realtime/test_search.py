"""``tutti search``: the language, the answers, and what it says of what it cannot answer."""

from __future__ import annotations

import itertools
import json
from array import array
from pathlib import Path

import numpy as np
import pytest

from realtime import cli
from realtime.errors import TuttiError
from realtime.library import table
from realtime.library.query import labels_of, parse
from realtime.library.row import columns
from realtime.library.search import lines, search
from realtime.taxonomy import FAMILIES, FINE, INSTRUMENTS

SHARES = {
    "quartet.wav": {"cello": 0.9, "violin": 0.8, "family_bowed_string": 1.0},
    "rock.wav": {"drums": 0.95, "electric_guitar": 0.7, "cello": 0.3, "family_percussion": 0.95},
    "solo.wav": {"cello": 0.3, "drums": 0.05, "family_bowed_string": 0.3},
    "a\nname\x1b.wav": {"piano": 1.0, "family_key": 1.0},
}


@pytest.fixture
def library(tmp_path: Path, spec) -> table.Table:
    names = columns(spec)
    rows = []
    for path, shares in SHARES.items():
        values = {"duration_s": 61.5} | {f"share_{name}": one for name, one in shares.items()}
        rows.append((path, 1, 1, array("f", [values.get(n, 0.0) for n in names]).tobytes()))
    path = tmp_path / "tags.parquet"
    about = {"model": spec.name, "version": spec.version}
    assert table.write(path, about, names, iter(rows), None, lambda path: False) == len(rows)
    return table.Table(path)


@pytest.mark.parametrize(
    ("query", "min_share", "wanted"),
    [
        ("cello", 0.1, "quartet rock solo"),
        ("cello", 0.3, "quartet rock solo"),
        ("cello", 0.31, "quartet"),
        ("cello and not drums", 0.3, "quartet solo"),
        ("cello and not drums", 0.05, "quartet"),
        ("CELLO AND NOT Electric  Guitar", 0.3, "quartet solo"),
        ("electric-guitar or violin", 0.3, "quartet rock"),
        ("guitars", 0.3, "rock"),
        ("strings", 0.3, "quartet rock solo"),
        ("bowed string", 0.3, "quartet solo"),
        ("percussion", 0.3, "rock"),
        ("not (cello or piano)", 0.3, ""),
        ("not not piano", 0.3, "a\nname\x1b"),
        ("(piano)or(violin)", 0.3, "quartet a\nname\x1b"),
    ],
)
def test_a_query_finds(library, query: str, min_share: float, wanted: str) -> None:
    found = {match.path for match in search(library, parse(query), min_share)}
    names = set(SHARES) if wanted == "all" else {f"{name}.wav" for name in wanted.split(" ")}
    assert found == (names if wanted else set())


@pytest.mark.parametrize(
    "text",
    [
        "piano or flute and not oboe",
        "not piano and flute or oboe",
        "not (piano or flute) and oboe",
        "piano and (flute or not (oboe and piano))",
        "piano and flute and oboe or not piano",
        "not not piano or not flute and not oboe",
    ],
)
def test_precedence_is_python_s(text: str) -> None:
    query = parse(text)
    cases = list(itertools.product((False, True), repeat=3))
    columns = dict(zip(("piano", "flute", "oboe"), np.array(cases).T, strict=True))
    found = query.matches(columns.__getitem__)
    values = [dict(zip(columns, case, strict=True)) for case in cases]
    assert found.tolist() == [bool(eval(text, {}, one)) for one in values]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("celo", "did you mean 'cello'"),
        ("saxofone", "did you mean 'saxophone'"),
        ("cello drums", "is no instrument and no family"),
        ("woodwinde", "did you mean 'woodwind'"),
        ("qqq", "is no instrument and no family: use voice, drums"),
        ("tuba", r"'tuba' is not told from others by this program: search its family \(brass\)"),
        ("other", "is not told from others"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest(name: str, wanted: str) -> None:
    with pytest.raises(TuttiError, match=wanted):
        parse(f"piano and {name}")


def test_every_name_of_the_vocabulary_is_a_label_or_told() -> None:
    known = {*INSTRUMENTS, *(f"family_{family}" for family in FAMILIES)}
    for name in (*INSTRUMENTS, *FAMILIES, *FINE):
        if name in FAMILIES or FINE[name].any_of:
            labels = labels_of(name.replace("_", " "))
            assert labels
            assert set(labels) <= known
        else:
            with pytest.raises(TuttiError, match="not told from others"):
                labels_of(name)
    assert labels_of("vibraphone") == ("mallet_percussion",)
    assert labels_of("key") == ("family_key",)


@pytest.mark.parametrize(
    "text",
    ["", "()", "and", "piano and", "piano or or flute", "(piano", "piano)", "not", "piano (flute)",
     "piano not flute"],
)  # fmt: skip
def test_what_is_no_query_is_told(text: str) -> None:
    with pytest.raises(TuttiError, match="cannot be read") as told:
        parse(text)
    assert "\n" not in str(told.value)


def test_answers_are_read_by_people_and_programs(library) -> None:
    found = list(search(library, parse("(cello and drums) or piano"), 0.3))
    documents = [json.loads(line) for line in lines(iter(found), "jsonl")]
    assert documents[0] == {
        "path": "rock.wav",
        "duration_s": 61.5,
        "shares": {"cello": 0.3, "drums": 0.95, "piano": 0.0},
    }
    assert list(lines(iter(found), "paths")) == [match.path for match in found]
    header, rock, odd = lines(iter(found), "table")
    assert header.split() == ["cello", "drums", "piano", "length", "file"]
    assert rock.split() == ["30", "%", "95", "%", "0", "%", "1:02", "rock.wav"]
    assert odd.endswith("a?name?.wav")
    assert len({line.index(end) for line, end in ((header, "file"), (rock, "rock"))}) == 1


def test_the_command(library, capsys, tmp_path: Path) -> None:
    path = str(library.path)
    assert cli.main(["search", path, "cello and not drums", "--min-share", "0.31"]) == 0
    assert "quartet.wav" in capsys.readouterr().out
    assert cli.main(["search", path, "banjo"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "tutti search: none of 4 files matches.\n")
    assert cli.main(["search", path, "celo"]) == 2
    assert "did you mean 'cello'" in capsys.readouterr().err
    (tmp_path / "text.parquet").write_text("text")
    for name, why in (("none.parquet", "does not exist"), ("text.parquet", "no Parquet file")):
        assert cli.main(["search", str(tmp_path / name), "cello"]) == 2
        told = capsys.readouterr().err
        assert why in told
        assert told.count("\n") == 1
    for share in ("0", "1.1", "nan", "x"):
        with pytest.raises(SystemExit):
            cli.main(["search", path, "cello", "--min-share", share])
        assert f"'{share}' is not a share" in capsys.readouterr().err


def test_a_label_that_the_table_lacks_is_told(tmp_path: Path, spec) -> None:
    path = tmp_path / "tags.parquet"
    row = array("f", [0.0]).tobytes()
    rows = iter([("x.wav", 1, 1, row)])
    table.write(path, {"model": "m", "version": "1"}, ("duration_s",), rows, None, lambda p: False)
    with pytest.raises(TuttiError, match="has no column share_cello"):
        list(search(table.Table(path), parse("cello"), 0.1))
