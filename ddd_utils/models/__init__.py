"""Architectures: our own, and those of timm and torchvision, by name."""

from ddd_utils.experiments.networks.by_name import create, find

__all__ = ["create", "find"]
