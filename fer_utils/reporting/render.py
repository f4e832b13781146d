"""From the template and the tables to the pages: Markdown, one self-contained HTML, PDF.

The template `reports/report.md.j2` sees only what was measured: `results` (tables/results.json),
`reproduction` (tables/reproduction.csv) and the build's manifest.  A name that is missing is an
error that names the template's line, never an empty place in the text.
"""

import json
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2
import pandas as pd

from fer_utils import paths
from fer_utils.errors import FerError
from fer_utils.files import atomic_path, sha256_file, write_text
from fer_utils.paths import relative
from fer_utils.published import load_published
from fer_utils.recipes import outside_weights
from fer_utils.recipes.ensembles import get_ensemble
from fer_utils.reporting import markdown, pictures, readme
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.pictures import light_pictures

TEMPLATE, STYLE, LAYOUT = "report.md.j2", "report.css", "report.typ"
QUOTED = "readme.md.j2"  # the table in README.md
ENSEMBLES = "07_ensembles"  # what notebook 07 measured, by ensemble
PAGES = ("report.md", "report.html", "report.pdf")
_READER = "markdown-yaml_metadata_block-tex_math_dollars-citations"  # no $, @ or --- surprises


def inputs_stamp() -> str:
    """Return a hash that changes with the template, the style, the layout and this code."""
    files = [paths.REPORTS / name for name in (TEMPLATE, STYLE, LAYOUT, QUOTED)]
    _demand(files)
    code = [Path(__file__), Path(markdown.__file__), Path(pictures.__file__), Path(readme.__file__)]
    return " ".join(sha256_file(path) for path in [*files, *code])


def versions() -> dict[str, str]:
    """Return the versions of the programs that make the pages."""
    from importlib.metadata import version

    import pypandoc

    return {"pandoc": str(pypandoc.get_pandoc_version()), "typst": version("typst")}


def render_pages(outputs: Outputs, manifest: Mapping) -> list[Path]:
    """Write report.md, report.html and report.pdf into the outputs' folder; return the paths.

    A README.md beside that folder, as the published report has it, gets its table of results.
    The files are the same for the same input: they hold no date and no random ids.
    Raises FerError for a missing template, table, figure or name, and for what pandoc or typst
    can't read.
    """
    facts = report_facts(outputs, manifest)
    text = render_markdown(paths.REPORTS / TEMPLATE, facts)
    targets = [outputs.folder / name for name in PAGES]
    write_text(targets[0], text)
    head = {"running": facts["running"], "synthetic": facts["synthetic"]}
    with light_pictures(text, outputs.folder) as light:
        write_html(light, targets[1], **head)
    with light_pictures(text, outputs.folder, drawings=True) as light:
        write_pdf(light, targets[2], **head)
    beside = outputs.folder.parent / "README.md"
    if beside.is_file():
        readme.write_results(beside, render_markdown(paths.REPORTS / QUOTED, facts))
    return targets


def report_facts(outputs: Outputs, manifest: Mapping) -> dict[str, object]:
    """Return all that the template may name."""
    tables = [outputs.tables / name for name in ("results.json", "reproduction.csv")]
    _demand(tables)
    results = json.loads(tables[0].read_text(encoding="utf-8"))
    reproduction = pd.read_csv(tables[1], dtype={"runs": "Int64"}).to_dict("records")
    profiles = {entry["parameters"]["PROFILE"] for entry in manifest["notebooks"].values()}
    profile = " and ".join(sorted(profiles)) or manifest["profile"]
    data = manifest["data"]
    synthetic = data["name"] == "synthetic"
    source = data["source"] if synthetic else f"FER2013 ({data['source']})"
    published = {(n.project, n.row, n.metric): n.published for n in load_published()}
    ensembles = outputs.read_facts(ENSEMBLES)

    def quoted(project: str, row: str, metric: str) -> str:
        try:
            return markdown.quantity(published[project, row, metric], metric)
        except KeyError:
            raise FerError(f"published.csv has no {metric} of {project}/{row}") from None

    return {
        "manifest": manifest,
        "data": data,
        "source": source,
        "synthetic": synthetic,
        "profile": profile,
        "running": f"{'SYNTHETIC DATA: ' if synthetic else ''}{source} · profile {profile}",
        "test_name": "the test split" if synthetic else "PrivateTest",
        "valid_name": "the valid split" if synthetic else "PublicTest",
        "notebooks": manifest["notebooks"],
        "results": results,
        "of_notebook": lambda name: {
            key: facts for key, facts in results.items() if facts["notebook"] == name
        },
        "ensembles": ensembles,
        "best_from_scratch": best_from_scratch(ensembles),
        "facts": outputs.read_facts,
        "measured": [line for line in reproduction if line["status"] == "measured"],
        "pending": [line for line in reproduction if line["status"] == "pending"],
        "published": quoted,
        "figure": _figure(outputs),
        "csv": _csv(outputs),
    }


def best_from_scratch(ensembles: Mapping[str, Mapping]) -> Mapping | None:
    """Return, of the votes behind whose nets no outside weights stand, the best on valid."""
    fresh = [
        facts
        for name, facts in ensembles.items()
        if not any(outside_weights(member) for member in get_ensemble(name).members)
    ]
    return max(fresh, key=lambda f: f["valid"]["flip_and_seven"]["accuracy"]["mean"], default=None)


def render_markdown(template: Path, facts: Mapping[str, object]) -> str:
    """Return the filled-in template; raise FerError, with its line, for a name it lacks."""
    _demand([template])
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        loader=jinja2.FileSystemLoader(template.parent),
    )
    for name in (
        *("percent", "bounds", "with_bounds", "spread"),
        *("results_markdown", "training_markdown", "measured_markdown", "pending_markdown"),
        "ensembles_markdown",
    ):
        environment.filters[name] = getattr(markdown, name)
    try:
        return environment.get_template(template.name).render(**facts)
    except jinja2.TemplateSyntaxError as error:
        raise FerError(f"{relative(template)}, line {error.lineno}: {error.message}") from error
    except (jinja2.TemplateError, FerError, LookupError, TypeError, ValueError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(template)]
        where = f", line {lines[-1]}" if lines else ""
        raise FerError(f"{relative(template)}{where}: {error}") from error


def write_html(text: str, target: Path, *, running: str, synthetic: bool) -> None:
    """Write Markdown as one HTML file that holds its pictures and style."""
    kind = "banner synthetic" if synthetic else "banner"
    html = _pandoc(
        text,
        "html5",
        "--standalone",
        "--embed-resources",
        "--toc",
        "--toc-depth=2",
        "--shift-heading-level-by=-1",
        f"--css={paths.REPORTS / STYLE}",
        f"--resource-path={target.parent}",
        "--metadata=lang:en",
        f"--variable=include-before:<div class='{kind}'>{_escaped(running)}</div>",
    )
    write_text(target, html)


def write_pdf(text: str, target: Path, *, running: str, synthetic: bool) -> None:
    """Write Markdown as PDF, with what it was made from at the top of every page."""
    import matplotlib
    import typst

    body = _pandoc(
        text,
        "typst",
        "--standalone",
        f"--template={paths.REPORTS / LAYOUT}",
        "--shift-heading-level-by=-1",
    )
    options = {"running": running, "synthetic": "yes" if synthetic else ""}
    source = target.with_name(f".{target.stem}.typ")  # beside the figures, for their paths
    try:
        write_text(source, body)
        with atomic_path(target) as temporary:
            pdf = typst.compile(
                str(source),
                root=str(target.parent),
                format="pdf",
                ignore_system_fonts=True,  # typst's own are the same everywhere, so are
                font_paths=[matplotlib.get_data_path() + "/fonts/ttf"],  # those of the drawings
                sys_inputs=options,
                timestamp=0,
            )
            temporary.write_bytes(pdf)
    except RuntimeError as error:  # typst.TypstError
        raise FerError(f"typst can't set {relative(target)}: {error}") from error
    finally:
        source.unlink(missing_ok=True)


def _pandoc(text: str, to: str, *options: str) -> str:
    import pypandoc

    try:
        return pypandoc.convert_text(text, to, format=_READER, extra_args=options)
    except RuntimeError as error:
        raise FerError(f"pandoc can't make {to}: {error}") from error


def _figure(outputs: Outputs) -> Callable[[str, str], str]:
    def figure(name: str, caption: str) -> str:
        path = outputs.figures / f"{name}.png"
        _demand([path], "execute its notebook: `make report`")
        return f"![{caption}]({path.relative_to(outputs.folder).as_posix()})"

    return figure


def _csv(outputs: Outputs) -> Callable[[str], str]:
    def csv(name: str) -> str:
        path = outputs.tables / f"{name}.csv"
        _demand([path], "execute its notebook: `make report`")
        return markdown.frame_table(pd.read_csv(path))

    return csv


def _demand(files: list[Path], advice: str = "restore it, or run `make report`") -> None:
    for path in files:
        if not path.is_file():
            raise FerError(f"{relative(path)} is missing; {advice}")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
