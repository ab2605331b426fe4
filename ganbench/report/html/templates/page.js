"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  for (const it of all(".scripted")) it.hidden = false;

  const board = document.getElementById("board");
  if (board) {
    const headers = all("thead tr:last-child th", board);
    const body = board.querySelector("tbody.methods");
    const said = document.getElementById("sorted");

    const value = (row, index) => {
      const cell = row.cells[index];
      if (index === 0) return cell.dataset.label;
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    const sort = (index, order) => {
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => {
        const [x, y] = [value(a, index), value(b, index)];
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (index === 0 ? x.localeCompare(y) : x - y);
      };
      body.append(...[...body.rows].sort(compare));
      for (const header of headers) header.removeAttribute("aria-sort");
      headers[index].setAttribute("aria-sort", order);
      said.textContent = `Sorted by ${headers[index].textContent.trim()}, ${order}.`;
    };
    headers.forEach((header, index) => {
      const button = header.querySelector("button");
      const other = { ascending: "descending", descending: "ascending" };
      button.addEventListener("click", () => {
        sort(index, other[header.getAttribute("aria-sort")] || button.dataset.first);
      });
    });

    const head = board.tHead;
    const measure = () => board.style.setProperty("--head", `${head.offsetHeight}px`);
    const member = (header, group) => header.classList.contains(group) && (group === "leads" || !header.classList.contains("leads"));
    const show = (chosen) => {
      const seen = (cell) => chosen === "all" || cell.classList.contains("leads") || cell.classList.contains(chosen);
      const wanted = headers.map((header, index) => index === 0 || seen(header));
      for (const row of [headers[0].parentNode, ...all("tbody tr", board)]) {
        [...row.cells].forEach((cell, index) => cell.classList.toggle("gone", !wanted[index]));
      }
      for (const group of all("th[data-group]", board)) {
        const count = headers.filter((header, index) => wanted[index] && member(header, group.dataset.group)).length;
        group.classList.toggle("gone", count === 0);
        group.colSpan = Math.max(count, 1);
      }
      measure();
    };
    const choice = document.getElementById("choice");
    choice.hidden = false;
    choice.addEventListener("change", (event) => show(event.target.value));
    show(choice.querySelector("input:checked").value);
    addEventListener("resize", measure);
  }

  const zoom = document.getElementById("zoom");
  if (zoom) {
    const strips = all("#sheet figure img");
    const columns = Number(getComputedStyle(document.querySelector("#sheet .buttons")).getPropertyValue("--columns"));
    const grid = zoom.querySelector(".zoom-grid");
    let current = 0;

    const view = (strip) => {
      const [number, ratio, gap] = ["--columns", "--ratio", "--gap"].map((name) => Number(strip.style.getPropertyValue(name)));
      const figure = document.createElement("figure");
      const picture = document.createElement("div");
      const caption = document.createElement("figcaption");
      const known = strip.closest("figure").querySelector("figcaption");
      picture.className = strip.classList.contains("exact") ? "view exact" : "view";
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", known.textContent.trim());
      if (current < number) {
        picture.style.backgroundImage = `url(${strip.src})`;
        picture.style.backgroundSize = `${ratio * 100}% auto`;
        picture.style.backgroundPosition = `${number > 1 ? (100 * current * (1 + gap)) / (ratio - 1) : 0}% 0`;
      }
      caption.append(...known.cloneNode(true).childNodes);
      figure.append(picture, caption);
      return figure;
    };
    const show = (index) => {
      current = (index + columns) % columns;
      document.getElementById("zoom-title").textContent = `Image ${current + 1} of ${columns}`;
      grid.replaceChildren(...strips.map(view));
      if (!zoom.open) zoom.showModal();
    };
    for (const button of all("#sheet button")) button.addEventListener("click", () => show(Number(button.dataset.image)));
    for (const button of all("button[data-step]", zoom)) {
      button.addEventListener("click", () => show(current + Number(button.dataset.step)));
    }
    for (const strip of strips) {
      strip.addEventListener("click", (event) => show(Math.floor((event.offsetX / strip.clientWidth) * columns)));
    }
    zoom.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) show(current + step);
    });
    zoom.addEventListener("click", (event) => {
      if (event.target === zoom) zoom.close();
    });
  }
})();
