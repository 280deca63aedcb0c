// A table of buttons is one tab stop: arrow keys go from number to number, Home and End to the ends of a row.

const TABLE = ".cleaner-matrix";
const CELL = ".cleaner-cell";

/** @param {Element} table @returns {HTMLElement[]} */
function cells_of(table) {
  return [...table.querySelectorAll(CELL)].map((cell) => /** @type {HTMLElement} */ (cell));
}

/** @param {Element} cell @returns {[row: number, column: number]} */
function place_of(cell) {
  const box = /** @type {HTMLTableCellElement} */ (cell.closest("td"));
  return [/** @type {HTMLTableRowElement} */ (box.parentElement).rowIndex, box.cellIndex];
}

/**
 * Return the cell that a key leads to: the next one in its direction, the nearest one in the next row that has any.
 * @param {HTMLElement} from
 * @param {string} key
 * @returns {HTMLElement | undefined}
 */
function target_of(from, key) {
  const [row, column] = place_of(from);
  const placed = cells_of(/** @type {Element} */ (from.closest(TABLE))).map((cell) => ({ cell, at: place_of(cell) }));
  const in_row = placed.filter(({ at }) => at[0] === row);
  const near = (/** @type {number} */ r) => placed.filter(({ at }) => at[0] === r)
    .sort((a, b) => Math.abs(a.at[1] - column) - Math.abs(b.at[1] - column))[0];
  const found = {
    ArrowRight: () => in_row.find(({ at }) => at[1] > column),
    ArrowLeft: () => in_row.filter(({ at }) => at[1] < column).pop(),
    ArrowDown: () => near(Math.min(...placed.map(({ at }) => at[0]).filter((r) => r > row))),
    ArrowUp: () => near(Math.max(...placed.map(({ at }) => at[0]).filter((r) => r < row))),
    Home: () => in_row[0],
    End: () => in_row[in_row.length - 1],
  };
  return /** @type {Record<string, () => {cell: HTMLElement} | undefined>} */ (found)[key]?.()?.cell;
}

export class Matrices {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.addEventListener("keydown", (event) => this.on_key(event));
    root.addEventListener("focusin", ({ target }) => this.on_focus(target));
  }

  /** A cell that was the tab stop may be gone. */
  draw() {
    for (const table of this.root.querySelectorAll(TABLE)) {
      const cells = cells_of(table);
      if (cells.length && !cells.some((cell) => cell.tabIndex === 0)) cells[0].tabIndex = 0;
    }
  }

  /** @param {EventTarget | null} target */
  on_focus(target) {
    if (!(target instanceof HTMLElement) || !target.matches(CELL)) return;
    for (const cell of cells_of(/** @type {Element} */ (target.closest(TABLE)))) cell.tabIndex = cell === target ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement) || !target.matches(CELL)) return;
    const next = target_of(target, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
