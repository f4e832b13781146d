"""What every notebook opens with: `nb = open_notebook(...)`."""

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
from IPython.display import Code, Image, Markdown, display
from matplotlib.figure import Figure

from fer_utils import hardware
from fer_utils.datasets import pick_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.sources import load_source
from fer_utils.errors import DataMissing, RunBusy
from fer_utils.experiments import train_seeds
from fer_utils.figures.style import use_style
from fer_utils.initialization import has_initial_weights
from fer_utils.paths import NOTEBOOKS
from fer_utils.profiles import Profile, pick_profile
from fer_utils.recipes import Recipe, source_of
from fer_utils.reporting.findings import NAME, Finding, as_facts
from fer_utils.reporting.outputs import Outputs, outputs_for
from fer_utils.reporting.results import find_runs, profiles_searched
from fer_utils.runs import Run, store_for

_SECONDS_BETWEEN_LOOKS = 1.0  # at a run that another process trains


@dataclass(frozen=True)
class Notebook:
    """The context of one notebook: its data, profile, seed, and where its results go."""

    name: str
    profile: Profile
    dataset_name: str
    seed: int
    outputs: Outputs

    @property
    def data(self) -> FaceDataset:
        """The data set that the notebook is about, read when it is first asked for."""
        return self.data_of(source_of(self.name))

    def data_of(self, source: str) -> FaceDataset:
        """Return the data set called `source`, a recipe's, read when it is first asked for.

        Raises DataMissing when it is not on this machine.
        """
        if source not in self._read:
            self._read[source] = load_source(source, self.dataset_name, self.profile)
        return self._read[source]

    @cached_property
    def _read(self) -> dict[str, FaceDataset]:
        return {}

    def runs(self, recipe: Recipe, **options) -> tuple[Run, ...]:
        """Return the recipe's runs under this profile, training those that are not stored.

        A run that another process trains at this moment is waited for.
        """
        data, store = self.data_of(recipe.source), store_for(self.profile)
        while True:
            try:
                return train_seeds(recipe, data, self.profile, store=store, **options)
            except RunBusy:
                time.sleep(_SECONDS_BETWEEN_LOOKS)

    def can_run(self, recipe: Recipe) -> bool:
        """Tell whether `runs` would give any: the profile trains it, and can do so here."""
        if not recipe.seeds_for(self.profile):
            return False
        return bool(self.stored(recipe)) or (
            has_initial_weights(recipe.initial_weights) and self._has(recipe.source)
        )

    def _has(self, source: str) -> bool:
        try:
            return bool(self.data_of(source))
        except DataMissing:
            return False

    def stored(self, recipe: Recipe, profile: str = "") -> tuple[Run, ...]:
        """Return the recipe's runs that are there already, training none.

        profile: whose runs, by default those that the report prefers.  Under `smoke`, which
        has no others, it changes nothing.
        """
        if not self._has(recipe.source):
            return ()
        data = self.data_of(recipe.source)
        profiles = profiles_searched(self.profile.name)
        if profile in profiles:
            profiles = (profile,)
        found = find_runs(recipe, store_for(self.profile), data.data_key, profiles)
        return found.runs if found else ()

    def save_facts(self, name: str, facts: Mapping[str, object] | list) -> None:
        """Keep JSON-ready facts for the report."""
        self.outputs.save_facts(f"{self.name[:2]}_{name}", facts)

    def save_findings(self, findings: Iterable[Finding]) -> None:
        """Keep this notebook's own values of published numbers for the reproduction table."""
        known = (
            replace(one, source=one.source or self.data.source, profile=self.profile.name)
            for one in findings
        )
        self.save_facts(NAME, as_facts(known))

    def save_figure(self, name: str, figure: Figure, table: pd.DataFrame) -> None:
        """Keep `figure` with the numbers behind it (CSV), and show it as PNG."""
        path = self.outputs.save_figure(f"{self.name[:2]}_{name}", figure, table)
        display(Image(filename=path))

    def save_table(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Keep `table` as CSV and return it."""
        self.outputs.save_table(f"{self.name[:2]}_{name}", table)
        return table


def open_notebook(name: str, profile: str, dataset: str = "auto", seed: int = 0) -> Notebook:
    """Open the context of notebook `name`, say what it runs on, and return it.

    profile: `smoke`, `laptop`, `full`, or `auto` (`full` where there is a GPU, else `laptop`);
    dataset: a registry name or `auto` (FER2013 where it is there, else synthetic; `smoke`
    always takes the synthetic set).  Raises ConfigError for an unknown name.
    """
    if not (NOTEBOOKS / f"{name}.ipynb").exists():
        raise FileNotFoundError(f"no notebook {name}.ipynb in {NOTEBOOKS}")
    chosen = pick_profile(profile)
    dataset = pick_dataset(dataset, chosen)
    use_style()
    pd.set_option("display.max_colwidth", None)  # whole titles, not "Small net, taught by..."
    nb = Notebook(name, chosen, dataset, seed, outputs_for(chosen.name, dataset))
    machine = hardware.describe()
    print(f"profile   {chosen.name}")
    print(f"data set  {nb.data.source}: {len(nb.data):,} images")
    print(f"device    {machine['device']}: {machine['name']}, {machine['precision']}")
    return nb


def show_source(function: Callable) -> Code:
    """Return the source of a helper, highlighted, so that nothing taught is hidden."""
    return Code(inspect.getsource(function), language="python")


def say(text: str, **values: object) -> Markdown:
    """Return `text` as Markdown with `values` filled in: numbers in prose come from runs only."""
    return Markdown(text.format(**values))
