"""Kinds of output that notebooks have and the report must know, though neither imports the other."""

PROGRESS = "application/vnd.ddd.progress+json"  # how far the networks are: of no interest once they are done
PARAMETERS = "application/vnd.ddd.parameters+json"  # a section's parameters: the page has them at the section's end
