"""Images: noise, small sets, photographs in folders, tars and tables, torchvision's sets; their classes and views."""
