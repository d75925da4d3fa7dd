"""What modules log is a bare line on standard error, once, and above a bar that is being drawn."""

import logging
import sys

import pytest
from tqdm import tqdm

from ddd_utils import logs


@pytest.mark.usefixtures("capsys")
def test_installed_twice_there_is_one_handler():
    before = list(logs.PACKAGE.handlers)
    logs.install()
    assert logs.PACKAGE.handlers == before


def test_a_message_is_a_bare_line_once(capsys):
    log = logging.getLogger("ddd_utils.experiments.somewhere")
    log.info("%d of 3", 1)
    log.debug("not for users")
    logging.getLogger("another").info("not ours")
    assert capsys.readouterr() == ("", "1 of 3\n")


def test_a_line_stands_above_a_live_bar(capsys):
    with tqdm(total=2, file=sys.stderr, leave=False, bar_format="{desc}|") as bar:
        bar.set_description_str("epoch 1/2")
        logging.getLogger("ddd_utils").info("a file was set aside")
    *_, before, after = capsys.readouterr().err.split("a file was set aside\n")
    assert before.endswith("\r") and after.startswith("\repoch 1/2|")
