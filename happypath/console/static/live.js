// A page that moves: when the server says that something changed, the page is loaded again, and those of its parts
// (elements with an id and data-part) that differ are put in the place of the old ones.
(() => {
  "use strict";
  const main = document.querySelector("[data-live]");
  if (!main) return;
  // Only what this console answered is ever made a document of, and scripts in it do not run.
  const policy = self.trustedTypes?.createPolicy("console", { createHTML: (text) => text }) ?? {
    createHTML: (text) => text,
  };
  const pause_ms = 400;
  let loading = false;
  let again = false;

  const load = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.ok) put(new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html"));
    } catch {
      // The console is away: the stream comes back with it, and says so.
    }
    await new Promise((wake) => setTimeout(wake, pause_ms));
    loading = false;
    if (again) {
      again = false;
      load();
    }
  };

  const put = (page) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      const now = page.getElementById(part.id);
      if (!now || now.isEqualNode(part)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const place = focused && [...part.querySelectorAll("a, button, input, select, summary, [tabindex]")].indexOf(focused);
      const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
      part.replaceWith(document.adoptNode(now));
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focused) {
        const same = focused.id && document.getElementById(focused.id);
        (same || now.querySelectorAll("a, button, input, select, summary, [tabindex]")[place])?.focus({ preventScroll: true });
      }
    }
    document.dispatchEvent(new Event("console:updated"));
  };

  let source = null;
  const listen = () => {
    if (document.hidden) {
      // A browser has few connections to one server, and tabs that nobody looks at need none.
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource(main.dataset.live);
      source.addEventListener("change", load);
    }
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  listen();
})();
