"""Work D4: how accurate the default forecast is, beside a second implementation of it."""

from __future__ import annotations

from pathlib import Path

from driver.beside_peers import compare
from driver.processes import run_to_json
from driver.table import Goals, table

DEFAULT_MODEL = "walk"
COMPARED = ("origins", "rmase", "rmsis", "coverage_95")


def measure(programs: Path, peers: Path, prices: Path, python: Path, goals: Goals) -> str:
    """The figures of every model."""
    models = run_to_json((programs / "works", "d4", prices))
    reference = run_to_json((python, peers / "accuracy.py"))
    default = next(model for model in models if model["model"] == DEFAULT_MODEL)
    compare("D4", *({name: one[name] for name in COMPARED} for one in (default, reference)))
    rows = [
        [
            model["model"],
            f"{model['rmase']:.5f}",
            f"{model['rmsis']:.5f}",
            f"{model['coverage_95']:.4f}",
            f"{model['coverage_80']:.3f}",
        ]
        for model in models
    ]
    met = (
        goals.verdict("D4 rMASE", default["rmase"] <= 1),
        goals.verdict("D4 rMSIS", default["rmsis"] <= 0.68),
        goals.verdict("D4 coverage", 0.92 <= default["coverage_95"] <= 0.97),
    )
    rows.append([f"`{DEFAULT_MODEL}` must be", "≤ 1.00", "≤ 0.68", "0.92 to 0.97", ""])
    rows.append(["", *met, ""])
    heading = ("model", "rMASE", "rMSIS", "95 % band covers", "80 % band covers")
    return (
        table(heading, rows)
        + f"\n{default['origins']} origins. Against a random walk of log prices the rMSIS of"
        f" `{DEFAULT_MODEL}` is {reference['rmsis_to_naive_on_logs']:.3f}; the mean of the ratios"
        f" of the four series is {reference['rmsis_mean_of_ratios']:.3f}.\n"
    )
