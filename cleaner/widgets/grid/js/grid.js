// The grid, as anywidget wants it: draw into an element, and return what takes it away again.

import { View } from "./view.js";

/** @import { Model } from "./protocol.js" */

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

export default { render };
