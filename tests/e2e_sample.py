#!/usr/bin/python3
"""A sample of a twenty-fifth decides as the whole imagery does: masks agree at IoU >= .95.

Mosaics are tiled from the two dates of each set (the copies are not mirrored: what one date is out
of place against the other would be contradicted by the mirrored copy), and some from several sets,
where a sample must see all of them in fair parts.
TUBAN_E2E_SIDE sets the side of the mosaics in pixels; TUBAN_E2E_LONG=1 runs those left out for time.
"""
import json
import os

import e2e
from e2e import np, data

SIDE = int(os.environ.get("TUBAN_E2E_SIDE", "4096"))
TILES = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "BIGTIFF=IF_SAFER"]


def tiled(image, rows, columns):
    _, height, width = image.shape
    return np.tile(image, (1, -(-rows // height), -(-columns // width)))[:, :rows, :columns]


def long_only(test):
    return e2e.unittest.skipUnless(os.environ.get("TUBAN_E2E_LONG"), "for time: TUBAN_E2E_LONG=1")(test)


class Sample(e2e.Case):
    def agree(self, name, before, after, least=0.95):
        paths = [e2e.write(self.path(f"{d}.tif"), image, options=TILES) for d, image in (("b", before), ("a", after))]
        masks, models = [], []
        for share in ("0.04", "1"):
            out = self.path(f"out-{share}")
            done = e2e.tuban("detect", *paths, "--out", out, "--sample", share, "--memory", "12GiB",
                             "--allow-implausible", "--json", "--quiet")
            masks.append(e2e.read(os.path.join(out, "change.tif"))[0])
            models.append(json.loads(done.stdout))
        a, b = (m == 1 for m in masks)
        iou = np.count_nonzero(a & b) / max(1, np.count_nonzero(a | b))
        self.assertTrue(np.array_equal(masks[0] == 255, masks[1] == 255), "what is observed")
        said = "; ".join(f"sample {m['sample']:g}: value {m['threshold']['value']:.4g}, contrast "
                         f"{m['threshold']['contrast']:.3g}, slopes "
                         f"{' '.join(format(r['slope'], '.4g') for r in m['regression'])}, flagged {m['flagged']:.4g}"
                         for m in models)
        print(f"{name}: IoU {iou:.4f} ({said})", flush=True)
        self.assertGreaterEqual(iou, least, name)

    def one_set(self, name, bands=None):
        before, after = (tiled(e2e.read(data(name, n))[:bands], SIDE, SIDE) for n in ("T1.tif", "T2.tif"))
        self.agree(name, before, after)

    def test_taizhou(self):
        self.one_set("landsat_taizhou")

    def test_rennes(self):
        self.one_set("oscd_rennes")

    def test_mumbai(self):
        self.one_set("oscd_mumbai")

    def test_beihai(self):
        self.one_set("oscd_beihai")

    @long_only
    def test_radar(self):
        self.one_set("sar_yellowriver_D")

    def several(self, axis, names=("oscd_beihai", "oscd_mumbai", "oscd_rennes", "oscd_nantes")):
        """Equal strips of several sets, beside each other along an axis."""
        strip = [SIDE, SIDE]
        strip[axis] = SIDE // len(names)
        return [np.concatenate([tiled(e2e.read(data(n, f)), *strip) for n in names], axis=1 + axis)
                for f in ("T1.tif", "T2.tif")]

    def test_several_side_by_side(self):
        self.agree("side by side", *self.several(1))

    @long_only
    def test_several_on_top_of_each_other(self):
        self.agree("on top of each other", *self.several(0))

    @long_only
    def test_several_in_turn(self):
        """Patches of a few hundred pixels: each cell of the lattice holds a part of several sets."""
        names = ("oscd_beihai", "oscd_mumbai", "oscd_rennes", "oscd_nantes", "oscd_aguasclaras")
        patch, images = 320, []
        for file in ("T1.tif", "T2.tif"):
            sources = [e2e.read(data(n, file))[:, :patch, :patch] for n in names]
            count = -(-SIDE // patch)
            rows = [np.concatenate([sources[(x + 2 * y) % len(names)] for x in range(count)], axis=2)
                    for y in range(count)]
            images.append(np.concatenate(rows, axis=1)[:, :SIDE, :SIDE])
        self.agree("in turn", *images)


if __name__ == "__main__":
    e2e.main()
