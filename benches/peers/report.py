"""Works E1 and E2: a report of two pages as a PDF, made with matplotlib.

Page 1 has the price with a forecast and its band, and the drawdown; page 2 has a table of figures
and one of the forecast.

report.py cold | warm REPORT.pdf
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import sampling
from matplotlib.backends.backend_pdf import PdfPages

PRICES = Path(__file__).resolve().parents[2] / "data" / "prices" / "GOOG.csv"
HORIZON = 30
A4 = (8.27, 11.69)


def report(path: str) -> dict[str, float]:
    """Write the report; returns its figures of the price."""
    with PRICES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    dates = [row["date"] for row in rows]
    close = np.array([float(row["close"]) for row in rows])
    days = np.arange(len(close))
    slope, level = np.polyfit(days, close, 1)
    ahead = np.arange(len(close), len(close) + HORIZON)
    value = level + slope * ahead
    band = 1.96 * np.diff(close).std() * np.sqrt(np.arange(1, HORIZON + 1))
    drawdown = close / np.maximum.accumulate(close) - 1
    figures = {
        "bars": len(close),
        "last_close": close[-1],
        "total_return": close[-1] / close[0] - 1,
        "max_drawdown": drawdown.min(),
    }
    volatility = np.diff(np.log(close)).std() * np.sqrt(252)
    with PdfPages(path) as pdf:
        figure = plt.figure(figsize=A4)
        charts(figure, dates, close, (ahead, value, band), drawdown)
        pdf.savefig(figure)
        plt.close(figure)
        figure = plt.figure(figsize=A4)
        tables(figure, figures | {"volatility": volatility}, value, band)
        pdf.savefig(figure)
        plt.close(figure)
    return {name: float(figure) for name, figure in figures.items()}


def charts(figure: Any, dates: list[str], close: Any, forecast: Any, drawdown: Any) -> None:
    """Draw price, forecast and drawdown."""
    ahead, value, band = forecast
    price, falls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    price.plot(close, lw=0.8, label="close")
    price.plot(ahead, value, lw=1, label="forecast")
    price.fill_between(ahead, value - band, value + band, alpha=0.3)
    price.legend()
    price.set_title("GOOG")
    falls.fill_between(np.arange(len(drawdown)), drawdown, 0, color="tab:red", alpha=0.5)
    falls.set_ylabel("drawdown")
    years = np.arange(0, len(close), 252)
    falls.set_xticks(years, [dates[at][:7] for at in years], rotation=30)


def tables(figure: Any, figures: dict[str, float], value: Any, band: Any) -> None:
    """Draw the table of figures and that of the forecast."""
    above, below = figure.subplots(2, 1, height_ratios=[1, 5])
    above.axis("off")
    below.axis("off")
    above.table([[name, f"{number:.4f}"] for name, number in figures.items()], loc="center")
    ends = zip(value, value - band, value + band, strict=True)
    rows = [
        (f"+{step}", *(f"{number:.2f}" for number in row)) for step, row in enumerate(ends, start=1)
    ]
    below.table(rows, colLabels=["day", "mean", "lower 95", "upper 95"], loc="center")


if __name__ == "__main__":
    answer = report(sys.argv[2])
    if sys.argv[1] == "cold":
        sampling.emit({"answer": answer, "peak_memory_kib": sampling.peak_memory_kib()})
    else:
        sampling.serve(answer, lambda: report(sys.argv[2]))
