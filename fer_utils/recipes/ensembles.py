"""Ensembles as plain data: which recipes' runs vote, and how."""

from dataclasses import dataclass

from fer_utils.errors import unknown_name


@dataclass(frozen=True)
class Ensemble:
    """Which runs vote together, and which published row that reproduces.

    members: recipe names.
    combiner: a name in `fer_utils.ensembling.COMBINERS`, fitted on valid.
    all_members: whether it takes all of them, else those that are trained, at least two.
    all_seeds: whether every run of a recipe is a member, else the first.
    dataset: whose labels the members have learned, as a recipe's.
    profile: whose runs vote; empty for those that the report prefers.
    """

    name: str
    title: str
    members: tuple[str, ...]
    combiner: str = "uniform"
    reproduces: str = ""
    all_members: bool = True
    all_seeds: bool = False
    dataset: str = "fer2013"
    profile: str = ""


#: Every net from scratch that is strong enough to be asked.
FROM_SCRATCH = (
    "se_resnet34",
    "se_resnet18",
    "wide_resnet",
    "vgg8_distilled",
    "vgg8",
    "vgg8_cutmix",
    "medium",
    "small",
    "small_long",
    "small_hour",
    "small_longest",
    "small_mild",
    "small_cutmix",
    "small_taught",
    "small_taught_by_longest",
    "small_distilled_strong",
    "cs230_five_layer",
    "cs230_five_layer_plain",
    "cs230_baseline",
)

#: Fine-tuned nets that have learned ImageNet's things and dlib's faces before.
FINE_TUNED = ("lite0_fine_tuned", "dlib_fine_tuned")

#: Nets from scratch that have learned FER+'s labels.
ON_FERPLUS = (
    "ferplus_vgg8_votes",
    "ferplus_small",
    "ferplus_small_votes",
    "ferplus_five_layer",
    "ferplus_five_layer_votes",
    "ferplus_five_layer_sampled",
)

#: cs230-fer's seven: five-layer, ResNet50, SeNet50 without and with class weights, and VGG16.
CS230_SEVEN = (
    "cs230_five_layer",
    "cs230_five_layer_weighted",
    "cs230_resnet50",
    "cs230_resnet50_weighted",
    "cs230_senet50",
    "cs230_senet50_weighted",
    "cs230_vgg16",
)

ENSEMBLES = {
    ensemble.name: ensemble
    for ensemble in (
        Ensemble(
            name="cs230_seven",
            title="cs230-fer's seven nets",
            members=CS230_SEVEN,
            reproduces="cs230-fer/ensemble, FER2013",
        ),
        Ensemble(
            name="cs230_seven_auxiliary",
            title="cs230-fer's seven nets, with CK+ and JAFFE",
            members=tuple(f"{name}_auxiliary" for name in CS230_SEVEN),
            reproduces="cs230-fer/ensemble",
        ),
        Ensemble(
            name="hust_two",
            title="hust-balance's VGGFace 1 and 2",
            members=("hust_vggface1", "hust_vggface2"),
            reproduces="hust-balance/ensemble VGGFace1+2",
        ),
        Ensemble(
            name="hust_two_ferplus",
            title="hust-balance's VGGFace 1 and 2 on FER+",
            members=("hust_ferplus_vggface1", "hust_ferplus_vggface2"),
            reproduces="hust-balance/FER+, ensemble VGGFace1+2",
            dataset="ferplus",
        ),
        Ensemble(
            name="five_layer_two",
            title="Five-layer net with and without class weights",
            members=("cs230_five_layer", "cs230_five_layer_weighted"),
        ),
        Ensemble(
            name="small_seeds", title="Small net, all seeds", members=("small",), all_seeds=True
        ),
        *(
            Ensemble(
                name=f"ferplus_{combiner}",
                title=f"FER+, {words}",
                members=ON_FERPLUS,
                combiner=combiner,
                dataset="ferplus",
                all_members=False,
                all_seeds=True,
            )
            for combiner, words in (("uniform", "uniform vote"), ("weighted", "weighted vote"))
        ),
        *(
            Ensemble(
                name=f"{name}_{combiner}",
                title=f"{nets}, {words}",
                members=FROM_SCRATCH,
                combiner=combiner,
                all_members=False,
                all_seeds=True,
                profile=profile,
            )
            for name, nets, profile in (
                ("scratch", "Nets from scratch", ""),
                ("laptop", "Nets of the laptop profile", "laptop"),
            )
            for combiner, words in (
                ("uniform", "uniform vote"),
                ("weighted", "weighted vote"),
                ("greedy", "greedy selection"),
                ("stacking", "stacking"),
            )
        ),
        *(
            Ensemble(
                name=name,
                title=f"{nets} and two fine-tuned nets, weighted vote",
                members=(*FROM_SCRATCH, *FINE_TUNED),
                combiner="weighted",
                all_members=False,
                all_seeds=True,
                profile=profile,
            )
            for name, nets, profile in (
                ("laptop_and_fine_tuned", "Nets of the laptop profile", "laptop"),
                ("scratch_and_fine_tuned", "Nets from scratch", ""),
            )
        ),
    )
}


def get_ensemble(name: str) -> Ensemble:
    """Return the ensemble called `name`; raise ConfigError for an unknown one."""
    if name not in ENSEMBLES:
        raise unknown_name("ensemble", name, ENSEMBLES)
    return ENSEMBLES[name]


def ensembles_of(dataset: str) -> tuple[Ensemble, ...]:
    """Return the ensembles whose members have learned the labels of `dataset`."""
    return tuple(ensemble for ensemble in ENSEMBLES.values() if ensemble.dataset == dataset)
