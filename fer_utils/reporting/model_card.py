"""The model card of a published run: data, metrics per class, limits, intended use."""

import jinja2

from fer_utils import paths
from fer_utils.errors import RunError
from fer_utils.files import write_text
from fer_utils.paths import relative
from fer_utils.recipes import outside_weights
from fer_utils.reporting.markdown import percent
from fer_utils.runs import CARD, Run, publish

TEMPLATE = "model_card.md.j2"


def model_card(run: Run) -> str:
    """Return the card of `run` as Markdown; every number comes from its files.

    Raises RunError for a run that was not measured on test.
    """
    if "test" not in run.metrics:
        raise RunError(
            f"{relative(run.folder)} has no model card: it was measured on valid only, as "
            "ablations are; choose another run"
        )
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        loader=jinja2.FileSystemLoader(paths.REPORTS),
    )
    environment.filters["percent"] = percent
    test, recipe = run.metrics["test"], run.manifest["recipe"]
    return environment.get_template(TEMPLATE).render(
        manifest=run.manifest,
        recipe={"teacher": (), "initial_weights": "random"} | recipe,
        outside=outside_weights(recipe["name"]),
        classes=run.class_names,
        folder=run.folder.name,
        test=test,
        plain=test["none"],
    )


def publish_with_card(run: Run) -> Run:
    """Publish `run` with its weights, and its card beside them, where GitHub shows it.

    Raises RunError, before anything is copied, for a run without weights or metrics on test.
    """
    card = model_card(run)
    published = publish(run, weights=True)
    write_text(published.folder / CARD, card)
    return published
