"""The reproduction table: every published number, and beside it what the runs here give."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from fer_utils.errors import ConfigError
from fer_utils.published import PublishedNumber
from fer_utils.recipes import RECIPES, Recipe
from fer_utils.recipes.ensembles import ENSEMBLES, Ensemble
from fer_utils.reporting.findings import Finding
from fer_utils.reporting.measures import Facts
from fer_utils.reporting.pending import QUOTED, why_pending

COLUMNS = (
    "project",
    "row",
    "metric",
    "published",
    "ours",
    "ci_low",
    "ci_high",
    "runs",
    "dataset",
    "profile",
    "status",
    "note",
)


@dataclass(frozen=True)
class Measured:
    """A value in the published unit with its 95 % interval, or None where it has none."""

    value: float
    ci: tuple[float, float] | None = None
    note: str = ""


def _in_percent(measure: Mapping, note: str = "") -> Measured:
    low, high = measure["ci"] or (None, None)
    ci = None if low is None else (100 * low, 100 * high)
    return Measured(100 * measure["mean"], ci, note)


def tta_gain(facts: Facts) -> Measured:
    """Return what flip and seven more views add to the accuracy, in points (paired interval)."""
    return _in_percent(facts["tta_gain"]["flip_and_seven"], "paired over the same images")


def disgust_error(facts: Facts) -> Measured:
    """Return the part of the disgust images that is taken for something else, in percent."""
    error = _in_percent(facts["test"]["none"]["recall"]["disgust"])
    low, high = error.ci
    return Measured(100 - error.value, (100 - high, 100 - low), f"of {facts['title']}")


#: Metrics that any recipe's runs give.
PLAIN: dict[str, Callable[[Facts], Measured]] = {
    "test_accuracy": lambda facts: _in_percent(facts["test"]["none"]["accuracy"]),
    "valid_accuracy": lambda facts: _in_percent(facts["valid"]["none"]["accuracy"]),
    "train_accuracy": lambda facts: _in_percent(
        facts["train_accuracy"], "while training, on augmented images"
    ),
    "parameters": lambda facts: Measured(facts["parameters"]),
}

#: Metrics that any ensemble gives.
VOTED: dict[str, Callable[[Facts], Measured]] = {
    "test_accuracy": PLAIN["test_accuracy"],
    "valid_accuracy": PLAIN["valid_accuracy"],
    "ensemble_members": lambda facts: Measured(len(facts["members"])),
}


def _accuracy_of(name: str) -> tuple[str, Callable[[Facts], Measured]]:
    """Return the source of a headline row that is one of the table's rows again."""
    return name, PLAIN["test_accuracy"]


#: Published numbers that are no plain metric of a recipe's own row: recipe, and how to measure.
DERIVED: dict[tuple[str, str, str], tuple[str, Callable[[Facts], Measured]]] = {
    ("cs230-fer", "five-layer, test-time augmentation", "tta_gain"): (
        "cs230_five_layer",
        tta_gain,
    ),
    ("cs230-fer", "disgust error without class weights", "disgust_error_ncw"): (
        "cs230_five_layer",
        disgust_error,
    ),
    ("cs230-fer", "disgust error with class weights", "disgust_error_wcw"): (
        "cs230_five_layer_weighted",
        disgust_error,
    ),
    ("cs230-fer", "VGG16", "test_accuracy"): _accuracy_of("cs230_vgg16_auxiliary"),
    ("cs230-fer", "SeNet50", "test_accuracy"): _accuracy_of("cs230_senet50_auxiliary"),
    ("cs230-fer", "ResNet50", "test_accuracy"): _accuracy_of("cs230_resnet50"),
    ("cs230-fer", "ensemble, FER2013 + auxiliary", "test_accuracy"): _accuracy_of(
        "cs230_seven_auxiliary"
    ),
}


def reproduction_table(
    results: Mapping[str, Facts],
    published: Iterable[PublishedNumber],
    *,
    dataset: str = "fer2013",
    profiles: Iterable[str] = ("full", "laptop"),
    notebooks: Iterable[str] = (),
    recipes: Mapping[str, Recipe] = RECIPES,
    ensembles: Mapping[str, Ensemble] = ENSEMBLES,
    findings: Mapping[tuple[str, str, str], Finding] = MappingProxyType({}),
    missing: Iterable[str] = (),
) -> pd.DataFrame:
    """Return one line per published number, in the order of `published`, with `COLUMNS`.

    results: `fer_utils.reporting.results.recipe_facts` by recipe name, and
    `fer_utils.reporting.ensembles.ensemble_facts` by the ensemble's; dataset: registry name
    of the report's data set; profiles: those whose runs were looked for; notebooks: names of
    those that exist; findings: what notebooks measured themselves, before which a recipe's own
    measure goes; missing: data sets that are not on this machine.  `status` is ``measured``, or
    ``pending`` with the reason in `note`.
    Raises ConfigError when a recipe or ensemble reproduces a row that nobody published.
    """
    published, notebooks, profiles = tuple(published), set(notebooks), tuple(profiles)
    sources = _sources(published, recipes, ensembles)
    lines = []
    for number in published:
        line = dict.fromkeys(COLUMNS, None)
        line |= {name: getattr(number, name) for name in ("project", "row", "metric", "published")}
        name, measure = sources.get((number.project, number.row, number.metric), ("", None))
        finding = findings.get((number.project, number.row, number.metric))
        if name in results:
            line |= _measured_line(number, results[name], measure, dataset)
        elif finding is not None:
            line |= _found_line(number, finding, dataset)
        else:
            reason = why_pending(
                number,
                ensembles.get(name, recipes.get(name)),
                measured=results,
                notebooks=notebooks,
                profiles=profiles,
                dataset=dataset,
                missing=missing,
            )
            line |= {"dataset": number.dataset, "status": "pending"}
            line["note"] = _join(reason, number.note.removeprefix(QUOTED).lstrip("; "))
        lines.append(line)
    return pd.DataFrame(lines, columns=list(COLUMNS)).astype(
        {"published": float, "ours": float, "ci_low": float, "ci_high": float, "runs": "Int64"}
    )


def to_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV text: counts in full, all else to ten digits."""
    return table.to_csv(index=False, float_format="%.10g", lineterminator="\n")


def _sources(
    published: Iterable[PublishedNumber],
    recipes: Mapping[str, Recipe],
    ensembles: Mapping[str, Ensemble],
) -> dict:
    """Return (project, row, metric) -> (name of the recipe or ensemble, how to measure)."""
    known = {**recipes, **ensembles}
    sources = {key: source for key, source in DERIVED.items() if source[0] in known}
    rows = {(number.project, number.row) for number in published}
    measured = [(recipe, PLAIN) for recipe in recipes.values()]
    measured += [(ensemble, VOTED) for ensemble in ensembles.values()]
    for source, metrics in measured:
        if not source.reproduces:
            continue
        project, _, row = source.reproduces.partition("/")
        if (project, row) not in rows:
            raise ConfigError(
                f"recipe {source.name} reproduces {source.reproduces!r}, but published.csv has no "
                "such project/row; correct `reproduces`"
            )
        for metric, measure in metrics.items():
            if (project, row, metric) in sources:
                raise ConfigError(
                    f"recipes {sources[project, row, metric][0]} and {source.name} both reproduce "
                    f"{source.reproduces!r}; only one may"
                )
            sources[project, row, metric] = (source.name, measure)
    return sources


def _measured_line(number: PublishedNumber, facts: Facts, measure, dataset: str) -> dict:
    """Return the cells of a number that was measured."""
    ours = measure(facts)
    low, high = ours.ci or (None, None)
    fewer = len(facts["seeds"]) < facts["expected_seeds"]
    seeds = f"{len(facts['seeds'])} of {facts['expected_seeds']} random seeds" if fewer else ""
    return {
        "ours": _rounded(ours.value, number.unit),
        "ci_low": _rounded(low, number.unit),
        "ci_high": _rounded(high, number.unit),
        "runs": len(facts["seeds"]),
        "dataset": "; ".join(facts["source"]),
        "profile": facts["profile"],
        "status": "measured",
        "note": _join(_synthetic(dataset), seeds, ours.note, number.note),
    }


def _found_line(number: PublishedNumber, finding: Finding, dataset: str) -> dict:
    """Return the cells of a number that a notebook measured itself."""
    low, high = finding.ci or (None, None)
    return {
        "ours": _rounded(finding.value, number.unit),
        "ci_low": _rounded(low, number.unit),
        "ci_high": _rounded(high, number.unit),
        "runs": finding.runs,
        "dataset": finding.source,
        "profile": finding.profile,
        "status": "measured",
        "note": _join(_synthetic(dataset), finding.note, number.note),
    }


def _synthetic(dataset: str) -> str:
    return "" if dataset == "fer2013" else f"on {dataset} data: not comparable with theirs"


def _rounded(value: float | None, unit: str) -> float | None:
    return value if value is None or unit not in ("%", "points") else round(value, 2)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
