"""The reproduction table: every published number, and beside it what the runs here give."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from fer_utils.errors import ConfigError, DataError
from fer_utils.published import PublishedNumber
from fer_utils.recipes import RECIPES, Recipe
from fer_utils.recipes.ensembles import ENSEMBLES, Ensemble
from fer_utils.reporting.findings import Finding
from fer_utils.reporting.measures import Facts
from fer_utils.weights.files import find_weights

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
QUOTED = "quoted from other work"  # how published.csv marks such a line


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
) -> pd.DataFrame:
    """Return one line per published number, in the order of `published`, with `COLUMNS`.

    results: `fer_utils.reporting.results.recipe_facts` by recipe name, and
    `fer_utils.reporting.ensembles.ensemble_facts` by the ensemble's; dataset: registry name
    of the report's data set; profiles: those whose runs were looked for; notebooks: names of
    those that exist; findings: what notebooks measured themselves, before which a recipe's own
    measure goes.  `status` is ``measured``, or ``pending`` with the reason in `note`.
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
            if name in ensembles:
                reason = _missing_members(ensembles[name], results)
            else:
                reason = _pending(number, recipes.get(name), notebooks, profiles, dataset)
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
    sources = {key: source for key, source in DERIVED.items() if source[0] in recipes}
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


def _missing_members(ensemble: Ensemble, results: Mapping[str, Facts]) -> str:
    """Return why an ensemble is not measured."""
    missing = [name for name in ensemble.members if name not in results]
    if not missing:
        return "all members are trained: run `make report`"
    return f"{len(missing)} of {len(ensemble.members)} members not trained: {', '.join(missing)}"


def _pending(number, recipe: Recipe | None, notebooks: set, profiles, dataset: str) -> str:
    """Return why a number is not measured."""
    if recipe is not None:
        if recipe.initial_weights != "random" and not _weights_here(recipe):
            return f"initial weights not on this machine: {recipe.initial_weights}"
        if recipe.full_only and "full" in profiles:
            return f"needs the full profile: no run of {recipe.name}"
        searched = " or ".join(reversed(profiles))
        where = "FER2013" if dataset == "fer2013" else f"the {dataset} data"
        return f"no run of {recipe.name} under {searched} on {where}: run `make report`"
    if not number.built_in:
        if number.note.startswith(QUOTED):
            return "quoted by the project from other work; not rerun here"
        return "the project's own observation; nothing to rerun"
    if number.built_in not in notebooks:
        return f"not built yet: notebook {number.built_in}"
    return f"notebook {number.built_in} does not measure it yet"


def _weights_here(recipe: Recipe) -> bool:
    try:
        return find_weights(recipe.initial_weights) is not None
    except DataError:  # a file that is not what it should be
        return False


def _rounded(value: float | None, unit: str) -> float | None:
    return value if value is None or unit not in ("%", "points") else round(value, 2)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
