"""Pictures of a report, drawn without a display."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence

from eval.errors import MISSED, SPURIOUS


def confusion_picture(table: Counter[tuple[str, str]], types: Sequence[str]) -> bytes:
    """The confusion table as a PNG: rows gold, columns predicted, shaded by share of the row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = [*types, SPURIOUS], [*types, MISSED]
    values = [[table[row, column] for column in columns] for row in rows]
    shares = [[value / max(sum(row), 1) for value in row] for row in values]
    figure = Figure(figsize=(9, 8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            if value:
                axes.text(
                    x,
                    y,
                    str(value),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if shares[y][x] > 0.5 else "black",
                )
    out = io.BytesIO()
    # No date inside: the same table gives the same bytes.
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
