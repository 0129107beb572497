"""Draws docs/pictures/terminal.png: what a person sees while the demo's bad canary is watched.

Runs the demo at a pseudo terminal, reads its output as a terminal does, and draws the screen as it stands last before
the canary is taken back. Needs the Python packages pyte and Pillow and the font DejaVu Sans
Mono:

    python3 docs/pictures/terminal.py target/release/shipgate
"""

import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

COLUMNS, ROWS = 110, 40
SIZE, LINE, MARGIN = 14, 19, 16
FONTS = Path("/usr/share/fonts/truetype/dejavu")
BACKGROUND, TEXT, DIM = (22, 27, 34), (214, 220, 228), (132, 141, 151)
COLOURS = {"red": (248, 113, 106), "green": (86, 211, 100), "brown": (227, 179, 65), "cyan": (86, 199, 214)}


class Screen(pyte.Screen):
    """A screen that knows dimmed text, which pyte does not."""

    def select_graphic_rendition(self, *attributes, **more):
        if 2 in attributes:
            attributes = tuple(31337 if it == 2 else it for it in attributes)
            self.cursor.attrs = self.cursor.attrs._replace(italics=True)
        super().select_graphic_rendition(*[it for it in attributes if it != 31337] or ([] if attributes else [0]))
        if 31337 in attributes:
            self.cursor.attrs = self.cursor.attrs._replace(italics=True)


def watch(binary):
    """Returns the screen while the canary has a share of the requests and all metrics are there."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
        for name in ("CI", "NO_COLOR"):
            os.environ.pop(name, None)
        os.execv(binary, ["shipgate", "demo", "--scenario", "late-onset", "--speed", "60"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    best = None
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
        text = "\n".join(screen.display)
        # In between the picture is drawn anew, line by line.
        last = text.rstrip().splitlines()[-1] if text.strip() else ""
        is_whole = last.startswith("  so far    ") and " of 11 steps" in text and "11 canary to 0" in text
        if is_whole and all(word in text for word in ("old ", "weight    ", "left", "latency_p95 pass")):
            best = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)]
    os.waitpid(process, 0)
    return best


def draw(rows, path):
    """Draws the rows that have something in them."""
    regular = ImageFont.truetype(str(FONTS / "DejaVuSansMono.ttf"), SIZE)
    bold = ImageFont.truetype(str(FONTS / "DejaVuSansMono-Bold.ttf"), SIZE)
    width = regular.getlength("M")
    used = [row for row in rows if any(cell.data.strip() for cell in row)]
    size = (int(width * COLUMNS) + 2 * MARGIN, LINE * len(used) + 2 * MARGIN)
    picture = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(picture)
    for y, row in enumerate(used):
        for x, cell in enumerate(row):
            if cell.data.strip():
                colour = COLOURS.get(cell.fg, DIM if cell.italics else TEXT)
                place = (MARGIN + x * width, MARGIN + y * LINE)
                pen.text(place, cell.data, font=bold if cell.bold else regular, fill=colour)
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    """Runs the demo and draws."""
    rows = watch(sys.argv[1])
    if rows is None:
        sys.exit("the demo never showed a watch")
    draw(rows, Path(__file__).resolve().parent / "terminal.png")


main()
