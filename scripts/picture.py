#!/usr/bin/python3
"""Draws a run as a picture: the earlier date, and the later one with the parcels' outlines over it.

usage: picture.py BEFORE AFTER PARCELS.gpkg OUT.png

Bands 3, 2, 1 of a pair on one grid, at most 1,000 pixels a side. Outlines: red tier 3 or no tier, orange tier 2,
yellow tier 1, cyan tier 0. Grey stripes: not observed on both dates.
Needs numpy and GDAL's Python module.
"""
import sys

import numpy as np
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
ogr.UseExceptions()

COLOURS, GAP, SIDE = 96, 6, 1000
TIERS = (("TIER = 0", (0, 230, 255)), ("TIER = 1", (255, 235, 0)), ("TIER = 2", (255, 140, 0)),
         ("TIER = 3 OR TIER IS NULL", (255, 0, 0)))


def opened(path):
    """The image, made smaller where it is large."""
    source = gdal.Open(path)
    step = max(1, -(-max(source.RasterXSize, source.RasterYSize) // SIDE))
    return gdal.Translate("", source, format="MEM", width=source.RasterXSize // step, height=source.RasterYSize // step,
                          resampleAlg="average") if step > 1 else source


def colours(source, unseen):
    bands = [source.GetRasterBand(b) for b in ((3, 2, 1) if source.RasterCount >= 3 else (1, 1, 1))]
    values = np.stack([b.ReadAsArray().astype(np.float32) for b in bands])
    nodata = bands[0].GetNoDataValue()
    seen = np.ones(values.shape[1:], bool) if nodata is None else ~(values == nodata).all(0)
    clear = seen & ~unseen if (seen & ~unseen).any() else seen
    low, high = np.percentile(values[:, clear], [0.5, 99.7])
    return np.clip((values - low) / (high - low), 0, 1) ** 0.8 * 255


def mask_of(source, layer, where, outline):
    """Pixels of the features of a layer, or of their outlines, on the grid of the image."""
    grid = gdal.GetDriverByName("MEM").Create("", source.RasterXSize, source.RasterYSize, 1)
    grid.SetProjection(source.GetProjection())
    grid.SetGeoTransform(source.GetGeoTransform())
    crs = osr.SpatialReference(source.GetProjection())
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    shapes = ogr.GetDriverByName("Memory").CreateDataSource("")
    copy = shapes.CreateLayer("shapes", crs)
    layer.SetAttributeFilter(where)
    for feature in layer:
        shape = feature.GetGeometryRef().Clone()
        shape.TransformTo(crs)
        copied = ogr.Feature(copy.GetLayerDefn())
        copied.SetGeometry(shape.Boundary() if outline else shape)
        copy.CreateFeature(copied)
    gdal.RasterizeLayer(grid, [1], copy, burn_values=[1], options=["ALL_TOUCHED=TRUE"] if outline else [])
    return grid.ReadAsArray() > 0


def write(path, picture):
    """As a PNG of few colours: a fifth of the bytes, and hardly to be told apart."""
    rows, columns = picture.shape[1:]
    picture = np.rint(picture).astype(np.uint8)
    full = gdal.GetDriverByName("MEM").Create("", columns, rows, 3)
    full.WriteRaster(0, 0, columns, rows, picture.tobytes())
    table = gdal.ColorTable()
    gdal.ComputeMedianCutPCT(*(full.GetRasterBand(b) for b in (1, 2, 3)), COLOURS, table)
    marks = [colour for _, colour in TIERS] + [(255, 255, 255)]
    for i, colour in enumerate(marks, COLOURS):
        table.SetColorEntry(i, colour + (255,))
    palette = np.array([table.GetColorEntry(i)[:3] for i in range(COLOURS + len(marks))], np.float32)
    values = picture.reshape(3, -1).T.astype(np.float32)
    nearest = np.concatenate([((part[:, None] - palette) ** 2).sum(2).argmin(1)
                              for part in np.array_split(values, len(values) // 8192 + 1)])
    few = gdal.GetDriverByName("MEM").Create("", columns, rows, 1)
    few.WriteRaster(0, 0, columns, rows, nearest.astype(np.uint8).tobytes())
    few.GetRasterBand(1).SetRasterColorTable(table)
    gdal.GetDriverByName("PNG").CreateCopy(path, few, options=["ZLEVEL=9"])


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    before, after, parcels, out = opened(sys.argv[1]), opened(sys.argv[2]), *sys.argv[3:]
    vector = ogr.Open(parcels)
    unseen = mask_of(before, vector.GetLayerByName("observed"), "STATE = 'unobserved'", False)
    left, right = colours(before, unseen), colours(after, unseen)
    rows, columns = np.indices(unseen.shape)
    right[:, unseen] = np.where((rows + columns) % 12 < 6, 120, 170)[unseen]
    for where, colour in TIERS:
        found = mask_of(before, vector.GetLayerByName("parcels"), where, True)
        right[:, found] = np.array(colour, np.float32)[:, None]
    gap = np.full((3, left.shape[1], GAP), 255.0)
    write(out, np.concatenate([left, gap, right], 2))


main()
