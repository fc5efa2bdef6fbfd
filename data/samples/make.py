#!/usr/bin/python3
"""Draws the sample pair: a made-up square kilometre of farmland on two dates, and what was built between.

usage: make.py [FOLDER]      (default: this folder; needs numpy and GDAL's Python module)

Nothing in it is a real place. It is drawn at four times the resolution and averaged, so that edges are mixed
pixels; the later date is moved by a fraction of a pixel, has another gain and offset in every band, another
noise, crops that have grown a little, and a cloud cut out as nodata. Same seed, same pixels.
"""
import os
import sys

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()

WIDTH, HEIGHT, FINE, MARGIN = 592, 472, 4, 16  # pixels; fine cells a pixel; pixels around, for the shift
SHIFT = (5, -3)  # fine cells: the later date lies 1.25 px to the right and 0.75 px up
GSD, LEFT, TOP, EPSG = 2.0, 40486200.0, 4049600.0, 4528
SEED, NOISE = 20240211, 0.25  # counts

# Reflectances, blue, green, red, near infrared, in 8-bit counts of the earlier date.
WHEAT, STUBBLE, SOIL, FALLOW = (44, 60, 48, 128), (70, 84, 92, 112), (76, 88, 102, 118), (62, 76, 78, 106)
TREES, GRASS, WATER, MUD = (32, 42, 34, 96), (52, 68, 60, 108), (48, 52, 40, 26), (66, 74, 78, 84)
ASPHALT, TRACK, CONCRETE, EARTH = (72, 76, 80, 86), (94, 102, 112, 122), (126, 130, 134, 140), (112, 126, 148, 166)
RED_ROOF, GREY_ROOF, BLUE_ROOF, WHITE_ROOF = (60, 66, 106, 112), (84, 88, 92, 98), (140, 118, 86, 118), (150, 154, 156, 160)
FILM, PANELS, GRAVEL = (124, 130, 130, 142), (46, 44, 42, 60), (104, 106, 108, 112)


class Land:
    """The ground at the fine resolution; x to the right and y down, in pixels, turned by a small angle."""

    def __init__(self, rng):
        self.shape = ((HEIGHT + 2 * MARGIN) * FINE, (WIDTH + 2 * MARGIN) * FINE)
        self.rng = rng
        y, x = np.mgrid[0:self.shape[0], 0:self.shape[1]].astype(np.float32)
        self.x, self.y = (x + 0.5) / FINE - MARGIN, (y + 0.5) / FINE - MARGIN
        turn = np.deg2rad(6.0)
        self.u = np.cos(turn) * self.x + np.sin(turn) * self.y
        self.v = -np.sin(turn) * self.x + np.cos(turn) * self.y
        self.image = np.zeros((4,) + self.shape, np.float32)
        self.growth = np.zeros(self.shape, np.float32)  # of the crop until the later date
        self.wetness = np.zeros(self.shape, np.float32)  # of the soil, likewise: darker in every band

    def rect(self, u, v, width, height, turn=0.0):
        """Cells of a rectangle around (u, v) in the turned frame."""
        a = np.deg2rad(turn)
        p, q = self.u - u, self.v - v
        return (np.abs(np.cos(a) * p + np.sin(a) * q) <= width / 2) & (
            np.abs(-np.sin(a) * p + np.cos(a) * q) <= height / 2)

    def blob(self, u, v, radius_u, radius_v, rough=0.16):
        angle = np.arctan2(self.v - v, self.u - u)
        edge = 1 + sum(rough / k * np.sin(k * angle + self.rng.uniform(0, 6.3)) for k in (2, 3, 5, 7))
        return ((self.u - u) / radius_u) ** 2 + ((self.v - v) / radius_v) ** 2 <= edge ** 2

    def paint(self, cells, colour, spread=0.0):
        shade = 1 + spread * self.rng.standard_normal()
        for band in range(4):
            self.image[band][cells] = colour[band] * shade
        self.growth[cells] = self.wetness[cells] = 0.0


def smooth(field, cells):
    """A box filter both ways, twice."""
    for _ in range(2):
        for axis in (0, 1):
            total = np.cumsum(np.concatenate([np.take(field, [0] * cells, axis), field,
                                              np.take(field, [-1] * cells, axis)], axis), axis, dtype=np.float64)
            n = field.shape[axis]
            high, low = np.arange(2 * cells, 2 * cells + n), np.arange(0, n)
            field = ((np.take(total, high, axis) - np.take(total, low, axis)) / (2 * cells)).astype(np.float32)
    return field


def fields(land):
    """Blocks between farm tracks, each cut into strips; every strip its crop, its shade and its furrows."""
    rng = land.rng
    land.paint(np.ones(land.shape, bool), GRASS)
    for left in np.arange(-140, 760, 106):
        for top in np.arange(-140, 640, 78):
            at = top + 3
            while at < top + 74:
                height = min(rng.uniform(9, 24), top + 75 - at)
                if height < 4:
                    break
                cells = land.rect(left + 53, at + height / 2, 101, height - 0.8)
                crop, growth = (((WHEAT, 1.0), (STUBBLE, 0.15), (SOIL, 0.0), (FALLOW, 0.25))
                                [rng.choice(4, p=[0.52, 0.2, 0.16, 0.12])])
                land.paint(cells, crop, 0.05)
                furrows = 1 + 0.01 * np.sin(land.v[cells] * 2.1 + rng.uniform(0, 6))
                for band in range(4):
                    land.image[band][cells] *= furrows
                land.growth[cells] = growth * rng.uniform(0.8, 1.2)
                land.wetness[cells] = 0.025 * rng.standard_normal()
                at += height
            land.paint(land.rect(left + 53, top, 106, 2.2), TRACK)
        land.paint(land.rect(left, 250, 2.4, 1000), TRACK)


def trees(land):
    rng = land.rng
    for u in np.arange(-120, 760, 7.0):
        if rng.random() < 0.8:
            land.paint(land.blob(u, 327 + rng.uniform(-.5, .5), rng.uniform(2, 3.4), rng.uniform(2, 3)), TREES, 0.1)
    for _ in range(60):
        land.paint(land.blob(rng.uniform(-20, 700), rng.uniform(-80, 540), *rng.uniform(1.6, 3.4, 2)), TREES, 0.1)


def roads(land):
    land.paint(land.rect(330, 334, 1200, 7), ASPHALT)
    land.paint(land.rect(330, 334, 1200, 0.7), TRACK)
    land.paint(land.rect(390, 250, 4.5, 900), CONCRETE, 0.02)


def village(land):
    rng = land.rng
    land.paint(land.rect(176, 404, 206, 118), FALLOW)
    for row, v in enumerate(np.arange(354, 462, 15)):
        land.paint(land.rect(176, v + 7.5, 204, 2.6), CONCRETE, 0.03)
        for u in np.arange(80, 276, 12.5):
            if rng.random() < 0.12:
                land.paint(land.blob(u, v, 4, 4), TREES, 0.1)
                continue
            land.paint(land.rect(u, v, 11, 11), MUD, 0.08)
            roof = (RED_ROOF, GREY_ROOF, RED_ROOF, WHITE_ROOF)[rng.choice(4, p=[.45, .3, .2, .05])]
            land.paint(land.rect(u, v - 2, 9.6, 5), roof, 0.08)
            land.paint(land.rect(u - 3.4, v + 3.2, 2.8, 4.6), GREY_ROOF, 0.08)
    for u in (100, 152, 260):
        land.paint(land.blob(u, 344, 3.5, 3), TREES, 0.1)


def water(land):
    land.paint(land.blob(505, 420, 38, 24), GRASS)
    land.paint(land.blob(505, 420, 33, 20), WATER)
    middle = 118 + 16 * np.sin(land.u / 70.0) + 6 * np.sin(land.u / 23.0)
    land.paint(np.abs(land.v - middle) < 5.0, GRASS)
    land.paint(np.abs(land.v - middle) < 2.4, WATER)
    land.paint(land.rect(390, 128, 5, 18), CONCRETE)


def sheds(land):
    for i in range(5):
        land.paint(land.rect(556, 222 + 9 * i, 62, 5.6), FILM, 0.03)
    land.paint(land.rect(300, 380, 30, 18), BLUE_ROOF, 0.02)
    land.paint(land.rect(320, 410, 20, 12), GREY_ROOF, 0.02)


def constructions(land):
    """What is built between the dates; returns the fine cells of all of it."""
    built = np.zeros(land.shape, bool)

    def build(cells, colour, spread=0.02):
        land.paint(cells, colour, spread)
        built[cells] = True

    build(land.rect(462, 268, 66, 42), EARTH)                    # a works yard with two sheds
    build(land.rect(452, 262, 34, 20), BLUE_ROOF)
    build(land.rect(484, 274, 16, 12), GREY_ROOF)
    built |= land.rect(186, 224.75, 58, 42.5)                    # plastic greenhouses, outlined as one site
    for i in range(6):
        land.paint(land.rect(186, 206 + 7.5 * i, 58, 5.6), FILM, 0.03)
    build(land.rect(120, 40, 40, 28, 10), CONCRETE)              # a hardened yard with a shed on it
    build(land.rect(114, 38, 16, 12, 10), WHITE_ROOF)
    build(land.rect(300, 66, 6, 90, 24), CONCRETE)               # a new road
    build(land.rect(584, 376, 26, 22), EARTH)                    # foundations
    build(land.blob(428, 402, 18, 14), EARTH)                    # a pond dug, its earth around it
    land.paint(land.blob(428, 402, 12, 9), WATER)
    built |= land.rect(297, 440, 27, 29)                         # houses at the edge of the village
    for u, v in ((290, 432), (290, 447), (304, 432), (304, 447)):
        land.paint(land.rect(u, v, 12, 13), CONCRETE)
        land.paint(land.rect(u, v - 2, 10, 5), RED_ROOF)
    built |= land.rect(470, 182, 44, 25)                         # solar panels on gravel
    land.paint(land.rect(470, 182, 44, 25), GRAVEL)
    for i in range(5):
        land.paint(land.rect(470, 172 + 5 * i, 44, 2.2), PANELS)
    build(land.rect(474, 40, 12, 9), BLUE_ROOF)                  # a lonely shed
    build(land.rect(560, 92, 30, 16, -8), EARTH)                 # a heap of earth, half under the cloud
    return built


def sampled(land, image, shift, rng, noise):
    """Mean of the fine cells under each pixel of the grid, a soft point spread, and noise."""
    fine = smooth(image, 2)
    top, left = MARGIN * FINE - shift[1], MARGIN * FINE - shift[0]
    fine = fine[top:top + HEIGHT * FINE, left:left + WIDTH * FINE]
    coarse = fine.reshape(HEIGHT, FINE, WIDTH, FINE).mean((1, 3))
    return coarse + noise * rng.standard_normal(coarse.shape)


def write(path, arrays, nodata):
    memory = gdal.GetDriverByName("MEM").Create("", WIDTH, HEIGHT, len(arrays), gdal.GDT_Byte)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    memory.SetProjection(crs.ExportToWkt())
    memory.SetGeoTransform((LEFT, GSD, 0, TOP, 0, -GSD))
    for i, array in enumerate(arrays, 1):
        memory.GetRasterBand(i).WriteArray(array)
        if nodata is not None:
            memory.GetRasterBand(i).SetNoDataValue(nodata)
    predictor = ["PREDICTOR=2"] if len(arrays) > 1 else []
    gdal.GetDriverByName("GTiff").CreateCopy(path, memory, options=[
        "COMPRESS=DEFLATE", "ZLEVEL=9", "TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256",
        "INTERLEAVE=PIXEL"] + predictor)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    rng = np.random.default_rng(SEED)
    land = Land(rng)
    for draw in (fields, water, trees, roads, village, sheds):
        draw(land)
    ground = 1 + 0.03 * smooth(rng.standard_normal(land.shape).astype(np.float32), 40) * 40 \
        + 0.005 * smooth(rng.standard_normal(land.shape).astype(np.float32), 5) * 5
    before = [sampled(land, land.image[b] * ground, (0, 0), rng, NOISE) for b in range(4)]

    built = constructions(land)
    grown = (-0.02, 0.03, -0.05, 0.09)  # of a crop in full growth, by band
    hazy = (2.4, 1.6, 1.0, 0.4)  # counts of the haze's standard deviation
    gain, offset = (0.90, 0.93, 0.95, 1.04), (9.0, 6.0, 4.0, -3.0)
    haze = smooth(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), 30)
    haze /= haze.std()
    after = [gain[b] * sampled(land, land.image[b] * (1 + grown[b] * land.growth - land.wetness) * ground, SHIFT,
                               rng, NOISE) + offset[b] + hazy[b] * haze for b in range(4)]
    cloud = land.blob(590, 40, 62, 46, 0.3) | land.blob(520, 0, 44, 30, 0.3)
    clouded = sampled(land, cloud.astype(np.float32), (0, 0), rng, 0.0) > 0.01

    counts = [[np.clip(np.rint(a), 1, 255).astype(np.uint8) for a in date] for date in (before, after)]
    for band in counts[1]:
        band[clouded] = 0
    share = sampled(land, built.astype(np.float32), (0, 0), rng, 0.0)
    write(f"{folder}/before.tif", counts[0], 0)
    write(f"{folder}/after.tif", counts[1], 0)
    write(f"{folder}/truth.tif", [(share > 0.5).astype(np.uint8)], None)


main()
