"""Who is in the images that a run was judged on: where they are known, intervals draw people.

A run keeps the people of its images (`{split}_people` in predictions.npz).  For runs that are
older than that, a table per data set is kept in reports/people, so that the report's intervals
are the same with and without the data.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import RunError
from fer_utils.paths import relative
from fer_utils.runs import Run


def people_of(run: Run, split: str) -> np.ndarray | None:
    """Return the person in each image of the run's `split`, (N,) int64 in the order of its ids.

    None where they are not known, as in FER2013: then each image counts as its own.  Raises
    RunError when the data set's table lacks an image of the run.
    """
    with np.load(run.folder / "predictions.npz") as stored:
        if f"{split}_people" in stored:
            return stored[f"{split}_people"].astype(np.int64)
    table = paths.REPORTS / "people" / f"{run.manifest['data']['data_key']}.csv"
    if not table.is_file():
        return None
    known, ids = _read(table), run.sample_ids(split)
    if not np.isin(ids, known.index).all():
        raise RunError(
            f"{relative(table)} lacks {split} images of {relative(run.folder)}; restore the file, "
            "or write it anew (`people_table`)"
        )
    return known[ids].to_numpy()


def people_table(dataset: FaceDataset) -> pd.DataFrame:
    """Return what reports/people/<data_key>.csv holds: id and person (int64) of valid and test."""
    judged = [dataset.part(split) for split in ("valid", "test")]
    return pd.concat([pd.DataFrame({"id": part.ids, "person": part.people}) for part in judged])


@lru_cache(maxsize=4)
def _read(table: Path) -> pd.Series:
    return pd.read_csv(table, index_col="id", dtype=np.int64)["person"]
