#!/usr/bin/python3
"""Fields of the made-up county that change without anyone building: how many become parcels.

usage: fields.py PROGRAM

Three seeds, each month from February to July. A field is a polygon of farmland of the survey, of 50 pixels or
more that both dates observed, on which the truth knows no construction. It lost or gained leaves where the mean
of its vegetation index moved by 0.2; it is a parcel where parcels cover a tenth of it. Beside it: constructions
begun between the two dates, and how many of them a parcel touches.
"""
import json
import os
import sys
import tempfile

import numpy
from osgeo import gdal, ogr

from engine import call

gdal.UseExceptions()
ogr.UseExceptions()
SEEDS, MONTHS = (1, 2, 3), 6
MOVED, COVERED, LEAST = 0.2, 0.1, 50


class Month:
    """What two dates of a county show, on the grid of the earlier."""

    def __init__(self, program, county, number):
        self.county = county
        names = [f"{county}/t{n}" for n in (number, number + 1)]
        job = f"{county}/month{number}.yaml"
        with open(job, "w", encoding="utf-8") as file:
            json.dump({"pairs": [{side: {"image": f"{name}.tif", "valid": f"{name}_valid.tif"}
                                  for side, name in zip(("before", "after"), names)}]}, file)
        call(program, "run", job, "--out", f"{county}/run{number}", "--quiet")
        self.like = gdal.Open(f"{names[0]}.tif")
        self.indices = [self.index(f"{name}.tif") for name in names]
        self.seen = numpy.logical_and(*(gdal.Open(f"{name}_valid.tif").ReadAsArray() > 0 for name in names))
        self.parcels = self.numbers(f"{county}/run{number}/parcels.gpkg", "parcels")
        self.fields = self.numbers(f"{county}/survey.gpkg", "DLTB", "DLBM LIKE '01%'")
        self.built = self.numbers(f"{county}/truth.gpkg", "truth")

    @staticmethod
    def index(path):
        red, infrared = gdal.Open(path).ReadAsArray().astype(float)[2:4]
        return (infrared - red) / numpy.maximum(infrared + red, 1)

    def numbers(self, path, layer, where=None):
        """For each pixel the number of the polygon it lies in, from 1; 0 for none."""
        data = gdal.OpenEx(path, gdal.OF_VECTOR)  # its layers live as long as it
        source = data.GetLayerByName(layer)
        source.SetAttributeFilter(where)
        memory = ogr.GetDriverByName("Memory").CreateDataSource("")
        copy = memory.CreateLayer("numbered", self.like.GetSpatialRef())
        copy.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
        for number, feature in enumerate(source, 1):
            shape = feature.GetGeometryRef().Clone()
            shape.TransformTo(self.like.GetSpatialRef())
            numbered = ogr.Feature(copy.GetLayerDefn())
            numbered["number"] = number
            numbered.SetGeometry(shape)
            copy.CreateFeature(numbered)
        raster = gdal.GetDriverByName("MEM").Create("", self.like.RasterXSize, self.like.RasterYSize, 1, gdal.GDT_Int32)
        raster.SetGeoTransform(self.like.GetGeoTransform())
        raster.SetProjection(self.like.GetProjection())
        gdal.RasterizeLayer(raster, [1], copy, options=["ATTRIBUTE=number"])
        return raster.ReadAsArray()

    def counts(self):
        """(fields, lost leaves, of these parcels, gained leaves, of these parcels)"""
        where = self.fields[self.seen]

        def sums(values):
            return numpy.bincount(where, values[self.seen], self.fields.max() + 1)

        pixels = sums(numpy.ones(self.seen.shape))
        counts = (pixels >= LEAST) & (sums(self.built > 0) == 0)
        counts[0] = False
        moved = (sums(self.indices[1]) - sums(self.indices[0])) / numpy.maximum(pixels, 1)
        is_parcel = sums(self.parcels > 0) >= COVERED * pixels
        return [counts.sum()] + [n for side in (moved <= -MOVED, moved >= MOVED)
                                 for n in ((counts & side).sum(), (counts & side & is_parcel).sum())]


def built_between(county, number, parcels, built):
    """Constructions in sight begun between two dates, and how many of them a parcel touches."""
    with open(f"{county}/job.yaml", encoding="utf-8") as file:
        text = file.read()
    dates = sorted(part[:10] for part in text.split("date: ")[1:])
    data = gdal.OpenEx(f"{county}/truth.gpkg", gdal.OF_VECTOR)
    begun = [n for n, f in enumerate(data.GetLayerByName("truth"), 1) if f["HIDDEN"] == 0
             and dates[number - 1] < f["DATE"].replace("/", "-") <= dates[number]]
    return len(begun), sum(bool((parcels[built == n] > 0).any()) for n in begun)


def main():
    program = os.path.abspath(sys.argv[1])
    names = ("fields", "lost leaves", "parcels", "gained leaves", "parcels", "begun", "found")
    print(f"{'month':8}" + "".join(f"{name:>15}" for name in names))
    sums = numpy.zeros((MONTHS - 1, len(names)), int)
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as county:
            call(program, "synth", "--out", f"{county}/c", "--seed", str(seed), "--months", str(MONTHS), "--quiet")
            for number in range(1, MONTHS):
                month = Month(program, f"{county}/c", number)
                sums[number - 1] += month.counts() + list(built_between(f"{county}/c", number, month.parcels, month.built))
    for number, row in enumerate(sums):
        print(f"{number + 1} to {number + 2:<3}" + "".join(f"{n:15}" for n in row))


main()
