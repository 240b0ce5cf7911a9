"""Pages of known text as scanners make them, good and bad ones. The same from run to run."""

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WORDS = (
    "the of and to in for is on that by this with you it not or be are from at as your all have new more an was we will "
    "home can us about if page my has search free but our one other do no information time they site he up may what which "
    "their news out use any there see only so his when contact here business who web also now help get view online first "
    "am been would how were services some these click its like service than find price date back top people had list name "
    "just over state year day into email two health world next used go work last most products music buy data make them "
    "should product system post her city add policy number such please available copyright support message after best "
    "software then good video well where info rights public books high school through each links she review years order "
    "very privacy book items company read group need many user said de does set under general research university january"
).split()

FONTS = ("DejaVuSerif.ttf", "DejaVuSans.ttf", "LiberationSerif-Regular.ttf", "LiberationSans-Regular.ttf")


def font_file():
    for folder in ("/usr/share/fonts/truetype/liberation", "/usr/share/fonts/truetype/dejavu"):
        for name in FONTS[::-1]:
            if (Path(folder) / name).exists():
                return str(Path(folder) / name)
    raise SystemExit("no font: install fonts-liberation or fonts-dejavu")


def sentence(dice, count):
    words = [dice.choice(WORDS) for _ in range(count)]
    words[0] = words[0].capitalize()
    if dice.random() < 0.5:
        words.append(f"{dice.randrange(1, 9999):,}.{dice.randrange(100):02}")
    return " ".join(words) + "."


def paragraph(dice, font, width, lines):
    """Sentences, broken into lines of at most this width."""
    rows, row = [], ""
    while len(rows) < lines:
        for word in sentence(dice, dice.randrange(6, 14)).split():
            longer = f"{row} {word}".strip()
            if font.getlength(longer) > width:
                rows.append(row)
                row = word
            else:
                row = longer
    return rows[:lines]


def page(seed, dpi, kind):
    """A page of A4: its picture and its text."""
    dice = random.Random(seed)
    scale = dpi / 72
    width, height = round(595 * scale), round(842 * scale)
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(font_file(), round(10.5 * scale))
    step, texts = 15 * scale, []
    if kind == "columns":
        for column in range(2):
            x = (50 + 255 * column) * scale
            rows = paragraph(dice, font, 235 * scale, 44)
            for at, row in enumerate(rows):
                draw.text((x, 70 * scale + at * step), row, font=font, fill=10)
            texts += rows
    elif kind == "invoice":
        head = ["Northwind Trading Limited", "14 Harbour Street", f"Invoice {dice.randrange(10**6):06}", "Quantity Item Price"]
        for at, row in enumerate(head):
            draw.text((50 * scale, 70 * scale + at * step), row, font=font, fill=10)
        texts += head
        for at in range(18):
            cells = [str(dice.randrange(1, 99)), " ".join(dice.choice(WORDS) for _ in range(3)), f"{dice.randrange(999)}.{dice.randrange(100):02}"]
            for x, cell in zip((50, 130, 420), cells):
                draw.text((x * scale, 160 * scale + at * step), cell, font=font, fill=10)
            texts.append(" ".join(cells))
    else:
        rows = paragraph(dice, font, 480 * scale, 46)
        for at, row in enumerate(rows):
            draw.text((50 * scale, 70 * scale + at * step), row, font=font, fill=10)
        texts += rows
    return picture, "\n".join(texts)


def degraded(picture, how, seed):
    """What a bad scanner, a camera or a fax does."""
    values = np.asarray(picture, dtype=np.float32)
    dice = np.random.default_rng(seed)
    height, width = values.shape
    if "light" in how:
        y, x = np.mgrid[0:height, 0:width]
        values = values * (1 - 0.65 * (0.6 * x / width + 0.4 * y / height))
    if "noise" in how:
        values = np.clip(values, 20, 235) + dice.normal(0, 22, values.shape)
    if "specks" in how:
        hit = dice.random(values.shape)
        values = np.where(hit < 0.01, 0, np.where(hit > 0.99, 255, values))
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if "blur" in how:
        picture = picture.filter(ImageFilter.GaussianBlur(picture.width / 2500))
    if "tilt" in how:
        picture = picture.rotate(2.7, resample=Image.BICUBIC, fillcolor=225, expand=False)
    if "jpeg" in how:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=25)
        picture = Image.open(io.BytesIO(out.getvalue())).convert("L")
    return picture


KINDS = [
    ("clean 300 dpi", 300, "plain", []),
    ("clean 150 dpi", 150, "plain", []),
    ("clean 75 dpi", 75, "plain", []),
    ("two columns", 200, "columns", []),
    ("invoice", 200, "invoice", []),
    ("light", 200, "plain", ["light"]),
    ("noise", 200, "plain", ["noise"]),
    ("specks", 200, "plain", ["specks"]),
    ("tilt", 200, "plain", ["tilt"]),
    ("light, noise, tilt", 200, "plain", ["light", "noise", "tilt"]),
    ("fax", 100, "plain", ["specks", "tilt"]),
    ("phone", 150, "plain", ["light", "noise", "blur", "tilt", "jpeg"]),
]
DEGRADED = KINDS[5:]
