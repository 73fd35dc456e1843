"""examples/vulkan/window on an X server of its own, under the validation layer: what it shows, while
the window is resized, hidden and closed."""

import contextlib
import os
import pathlib
import subprocess
import time

import pytest
from Xlib import X, display
from Xlib.protocol import event

PROGRAM = pathlib.Path(os.environ["CBR_EXAMPLES"]) / "window"
VALIDATION = {"VK_INSTANCE_LAYERS": "VK_LAYER_KHRONOS_validation",
              "VK_LAYER_ENABLES": "VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT"}
GROUND = bytes([51, 0, 0])  # blue, green, red
SQUARE = bytes([0, 153, 255])
PATIENCE = 60  # seconds, for what takes a moment


def eventually(look):
    """The first true result of `look`, or the last."""
    end = time.monotonic() + PATIENCE
    while not (result := look()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


@pytest.fixture
def screen():
    """The display of an X server that nobody sees."""
    with subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="ascii") as server:
        try:
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()


class Shown:
    """The program and its window."""

    def __init__(self, screen):
        self.display = display.Display(screen)
        self.program = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        encoding="utf-8",
                                        env={**os.environ, **VALIDATION, "DISPLAY": screen})
        self.window = eventually(self.find)
        assert self.window, self.program.communicate(timeout=PATIENCE)

    def find(self):
        children = self.display.screen().root.query_tree().children
        named = [child for child in children if child.get_wm_name() == "Command Buffer Ring"]
        if self.program.poll() is not None:
            raise AssertionError(self.program.communicate())
        return named[0] if named else None

    def rows(self):
        """The picture's pixels, a row each."""
        size = self.window.get_geometry()
        root = self.display.screen().root
        data = root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF).data
        pixels = [data[i:i + 3] for i in range(0, len(data), 4)]
        return [pixels[y * size.width:(y + 1) * size.width] for y in range(size.height)]

    def square_at(self):
        """Where the square is, if the window shows a whole frame; else None."""
        rows = self.rows()
        width, height = len(rows[0]), len(rows)
        side = min(width, height) // 4
        if SQUARE not in rows[side]:
            return None
        left = rows[side].index(SQUARE)
        with_square = [GROUND] * left + [SQUARE] * side + [GROUND] * (width - left - side)
        expected = [with_square if side <= y < 2 * side else [GROUND] * width for y in range(height)]
        return (left, width) if rows == expected else None

    def shows_a_frame(self, width):
        return eventually(lambda: (at := self.square_at()) and at[1] == width and at)

    def moves(self):
        before = self.square_at()
        return eventually(lambda: (now := self.square_at()) and now != before)

    def close(self):
        """As a window manager asks it to."""
        ask = event.ClientMessage(window=self.window,
                                  client_type=self.display.intern_atom("WM_PROTOCOLS"),
                                  data=(32, [self.display.intern_atom("WM_DELETE_WINDOW"), 0, 0, 0, 0]))
        self.window.send_event(ask)
        self.display.flush()
        return self.program.communicate(timeout=PATIENCE)


@pytest.fixture
def shown(screen):
    with contextlib.closing(display.Display(screen)):
        shown = Shown(screen)
        try:
            yield shown
        finally:
            shown.program.kill()
            shown.program.wait()
            shown.display.close()


def test_the_window_survives_what_users_do(shown):
    assert shown.shows_a_frame(640)
    assert shown.moves()
    for width, height in [(300, 200), (1, 1), (780, 590)]:
        shown.window.configure(width=width, height=height)
        shown.display.sync()
        if width > 1:
            assert shown.shows_a_frame(width)
            assert shown.moves()
    shown.window.unmap()
    shown.display.sync()
    shown.window.map()
    shown.display.sync()
    assert shown.shows_a_frame(780)
    assert shown.moves()
    output, errors = shown.close()
    assert (shown.program.returncode, errors) == (0, ""), output
    frames = int(output.removesuffix(" frames\n"))
    assert frames > 3


def test_it_ends_after_as_many_frames_as_asked_for(screen):
    done = subprocess.run([PROGRAM, "20"], capture_output=True, encoding="utf-8", check=False,
                          timeout=PATIENCE, env={**os.environ, **VALIDATION, "DISPLAY": screen})
    assert (done.returncode, done.stdout, done.stderr) == (0, "20 frames\n", "")


def test_without_a_screen_there_is_one_line():
    done = subprocess.run([PROGRAM], capture_output=True, encoding="utf-8", check=False,
                          timeout=PATIENCE, env={**os.environ, "DISPLAY": ":none"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "window: no X server: is DISPLAY set?\n"
