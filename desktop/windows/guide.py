"""The user's guide in a window: docs/guide.md, with its pictures and a list of its chapters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QImage, QTextBlock, QTextCursor, QTextDocument
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QTextBrowser, QWidget

from desktop.looks.theme import Theme
from realtime.errors import TuttiError

WINDOW_PX = (1120, 820)
_SIZES_PX = {1: 28, 2: 21, 3: 17}
"""Of headings, by their level."""
_FOLDERS = (Path(__file__).parents[2] / "docs", Path(sys.prefix) / "share" / "doc" / "tutti")
"""In a clone and in the packaged program; where pip installs it."""


def guide_file() -> Path:
    """The guide's own file.

    Raises:
        TuttiError: it was not installed.
    """
    for folder in _FOLDERS:
        if (folder / "guide.md").is_file():
            return folder / "guide.md"
    raise TuttiError(f"The guide was not found in {_FOLDERS[-1]}: install Tutti again.")


class _Pages(QTextBrowser):
    """Text of one file beside its pictures, which are made to fit the width."""

    def __init__(self, folder: Path, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._folder = folder
        self.setOpenExternalLinks(True)

    def loadResource(self, kind: int, name: QUrl) -> Any:  # noqa: N802 (Qt's name)
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(kind, name)
        picture = self._picture(self._folder / name.path())
        width = min(self.theme.px(760), picture.width())
        mode = Qt.TransformationMode.SmoothTransformation
        ratio = self.devicePixelRatioF()
        scaled = picture.scaledToWidth(max(round(width * ratio), 1), mode)
        scaled.setDevicePixelRatio(ratio)
        return scaled

    def _picture(self, path: Path) -> QImage:
        """In the theme shown, where there is one of it."""
        own = path.with_name(path.name.replace("-dark", f"-{self.theme.name}"))
        return QImage(str(own if own.is_file() else path))


class GuideWindow(QWidget):
    """Chapters on the left, text on the right; Escape closes it.

    Raises:
        TuttiError: the guide was not installed.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        path = guide_file()
        self.setWindowTitle("Guide – Tutti")
        self.pages = _Pages(path.parent, theme)
        self.chapters = QListWidget()
        self.chapters.setAccessibleName("Chapters")
        self.pages.setAccessibleName("Guide")
        px, c = theme.px, theme.colours
        self._dress(theme)
        self.pages.setMarkdown(path.read_text(encoding="utf-8"))
        self._size_headings(theme)
        self._blocks = [block for block in self._all_blocks() if _level(block) in (1, 2)]
        self.chapters.addItems([block.text() for block in self._blocks])
        self.chapters.currentRowChanged.connect(self._go)
        self.chapters.setFixedWidth(px(248))
        style = f"border: 0; background: {c.panel}; color: {c.text}; padding: {px(12)}px"
        self.pages.setStyleSheet(style)
        self.chapters.setStyleSheet(
            f"QListWidget {{ {style} }} QListWidget::item {{ padding: {px(7)}px {px(8)}px;"
            f" border-radius: {px(5)}px; }} QListWidget::item:selected {{ background: {c.raised};"
            f" color: {c.text}; }}"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(px(8), px(8), px(8), px(8))
        row.setSpacing(px(8))
        row.addWidget(self.chapters)
        row.addWidget(self.pages, 1)
        self.resize(*(px(side) for side in WINDOW_PX))

    def _dress(self, theme: Theme) -> None:
        self.chapters.setFont(theme.font(15))
        document = self.pages.document()
        assert document is not None
        document.setDefaultFont(theme.font(16))
        document.setDocumentMargin(theme.px(16))

    def _all_blocks(self) -> list[QTextBlock]:
        document = self.pages.document()
        assert document is not None
        block, blocks = document.begin(), []
        while block.isValid():
            blocks.append(block)
            block = block.next()
        return blocks

    def _size_headings(self, theme: Theme) -> None:
        """Markdown's own headings are of points, and so would not grow with the window."""
        for block in self._all_blocks():
            cursor = QTextCursor(block)
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            form = cursor.blockFormat()
            level = _level(block)
            form.setLineHeight(125.0, 1)  # QTextBlockFormat.ProportionalHeight
            form.setTopMargin(theme.px(20 if level else 4))
            form.setBottomMargin(theme.px(8))
            QTextCursor(block).setBlockFormat(form)
            if level:
                style = cursor.charFormat()
                style.setFont(theme.font(_SIZES_PX.get(level, 16), bold=True))
                cursor.setCharFormat(style)

    def _go(self, row: int) -> None:
        if not 0 <= row < len(self._blocks):
            return
        document, bar = self.pages.document(), self.pages.verticalScrollBar()
        layout = document.documentLayout() if document is not None else None
        if layout is not None and bar is not None:
            bar.setValue(round(layout.blockBoundingRect(self._blocks[row]).top()))

    def keyPressEvent(self, event: Any) -> None:
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def _level(block: QTextBlock) -> int:
    return block.blockFormat().headingLevel()
