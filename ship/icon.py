"""``python ship/icon.py PNG [SIDE_PX]``: the icon as a picture, for those who want one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import Qt  # noqa: E402
from PyQt6.QtGui import QGuiApplication, QImage, QPainter  # noqa: E402
from PyQt6.QtSvg import QSvgRenderer  # noqa: E402

SVG = Path(__file__).parent.parent / "desktop" / "looks" / "tutti.svg"


def draw(path: Path, side_px: int = 256) -> bool:
    """Write the icon; False if the file cannot be written."""
    image = QImage(side_px, side_px, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(SVG)).render(painter)
    painter.end()
    return bool(image.save(str(path)))


if __name__ == "__main__":
    application = QGuiApplication(sys.argv[:1])
    sys.exit(not draw(Path(sys.argv[1]), *map(int, sys.argv[2:3])))
