"""Sentinel-2 products as ESA lays them out (compact SAFE), made of arrays: small, but with the files and the
metadata GDAL's SENTINEL2 driver and tuban read. Written after the product specification (S2-PDGS-TAS-DI-PSD)."""
import os
import zipfile

import numpy as np
from osgeo import gdal, osr

NUMBER = {name: i for i, name in enumerate(
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"])}
FINE, COARSE = ["B02", "B03", "B04", "B08"], ["B05", "B06", "B07", "B8A", "B11", "B12"]


def write_jp2(path, array, kind, step, place, epsg, tile):
    """A lossless JPEG 2000 as ESA's, without the statistics GDAL would put beside it."""
    rows, columns = array.shape
    made = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, kind)
    made.SetGeoTransform([place[0], step, 0, place[1], 0, -step])
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(epsg)
    made.SetProjection(crs.ExportToWkt())
    made.GetRasterBand(1).WriteArray(array)
    gdal.GetDriverByName("JP2OpenJPEG").CreateCopy(
        path, made, options=["QUALITY=100", "REVERSIBLE=YES", f"BLOCKXSIZE={tile}", f"BLOCKYSIZE={tile}"])


def make(folder, fine, coarse, classes=None, level="2A", day="2024-06-12", baseline="05.10", offset=-1000,
         epsg=32650, place=(399960, 4500000), tile=256, left_out=(), name=None):
    """
    Writes a product below `folder` and returns its path.

    fine     [4][rows][columns], uint16: B02 B03 B04 B08 as stored
    coarse   [6][rows/2][columns/2]: B05 B06 B07 B8A B11 B12
    classes  [rows/2][columns/2], of Level-2A
    offset   of every band, or a map of band names, or None: the metadata do not tell of any
    left_out bands whose file is not there, though the metadata name it
    """
    stamp, tag = day.replace("-", "") + "T030519", "L%s" % level
    uri = f"S2B_MSIL{level}_{stamp}_N{baseline.replace('.', '')}_R075_T50TMK_{stamp}.SAFE"
    granule = f"{tag}_T50TMK_A037961_{stamp}"
    root = os.path.join(folder, name or uri)   # GDAL finds the files by the URI
    rows, columns = fine.shape[1:]
    bands = [(10, b, fine[i], gdal.GDT_UInt16) for i, b in enumerate(FINE)]
    bands += [(20, b, coarse[i], gdal.GDT_UInt16) for i, b in enumerate(COARSE)]
    if level == "2A":
        bands.append((20, "SCL", np.zeros(coarse.shape[1:], np.uint8) + 4 if classes is None else classes,
                      gdal.GDT_Byte))
    files = []
    for step, band, array, kind in bands:
        inner = f"GRANULE/{granule}/IMG_DATA/" + (f"R{step}m/" if level == "2A" else "")
        file = inner + f"T50TMK_{stamp}_{band}" + (f"_{step}m" if level == "2A" else "")
        os.makedirs(os.path.join(root, inner), exist_ok=True)
        files.append(file)
        if band not in left_out:
            write_jp2(os.path.join(root, file + ".jp2"), array, kind, step, place, epsg, tile)
    offsets = offset if isinstance(offset, dict) else {b: offset for b in NUMBER}
    element = "BOA_ADD_OFFSET" if level == "2A" else "RADIO_ADD_OFFSET"
    listed = "".join(f'<{element} band_id="{NUMBER[b]}">{v}</{element}>' for b, v in offsets.items())
    around = "BOA_ADD_OFFSET_VALUES_LIST" if level == "2A" else "Radiometric_Offset_List"
    schema = f"https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd"
    with open(os.path.join(root, f"MTD_MSIL{level}.xml"), "w") as out:
        out.write(f'''<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="{schema}"><n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{day}T03:05:19.024Z</PRODUCT_START_TIME><PRODUCT_STOP_TIME>{day}T03:05:19.024Z</PRODUCT_STOP_TIME>
<PRODUCT_URI>{uri}</PRODUCT_URI><PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI{level}</PRODUCT_TYPE><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>{day}T05:20:12.000000Z</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2B_{stamp}_037961_N05.10"><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE><SENSING_ORBIT_NUMBER>75</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
<Product_Organisation><Granule_List><Granule datastripIdentifier="S2B_OPER_MSI_{tag}_DS"
granuleIdentifier="S2B_OPER_MSI_{tag}_TL_2BPS_{stamp}_A037961_T50TMK_N05.10" imageFormat="JPEG2000">
{"".join(f"<IMAGE_FILE>{f}</IMAGE_FILE>" for f in files)}</Granule></Granule_List></Product_Organisation>
</Product_Info><Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
{f"<{around}>{listed}</{around}>" if offset is not None else ""}
</Product_Image_Characteristics></n1:General_Info></n1:Level-{level}_User_Product>''')
    sizes = "".join(f'<Size resolution="{r}"><NROWS>{rows * 10 // r}</NROWS><NCOLS>{columns * 10 // r}</NCOLS></Size>'
                    f'<Geoposition resolution="{r}"><ULX>{place[0]}</ULX><ULY>{place[1]}</ULY><XDIM>{r}</XDIM>'
                    f'<YDIM>-{r}</YDIM></Geoposition>' for r in (10, 20, 60))
    with open(os.path.join(root, f"GRANULE/{granule}/MTD_TL.xml"), "w") as out:
        out.write(f'''<?xml version="1.0" encoding="UTF-8"?><n1:Level-{level}_Tile_ID xmlns:n1="{schema}"><n1:General_Info>
<TILE_ID>S2B_OPER_MSI_{tag}_TL_2BPS_{stamp}_A037961_T50TMK_N05.10</TILE_ID></n1:General_Info><n1:Geometric_Info>
<Tile_Geocoding><HORIZONTAL_CS_NAME>WGS 84 / UTM zone {epsg % 100}N</HORIZONTAL_CS_NAME>
<HORIZONTAL_CS_CODE>EPSG:{epsg}</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding></n1:Geometric_Info></n1:Level-{level}_Tile_ID>''')
    return root


def zipped(root, path):
    """The product as one file, as it is downloaded."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for where, _, names in sorted(os.walk(root)):
            for name in sorted(names):
                full = os.path.join(where, name)
                archive.write(full, os.path.relpath(full, os.path.dirname(root)))
    return path
