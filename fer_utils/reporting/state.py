"""What a build works on: profile, data, outputs, runs, and the manifest of what was made."""

import json
from dataclasses import dataclass

from fer_utils.datasets import load_dataset
from fer_utils.files import write_json
from fer_utils.profiles import Profile
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.stamps import code_stamp
from fer_utils.runs import RunStore, store_for

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BuildState:
    """What a build works on; `manifest` is what it has made so far, changed as it goes."""

    profile: Profile
    dataset: str
    outputs: Outputs
    store: RunStore
    manifest: dict

    @property
    def data_key(self) -> str:
        """What stands for the data in a run's key."""
        return self.manifest["data"]["data_key"]

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
    DataError for missing data.
    """
    old = read_manifest(outputs)
    data = _data_facts(profile, dataset, old.get("data", {})) if read_data else old["data"]
    manifest = {"profile": profile.name, "data": data}
    for name in ("commit", "dirty", "versions", "hardware"):
        manifest[name] = old.get(name)
    for name in ("notebooks", "tables", "report"):
        manifest[name] = old.get(name, {})
    return BuildState(profile, dataset, outputs, store_for(profile), manifest)


def _data_facts(profile: Profile, dataset: str, old: dict) -> dict[str, str]:
    """Return what was read; draw the synthetic faces, which takes seconds, only if need be."""
    code = code_stamp("datasets/*.py") + f"-{profile.synthetic_images}"
    if dataset == "synthetic" and old.get("made_by") == code:
        return old
    loaded = load_dataset(dataset, profile=profile)
    facts = {name: getattr(loaded, name) for name in ("name", "source", "source_hash", "data_key")}
    return facts | ({"made_by": code} if dataset == "synthetic" else {})
