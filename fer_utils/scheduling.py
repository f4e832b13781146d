"""Which runs to train, in what order and how many at once: the work of `fer_utils train`."""

import errno
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import FerError, RunBusy, RunError
from fer_utils.experiments import stored_run, train_or_load
from fer_utils.hardware import pick_device, usable_cores
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.run_keys import run_key, teacher_runs
from fer_utils.runs import RunStore, store_for
from fer_utils.training import OutOfTime
from fer_utils.workers import work_through

#: More on one CPU gain little, and each takes about a gigabyte of memory.
MAX_AUTO_JOBS = 4

#: What a run is of: a recipe and a random seed.
Pair = tuple[Recipe, int]


@dataclass
class Tally:
    """How the runs of one `train_all` ended, as a name or a sentence for each run.

    there: stored before; trained: now; failed: an error; out_of_time: begun, not ended; busy:
    another process trains them; left: not begun, out of time or without the runs of a teacher.
    """

    there: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    out_of_time: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def by_worth(
    recipes: Iterable[Recipe], profile: Profile, seeds: Sequence[int] | None = None
) -> Iterator[Pair]:
    """Yield (recipe, random seed) for every run, the most telling first.

    The first seed of every headline recipe, then their second and so on, then the others alike;
    within these the recipes keep their order.  seeds: instead of the profile's.
    """
    ranked = [
        (not recipe.headline, place, recipe, seed)
        for recipe in dict.fromkeys(recipes)
        for place, seed in enumerate(seeds or recipe.all_seeds(profile))
    ]
    for _, _, recipe, seed in sorted(ranked, key=lambda rank: rank[:2]):
        yield recipe, seed


def is_there(
    pair: Pair, dataset: FaceDataset, profile: Profile, store: RunStore, with_weights: bool = False
) -> bool:
    """Tell whether a run is stored; a damaged one is not (to train it says what to do)."""
    recipe, seed = pair
    try:
        key = run_key(recipe, profile, dataset.data_key, seed)
        return stored_run(store, key, recipe, with_weights) is not None
    except RunError:
        return False


def pick_jobs(runs: int) -> int:
    """Return how many of so many `runs` to train at once, where nobody says.

    On a CPU one per core, `MAX_AUTO_JOBS` at most: two trainings of one thread each outdo one of
    two threads, which waits for the slower core at every step.  On a GPU one: processes take
    turns there, so a second gains nothing but where NVIDIA's multi-process service (MPS) runs;
    with it four small nets do 1.7 times the work of one (H100).
    """
    most = 1 if pick_device().type == "cuda" else min(usable_cores(), MAX_AUTO_JOBS)
    return max(1, min(most, runs))


def train_all(
    recipes: Iterable[Recipe],
    dataset: FaceDataset,
    profile: Profile,
    *,
    seeds: Sequence[int] | None = None,
    store: RunStore | None = None,
    jobs: int | None = None,
    with_weights: bool = False,
    deadline: float = math.inf,
    progress: bool = False,
    say: Callable[[str], None] | None = None,
) -> Tally:
    """Train the runs that are missing in the order of `by_worth`, and say a line for each.

    jobs: how many at once, by default `pick_jobs`; a single one is trained in this process.
    deadline: a `time.monotonic()` after which no epoch is begun.  progress: show a bar.  say:
    gets the lines, by default it prints them.  A run that another process trains is skipped and
    tried again each time a run has ended, after the others; one that learns from others waits
    for them.  A run that fails is named in the result, and the others go on.

    Raises OSError (ENOSPC) when the disk is full, RunError when no worker can start.
    """
    store = store or store_for(profile)
    stored = {"dataset": dataset, "profile": profile, "store": store, "with_weights": with_weights}
    pairs = list(by_worth(recipes, profile, seeds))
    missing = [pair for pair in pairs if not is_there(pair, **stored)]
    teachers = {pair: set(teacher_runs(pair[0], profile, dataset.data_key)) for pair in missing}
    schedule = _Schedule(teachers, deadline, say or _say)
    schedule.tally.there = [_name(pair) for pair in pairs if pair not in missing]
    options = stored | {"deadline": deadline}
    jobs = min(jobs or pick_jobs(len(missing)), len(missing))
    if jobs > 1:
        bar = tqdm(desc=f"{jobs} runs at once", unit="epoch", leave=False, disable=not progress)
        with bar:
            work_through(
                schedule,
                _in_worker,
                options,
                jobs=jobs,
                threads=usable_cores() // jobs,
                on_step=bar.update,
            )
    else:
        while (pair := schedule.take()) is not None:
            schedule.settle(pair, *_attempt(pair, **options, progress=progress))
    schedule.end()
    return schedule.tally


class _Schedule:
    """The runs that wait, and what became of the others (see `fer_utils.workers.Tasks`)."""

    def __init__(
        self,
        teachers: dict[Pair, set[tuple[str, int]]],
        deadline: float,
        say: Callable[[str], None],
    ) -> None:
        """teachers: the runs to train, each with the names and seeds of its teacher's runs."""
        self.teachers = teachers
        self.queue, self.later = list(teachers), []
        self.open = {(recipe.name, seed) for recipe, seed in teachers}  # neither stored nor failed
        self.deadline, self.say, self.tally = deadline, say, Tally()

    def _ready(self) -> list[Pair]:
        return [pair for pair in self.queue if not self.teachers[pair] & self.open]

    def __len__(self) -> int:
        return len(self._ready())

    def take(self) -> Pair | None:
        """Return the next run to train, or None if none can begin or the time is over."""
        if time.monotonic() > self.deadline:
            self._stop()
        pair = next(iter(self._ready()), None)
        if pair is not None:
            self.queue.remove(pair)
        return pair

    def settle(self, pair: Pair, how: str, text: str) -> None:
        """Note how a run ended, in the words of `_attempt`."""
        if how in ("trained", "failed"):
            self.open.discard((pair[0].name, pair[1]))
            self.queue.extend(self.later)  # time has passed: they may be free now
            self.later.clear()
        if how == "trained":
            self.say(text)
            self.tally.trained.append(_name(pair))
        elif how == "busy":
            self.later.append(pair)
        elif how == "out of time":
            self.tally.out_of_time.append(text)
            self._stop()
        elif how == "disk full":
            raise OSError(errno.ENOSPC, text)
        else:
            self.say(f"{_name(pair)} failed: {text}")
            self.tally.failed.append(_name(pair))

    def end(self) -> None:
        """Note what was not trained."""
        self._stop()
        self.tally.busy += [_name(pair) for pair in self.later]

    def _stop(self) -> None:
        self.tally.left += [_name(pair) for pair in self.queue]
        self.queue.clear()


def _attempt(pair: Pair, **options) -> tuple[str, str]:
    """Train one run; return in a word how it ended, and a text."""
    recipe, seed = pair
    try:
        run = train_or_load(recipe, seed=seed, **options)
    except OutOfTime as pause:
        return "out of time", str(pause)
    except RunBusy as error:
        return "busy", str(error)
    except FerError as error:
        return "failed", str(error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return "disk full", str(error)
        return "failed", traceback.format_exc().rstrip()
    accuracy = 100 * run.metrics["valid"]["none"]["accuracy"]
    minutes = run.manifest["seconds"] / 60
    return "trained", f"{run.folder.name}: valid {accuracy:.2f} %, {minutes:.1f} min of training"


def _in_worker(pair: Pair, tell: Callable[[], None], **options) -> tuple[str, str]:
    """Train one run in a worker process: `_attempt` that tells each epoch and shows no bar."""
    return _attempt(pair, **options, progress=False, on_epoch=lambda row: tell())


def _name(pair: Pair) -> str:
    return f"{pair[0].name} seed {pair[1]}"


def _say(line: str) -> None:
    with tqdm.external_write_mode(sys.stdout):  # a bar steps aside
        print(line, flush=True)
