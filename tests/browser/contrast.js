// Contrast ratios (WCAG 2) of the words on the page, and of the ring around the card in focus, by selector.
() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const rgb = (...colours) => {
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (colour) => colour.map((value) => linear(value / 255))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const ground = style(".cleaner-root").backgroundColor;
  const out = {};
  for (const selector of [
    ".cleaner-label b", ".cleaner-loss", ".cleaner-suggestion", ".cleaner-summary", ".cleaner-file", ".cleaner-status",
    "[data-decision=delete] .cleaner-badge", "[data-decision=unsure] .cleaner-badge",
    "[data-decision=keep] .cleaner-badge", "[data-decision=relabel] .cleaner-badge",
  ]) {
    out[selector] = ratio(rgb(ground, style(selector).color), rgb(ground));
  }
  out.confirm = ratio(rgb(style(".is-go").backgroundColor, style(".is-go").color), rgb(style(".is-go").backgroundColor));
  out.ring = ratio(rgb(getComputedStyle(document.activeElement).outlineColor), rgb(ground));
  return out;
}
