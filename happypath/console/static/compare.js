// Photos for a dry run are sent one by one; then the form, with the name of their batch.
(() => {
  "use strict";
  const form = document.querySelector("[data-compare]");
  if (!form) return;
  const photos = form.querySelector("[data-photos]");
  const said = form.querySelector("[data-said]");
  const token = document.querySelector("meta[name=console-token]").content;
  form.hidden = false;
  form.querySelector("[data-folder]").addEventListener("change", (event) => {
    photos.webkitdirectory = event.target.checked;
    photos.value = "";
  });
  // A text may come from a file.
  for (const chooser of form.querySelectorAll("[data-text]"))
    chooser.addEventListener("change", async () => {
      if (chooser.files.length) form.elements[chooser.dataset.text].value = await chooser.files[0].text();
    });
  let sent = false;
  form.addEventListener("submit", async (event) => {
    if (sent) return;
    event.preventDefault();
    if (!photos.files.length) {
      said.textContent = "Choose photos first.";
      return;
    }
    const batch = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    let number = 0;
    for (const file of photos.files) {
      number += 1;
      said.textContent = `Photo ${number} of ${photos.files.length} is sent …`;
      // Of a folder the paths in it.
      const name = file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
      const query = new URLSearchParams({ batch, name });
      try {
        const answer = await fetch(`/workflows.compare/photo?${query}`, {
          method: "PUT",
          headers: { "X-Console-Token": token },
          body: file,
        });
        if (!answer.ok) {
          const text = await answer.text();
          said.textContent = answer.headers.get("Content-Type") === "application/json" ? JSON.parse(text).error : text;
          return;
        }
      } catch {
        said.textContent = "The console is away: start it again, and load this page.";
        return;
      }
    }
    form.elements.batch.value = batch;
    sent = true;
    form.submit();
  });
})();
