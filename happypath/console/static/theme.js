// Light or dark: as the system is, until somebody chooses. It runs before the page is drawn, so that nothing flickers.
(() => {
  "use strict";
  const names = { auto: "System", light: "Light", dark: "Dark" };
  const order = Object.keys(names);
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("theme") ?? "auto";
  } catch {
    // A browser that keeps nothing follows the system.
  }
  const apply = () => {
    if (!(chosen in names)) chosen = "auto";
    document.documentElement.dataset.theme = chosen;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = names[chosen];
  };
  apply();
  addEventListener("DOMContentLoaded", () => {
    apply();
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        chosen = order[(order.indexOf(chosen) + 1) % order.length];
        try {
          localStorage.setItem("theme", chosen);
        } catch {
          // It holds for this page, then.
        }
        apply();
      });
    }
  });
})();
