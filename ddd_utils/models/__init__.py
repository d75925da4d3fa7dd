"""Networks by name, and pretrained models: where their weights come from and how images reach them."""
