"""A report of the largest size that people ask for stays one that can be sent by mail."""

import made_large_page

from ddd_utils.report import cells


def test_with_60_models_and_50_000_images_the_page_has_less_than_10_mb(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    # Half of the time would go into laying charts out, which changes a number in the page.
    monkeypatch.setattr(cells, "_height", lambda _: cells.HEIGHT)
    page = made_large_page.build()
    text = page.read_text("utf-8")
    assert text.count('<figure class="chart"') == 19 and text.count(" data-game ") == 1
    assert text.count(' data-explore="') == 6 and text.count('class="exploration"') == 1
    assert page.stat().st_size < 10_000_000
