"""The pictures of an evaluation report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # no display is needed, nor touched

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.metrics import precision_recall_curve

from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, FAMILY_OF, INSTRUMENTS, display_name
from training.scoring import metrics
from training.scoring.evaluate import Items

DPI = 120
_FAMILY_COLOUR = dict(zip(FAMILIES, plt.get_cmap("tab10").colors, strict=False))  # type: ignore[attr-defined]
_MARKERS = "osD^vP*X"


def confusion(matrix: NDArray[np.integer], labels: Sequence[str], title: str, path: Path) -> None:
    """A confusion matrix by rows of the truth; labels that occur on neither side are left out."""
    used = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    shown, names = matrix[np.ix_(used, used)], [n for n, u in zip(labels, used, strict=True) if u]
    share = shown / np.maximum(shown.sum(axis=1, keepdims=True), 1)
    size = 2.2 + 0.36 * len(names)
    figure, axes = plt.subplots(figsize=(size + 0.6, size))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(shown), strict=True):
        axes.text(
            column, row, shown[row, column], ha="center", va="center", fontsize=8,
            color="white" if share[row, column] > 0.5 else "black",
        )  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("told")
    axes.set_ylabel("sounds")
    axes.set_title(title, fontsize=10)
    _save(figure, path)


def solo_confusion(matrix: Sequence[Sequence[int]], path: Path) -> None:
    """What solos are taken for."""
    names = [display_name(name) for name in INSTRUMENTS]
    confusion(np.array(matrix), names, "Solos: highest mean probability", path)


def polyphony_confusion(matrix: Sequence[Sequence[int]], title: str, path: Path) -> None:
    """The number of instruments told against the true one."""
    confusion(np.array(matrix), POLYPHONY_LABELS, title, path)


def precision_recall(items: Items, title: str, path: Path) -> None:
    """One precision-recall curve a label that occurs at least twice, coloured by family."""
    target, known = metrics.resolve(items.truths, items.probability)
    figure, axes = plt.subplots(figsize=(8, 5.5))
    for label, name in enumerate(INSTRUMENTS):
        mask = known[:, label]
        truth = target[mask, label]
        if truth.sum() < 2 or truth.all():
            continue
        precision, recall, _ = precision_recall_curve(truth, items.probability[mask, label])
        within = [n for n in INSTRUMENTS if FAMILY_OF[n] == FAMILY_OF[name]].index(name)
        axes.plot(
            recall, precision, drawstyle="steps-post", color=_FAMILY_COLOUR[FAMILY_OF[name]],
            linestyle=("-", "--", ":", "-.")[within % 4], linewidth=1.4,
            label=f"{display_name(name)} ({int(truth.sum())})",
        )  # fmt: skip
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
    axes.set_title(title, fontsize=10)
    if axes.lines:
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    _save(figure, path)


def reliability(items: Items, title: str, path: Path) -> None:
    """How often a label sounds when the model says p."""
    target, known = metrics.resolve(items.truths, items.probability)
    confidence, frequency, count = metrics.reliability(target, known, items.probability)
    used = count > 0
    figure, (upper, lower) = plt.subplots(
        2, sharex=True, figsize=(5, 5.5), height_ratios=(3, 1), layout="constrained"
    )
    upper.plot((0, 1), (0, 1), color="0.7", linewidth=1)
    upper.plot(confidence[used], frequency[used], marker="o", markersize=4)
    upper.set(ylabel="share that sounds", xlim=(0, 1), ylim=(0, 1))
    upper.set_title(title, fontsize=10)
    width = 1 / len(count)
    lower.bar((np.arange(len(count)) + 0.5) * width, count, width=0.9 * width)
    lower.set(xlabel="probability told", ylabel="labels", yscale="log")
    _save(figure, path)


def embeddings(points: NDArray[np.floating], labels: Sequence[str], path: Path) -> None:
    """t-SNE (van der Maaten and Hinton, JMLR 2008) of embeddings (n, d), coloured by instrument."""
    perplexity = min(30.0, max(2.0, (len(points) - 1) / 4))
    flat = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(points)
    figure, axes = plt.subplots(figsize=(8, 6))
    colours = plt.get_cmap("tab10")
    for number, name in enumerate(sorted(set(labels), key=INSTRUMENTS.index)):
        chosen = np.array([label == name for label in labels])
        axes.scatter(
            flat[chosen, 0], flat[chosen, 1], s=22, color=colours(number % 10),
            label=display_name(name), marker=_MARKERS[number // 10 % len(_MARKERS)],
            alpha=0.8, linewidths=0,
        )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    axes.set_title("Embeddings of solo windows (t-SNE)", fontsize=10)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    _save(figure, path)


def bars(labels: Sequence[str], values: NDArray[np.floating], title: str, path: Path) -> None:
    """A bar a label, green above zero and red below; none where there is no value."""
    figure, axes = plt.subplots(figsize=(1.5 + 0.36 * len(labels), 4))
    colours = ["tab:green" if value >= 0 else "tab:red" for value in values]
    axes.bar(range(len(labels)), np.nan_to_num(values), color=colours)
    axes.axhline(0.0, color="0.5", linewidth=0.8)
    axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right", fontsize=8)
    axes.set_title(title, fontsize=10)
    _save(figure, path)


def curves(
    x: Sequence[float], values: Mapping[str, Sequence[float]], axis: str, title: str, path: Path
) -> None:
    """Several scores against one choice, a small plot each."""
    figure, plots = plt.subplots(
        1, len(values), figsize=(3.6 * len(values), 3.2), layout="constrained", squeeze=False
    )
    for axes, (name, y) in zip(plots[0], values.items(), strict=True):
        axes.plot(x, y, marker="o")
        axes.set(xlabel=axis, ylabel=name)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=DPI, bbox_inches="tight")
    plt.close(figure)
