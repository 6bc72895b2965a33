"""Boxes of what is visible on the page: scripts that measure texts and pictures, and the check of overlaps."""

from typing import Any

# Lines of the texts that are visible: not hidden, and inside every ancestor that cuts off what it does not show. `cut`
# says whether a part of the line is cut off without an ellipsis or a faded edge. Of slanted
# texts the rectangles say nothing.
TEXTS = r"""() => {
  const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  let number = 0;
  while (walker.nextNode()) {
    const { currentNode: node } = walker, parent = node.parentElement;
    if (!node.data.trim() || !isSeen(parent)) continue;
    if (parent.closest('option, .visually-hidden, .panel-name, svg, #tip, textarea')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    number += 1;
    for (const line of range.getClientRects()) {
      let { left, top, right, bottom } = line, cut = false;
      for (let around = parent; around; around = around.parentElement) {
        const style = getComputedStyle(around), box = around.getBoundingClientRect();
        const fades = style.maskImage !== 'none';
        if (style.clipPath !== 'none') right = left;
        if (style.overflowX !== 'visible') {
          const isCut = right > left && (left < box.left - 2 || right > box.right + 2);
          if (isCut && !fades && style.textOverflow !== 'ellipsis') cut = true;
          [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
        }
        if (style.overflowY !== 'visible') {
          if (!fades && bottom > top && (top < box.top - 4 || bottom > box.bottom + 4)) cut = true;
          [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
        }
      }
      if (right - left > 1 && bottom - top > 1) found.push({ text: node.data, number, left, top, right, bottom, cut });
    }
  }
  for (const text of document.querySelectorAll('.panel svg text')) {
    if (!isSeen(text) || !text.textContent.trim()) continue;
    if (/rotate\((?!0[,)])/.test(text.getAttribute('transform'))) continue;
    const { left, top, right, bottom, height } = text.getBoundingClientRect();
    const around = text.closest('.panel-graph, .panel-body').getBoundingClientRect();
    if (top >= text.closest('.panel').getBoundingClientRect().bottom) continue;  // scrolled away
    const cut = left < around.left - 2 || right > around.right + 2 || top < around.top - 4
      || bottom > around.bottom + 4;
    number += 1;
    if (height) found.push({ text: text.textContent, number, left, top, right, bottom, cut });
  }
  return found;
}"""
# What is visible of a picture, the picture, the plot in it, and whether something else lies over its middle or corners.
PICTURE_OF = r"""(panel) => {
  const picture = document.getElementById(`${panel}-graph`), whole = picture.getBoundingClientRect();
  let { left, top, right, bottom } = whole;
  for (let around = picture.parentElement; around; around = around.parentElement) {
    if (getComputedStyle(around).overflowY === 'visible') continue;
    const box = around.getBoundingClientRect();
    [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
    [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
  }
  [left, right] = [Math.max(left, 0), Math.min(right, innerWidth)];
  [top, bottom] = [Math.max(top, 0), Math.min(bottom, innerHeight)];
  const drawn = picture.querySelector('.main-svg').getBoundingClientRect();
  const points = [[0.5, 0.5], [0.02, 0.05], [0.98, 0.05], [0.02, 0.95], [0.98, 0.95]];
  const isFree = points.every(([x, y]) => {
    const top = document.elementFromPoint(whole.left + x * whole.width, whole.top + y * whole.height);
    return top && picture.closest('.panel').contains(top);
  });
  return { seen: [right - left, bottom - top], whole: [whole.width, whole.height], drawn: [drawn.width, drawn.height],
    isFree, traces: picture.querySelector('.js-plotly-plot').data.length };
}"""


def overlaps(texts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of texts that overlap by more than the space around letters."""
    return [
        (one["text"], other["text"])
        for n, one in enumerate(texts)
        for other in texts[n + 1 :]
        if one["number"] != other["number"]  # an ellipsis lies over its own text
        and min(one["right"], other["right"]) - max(one["left"], other["left"]) >= 2
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) >= 4
    ]
