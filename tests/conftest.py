"""What all tests share: hypothesis draws the same examples every time, and what is logged goes to standard error."""

from hypothesis import settings

from ddd_utils import logs

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
logs.install()
