"""Works A1 and A2: one backtest, vectorised, as a careful Python developer writes it with pandas.

backtest.py cold | warm
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import prices
import sampling


def golden_cross(bars: pd.DataFrame) -> tuple[float, float, int]:
    """Total return, deepest drawdown and entries.

    Holds while the mean of 50 closes is above that of 200, all in, without costs; what a close
    says is done at the next open.
    """
    close, opening = bars["close"], bars["open"].to_numpy()
    signal = (close.rolling(50).mean() > close.rolling(200).mean()).to_numpy()
    held = np.concatenate([[False], signal[:-1]])
    held_before = np.concatenate([[False], held[:-1]])
    close = close.to_numpy()
    close_before = np.concatenate([[close[0]], close[:-1]])
    out = np.where(~held & held_before, opening / close_before, 1.0)
    bought = np.where(held & ~held_before, close / opening, out)
    equity = np.cumprod(np.where(held & held_before, close / close_before, bought))
    drawdown = (equity / np.maximum.accumulate(equity) - 1).min()
    return float(equity[-1] - 1), float(drawdown), int((held & ~held_before).sum())


if __name__ == "__main__":
    goog = prices.frame("GOOG")
    if sys.argv[1] == "cold":
        answer = golden_cross(goog)
        sampling.emit({"answer": answer, "peak_memory_kib": sampling.peak_memory_kib()})
    else:
        sampling.serve(golden_cross(goog), lambda: golden_cross(goog))
