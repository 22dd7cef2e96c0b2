"""Work D1: a straight line through the prices with scikit-learn, 30 days ahead with its band."""

from __future__ import annotations

from typing import Any

import numpy as np
import prices
import sampling
from sklearn.linear_model import LinearRegression

HORIZON = 30
Z_95 = 1.959963984540


def forecast(closes: Any) -> Any:
    """Rows of value, lower and upper end of the 95 % prediction band."""
    n = len(closes)
    days = np.arange(n)[:, None]
    line = LinearRegression().fit(days, closes)
    ahead = np.arange(n, n + HORIZON)
    value = line.predict(ahead[:, None])
    residuals = closes - line.predict(days)
    deviation = np.sqrt((residuals @ residuals) / (n - 2))
    spread = 1 + 1 / n + (ahead - (n - 1) / 2) ** 2 / (n * (n * n - 1) / 12)
    band = Z_95 * deviation * np.sqrt(spread)
    return np.column_stack([value, value - band, value + band])


if __name__ == "__main__":
    goog = prices.at_the_origins_level(prices.frame("GOOG"))
    sampling.serve(forecast(goog).tolist(), lambda: forecast(goog))
