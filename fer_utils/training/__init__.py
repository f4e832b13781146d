"""From images and a recipe to a trained net; nothing here can read `test`."""

from fer_utils.training.checks import refuse_unknown
from fer_utils.training.loop import OutOfTime, Trained, train
from fer_utils.training.session import Session

__all__ = ["OutOfTime", "Session", "Trained", "refuse_unknown", "train"]
