"""Networks in training, side by side and in processes of their own, from their batches to their checkpoints."""
