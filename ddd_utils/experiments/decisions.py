"""What a network's outputs decide: the answer, how probable the network finds it, and how probable the true class."""

import numpy as np
import torch

from ddd_utils.data.class_spaces import NEVER
from ddd_utils.errors import InputError
from ddd_utils.responses import CERTAINTY

# What is decided about an image, and with what probabilities.
DECISION = np.dtype([("prediction", np.int16), *((name, np.float16) for name in CERTAINTY)])


class Chooser:
    """Turns outputs into answers: the answer of each output (or `NEVER`), and whether the images have an answer."""

    def __init__(self, answer_of: np.ndarray, present: np.ndarray):
        known = answer_of != NEVER
        self._answer_of, self._classes = answer_of, len(present)
        self._forbidden = {"all": torch.from_numpy(~known), "present": torch.from_numpy(~(known & present[answer_of]))}

    def tied(self, outputs: torch.Tensor) -> torch.Tensor:
        """Say which images have more than one largest output, among those "present" or among "all", bool (images,)."""
        allowed = (outputs.masked_fill(mask.to(outputs.device), -torch.inf) for mask in self._forbidden.values())
        return torch.stack([(each == each.amax(1, keepdim=True)).sum(1) > 1 for each in allowed]).any(0)

    def choose(self, outputs: torch.Tensor, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Choose the answer with the largest output, among those "present" and among "all", `DECISION` (images,)."""
        outputs = outputs.float()
        if not torch.isfinite(outputs).all():
            raise InputError("puts out numbers that are not finite")
        return {among: self._decided(outputs, mask, labels) for among, mask in self._forbidden.items()}

    def _decided(self, outputs: torch.Tensor, forbidden: torch.Tensor, labels: np.ndarray) -> np.ndarray:
        """Choose among what is not forbidden; a class is as probable as all its outputs together."""
        allowed = outputs.masked_fill(forbidden.to(outputs.device), -torch.inf)
        decided = np.empty(len(outputs), DECISION)
        decided["prediction"] = self._answer_of[allowed.argmax(1).cpu().numpy()]
        own = torch.from_numpy(self._answer_of).clamp(min=0).to(outputs.device)  # `NEVER` is forbidden: it adds 0
        shares = outputs.new_zeros(len(outputs), self._classes).index_add_(1, own, allowed.softmax(1)).cpu().numpy()
        rows = np.arange(len(shares))
        decided["probability"] = answered = shares[rows, decided["prediction"]]
        decided["probability_label"] = shares[rows, labels]
        shares[rows, decided["prediction"]] = 0
        decided["margin"] = answered - shares.max(axis=1)
        return decided
