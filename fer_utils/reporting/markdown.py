"""Numbers and tables as Markdown text, in the form that pandoc and GitHub both read."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from fer_utils.published import METRICS

#: What a metric is called in the tables, where its name does not say it.
METRIC_NAMES = {
    "accuracy_margin": "margin",
    "accuracy_gain": "gain",
    "tta_gain": "gain",
    "disgust_error_ncw": "error",
    "disgust_error_wcw": "error",
    "class_probability": "probability",
    "latency_ms": "latency",
}
_TTA = ("flip", "flip_and_seven")
_DASH = "\u2013"  # en dash
_NO_BREAK = "\u2060"  # word joiner


def percent(value: float | Mapping, digits: int = 1) -> str:
    """Return a fraction, or a measure's mean, as percent without the sign: ``66.3``."""
    value = value["mean"] if isinstance(value, Mapping) else value
    return f"{100 * value:.{digits}f}"


def bounds(measure: Mapping, digits: int = 1) -> str:
    """Return a measure's 95 % interval in percent: ``64.8 to 67.9``."""
    low, high = measure["ci"]
    return f"{percent(low, digits)} to {percent(high, digits)}"


def with_bounds(measure: Mapping, digits: int = 1) -> str:
    """Return a measure in percent with its interval: 66.3 [64.8-67.9]."""
    return f"{percent(measure, digits)} {brackets(measure, digits)}"


def brackets(measure: Mapping, digits: int = 1) -> str:
    """Return a measure's interval in percent, short: [64.8-67.9]. For what is not negative."""
    low, high = measure["ci"]
    return f"[{percent(low, digits)}{_DASH}{_NO_BREAK}{percent(high, digits)}]"


def spread(measure: Mapping, digits: int = 1) -> str:
    """Return mean ± standard deviation over the seeds in percent, or the only value."""
    mean = percent(measure, digits)
    return (
        mean if measure["std"] is None else f"{mean}\u00a0±\u00a0{percent(measure['std'], digits)}"
    )


def quantity(value: float, metric: str) -> str:
    """Return a value of a metric of published.csv with its unit: ``66.3 %``, ``2,437,159``."""
    unit = METRICS[metric]
    if unit == "count":
        return f"{value:,.0f}"
    if unit not in ("%", "points"):
        return f"{value:g}" if unit == "1" else f"{value:g} {unit}"
    decimals = 1 if round(value, 1) == round(value, 6) else 2
    return f"{value:.{decimals}f} {unit}"


def metric_name(metric: str) -> str:
    """Return a metric's name in words."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    widths: Sequence[int] = (),
    align: str = "",
) -> str:
    """Return a pipe table.

    widths: relative widths of the columns, which pandoc uses as soon as a line of the table is
    long (default: those of the cells, 40 at most); align: one of ``l``, ``r``, ``c`` per column
    (default: the first left, the others right).
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if not widths:
        columns = zip(header, *cells, strict=True)
        widths = [max(4, min(40, max(map(len, column)))) + 2 for column in columns]  # and a gap
    align = align or "l" + "r" * (len(header) - 1)
    marks = {"l": ":{}-", "r": "{}-:", "c": ":{}:"}
    rule = (
        marks[kind].format("-" * (width - 2)) for kind, width in zip(align, widths, strict=True)
    )
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join(rule)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)])


def frame_table(frame: pd.DataFrame) -> str:
    """Return a data frame as a pipe table: text left, numbers right with separated thousands."""
    align = "".join("r" if pd.api.types.is_numeric_dtype(kind) else "l" for kind in frame.dtypes)
    rows = ([_number(value) for value in row] for row in frame.itertuples(index=False))
    return table([str(name).replace("_", " ") for name in frame.columns], rows, align=align)


def results_markdown(results: Mapping[str, Mapping]) -> str:
    """Return the table of all trained recipes: accuracies and the like, in percent."""
    header = ["Net", "Runs", "Test accuracy", "Flip", "Flip + 7", "No copies", "Macro F1",
              "Balanced", "Log loss", "ECE", "Disgust recall"]  # fmt: skip
    rows = []
    for facts in results.values():
        test = facts["test"]
        none = test["none"]
        unseen, disgust = none.get("accuracy_unseen"), none["recall"].get("disgust")
        rows.append(
            [
                facts["title"],
                len(facts["seeds"]),
                f"{spread(none['accuracy'])} {brackets(none['accuracy'])}",
                *(spread(test[mode]["accuracy"]) if mode in test else _DASH for mode in _TTA),
                with_bounds(unseen) if unseen else _DASH,
                percent(none["macro_f1"]),
                percent(none["balanced_accuracy"]),
                f"{none['log_loss']['mean']:.3f}",
                percent(none["ece"]),
                with_bounds(disgust) if disgust else _DASH,
            ]
        )
    return table(header, rows, widths=(20, 5, 14, 11, 11, 13, 7, 10, 7, 6, 13))


def training_markdown(results: Mapping[str, Mapping]) -> str:
    """Return the table of how the recipes were trained."""
    header = ["Net", "Profile", "Runs", "Parameters", "Valid accuracy", "Epochs", "Best epochs",
              "Minutes per run"]  # fmt: skip
    rows = (
        [
            facts["title"],
            facts["profile"],
            len(facts["seeds"]),
            f"{facts['parameters']:,}",
            spread(facts["valid"]["none"]["accuracy"]),
            facts["epochs"],
            ", ".join(map(str, facts["best_epochs"])),
            f"{facts['minutes']:.1f}",
        ]
        for facts in results.values()
    )
    return table(header, rows, widths=(32, 9, 6, 12, 14, 8, 12, 12), align="llrrrrrr")


def ensembles_markdown(ensembles: Mapping[str, Mapping]) -> str:
    """Return the table of all ensembles that have their members, in percent."""
    header = ["Ensemble", "Members", "Valid, flip + 7", "Test", "Test, flip + 7", "No copies",
              "Log loss", "ECE"]  # fmt: skip
    rows = []
    for facts in ensembles.values():
        best = facts["test"]["flip_and_seven"]
        rows.append(
            [
                facts["title"],
                len(facts["members"]),
                percent(facts["valid"]["flip_and_seven"]["accuracy"]),
                with_bounds(facts["test"]["none"]["accuracy"]),
                with_bounds(best["accuracy"]),
                percent(best["accuracy_unseen"]),
                f"{best['log_loss']['mean']:.3f}",
                percent(best["ece"]),
            ]
        )
    return table(header, rows, widths=(34, 8, 10, 14, 14, 10, 8, 6))


def measured_markdown(lines: Iterable[Mapping]) -> str:
    """Return the measured lines of the reproduction table."""
    header = ["Project, row", "Metric", "Published", "Ours [95 % interval]", "Runs", "Note"]
    rows = []
    for line in lines:
        ours = quantity(line["ours"], line["metric"])
        if not pd.isna(line["ci_low"]):
            ours += f" [{line['ci_low']:g} to {line['ci_high']:g}]"  # not rounded twice
        rows.append(
            [
                f"{line['project']}: {line['row']}",
                metric_name(line["metric"]),
                quantity(line["published"], line["metric"]),
                ours,
                f"{line['runs']} {line['profile']}",
                "" if pd.isna(line["note"]) else line["note"],
            ]
        )
    return table(header, rows, widths=(24, 12, 14, 20, 10, 34), align="llrrll")


def pending_markdown(lines: Iterable[Mapping]) -> str:
    """Return lines that are pending, those of one row and reason joined."""
    joined: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        value = f"{metric_name(line['metric'])} {quantity(line['published'], line['metric'])}"
        joined.setdefault((line["row"], line["note"].partition(";")[0]), []).append(value)
    rows = ([row, ", ".join(values), reason] for (row, reason), values in joined.items())
    return table(("Row", "Published", "Why"), rows, widths=(30, 44, 36), align="lll")


def _number(value: object) -> object:
    if isinstance(value, float):
        if pd.isna(value):
            return _DASH
        return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
