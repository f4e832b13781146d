"""What a build works on: profile, data, outputs, runs, and the manifest of what was made."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

from fer_utils.datasets import load_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.sources import load_source
from fer_utils.errors import DataError, DataMissing, RunBusy
from fer_utils.files import locked, write_json
from fer_utils.paths import relative
from fer_utils.profiles import Profile
from fer_utils.recipes import SOURCES
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.stamps import code_stamp
from fer_utils.runs import RunStore, store_for

MANIFEST = "manifest.json"

#: Data sets that notebooks read without a recipe that trains on them.
READ_BY_NOTEBOOKS = {"10_face_pipeline": ("captures",)}


@dataclass(frozen=True)
class BuildState:
    """What a build works on; `manifest` is what it has made so far, changed as it goes."""

    profile: Profile
    dataset: str
    outputs: Outputs
    store: RunStore
    manifest: dict
    missing: Mapping[str, str] = field(default_factory=dict)  # data sets not to be read: why

    @property
    def data_key(self) -> str:
        """What stands for the main data set in a run's key."""
        return self.manifest["data"]["data_key"]

    @property
    def data_keys(self) -> dict[str, str]:
        """The same for each data set that recipes need, as far as it was ever seen."""
        if self.dataset == "synthetic":  # then everything is
            return dict.fromkeys(SOURCES, self.data_key)
        others = {name: facts["data_key"] for name, facts in self.manifest["sources"].items()}
        return {self.dataset: self.data_key} | others

    @property
    def parameters(self) -> dict[str, object]:
        """What the notebooks are executed with."""
        return {"PROFILE": self.profile.name, "DATASET": self.dataset, "SEED": 0}

    def save(self) -> None:
        """Write the manifest, unless it is there already."""
        target = self.outputs.folder / MANIFEST
        if read_manifest(self.outputs) != self.manifest:
            write_json(target, self.manifest)


def read_manifest(outputs: Outputs) -> dict:
    """Return the manifest of the last build; an absent or unreadable one is an empty one."""
    try:
        return json.loads((outputs.folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def open_state(
    profile: Profile, dataset: str, outputs: Outputs, *, read_data: bool = True
) -> BuildState:
    """Return the state that the last build left, under this profile and data.

    read_data: whether to look at the data; else the last build's word is taken.  Raises
    DataError when the main data set is missing or damaged; others are noted in `missing`.
    """
    old = read_manifest(outputs)
    data, sources, missing = old.get("data", {}), old.get("sources", {}), {}
    if read_data:
        data = _data_facts(profile, dataset, data)
        if dataset != "synthetic":
            sources, missing = _source_facts(profile, dataset, sources)
    manifest = {"profile": profile.name, "data": data, "sources": sources}
    for name in ("commit", "dirty", "versions", "hardware"):
        manifest[name] = old.get(name)
    for name in ("notebooks", "tables", "report"):
        manifest[name] = old.get(name, {})
    return BuildState(profile, dataset, outputs, store_for(profile), manifest, missing)


def _data_facts(profile: Profile, dataset: str, old: dict) -> dict[str, str]:
    """Return what was read; draw the synthetic faces, which takes seconds, only if need be."""
    code = code_stamp("datasets/*.py") + f"-{profile.synthetic_images}"
    if dataset == "synthetic" and old.get("made_by") == code:
        return old
    facts = _facts(load_dataset(dataset, profile=profile))
    return facts | ({"made_by": code} if dataset == "synthetic" else {})


def _source_facts(
    profile: Profile, main: str, old: Mapping[str, dict]
) -> tuple[dict[str, dict], dict[str, str]]:
    """Return what was read of the other data sets that are needed, and why not of some.

    Of a set that is damaged or not on this machine the last build's word is kept: published
    runs of it are still found.
    """
    facts, missing = {}, {}
    for source in (*SOURCES, *chain(*READ_BY_NOTEBOOKS.values())):
        if source == main:
            continue
        try:
            facts[source] = _facts(load_source(source, main, profile))
        except DataError as error:
            missing[source] = str(error)
            if not isinstance(error, DataMissing):  # something is wrong: say so in any case
                print(f"left out: {source}: {error}", flush=True)
            if source in old:
                facts[source] = old[source]
    return facts, missing


def _facts(dataset: FaceDataset) -> dict[str, str]:
    return {name: getattr(dataset, name) for name in ("name", "source", "source_hash", "data_key")}


@contextmanager
def alone_in(outputs: Outputs) -> Iterator[Outputs]:
    """Yield `outputs` with other builds kept off; raise RunBusy if one is at work there."""
    with locked(outputs.folder / ".lock") as ours:
        if not ours:
            raise RunBusy(
                f"another process builds the report in {relative(outputs.folder)}; wait until it "
                "ends, or stop it"
            )
        yield outputs
