"""A lane for each stem: where it sounds, where it cannot be heard, over the length of the mix."""

from __future__ import annotations

from collections.abc import Iterator

from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.looks.theme import Theme
from desktop.widgets.ruler import ruler_step
from realtime.audit.audit import Audit, StemAudit
from realtime.audit.ear import STEP_S
from realtime.audit.formats import reason
from realtime.audit.passages import Passage, runs
from realtime.clock_time import clock_time
from realtime.taxonomy import display_name

NAMES, LANE, BAR, AXIS = 190, 40, 16, 28
MARKS = 9


class StemLanes(QWidget):
    """Read-only; a click gives its time to ``time_chosen``."""

    time_chosen = pyqtSignal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.audit: Audit | None = None
        self.setAccessibleName("Stems over time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def set_audit(self, audit: Audit | None) -> None:
        self.audit = audit
        rows = len(self._stems)
        self.setMinimumHeight(self.theme.px(rows * LANE + AXIS + 12) if rows else 0)
        told = [f"{s.name}: {s.unheard_s:.0f} of {s.sounds_s:.0f} s not heard" for s in self._stems]
        self.setAccessibleDescription("; ".join(told))
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.set_audit(self.audit)

    @property
    def _stems(self) -> tuple[StemAudit, ...]:
        return self.audit.stems if self.audit else ()

    def bar_of(self, row: int) -> QRectF:
        """Where a stem's lane runs."""
        px = self.theme.px
        width = max(self.width() - px(NAMES) - px(24), 1)
        return QRectF(px(NAMES), px(8) + row * px(LANE), width, px(BAR))

    def time_at(self, x: float) -> float:
        """Seconds under a pixel."""
        bar = self.bar_of(0)
        share = (x - bar.left()) / bar.width()
        return min(max(share, 0.0), 1.0) * (self.audit.duration_s if self.audit else 0.0)

    def passage_at(self, place: QPointF) -> tuple[StemAudit, Passage] | None:
        """The passage under a point."""
        time_s = self.time_at(place.x())
        for row, stem in enumerate(self._stems):
            if self.bar_of(row).contains(place):
                for one in stem.passages:
                    if one.start_s <= time_s <= one.end_s:
                        return stem, one
        return None

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.audit is None:
            return
        painter = QPainter(self)
        for row, stem in enumerate(self.audit.stems):
            self._paint_names(painter, stem, self.bar_of(row))
            self._paint_lane(painter, stem, self.bar_of(row))
        painter.setFont(self.theme.font(12))
        painter.setPen(self.theme.colour("muted"))
        top = self.bar_of(len(self.audit.stems)).top()
        for x, text in self._marks():
            box = QRectF(x - 40, top, 80, self.theme.px(18))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _paint_names(self, painter: QPainter, stem: StemAudit, bar: QRectF) -> None:
        px = self.theme.px
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        box = QRectF(px(8), bar.top() - px(4), px(NAMES - 24), px(18))
        painter.setFont(self.theme.font(14))
        painter.setPen(self.theme.colour("text"))
        name = painter.fontMetrics().elidedText(
            stem.name, Qt.TextElideMode.ElideRight, int(box.width())
        )
        painter.drawText(box, right, name)
        painter.setFont(self.theme.font(12))
        painter.setPen(self.theme.colour("muted"))
        heard_as = stem.view.instrument
        under = box.translated(0, px(17))
        painter.drawText(under, right, display_name(heard_as) if heard_as else "not recognised")

    def _paint_lane(self, painter: QPainter, stem: StemAudit, bar: QRectF) -> None:
        px = self.theme.px
        painter.fillRect(bar, self.theme.colour("track"))
        for start, end in runs(stem.sounds):
            inner = self._stretch(bar, start * STEP_S, end * STEP_S)
            inner.adjust(0, bar.height() * 0.25, 0, -bar.height() * 0.25)
            painter.fillRect(inner, self.theme.colour("faint"))
        for one in stem.passages:
            box = self._stretch(bar, one.start_s, one.end_s)
            painter.fillRect(box, self.theme.colour("warn"))
            if one.reason != "masked":
                hollow = box.adjusted(px(2), px(2), -px(2), -px(2))
                painter.fillRect(hollow, self.theme.colour("track"))
            if one.model == "agrees":
                under = QRectF(box.left(), box.bottom() + px(3), box.width(), px(2))
                painter.fillRect(under, self.theme.colour("text"))

    def _marks(self) -> Iterator[tuple[float, str]]:
        bar = self.bar_of(0)
        duration_s = self.audit.duration_s if self.audit else 0.0
        if duration_s > 0.0:
            step_s = ruler_step(duration_s, MARKS)
            for number in range(int(duration_s / step_s) + 1):
                at_s = number * step_s
                x = bar.left() + bar.width() * at_s / duration_s
                yield x, clock_time(at_s, tenths=step_s < 1)

    def _stretch(self, bar: QRectF, start_s: float, end_s: float) -> QRectF:
        duration_s = self.audit.duration_s if self.audit else 1.0
        scale = bar.width() / duration_s
        left = start_s * scale
        width = max(min(end_s, duration_s) * scale - left, 1.0)
        return QRectF(bar.left() + left, bar.top(), width, bar.height())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and self.audit and event.position().x() >= self.bar_of(0).left():
            self.time_chosen.emit(self.time_at(event.position().x()))

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.passage_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), describe(*found) if found else "", self)
            return True
        return super().event(event)


def describe(stem: StemAudit, one: Passage) -> str:
    """A passage in words."""
    span = f"{clock_time(one.start_s, tenths=True)} to {clock_time(one.end_s, tenths=True)}"
    says = f"; {one.model_says}" if one.model_says else ""
    return f"{stem.name}, {span}: {reason(one)}{says}"
