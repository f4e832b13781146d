"""`make report`: execute the notebooks that changed, then the tables, then the pages.

What was made, and from what, stands in `manifest.json` beside the report.  A notebook is
executed again when its stamp changed or one of its files is missing or damaged; the manifest is
written after each, so that a killed build goes on where it stopped.  Where nothing changed,
no file is touched.
"""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from fer_utils import paths
from fer_utils.datasets import pick_dataset
from fer_utils.errors import FerError, unknown_name
from fer_utils.experiments import provenance
from fer_utils.files import sha256_json, write_text
from fer_utils.paths import relative
from fer_utils.profiles import pick_profile
from fer_utils.published import load_published
from fer_utils.recipes import RECIPES, source_of
from fer_utils.reporting import render
from fer_utils.reporting.findings import read_findings
from fer_utils.reporting.outputs import Outputs, outputs_for
from fer_utils.reporting.reproduction import reproduction_table, to_csv
from fer_utils.reporting.results import (
    RecipeRuns,
    find_all_runs,
    profiles_searched,
    recipe_facts,
    results_table,
    runs_stamp,
)
from fer_utils.reporting.stamps import (
    READS,
    cells_stamp,
    code_stamp,
    files_of,
    files_stamp,
    hashes,
    whole,
)
from fer_utils.reporting.state import (
    READ_BY_NOTEBOOKS,
    BuildState,
    alone_in,
    open_state,
    read_manifest,
)
from fer_utils.reporting.summary import BuildSummary

CELL_TIMEOUT = 24 * 3600  # seconds; one cell may train many nets


def build_report(
    profile: str = "auto",
    dataset: str = "auto",
    *,
    force: bool = False,
    only: Sequence[str] | None = None,
) -> BuildSummary:
    """Bring the report of `profile` on `dataset` up to date and return what was done.

    force: execute every notebook; only: names of those to look at, the others stay as they are.
    Raises ConfigError for an unknown name, DataError for missing data, RunError for a damaged run,
    RunBusy while another build is at work, FerError when a notebook or the rendering fails.
    """
    chosen = pick_profile(profile)
    dataset = pick_dataset(dataset, chosen)
    with alone_in(outputs_for(chosen.name, dataset)) as outputs:
        return _build(open_state(chosen, dataset, outputs), force, only)


def _build(state: BuildState, force: bool, only: Sequence[str] | None) -> BuildSummary:
    start = time.monotonic()
    notebooks = _notebooks()
    for name in only or ():
        if name not in notebooks:
            raise unknown_name("notebook", name, notebooks)
    wanted = [name for name in notebooks if name in (only or notebooks)]
    entries = state.manifest["notebooks"]
    for gone in set(entries) - set(notebooks):
        del entries[gone]
    executed, up_to_date, left = {}, [], []
    for number, name in enumerate(wanted, start=1):
        print(f"[{number}/{len(wanted)}] {name} … ", end="", flush=True)
        stamp = _notebook_stamp(state, notebooks[name])
        entry = entries.get(name, {})
        if why := state.missing.get(source_of(name)):
            print(f"left as it is: {why}", flush=True)
            left.append(name)
            continue
        if not force and entry.get("stamp") == stamp and whole(state.outputs, entry["outputs"]):
            print("up to date", flush=True)
            up_to_date.append(name)
            continue
        entries[name] = _execute(state, notebooks[name])
        state.save()
        executed[name] = entries[name]["seconds"]
        print(f"{executed[name]:.0f} s", flush=True)
    rendered = _finish(state, changed=bool(executed))
    stale = _stale(state)
    seconds = time.monotonic() - start
    return BuildSummary(
        state.outputs, seconds, executed, tuple(up_to_date), rendered, stale, tuple(left)
    )


def render_report(profile: str = "auto", dataset: str = "auto") -> BuildSummary:
    """Bring the tables and pages up to date with the runs and the template; execute nothing.

    With `auto`, the published report is taken where there is one, even without its data.
    """
    start = time.monotonic()
    published = dataset == "auto" and profile != "smoke" and read_manifest(Outputs(paths.REPORTS))
    if published:
        dataset = "fer2013"
        profile = published["profile"] if profile == "auto" else profile
    chosen = pick_profile(profile)
    dataset = "fer2013" if published else pick_dataset(dataset, chosen)
    with alone_in(outputs_for(chosen.name, dataset)) as outputs:
        state = open_state(chosen, dataset, outputs, read_data=not published)
        rendered = _finish(state, changed=False)
    seconds = time.monotonic() - start
    return BuildSummary(outputs, seconds, rendered=rendered, stale=_stale(state))


def _notebooks() -> dict[str, Path]:
    found = {path.stem: path for path in sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    if not found:
        raise FerError(f"no notebook in {relative(paths.NOTEBOOKS)}; restore the folder")
    return found


def _notebook_stamp(state: BuildState, notebook: Path) -> str:
    """Return a hash of all that the notebook's results depend on: cells, code, data, runs."""
    recipes = [recipe for recipe in RECIPES.values() if recipe.notebook == notebook.stem]
    runs = ()
    if recipes:
        profiles = (state.profile.name,)
        runs = find_all_runs(state.store, state.data_keys, profiles, recipes)
    sources = (source_of(notebook.stem), *READ_BY_NOTEBOOKS.get(notebook.stem, ()))
    return sha256_json(
        {
            "notebook": cells_stamp(notebook),
            "code": code_stamp("**/*.py", "**/*.csv"),
            "files": files_stamp(READS.get(notebook.stem, ())),
            "parameters": state.parameters,
            "data": [state.data_keys.get(source) for source in sources],
            "runs": runs_stamp(runs),
        }
    )


def _execute(state: BuildState, notebook: Path) -> dict:
    """Execute one notebook and return its entry of the manifest."""
    from fer_utils.reporting.execution import execute

    outputs = state.outputs
    before = files_of(outputs, notebook.stem)
    executed = outputs.executed / notebook.name
    executed.parent.mkdir(parents=True, exist_ok=True)
    made = provenance()  # of the code that is executed
    seconds = execute(notebook, executed, state.parameters, CELL_TIMEOUT)
    after = files_of(outputs, notebook.stem)
    # files are replaced as a whole: one with an old time is left from an earlier version
    written = [path for path, changed in after.items() if before.get(path) != changed]
    return {
        "parameters": state.parameters,
        "seconds": round(seconds, 1),
        "commit": made["commit"],
        "dirty": made["dirty"],
        "stamp": _notebook_stamp(state, notebook),  # after it: with the runs that it made
        "outputs": hashes(outputs, [executed, *written]),
    }


def _finish(state: BuildState, *, changed: bool) -> bool:
    """Bring tables and pages up to date; return whether the pages were written."""
    outputs, manifest = state.outputs, state.manifest
    profiles = profiles_searched(state.profile.name)
    judged = [recipe for recipe in RECIPES.values() if not recipe.valid_only]
    runs = find_all_runs(state.store, state.data_keys, profiles, judged)
    stamp = sha256_json(
        {
            "code": code_stamp("**/*.py", "**/*.csv"),
            "data": manifest["data"],
            "profile": state.profile.name,
            "notebooks": sorted(manifest["notebooks"]),
            "runs": runs_stamp(runs),
            "ensembles": outputs.read_facts(render.ENSEMBLES),
            "findings": sorted(map(repr, read_findings(outputs).values())),
        }
    )
    tables = manifest["tables"]
    if tables.get("stamp") != stamp or not whole(outputs, tables["outputs"]):
        manifest["tables"] = {"stamp": stamp, "outputs": _write_tables(state, runs)}
        changed = True
    stamp = sha256_json([render.inputs_stamp(), manifest["data"], manifest["notebooks"],
                         manifest["tables"]["outputs"], manifest["profile"]])  # fmt: skip
    report = manifest["report"]
    if not changed and report.get("stamp") == stamp and whole(outputs, report["outputs"]):
        state.save()
        return False
    made = provenance()
    manifest |= {name: made[name] for name in ("commit", "dirty", "hardware")}
    manifest["versions"] = made["versions"] | render.versions()
    written = render.render_pages(outputs, manifest)
    manifest["report"] = {"stamp": stamp, "outputs": hashes(outputs, written)}
    state.save()
    return True


def _write_tables(state: BuildState, runs: Iterable[RecipeRuns]) -> dict[str, str]:
    """Write results.json, results.csv and reproduction.csv; return their hashes."""
    outputs = state.outputs
    samples = state.profile.bootstrap_samples
    results = {used.recipe.name: recipe_facts(used, samples) for used in runs}
    reproduction = reproduction_table(
        results | outputs.read_facts(render.ENSEMBLES),
        load_published(),
        dataset=state.dataset,
        profiles=profiles_searched(state.profile.name),
        notebooks=_notebooks(),
        findings=read_findings(outputs),
        missing=state.missing,
    )
    texts = {
        "results.json": json.dumps(results, indent=1, ensure_ascii=False) + "\n",
        "results.csv": results_table(results).to_csv(index=False, lineterminator="\n"),
        "reproduction.csv": to_csv(reproduction),
    }
    for name, text in texts.items():
        write_text(outputs.tables / name, text)
    return hashes(outputs, [outputs.tables / name for name in texts])


def _stale(state: BuildState) -> tuple[str, ...]:
    """Return the files among the outputs that nothing in the manifest has made."""
    manifest, outputs = state.manifest, state.outputs
    known = set(manifest["tables"].get("outputs", ()))
    for entry in manifest["notebooks"].values():
        known |= set(entry["outputs"])
    folders = (outputs.figures, outputs.tables, outputs.executed)
    files = (path for folder in folders for path in sorted(folder.glob("[!.]*")) if path.is_file())
    return tuple(
        relative(path) for path in files if path.relative_to(outputs.folder).as_posix() not in known
    )
