"""Imports point downward, the training path is light, and modules stay small."""

import ast
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from fer_utils.paths import ROOT

PACKAGE = ROOT / "fer_utils"
MAX_LINES = 250

#: Layers from the bottom up; a name stands for the module and, if it is a package, for all in it.
LAYERS = (
    "fer_utils errors files labels paths profiles published tensorflow_bridge hardware",
    "datasets weights vggface_bridge balancing cleaning augmentation models recipes "
    "features preparation initialization",
    "training evaluation run_keys runs distillation experiments workers scheduling search",
    "figures interpretation ensembling calibration comparison error_analysis annotators "
    "faces export",
    "reporting train_command cli __main__",
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()}
FIGURES = LEVEL["figures"]

TENSORFLOW = {"tensorflow", "keras", "tf_keras", "keras_vggface", "mtcnn"}
NOTEBOOK_TOOLS = {
    *{"IPython", "ipykernel", "ipywidgets", "jupyter", "jupyterlab", "jupyter_client"},
    *{"nbclient", "nbformat", "nbstripout", "papermill", "matplotlib", "seaborn"},
}
#: Each process that trains would wait three seconds for them, and needs neither.
SLOW_TO_LOAD = {"scipy", "sklearn"}
#: The only modules that may import TensorFlow packages, and only inside functions.
TENSORFLOW_MODULES = {
    "fer_utils.tensorflow_bridge",
    "fer_utils.vggface_bridge",
    "fer_utils.faces.mtcnn",
}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def part_of(module):
    """Return the part of the package that `module` belongs to: a name of LAYERS."""
    return module.split(".")[1] if "." in module else module


def imports(module, tree=None, known=TREES):
    """Yield (imported name, whether at module level) for every import in `module`."""
    tree = tree or TREES[module]
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} line {node.lineno}: write the import in full"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in full]
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        yield from ((name, id(node) not in inside) for name in names)


def own_imports(module):
    """Return the modules of this package that `module` imports."""
    found = {name for name, _ in imports(module) if name.split(".")[0] == "fer_utils"}
    return found - {module}


@pytest.mark.parametrize("module", TREES)
def test_imports_point_downward(module):
    part = part_of(module)
    assert part in LEVEL, f"{module} has no layer: add {part!r} to LAYERS in tests/test_layers.py"
    for name in own_imports(module):
        assert name in TREES, f"{module} imports {name}, which does not exist"
        assert LEVEL[part_of(name)] <= LEVEL[part], f"{module} imports {name} from a higher layer"


def test_no_import_cycles():
    try:
        TopologicalSorter({module: own_imports(module) for module in TREES}).prepare()
    except CycleError as error:
        pytest.fail(f"these modules import each other in a circle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("module", TREES)
def test_heavy_packages_stay_in_their_place(module):
    training_path = LEVEL.get(part_of(module), FIGURES) < FIGURES
    for name, at_module_level in imports(module):
        package = name.split(".")[0]
        if package in TENSORFLOW:
            assert module in TENSORFLOW_MODULES, f"{module} imports {name}: use tensorflow_bridge"
            assert not at_module_level, (
                f"{module} imports {name} at module level: do it in a function"
            )
        if package in NOTEBOOK_TOOLS:
            assert not training_path, f"{module} imports {name}: training runs on bare hosts"


@pytest.mark.parametrize("module", TREES)
def test_modules_are_small(module):
    path = ROOT / f"{module.replace('.', '/')}.py"
    path = path if path.exists() else ROOT / module.replace(".", "/") / "__init__.py"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{module} has {lines} lines: split it, {MAX_LINES} at most"


def test_the_walk_sees_every_kind_of_import():
    tree = ast.parse(
        "import torch.nn\nfrom fer_utils import files, __version__\n"
        "from fer_utils.paths import ROOT\n"
        "def f():\n    import keras\n    importlib.import_module('tensorflow')\n"
    )
    assert set(imports("made_up", tree)) == {
        ("torch.nn", True),
        ("fer_utils.files", True),
        ("fer_utils", True),
        ("fer_utils.paths", True),
        ("keras", False),
        ("tensorflow", False),
    }


def test_training_loads_only_what_it_needs():
    code = "import sys, fer_utils.training, fer_utils.experiments; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "torch" in loaded
    assert not loaded & (TENSORFLOW | NOTEBOOK_TOOLS | SLOW_TO_LOAD)
