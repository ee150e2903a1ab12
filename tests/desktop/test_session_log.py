"""The session log: whole lines, at once, whatever happens to the disk."""

from __future__ import annotations

import json
import threading

from desktop.kept.session_log import KEPT_LOGS, SessionLog, tidy


def lines(log: SessionLog) -> list[dict]:
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def test_every_line_is_on_disk_before_the_next(tmp_path):
    log = SessionLog(tmp_path)
    log.write("marker", time_s=1.5, note="verse ‘1’\n")
    assert [line["event"] for line in lines(log)] == ["opened", "marker"]
    assert lines(log)[1]["note"] == "verse ‘1’\n"
    log.close()
    assert lines(log)[-1]["event"] == "closed"


def test_lines_of_many_threads_do_not_mix(tmp_path):
    log = SessionLog(tmp_path)
    threads = [
        threading.Thread(target=lambda i=i: [log.write("window", n=i) for _ in range(200)])
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(log)) == 801
    log.close()


def test_a_folder_that_cannot_be_written_costs_lines_only(tmp_path):
    (tmp_path / "file").write_text("")
    log = SessionLog(tmp_path / "file" / "logs")
    log.write("marker")
    assert log.lines_lost == 2
    log.close()


def test_a_log_that_was_deleted_is_written_anew(tmp_path):
    """With its folder; and its first line says again whose it is."""
    log = SessionLog(tmp_path / "sessions")
    log.write("lost")
    log.path.unlink()
    log.path.parent.rmdir()
    log.write("marker")
    log.write("window")
    assert [line["event"] for line in lines(log)] == ["opened", "marker", "window"]
    assert log.lines_lost == 0
    log.close()


def test_writing_after_the_close_is_harmless(tmp_path):
    log = SessionLog(tmp_path)
    log.close()
    log.write("late")
    assert log.lines_lost == 1


def test_tidy_keeps_the_newest_and_names_the_dead(tmp_path):
    assert tidy(tmp_path / "none") is None
    for day in range(30):
        (tmp_path / f"2026-01-{day + 1:02d}T00-00-00-1.jsonl").write_text('{"event": "closed"}\n')
    assert tidy(tmp_path) is None
    assert len(list(tmp_path.glob("*.jsonl"))) == KEPT_LOGS
    dead = tmp_path / "2026-02-01T00-00-00-1.jsonl"
    for content in ('{"event": "window"}\n', '{"event": "op', "", "[]\n"):
        dead.write_text(content)
        found = tidy(tmp_path)
        assert found == dead or content == ""
