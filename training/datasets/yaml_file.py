"""A data set's YAML file, or the fault that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.datasets.recording import Faults


def read_yaml(path: Path, faults: Faults) -> dict[str, Any] | None:
    """The table in a YAML file; None, and a fault, where there is none."""
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it is built
        document = yaml.load(path.read_bytes(), Loader=loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        faults.add(f"{path} is no readable YAML ({' '.join(str(error).split())})")
        return None
    if not isinstance(document, dict):
        faults.add(f"{path} is not a table of YAML")
        return None
    return document
