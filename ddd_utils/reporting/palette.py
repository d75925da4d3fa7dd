"""The colours of the report, in one place: charts, cards, tables and prose take them from here."""

# Chosen to stay apart for red-green and blue-yellow blind readers and to keep a contrast of 3 with a white and with a
# nearly black page (a test holds both). They stand for the paper's three classes of images and for nothing else.
CLASS_COLOURS = {"trivial": "#3B82C4", "in-between": "#C08A00", "impossible": "#B8405E"}
ACCENT = "#1C8568"
SECOND = "#C05A1A"
MUTED = "#8C8C8C"
NOTE = "#777777"  # words inside a plot: no renderer has a setting for them that holds on light and dark pages
SERIES = [ACCENT, SECOND, "#8A63D2", "#1286B0", "#D6409F", MUTED]  # where a chart does not choose its colours


def css() -> str:
    """Return the colours as CSS variables: ``--trivial``, ``--in-between``, ``--impossible`` and ``--series``."""
    classes = "".join(f" --{name}: {colour};" for name, colour in CLASS_COLOURS.items())
    return f":root {{{classes} --series: {' '.join(SERIES)}; }}"
