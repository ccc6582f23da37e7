// Keys of the page of a review: each stands on the button or the field that it presses. They can be switched off, for
// who speaks to a browser or brushes against a key; nothing is pressed while somebody writes, in the first moment of a
// page, for which a key may not have been meant, nor before the photo is there to be looked at.
// https://www.w3.org/WAI/WCAG22/Understanding/character-key-shortcuts.html
(() => {
  "use strict";
  const kept = "review-keys";
  const moment_ms = 300;
  const main = document.getElementById("main");
  const switched = () => document.querySelector("input[data-keys]");
  const show = () => {
    const keys = switched();
    if (keys) keys.checked = localStorage.getItem(kept) !== "off";
  };
  document.addEventListener("change", (event) => {
    if (event.target === switched()) localStorage.setItem(kept, event.target.checked ? "on" : "off");
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select")) return;
    const pressed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!pressed || switched()?.checked === false || !("keys" in main.dataset)) return;
    if (pressed.matches("[data-decides]") && !document.querySelector("[data-photo]")?.complete) return;
    event.preventDefault();
    if (pressed.matches("input")) pressed.focus();
    else pressed.click();
  });
  // A second press while the first is under way would be for a photo that nobody has seen.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  document.addEventListener("console:updated", show);
  show();
  setTimeout(() => (main.dataset.keys = "ready"), moment_ms);
})();
