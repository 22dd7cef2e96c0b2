"""Work H1: JSON of daily bars to columns, with json and pandas.

provider_json.py provider FILE   the provider's own form: an object by day, numbers as strings
provider_json.py flat FILE       a form that suits pandas better: an array of rows, plain numbers
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import sampling

COLUMNS = {
    "1. open": "open",
    "2. high": "high",
    "3. low": "low",
    "4. close": "close",
    "5. volume": "volume",
}


def provider(text: str) -> pd.DataFrame:
    """The daily series of Alpha Vantage."""
    rows = pd.DataFrame.from_dict(json.loads(text)["Time Series (Daily)"], orient="index")
    rows = rows.astype(float).rename(columns=COLUMNS)
    rows.index = pd.to_datetime(rows.index)
    return rows.sort_index()


def flat(text: str) -> pd.DataFrame:
    """An array of rows, oldest first."""
    rows = pd.DataFrame(json.loads(text)["bars"])
    return rows.assign(date=pd.to_datetime(rows["date"])).set_index("date")


if __name__ == "__main__":
    read = {"provider": provider, "flat": flat}[sys.argv[1]]
    text = Path(sys.argv[2]).read_text()
    bars = read(text)
    days = {"bars": len(bars), "first": f"{bars.index[0]:%F}", "last": f"{bars.index[-1]:%F}"}
    sums = {name: float(bars[name].sum()) for name in COLUMNS.values()}
    sampling.serve(days | sums, lambda: read(text))
