// Photos beside each other zoom together, and what was seen on one is shown when it is pointed at. The page works
// without: everything is there, at its own size.
(() => {
  "use strict";
  const levels = [1, 1.5, 2, 3, 4, 6];
  let level = 0;
  const all = (selector) => document.querySelectorAll(selector);

  const zoom = () => {
    for (const picture of all("[data-zoom] .zoomed")) picture.style.setProperty("--zoom", levels[level]);
    for (const output of all("[data-zoom-level]")) output.textContent = `${levels[level] * 100} %`;
    for (const button of all("[data-zoom-by]")) button.disabled = !levels[level + Number(button.dataset.zoomBy)];
  };
  const show = () => {
    for (const controls of all("[data-zoom-controls]")) controls.hidden = false;
    zoom();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom-by]");
    if (!button) return;
    level = Math.min(Math.max(level + Number(button.dataset.zoomBy), 0), levels.length - 1);
    zoom();
  });
  document.addEventListener("pointermove", (event) => {
    const frame = event.target.closest?.("[data-zoom] .frame");
    if (!frame) return;
    const box = frame.getBoundingClientRect();
    for (const picture of all("[data-zoom] .zoomed")) {
      picture.style.setProperty("--at-x", `${(100 * (event.clientX - box.left)) / box.width}%`);
      picture.style.setProperty("--at-y", `${(100 * (event.clientY - box.top)) / box.height}%`);
    }
  });
  document.addEventListener("pointerover", (event) => {
    const at = event.target.closest?.("[data-sight]")?.dataset.sight;
    for (const each of all("[data-sight]")) each.classList.toggle("pointed", each.dataset.sight === at);
  });
  document.addEventListener("change", (event) => {
    const kind = event.target.dataset?.kind;
    if (kind) for (const box of all(".boxes .box")) if (box.classList.contains(kind)) box.toggleAttribute("hidden", !event.target.checked);
  });
  // The part of a large graph that is looked at: what is chosen, or runs, or went wrong, or the beginning.
  const find = () => {
    const canvas = document.querySelector(".graph-scroll");
    const states = [".selected", ".running", ".failed", ".caught", ".state"];
    const state = states.map((each) => canvas?.querySelector(each)).find(Boolean);
    if (!state) return;
    const [outer, inner] = [canvas.getBoundingClientRect(), state.getBoundingClientRect()];
    canvas.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    if (inner.bottom > outer.bottom || inner.top < outer.top)
      canvas.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
  };
  document.addEventListener("console:updated", show);
  document.addEventListener("change", (event) => event.target.matches?.("[data-whole]") && find());
  show();
  find();
})();
