"""What someone does who takes the experiment, or plays the game, in a browser."""


def part(tab, name):
    return tab.locator(f'[data-part="{name}"]')


def consent(tab, observer="ann-1"):
    tab.get_by_role("checkbox").press("Space")
    part(tab, "code").fill(observer)
    tab.keyboard.press("Enter")
    part(tab, "begin").click()


def sides(tab):
    """Find out which image is the dark one, as an observer would."""
    return tab.evaluate(
        """() => [...document.querySelectorAll('.choice')].map((choice) => {
          const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
          context.drawImage(choice.querySelector('img'), 0, 0);
          return [choice.dataset.side, context.getImageData(5, 5, 1, 1).data[0]];
        }).sort((a, b) => a[1] - b[1]).map(([side]) => side)"""
    )


def wait_for(tab, count):
    tab.wait_for_function(
        "text => document.querySelector('[data-part=count]').textContent === text"
        " && !document.querySelector('.pair.blank') && document.activeElement.matches('.stage')",
        arg=count,
    )


def until_found(tab, answers):
    """Load a page anew until it finds what was kept: Chromium hands that over a moment after the observer's answer."""
    for _ in range(300):
        if answers in part(tab, "found").text_content():
            return
        tab.wait_for_timeout(100)
        tab.reload()
    raise AssertionError(f"never found: {answers}")


def play(tab, numbers, of, name="Pair", feedback=True, wrong=()):
    """Answer by keyboard and by click in turns."""
    for number in numbers:
        wait_for(tab, f"{name} {number} of {of}")
        side = sides(tab)[number in wrong]
        if number % 2:
            tab.keyboard.press(f"Arrow{side.capitalize()}")
        else:
            tab.locator(f'.choice[data-side="{side}"]').click()
        if feedback:
            assert ("✗ Wrong" in part(tab, "said").text_content()) == (number in wrong)
            tab.keyboard.press("Enter")


def score(tab):
    part(tab, "score").wait_for()
    return part(tab, "score").text_content()


def marks(tab):
    return tab.locator(".marks li > [aria-hidden]").all_text_contents()


def missed(tab):
    """List the pairs shown as missed: what each is called, its trivial and its impossible picture."""
    return [
        (
            pair.locator(".nth").text_content(),
            *(pair.locator(f".{kind} img").get_attribute("alt") for kind in ("trivial", "impossible")),
        )
        for pair in tab.locator(".missed li").all()
    ]


def begin(tab):
    """Come to the first pair of the game by the keyboard."""
    tab.wait_for_selector('.choice img[src^="data:"]')
    tab.locator(".stage").focus()
