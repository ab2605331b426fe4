"""Label maps of drawn faces: the same drawing with every part in one plain colour. Imports no DiceBear before use."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.data.avatar_faces import Face, style_definition

MAP_CLASSES = ("background", "skin", "hair", "eyebrows", "eyes", "mouth", "facial hair", "glasses", "clothes")
FORMAT = 1  # raised whenever the code makes other maps from the same faces
OVERSAMPLING = 4  # pixels per side that vote on one pixel of the map
SHADOW = 0.5  # below this opacity a shape shades the part under it; above, as the black of eyes, it is a part itself

Element = dict[str, Any]

PARTS: Mapping[str, str] = {
    "accessories": "glasses", "beard": "facial hair", "clothes": "clothes", "clothesGraphic": "clothes",
    "eyebrows": "eyebrows", "eyes": "eyes", "facialHair": "facial hair", "glasses": "glasses", "hair": "hair",
    "hairAccessories": "hair", "mouth": "mouth", "rearHair": "hair", "top": "hair",
}  # fmt: skip
"""Component of a style's drawing → its class; all others (head, body, ears, nose, freckles, …) are skin."""


def draw_map(face: Face, image_size: int) -> npt.NDArray[np.uint8]:
    """Return the label map of one face, uint8 (image_size, image_size), indices into `MAP_CLASSES`.

    The picture is drawn without antialiasing at four times the size; each pixel gets the class of most of its
    sixteen, of several the first.
    """
    import resvg_py
    from dicebear import Avatar
    from PIL import Image

    options = {**face.dice_options(), "backgroundColor": [_colour(0)]}
    svg = Avatar(_plain_style(face.style), options).to_string().replace(*_CRISP, 1)
    size = OVERSAMPLING * image_size
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as image:
        shades = np.asarray(image.convert("RGB"))
    return _majority(_nearest(shades), OVERSAMPLING)


def draw_maps(faces: Sequence[Face], image_size: int, workers: int = 1) -> npt.NDArray[np.uint8]:
    """Return the label maps of several faces, uint8 (N, image_size, image_size), in their order."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    parallel = Parallel(n_jobs=workers, backend="loky", idle_worker_timeout=5)
    return np.stack(parallel(delayed(draw_map)(face, image_size) for face in faces))


_CRISP = ('shape-rendering="auto"', 'shape-rendering="crispEdges"')  # on the root of what DiceBear draws
_PALETTE = np.array(
    [(255, 255, 255), (255, 0, 0), (0, 0, 255), (0, 255, 0), (0, 0, 0), (255, 0, 255), (0, 255, 255), (255, 255, 0),
     (128, 128, 128)], dtype=np.int16,
)  # fmt: skip


def _colour(index: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_PALETTE[index])


def _nearest(shades: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the class of the nearest colour of the palette for each pixel of (H, W, 3)."""
    distance = np.abs(shades[..., None, :].astype(np.int16) - _PALETTE).sum(-1)
    nearest: npt.NDArray[np.uint8] = distance.argmin(-1).astype(np.uint8)
    return nearest


def _majority(classes: npt.NDArray[np.uint8], block: int) -> npt.NDArray[np.uint8]:
    """Return the commonest class of each block × block square."""
    votes = [
        (classes == index).reshape(classes.shape[0] // block, block, -1, block).sum((1, 3))
        for index in range(len(MAP_CLASSES))
    ]
    commonest: npt.NDArray[np.uint8] = np.stack(votes).argmax(0).astype(np.uint8)
    return commonest


@cache
def _plain_style(style: str) -> Any:
    """Return a style that draws the same shapes, each in the colour of its part's class."""
    from dicebear import Style

    definition = style_definition(style)
    definition["canvas"]["elements"] = list(_plain(definition["canvas"]["elements"], "skin"))
    for name, component in definition["components"].items():
        for variant in component["variants"].values():
            variant["elements"] = list(_plain(variant["elements"], PARTS.get(name, "skin")))
    return Style(definition)


def _plain(elements: Sequence[Element], part: str) -> Iterator[Element]:
    """Yield elements in the colour of ``part``, without those that only shade; masks cut as they did."""
    for element in elements:
        attributes = element.get("attributes", {})
        if element["name"] == "mask" or element["type"] != "element":
            yield element
        elif not _shades(attributes):
            painted = {key: _painted(key, value, part) for key, value in attributes.items()}
            children = {"children": list(_plain(element["children"], part))} if "children" in element else {}
            yield {**element, "attributes": painted, **children}


def _shades(attributes: Mapping[str, Any]) -> bool:
    """Whether a shape is a shadow or a gleam on another: translucent, blended, or a gradient."""
    opacity = float(attributes.get("opacity", 1)) * float(attributes.get("fill-opacity", 1))
    blended = "mix-blend-mode" in str(attributes.get("style", ""))
    return opacity < SHADOW or blended or str(attributes.get("fill", "")).startswith("url(")


def _painted(key: str, value: Any, part: str) -> Any:
    if key in ("opacity", "fill-opacity"):
        return "1"
    return _colour(MAP_CLASSES.index(part)) if key in ("fill", "stroke") and value != "none" else value
