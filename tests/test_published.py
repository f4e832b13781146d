"""The transcribed numbers of the five projects, and what a wrong file is answered with."""

from collections import Counter
from importlib import resources

import pytest

from fer_utils.errors import DataError
from fer_utils.published import METRICS, PROJECTS, load_published, parse_published

HEADER = "project,row,metric,published,unit,dataset,built_in,note"
LINE = "cs230-fer,five-layer,test_accuracy,66.3,%,FER2013,03_baseline_cnns,"


def value(project, row, metric):
    found = [n for n in load_published() if (n.project, n.row, n.metric) == (project, row, metric)]
    assert len(found) == 1
    return found[0]


def test_every_project_is_there_and_every_key_once():
    numbers = load_published()
    assert {number.project for number in numbers} == set(PROJECTS)
    keys = Counter((number.project, number.row, number.metric) for number in numbers)
    assert max(keys.values()) == 1
    text = (resources.files("fer_utils") / "published.csv").read_text(encoding="utf-8")
    assert len(numbers) == len(text.splitlines()) - 1


@pytest.mark.parametrize(
    ("project", "row", "metric", "published"),
    [
        ("cs230-fer", "baseline", "test_accuracy", 64.0),
        ("cs230-fer", "five-layer", "test_accuracy", 66.3),
        ("cs230-fer", "five-layer, test-time augmentation", "tta_gain", 1.7),
        ("cs230-fer", "ResNet50 WCW, FER2013 + auxiliary", "test_accuracy", 72.4),
        ("cs230-fer", "ResNet50 NCW, FER2013", "test_accuracy", 73.2),
        ("cs230-fer", "SeNet50 WCW, FER2013", "test_accuracy", 68.9),
        ("cs230-fer", "VGG16 WCW, FER2013", "test_accuracy", 70.0),
        ("cs230-fer", "VGG16 NCW, FER2013 + auxiliary", "test_accuracy", 70.2),
        ("cs230-fer", "ensemble", "test_accuracy", 75.8),
        ("cs230-fer", "disgust error without class weights", "disgust_error_ncw", 61),
        ("cs230-fer", "disgust error with class weights", "disgust_error_wcw", 34),
        ("cs231n-hog", "deep over shallow", "accuracy_gain", 18.46),
        ("cs231n-hog", "cross-validation", "weight_decay", 1e-7),
        ("hust-balance", "SMOTE, ResNet50", "valid_accuracy", 59.82),
        ("hust-balance", "VGGFace2 (kilean notebook)", "trainable_parameters", 6_301_703),
        ("hust-balance", "ensemble VGGFace1+2", "test_accuracy", 74.7),
        ("hust-balance", "FER+, ensemble VGGFace1+2", "test_accuracy", 84.32),
        ("cs230-facenet", "InceptionV3", "test_accuracy", 64.0),
        ("cs230-facenet", "NASNet", "train_accuracy", 73.3),
        ("jhu-affectnet", "ResNet-18", "valid_accuracy", 50.25),
    ],
)
def test_spot_values(project, row, metric, published):
    assert value(project, row, metric).published == published


def test_quoted_work_has_no_notebook_and_says_so():
    numbers = load_published()
    quoted = [number for number in numbers if number.note.startswith("quoted from other work")]
    assert len(quoted) >= 12
    assert all(number.built_in == "" for number in quoted)
    assert all(number.note for number in numbers if not number.built_in)


def test_every_metric_of_the_vocabulary_is_used():
    assert {number.metric for number in load_published()} == set(METRICS)


def test_a_good_line_parses():
    (number,) = parse_published(f"{HEADER}\n{LINE}\n")
    assert number.published == 66.3
    assert number.built_in == "03_baseline_cnns"
    assert number.note == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns"),
        (HEADER.replace("unit,", "") + "\n", "columns"),
        (f"{HEADER}\n{LINE},extra\n", "line 2: 9 cells"),
        (f"{HEADER}\n\n{LINE}\n", "line 2: 0 cells"),
        (f"{HEADER}\n{LINE}\n{LINE}\n", "line 3.*twice"),
        (f"{HEADER}\n{LINE}\n{LINE.replace('cs230-fer', 'cs229')}\n", "line 3: unknown project"),
        (f"{HEADER}\n{LINE.replace('test_accuracy', 'accuracy')}\n", "unknown metric 'accuracy'"),
        (f"{HEADER}\n{LINE.replace('66.3', '66.3 %')}\n", "plain number"),
        (f"{HEADER}\n{LINE.replace('66.3', '')}\n", "plain number"),
        (f"{HEADER}\n{LINE.replace('66.3', 'nan')}\n", "plain number"),
        (f"{HEADER}\n{LINE.replace('66.3', '663')}\n", "plain number"),
        (f"{HEADER}\n{LINE.replace('%', 'ms')}\n", "unit 'ms'"),
        (f"{HEADER}\n{LINE.replace('FER2013', '')}\n", "dataset"),
        (f"{HEADER}\n{LINE.replace('03_baseline_cnns', 'baseline')}\n", "built_in"),
        (f'{HEADER}\n{LINE}"open\n{LINE}\n', "not CSV|cells"),
    ],
)
def test_a_malformed_file_is_refused(text, message):
    with pytest.raises(DataError, match=message):
        parse_published(text)
