"""What all tests share: the examples that hypothesis draws are the same ones every time."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
