"""Projection of the 3D scene, computed by other code than the page's: from the layout's camera, rays through boxes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

Vectors = NDArray[np.float64]
VERTICES = 8
SAFE_PX = 1.5  # from a box's edge, where a rounded pixel is still the box's
_READ = """() => {
  const plot = document.querySelector('#architecture-graph .js-plotly-plot'), { scene } = plot._fullLayout;
  const box = scene._scene.container.getBoundingClientRect();
  const meshes = plot._fullData.map((trace, index) => ({ ...trace, index }))
    .filter(({ type, visible, hoverinfo }) => type === 'mesh3d' && visible === true && hoverinfo !== 'skip');
  const numbers = (all) => [...all].map(Number);
  return {
    camera: scene.camera,
    size: ['x', 'y', 'z'].map((axis) => scene.aspectratio[axis]),
    ranges: ['x', 'y', 'z'].map((axis) => numbers(scene[axis + 'axis'].range)),
    box: [box.left, box.top, box.width, box.height],
    meshes: meshes.map(({ index, x, y, z }) => ({ index, points: [x, y, z].map(numbers) })),
    lines: plot._fullData.filter(({ type, visible }) => type === 'scatter3d' && visible === true)
      .flatMap(({ x, y, z }) => [...x].map((_, n) => [x[n], y[n], z[n]]))
      .filter((point) => point.every((value) => typeof value === 'number')),
  };
}"""


@dataclass(frozen=True, eq=False)
class Projection:
    """Orthographic projection of boxes.

    Attributes
    ----------
    traces, boxes : int array (all boxes)
        The trace of each box, and its number in the trace.
    low, high : float array (all boxes, 3)
        Its corners with the smallest and the largest coordinates, in Plotly's units.
    lines : float array (all ends of lines, 3)
        Where lines begin and end.
    unit, middle : float array (3,)
        What turns a length of the data into one in Plotly's units, and the point of the data that is Plotly's origin.
    right, up, near : float array (3,)
        Directions on the screen, and towards the viewer.
    center : float array (3,)
        What is in the middle of the picture.
    frame : tuple
        Left, top, width and height of the picture in the window.
    """

    traces: NDArray[np.int64]
    boxes: NDArray[np.int64]
    low: Vectors
    high: Vectors
    lines: Vectors
    unit: Vectors
    middle: Vectors
    right: Vectors
    up: Vectors
    near: Vectors
    center: Vectors
    frame: tuple[float, float, float, float]

    @classmethod
    def of(cls, page: Page) -> "Projection":
        """The page's scene as it is now."""
        read = page.evaluate(_READ)
        low, high = np.array(read["ranges"]).T
        unit = np.array(read["size"]) / (high - low)
        points = [(np.array(mesh["points"]).T - (low + high) / 2) * unit for mesh in read["meshes"]]
        cells = [mesh[: len(mesh) // VERTICES * VERTICES].reshape(-1, VERTICES, 3) for mesh in points]
        all_cells = np.concatenate(cells)
        assert read["camera"]["projection"]["type"] == "orthographic"
        eye, center, up = (_vector(read["camera"][name]) for name in ("eye", "center", "up"))
        near = _unit(eye - center)
        right = _unit(np.cross(up, near))
        return cls(
            traces=np.repeat([mesh["index"] for mesh in read["meshes"]], [len(cell) for cell in cells]),
            boxes=np.concatenate([np.arange(len(cell)) for cell in cells]),
            low=all_cells.min(axis=1),
            high=all_cells.max(axis=1),
            lines=(np.array(read["lines"]).reshape(-1, 3) - (low + high) / 2) * unit,
            unit=unit,
            middle=(low + high) / 2,
            right=right,
            up=np.cross(near, right),
            near=near,
            center=center,
            frame=tuple(read["box"]),
        )

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """The trace and the number of the box nearest to the viewer at a point of the window."""
        left, top, width, height = self.frame
        across, down = (x - left - width / 2) * 2 / height, (y - top - height / 2) * 2 / height
        start = self.center + across * self.right - down * self.up
        with np.errstate(divide="ignore"):
            one, other = (self.low - start) / self.near, (self.high - start) / self.near
        enters, leaves = np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)
        hit = np.flatnonzero(enters <= leaves)
        if not len(hit):
            return None
        first = hit[leaves[hit].argmax()]
        return int(self.traces[first]), int(self.boxes[first])

    def point(self, trace: int, box: int, random: np.random.Generator | None = None) -> tuple[float, float] | None:
        """A point of the window at which a box is seen, not near its edge; None if it is hidden."""
        index = int(np.flatnonzero((self.traces == trace) & (self.boxes == box))[0])
        left, top, right, bottom = self.bounds(index)
        random = random or np.random.default_rng(0)
        for x, y in random.uniform((left, top), (right, bottom), size=(60, 2)):
            around = [(0, 0), (SAFE_PX, 0), (-SAFE_PX, 0), (0, SAFE_PX), (0, -SAFE_PX)]
            if all(self.at(x + dx, y + dy) == (trace, box) for dx, dy in around):
                return float(x), float(y)
        return None

    def bounds(self, index: int | None = None) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a box in the window, or of all boxes and lines."""
        low, high = (self.low, self.high) if index is None else (self.low[index, None], self.high[index, None])
        corners = np.array([np.where([i, j, k], high, low) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        points = corners.reshape(-1, 3) if index is not None else np.vstack([corners.reshape(-1, 3), self.lines])
        x, y = self._flat(points)
        left, top, *_ = self.frame
        return left + float(x.min()), top + float(y.min()), left + float(x.max()), top + float(y.max())

    def in_picture(self, points: Vectors) -> Vectors:
        """Where points of the data, (points, 3), are in the picture: x and y in pixels, (2, points)."""
        return self._flat((points - self.middle) * self.unit)

    def _flat(self, points: Vectors) -> Vectors:
        _, _, width, height = self.frame
        x = width / 2 + (points - self.center) @ self.right * height / 2
        return np.stack([x, height / 2 - (points - self.center) @ self.up * height / 2])


def _vector(named: dict[str, Any]) -> Vectors:
    return np.array([named[axis] for axis in "xyz"], dtype=float)


def _unit(vector: Vectors) -> Vectors:
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit
