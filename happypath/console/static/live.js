// A page that moves: when the server says that something changed, or a link on it only shows another part of the same
// page, the page is loaded again, and those of its parts (elements with an id and data-part) that differ are put in
// the place of the old ones.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const links = "a[data-swap], #graph a";
  if (!main || !document.querySelector(`[data-live], ${links}`)) return;
  // Only what this console answered is ever made a document of, and scripts in it do not run.
  const policy = self.trustedTypes?.createPolicy("console", { createHTML: (text) => text }) ?? {
    createHTML: (text) => text,
  };
  const pause_ms = 400;
  const retry_ms = 2000;
  let loading = false;
  let again = false;
  let source = null;
  let asked = 0;
  let newest = 0;

  const fetched = async () => {
    const address = location.href;
    const ticket = ++asked;
    const answer = await fetch(address, { credentials: "same-origin" });
    const text = await answer.text();
    // Somebody went on meanwhile: what comes is of another page. Or what was asked for later came sooner.
    if (answer.ok && address === location.href && ticket > newest) {
      newest = ticket;
      put(new DOMParser().parseFromString(policy.createHTML(text), "text/html"));
    }
    return answer.ok;
  };

  const load = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    const is_loaded = await fetched().catch(() => false);
    // A new stream begins with a change.
    if (!is_loaded) listen_anew();
    await new Promise((wake) => setTimeout(wake, pause_ms));
    loading = false;
    if (again) {
      again = false;
      load();
    }
  };

  const put = (page) => {
    const reachable = "a, button, input, select, summary, [tabindex]";
    for (const part of document.querySelectorAll("[data-part]")) {
      const now = page.getElementById(part.id);
      if (!now || now.isEqualNode(part)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const place = focused && [...part.querySelectorAll(reachable)].indexOf(focused);
      const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
      part.replaceWith(document.adoptNode(now));
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focused) {
        const same = focused.id && document.getElementById(focused.id);
        (same || now.querySelectorAll(reachable)[place])?.focus({ preventScroll: true });
      }
    }
    // What has come to its end moves no more.
    const live = page.getElementById("main")?.dataset.live ?? "";
    if (live !== (main.dataset.live ?? "")) {
      hang_up();
      main.dataset.live = live;
      listen();
    }
    document.dispatchEvent(new Event("console:updated"));
  };

  const turn = async () => {
    try {
      if (!(await fetched())) location.reload();
    } catch {
      location.reload();
    }
    const shown = document.getElementById(location.hash.slice(1));
    const box = shown?.getBoundingClientRect();
    if (box && (box.top > innerHeight - 80 || box.bottom < 80)) shown.scrollIntoView();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(links);
    const plain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !plain) return;
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    turn();
  });
  addEventListener("popstate", turn);

  const listen = () => {
    if (document.hidden) {
      // A browser has few connections to one server, and tabs that nobody looks at need none.
      hang_up();
    } else if (!source && main.dataset.live) {
      source = new EventSource(main.dataset.live);
      source.addEventListener("change", load);
      // A browser comes back by itself after a broken connection, but not after an answer that is an error.
      source.addEventListener("error", () => source?.readyState === EventSource.CLOSED && listen_anew());
    }
  };
  const hang_up = () => {
    source?.close();
    source = null;
  };
  const listen_anew = () => {
    hang_up();
    setTimeout(listen, retry_ms);
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", hang_up);
  // A page that the browser has kept is shown again as it was.
  addEventListener("pageshow", listen);
  listen();
})();
