"""Colours, sizes and type of the monitor: one dark and one light theme on an 8-px grid."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Protocol

from PyQt6.QtGui import QColor, QFont, QFontDatabase, QPalette

from realtime.colours import DARK, LIGHT, Colours

THEME_CHOICES = ("dark", "light", "system")


def _font_families() -> list[str]:
    """Faces with even digits, the system's own first where it has a good one."""
    if sys.platform == "win32":
        return ["Segoe UI Variable Text", "Segoe UI", "Arial"]
    if sys.platform == "darwin":
        own = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
        return [own, "Helvetica Neue", "Arial"]
    return ["Inter", "Noto Sans", "Ubuntu", "Cantarell", "DejaVu Sans", "Liberation Sans"]


@dataclass(frozen=True)
class Theme:
    """Colours plus the size of everything; ``scale`` 1.0 is the 8-px grid."""

    name: str = "dark"
    scale: float = 1.0
    colours: Colours = field(default=DARK)
    _px: dict[float, int] = field(default_factory=dict, compare=False, repr=False)
    _fonts: dict[tuple[float, bool, bool], QFont] = field(
        default_factory=dict, compare=False, repr=False
    )
    _colours: dict[tuple[str, float], QColor] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def named(cls, name: str, scale: float = 1.0) -> Theme:
        """``dark`` or ``light`` at a scale."""
        return cls(name, scale, LIGHT if name == "light" else DARK)

    @property
    def is_dark(self) -> bool:
        return self.name == "dark"

    def px(self, size: float) -> int:
        """Logical pixels at the chosen scale, at least 1."""
        found = self._px.get(size)
        if found is None:
            found = self._px[size] = max(1, round(size * self.scale))
        return found

    def font(self, size_px: float = 14, *, bold: bool = False, spaced: bool = False) -> QFont:
        """A face with even digits; made once, so paint with it and do not change it."""
        key = (size_px, bold, spaced)
        if key not in self._fonts:
            self._fonts[key] = self._make_font(size_px, bold, spaced)
        return self._fonts[key]

    def _make_font(self, size_px: float, bold: bool, spaced: bool) -> QFont:
        font = QFont()
        font.setFamilies(_font_families())
        font.setPixelSize(self.px(size_px))
        if bold:
            font.setWeight(QFont.Weight.DemiBold)
        if spaced:
            font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 104)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour by its role (``"text"``) or its family (``"brass"``)."""
        key = (name, alpha)
        if key not in self._colours:
            colour = QColor(self.colours.families.get(name) or getattr(self.colours, name))
            colour.setAlphaF(alpha)
            self._colours[key] = colour
        return self._colours[key]

    def palette(self) -> QPalette:
        role = QPalette.ColorRole
        palette = QPalette()
        for target, source in {
            role.Window: "window",
            role.WindowText: "text",
            role.Base: "panel",
            role.AlternateBase: "raised",
            role.Text: "text",
            role.PlaceholderText: "faint",
            role.Button: "raised",
            role.ButtonText: "text",
            role.Highlight: "accent",
            role.HighlightedText: "on_accent",
            role.ToolTipBase: "raised",
            role.ToolTipText: "text",
            role.Link: "accent",
            role.Mid: "line",
            role.Dark: "line",
        }.items():
            palette.setColor(target, self.colour(source))
        disabled = QPalette.ColorGroup.Disabled
        for target in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(disabled, target, self.colour("faint"))
        return palette

    def style_sheet(self) -> str:
        """The few rules that the Fusion style and the palette do not cover."""
        c, px = self.colours, self.px
        return f"""
        QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.line};
            padding: {px(4)}px; }}
        QPushButton, QToolButton {{ background: {c.raised}; color: {c.text};
            border: 1px solid {c.line}; border-radius: {px(6)}px;
            padding: {px(5)}px {px(12)}px; min-height: {px(20)}px; }}
        QToolButton {{ padding: {px(5)}px {px(8)}px; }}
        QPushButton:hover, QToolButton:hover {{ border-color: {c.faint}; }}
        QPushButton:pressed, QToolButton:pressed {{ background: {c.line}; }}
        QPushButton:focus, QToolButton:focus, QLineEdit:focus {{ border: 1px solid {c.accent}; }}
        QPushButton:checked, QToolButton:checked {{ background: {c.accent};
            color: {c.on_accent}; border-color: {c.accent}; }}
        QPushButton:disabled, QToolButton:disabled {{ color: {c.faint}; }}
        QPushButton[primary="true"] {{ background: {c.accent}; color: {c.on_accent};
            border-color: {c.accent}; }}
        QToolButton::menu-indicator {{ image: none; }}
        QToolButton#delay {{ background: transparent; border-color: transparent; }}
        QToolButton#delay:hover, QToolButton#delay:focus {{ border-color: {c.accent}; }}
        QLineEdit {{ background: {c.panel};
            color: {c.text}; border: 1px solid {c.line}; border-radius: {px(6)}px;
            padding: {px(4)}px {px(8)}px; min-height: {px(20)}px; }}
        QComboBox QAbstractItemView {{ background: {c.panel}; color: {c.text};
            border: 1px solid {c.line}; selection-background-color: {c.accent};
            selection-color: {c.on_accent}; }}
        QComboBox, QSpinBox, QDoubleSpinBox {{ min-height: {px(30)}px; }}
        QMenu {{ background: {c.panel}; color: {c.text}; border: 1px solid {c.line};
            padding: {px(4)}px; }}
        QMenu::item {{ padding: {px(6)}px {px(24)}px; border-radius: {px(4)}px; }}
        QMenu::item:selected {{ background: {c.accent}; color: {c.on_accent}; }}
        QMenu::item:disabled {{ color: {c.faint}; }}
        QMenu::separator {{ height: 1px; background: {c.line}; margin: {px(4)}px {px(8)}px; }}
        QScrollBar:vertical {{ background: transparent; width: {px(10)}px; margin: 0; }}
        QScrollBar::handle:vertical {{ background: {c.line}; border-radius: {px(4)}px;
            min-height: {px(24)}px; margin: {px(1)}px; }}
        QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
        QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
        QSplitter::handle {{ background: transparent; }}
        QSplitter::handle:hover {{ background: {c.line}; }}
        QLabel[role="title"] {{ font-weight: 600; }}
        QLabel[role="muted"] {{ color: {c.muted}; }}
        QFrame[role="panel"] {{ background: {c.panel}; border-radius: {px(8)}px; }}
        """


class Themed(Protocol):
    """Whatever is painted in a theme."""

    def set_theme(self, theme: Theme) -> None: ...
