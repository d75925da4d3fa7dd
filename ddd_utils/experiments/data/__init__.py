"""The data sets that networks are trained on and tested with, as batches: noise, arrays and photographs."""
