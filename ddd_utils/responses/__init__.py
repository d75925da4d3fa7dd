"""Who answered what: the one table at which training, inference, published predictions and users' tables meet."""

from .answers import Images, Responses, Source, provenance, read_responses, watch
from .runs import CERTAINTY, evenly, read_predictions, write_images, write_predictions

__all__ = [
    "CERTAINTY",
    "Images",
    "Responses",
    "Source",
    "evenly",
    "provenance",
    "read_predictions",
    "read_responses",
    "watch",
    "write_images",
    "write_predictions",
]
