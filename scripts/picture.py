#!/usr/bin/python3
"""Draws a run as a picture: the earlier date, and the later one with the parcels' outlines over it.

usage: picture.py BEFORE AFTER PARCELS.gpkg OUT.png

Bands 3, 2, 1 of a pair on one grid. Red: parcels. Grey stripes: not observed on both dates.
Needs numpy and GDAL's Python module.
"""
import sys

import numpy as np
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
ogr.UseExceptions()

RED, COLOURS, GAP = (255, 0, 0), 96, 6


def colours(path):
    source = gdal.Open(path)
    bands = [source.GetRasterBand(b) for b in ((3, 2, 1) if source.RasterCount >= 3 else (1, 1, 1))]
    values = np.stack([b.ReadAsArray().astype(np.float32) for b in bands])
    nodata = bands[0].GetNoDataValue()
    seen = np.ones(values.shape[1:], bool) if nodata is None else ~(values == nodata).all(0)
    low, high = np.percentile(values[:, seen], [0.5, 99.7])
    return np.clip((values - low) / (high - low), 0, 1) ** 0.8 * 255


def mask_of(image, layer, where, outline):
    """Pixels of the features of a layer, or of their outlines, on the grid of the image."""
    source = gdal.Open(image)
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
    for i, colour in enumerate((RED, (255, 255, 255)), COLOURS):
        table.SetColorEntry(i, colour + (255,))
    palette = np.array([table.GetColorEntry(i)[:3] for i in range(COLOURS + 2)], np.float32)
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
    before, after, parcels, out = sys.argv[1:]
    left, right = colours(before), colours(after)
    vector = ogr.Open(parcels)
    unseen = mask_of(before, vector.GetLayerByName("observed"), "STATE = 'unobserved'", False)
    found = mask_of(before, vector.GetLayerByName("parcels"), None, True)
    rows, columns = np.indices(unseen.shape)
    right[:, unseen] = np.where((rows + columns) % 12 < 6, 120, 170)[unseen]
    right[:, found] = np.array(RED, np.float32)[:, None]
    gap = np.full((3, left.shape[1], GAP), 255.0)
    write(out, np.concatenate([left, gap, right], 2))


main()
