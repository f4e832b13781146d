"""Class names, in the order of the labels, and the names of splits and votes."""

#: FER2013's seven classes; a label is an index into this tuple.
FER2013_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

#: FER+'s ten vote columns, in the order of the authors' ``fer2013new.csv``.
FERPLUS_VOTES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",  # not a face
)

#: The splits, in the order of the codes in `FaceDataset.split`.
SPLITS = ("train", "valid", "test")

#: FER2013's names of the splits: PublicTest chooses, PrivateTest is read once.
FER2013_USAGE = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}
