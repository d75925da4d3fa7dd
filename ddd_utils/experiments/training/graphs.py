"""On a GPU, the steps of all networks of a group as one CUDA graph, each network a branch beside the others.

A narrow network on small images is bound by the launching of its kernels: one graph launches those of a whole group at
once, and branches that leave most of the card idle run side by side.
"""

from collections.abc import Sequence

import torch

from ddd_utils.experiments.training.trainee import Trainee

# Larger images keep the card busy by themselves, and K networks' activations at once would not fit into its memory.
LARGEST_IMAGE = 64
# cuDNN and cuBLAS set themselves up, and optimizers make their state, in steps that cannot be recorded.
WARM_UP = 3
# Recorded and plain steps run the same kernels; only those whose sums come in any order may differ, and by no more.
TOLERANCE = {"rtol": 1e-2, "atol": 1e-3}


class Steps:
    """Takes the batches of one epoch to the networks of a group, which are all at that epoch."""

    def __init__(self, trainees: Sequence[Trainee]):
        self.trainees = trainees
        self.graph: torch.cuda.CUDAGraph | None = None
        self.wanted = trainees[0].device.type == "cuda" and not any(map(_draws_numbers, trainees))
        self.taken = 0

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        """Let every network learn from a batch: images (batch, 3, height, width), labels, its number in the epoch."""
        if self.wanted and self.taken == WARM_UP and images.shape[-1] <= LARGEST_IMAGE:
            self._record(images, labels, batch)
        elif self.graph is not None and images.shape == self.images.shape:
            self.images.copy_(images)
            self.labels.copy_(labels)
            self.graph.replay()
        else:
            self._plainly(images, labels, batch)
        self.taken += 1

    def _plainly(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        for trainee in self.trainees:
            trainee.attempt(trainee.step, images, labels, batch)

    def _record(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        """Record a step, take it both ways from the same state, and use the graph only if both end alike."""
        learning = [trainee for trainee in self.trainees if trainee.failure is None]
        before = [_snapshot(trainee) for trainee in learning]
        graph: torch.cuda.CUDAGraph | None
        try:
            self.images, self.labels = images.clone(memory_format=torch.preserve_format), labels.clone()
            graph = _recorded(learning, self.images, self.labels)
            graph.replay()
            recorded = [_snapshot(trainee) for trainee in learning]
        except RuntimeError:  # an operation that cannot be recorded, or too little memory for all branches at once
            graph = recorded = None
        with torch.no_grad():
            for trainee, state in zip(learning, before, strict=True):
                for tensor, value in zip(_tensors(trainee), state, strict=True):
                    tensor.copy_(value)
        self._plainly(images, labels, batch)
        if recorded is not None and _alike(recorded, [_snapshot(trainee) for trainee in learning]):
            self.graph = graph


def _recorded(trainees: Sequence[Trainee], images: torch.Tensor, labels: torch.Tensor) -> torch.cuda.CUDAGraph:
    graph = torch.cuda.CUDAGraph()
    branches = [torch.cuda.Stream() for _ in trainees]
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        trunk = torch.cuda.current_stream()
        for trainee, branch in zip(trainees, branches, strict=True):
            branch.wait_stream(trunk)
            with torch.cuda.stream(branch):
                trainee.learn(images, labels)
        for branch in branches:
            trunk.wait_stream(branch)
    return graph


def _draws_numbers(trainee: Trainee) -> bool:
    """Say whether a network has dropout or the like: its random numbers are keyed to the step, a graph's are not."""
    return any(
        "drop" in type(layer).__name__.lower() and (getattr(layer, "p", 0) or getattr(layer, "drop_prob", 0))
        for layer in trainee.network.modules()
    )


def _tensors(trainee: Trainee) -> list[torch.Tensor]:
    """List all that a step changes."""
    state = [value for slots in trainee.optimizer.state.values() for value in slots.values() if torch.is_tensor(value)]
    return [*trainee.network.state_dict().values(), *state, trainee.loss]


def _snapshot(trainee: Trainee) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in _tensors(trainee)]


def _alike(one: list[list[torch.Tensor]], other: list[list[torch.Tensor]]) -> bool:
    return all(
        torch.allclose(a.float(), b.float(), **TOLERANCE, equal_nan=True)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )
