// The words of the panels whose contrast with what is behind them is below 4.5 (WCAG 2), with their ratio.
() => {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const rgb = (...colours) => {
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (colour) => colour.map((value) => linear(value / 255))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const colours = [];
    for (let at = element; at; at = at.parentElement) colours.unshift(getComputedStyle(at).backgroundColor);
    return colours;
  };
  const bad = {};
  const walker = document.createTreeWalker(document.querySelector(".cleaner-app"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.nodeValue.trim() || !element.checkVisibility() || element.closest(":disabled, .cleaner-root")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [x, y] = [light(rgb(...ground, ink)), light(rgb(...ground))];
    const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    if (ratio < 4.5) bad[walker.currentNode.nodeValue.trim()] = Math.round(ratio * 100) / 100;
  }
  return bad;
}
