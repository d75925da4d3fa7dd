"""What responses mean: arrays in, arrays or tidy tables out. Nothing here trains, reads experiments or draws."""
