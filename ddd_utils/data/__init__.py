"""Images wherever they lie: files, folders, tars, arrays and torchvision's sets, their names, classes and views."""
