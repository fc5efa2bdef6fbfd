"""The scene the speed is measured on: two dates of farmland, and two mask layers over it.

    speed_scene.py FOLDER [--pixels 25,100,400] [--kinds deflate,zstd,none]

For each size (millions of pixels) writes FOLDER/SIZE/before-KIND.tif and after-KIND.tif: 4 bands of
16 bits at 2 m in EPSG:4528, tiles of 512 pixels, bands beside each other, DEFLATE and ZSTD with
predictor 2; landuse.gpkg and pbf.gpkg of 200,000 polygons each; and a job-KIND.yaml. What is there
already is kept. Same sizes, same bytes.

Plots of 40 to 200 m in rows of fields, each with its own crop, texture of some pixels' size, noise
of 3.5 DN; the later date is moved by a part of a pixel, has other gains and offsets, a haze that
grows from west to east, other crops in one plot of a hundred and three constructions a square
kilometre.
"""
import argparse
import os
import pathlib

import numpy as np
from osgeo import gdal, osr

import overlay

gdal.UseExceptions()

BANDS, GSD, TILE, NOISE = 4, 2.0, 512, 3.5
SHIFT = (0.37, -0.22)  # after(x + dx, y + dy) shows what before(x, y) shows
EAST, NORTH = overlay.EAST, overlay.NORTH
POLYGONS = 200_000
TEXTURE = (1531, 1877)  # pixels: the texture repeats, its amplitude does not

CROPS = np.array([[420, 610, 540, 2450], [510, 720, 760, 2050], [640, 830, 980, 1650],
                  [780, 960, 1180, 1420], [380, 520, 430, 2900], [300, 380, 290, 260]], float)
ROOFS = np.array([[1500, 1650, 1800, 2100], [1100, 1400, 1900, 2300], [2100, 2200, 2300, 2500]],
                 float)
GAIN, OFFSET, HAZE = [1.08, 1.05, 1.03, 0.94], [35, 28, 20, -15], [60, 45, 25, 10]
KINDS = {"none": [],
         "deflate": ["COMPRESS=DEFLATE", "PREDICTOR=2"],
         "zstd": ["COMPRESS=ZSTD", "PREDICTOR=2"]}


def edges_between(rng, length, least, most):
    """Places of borders from before 0 to beyond length, in pixels."""
    steps = rng.uniform(least, most, int(length / least) + 4)
    places = np.cumsum(steps) - most
    return places[: np.searchsorted(places, length + most) + 1]


def share(edges, at, count):
    """Which interval each of `count` pixels from `at` begins in, and how much of it lies there."""
    start = at + np.arange(count)
    index = np.searchsorted(edges, start, side="right") - 1
    return index, np.clip(edges[index + 1] - start, 0.0, 1.0)


class Land:
    """Rows of fields: what each plot shows on each date."""

    def __init__(self, side, seed):
        rng = np.random.default_rng(seed)
        self.side = side
        self.rows = edges_between(rng, side, 30, 100)
        self.plots, self.colours = [], []
        for _ in self.rows:
            plots = edges_between(rng, side, 20, 80)
            crop = rng.integers(0, len(CROPS), len(plots))
            later = np.where(rng.random(len(plots)) < 1 / 100,
                             rng.integers(0, len(CROPS), len(plots)), crop)
            own = 1 + rng.normal(0, 0.05, (len(plots), BANDS))
            season = 1 + rng.normal(0, 0.02, (len(plots), BANDS))
            self.plots.append(plots)
            self.colours.append((CROPS[crop] * own, CROPS[later] * own * season))
        count = int(3 * (side * GSD / 1000) ** 2)
        width, height = rng.integers(12, 40, count), rng.integers(12, 40, count)
        self.built = np.stack([rng.integers(0, side - 40, count), rng.integers(0, side - 40, count),
                               width, height, rng.integers(0, len(ROOFS), count)], axis=1)
        spectrum = np.fft.rfft2(rng.normal(size=TEXTURE))
        fy = np.fft.fftfreq(TEXTURE[0])[:, None]
        fx = np.fft.rfftfreq(TEXTURE[1])[None]
        self.texture = []
        for date in range(2):  # moved in frequency, so that the move is exact
            dx, dy = SHIFT if date else (0, 0)
            low = np.exp(-(fx ** 2 + fy ** 2) / (2 * 0.06 ** 2) - 2j * np.pi * (fx * dx + fy * dy))
            moved = np.fft.irfft2(spectrum * low, s=TEXTURE)
            self.texture.append((moved / moved.std() * 0.02).astype(np.float32))

    def line(self, date, row):
        """A row of fields as one line of pixels, [bands][side]."""
        index, first = share(self.plots[row], -SHIFT[0] if date else 0.0, self.side)
        colours = self.colours[row][date]
        following = colours[np.minimum(index + 1, len(colours) - 1)]
        return (colours[index] * first[:, None] + following * (1 - first[:, None])).T.astype("f4")

    def strip(self, date, top, height, rng):
        """[bands][height][side] as 16-bit samples."""
        row, first = share(self.rows, top - (SHIFT[1] if date else 0.0), height)
        line = {r: self.line(date, r) for r in np.unique(np.concatenate([row, row + 1]))}
        out = np.empty((BANDS, height, self.side), np.float32)
        across = np.arange(self.side) % TEXTURE[1]
        for y in range(height):
            a, b, part = line[row[y]], line[row[y] + 1], np.float32(first[y])
            out[:, y] = a if part == 1 else a * part + b * (1 - part)
            out[:, y] *= 1 + self.texture[date][(top + y) % TEXTURE[0]][across]
        if date:
            for x, y, w, h, roof in self.built:
                if y < top + height and y + h > top:
                    part = slice(max(y - top, 0), min(y + h - top, height))
                    out[:, part, x:x + w] = ROOFS[roof][:, None, None]
            haze = np.linspace(0, 1, self.side, dtype=np.float32)
            for b in range(BANDS):
                out[b] = out[b] * GAIN[b] + OFFSET[b] + haze * HAZE[b]
        out += NOISE * rng.standard_normal(out.shape, dtype=np.float32)
        return np.clip(np.rint(out), 1, 65535).astype(np.uint16)


def reference():
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4528)
    return srs.ExportToWkt()


def create(path, side, options):
    image = gdal.GetDriverByName("GTiff").Create(
        str(path), side, side, BANDS, gdal.GDT_UInt16,
        ["TILED=YES", f"BLOCKXSIZE={TILE}", f"BLOCKYSIZE={TILE}", "INTERLEAVE=PIXEL",
         "BIGTIFF=IF_SAFER", "PHOTOMETRIC=MINISBLACK", "ALPHA=NO", *options])
    image.SetProjection(reference())
    image.SetGeoTransform([EAST, GSD, 0, NORTH + side * GSD, 0, -GSD])
    return image


def make_images(folder, side, kinds):
    names = {kind: [folder / f"{date}-{kind}.tif" for date in ("before", "after")]
             for kind in kinds}
    names = {kind: both for kind, both in names.items() if not all(p.exists() for p in both)}
    if not names:
        return
    land = Land(side, 20240311)
    for date in range(2):
        rng = np.random.default_rng([7, date, side])
        partial = {kind: both[date].with_name("part-" + both[date].name)
                   for kind, both in names.items()}
        images = {kind: create(path, side, KINDS[kind]) for kind, path in partial.items()}
        for top in range(0, side, TILE):
            strip = land.strip(date, top, min(TILE, side - top), rng)
            for image in images.values():
                image.WriteRaster(0, top, side, strip.shape[1], strip.tobytes())
        images.clear()
        image = None
        for kind, path in partial.items():
            os.rename(path, names[kind][date])


JOB = """job: {{name: speed-{size}, month: 2024-03}}
pairs:
  - before: {{image: before-{kind}.tif, date: 2024-02-11}}
    after:  {{image: after-{kind}.tif, date: 2024-03-12}}
layers:
  landuse: {{path: landuse.gpkg, layer: DLTB}}
  pbf:     {{path: pbf.gpkg, layer: DLTB}}
"""


def make(folder, size, kinds):
    """The scene of `size` million pixels; returns its folder."""
    folder = pathlib.Path(folder) / str(size)
    folder.mkdir(parents=True, exist_ok=True)
    side = int(round((size * 1e6) ** 0.5))
    make_images(folder, side, kinds)
    for seed, name in enumerate(("landuse.gpkg", "pbf.gpkg")):
        if not (folder / name).exists():
            overlay.make_survey(folder / name, "GPKG", POLYGONS, side * GSD, seed)
    for kind in kinds:
        (folder / f"job-{kind}.yaml").write_text(JOB.format(size=size, kind=kind))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--pixels", default="25,100,400")
    parser.add_argument("--kinds", default=",".join(KINDS))
    it = parser.parse_args()
    for size in map(int, it.pixels.split(",")):
        folder = make(it.folder, size, it.kinds.split(","))
        for kind in it.kinds.split(","):
            for date in ("before", "after"):
                path = folder / f"{date}-{kind}.tif"
                ratio = path.stat().st_size / (size * 1e6 * BANDS * 2)
                print(f"{path}  {path.stat().st_size / 1e6:.0f} MB  {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
