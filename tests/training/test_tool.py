"""How the small programs end: with a status, and with one sentence where the user can act."""

from __future__ import annotations

import pytest

from realtime.errors import TuttiError
from training.tool import run


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_of_the_program_is_passed_on(status: int) -> None:
    with pytest.raises(SystemExit) as ended:
        run(lambda: status)
    assert ended.value.code == status


def test_what_the_user_can_mend_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise TuttiError("banks/none is not there: build it first.")

    with pytest.raises(SystemExit) as ended:
        run(fails)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "banks/none is not there: build it first.\n"


def test_what_only_a_programmer_can_mend_keeps_its_traceback() -> None:
    def fails() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fails)


def test_a_file_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise FileNotFoundError(2, "No such file or directory", "none.json")

    with pytest.raises(SystemExit) as ended:
        run(fails)
    assert ended.value.code == 2
    assert "none.json cannot be read or written" in capsys.readouterr().err


def test_an_error_of_the_system_without_a_file_keeps_its_traceback() -> None:
    def fails() -> int:
        raise OSError(12, "Cannot allocate memory")

    with pytest.raises(OSError, match="memory"):
        run(fails)
