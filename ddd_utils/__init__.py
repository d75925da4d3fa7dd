"""Which images make image classifiers decide differently? Analysis and experiments behind the notebooks."""
