"""Each data set in miniature, in exactly the layout that its authors give it, with real sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime.taxonomy import IRMAS, NSYNTH, OPENMIC

RATE_HZ = 16_000
FORMATS = {".ogg": "OGG", ".flac": "FLAC", ".wav": "WAV"}


def sound(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = 220 * 2 ** (seed % 24 / 12)
    return np.asarray(0.3 * np.sin(2 * np.pi * pitch_hz * time), np.float32)


def put(path: Path, seconds: float = 1.0, seed: int = 0) -> None:
    """A tone as a sound file of the kind that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".mp3":
        soundfile.write(path, sound(seconds, seed), RATE_HZ, format=FORMATS[path.suffix])
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=44_100)
        frame = av.AudioFrame.from_ndarray(sound(seconds, seed)[None], "fltp", "mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(stream.format, "mono", 44_100)
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))


def make_recordings(folder: Path) -> None:
    for name in "abc":
        put(folder / f"{name}.flac")
    (folder / "recordings.csv").write_text(
        "path,split,instruments,complete,group\n"
        "a.flac,solo,trumpet,1,first\n"
        "b.flac,stems,bass;acoustic_guitar|electric_guitar;electric_piano|other,1,second\n"
        "c.flac,weak,strings,0,third\n"
        "d.flac,weak,,0,unlabelled\n"
    )
    (folder / "b.activity.csv").write_text(
        "second,instruments\n0,\n1,bass\n2,bass;acoustic_guitar|electric_guitar\n"
    )


def make_nsynth(folder: Path, seconds: float = 0.3) -> None:
    """A note of every family in train, two instruments in valid and test."""
    number = 0
    for part, families in (
        ("nsynth-train", tuple(NSYNTH)),
        ("nsynth-valid", ("bass", "organ")),
        ("nsynth-test", ("flute", "guitar", "vocal")),
    ):
        entries = {}
        for index, family in enumerate(families):
            kind = {"nsynth-train": "electronic"}.get(part, "acoustic")
            offset = index + (2 if part == "nsynth-test" else 0)
            name = f"{family}_{kind}_{offset:03}-069-100"
            put(folder / part / "audio" / f"{name}.wav", seconds, seed=number)
            number += 1
            entries[name] = {
                "note": number, "note_str": name, "instrument": number,
                "instrument_str": f"{family}_{kind}_{offset:03}", "pitch": 69, "velocity": 100,
                "sample_rate": 16000, "qualities": [0] * 10, "qualities_str": ["bright"],
                "instrument_family": index, "instrument_family_str": family,
                "instrument_source": 0, "instrument_source_str": kind,
            }  # fmt: skip
        (folder / part / "examples.json").write_text(json.dumps(entries))


def make_irmas(folder: Path, seconds: float = 0.3) -> None:
    for code in IRMAS:
        for song in range(1, 9):
            for number in (1, 2) if code == "cel" else (1,):
                name = f"[{code}][cla]{song:04}__{number}.wav"
                put(folder / "IRMAS-TrainingData" / code / name, seconds, seed=song)
    part = folder / "IRMAS-TestingData-Part1" / "Part1"
    put(part / "02 - And The Body Will Die-8.wav", 2.0)
    (part / "02 - And The Body Will Die-8.txt").write_text("gel\t\nvoi\t\n")
    (folder / "readme.txt").write_text("about")


def make_openmic(folder: Path) -> None:
    rows = [
        ("000046_3840", "clarinet", 0.17), ("000046_3840", "guitar", 0.9),
        ("000135_483840", "voice", 0.86), ("000999_0", "voice", 0.86),
    ]  # fmt: skip
    for key in ("000046_3840", "000135_483840", "000999_0"):
        put(folder / "audio" / "000" / f"{key}.ogg")
    (folder / "partitions").mkdir()
    (folder / "partitions" / "split01_test.csv").write_text("000046_3840\n000135_483840\n")
    (folder / "partitions" / "split01_train.csv").write_text("000999_0\n")
    (folder / "openmic-2018-aggregated-labels.csv").write_text(
        "sample_key,instrument,relevance,num_responses\n"
        + "".join(f"{key},{tag},{relevance},3\n" for key, tag, relevance in rows)
    )
    keys = sorted({key for key, _, _ in rows})
    true, mask = np.full((len(keys), len(OPENMIC)), 0.5), np.zeros((len(keys), len(OPENMIC)), bool)
    for key, tag, relevance in rows:
        place = keys.index(key), list(OPENMIC).index(tag)
        true[place], mask[place] = relevance, True
    np.savez(
        folder / "openmic-2018.npz",
        X=np.zeros((len(keys), 10, 128)),
        Y_true=true,
        Y_mask=mask,
        sample_key=np.array(keys, dtype=object),  # a pickle, as in the original
    )


def make_jamendo(folder: Path) -> None:
    head = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
    tracks = {
        "train": ("13", 213, "instrument---drummachine"),
        "validation": ("15", 215, "instrument---violin"),
        "test": ("14", 214, "instrument---piano\tinstrument---drums\tinstrument---computer"),
    }
    splits = folder / "data" / "splits" / "split-0"
    splits.mkdir(parents=True)
    for split, (part, number, tags) in tracks.items():
        put(folder / "audio" / part / f"{number}.low.mp3", 1.0)
        line = f"track_{number}\tartist_{number}\talbum_1\t{part}/{number}.mp3\t1.0\t"
        (splits / f"autotagging_instrument-{split}.tsv").write_text(head + line + tags + "\n")
        (splits / f"autotagging_top50tags-{split}.tsv").write_text(
            head + line + "genre---rock\tinstrument---piano\n"
        )


def _medley(folder: Path, name: str, stems: list[str], bleed: str, metadata: Path) -> None:
    part = folder / name
    put(part / f"{name}_MIX.wav", 1.0)
    lines = [f"artist: {name.partition('_')[0]}", f"has_bleed: '{bleed}'"]
    lines += [f"mix_filename: {name}_MIX.wav", f"stem_dir: {name}_STEMS", "stems:"]
    for number, instrument in enumerate(stems, start=1):
        file = f"{name}_STEM_{number:02}.wav"
        put(part / f"{name}_STEMS" / file, 1.0, seed=number)
        lines += [f"  S{number:02}:", "    component: ''", f"    filename: {file}"]
        lines += [f"    instrument: {instrument}"]
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / f"{name}_METADATA.yaml").write_text("\n".join(lines) + "\n")


def make_medleydb(folder: Path, root: str = "Audio") -> None:
    """Songs whose artists fall into every split, one with its metadata apart, one that bleeds."""
    audio = folder / root
    _medley(audio, "A_Song", ["violin", "piano"], "no", folder / "Metadata")
    for artist in "BCDEF":
        instruments = ["drum set", "distorted electric guitar"]
        _medley(audio, f"{artist}_Song", instruments, "no", audio / f"{artist}_Song")
    _medley(audio, "Bleeding_Song", ["flute"], "yes", audio / "Bleeding_Song")


def make_mixing_secrets(folder: Path) -> None:
    make_medleydb(folder, "Medley_Format/Audio")


def make_slakh(folder: Path) -> None:
    for number, split in enumerate(("train", "validation", "test"), start=1):
        part = folder / split / f"Track{number:05}"
        put(part / "mix.flac", 1.0)
        lines = ["UUID: x", "audio_dir: stems", "midi_dir: MIDI", "stems:"]
        for key, program, drum, rendered in (
            ("S00", 33, "false", "true"), ("S01", 128, "true", "true"), ("S02", 0, "false", "false")
        ):  # fmt: skip
            lines += [f"  {key}:", f"    audio_rendered: {rendered}", "    inst_class: x"]
            lines += [f"    is_drum: {drum}", f"    program_num: {program}"]
            if rendered == "true":
                put(part / "stems" / f"{key}.flac", 1.0, seed=program)
        (part / "metadata.yaml").write_text("\n".join(lines) + "\n")


def make_musdb(folder: Path) -> None:
    for split, song in (("train", "C - D"), ("train", "Meaxic - Take A Step"), ("test", "A - B")):
        for number, name in enumerate(("mixture", "vocals", "drums", "bass", "other")):
            put(folder / split / song / f"{name}.wav", 1.0, seed=number)


def make_medley_solos(folder: Path) -> None:
    put(folder / "audio" / "Medley-solos-DB_test-3_aa.wav")
    put(folder / "audio" / "Medley-solos-DB_training-7_bb.wav")
    put(folder / "audio" / "Medley-solos-DB_validation-0_cc.wav")
    (folder / "Medley-solos-DB_metadata.csv").write_text(
        "subset,instrument,instrument_id,song_id,uuid4\n"
        "test,flute,3,17,aa\ntraining,violin,7,18,bb\nvalidation,clarinet,0,19,cc\n"
    )


MAKERS: dict[str, Callable[[Path], None]] = {
    "recordings": make_recordings,
    "nsynth": make_nsynth,
    "irmas": make_irmas,
    "openmic": make_openmic,
    "jamendo": make_jamendo,
    "medleydb": make_medleydb,
    "mixing-secrets": make_mixing_secrets,
    "slakh": make_slakh,
    "musdb": make_musdb,
    "medley-solos": make_medley_solos,
}
