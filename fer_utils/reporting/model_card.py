"""The model card of a published run: data, metrics per class, limits, intended use."""

import jinja2

from fer_utils import paths
from fer_utils.files import write_text
from fer_utils.recipes import outside_weights
from fer_utils.reporting.markdown import percent
from fer_utils.runs import Run

TEMPLATE, CARD = "model_card.md.j2", "README.md"


def model_card(run: Run) -> str:
    """Return the card of `run` as Markdown; every number comes from its files."""
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


def write_model_card(run: Run) -> None:
    """Write the card into the run's folder, where GitHub shows it."""
    write_text(run.folder / CARD, model_card(run))
