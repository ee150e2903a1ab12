"""The list of expected instruments with the state of each."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import (
    QSizePolicy,
    QWidget,
)

from desktop.heard.expectation import Finding, Presence
from desktop.looks.theme import Theme
from realtime.clock_time import clock_time
from realtime.taxonomy import FAMILY_OF

TOP_PX, STEP_PX = 36, 24
_ORDER = {Presence.MISSING: 0, Presence.UNEXPECTED: 1, Presence.QUIET: 2, Presence.HEARD: 3}
_COLOURS = {
    Presence.MISSING: "warn",
    Presence.UNEXPECTED: "warn",
    Presence.QUIET: "muted",
    Presence.HEARD: "text",
}


class ExpectedList(QWidget):
    """Missing ones first; a click or Enter opens the dialog.

    A click on what surprises, or ``+``, adds it to what is expected.
    """

    choose_wanted = pyqtSignal()
    add_wanted = pyqtSignal(str)
    """An instrument that surprises, to be expected from now on."""

    def __init__(
        self, theme: Theme, name_of: Callable[[str], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.theme = theme
        self.findings: list[Finding] = []
        self._name_of = name_of
        self._painted: list[tuple[str, str]] = []
        self.setAccessibleName("Expected instruments")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Click to tick what is expected; on what surprises, to expect it too (+).")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.px(72))

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setMinimumHeight(theme.px(72))
        self.update()

    def set_findings(self, findings: list[Finding]) -> None:
        self.findings = sorted(findings, key=lambda finding: _ORDER[finding.state])
        lines = self.lines()
        if lines != self._painted:
            self._painted = lines
            self.setAccessibleDescription("; ".join(": ".join(line) for line in lines))
            self.update()

    def lines(self) -> list[tuple[str, str]]:
        """Name and state of each, as shown."""
        return [(self._name_of(f.instrument), _state_text(f)) for f in self.findings]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, px, align = QPainter(self), self.theme.px, Qt.AlignmentFlag
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.theme.colour("panel"))
        left_middle = align.AlignLeft | align.AlignVCenter
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        head = QRectF(px(16), px(12), self.width() - px(32), px(16))
        painter.drawText(head, left_middle, "Expected")
        if not self.findings:
            painter.setFont(self.theme.font(13))
            box = QRectF(px(16), px(36), self.width() - px(32), self.height() - px(40))
            wrap = align.AlignLeft | align.AlignTop | Qt.TextFlag.TextWordWrap
            text = "Press E to tick what is in the session. Missing instruments appear here."
            painter.drawText(box, wrap, text)
        top, step = px(TOP_PX), px(STEP_PX)
        shown = self._shown()
        for finding in shown:
            self._paint_finding(painter, finding, QRectF(px(16), top, self.width() - px(32), step))
            top += step
        if len(shown) < len(self.findings):
            painter.setPen(self.theme.colour("muted"))
            painter.setFont(self.theme.font(13))
            rest = f"and {len(self.findings) - len(shown)} more"
            painter.drawText(QRectF(px(36), top, px(200), step), left_middle, rest)
        if self.hasFocus():
            painter.setPen(self.theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _shown(self) -> list[Finding]:
        """Those that there is room for."""
        fitting = max((self.height() - self.theme.px(TOP_PX)) // self.theme.px(STEP_PX), 0)
        if len(self.findings) <= fitting:
            return self.findings
        return self.findings[: max(fitting - 1, 0)]

    def _paint_finding(self, painter: QPainter, finding: Finding, box: QRectF) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        colour = _COLOURS[finding.state]
        middle = QPointF(box.left() + px(5), box.center().y())
        family = self.theme.colour(FAMILY_OF[finding.instrument])
        sounds = finding.state in (Presence.HEARD, Presence.UNEXPECTED)
        painter.setBrush(family if sounds else Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(family, px(1.5)))
        painter.drawEllipse(middle, px(4), px(4))
        painter.setPen(self.theme.colour("text" if finding.state != Presence.QUIET else "muted"))
        told = finding.state in (Presence.MISSING, Presence.UNEXPECTED)
        painter.setFont(self.theme.font(14, bold=told))
        name = QRectF(box.left() + px(20), box.top(), box.width() - px(20), box.height())
        painter.drawText(
            name, align.AlignLeft | align.AlignVCenter, self._name_of(finding.instrument)
        )
        painter.setPen(self.theme.colour(colour))
        painter.setFont(self.theme.font(13))
        state = _state_text(finding)
        if finding.state == Presence.UNEXPECTED:
            state = f"{state}   +"
        painter.drawText(name, align.AlignRight | align.AlignVCenter, state)

    def finding_at(self, y: float) -> Finding | None:
        """The finding whose line is there."""
        row = int((y - self.theme.px(TOP_PX)) // self.theme.px(STEP_PX))
        return self._shown()[row] if 0 <= row < len(self._shown()) else None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        finding = self.finding_at(event.position().y()) if event else None
        if finding is not None and finding.state == Presence.UNEXPECTED:
            self.add_wanted.emit(finding.instrument)
        else:
            self.choose_wanted.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose_wanted.emit()
        elif event and event.key() == Qt.Key.Key_Plus:
            for finding in self.findings:
                if finding.state == Presence.UNEXPECTED:
                    self.add_wanted.emit(finding.instrument)
                    break
        else:
            super().keyPressEvent(event)


def _state_text(finding: Finding) -> str:
    if finding.state == Presence.HEARD:
        return "heard"
    if finding.state == Presence.UNEXPECTED:
        return "not expected"
    if not finding.ever:
        return f"not heard yet, {clock_time(finding.ago_s)}"
    return f"not heard for {clock_time(finding.ago_s)}"
