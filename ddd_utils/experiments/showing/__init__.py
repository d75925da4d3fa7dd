"""Pretrained models shown photographs: what is missing, the work, and where the answers are."""
