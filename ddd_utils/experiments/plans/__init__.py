"""What is to be trained, and where its results are: runs, the conditions and model sets they come from, the store."""
