"""Errors that a user can act on: each message names the file or value, and what to do."""


class FerError(Exception):
    """Base of all errors that the command line prints as one sentence, without a traceback."""


class DataError(FerError):
    """A data set is missing, damaged or not what it should be."""


class DataMissing(DataError):  # noqa: N818 - nothing is wrong with what is there
    """A data set is not on this machine: the user has to get it."""


class WeightsMissing(FerError):  # noqa: N818 - nothing is wrong: it says what to get
    """A file of initial weights is not on this machine: the user has to get it."""


class RunError(FerError):
    """A run folder is missing, damaged or not of the expected recipe."""


class RunBusy(FerError):  # noqa: N818 - nothing is wrong: it says who is at work
    """Another process is training this run, or downloading this file, at this moment."""


class ConfigError(FerError):
    """An unknown recipe, profile, model, augmentation or notebook parameter."""


def unknown_name(kind: str, name: object, known) -> ConfigError:
    """Return the error for a `name` that is none of the `known` names of its `kind`."""
    return ConfigError(f"unknown {kind} {name!r}; known: {', '.join(sorted(map(str, known)))}")
