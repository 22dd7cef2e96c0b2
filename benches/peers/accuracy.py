"""Work D4: the accuracy of `walk`, the default model, written a second time from its definition.

Forecasts of 30 bars from every 30th bar of four series, the first after 1,000 bars, each made
from what came before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import prices
import sampling

HORIZON = 30
STEPS = np.arange(1, HORIZON + 1)
Z_95 = 1.959963984540
SERIES = ("GOOG", "AAPL", "IBM", "MSFT")


def naive(closes: Any) -> tuple[Any, Any, Any]:
    """Tomorrow is today; the band of a random walk of prices."""
    value = np.full(HORIZON, closes[-1])
    band = Z_95 * np.sqrt((np.diff(closes) ** 2).mean() * STEPS)
    return value, value - band, value + band


def naive_on_logs(closes: Any) -> tuple[Any, Any, Any]:
    """Tomorrow is today; the band of a random walk of log prices."""
    value = np.full(HORIZON, closes[-1])
    band = np.exp(Z_95 * np.sqrt((np.diff(np.log(closes)) ** 2).mean() * STEPS))
    return value, value / band, value * band


def walk(closes: Any) -> tuple[Any, Any, Any]:
    """Half of the mean drift; a variance that returns from today's to the long run's."""
    returns = np.diff(np.log(closes))
    variance = returns[:30].var()
    for one in returns:
        variance = 0.97 * variance + 0.03 * one * one
    long_run = returns[-1000:].var()
    decay = 0.5 ** (1 / 60)
    summed = np.cumsum(long_run + (variance - long_run) * decay ** (STEPS - 1))
    value = closes[-1] * np.exp(0.5 * returns.mean() * STEPS)
    band = np.exp(Z_95 * np.sqrt(summed))
    return value, value / band, value * band


def errors(closes: Any, model: Any) -> tuple[float, float, float, int]:
    """Mean MASE, MSIS and coverage of the 95 % band over the origins, and how many there are."""
    found = []
    for origin in range(1000, len(closes) - HORIZON + 1, 30):
        training, actual = closes[:origin], closes[origin : origin + HORIZON]
        scale = np.abs(np.diff(training)).mean()
        value, lower, upper = model(training)
        miss = np.maximum(np.maximum(lower - actual, actual - upper), 0)
        inside = (lower <= actual) & (actual <= upper)
        mase = np.abs(actual - value).mean() / scale
        found.append((mase, (upper - lower + 40 * miss).mean() / scale, inside.mean()))
    return *np.mean(found, axis=0), len(found)


def main() -> None:
    """Print the figures as means over the series, relative to naive's."""
    series = [prices.frame(symbol)["adjusted_close"].to_numpy() for symbol in SERIES]
    of = {
        model: np.array([errors(closes, model) for closes in series])
        for model in (naive, naive_on_logs, walk)
    }
    mean = {model: figures.mean(axis=0) for model, figures in of.items()}
    sampling.emit(
        {
            "origins": int(of[walk][:, 3].sum()),
            "rmase": mean[walk][0] / mean[naive][0],
            "rmsis": mean[walk][1] / mean[naive][1],
            "coverage_95": mean[walk][2],
            "rmsis_to_naive_on_logs": mean[walk][1] / mean[naive_on_logs][1],
            "rmsis_mean_of_ratios": float((of[walk][:, 1] / of[naive][:, 1]).mean()),
        }
    )


if __name__ == "__main__":
    main()
