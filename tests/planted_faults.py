"""Plants faults one by one in a copy of the tree, and runs the test that must notice each.

    python tests/planted_faults.py

Exit 1 where a test passes in spite of its fault. Each was planted by hand once, and no test
noticed; ``docs/testing.md`` has the table.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
POLICIES = "tests/training/test_policies.py::test_"
EXPORT = "tests/export/test_export_policies.py::test_"
FAULTS = (
    ("gradient clipping off", "training/fit.py", "max_norm=5.0", "max_norm=1e9",
     POLICIES + "a_gradient_is_clipped_to_5"),
    ("learning-rate floor 50 %", "training/fit.py", "0.01 + 0.99 * 0.5 *", "0.5 + 0.5 * 0.5 *",
     POLICIES + "the_rate_warms_up_and_ends_at_a_hundredth_and_filters_go_faster"),
    ("norms decayed", "training/optimizer.py",
     'w.ndim <= 1], "weight_decay": 0.0', 'w.ndim <= 1], "weight_decay": recipe.weight_decay',
     POLICIES + "only_matrices_are_decayed_not_norms_biases_or_filter_edges"),
    ("family and polyphony losses times 0", "training/losses.py",
     "head_weight * (families", "0 * (families", POLICIES + "families_and_the_count_are_taught"),
    ("best.pt keeps the worst", "training/fit.py",
     'scores["map"] > self.best', 'scores["map"] < -self.best',
     POLICIES + "the_best_checkpoint_is_of_the_best_validation"),
    ("patience ignored", "training/fit.py",
     "if self.recipe.patience and", "if False and", POLICIES + "a_run_ends_when_its_patience_does"),
    ("another F-beta", "export/calibrate.py",
     "return 2 * ((said * true) @ weights), said @ weights + true @ weights",
     "return 5 * ((said * true) @ weights), said @ weights + 4 * (true @ weights)",
     EXPORT + "thresholds_are_best_for_f1_and_not_for_another_f"),
    ("thresholds from a constant", "export/calibrate.py",
     "    return chosen\n", "    return [0.5] * len(chosen)\n",
     EXPORT + "thresholds_follow_what_the_network_says"),
    ("float32 parity check off", "export/pipeline.py",
     "if parity.largest > _MAX_FP32_DIFFERENCE", "if False",
     EXPORT + "a_file_that_computes_something_else_is_refused"),
    ("48,000 in the lost time", "desktop/sessions/live_session.py",
     "frames_missing_s=stats.missing_s", "frames_missing_s=stats.frames_missing / 48_000",
     "tests/desktop/test_live_input.py::test_lost_time_is_counted_at_the_rate_it_was_lost_at"),
    ("the gate of a tap at -75 dB", "realtime/hearing.py",
     "self._gate = SilenceGate()", "self._gate = SilenceGate(open_dbfs=-75.0)",
     "tests/realtime/test_host_tapped.py::"
     "test_the_gate_of_a_tap_opens_at_minus_70_and_closes_below_minus_75"),
    ("the X key", "desktop/widgets/meter_hands.py",
     "key == Qt.Key.Key_X and", "key == Qt.Key.Key_Z and",
     "tests/desktop/test_meters.py::test_keys_choose_pin_and_hide"),
)  # fmt: skip


def main() -> int:
    """Says of each fault whether its test fails with it."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="tutti-faults-") as copy:
        tree = Path(copy) / "tree"
        heavy = ("build", "banks", "runs", "mutants", "shared", "__pycache__")
        ignored = shutil.ignore_patterns(".*", *heavy)
        shutil.copytree(ROOT, tree, ignore=ignored)
        for what, file, right, wrong, test in FAULTS:
            noticed = _notices(tree, file, right, wrong, test)
            missed += not noticed
            print(f"{'noticed' if noticed else 'MISSED '}  {what}: {test}", flush=True)
    return min(missed, 1)


def _notices(tree: Path, file: str, right: str, wrong: str, test: str) -> bool:
    path = tree / file
    whole = path.read_text(encoding="utf-8")
    if whole.count(right) != 1:
        raise SystemExit(f"{file} does not hold {right!r} once: mend the fault in this file.")
    if _run(tree, test) != 0:
        raise SystemExit(f"{test} fails without a fault.")
    path.write_text(whole.replace(right, wrong), encoding="utf-8")
    try:
        return _run(tree, test) == 1  # 1: tests failed; others: they could not be run
    finally:
        path.write_text(whole, encoding="utf-8")


def _run(tree: Path, test: str) -> int:
    # The copy must win over an editable install, and no old bytecode over either.
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    return subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
