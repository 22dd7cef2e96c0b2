"""The sample prices as a Python program reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).resolve().parents[2] / "data" / "prices"


def frame(symbol: str) -> pd.DataFrame:
    """Daily bars, indexed by day."""
    return pd.read_csv(FOLDER / f"{symbol}.csv", index_col="date", parse_dates=True)


def at_the_origins_level(bars: pd.DataFrame) -> Any:
    """Adjusted closes on the level at which the last of them was quoted, as an array."""
    adjusted = bars["adjusted_close"].to_numpy()
    return adjusted * (bars["close"].to_numpy(float)[-1] / adjusted[-1])
