"""What others have published: predictions of ImageNet models, better labels, people's answers."""

from ddd_utils.data.downloads import Unavailable, fetch
from ddd_utils.experiments.published.imagenet import (
    fetch_companions,
    imagenet_facts,
    imagenet_files,
    imagenet_models,
    imagenet_responses,
    is_imagenet,
    label_errors,
    published_scores,
    real_labels,
)
from ddd_utils.experiments.published.people import (
    People,
    PeopleFacts,
    cifar10_people,
    people_facts,
    second_experiment,
    second_experiment_label_errors,
)

__all__ = [
    "People",
    "PeopleFacts",
    "Unavailable",
    "cifar10_people",
    "fetch",
    "fetch_companions",
    "imagenet_facts",
    "imagenet_files",
    "imagenet_models",
    "imagenet_responses",
    "is_imagenet",
    "label_errors",
    "people_facts",
    "published_scores",
    "real_labels",
    "second_experiment",
    "second_experiment_label_errors",
]
