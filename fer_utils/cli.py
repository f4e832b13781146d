"""The command line: `python -m fer_utils COMMAND`.

Commands import what they need when they run, so that `train` works on a host without Jupyter.
"""

import argparse
import errno
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from fer_utils.errors import FerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after saying in one sentence what a user can mend."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: the disk is full ({error}); what was there is whole: free some space "
              "and run the same command again", file=sys.stderr)  # fmt: skip
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fer_utils", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(function, name: str, *, data: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=function.__doc__.splitlines()[0])
        command.set_defaults(command=function)
        if data:
            command.add_argument("--profile", default="auto", help="smoke, laptop, full or auto")
            command.add_argument("--dataset", default="auto", help="fer2013, synthetic or auto")
        return command

    add(_data, "data")
    weights = add(_weights, "weights")
    weights.add_argument("--fetch", nargs="+", metavar="NAME", help="download these instead")
    add(_recipes, "recipes")
    train = add(_train, "train", data=True)
    train.add_argument("recipes", nargs="*", help="names; all of the profile if none is given")
    train.add_argument("--seeds", type=int, nargs="+", help="instead of the profile's")
    train.add_argument("--budget", type=float, default=math.inf, metavar="SECONDS",
                       help="begin no epoch after that; the next call goes on")  # fmt: skip
    train.add_argument("--jobs", type=_jobs, metavar="N", help="train N runs at once; auto (the "
                       "default) takes one per core of a CPU, 4 at most, and 1 on a GPU, where "
                       "small nets gain from more")  # fmt: skip
    train.add_argument("--list", action="store_true", help="only say which runs are missing")
    train.add_argument("--with-weights", action="store_true", help="train again if only the "
                       "weights are missing")  # fmt: skip
    report = add(_report, "report", data=True)
    report.add_argument("--force", action="store_true", help="execute every notebook")
    report.add_argument("--only", nargs="+", help="only these notebooks")
    add(_render, "render", data=True)
    publish = add(_publish, "publish")
    publish.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="run folders, or the "
                         "JSON files of searches")  # fmt: skip
    publish.add_argument(
        "--weights", action="store_true", help="with their weights and a model card"
    )
    export = add(_export, "export")
    export.add_argument("run", type=Path, help="run folder, with weights")
    export.add_argument("--out", type=Path, help="folder, replaced as a whole: new, empty, or an "
                        "earlier export; build/export/RUN if not given")  # fmt: skip
    export.add_argument("--ship", action="store_true", help="to demo/model, for demo and page")
    export.add_argument("--variant", help="that is shipped: float32, float16, bytes or int8; "
                        "the first that fits of int8, float16, bytes if not given")  # fmt: skip
    export.add_argument("--mirror", action="store_true", help="with --ship: whoever asks the net "
                        "averages over the image and its mirror image: twice the work")  # fmt: skip
    find = add(_predict, "predict")
    find.add_argument("photos", nargs="+", type=Path, help="photos or folders of photos")
    find.add_argument("--out", type=Path, required=True, help="folder of the results, which "
                      "must not hold the photos; a second call goes on there")  # fmt: skip
    find.add_argument("--run", metavar="RUN", help="folder or name; the demo's net by default")
    find.add_argument("--one-view", action="store_true", help="do not ask the demo's net of the "
                      "mirror images: classifies in half the time, less accurately")  # fmt: skip
    find.add_argument("--detector", default="blazeface", help="blazeface (the default) or mtcnn")
    find.add_argument("--min-score", type=float, help="of a face; the detector's own by default")
    find.add_argument("--align", action="store_true", help="turn faces until the eyes are level")
    find.add_argument("--no-pictures", dest="pictures", action="store_false", help="only tables")
    find.add_argument("--max-megapixels", type=float, default=25, help="of a photo (25)")
    add(_lint, "lint-notebooks")
    exercises = add(_exercises, "exercises")
    exercises.add_argument("--check", action="store_true", help="only say which are stale")
    return parser


def _data(options: argparse.Namespace) -> None:
    """find, fetch and check the data sets"""
    from fer_utils.datasets.fetch import data_report

    print(data_report())


def _weights(options: argparse.Namespace) -> int:
    """list the initial weights: which are here, where to get the others"""
    from fer_utils.weights.report import fetch_all, weights_report

    if options.fetch:
        return 1 if fetch_all(options.fetch) else 0
    print(weights_report())
    return 0


def _recipes(options: argparse.Namespace) -> None:
    """list the recipes"""
    from fer_utils.recipes import RECIPES

    for recipe in RECIPES.values():
        print(f"{recipe.name:32} {recipe.title:52} {recipe.reproduces}")


def _train(options: argparse.Namespace) -> None:
    """train the runs that are missing, main results first"""
    from fer_utils.train_command import train_command

    train_command(
        options.recipes,
        options.profile,
        options.dataset,
        only_list=options.list,
        budget=options.budget,
        seeds=options.seeds,
        jobs=options.jobs,
        with_weights=options.with_weights,
    )


def _jobs(text: str) -> int | None:
    """Read the value of --jobs: a number from 1, or None for auto."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number from 1")
    return int(text)


def _report(options: argparse.Namespace) -> None:
    """execute the notebooks that changed and render the report"""
    from fer_utils.reporting.build import build_report

    print(build_report(options.profile, options.dataset, force=options.force, only=options.only))


def _render(options: argparse.Namespace) -> None:
    """render the report from what is there, executing nothing"""
    from fer_utils.reporting.build import render_report

    print(render_report(options.profile, options.dataset))


def _publish(options: argparse.Namespace) -> None:
    """copy runs and searches to reports/, where they are committed"""
    from fer_utils import search
    from fer_utils.reporting.model_card import publish_with_card
    from fer_utils.runs import open_run, publish

    for path in options.paths:
        if path.suffix == ".json":
            found = search.publish_search(search.open_search(path), search.PUBLISHED_SEARCHES)
            print(found.path.name)
        else:
            run = open_run(path)
            print((publish_with_card(run) if options.weights else publish(run)).folder.name)


def _export(options: argparse.Namespace) -> None:
    """write a run's net as ONNX, checked against PyTorch; --ship: for the demo"""
    from fer_utils.export import SHIPPED, export_run, ship
    from fer_utils.paths import BUILD, relative
    from fer_utils.reporting.model_card import model_card
    from fer_utils.runs import open_run

    run = open_run(options.run)
    folder = options.out or (SHIPPED if options.ship else BUILD / "export" / run.folder.name)
    if options.ship:
        how = {"variant": options.variant, "mirror": options.mirror}
        facts = ship(run, model_card(run), folder=folder, **how)
    else:
        facts = export_run(run, folder, model_card(run))
    for part in facts["variants"]:
        file, size = relative(folder / part["file"]), part["bytes"]
        print(f"{file}: {size:,} bytes, at most {part['largest_difference']:.1e} from PyTorch")


def _predict(options: argparse.Namespace) -> None:
    """find the faces in photos and tell their expressions"""
    from fer_utils.faces.command import predict_command

    predict_command(
        options.photos,
        options.out,
        run=options.run,
        one_view=options.one_view,
        max_megapixels=options.max_megapixels,
        detector=options.detector,
        min_score=options.min_score,
        align=options.align,
        pictures=options.pictures,
    )


def _lint(options: argparse.Namespace) -> int:
    """check the structure of the notebooks"""
    from fer_utils.paths import NOTEBOOKS
    from fer_utils.reporting.notebook_lint import lint_all

    problems = lint_all(NOTEBOOKS)
    print("\n".join(problems) or "notebooks: no problem found")
    return 1 if problems else 0


def _exercises(options: argparse.Namespace) -> int:
    """make the exercise notebooks from the solutions"""
    from fer_utils.reporting.exercises import generate_all

    stale = generate_all(check=options.check)
    for path in stale:
        done = "written" if path.exists() else "removed"
        print(f"{'stale' if options.check else done}: {path}")
    return 1 if options.check and stale else 0
