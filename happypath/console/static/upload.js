// Photos that are dropped on the page, or chosen, are sent one after the other to the place that is named, and
// stay in a list until they are in the table of uploads.
(() => {
  "use strict";
  const box = document.querySelector("[data-drop]");
  if (!box) return;
  const place = box.querySelector("[name=place]");
  const files = box.querySelector("[type=file]");
  const options = box.querySelector("datalist");
  const tray = document.querySelector("[data-tray]");
  const token = document.querySelector("meta[name=console-token]").content;
  const waiting = [];
  let sending = false;
  box.hidden = false;

  try {
    place.value ||= localStorage.getItem("place") ?? "";
  } catch {
    // A browser that keeps nothing asks again.
  }

  let known = false;
  const offer = async () => {
    if (known) return;
    known = true;
    try {
      const answer = await fetch("/places.json");
      if (!answer.ok) return;
      for (const each of (await answer.json()).places) {
        const option = document.createElement("option");
        option.value = each.placeId;
        option.label = `${each.name} (${each.type})`;
        options.append(option);
      }
    } catch {
      // A place can be typed as well.
    }
  };
  place.addEventListener("focus", offer);

  const add = (list) => {
    if (!list.length) return;
    const where = place.value.trim();
    if (!where) {
      place.setCustomValidity("Which place are the photos of?");
      place.reportValidity();
      return;
    }
    try {
      localStorage.setItem("place", where);
    } catch {
      // See above.
    }
    for (const file of list) waiting.push({ file, where, row: show(file.name) });
    next();
  };
  place.addEventListener("input", () => place.setCustomValidity(""));

  const show = (name) => {
    const row = document.createElement("li");
    const label = document.createElement("bdi");
    label.textContent = name;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `Sent of ${name}`);
    const said = document.createElement("span");
    said.textContent = "waits";
    row.append(label, bar, said);
    tray.append(row);
    return { row, label, bar, said };
  };

  const next = () => {
    const now = sending ? null : waiting.shift();
    if (!now) return;
    sending = true;
    const { row, label, bar, said } = now.row;
    const failed = (why) => {
      row.className = "failed";
      bar.remove();
      said.textContent = why;
    };
    // fetch says nothing of how much was sent.
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ place: now.where, name: now.file.name });
    request.open("PUT", `/uploads.new?${query}`);
    request.setRequestHeader("X-Console-Token", token);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
      said.textContent = "is sent";
    });
    request.addEventListener("load", () => {
      if (request.status === 201) {
        bar.remove();
        said.textContent = "is uploaded; its workflow is about to start";
        const link = document.createElement("a");
        link.href = request.response.page;
        link.append(label.cloneNode(true));
        label.replaceWith(link);
        row.dataset.page = request.response.page;
        settle();
      } else {
        failed(request.response?.error ?? `was refused (${request.status}): load the page again, and repeat.`);
      }
    });
    request.addEventListener("error", () => failed("was not sent: the console is away."));
    request.addEventListener("loadend", () => {
      sending = false;
      next();
    });
    request.send(now.file);
  };

  // What the table shows needs no row of its own.
  const settle = () => {
    const listed = new Set([...document.querySelectorAll("tr[data-page]")].map((each) => each.dataset.page));
    for (const row of tray.querySelectorAll("li[data-page]")) if (listed.has(row.dataset.page)) row.remove();
  };
  document.addEventListener("console:updated", settle);

  files.addEventListener("change", () => {
    add([...files.files]);
    files.value = "";
  });
  box.querySelector("[data-choose]").addEventListener("click", () => files.click());

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    box.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) box.classList.remove("over");
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    box.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
})();
