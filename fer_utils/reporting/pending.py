"""Why a published number has none of ours beside it."""

from collections.abc import Collection, Iterable, Sequence

from fer_utils.initialization import has_initial_weights
from fer_utils.published import PublishedNumber
from fer_utils.recipes import Recipe
from fer_utils.recipes.ensembles import Ensemble

QUOTED = "quoted from other work"  # how published.csv marks such a line


def why_pending(
    number: PublishedNumber,
    source: Recipe | Ensemble | None,
    *,
    measured: Collection[str],
    notebooks: Collection[str],
    profiles: Sequence[str],
    dataset: str,
    missing: Iterable[str] = (),
) -> str:
    """Return the reason in words.

    source: what would measure the number, if anything does; measured: names of recipes with runs;
    notebooks: names of those that exist; profiles: those whose runs were looked for; dataset: the
    report's; missing: data sets that are not on this machine.
    """
    if isinstance(source, Ensemble):
        return _missing_members(source, measured)
    needed = source.source if source else number.dataset.lower()
    if needed in missing:
        return f"needs {needed}, which is not on this machine: see data/README.md"
    if source is not None:
        return _no_run(source, profiles, dataset)
    if not number.built_in:
        if number.note.startswith(QUOTED):
            return "quoted by the project from other work; not rerun here"
        return "the project's own observation; nothing to rerun"
    if number.built_in not in notebooks:
        return f"not built yet: notebook {number.built_in}"
    return f"notebook {number.built_in} does not measure it yet"


def _missing_members(ensemble: Ensemble, measured: Collection[str]) -> str:
    missing = [name for name in ensemble.members if name not in measured]
    if not missing:
        return "all members are trained: run `make report`"
    return f"{len(missing)} of {len(ensemble.members)} members not trained: {', '.join(missing)}"


def _no_run(recipe: Recipe, profiles: Sequence[str], dataset: str) -> str:
    if not has_initial_weights(recipe.initial_weights):
        return f"initial weights not on this machine: {recipe.initial_weights}"
    if recipe.full_only and "full" in profiles:
        return f"needs the full profile: no run of {recipe.name}"
    searched = " or ".join(reversed(profiles))
    where = "FER2013" if dataset == "fer2013" else f"the {dataset} data"
    return f"no run of {recipe.name} under {searched} on {where}: run `make report`"
