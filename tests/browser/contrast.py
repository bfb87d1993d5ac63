"""Colours and their contrast, measured in the page as WCAG 2 defines them.

https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from typing import Any

from devtools import Page

CONTRAST = """
const parse = text => {
  const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return { r, g, b, a };
};
const over = (top, under) => Object.fromEntries(["r", "g", "b"].map(c => [c, top[c] * top.a + under[c] * (1 - top.a)])
  .concat([["a", 1]]));
const behind = element => {
  const layers = [];
  for (let node = element; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor);
    layers.push(colour);
    if (colour.a === 1) break;
  }
  return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
};
const luminance = ({ r, g, b }) => [r, g, b].map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
"""


def faint_texts(page: Page) -> tuple[int, list[Any]]:
    """How many pieces of text are shown, and those of a contrast below 4.5, with it."""
    number, faint = page.run(
        "(() => {" + CONTRAST + """
        const holds = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const texts = [...document.querySelectorAll('body *')].filter(element =>
          holds(element) && element.getClientRects().length && !element.closest('script, style, noscript'));
        const colour = element => getComputedStyle(element)[element.closest('svg') ? 'fill' : 'color'];
        const measured = texts.map(element => [element.textContent.slice(0, 40),
          contrast(parse(colour(element)), behind(element.closest('.plot') || element))]);
        return [measured.length, measured.filter(([, ratio]) => ratio < 4.5)];
        })()"""
    )  # fmt: skip
    return number, faint
