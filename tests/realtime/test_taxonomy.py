"""The vocabulary and every map, entry by entry."""

# ruff: noqa: SIM905  (tables of words read better without quotes)

import pytest

from realtime import taxonomy as tx

INSTRUMENTS = (
    "voice drums cymbals mallet_percussion bass acoustic_guitar electric_guitar banjo mandolin "
    "ukulele harp violin cello flute clarinet oboe saxophone trumpet trombone horn piano organ "
    "accordion synthesizer"
).split()
FAMILIES = "voice percussion bowed_string plucked_string woodwind brass key synth".split()
OPENMIC_TAGS = (
    "accordion banjo bass cello clarinet cymbals drums flute guitar mallet_percussion mandolin "
    "organ piano saxophone synthesizer trombone trumpet ukulele violin voice"
).split()
IRMAS_CODES = "cel cla flu gac gel org pia sax tru vio voi".split()
NSYNTH_FAMILIES = (
    "bass brass flute guitar keyboard mallet organ reed string synth_lead vocal".split()
)
TWO_LEVEL = "singer drums violin electric_guitar acoustic_guitar electric_bass piano".split()

# General MIDI 1, program by program: the instrument, or "family?" where none of ours is certain,
# or "?" where even the family is open.
GENERAL_MIDI = """
piano piano piano piano key? key? key? key?
percussion? mallet_percussion percussion? mallet_percussion
mallet_percussion mallet_percussion percussion? ?
organ organ organ organ organ accordion woodwind? accordion
acoustic_guitar acoustic_guitar electric_guitar electric_guitar
electric_guitar electric_guitar electric_guitar plucked_string?
bass bass bass bass bass bass ? ?
violin bowed_string? cello bowed_string? bowed_string? bowed_string? harp percussion?
bowed_string? bowed_string? ? ? voice voice ? ?
trumpet trombone brass? trumpet horn brass? ? ?
saxophone saxophone saxophone saxophone oboe oboe woodwind? clarinet
flute flute woodwind? woodwind? woodwind? woodwind? woodwind? woodwind?
synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer
synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer
synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer synthesizer
plucked_string? banjo plucked_string? plucked_string? ? woodwind? violin woodwind?
percussion? percussion? percussion? percussion? percussion? drums drums cymbals
? ? ? ? ? ? ? ?
""".split()

MAPS = {
    "fine": tx.FINE,
    "openmic": tx.OPENMIC,
    "irmas": tx.IRMAS,
    "nsynth": tx.NSYNTH,
    "two_level": tx.TWO_LEVEL_15,
    "general_midi": dict(enumerate(tx.GENERAL_MIDI)),
    "drum_channel": tx.GM_DRUM_CHANNEL,
}
ENTRIES = [(name, key, target) for name, entries in MAPS.items() for key, target in entries.items()]


def test_exactly_24_instruments_in_8_families_in_this_order():
    assert list(tx.INSTRUMENTS) == INSTRUMENTS
    assert list(tx.FAMILIES) == FAMILIES
    assert len(INSTRUMENTS) == 24
    assert len(FAMILIES) == 8
    assert set(tx.FAMILY_OF.values()) == set(FAMILIES)


def test_families_partition_the_instruments():
    members = [name for family in FAMILIES for name in tx.instruments_of(family)]
    assert sorted(members) == sorted(INSTRUMENTS)
    assert tx.instruments_of("brass") == ("trumpet", "trombone", "horn")
    assert tx.instruments_of("bowed_string") == ("violin", "cello")


def test_each_source_is_covered_exactly():
    assert sorted(tx.OPENMIC) == sorted(OPENMIC_TAGS)
    assert sorted(tx.IRMAS) == sorted(IRMAS_CODES)
    assert sorted(tx.NSYNTH) == sorted(NSYNTH_FAMILIES)
    assert sorted(tx.TWO_LEVEL_15) == sorted(TWO_LEVEL + [f"family:{name}" for name in FAMILIES])
    assert len(tx.GENERAL_MIDI) == 128
    assert sorted(tx.GM_DRUM_CHANNEL) == list(range(35, 82))


@pytest.mark.parametrize("program", range(128))
def test_each_general_midi_program(program):
    target, expected = tx.GENERAL_MIDI[program], GENERAL_MIDI[program]
    if expected == "?":
        assert target.instrument is None
        assert target.families == ()
        assert target.maybe_families
    elif expected.endswith("?"):
        assert target.instrument is None
        assert target.families == (expected[:-1],)
    else:
        assert target.instrument == expected
        assert target.families == (tx.FAMILY_OF[expected],)


@pytest.mark.parametrize(
    ("key", "expected"),
    [(36, "drums"), (38, "drums"), (50, "drums"), (42, "cymbals"), (49, "cymbals"), (51, "cymbals"),
     (39, None), (54, None), (56, None), (60, None), (70, None), (81, None)],
)  # fmt: skip
def test_the_drum_channel(key, expected):
    assert tx.GM_DRUM_CHANNEL[key].instrument == expected
    assert tx.GM_DRUM_CHANNEL[key].families == ("percussion",)


@pytest.mark.parametrize(("map_name", "key", "target"), ENTRIES)
def test_an_entry_only_uses_the_vocabulary_and_agrees_with_itself(map_name, key, target):
    assert set(target.any_of) | set(target.maybe) <= set(INSTRUMENTS)
    assert set(target.families) | set(target.maybe_families) <= set(FAMILIES)
    assert len(set(target.any_of)) == len(target.any_of)
    assert not set(target.any_of) & set(target.maybe)
    assert not set(target.families) & set(target.maybe_families)
    # It says something, be it only that something is open.
    assert target.any_of or target.maybe or target.families
    # Whatever may sound, its family is not ruled out ... unless it only may play another way
    # (a double bass in a bowed ensemble).
    open_families = set(target.families) | set(target.maybe_families)
    for name in target.any_of:
        assert tx.FAMILY_OF[name] in open_families
    # One certain instrument makes its family certain.
    if target.instrument:
        assert tx.FAMILY_OF[target.instrument] in target.families


@pytest.mark.parametrize(("map_name", "key", "target"), ENTRIES)
def test_unknown_is_what_is_named_but_not_certain(map_name, key, target):
    certain = {target.instrument} - {None}
    assert set(target.unknown) == (set(target.any_of) | set(target.maybe)) - certain


def test_no_map_can_say_absent():
    """A target has no field for it: what it does not name is for the caller's label list."""
    from dataclasses import fields

    assert {field.name for field in fields(tx.Target)} == {
        "any_of", "maybe", "families", "maybe_families",
    }  # fmt: skip
    assert set(tx.UNKNOWN.unknown) == set(INSTRUMENTS)
    assert set(tx.UNKNOWN.maybe_families) == set(FAMILIES)


def test_a_family_label_leaves_all_its_instruments_open():
    for family in FAMILIES:
        target = tx.TWO_LEVEL_15[f"family:{family}"]
        assert target.families == (family,)
        assert set(target.unknown) == set(tx.instruments_of(family))
    assert set(tx.NSYNTH["reed"].unknown) == {"clarinet", "oboe", "saxophone"}
    assert set(tx.NSYNTH["guitar"].any_of) == {"acoustic_guitar", "electric_guitar"}
    assert set(tx.NSYNTH["bass"].any_of) == {"bass", "synthesizer"}


def test_where_a_source_names_our_label_it_is_that_label():
    for tag in OPENMIC_TAGS:
        if tag in INSTRUMENTS:
            assert tx.OPENMIC[tag].instrument == tag
    ours = (
        "cello clarinet flute acoustic_guitar electric_guitar organ piano saxophone trumpet "
        "violin voice"
    ).split()
    codes = dict(zip(IRMAS_CODES, ours, strict=True))
    assert {code: target.instrument for code, target in tx.IRMAS.items()} == codes
    named = dict.fromkeys(TWO_LEVEL) | {name: name for name in TWO_LEVEL if name in INSTRUMENTS}
    named |= {"singer": "voice", "electric_bass": "bass"}
    assert {name: tx.TWO_LEVEL_15[name].instrument for name in TWO_LEVEL} == named


@pytest.mark.parametrize("vocabulary", ["fine", "openmic", "irmas", "nsynth", "two_level"])
def test_there_and_back(vocabulary):
    entries = MAPS[vocabulary]
    for name in INSTRUMENTS:
        for tag in tx.tags_for(name, entries):
            assert name in entries[tag].any_of
    for tag, target in entries.items():
        for name in target.any_of:
            assert tag in tx.tags_for(name, entries)


def test_from_our_labels():
    assert tx.tags_for("acoustic_guitar", tx.OPENMIC) == ("guitar",)
    assert tx.tags_for("harp", tx.OPENMIC) == ()
    assert tx.tags_for("trumpet", tx.IRMAS) == ("tru",)
    assert tx.tags_for("bass", tx.TWO_LEVEL_15) == ("electric_bass",)
    assert tx.gm_programs_for("banjo") == (105,)
    assert tx.gm_programs_for("accordion") == (21, 23)
    assert tx.gm_programs_for("mandolin") == ()
    for name in INSTRUMENTS:
        for program in tx.gm_programs_for(name):
            assert tx.GENERAL_MIDI[program].instrument == name


def test_names_for_people():
    assert tx.display_name("acoustic_guitar") == "Acoustic guitar"
    assert tx.display_name("voice") == "Voice"
