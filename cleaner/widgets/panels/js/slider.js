// Sliders: what they cut off is shown at once, Python hears of it when they rest, and its answer does not take a slider
// out of the user's hand.

const REST_MS = 200; // a key held down, or hurried steps, make one message
const SLIDER = "input[type=range]";

/** @param {EventTarget | null} target @returns {HTMLInputElement | null} */
function slider_of(target) {
  return target instanceof HTMLInputElement && target.matches(SLIDER) ? target : null;
}

export class Sliders {
  /**
   * @param {HTMLElement} root
   * @param {(slider: HTMLInputElement) => void} send
   */
  constructor(root, send) {
    this.root = root;
    this.send = send;
    /** Where the user has a slider, as long as Python has not answered that. @type {WeakMap<Element, number>} */
    this.moved = new WeakMap();
    /** The slider whose last move Python has not been told. @type {HTMLInputElement | null} */
    this.unsent = null;
    this.timer = 0;
    root.addEventListener("input", (event) => this.on_input(event));
    root.addEventListener("change", (event) => this.on_change(event));
    root.addEventListener("focusout", () => this.send_move());
    root.addEventListener("keydown", (event) => this.on_key(event));
  }

  /** @param {Element} element @param {string | boolean} value that Python says @returns {boolean} */
  keeps(element, value) {
    if (this.moved.has(element) && this.moved.get(element) !== Number(value)) return true;
    this.moved.delete(element);
    return false;
  }

  /** Show all that are not where Python thinks as the user has them. */
  draw() {
    for (const slider of /** @type {NodeListOf<HTMLInputElement>} */ (this.root.querySelectorAll(SLIDER))) {
      if (this.moved.has(slider)) this.show(slider);
    }
  }

  /** Show at once what a slider cuts off; the figures follow when Python has counted. @param {HTMLInputElement} slider */
  show(slider) {
    const scale = slider.closest(".cleaner-scale");
    const value = scale?.querySelector(".cleaner-scale-value");
    if (value) value.textContent = Number(slider.value).toFixed((slider.step.split(".")[1] ?? "").length);
    for (const bar of scale?.querySelectorAll("rect[data-value]") ?? []) {
      bar.classList.toggle("is-in", Number(bar.getAttribute("data-value")) >= Number(slider.value) - 1e-9);
    }
  }

  /** @param {Event} event */
  on_input({ target }) {
    const slider = slider_of(target);
    if (!slider) return;
    clearTimeout(this.timer);
    this.moved.set(slider, Number(slider.value));
    this.show(slider);
  }

  /** @param {Event} event */
  on_change({ target }) {
    const slider = slider_of(target);
    if (!slider?.dataset.do) return;
    this.unsent = slider;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.send_move(), REST_MS);
  }

  send_move() {
    clearTimeout(this.timer);
    const slider = this.unsent;
    this.unsent = null;
    if (!slider?.isConnected) return;
    if (Number(slider.getAttribute("value")) === Number(slider.value)) this.moved.delete(slider); // it came back
    else this.send(slider);
  }

  /**
   * Letters, digits and Enter mean nothing to a slider, but much to the grid: they lead there without acting, as the
   * image they would act on is not the one that is looked at. Some sliders have an act of their own for Enter.
   * @param {KeyboardEvent} event
   */
  on_key(event) {
    const slider = slider_of(event.target);
    if (!slider || (event.key === "Enter" && slider.dataset.enter) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Enter" && event.key !== "Escape" && !/^\S$/u.test(event.key)) return;
    event.preventDefault();
    for (let at = slider.parentElement; at; at = at.parentElement) {
      const cell = at.querySelector('[role=gridcell][tabindex="0"]');
      if (cell instanceof HTMLElement) return cell.focus();
    }
  }
}
