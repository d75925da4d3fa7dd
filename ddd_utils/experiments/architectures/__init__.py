"""Architectures that neither timm nor torchvision has."""

from ddd_utils.experiments.architectures.bagnet import BagNet33
from ddd_utils.experiments.architectures.cornet import CORnetRT

__all__ = ["BagNet33", "CORnetRT"]
